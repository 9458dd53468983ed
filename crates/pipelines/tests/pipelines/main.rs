//! The pipelines against those of Hugging Face transformers, over odd texts, and on folders of other models.
#![allow(clippy::unwrap_used)]

mod case;
mod detect;
mod embed;
mod fill_mask;
mod refusals;

use lamplight_pipelines::{Detector, Embedder, MaskFiller};

#[test]
fn pipelines_can_be_shared_among_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Detector>();
    is_shared::<Embedder>();
    is_shared::<MaskFiller>();
}
