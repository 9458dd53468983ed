//! ELECTRA (Clark et al. 2020, "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than
//! Generators"): discriminator, generator, the two trained together, and the task heads.
//!
//! ```no_run
//! use burn::tensor::{Bool, Device, Int, Tensor};
//! use lamplight_electra::{ElectraForPreTraining, ElectraInput};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let device: Device = unimplemented!();
//! // let device = Device::flex();
//! let model = ElectraForPreTraining::from_pretrained("electra-small/".as_ref(), &device)?;
//! let input_ids = Tensor::<2, Int>::from_ints([[101, 1996, 10026, 8828, 1996, 7954, 102]], &device);
//! let padding_mask = Tensor::<2, Bool>::from_data([[false; 7]], &device); // true = padding
//! let logits = model.forward(ElectraInput { input_ids, padding_mask, token_type_ids: None });
//! let replaced = logits.greater_scalar(0.0); // [batch, length]
//! # Ok(())
//! # }
//! ```

mod config;
mod discriminator;
mod embeddings;
mod encoder;
mod generator;
mod heads;
pub mod loss;
mod model;
mod names;
mod pretraining;
pub mod replaced_token_detection;

pub use config::ElectraConfig;
pub use discriminator::ElectraForPreTraining;
pub use embeddings::Embeddings;
pub use encoder::Encoder;
pub use generator::ElectraForMaskedLM;
pub use heads::{
    AnswerBeam, ElectraForJointQuestionAnswering, ElectraForMultipleChoice,
    ElectraForQuestionAnswering, ElectraForSequenceClassification, ElectraForTokenClassification,
    FoundAnswers, JointAnswerLogits, MultipleChoiceInput, QuestionReading, ScoredSpan,
};
pub use model::{ElectraInput, ElectraModel, EmbeddedInput};
pub use pretraining::{
    DETECTION_LOSS_WEIGHT, ElectraPretraining, EmbeddingSharing, PretrainingInput,
    PretrainingOutput,
};
