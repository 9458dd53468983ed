//! What a head may be trained to say.

use crate::tokenizer::EncodedRow;

/// What a head should say of an example: a class or a choice (`u32`), a value (`f32`), a class for some tokens
/// (`Vec<Option<u32>>`, one for each id of the row), the places of a span's first and last token (`(usize, usize)`).
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

impl Target for (usize, usize) {
    fn digested(&self) -> Vec<u32> {
        let halves = |place: usize| [place as u32, (place as u64 >> 32) as u32];
        [halves(self.0), halves(self.1)].concat()
    }

    fn is_of(&self, rows: &[EncodedRow]) -> bool {
        self.0 <= self.1 && rows.iter().all(|row| self.1 < row.ids.len())
    }
}
