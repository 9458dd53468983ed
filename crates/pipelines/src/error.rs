use std::path::PathBuf;

use burn::tensor::TensorReadError;
use lamplight_data::DataError;
use lamplight_layers::config::ConfigError;
use lamplight_layers::pretrained::PretrainedError;
use lamplight_layers::quantization::QuantizationError;
use lamplight_t5::GenerationError;

/// Why a pipeline cannot be made or gives no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The device does not give a result.
    #[error("the results cannot be read from the device: {0}")]
    Device(#[from] TensorReadError),
    /// The device has no use for weights of 8 bits.
    #[error(transparent)]
    Quantization(#[from] QuantizationError),
    /// The folder holds a model of the other family.
    #[error("{folder} holds a model of the type `{model_type}`; {pipeline} wants {wanted}")]
    WrongFamily {
        /// The folder.
        folder: PathBuf,
        /// What its config says.
        model_type: String,
        /// The pipeline.
        pipeline: &'static str,
        /// The types that would do.
        wanted: String,
    },
    /// The weights are of a model with another head, or with none.
    #[error(
        "{folder} holds {found}; {pipeline} wants {wanted}, and the weights have no `{missing}`"
    )]
    WrongHead {
        /// The folder.
        folder: PathBuf,
        /// The architectures that its config names.
        found: String,
        /// The pipeline.
        pipeline: &'static str,
        /// The architecture that would do.
        wanted: &'static str,
        /// What the names of the head's tensors start with.
        missing: &'static str,
    },
    /// The tokenizer gives ids that the model has no embeddings for.
    #[error(
        "the tokenizer in {folder} has {num_tokens} ids, and the model embeds {vocab_size}; they do not belong together"
    )]
    TokenizerTooLarge {
        /// The folder.
        folder: PathBuf,
        /// One past the tokenizer's highest id.
        num_tokens: usize,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// The labels of the config are not numbered from 0 on.
    #[error("{folder}: `id2label` names no label {id} of {num_labels}")]
    Labels {
        /// The folder.
        folder: PathBuf,
        /// The number without a name.
        id: usize,
        /// How many labels there are.
        num_labels: usize,
    },
    /// A text is longer than the model reads, and nothing of it may be left out.
    #[error("text {text} has {num_tokens} tokens, and the model reads at most {max_length}")]
    TooLong {
        /// Which of the texts.
        text: usize,
        /// Its tokens, special ones included.
        num_tokens: usize,
        /// The most that fit.
        max_length: usize,
    },
    /// A text has no blank to fill.
    #[error("text {text} has no {blank} to fill")]
    NoBlank {
        /// Which of the texts.
        text: usize,
        /// What a blank looks like.
        blank: &'static str,
    },
    /// The tokenizer made nothing at all of a text.
    #[error("text {text} has no tokens, not even special ones")]
    NoTokens {
        /// Which of the texts.
        text: usize,
    },
    /// A text has parts that the model does not tell apart.
    #[error(
        "text {text} has a part of token type {token_type}, and the model knows {num_token_types} types; `type_vocab_size` of its config says so"
    )]
    TokenType {
        /// Which of the texts.
        text: usize,
        /// The highest type in it.
        token_type: u32,
        /// Rows of the table of types.
        num_token_types: usize,
    },
    /// A model of this family answers, but is not explained.
    #[error(
        "a T5 with a classifier is not explained; {pipeline} explains an ELECTRA, and `generate` a T5 that answers in words"
    )]
    NotExplained {
        /// The pipeline.
        pipeline: &'static str,
    },
    /// A setting outside what makes sense.
    #[error("`{key}` is {value}; it must be {expected}")]
    InvalidSetting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        expected: &'static str,
    },
    /// The Hugging Face hub does not give a model.
    #[error(
        "cannot fetch {model} from the Hugging Face hub: {source}; without a network name a folder with the model's files, or copy {folder} from where it was fetched",
        folder = folder.display()
    )]
    Hub {
        /// Its name.
        model: String,
        /// The folder that it would be in.
        folder: PathBuf,
        /// What went wrong.
        source: Box<DataError>,
    },
    /// The config was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The checkpoint was refused.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// There is no tokenizer, or it fails.
    #[error(transparent)]
    Tokenizer(#[from] DataError),
    /// The generation config was refused, or cannot be followed here.
    #[error(transparent)]
    Generation(#[from] GenerationError),
}
