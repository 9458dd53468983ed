//! `lamplight fill-mask` with a T5

use std::borrow::Cow;

use lamplight_pipelines::{FilledText, PipelineError, SpanFiller};

use super::TextPipeline;
use super::fill_mask::MASK;
use crate::texts::inputs::Input;

impl TextPipeline for SpanFiller {
    const KEY: &'static str = "filled";
    type Answer = FilledText;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<FilledText>, PipelineError> {
        let texts = inputs.iter().map(|input| with_sentinels(&input.text));
        self.fill(&texts.collect::<Vec<_>>())
    }

    fn line(&self, _: &Input, filled: &FilledText) -> String {
        filled.text.clone()
    }
}

/// The text with a sentinel in the place of each mask. A text that has sentinels is taken as it is.
fn with_sentinels(text: &str) -> Cow<'_, str> {
    if text.contains("<extra_id_") {
        return text.into();
    }
    let mut parts = text.split(MASK);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        filled.push_str(&format!("<extra_id_{number}>{part}"));
    }
    filled.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_become_sentinels_one_after_the_other() {
        for (text, expected) in [
            ("[MASK] is [MASK].", "<extra_id_0> is <extra_id_1>."),
            ("<extra_id_4> is [MASK].", "<extra_id_4> is [MASK]."),
            ("no mask", "no mask"),
        ] {
            assert_eq!(with_sentinels(text), expected);
        }
    }
}
