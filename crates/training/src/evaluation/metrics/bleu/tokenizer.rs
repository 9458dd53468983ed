//! The tokenizers of BLEU.

use std::fmt;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// What makes words of a text before BLEU counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BleuTokenizer {
    /// That of NIST's script `mteval-v13a`: ASCII punctuation is cut off, but not dots and commas within numbers.
    V13a,
    /// That of `mteval-v14` with international tokenisation: any punctuation and symbol of Unicode is cut off.
    International,
    /// Every character is a word.
    Character,
    /// Words are what stands between white space.
    None,
}

impl fmt::Display for BleuTokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V13a => "13a",
            Self::International => "intl",
            Self::Character => "char",
            Self::None => "none",
        })
    }
}

impl BleuTokenizer {
    /// The text with white space between its words.
    pub(super) fn tokenize(self, text: &str) -> String {
        match self {
            Self::V13a => v13a(text),
            Self::International => international(text),
            Self::Character => text
                .chars()
                .flat_map(|character| [character, ' '])
                .collect(),
            Self::None => text.to_owned(),
        }
    }
}

fn v13a(text: &str) -> String {
    let mut text = text
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ");
    for (entity, character) in [
        ("&quot;", "\""),
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ] {
        text = text.replace(entity, character);
    }
    let is_digit = |c: char| c.is_ascii_digit();
    let is_point = |c: char| matches!(c, '.' | ',');
    let is_symbol =
        |c: char| c == ' ' || (c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '-' | '\''));
    let text = spaced(&format!(" {text} "), is_symbol);
    let text = parted(
        &text,
        |left, right| !is_digit(left) && is_point(right),
        Space::Around,
    );
    let text = parted(
        &text,
        |left, right| is_point(left) && !is_digit(right),
        Space::Before,
    );
    parted(
        &text,
        |left, right| is_digit(left) && right == '-',
        Space::Around,
    )
}

fn international(text: &str) -> String {
    use GeneralCategoryGroup::{Number, Punctuation, Symbol};
    let is = |character: char, group| character.general_category_group() == group;
    let before = |left, right| !is(left, Number) && is(right, Punctuation);
    let text = parted(text, before, Space::Around);
    let behind = |left, right| is(left, Punctuation) && !is(right, Number);
    let text = parted(&text, behind, Space::Before);
    spaced(&text, |character| is(character, Symbol))
}

/// The text with spaces around the characters that are to be words.
fn spaced(text: &str, is_word: impl Fn(char) -> bool) -> String {
    let mut result = String::with_capacity(2 * text.len());
    for character in text.chars() {
        if is_word(character) {
            result.extend([' ', character, ' ']);
        } else {
            result.push(character);
        }
    }
    result
}

/// Where a pair of neighbours gets its spaces.
#[derive(Clone, Copy)]
enum Space {
    /// Around the right one.
    Around,
    /// Before each of the two.
    Before,
}

/// The text with spaces in its pairs of neighbours for which it is so. As in a regular expression's replacement, pairs
/// are found from the left and do not overlap.
fn parted(text: &str, is_pair: impl Fn(char, char) -> bool, space: Space) -> String {
    let mut result = String::with_capacity(2 * text.len());
    let mut characters = text.chars().peekable();
    while let Some(left) = characters.next() {
        match (characters.next_if(|right| is_pair(left, *right)), space) {
            (None, _) => result.push(left),
            (Some(right), Space::Around) => result.extend([left, ' ', right, ' ']),
            (Some(right), Space::Before) => result.extend([' ', left, ' ', right]),
        }
    }
    result
}
