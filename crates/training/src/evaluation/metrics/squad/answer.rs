//! One answer against another.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::evaluation::metrics::F1Score;
use crate::evaluation::metrics::multiset::{count, num_shared};
use crate::evaluation::metrics::text::words;

/// What the scripts compare: the text in lower case, without ASCII punctuation and the articles "a", "an" and "the",
/// one space between words.
pub fn normalize_answer(text: &str) -> String {
    let lower = text.to_lowercase();
    let bare: String = lower
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    let mut kept = String::with_capacity(bare.len());
    for piece in bare.split_inclusive(|c| !is_word_character(c)) {
        let word = piece.trim_end_matches(|c| !is_word_character(c));
        if matches!(word, "a" | "an" | "the") {
            kept.push(' ');
            kept.push_str(&piece[word.len()..]);
        } else {
            kept.push_str(piece);
        }
    }
    words(&kept).collect::<Vec<_>>().join(" ")
}

/// Whether it is a `\w` of Python's regular expressions. Unlike Rust's, they leave combining marks out, so that an "a"
/// with a combining accent is an article.
fn is_word_character(character: char) -> bool {
    let group = character.general_category_group();
    matches!(
        group,
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number
    )
}

/// F1 of the words of two normalised answers; 0 where they share none.
pub(super) fn words_f1(prediction: &str, answer: &str) -> f64 {
    let (predicted, right) = (count(words(prediction)), count(words(answer)));
    let (num_predicted, num_references) = (predicted.values().sum(), right.values().sum());
    F1Score::new(
        num_shared(&predicted, &right),
        num_predicted,
        num_references,
    )
    .f1
}
