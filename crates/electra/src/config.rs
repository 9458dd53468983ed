mod validation;

use std::path::Path;

use lamplight_layers::activation::Activation;
use lamplight_layers::config::{ConfigError, MAX_SIZE, from_file, from_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The key of the joint question-answering head, named as ELECTRA's authors name it.
const ANSWERABLE: &str = "answerable_classifier";

/// Hugging Face's `config.json` of an ELECTRA, with the same keys and defaults (which are those
/// of ELECTRA-Small).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ElectraConfig {
    /// Always `electra`.
    pub model_type: String,
    /// Rows of the word embedding table.
    pub vocab_size: usize,
    /// Width of the embeddings; projected where it is not `hidden_size`.
    pub embedding_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of encoder layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads, which divide `hidden_size` among them.
    pub num_attention_heads: usize,
    /// Width inside the feed-forward layers.
    pub intermediate_size: usize,
    /// Activation of the feed-forward layers and of the detection head; `gelu` is the exact one.
    pub hidden_act: String,
    /// Probability of dropout after the embeddings and each sub-layer.
    pub hidden_dropout_prob: f64,
    /// Probability of dropping an attention weight.
    pub attention_probs_dropout_prob: f64,
    /// Rows of the position embedding table: the longest input.
    pub max_position_embeddings: usize,
    /// Rows of the token type embedding table.
    pub type_vocab_size: usize,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Added to the variance in the norms.
    pub layer_norm_eps: f64,
    /// The id that fills rows up.
    pub pad_token_id: u32,
    /// `absolute`, the only kind ELECTRA was published with.
    pub position_embedding_type: String,
    /// Probability of dropout in the classification heads; `hidden_dropout_prob` where not given.
    pub classifier_dropout: Option<f64>,
    /// How the multiple choice head sums up a sequence: `first`, by its first position.
    pub summary_type: String,
    /// Whether the summary is projected; only `true` is supported.
    pub summary_use_proj: bool,
    /// Activation of the summary.
    pub summary_activation: String,
    /// Probability of dropout after the summary.
    pub summary_last_dropout: f64,
    /// Every other key, kept so that saving writes it back.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Default for ElectraConfig {
    fn default() -> Self {
        Self {
            model_type: "electra".to_owned(),
            vocab_size: 30522,
            embedding_size: 128,
            hidden_size: 256,
            num_hidden_layers: 12,
            num_attention_heads: 4,
            intermediate_size: 1024,
            hidden_act: "gelu".to_owned(),
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            pad_token_id: 0,
            position_embedding_type: "absolute".to_owned(),
            classifier_dropout: None,
            summary_type: "first".to_owned(),
            summary_use_proj: true,
            summary_activation: "gelu".to_owned(),
            summary_last_dropout: 0.1,
            extra: Map::new(),
        }
    }
}

impl ElectraConfig {
    /// ELECTRA-Small (Clark et al. 2020, table 6): 14 M parameters.
    pub fn small() -> Self {
        Self::default()
    }

    /// ELECTRA-Base (Clark et al. 2020, table 6): 110 M parameters.
    pub fn base() -> Self {
        Self {
            embedding_size: 768,
            hidden_size: 768,
            num_attention_heads: 12,
            intermediate_size: 3072,
            ..Self::default()
        }
    }

    /// ELECTRA-Large (Clark et al. 2020, table 6): 335 M parameters.
    pub fn large() -> Self {
        Self {
            embedding_size: 1024,
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            intermediate_size: 4096,
            ..Self::default()
        }
    }

    /// The generator for a discriminator of this config: `size` multiplies the hidden size, the
    /// feed-forward size and the number of heads. Depth and embeddings stay. The paper's sizes
    /// are 1/4 for Small and Large, 1/3 for Base. The hidden size is rounded to what the heads
    /// divide.
    #[must_use]
    pub fn generator(&self, size: f64) -> Self {
        let scaled = |value: usize| ((value as f64 * size).round() as usize).max(1);
        let num_heads = scaled(self.num_attention_heads);
        let head_dim = (self.hidden_size as f64 * size / num_heads as f64).round() as usize;
        Self {
            hidden_size: num_heads * head_dim.max(1),
            num_attention_heads: num_heads,
            intermediate_size: scaled(self.intermediate_size),
            ..self.clone()
        }
    }

    /// The same config for a head with these classes.
    #[must_use]
    pub fn with_labels(mut self, labels: &[String]) -> Self {
        let names = labels.iter().enumerate();
        let id2label: Map<_, _> = names
            .map(|(id, name)| (id.to_string(), json!(name)))
            .collect();
        let names = labels.iter().enumerate();
        let label2id: Map<_, _> = names.map(|(id, name)| (name.clone(), json!(id))).collect();
        self.extra.remove("num_labels");
        self.extra
            .insert("id2label".to_owned(), Value::Object(id2label));
        self.extra
            .insert("label2id".to_owned(), Value::Object(label2id));
        self
    }

    /// Number of classes of a classification head: as many as `id2label` names, else 2.
    pub fn num_labels(&self) -> usize {
        let labels = self.extra.get("id2label").and_then(Value::as_object);
        let number = || self.extra.get("num_labels").and_then(Value::as_u64);
        let num_labels = labels
            .map(Map::len)
            .or_else(|| number().map(|number| number as usize));
        num_labels.unwrap_or(2).clamp(1, MAX_SIZE)
    }

    /// The names of the classes: those of `id2label`, `LABEL_0` and so on for what it does not name.
    pub fn label_names(&self) -> Vec<String> {
        let names = self.extra.get("id2label");
        let name = |id: usize| {
            let name = names.and_then(|names| names.get(id.to_string())?.as_str());
            name.map_or_else(|| format!("LABEL_{id}"), str::to_owned)
        };
        (0..self.num_labels()).map(name).collect()
    }

    /// The same config for [`ElectraForJointQuestionAnswering`](crate::ElectraForJointQuestionAnswering), with or without
    /// its classifier of questions that have no answer.
    #[must_use]
    pub fn with_answerable_classifier(mut self, has_it: bool) -> Self {
        self.extra.insert(ANSWERABLE.to_owned(), json!(has_it));
        self
    }

    /// Whether that model has the classifier; it has not where the config does not say.
    pub fn has_answerable_classifier(&self) -> bool {
        self.extra.get(ANSWERABLE).and_then(Value::as_bool) == Some(true)
    }

    /// Width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads.max(1)
    }

    /// Probability of dropout in the classification heads.
    pub fn classifier_dropout(&self) -> f64 {
        self.classifier_dropout.unwrap_or(self.hidden_dropout_prob)
    }

    /// The activation that `hidden_act` names.
    ///
    /// # Errors
    /// It is none that is supported.
    pub fn activation(&self) -> Result<Activation, ConfigError> {
        Activation::from_name("hidden_act", &self.hidden_act)
    }

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
        let config: Self = from_json(text)?;
        config.validate()?;
        Ok(config)
    }

    /// The text of a `config.json` for a model of this class.
    pub fn to_json(&self, architecture: &str) -> String {
        let mut config = json!(self);
        config["architectures"] = json!([architecture]);
        if let Some(object) = config.as_object_mut() {
            object.retain(|_, value| !value.is_null());
        }
        format!("{config:#}\n")
    }
}

#[cfg(test)]
mod tests;
