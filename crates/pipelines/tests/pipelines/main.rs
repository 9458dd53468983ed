//! The pipelines against those of Hugging Face transformers, over odd texts, and on folders of other models.
#![allow(clippy::unwrap_used)]

mod answer;
mod case;
mod classify;
mod detect;
mod embed;
mod fill_mask;
mod refusals;
mod tag;

use lamplight_pipelines::{Answerer, Classifier, Detector, Embedder, MaskFiller, Tagger};

#[test]
fn pipelines_can_be_shared_among_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Answerer>();
    is_shared::<Classifier>();
    is_shared::<Detector>();
    is_shared::<Embedder>();
    is_shared::<MaskFiller>();
    is_shared::<Tagger>();
}
