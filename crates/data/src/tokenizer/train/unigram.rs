//! The Unigram trainer of the `tokenizers` crate, made deterministic and kept within its size.

use super::{alphabet, counting::Counts, failed, invalid};
use crate::{
    DataError,
    tokenizer::{
        Tokenizer,
        config::{Class, TokenizerConfig},
        t5,
    },
};
use std::{cmp::Ordering, collections::BTreeMap, path::Path};
use tokenizers::{
    AddedToken,
    models::unigram::{Unigram, UnigramTrainer},
};

const SPECIAL: [&str; 3] = [t5::PAD, t5::EOS, t5::UNK];

/// Words with the mark in front. NUL is left out, it is the trainer's own separator.
pub(super) fn split(text: &str) -> Vec<String> {
    let words = text.split_whitespace();
    words
        .map(|word| format!("▁{}", word.replace('\0', "")))
        .collect()
}

pub(super) fn train(words: Counts, vocab_size: usize) -> Result<Tokenizer, DataError> {
    let num_reserved = SPECIAL.len() + t5::NUM_SENTINELS;
    let letters = alphabet::covering(&words, vocab_size.saturating_sub(num_reserved) / 2);
    let least = num_reserved + letters.len() + 1;
    if vocab_size < least {
        return Err(invalid(format!(
            "a vocabulary of {vocab_size} has no room for the {} most frequent characters of the texts beside {} \
             special tokens and {} sentinels: ask for {least} or more",
            letters.len(),
            SPECIAL.len(),
            t5::NUM_SENTINELS,
        )));
    }
    let trainer = UnigramTrainer::builder()
        .vocab_size(u32::try_from(vocab_size - t5::NUM_SENTINELS).map_err(invalid)?)
        .special_tokens(SPECIAL.map(|name| AddedToken::from(name, true)).to_vec())
        .unk_token(Some(t5::UNK.to_owned()))
        .show_progress(false)
        .build()
        .map_err(invalid)?;
    let pieces = train_pieces(&trainer, alphabet::fragments(words, &letters))?;
    let pieces = t5::with_sentinels(pieces, t5::NUM_SENTINELS);
    let unigram = Unigram::from(pieces, Some(2), false).map_err(failed)?;
    let model = t5::pipeline(unigram, None, t5::NUM_SENTINELS).map_err(failed)?;
    Tokenizer::subword(
        model,
        Class::T5,
        &TokenizerConfig::default(),
        Path::new("trained"),
    )
}

/// Pieces with their log probabilities, special ones first.
fn train_pieces(trainer: &UnigramTrainer, words: Counts) -> Result<Vec<(String, f64)>, DataError> {
    // Sums of expected counts depend on how many threads share them: one thread, one result.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|error| failed(error.into()))?;
    let capped = words
        .into_iter()
        .map(|(word, count)| (word, u32::try_from(count).unwrap_or(u32::MAX)));
    let words = capped.collect();
    let mut unigram = Unigram::default();
    pool.install(|| trainer.do_train(words, &mut unigram))
        .map_err(failed)?;
    let learnt = unigram.iter().skip(SPECIAL.len());
    // Texts may hold "</s>" or "<extra_id_0>" written out, often enough to be learnt.
    let is_reserved = |piece: &str| SPECIAL.contains(&piece) || piece.starts_with("<extra_id_");
    let mut learnt: Vec<_> = learnt
        .filter(|(piece, _)| !is_reserved(piece))
        .cloned()
        .collect();
    order(&mut learnt);
    Ok(unigram
        .iter()
        .take(SPECIAL.len())
        .cloned()
        .chain(learnt)
        .collect())
}

/// The trainer gives letters that it had dropped the lowest scores, a small step apart, in the order of a hash map
/// that differs from run to run. This deals those same scores out by letter and settles ties by the piece.
fn order(pieces: &mut [(String, f64)]) {
    const STEP: f64 = 0.0001;
    let lowest = pieces
        .iter()
        .map(|piece| piece.1)
        .fold(f64::INFINITY, f64::min);
    let mut penalty = 0.0;
    let mut ladder = Vec::new();
    let mut letters = Vec::new();
    loop {
        let score = lowest + penalty;
        let on_step = |piece: &&(String, f64)| piece.1 == score && piece.0.chars().count() == 1;
        let found = letters.len();
        letters.extend(pieces.iter().filter(on_step).map(|piece| piece.0.clone()));
        if letters.len() == found {
            break;
        }
        ladder.resize(letters.len(), score);
        penalty += STEP;
    }
    letters.sort_unstable();
    let dealt: BTreeMap<String, f64> = letters.into_iter().zip(ladder).collect();
    for (piece, score) in pieces.iter_mut() {
        if let Some(dealt) = dealt.get(piece) {
            *score = *dealt;
        }
    }
    pieces.sort_by(|a, b| {
        b.1.partial_cmp(&a.1)
            .unwrap_or(Ordering::Equal)
            .then_with(|| a.0.cmp(&b.0))
    });
}
