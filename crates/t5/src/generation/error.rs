use std::fmt;
use std::path::PathBuf;

use lamplight_layers::config::ConfigError;

use super::Strategy;

/// Why nothing is generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// A config file cannot be read.
    #[error(transparent)]
    Read(#[from] ConfigError),
    /// The text is no JSON object.
    #[error("not a generation config: {0}")]
    Json(#[from] serde_json::Error),
    /// Keys of the config that cannot be followed: all of them at once.
    #[error("the generation config cannot be followed: {}", listed(.0))]
    Config(Vec<KeyProblem>),
    /// The error is in this file.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<GenerationError>,
    },
    /// Ids and mask of the input do not belong together, or are empty.
    #[error(
        "the input ids have the shape {ids:?} and their padding mask {mask:?}; both are [batch, source] with at least one id"
    )]
    Shapes {
        /// Of the ids.
        ids: [usize; 2],
        /// Of the mask.
        mask: [usize; 2],
    },
    /// An id that the model does not know.
    #[error("input {row} holds the id {id}, and the vocabulary ends at {}; was it made by the tokenizer of this model?", vocab_size - 1)]
    UnknownId {
        /// The id.
        id: i64,
        /// The row of the batch.
        row: usize,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// The decoder's prompts do not fit the inputs.
    #[error(
        "`decoder_input_ids` are {num_inputs} rows, one per input, all of one length of at least one id"
    )]
    Prompts {
        /// How many inputs there are.
        num_inputs: usize,
    },
    /// The seeds do not fit the inputs.
    #[error("{found} seeds for {num_inputs} inputs; give one for each")]
    Seeds {
        /// How many seeds there are.
        found: usize,
        /// How many inputs there are.
        num_inputs: usize,
    },
    /// The assistant has another vocabulary.
    #[error(
        "the assistant knows {theirs} ids and the model {ours}; assisted decoding needs one vocabulary"
    )]
    Vocabularies {
        /// Of the model.
        ours: usize,
        /// Of the assistant.
        theirs: usize,
    },
    /// No assistant helps here.
    #[error(
        "an assistant helps where one answer is made id by id, not with {strategy:?} and {num_return_sequences} answers per input; leave out `num_beams`, `penalty_alpha` and `num_return_sequences`"
    )]
    Unassisted {
        /// How ids are chosen.
        strategy: Strategy,
        /// Answers per input.
        num_return_sequences: usize,
    },
    /// Beams cannot be streamed.
    #[error(
        "with {0} beams nobody knows before the end which of them wins; stream with `num_beams` 1"
    )]
    StreamedBeams(usize),
}

/// A key of a generation config that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// The key.
    pub key: String,
    /// Its value, cut where it is long.
    pub value: String,
    /// What is wrong with it and what would do.
    pub reason: String,
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}: {}", self.key, self.value, self.reason)
    }
}

impl KeyProblem {
    /// The value of `key` will not do for this `reason`.
    pub(super) fn new(key: &str, value: impl ToString, reason: impl ToString) -> Self {
        let mut value = value.to_string();
        if let Some((end, _)) = value.char_indices().nth(60) {
            value.truncate(end);
            value.push('…');
        }
        Self {
            key: key.to_owned(),
            value,
            reason: reason.to_string(),
        }
    }
}

/// An error if there are problems.
pub(super) fn refuse(problems: Vec<KeyProblem>) -> Result<(), GenerationError> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(GenerationError::Config(problems))
    }
}

fn listed(problems: &[KeyProblem]) -> String {
    let lines: Vec<_> = problems.iter().map(KeyProblem::to_string).collect();
    lines.join("; ")
}
