//! WordPiece by the byte-pair merges of the `tokenizers` crate, as its own WordPiece trainer does it.

use super::{alphabet, counting::Counts, failed, invalid};
use crate::{
    DataError,
    tokenizer::{
        Tokenizer,
        config::{Class, TokenizerConfig},
        word_piece::{CLS, CONTINUATION, MASK, PAD, SEP, UNK, pipeline},
    },
};
use std::{collections::BTreeSet, path::Path};
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer,
    models::{
        bpe::{BPE, BpeTrainer},
        wordpiece::WordPiece,
    },
    normalizers::BertNormalizer,
    pre_tokenizers::bert::BertPreTokenizer,
};

const SPECIAL: [&str; 5] = [PAD, UNK, CLS, SEP, MASK];

fn normalizer() -> BertNormalizer {
    BertNormalizer::new(true, true, None, true)
}

/// Words as the pipeline of WordPiece will cut them.
pub(super) fn split(text: &str) -> Result<Vec<String>, DataError> {
    let mut normalized = NormalizedString::from(text);
    normalizer().normalize(&mut normalized).map_err(failed)?;
    let mut words = PreTokenizedString::from(normalized);
    BertPreTokenizer.pre_tokenize(&mut words).map_err(failed)?;
    let splits = words.get_splits(OffsetReferential::Original, OffsetType::Byte);
    Ok(splits
        .into_iter()
        .map(|(word, ..)| word.to_owned())
        .collect())
}

pub(super) fn train(words: Counts, vocab_size: usize) -> Result<Tokenizer, DataError> {
    let room = vocab_size.saturating_sub(SPECIAL.len());
    let letters = alphabet::most_frequent(&words, room / 2);
    let words = alphabet::spelt_with(words, &letters);
    if words.is_empty() {
        let num_special = SPECIAL.len();
        return Err(invalid(format!(
            "a vocabulary of {vocab_size} has no room for the letters of a word beside {num_special} special tokens"
        )));
    }
    let inside: BTreeSet<char> = words.keys().flat_map(|word| word.chars().skip(1)).collect();
    let inside = inside
        .iter()
        .map(|letter| format!("{CONTINUATION}{letter}"));
    // The trainer would number the letters inside words as a hash map yields them. Told beforehand they keep one order,
    // and with them everything that is merged from them.
    let known = SPECIAL.into_iter().map(str::to_owned).chain(inside);
    let trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .continuing_subword_prefix(CONTINUATION.to_owned())
        .special_tokens(known.map(|name| AddedToken::from(name, true)).collect())
        .show_progress(false)
        .build();
    let mut merged = BPE::default();
    let counts = words
        .into_iter()
        .map(|(word, count)| (word.into(), count))
        .collect();
    trainer.do_train(&counts, &mut merged).map_err(failed)?;
    let mut model = tokenizers::Tokenizer::new(WordPiece::from_bpe(&merged));
    pipeline(&mut model, normalizer()).map_err(failed)?;
    Tokenizer::subword(
        model,
        Class::Electra,
        &TokenizerConfig::default(),
        Path::new("trained"),
    )
}
