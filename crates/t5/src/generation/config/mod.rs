//! What is generated and how: the keys of Hugging Face's `generation_config.json`.

mod build;
mod json;
mod limits;
mod validate;
mod values;

use serde::{Deserialize, Serialize};

pub use limits::LengthLimits;
pub use values::{AssistantTokensSchedule, EarlyStopping, Strategy};

/// How to generate: the keys of Hugging Face's `generation_config.json` with the defaults of
/// transformers 5, and `seed`.
///
/// ```
/// use lamplight_t5::GenerationConfig;
///
/// let config = GenerationConfig::beam(4).max_new_tokens(64).length_penalty(0.6);
/// let same = r#"{"num_beams": 4, "max_new_tokens": 64, "length_penalty": 0.6}"#;
/// assert_eq!(config, GenerationConfig::from_json(same)?);
/// # Ok::<(), lamplight_t5::GenerationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerationConfig {
    /// Most ids of an output, the decoder's prompt included. Where neither this nor
    /// `max_new_tokens` is given, there are up to 20 new ids.
    pub max_length: Option<usize>,
    /// Most ids after the decoder's prompt; goes before `max_length`.
    pub max_new_tokens: Option<usize>,
    /// Fewest ids of an output, the decoder's prompt included.
    pub min_length: usize,
    /// Fewest ids after the decoder's prompt; goes before `min_length`.
    pub min_new_tokens: Option<usize>,
    /// When a beam search ends.
    pub early_stopping: EarlyStopping,

    /// Whether ids are drawn rather than the best taken.
    pub do_sample: bool,
    /// Hypotheses per input; one is no beam search.
    pub num_beams: usize,
    /// Groups that the beams are split into, each unlike the others (Vijayakumar et al. 2016).
    pub num_beam_groups: usize,
    /// Taken off the score of an id for each beam of an earlier group that has just taken it.
    pub diversity_penalty: f64,
    /// How much contrastive search (Su et al. 2022) minds similarity to what is there already.
    pub penalty_alpha: Option<f64>,

    /// Logits are divided by it; above one is more even.
    pub temperature: f64,
    /// Only so many of the best ids are drawn from; 0 for all. In contrastive search the
    /// candidates.
    pub top_k: usize,
    /// Only the best ids that together have this probability are drawn from (Holtzman et al.
    /// 2020); 1 for all.
    pub top_p: f64,
    /// Only ids of at least this share of the best one's probability are drawn from.
    pub min_p: Option<f64>,
    /// Only the best ids that have this share of the entropy of the best hundred are drawn from.
    pub top_h: Option<f64>,
    /// Only the ids whose surprise is closest to the entropy, of together this probability, are
    /// drawn from (Meister et al. 2022); 1 for all.
    pub typical_p: f64,
    /// Only ids of at least this probability are drawn from (Hewitt et al. 2022); 0 for all.
    pub epsilon_cutoff: f64,
    /// The same with a bound that sinks where the entropy is high; 0 for all.
    pub eta_cutoff: f64,

    /// Scores of ids that are there already are made smaller by this factor (Keskar et al. 2019).
    pub repetition_penalty: f64,
    /// Scores of the input's ids are made larger by this factor.
    pub encoder_repetition_penalty: f64,
    /// Exponent on the length that divides a hypothesis' score in beam search; above zero favours
    /// long ones.
    pub length_penalty: f64,
    /// No n-gram of this size comes twice; 0 for no bound.
    pub no_repeat_ngram_size: usize,
    /// No n-gram of this size of the input comes in the output; 0 for no bound.
    pub encoder_no_repeat_ngram_size: usize,
    /// Sequences of ids that do not come.
    pub bad_words_ids: Vec<Vec<u32>>,
    /// Sequences of ids and what is added to the score of the last where the others went before.
    pub sequence_bias: Vec<(Vec<u32>, f64)>,
    /// Ids that never come.
    pub suppress_tokens: Vec<u32>,
    /// Ids that do not come first.
    pub begin_suppress_tokens: Vec<u32>,
    /// The id after the start id.
    pub forced_bos_token_id: Option<u32>,
    /// The id, or one of the ids, in the last place.
    #[serde(deserialize_with = "values::one_or_many")]
    pub forced_eos_token_id: Vec<u32>,
    /// Whether scores that are no finite numbers are made some.
    pub remove_invalid_values: bool,
    /// After so many new ids the score of the end grows by this factor with each.
    pub exponential_decay_length_penalty: Option<(usize, f64)>,
    /// Whether processed scores are made log-probabilities again.
    pub renormalize_logits: bool,

    /// Outputs per input.
    pub num_return_sequences: usize,
    /// Whether the processed scores of every step are kept.
    pub output_scores: bool,
    /// Whether the attention maps of every step are kept.
    pub output_attentions: bool,

    /// The id that fills rows up; the model's where it is not given.
    pub pad_token_id: Option<u32>,
    /// The id, or the ids, that end a text; the model's where there is none.
    #[serde(deserialize_with = "values::one_or_many")]
    pub eos_token_id: Vec<u32>,
    /// The id that starts the decoder; the model's where it is not given.
    pub decoder_start_token_id: Option<u32>,

    /// Ids that the assistant of assisted decoding guesses at a time.
    pub num_assistant_tokens: usize,
    /// How that number changes.
    pub num_assistant_tokens_schedule: AssistantTokensSchedule,
    /// The assistant stops guessing after an id that it gives a lower probability; 0 for never.
    pub assistant_confidence_threshold: f64,

    /// What the draws of sampling follow from. No key of Hugging Face's.
    pub seed: u64,
}

impl Default for GenerationConfig {
    fn default() -> Self {
        Self {
            max_length: None,
            max_new_tokens: None,
            min_length: 0,
            min_new_tokens: None,
            early_stopping: EarlyStopping::False,
            do_sample: false,
            num_beams: 1,
            num_beam_groups: 1,
            diversity_penalty: 0.0,
            penalty_alpha: None,
            temperature: 1.0,
            top_k: 50,
            top_p: 1.0,
            min_p: None,
            top_h: None,
            typical_p: 1.0,
            epsilon_cutoff: 0.0,
            eta_cutoff: 0.0,
            repetition_penalty: 1.0,
            encoder_repetition_penalty: 1.0,
            length_penalty: 1.0,
            no_repeat_ngram_size: 0,
            encoder_no_repeat_ngram_size: 0,
            bad_words_ids: Vec::new(),
            sequence_bias: Vec::new(),
            suppress_tokens: Vec::new(),
            begin_suppress_tokens: Vec::new(),
            forced_bos_token_id: None,
            forced_eos_token_id: Vec::new(),
            remove_invalid_values: false,
            exponential_decay_length_penalty: None,
            renormalize_logits: false,
            num_return_sequences: 1,
            output_scores: false,
            output_attentions: false,
            pad_token_id: None,
            eos_token_id: Vec::new(),
            decoder_start_token_id: None,
            num_assistant_tokens: 20,
            num_assistant_tokens_schedule: AssistantTokensSchedule::Constant,
            assistant_confidence_threshold: 0.4,
            seed: 0,
        }
    }
}
