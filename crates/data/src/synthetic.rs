//! Corpora made by program: sentences of a small English grammar, and text-to-text tasks whose right answer is known.
//! The same seed gives the same corpus. Their manifests stand under `datasets/`.

mod dates;
mod grammar;
mod inflection;
mod lexicon;
mod numbers;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::source::TextPair;

/// The tasks of [`tasks`]: number words to digits, dates to ISO 8601, plurals of nouns, past tenses of verbs.
pub const TASKS: [&str; 4] = [NUMBER, DATE, PLURAL, PAST];
const NUMBER: &str = "number";
const DATE: &str = "date";
const PLURAL: &str = "plural";
const PAST: &str = "past";

/// One text in this many is held out.
const HELD_OUT_ONE_IN: u64 = 10;

/// Documents of three to seven sentences about one animal, craft, season or thing. Subjects and verbs agree in number,
/// also across relative clauses; what an animal eats and where a craft is at home is always the same, so that a missing
/// word often follows from the others.
pub fn english(num_documents: usize, seed: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..num_documents)
        .map(|_| grammar::document(&mut rng))
        .collect()
}

/// Examples of all [`TASKS`], mixed. Each question always has the same answer; whether one belongs to the held-out part
/// is for [`is_held_out`] to say.
pub fn tasks(num_examples: usize, seed: u64) -> Vec<TextPair> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..num_examples).map(|_| example(&mut rng)).collect()
}

/// Whether a text belongs to the held-out part, about one in ten. It depends on the text alone, so no text stands in
/// both parts, whatever the seeds.
pub fn is_held_out(input: &str) -> bool {
    hash(input.as_bytes()).is_multiple_of(HELD_OUT_ONE_IN)
}

fn example(rng: &mut ChaCha8Rng) -> TextPair {
    loop {
        let (task, question, target, derivable) = match rng.random_range(0..10) {
            0..3 => {
                let number = rng.random_range(0..=numbers::HIGHEST);
                (NUMBER, numbers::in_words(number), number.to_string(), true)
            }
            3..6 => {
                let date = dates::random(rng);
                (DATE, date.written(), date.iso(), true)
            }
            6..8 => {
                let word = inflection::random_noun(rng);
                let plural = inflection::plural(&word);
                (PLURAL, word, plural.form, plural.follows_rule)
            }
            _ => {
                let word = inflection::random_verb(rng);
                let past = inflection::past(&word);
                (PAST, word, past.form, past.follows_rule)
            }
        };
        let input = format!("{task}: {question}");
        // An exception can only be learnt by heart, so it is no fair question about words never seen.
        if derivable || !is_held_out(&input) {
            return TextPair {
                task: task.to_owned(),
                input,
                target,
                targets: Vec::new(),
            };
        }
    }
}

/// FNV-1a with its bits mixed at the end: short and the same on every machine.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn the_same_seed_gives_the_same_corpus() {
        assert_eq!(english(50, 7), english(50, 7));
        assert_eq!(tasks(200, 7), tasks(200, 7));
        assert_ne!(english(50, 7), english(50, 8));
        assert_ne!(tasks(200, 7), tasks(200, 8));
    }

    #[test]
    fn documents_have_three_to_seven_sentences() {
        for document in english(300, 1) {
            let num_sentences = document.matches('.').count();
            assert!((3..=7).contains(&num_sentences), "{document}");
            assert!(document.starts_with(char::is_uppercase), "{document}");
            assert!(!document.contains("  "), "{document}");
        }
    }

    #[test]
    fn the_english_lexicon_is_small() {
        let documents = english(3000, 1).join(" ").to_lowercase();
        let words: HashSet<&str> = documents.split(|c: char| !c.is_alphabetic()).collect();
        // Word forms, plurals and verb endings counted separately.
        assert!((250..=350).contains(&words.len()), "{}", words.len());
    }

    #[test]
    fn a_tenth_of_each_task_is_held_out() {
        let mut counts: HashMap<&str, (f64, f64)> = HashMap::new();
        let distinct: HashSet<(String, String)> = tasks(20_000, 3)
            .into_iter()
            .map(|pair| (pair.task, pair.input))
            .collect();
        for (task, input) in &distinct {
            let count = counts.entry(task).or_default();
            count.0 += 1.0;
            count.1 += f64::from(u8::from(is_held_out(input)));
        }
        assert_eq!(counts.len(), TASKS.len());
        for (task, (total, held_out)) in counts {
            let fraction = held_out / total;
            assert!(
                (0.07..0.13).contains(&fraction),
                "{task}: {fraction} of {total}"
            );
        }
    }

    #[test]
    fn a_question_always_has_the_same_answer() {
        let mut answers = HashMap::new();
        for pair in tasks(20_000, 4).into_iter().chain(tasks(20_000, 5)) {
            let answer = answers
                .entry(pair.input.clone())
                .or_insert_with(|| pair.target.clone());
            assert_eq!(*answer, pair.target, "{}", pair.input);
            assert!(pair.input.starts_with(&format!("{}: ", pair.task)));
        }
    }
}
