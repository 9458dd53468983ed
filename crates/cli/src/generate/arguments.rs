//! `generate` on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use lamplight_t5::GenerationConfig;
use serde_json::{Map, Value, json};

use crate::dtype::DtypeArguments;
use crate::texts::TextArguments;
use crate::texts::explanations::ExplainArguments;

/// `generate`
#[derive(Debug, Args)]
pub struct GenerateArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// Put before each text, as in --prefix "translate English to German: "
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prefix: String,
    /// Cut inputs to so many tokens, the end of text included
    #[arg(long, value_name = "N")]
    pub max_input_length: Option<NonZeroUsize>,
    /// Write the ids of the tokens and their log-probabilities, too
    #[arg(long, requires = "json")]
    pub scores: bool,
    /// Write text as it comes, one input after the other
    #[arg(long, conflicts_with_all = ["json", "explain"])]
    pub stream: bool,
    /// Tokens of the inputs in a batch, padding included; a longer input is a batch of its own
    #[arg(long, value_name = "N", default_value = "2048")]
    pub batch_tokens: NonZeroUsize,
    /// A smaller T5 of the same vocabulary that guesses ahead
    #[arg(long, value_name = "DIR")]
    pub assistant: Option<PathBuf>,
    #[command(flatten)]
    pub weights: DtypeArguments,
    #[command(flatten)]
    pub page: ExplainArguments,
    #[command(flatten)]
    pub strategy: StrategyArguments,
}

/// How to generate: keys of `generation_config.json`, over those of the model's folder.
#[derive(Debug, Args)]
#[command(next_help_heading = "How to generate, over the generation_config.json of the model")]
pub struct StrategyArguments {
    #[command(flatten)]
    search: SearchArguments,
    /// Answers to each input, best first, a line each
    #[arg(long, value_name = "N")]
    num_return_sequences: Option<usize>,
    /// Tokens of an answer at least
    #[arg(long, value_name = "N")]
    min_new_tokens: Option<usize>,
    /// Draw from the probabilities
    #[arg(long)]
    sample: bool,
    /// Divides the logits before a draw
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Draw from so many of the best tokens; 0 for all
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Draw from the best tokens of together this probability
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// What draws follow from, together with the number of the input
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Exponent on the length by which beams are judged; above 0 favours long ones
    #[arg(long, value_name = "X")]
    length_penalty: Option<f64>,
    /// No n-gram of this size comes twice
    #[arg(long, value_name = "N")]
    no_repeat_ngram: Option<usize>,
    /// Makes tokens that were there less likely
    #[arg(long, value_name = "X")]
    repetition_penalty: Option<f64>,
}

/// The keys that are wanted most, and any other.
#[derive(Debug, Args)]
pub struct SearchArguments {
    /// Beams; 1 for none
    #[arg(long, value_name = "N")]
    num_beams: Option<usize>,
    /// Tokens of an answer at most
    #[arg(long, value_name = "N")]
    max_new_tokens: Option<usize>,
    /// Any other key of generation_config.json, as in --set early_stopping=true
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    overrides: Vec<(String, Value)>,
}

impl GenerateArguments {
    /// The config of the model's folder with what the arguments change.
    pub fn generation_config(&self) -> anyhow::Result<GenerationConfig> {
        let of_folder = GenerationConfig::from_pretrained(&self.texts.model)?;
        let mut keys = self.strategy.keys();
        if self.scores {
            keys.insert("output_scores".to_owned(), true.into());
        }
        with_keys(&of_folder, keys)
    }
}

impl StrategyArguments {
    /// The keys that were given.
    fn keys(&self) -> Map<String, Value> {
        let named = [
            ("num_return_sequences", json!(self.num_return_sequences)),
            ("min_new_tokens", json!(self.min_new_tokens)),
            ("do_sample", json!(self.sample.then_some(true))),
            ("temperature", json!(self.temperature)),
            ("top_k", json!(self.top_k)),
            ("top_p", json!(self.top_p)),
            ("seed", json!(self.seed)),
            ("length_penalty", json!(self.length_penalty)),
            ("no_repeat_ngram_size", json!(self.no_repeat_ngram)),
            ("repetition_penalty", json!(self.repetition_penalty)),
        ];
        given(named).chain(self.search.keys()).collect()
    }
}

impl SearchArguments {
    /// `config` with what the arguments change.
    pub fn over(&self, config: &GenerationConfig) -> anyhow::Result<GenerationConfig> {
        with_keys(config, self.keys())
    }

    /// The keys that were given.
    fn keys(&self) -> Map<String, Value> {
        let named = [
            ("num_beams", json!(self.num_beams)),
            ("max_new_tokens", json!(self.max_new_tokens)),
        ];
        given(named).chain(self.overrides.iter().cloned()).collect()
    }
}

fn given<const N: usize>(named: [(&str, Value); N]) -> impl Iterator<Item = (String, Value)> {
    let given = named.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(key, value)| (key.to_owned(), value))
}

fn with_keys(
    config: &GenerationConfig,
    given: Map<String, Value>,
) -> anyhow::Result<GenerationConfig> {
    let mut keys: Map<String, Value> = serde_json::from_str(&config.to_json())?;
    keys.extend(given);
    Ok(GenerationConfig::from_json(
        &Value::Object(keys).to_string(),
    )?)
}

/// What is no JSON is a word.
fn key_and_value(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as early_stopping=true")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((key.trim().to_owned(), value))
}
