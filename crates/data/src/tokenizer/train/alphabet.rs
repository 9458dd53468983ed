//! Which characters a vocabulary spells words with. Any text of the web has thousands that occur once or twice.

use super::counting::Counts;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Letters that BERT's trainers keep at most.
const MAX_LETTERS: usize = 1000;
/// Of 10,000 characters of a text, those that are kept: SentencePiece's `character_coverage`, 0.9995 by default.
const COVERAGE: u128 = 9995;
/// Characters that are kept whatever share of a text they are: SentencePiece advises full coverage of a small alphabet.
const SMALL_ALPHABET: usize = 256;

/// The most frequent letters, as many as BERT keeps and as `room` entries hold: a letter needs one, and one more where
/// it also stands inside a word.
pub(super) fn most_frequent(words: &Counts, room: usize) -> BTreeSet<char> {
    let inside: BTreeSet<char> = words.keys().flat_map(|word| word.chars().skip(1)).collect();
    let mut entries = 0;
    let letters = by_frequency(words).into_iter().take(MAX_LETTERS);
    let fitting = letters.take_while(|(letter, _)| {
        entries += 1 + usize::from(inside.contains(letter));
        entries <= room
    });
    fitting.map(|(letter, _)| letter).collect()
}

/// The most frequent characters that make up the share of the texts which is covered. Where there are few characters
/// each may be rare and still needed (a capital, a digit): so many as `room` entries hold are kept, up to a limit.
pub(super) fn covering(words: &Counts, room: usize) -> BTreeSet<char> {
    let letters = by_frequency(words);
    let total: u128 = letters.iter().map(|(_, count)| u128::from(*count)).sum();
    let mut covered = 0;
    let needed = letters.iter().take_while(|(_, count)| {
        let is_needed = covered * 10_000 < total * COVERAGE;
        covered += u128::from(*count);
        is_needed
    });
    let num_kept = needed.count().max(room.min(SMALL_ALPHABET));
    letters
        .into_iter()
        .take(num_kept)
        .map(|(letter, _)| letter)
        .collect()
}

/// Falling; ties by the character, so that there is one order.
fn by_frequency(words: &Counts) -> Vec<(char, u64)> {
    let mut counts: BTreeMap<char, u64> = BTreeMap::new();
    for (word, count) in words {
        for letter in word.chars() {
            *counts.entry(letter).or_default() += count;
        }
    }
    let mut letters: Vec<_> = counts.into_iter().collect();
    letters.sort_by_key(|&(letter, count)| (Reverse(count), letter));
    letters
}

/// The words that can be spelt with the letters: WordPiece takes any other as a whole for unknown.
pub(super) fn spelt_with(mut words: Counts, letters: &BTreeSet<char>) -> Counts {
    words.retain(|word, _| word.chars().all(|letter| letters.contains(&letter)));
    words
}

/// What is left of the words where characters outside of `letters` are unknown: no piece reaches over one.
pub(super) fn fragments(words: Counts, letters: &BTreeSet<char>) -> Counts {
    let mut fragments = Counts::new();
    for (word, count) in words {
        let parts = word.split(|letter| !letters.contains(&letter));
        for part in parts.filter(|part| !part.is_empty()) {
            *fragments.entry(part.to_owned()).or_default() += count;
        }
    }
    fragments
}
