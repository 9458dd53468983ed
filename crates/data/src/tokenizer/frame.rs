//! The special tokens around a text.

use super::soundness::guarded;
use tokenizers::Tokenizer;

/// Special tokens that stand around every text alike: `.. </s>`, `[CLS] .. [SEP]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    before: Vec<u32>,
    after: Vec<u32>,
}

impl Frame {
    /// None where a model's special tokens depend on the text.
    pub(super) fn find(model: &Tokenizer) -> Option<Self> {
        let frame = Self::around_text(model, "a text")?;
        (Self::around_text(model, "2 other parts.").as_ref() == Some(&frame)).then_some(frame)
    }

    fn around_text(model: &Tokenizer, text: &str) -> Option<Self> {
        let ids = |add_special_tokens| {
            let encoding = guarded(|| model.encode_fast(text, add_special_tokens)).ok()?;
            Some(encoding.get_ids().to_vec())
        };
        let (framed, plain) = (ids(true)?, ids(false)?);
        if plain.is_empty() {
            return None;
        }
        let start = framed
            .windows(plain.len())
            .position(|window| window == plain)?;
        Some(Self {
            before: framed[..start].to_vec(),
            after: framed[start + plain.len()..].to_vec(),
        })
    }

    /// The ids of a text with the special tokens.
    pub(super) fn around(&self, mut ids: Vec<u32>) -> Vec<u32> {
        ids.splice(..0, self.before.iter().copied());
        ids.extend_from_slice(&self.after);
        ids
    }
}
