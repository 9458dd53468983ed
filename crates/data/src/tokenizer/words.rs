//! Ids word by word: most words of a text have been seen before, and their ids are a look-up.
//!
//! A pipeline works on a whole document at once, with offsets and a copy of every step, and spends most of its time on
//! words it has met a thousand times. Where it treats the text between two spaces alike whatever stands around it
//! ([`is_separable`]), the ids of a text are those of its words in a row, and each word goes through it once.

use std::{cell::RefCell, collections::HashMap, fmt, mem, sync::Arc};

use super::soundness::guarded;
use foldhash::fast::RandomState;
use thread_local::ThreadLocal;
use tokenizers::{
    ModelWrapper, NormalizedString, Normalizer, NormalizerWrapper, PreTokenizerWrapper,
    Result as TokenizersResult, Tokenizer,
    pre_tokenizers::{metaspace::PrependScheme, sequence::Sequence},
};

/// Words of a generation, of which a thread keeps two: about 12 MiB in all, and enough for what a corpus repeats.
const MAX_WORDS: usize = 1 << 16;
/// Bytes of the longest word that is kept: what is longer hardly comes again.
pub(super) const MAX_WORD_BYTES: usize = 64;
/// Characters that text is cut at. Others are white space too, but not to every normalizer.
const SEPARATORS: [char; 2] = [' ', '\n'];

/// The ids of words seen before. Each thread keeps its own, so none waits for another; clones share them.
#[derive(Clone, Default)]
pub(super) struct SeenWords {
    threads: Arc<ThreadLocal<RefCell<Generations>>>,
}

/// When the young words are too many they become the old ones, and those are forgotten. A word met again is young
/// again, so the frequent ones stay and nothing has to be counted.
#[derive(Default)]
struct Generations {
    young: Words,
    old: Words,
}

/// Ranges of `ids` by word.
#[derive(Default)]
struct Words {
    ranges: HashMap<Box<str>, (u32, u32), RandomState>,
    ids: Vec<u32>,
}

impl SeenWords {
    /// Ids of `text` without special tokens around them; `model` is separable and always the same.
    pub(super) fn encode(&self, model: &Tokenizer, text: &str) -> TokenizersResult<Vec<u32>> {
        let mut seen = self.threads.get_or_default().borrow_mut();
        // English has about four bytes a token.
        let mut ids = Vec::with_capacity(text.len() / 3);
        for word in words(text) {
            if let Some(known) = seen.young.get(word) {
                ids.extend_from_slice(known);
            } else if let Some(known) = seen.old.get(word) {
                let start = ids.len();
                ids.extend_from_slice(known);
                seen.keep(word, &ids[start..]);
            } else {
                let encoding = guarded(|| model.encode_fast(word, false))?;
                ids.extend_from_slice(encoding.get_ids());
                seen.keep(word, encoding.get_ids());
            }
        }
        Ok(ids)
    }
}

impl Generations {
    fn keep(&mut self, word: &str, ids: &[u32]) {
        if word.len() > MAX_WORD_BYTES {
            return;
        }
        if self.young.ranges.len() == MAX_WORDS {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(word, ids);
    }
}

impl Words {
    fn get(&self, word: &str) -> Option<&[u32]> {
        let &(start, end) = self.ranges.get(word)?;
        self.ids.get(start as usize..end as usize)
    }

    fn insert(&mut self, word: &str, ids: &[u32]) {
        let start = self.num_ids();
        self.ids.extend_from_slice(ids);
        self.ranges.insert(word.into(), (start, self.num_ids()));
    }

    /// Below 2^32: so many words of so many bytes, and at most a few ids a byte.
    fn num_ids(&self) -> u32 {
        self.ids.len() as u32
    }
}

impl fmt::Debug for SeenWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SeenWords").finish_non_exhaustive()
    }
}

/// Whether the ids of a text are those of its [`words`] in a row.
///
/// That holds for ELECTRA's and T5's pipelines. The normalizer must work character by character (or, as SentencePiece's
/// map does, grapheme by grapheme) and leave white space of a separator; the pre-tokenizer must drop white space and
/// look at nothing beyond it; and no added token may reach over it.
pub(super) fn is_separable(model: &Tokenizer) -> bool {
    let splits = match (model.get_normalizer(), model.get_pre_tokenizer()) {
        (
            Some(NormalizerWrapper::BertNormalizer(_)),
            Some(PreTokenizerWrapper::BertPreTokenizer(_)),
        ) => true,
        (
            None | Some(NormalizerWrapper::Precompiled(_)),
            Some(PreTokenizerWrapper::Sequence(sequence)),
        ) => marks_words(sequence),
        _ => false,
    };
    let is_deterministic = match model.get_model() {
        ModelWrapper::Unigram(unigram) => unigram.alpha.is_none(),
        ModelWrapper::WordPiece(_) => true,
        _ => false,
    };
    let added = model.get_added_tokens_decoder();
    let mut added = added.values();
    let stays_within = added.all(|token| !token.normalized && !token.content.contains(SEPARATORS));
    splits
        && is_deterministic
        && stays_within
        && SEPARATORS
            .iter()
            .all(|separator| leaves_space(model, *separator))
}

/// Whether words are split at white space and each gets SentencePiece's mark.
fn marks_words(sequence: &Sequence) -> bool {
    let [split, mark] = sequence.as_ref() else {
        return false;
    };
    let is_always = |mark: &PreTokenizerWrapper| matches!(mark, PreTokenizerWrapper::Metaspace(mark) if mark.prepend_scheme == PrependScheme::Always);
    matches!(split, PreTokenizerWrapper::WhitespaceSplit(_)) && is_always(mark)
}

fn leaves_space(model: &Tokenizer, separator: char) -> bool {
    let mut text = NormalizedString::from(separator.to_string());
    let normalized = match model.get_normalizer() {
        Some(normalizer) => normalizer.normalize(&mut text),
        None => Ok(()),
    };
    normalized.is_ok() && !text.is_empty() && text.get().chars().all(char::is_whitespace)
}

/// `text` cut at the separators that are graphemes of their own: a combining mark behind a space, say, makes one
/// grapheme with it, and a character map may read the two as one.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    let pieces = std::iter::from_fn(move || {
        let text = rest?;
        let cut = cut(text);
        rest = cut.map(|cut| &text[cut + 1..]);
        Some(&text[..cut.unwrap_or(text.len())])
    });
    pieces.filter(|word| !word.is_empty())
}

/// The byte of the first separator to cut at. What stands before `text` was cut off, so its start is safe.
fn cut(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let separators = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| SEPARATORS.contains(&char::from(**byte)));
    separators.map(|(at, _)| at).find(|&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + 1..].chars().next();
        before.is_none_or(stands_alone) && after.is_none_or(stands_alone)
    })
}

/// Whether a space beside the character is a grapheme of its own (Unicode Standard Annex 29). Only ranges without
/// combining, joining, prepended and control characters are named, those that most text is written in.
fn stands_alone(character: char) -> bool {
    matches!(
        character,
        ' '..='~' | '\n' | '\u{a0}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{58f}'
            | '\u{1e00}'..='\u{1fff}' | '\u{2010}'..='\u{2027}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}'
            | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
