//! The pipelines against those of Hugging Face transformers, over odd texts, and on folders of other models.
#![allow(clippy::unwrap_used)]

mod answer;
mod any_text;
mod case;
mod classify;
mod detect;
mod embed;
mod explain;
mod fill_mask;
mod fill_spans;
mod refusals;
mod tag;
mod text_to_text;
mod zero_shot;

use lamplight_pipelines::{
    Answerer, Classifier, Detector, Embedder, MaskFiller, SpanFiller, Summarizer, Tagger,
    TextToText, Translator, ZeroShotClassifier,
};

#[test]
fn pipelines_can_be_shared_among_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Answerer>();
    is_shared::<Classifier>();
    is_shared::<Detector>();
    is_shared::<Embedder>();
    is_shared::<MaskFiller>();
    is_shared::<SpanFiller>();
    is_shared::<Summarizer>();
    is_shared::<Tagger>();
    is_shared::<TextToText>();
    is_shared::<Translator>();
    is_shared::<ZeroShotClassifier>();
}
