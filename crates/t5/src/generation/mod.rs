//! From logits to ids.

mod assisted;
mod attentions;
mod beam_search;
mod beams;
mod config;
mod contrastive;
mod error;
mod generator;
mod output;
mod prepared;
pub mod processors;
mod random;
mod sampling;
mod scores;
mod session;

pub use config::{
    AssistantTokensSchedule, EarlyStopping, GenerationConfig, LengthLimits, Strategy,
};
pub use error::{GenerationError, KeyProblem};
pub use generator::Generator;
pub use output::{Attentions, FinishReason, GeneratedSequence, GenerationInput, NewId};
