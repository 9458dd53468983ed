//! Vocabularies of one's own: trained on any texts, the same one from the same texts every time.

use super::{
    Tokenizer,
    config::{Class, TokenizerConfig},
    t5, word_piece,
};
use crate::DataError;
use rayon::iter::{ParallelBridge, ParallelIterator};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer,
    models::{
        bpe::{BPE, BpeTrainer},
        unigram::{Unigram, UnigramTrainer},
        wordpiece::WordPiece,
    },
    normalizers::BertNormalizer,
    pre_tokenizers::bert::BertPreTokenizer,
};

/// Ordered, so that what is trained does not depend on a hash.
type WordCounts = BTreeMap<String, u64>;

/// Trains a lower-casing WordPiece vocabulary for ELECTRA: `[PAD] [UNK] [CLS] [SEP] [MASK]` are ids 0 to 4.
///
/// The vocabulary has at most `vocab_size` entries, unless the letters of the texts alone are more.
///
/// # Errors
/// [`DataError::TokenizerTraining`] if the texts hold no word or `vocab_size` no room beside the special tokens.
pub fn word_piece<T>(texts: T, vocab_size: usize) -> Result<Tokenizer, DataError>
where
    T: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
{
    let special = [
        word_piece::PAD,
        word_piece::UNK,
        word_piece::CLS,
        word_piece::SEP,
        word_piece::MASK,
    ];
    check_size(vocab_size, special.len())?;
    let normalizer = BertNormalizer::new(true, true, None, true);
    let words = count_words(texts, |text| bert_words(&normalizer, text))?;
    let letters: BTreeSet<char> = words.keys().flat_map(|word| word.chars().skip(1)).collect();
    let letters = letters
        .iter()
        .map(|letter| format!("{}{letter}", word_piece::CONTINUATION));
    // The trainer would number the letters inside words as a hash map yields them. Told beforehand they keep one order,
    // and with them everything that is merged from them.
    let known = special.into_iter().map(str::to_owned).chain(letters);
    let trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .continuing_subword_prefix(word_piece::CONTINUATION.to_owned())
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
    word_piece::pipeline(&mut model, normalizer).map_err(failed)?;
    Tokenizer::subword(
        model,
        Class::Electra,
        &TokenizerConfig::default(),
        Path::new("trained"),
    )
}

