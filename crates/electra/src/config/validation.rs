use lamplight_layers::activation::Activation;
use lamplight_layers::config::{
    ConfigError, MAX_LAYERS, MAX_SIZE, check_elements, check_positive, check_probability,
    check_sizes,
};
use serde_json::Value;

use super::ElectraConfig;

impl ElectraConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// The first that is unsupported or absurd, with its key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_name("model_type", &self.model_type, "electra")?;
        check_name(
            "position_embedding_type",
            &self.position_embedding_type,
            "absolute",
        )?;
        check_name("summary_type", &self.summary_type, "first")?;
        self.validate_flags()?;
        self.validate_sizes()?;
        check_probability("hidden_dropout_prob", self.hidden_dropout_prob)?;
        check_probability(
            "attention_probs_dropout_prob",
            self.attention_probs_dropout_prob,
        )?;
        check_probability("classifier_dropout", self.classifier_dropout())?;
        check_probability("summary_last_dropout", self.summary_last_dropout)?;
        check_positive("initializer_range", self.initializer_range)?;
        check_positive("layer_norm_eps", self.layer_norm_eps)?;
        check_sizes(
            &[("pad_token_id", self.pad_token_id as usize)],
            0..=self.vocab_size - 1,
        )?;
        Activation::from_name("summary_activation", &self.summary_activation)?;
        self.activation().map(drop)
    }

    fn validate_sizes(&self) -> Result<(), ConfigError> {
        check_sizes(
            &[
                ("vocab_size", self.vocab_size),
                ("embedding_size", self.embedding_size),
                ("hidden_size", self.hidden_size),
                ("num_attention_heads", self.num_attention_heads),
                ("intermediate_size", self.intermediate_size),
                ("max_position_embeddings", self.max_position_embeddings),
                ("type_vocab_size", self.type_vocab_size),
            ],
            1..=MAX_SIZE,
        )?;
        check_sizes(
            &[("num_hidden_layers", self.num_hidden_layers)],
            1..=MAX_LAYERS,
        )?;
        check_elements("vocab_size", self.vocab_size, self.embedding_size)?;
        check_elements(
            "max_position_embeddings",
            self.max_position_embeddings,
            self.embedding_size,
        )?;
        check_elements("type_vocab_size", self.type_vocab_size, self.embedding_size)?;
        check_elements(
            "hidden_size",
            self.hidden_size,
            self.hidden_size.max(self.embedding_size),
        )?;
        check_elements(
            "intermediate_size",
            self.intermediate_size,
            self.hidden_size,
        )?;
        if self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Ok(());
        }
        let expected = format!("a divisor of hidden_size, {}", self.hidden_size);
        let key = "num_attention_heads";
        Err(ConfigError::unsupported(
            key,
            self.num_attention_heads,
            expected,
        ))
    }

    /// Switches that would ask for another model.
    fn validate_flags(&self) -> Result<(), ConfigError> {
        if !self.summary_use_proj {
            return Err(ConfigError::unsupported("summary_use_proj", false, true));
        }
        for (key, expected) in [
            ("is_decoder", false),
            ("add_cross_attention", false),
            ("tie_word_embeddings", true),
        ] {
            let found = self
                .extra
                .get(key)
                .and_then(Value::as_bool)
                .unwrap_or(expected);
            if found != expected {
                return Err(ConfigError::unsupported(key, found, expected));
            }
        }
        Ok(())
    }
}

fn check_name(key: &'static str, found: &str, expected: &str) -> Result<(), ConfigError> {
    if found == expected {
        Ok(())
    } else {
        Err(ConfigError::unsupported(key, found, expected))
    }
}
