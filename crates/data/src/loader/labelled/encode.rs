//! Labelled records as rows of ids.

use super::{LabelNames, Labelled};
use crate::DataError;
use crate::loader::{encoding::encoded, truncated};
use crate::objective::token_classification::WordAlignment;
use crate::source::labelled::{Choices, Label, LabelledText, LabelledWords};
use crate::tokenizer::{EncodedRow, Tokenizer};

/// Makes rows of at most so many ids, on all cores. `progress` hears of each chunk how many records and tokens it had.
#[derive(Clone, Copy, Debug)]
pub struct LabelledEncoder<'a> {
    /// Makes ids of text.
    pub tokenizer: &'a Tokenizer,
    /// Ids of a row, special ones included; a text is cut at its end, of two the longer one first.
    pub max_length: usize,
}

impl LabelledEncoder<'_> {
    /// Texts, or pairs of them, with their classes.
    ///
    /// # Errors
    /// [`DataError::UnexpectedLabel`] for a class that `names` has not, [`DataError::PairTooShort`] when a row does not
    /// hold the special tokens, [`DataError::Tokenization`] when the tokenizer refuses a text.
    pub fn classes(
        &self,
        texts: &[LabelledText],
        names: &LabelNames,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Labelled<u32>>, DataError> {
        self.texts(texts, progress, |label| names.id(&label.to_string()))
    }

    /// Texts, or pairs of them, with their values.
    ///
    /// # Errors
    /// [`DataError::UnexpectedLabel`] for a label that is no number, else as [`Self::classes`].
    pub fn values(
        &self,
        texts: &[LabelledText],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Labelled<f32>>, DataError> {
        self.texts(texts, progress, |label| {
            label.value().ok_or_else(|| DataError::UnexpectedLabel {
                label: label.to_string(),
                expected: "a number".to_owned(),
            })
        })
    }

    /// Words with the class of each at its first piece.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] when the special tokens leave no room, [`DataError::LabelCount`] for words with more
    /// or fewer labels, else as [`Self::classes`].
    pub fn words(
        &self,
        sentences: &[LabelledWords],
        names: &LabelNames,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Labelled<Vec<Option<u32>>>>, DataError> {
        let alignment = WordAlignment::new(self.tokenizer, self.max_length)?;
        encoded(sentences, progress, |sentence| {
            let labels = sentence.labels.iter().map(|label| names.id(label));
            let labels = labels.collect::<Result<Vec<u32>, _>>()?;
            let aligned = alignment.align(&sentence.words)?;
            let target = aligned.labels(&labels)?;
            Ok(counted(vec![EncodedRow::of_one_text(aligned.ids)], target))
        })
    }

    /// A row for each choice, its context in front, with the place of the right one.
    ///
    /// # Errors
    /// As [`Self::classes`], but for labels.
    pub fn choices(
        &self,
        records: &[Choices],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Labelled<u32>>, DataError> {
        encoded(records, progress, |record| {
            let row = |choice: &String| {
                let (context, max_length) = (&record.context, self.max_length);
                self.tokenizer.encode_pair(context, choice, max_length)
            };
            let rows = record.choices.iter().map(row).collect::<Result<_, _>>()?;
            Ok(counted(rows, record.label as u32))
        })
    }

    fn texts<T: Send>(
        &self,
        texts: &[LabelledText],
        progress: &mut dyn FnMut(usize, usize),
        target: impl Fn(&Label) -> Result<T, DataError> + Sync,
    ) -> Result<Vec<Labelled<T>>, DataError> {
        // That a row holds the special tokens of one text; those of two are looked after where there are two.
        self.tokenizer.encode_pair("", "", self.max_length)?;
        encoded(texts, progress, |text| {
            Ok(counted(vec![self.row(text)?], target(&text.label)?))
        })
    }

    fn row(&self, text: &LabelledText) -> Result<EncodedRow, DataError> {
        match &text.second {
            Some(second) => (self.tokenizer).encode_pair(&text.first, second, self.max_length),
            // An empty second text would be one to ByT5.
            None => {
                let ids = self.tokenizer.encode(&text.first)?;
                Ok(EncodedRow::of_one_text(truncated(&ids, self.max_length)))
            }
        }
    }
}

/// An example with its number of tokens.
fn counted<T>(rows: Vec<EncodedRow>, target: T) -> (Labelled<T>, usize) {
    let num_tokens = rows.iter().map(|row| row.ids.len()).sum();
    (Labelled { rows, target }, num_tokens)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