/// Trains a Unigram vocabulary for T5: `<pad>` 0, `</s>` 1, `<unk>` 2, the pieces by falling probability, then 100
/// sentinels of which `<extra_id_0>` has the highest id. Text is taken as written, without normalisation.
///
/// `vocab_size` counts everything, the sentinels too; a small corpus may yield fewer pieces.
///
/// # Errors
/// [`DataError::TokenizerTraining`] if the texts hold no word, or `vocab_size` has no room for every letter of theirs
/// beside the special tokens and sentinels.
pub fn unigram<T>(texts: T, vocab_size: usize) -> Result<Tokenizer, DataError>
where
    T: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
{
    let special = [t5::PAD, t5::EOS, t5::UNK];
    check_size(vocab_size, special.len() + t5::NUM_SENTINELS)?;
    let words = count_words(texts, marked_words)?;
    let trainer = UnigramTrainer::builder()
        .vocab_size(
            u32::try_from(vocab_size - t5::NUM_SENTINELS).map_err(|error| failed(error.into()))?,
        )
        .special_tokens(special.map(|name| AddedToken::from(name, true)).to_vec())
        .unk_token(Some(t5::UNK.to_owned()))
        .show_progress(false)
        .build()
        .map_err(|error| failed(error.into()))?;
    let pieces = train_pieces(&trainer, words)?;
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

/// How often each word occurs.
fn count_words<T>(
    texts: T,
    split: impl Fn(&str) -> Result<Vec<String>, DataError> + Sync,
) -> Result<WordCounts, DataError>
where
    T: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
{
    let count = |mut counts: WordCounts, text: T::Item| {
        for word in split(text.as_ref())? {
            *counts.entry(word).or_default() += 1;
        }
        Ok(counts)
    };
    let merge = |mut counts: WordCounts, others: WordCounts| {
        for (word, count) in others {
            *counts.entry(word).or_default() += count;
        }
        Ok(counts)
    };
    let texts = texts.into_iter().par_bridge();
    let counts = texts
        .try_fold(WordCounts::new, count)
        .try_reduce(WordCounts::new, merge)?;
    if counts.is_empty() {
        let reason = "the texts hold no word".to_owned();
        return Err(DataError::TokenizerTraining { reason });
    }
    Ok(counts)
}

/// Words as the pipeline of WordPiece will cut them.
fn bert_words(normalizer: &BertNormalizer, text: &str) -> Result<Vec<String>, DataError> {
    let mut normalized = NormalizedString::from(text);
    normalizer.normalize(&mut normalized).map_err(failed)?;
    let mut words = PreTokenizedString::from(normalized);
    BertPreTokenizer.pre_tokenize(&mut words).map_err(failed)?;
    let splits = words.get_splits(OffsetReferential::Original, OffsetType::Byte);
    Ok(splits
        .into_iter()
        .map(|(word, ..)| word.to_owned())
        .collect())
}

/// Words with the mark in front. NUL is left out, it is the trainer's own separator.
fn marked_words(text: &str) -> Result<Vec<String>, DataError> {
    let words = text.split_whitespace();
    Ok(words
        .map(|word| format!("▁{}", word.replace('\0', "")))
        .collect())
}

/// Pieces with their log probabilities, special ones first.
fn train_pieces(
    trainer: &UnigramTrainer,
    words: WordCounts,
) -> Result<Vec<(String, f64)>, DataError> {
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
    let mut pieces: Vec<(String, f64)> = unigram.iter().cloned().collect();
    let num_special = trainer.special_tokens.len();
    if let Some(pieces) = pieces.get_mut(num_special..) {
        order(pieces);
    }
    Ok(pieces)
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

fn check_size(vocab_size: usize, num_special: usize) -> Result<(), DataError> {
    if vocab_size > num_special {
        return Ok(());
    }
    let reason =
        format!("a vocabulary of {vocab_size} has no room beside {num_special} special tokens");
    Err(DataError::TokenizerTraining { reason })
}

fn failed(error: tokenizers::Error) -> DataError {
    DataError::TokenizerTraining {
        reason: error.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn vocabulary(tokenizer: &Tokenizer) -> Vec<String> {
        (0..tokenizer.vocab_size())
            .map(|id| tokenizer.token(id as u32).unwrap())
            .collect()
    }

    #[test]
    fn the_same_texts_give_the_same_vocabulary() {
        let texts = synthetic::english(100, 3);
        for train in [word_piece::<&[String]>, unigram::<&[String]>] {
            let first = train(&texts, 300).unwrap();
            assert_eq!(vocabulary(&first), vocabulary(&train(&texts, 300).unwrap()));
        }
    }

    #[test]
    fn word_piece_starts_with_its_special_tokens() {
        let tokenizer = word_piece(synthetic::english(50, 3), 200).unwrap();
        assert_eq!(
            vocabulary(&tokenizer)[..5],
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        );
        assert_eq!(tokenizer.vocab_size(), 200);
    }

    #[test]
    fn unigram_ends_with_its_sentinels() {
        let tokenizer = unigram(synthetic::english(50, 3), 300).unwrap();
        let vocabulary = vocabulary(&tokenizer);
        assert_eq!(vocabulary[..3], ["<pad>", "</s>", "<unk>"]);
        assert_eq!(vocabulary.last().unwrap(), "<extra_id_0>");
        assert_eq!(tokenizer.num_sentinels(), 100);
        assert!(tokenizer.vocab_size() <= 300);
    }

    #[test]
    fn common_words_become_one_piece() {
        let texts = synthetic::english(200, 3);
        let ids = word_piece(&texts, 400)
            .unwrap()
            .encode_ordinary("the in")
            .unwrap();
        assert_eq!(ids.len(), 2);
        let ids = unigram(&texts, 500)
            .unwrap()
            .encode_ordinary("the in")
            .unwrap();
        assert_eq!(ids.len(), 2);
    }

    #[test]
    fn texts_without_words_and_sizes_without_room_are_errors() {
        let nothing = ["", " \n"];
        let training = |result: Result<Tokenizer, DataError>| {
            assert!(matches!(result, Err(DataError::TokenizerTraining { .. })));
        };
        training(word_piece(nothing, 100));
        training(unigram(nothing, 200));
        training(word_piece(["a word"], 5));
        training(unigram(["a word"], 103));
        training(unigram(["abcdefghijklmnopqrstuvwxyz"], 110));
    }
}
