//! The ids with a role of their own, found by the names the two families give them.

use super::{config::TokenizerConfig, sentence_piece::unmatchable};

/// Ids of the special tokens; none where the vocabulary has no such token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Padding: `<pad>` or `[PAD]`.
    pub pad: u32,
    /// End of sequence: `</s>` of T5 and ByT5.
    pub eos: Option<u32>,
    /// Unknown: `<unk>` or `[UNK]`.
    pub unk: Option<u32>,
    /// Start of an ELECTRA sequence: `[CLS]`.
    pub cls: Option<u32>,
    /// End of an ELECTRA segment: `[SEP]`.
    pub sep: Option<u32>,
    /// A masked token of ELECTRA: `[MASK]`.
    pub mask: Option<u32>,
}

impl SpecialTokens {
    /// Looks every role up in the vocabulary, by the configured name first and by the usual ones else.
    /// None without a padding token.
    pub(super) fn find(model: &tokenizers::Tokenizer, config: &TokenizerConfig) -> Option<Self> {
        let named = |name: &str| {
            model
                .token_to_id(name)
                .or_else(|| model.token_to_id(&unmatchable(name)))
        };
        let id = |configured: Option<&str>, usual: &[&str]| {
            configured
                .and_then(named)
                .or_else(|| usual.iter().find_map(|name| named(name)))
        };
        Some(Self {
            pad: id(config.token("pad_token"), &["<pad>", "[PAD]"])?,
            eos: id(config.token("eos_token"), &["</s>"]),
            unk: id(config.token("unk_token"), &["<unk>", "[UNK]"]),
            cls: id(config.token("cls_token"), &["[CLS]"]),
            sep: id(config.token("sep_token"), &["[SEP]"]),
            mask: id(config.token("mask_token"), &["[MASK]"]),
        })
    }
}

/// Ids of `<extra_id_0>`, `<extra_id_1>`, .. as far as the vocabulary goes. mT5 keeps them as pieces of its model,
/// with the word-start mark in front.
pub(super) fn sentinels(model: &tokenizers::Tokenizer) -> Vec<u32> {
    (0..)
        .map_while(|index| {
            let name = sentinel_name(index);
            model
                .token_to_id(&name)
                .or_else(|| model.token_to_id(&format!("▁{name}")))
        })
        .collect()
}

/// How many sentinels stand behind the pieces under their plain name.
pub(super) fn num_appended_sentinels(model: &tokenizers::Tokenizer) -> usize {
    let named = (0..).map_while(|index| model.token_to_id(&sentinel_name(index)));
    named.count()
}

pub(super) fn sentinel_name(index: usize) -> String {
    format!("<extra_id_{index}>")
}
