use std::path::Path;

use lamplight_layers::activation::Activation;
use lamplight_layers::config::{
    ConfigError, MAX_LAYERS, MAX_SIZE, check_elements, check_positive, check_probability,
    check_sizes, from_file, from_json,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Hugging Face's `config.json` of a T5, mT5 or UMT5, with the same keys and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct T5Config {
    /// `t5` (ByT5, Flan and UL2 too), `mt5` or `umt5`.
    pub model_type: String,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Width of one head; independent of `d_model / num_heads`.
    pub d_kv: usize,
    /// Width inside the feed-forward layers.
    pub d_ff: usize,
    /// Number of encoder layers.
    pub num_layers: usize,
    /// Number of decoder layers; as many as in the encoder where it is not given.
    pub num_decoder_layers: Option<usize>,
    /// Number of attention heads.
    pub num_heads: usize,
    /// Number of buckets of relative positions.
    pub relative_attention_num_buckets: usize,
    /// From this distance on, positions fall into one bucket.
    pub relative_attention_max_distance: usize,
    /// Probability of dropout, at all of its five sites.
    pub dropout_rate: f64,
    /// Probability of dropout in the classification heads.
    pub classifier_dropout: f64,
    /// Added to the mean square in the norms.
    pub layer_norm_epsilon: f64,
    /// Factor on the standard deviation of every fresh weight.
    pub initializer_factor: f64,
    /// `relu`, `gated-gelu` (tanh approximation), `gated-silu`; by the family where not given.
    pub feed_forward_proj: Option<String>,
    /// Whether the output matrix is the embedding table. Files of transformers 5 always say
    /// true: when weights are loaded, those decide.
    pub tie_word_embeddings: Option<bool>,
    /// Whether the decoder's output is multiplied by `d_model^-0.5` before the output matrix;
    /// where it is not given, by `tie_word_embeddings`. A key of transformers 5, for `t5` only.
    pub scale_decoder_outputs: Option<bool>,
    /// The id that fills rows up.
    pub pad_token_id: u32,
    /// The id that ends a text.
    pub eos_token_id: u32,
    /// The id that starts the decoder.
    pub decoder_start_token_id: u32,
    /// Every other key, kept so that saving writes it back.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The key that tells what the others mean.
#[derive(Deserialize)]
struct Family {
    model_type: Option<String>,
}

impl Default for T5Config {
    fn default() -> Self {
        Self {
            model_type: "t5".to_owned(),
            vocab_size: 32128,
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_decoder_layers: None,
            num_heads: 8,
            relative_attention_num_buckets: 32,
            relative_attention_max_distance: 128,
            dropout_rate: 0.1,
            classifier_dropout: 0.0,
            layer_norm_epsilon: 1e-6,
            initializer_factor: 1.0,
            feed_forward_proj: None,
            tie_word_embeddings: None,
            scale_decoder_outputs: None,
            pad_token_id: 0,
            eos_token_id: 1,
            decoder_start_token_id: 0,
            extra: Map::new(),
        }
    }
}

impl T5Config {
    /// Reads and checks a `config.json`.
    ///
    /// # Errors
    /// The file cannot be read, is no config, or a value is unsupported or absurd.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        from_file(path, Self::from_json)
    }

    /// Reads and checks the text of a `config.json`.
    ///
    /// # Errors
    /// The text is no config, or a value is unsupported or absurd.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        // First: other families give the same keys values of other types.
        let Family { model_type } = from_json(text)?;
        check_family(model_type.as_deref().unwrap_or("t5"))?;
        let config: Self = from_json(text)?;
        config.validate()?;
        Ok(config)
    }

    /// The text of a `config.json` for a model of this class.
    pub fn to_json(&self, architecture: &str) -> String {
        let mut config = json!(self);
        config["architectures"] = json!([architecture]);
        config["is_encoder_decoder"] = json!(architecture != "T5EncoderModel");
        if let Some(object) = config.as_object_mut() {
            object.retain(|_, value| !value.is_null());
        }
        format!("{config:#}\n")
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first that is unsupported or absurd, with its key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_family(&self.model_type)?;
        check_sizes(
            &[
                ("vocab_size", self.vocab_size),
                ("d_model", self.d_model),
                ("d_kv", self.d_kv),
                ("d_ff", self.d_ff),
                ("num_heads", self.num_heads),
                (
                    "relative_attention_max_distance",
                    self.relative_attention_max_distance,
                ),
            ],
            1..=MAX_SIZE,
        )?;
        let layers = [
            ("num_layers", self.num_layers),
            ("num_decoder_layers", self.decoder_layers()),
        ];
        check_sizes(&layers, 1..=MAX_LAYERS)?;
        self.validate_buckets()?;
        check_probability("dropout_rate", self.dropout_rate)?;
        check_probability("classifier_dropout", self.classifier_dropout)?;
        check_positive("layer_norm_epsilon", self.layer_norm_epsilon)?;
        check_positive("initializer_factor", self.initializer_factor)?;
        check_elements("vocab_size", self.vocab_size, self.d_model)?;
        check_elements("d_ff", self.d_ff, self.d_model)?;
        let inner = self.num_heads.saturating_mul(self.d_kv);
        check_elements("num_heads", inner, self.d_model)?;
        self.validate_ids()?;
        self.activation().map(drop)
    }

    fn validate_buckets(&self) -> Result<(), ConfigError> {
        let num_buckets = self.relative_attention_num_buckets;
        check_sizes(&[("relative_attention_num_buckets", num_buckets)], 4..=4096)?;
        if !num_buckets.is_multiple_of(4) {
            let expected = "a multiple of 4";
            let key = "relative_attention_num_buckets";
            return Err(ConfigError::unsupported(key, num_buckets, expected));
        }
        let least = num_buckets / 2 + 1;
        let distance = [(
            "relative_attention_max_distance",
            self.relative_attention_max_distance,
        )];
        check_sizes(&distance, least..=MAX_SIZE)
    }

    fn validate_ids(&self) -> Result<(), ConfigError> {
        let ids = [
            ("pad_token_id", self.pad_token_id as usize),
            ("eos_token_id", self.eos_token_id as usize),
            (
                "decoder_start_token_id",
                self.decoder_start_token_id as usize,
            ),
        ];
        check_sizes(&ids, 0..=self.vocab_size - 1)
    }

    /// Number of decoder layers.
    pub fn decoder_layers(&self) -> usize {
        self.num_decoder_layers.unwrap_or(self.num_layers)
    }

    /// The activation of the feed-forward layers and whether it gates.
    ///
    /// # Errors
    /// `feed_forward_proj` names none that is supported.
    pub fn activation(&self) -> Result<(Activation, bool), ConfigError> {
        let by_family = if self.model_type == "t5" {
            "relu"
        } else {
            "gated-gelu"
        };
        let name = self.feed_forward_proj.as_deref().unwrap_or(by_family);
        let (name, gated) = match name.strip_prefix("gated-") {
            // Hugging Face means the tanh approximation when it says gated-gelu.
            Some("gelu") => ("gelu_new", true),
            Some(name) => (name, true),
            None => (name, false),
        };
        Ok((Activation::from_name("feed_forward_proj", name)?, gated))
    }

    /// Whether every layer has a relative position bias of its own (UMT5) or all share one.
    pub fn has_bias_per_layer(&self) -> bool {
        self.model_type == "umt5"
    }

    /// Whether a fresh model ties its output matrix to the embedding table.
    pub fn is_tied(&self) -> bool {
        self.tie_word_embeddings.unwrap_or(self.model_type == "t5")
    }

    /// Whether the decoder's output is multiplied by `d_model^-0.5`, as transformers 5 decides.
    pub fn scales_decoder_outputs(&self) -> bool {
        match self.model_type.as_str() {
            "mt5" => false,
            "umt5" => true,
            _ => self
                .scale_decoder_outputs
                .unwrap_or(self.tie_word_embeddings.unwrap_or(true)),
        }
    }

    /// Number of classes of a classification head: as many as `id2label` names, else 2.
    pub fn num_labels(&self) -> usize {
        let labels = self.extra.get("id2label").and_then(Value::as_object);
        labels.map_or(2, Map::len).max(1)
    }
}

fn check_family(model_type: &str) -> Result<(), ConfigError> {
    match model_type {
        "t5" | "mt5" | "umt5" => Ok(()),
        other => Err(ConfigError::unsupported(
            "model_type",
            other,
            "t5, mt5 or umt5",
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
