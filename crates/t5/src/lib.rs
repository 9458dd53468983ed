//! T5 (Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
//! Transformer") and its descendants: v1.1, LM-adapted, Flan, mT5, UMT5, ByT5 and UL2.
//!
//! ```no_run
//! use burn::tensor::{Bool, Device, Int, Tensor};
//! use lamplight_t5::{GenerationConfig, GenerationInput, T5ForConditionalGeneration};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let device: Device = unimplemented!();
//! // let device = Device::flex();
//! let model = T5ForConditionalGeneration::from_pretrained("t5-small".as_ref(), &device)?;
//! let input_ids = Tensor::<2, Int>::from_ints([[13959, 1566, 12, 2968, 10, 1]], &device);
//! let padding_mask = Tensor::<2, Bool>::from_data([[false; 6]], &device); // true = padding
//! let config = GenerationConfig::beam(4).max_new_tokens(64);
//! let answers = model.generate(GenerationInput::new(input_ids, padding_mask), &config)?;
//! let best: &[u32] = &answers[0][0].ids;
//! # Ok(())
//! # }
//! ```

mod block;
mod cache;
mod config;
mod decoder;
mod encoder;
mod encoder_model;
mod generation;
mod heads;
mod model;
mod names;
mod seq2seq;

pub use cache::DecoderCache;
pub use config::T5Config;
pub use decoder::{Decoder, DecoderInput, Segments};
pub use encoder::{Encoder, EncoderInput};
pub use encoder_model::T5EncoderModel;
pub use generation::processors::{LogitsProcessor, Step};
pub use generation::{
    AssistantTokensSchedule, Attentions, EarlyStopping, FinishReason, GeneratedSequence,
    GenerationConfig, GenerationError, GenerationInput, Generator, KeyProblem, LengthLimits, NewId,
    Strategy, processors,
};
pub use heads::{T5ForQuestionAnswering, T5ForSequenceClassification, T5ForTokenClassification};
pub use model::{T5ForConditionalGeneration, T5Model};
pub use seq2seq::{DecoderStep, Seq2SeqInput, Seq2SeqOutput, Seq2SeqPass, Seq2SeqTrace};
