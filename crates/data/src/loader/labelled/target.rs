//! What a head may be trained to say.

use crate::tokenizer::EncodedRow;

/// What a head should say of an example: a class or a choice (`u32`), a value (`f32`), a class for some tokens
/// (`Vec<Option<u32>>`, one for each id of the row), the answer to a question ([`AnswerTarget`]).
pub trait Target: Clone + Send + Sync + 'static {
    /// What goes into the digest of the examples: other numbers for another target.
    fn digested(&self) -> Vec<u32>;

    /// Whether these can be the rows it is about.
    fn is_of(&self, rows: &[EncodedRow]) -> bool;
}

impl Target for u32 {
    fn digested(&self) -> Vec<u32> {
        vec![*self]
    }

    fn is_of(&self, rows: &[EncodedRow]) -> bool {
        // A class of a single row may be any.
        rows.len() == 1 || (*self as usize) < rows.len()
    }
}

impl Target for f32 {
    fn digested(&self) -> Vec<u32> {
        vec![self.to_bits()]
    }

    fn is_of(&self, _rows: &[EncodedRow]) -> bool {
        true
    }
}

impl Target for Vec<Option<u32>> {
    fn digested(&self) -> Vec<u32> {
        self.iter()
            .flat_map(|class| [u32::from(class.is_some()), class.unwrap_or(0)])
            .collect()
    }

    fn is_of(&self, rows: &[EncodedRow]) -> bool {
        rows.iter().all(|row| row.ids.len() == self.len())
    }
}

/// Where in its row the answer to a question is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerTarget {
    /// Place of its first token; 0, the place of `[CLS]`, when the row does not show all of it.
    pub first: usize,
    /// Place of its last token, 0 like the first.
    pub last: usize,
    /// Whether the whole context, of which the row may show a part, does not answer the question.
    pub is_impossible: bool,
}

impl Target for AnswerTarget {
    fn digested(&self) -> Vec<u32> {
        let halves = |place: usize| [place as u32, (place as u64 >> 32) as u32];
        let [first, last] = [self.first, self.last].map(halves);
        [&first[..], &last, &[u32::from(self.is_impossible)]].concat()
    }

    fn is_of(&self, rows: &[EncodedRow]) -> bool {
        self.first <= self.last && rows.iter().all(|row| self.last < row.ids.len())
    }
}
