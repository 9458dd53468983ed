//! Batches for an encoder alone.

use super::{Matrix, num_real, padding_mask};
use crate::tokenizer::EncodedRow;

/// A batch for an encoder with a head on top.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderBatch {
    /// `[batch, source]`
    pub input_ids: Matrix<u32>,
    /// `[batch, source]`, true = padding.
    pub padding_mask: Matrix<bool>,
    /// `[batch, source]`, 0 for padding.
    pub token_type_ids: Matrix<u32>,
}

impl EncoderBatch {
    /// Pads rows to `source` columns with the id `pad`; what goes past them is cut off.
    pub fn from_rows(rows: &[&EncodedRow], source: usize, pad: u32) -> Self {
        let ids = rows.iter().map(|row| row.ids.as_slice());
        let types = rows.iter().map(|row| row.token_type_ids.as_slice());
        let lengths = rows.iter().map(|row| row.ids.len());
        Self {
            input_ids: Matrix::padded(ids, source, pad),
            padding_mask: padding_mask(lengths, source),
            token_type_ids: Matrix::padded(types, source, 0),
        }
    }

    /// Real tokens, `[CLS]` and `[SEP]` included.
    pub fn num_tokens(&self) -> usize {
        num_real(&self.padding_mask)
    }

    /// Cells, whether a token is in them or padding.
    pub fn num_cells(&self) -> usize {
        self.padding_mask.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_the_pad_id_and_is_of_the_first_text() {
        let rows = [
            EncodedRow {
                ids: vec![2, 11, 3, 12, 3],
                token_type_ids: vec![0, 0, 0, 1, 1],
            },
            EncodedRow {
                ids: vec![2, 3],
                token_type_ids: vec![0, 0],
            },
        ];
        let batch = EncoderBatch::from_rows(&rows.each_ref(), 6, 9);
        assert_eq!(batch.input_ids.row(0), [2, 11, 3, 12, 3, 9]);
        assert_eq!(batch.input_ids.row(1), [2, 3, 9, 9, 9, 9]);
        assert_eq!(batch.token_type_ids.row(0), [0, 0, 0, 1, 1, 0]);
        assert_eq!(
            batch.padding_mask.row(1),
            [false, false, true, true, true, true]
        );
        assert_eq!((batch.num_tokens(), batch.num_cells()), (7, 12));
    }
}
