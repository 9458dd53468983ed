//! Plurals of nouns and past tenses of verbs, of English words and of invented ones, for which the rules decide.

use super::lexicon::{IRREGULAR_NOUNS, IRREGULAR_VERBS, NOUNS, VERBS};
use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// An inflected word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inflected {
    pub(super) form: String,
    /// False for an exception, which no rule gives.
    pub(super) follows_rule: bool,
}

/// Share of English words, the others are invented.
const ENGLISH_WORDS: f64 = 0.4;

const ONSETS: [&str; 20] = [
    "b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "bl", "dr", "gr", "pl",
    "st", "tr",
];
const MIDDLES: [&str; 10] = ["b", "k", "l", "m", "n", "p", "r", "t", "v", "z"];
const VOWELS: [&str; 5] = ["a", "e", "i", "o", "u"];
const NOUN_ENDINGS: [&str; 16] = [
    "b", "d", "lk", "l", "m", "n", "p", "r", "t", "nk", "st", "sh", "ch", "x", "zz", "ly",
];
const VERB_ENDINGS: [&str; 12] = [
    "lk", "lt", "mp", "nd", "nk", "st", "sh", "rk", "ke", "ve", "te", "ry",
];

pub(super) fn random_noun(rng: &mut ChaCha8Rng) -> String {
    random_word(rng, &NOUNS, &IRREGULAR_NOUNS, &NOUN_ENDINGS)
}

pub(super) fn random_verb(rng: &mut ChaCha8Rng) -> String {
    random_word(rng, &VERBS, &IRREGULAR_VERBS, &VERB_ENDINGS)
}

fn random_word(
    rng: &mut ChaCha8Rng,
    regular: &[&str],
    irregular: &[(&str, &str)],
    endings: &[&str],
) -> String {
    if rng.random_bool(ENGLISH_WORDS) {
        let index = rng.random_range(0..regular.len() + irregular.len());
        let exception = || irregular[index - regular.len()].0;
        return regular
            .get(index)
            .copied()
            .unwrap_or_else(exception)
            .to_owned();
    }
    let mut pick = |parts: &[&'static str]| parts.choose(rng).copied().unwrap_or_default();
    let start = [pick(&ONSETS), pick(&VOWELS), pick(&MIDDLES), pick(&VOWELS)].concat();
    let ending = endings.choose(rng).copied().unwrap_or_default();
    start + ending
}

pub(super) fn plural(noun: &str) -> Inflected {
    exception(&IRREGULAR_NOUNS, noun).unwrap_or_else(|| by_rule(regular_plural(noun)))
}

pub(super) fn past(verb: &str) -> Inflected {
    exception(&IRREGULAR_VERBS, verb).unwrap_or_else(|| by_rule(regular_past(verb)))
}

fn exception(irregular: &[(&str, &str)], word: &str) -> Option<Inflected> {
    let (_, form) = irregular.iter().find(|(plain, _)| *plain == word)?;
    Some(Inflected {
        form: (*form).to_owned(),
        follows_rule: false,
    })
}

fn by_rule(form: String) -> Inflected {
    Inflected {
        form,
        follows_rule: true,
    }
}

/// `-ves`, `-ies`, `-es` or `-s`. The nouns are chosen so that these rules hold: no "roof", no "piano".
pub(super) fn regular_plural(noun: &str) -> String {
    let sibilant = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|ending| noun.ends_with(ending));
    if let Some(stem) = noun.strip_suffix("fe").or_else(|| noun.strip_suffix('f')) {
        format!("{stem}ves")
    } else if let Some(stem) = consonant_before(noun, 'y') {
        format!("{stem}ies")
    } else if sibilant || consonant_before(noun, 'o').is_some() {
        format!("{noun}es")
    } else {
        format!("{noun}s")
    }
}

/// The form of a verb that goes with a singular, by the same rules: "hisses", "flies", "barks".
pub(super) fn third_person(verb: &str) -> String {
    regular_plural(verb)
}

/// `-d`, `-ied`, `-ed`, or `-ed` after the last letter twice where a short word ends in one vowel and one consonant.
fn regular_past(verb: &str) -> String {
    if verb.ends_with('e') {
        format!("{verb}d")
    } else if let Some(stem) = consonant_before(verb, 'y') {
        format!("{stem}ied")
    } else if let Some(last) = doubled_letter(verb) {
        format!("{verb}{last}ed")
    } else {
        format!("{verb}ed")
    }
}

/// The word without its `last` letter, if a consonant stands before that.
fn consonant_before(word: &str, last: char) -> Option<&str> {
    word.strip_suffix(last)
        .filter(|stem| stem.ends_with(|letter| !is_vowel(letter)))
}

fn doubled_letter(verb: &str) -> Option<char> {
    let mut backwards = verb.chars().rev();
    let (last, vowel, before) = (backwards.next()?, backwards.next()?, backwards.next()?);
    let short = verb.chars().filter(|&letter| is_vowel(letter)).count() == 1;
    let closed = !is_vowel(last) && is_vowel(vowel) && !is_vowel(before);
    (short && closed && !"wxy".contains(last)).then_some(last)
}

fn is_vowel(letter: char) -> bool {
    "aeiou".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn plurals_follow_the_ending() {
        for (noun, form) in [
            ("dog", "dogs"),
            ("box", "boxes"),
            ("church", "churches"),
            ("city", "cities"),
            ("day", "days"),
            ("wolf", "wolves"),
            ("knife", "knives"),
            ("potato", "potatoes"),
            ("child", "children"),
            ("sheep", "sheep"),
        ] {
            assert_eq!(plural(noun).form, form);
        }
    }

    #[test]
    fn past_tenses_follow_the_ending() {
        for (verb, form) in [
            ("walk", "walked"),
            ("bake", "baked"),
            ("cry", "cried"),
            ("play", "played"),
            ("stop", "stopped"),
            ("look", "looked"),
            ("fix", "fixed"),
            ("open", "opened"),
            ("go", "went"),
        ] {
            assert_eq!(past(verb).form, form);
        }
    }

    #[test]
    fn word_lists_hold_no_word_twice() {
        let nouns = NOUNS
            .iter()
            .copied()
            .chain(IRREGULAR_NOUNS.iter().map(|pair| pair.0));
        let verbs = VERBS
            .iter()
            .copied()
            .chain(IRREGULAR_VERBS.iter().map(|pair| pair.0));
        for words in [nouns.collect::<Vec<_>>(), verbs.collect()] {
            let distinct: HashSet<&str> = words.iter().copied().collect();
            assert_eq!(distinct.len(), words.len());
        }
    }
}
