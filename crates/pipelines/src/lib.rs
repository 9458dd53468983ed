//! Text in, answer out: a T5 or an ELECTRA from a model's folder, laid out as on the Hugging Face
//! hub, to what people ask of it.
//!
//! Every pipeline is made by `from_pretrained(folder, &device)`, takes a slice of texts and gives
//! its answers in their order. Inside, texts of about the same length go through the model together;
//! no answer depends on which. Nothing here uses the network but `hub::fetch`, with the feature `hub`.

mod answer;
mod batches;
mod characters;
mod classify;
mod detect;
mod embed;
mod error;
pub mod explain;
mod fill_mask;
mod fill_spans;
#[cfg(feature = "hub")]
pub mod hub;
mod model_folder;
pub mod page;
mod reader;
mod scores;
mod tag;
mod text_to_text;
mod windows;
mod zero_shot;

pub use answer::{Answer, AnswerSettings, Answerer, NoAnswer};
pub use classify::{Classifier, Label};
pub use detect::{DetectedToken, Detector};
pub use embed::Embedder;
pub use error::PipelineError;
pub use fill_mask::{Filling, MaskFiller};
pub use fill_spans::{FilledText, SpanFiller};
pub use model_folder::Family;
pub use tag::{Aggregation, Entity, Tagger};
pub use text_to_text::{Summarizer, TextToText, Translator};
pub use zero_shot::ZeroShotClassifier;
