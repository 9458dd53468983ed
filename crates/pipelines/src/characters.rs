//! Stretches of a text, counted in characters.

use std::ops::Range;

/// Where the characters of a text start.
#[derive(Debug)]
pub(crate) struct Characters<'a> {
    text: &'a str,
    /// The byte of each character, and one past the last.
    bytes: Vec<usize>,
}

impl<'a> Characters<'a> {
    pub fn of(text: &'a str) -> Self {
        let bytes = text.char_indices().map(|(byte, _)| byte);
        Self {
            text,
            bytes: bytes.chain([text.len()]).collect(),
        }
    }

    /// The text of a range of characters; empty where it goes past the end.
    pub fn slice(&self, range: Range<usize>) -> &'a str {
        let byte = |character: usize| self.bytes.get(character).copied();
        let bytes = byte(range.start).zip(byte(range.end));
        let slice = bytes.and_then(|(start, end)| self.text.get(start..end));
        slice.unwrap_or_default()
    }
}
