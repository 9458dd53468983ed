//! Batches on the host: row-major matrices of ids, masks and weights, ready to be made into tensors.

mod by_length;
mod encoder;

pub use by_length::by_length;
pub use encoder::EncoderBatch;

use crate::objective::replaced_token_detection::MaskedExample;

/// T5's padding id, which is also the id its decoder starts from.
const SEQ2SEQ_PAD: u32 = 0;

/// A row-major matrix, `[rows, columns]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix<T> {
    /// `rows * columns` values, one row after the other.
    pub values: Vec<T>,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
}

impl<T: Copy> Matrix<T> {
    /// A matrix with one value everywhere.
    pub fn filled(rows: usize, columns: usize, value: T) -> Self {
        Self {
            values: vec![value; rows * columns],
            rows,
            columns,
        }
    }

    /// The values of one row.
    ///
    /// # Panics
    /// When the matrix has no such row.
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// A row from a column on.
    fn rest(&mut self, row: usize, column: usize) -> &mut [T] {
        &mut self.values[row * self.columns..][column..self.columns]
    }

    /// Rows of differing lengths, each followed by `padding` up to `columns`; what goes past `columns` is cut off.
    fn padded<'a>(rows: impl ExactSizeIterator<Item = &'a [T]>, columns: usize, padding: T) -> Self
    where
        T: 'a,
    {
        let mut matrix = Self::filled(rows.len(), columns, padding);
        for (index, row) in rows.enumerate() {
            let length = row.len().min(columns);
            matrix.values[index * columns..][..length].copy_from_slice(&row[..length]);
        }
        matrix
    }
}

/// Which cells of rows of the given lengths are padding.
fn padding_mask(lengths: impl ExactSizeIterator<Item = usize>, columns: usize) -> Matrix<bool> {
    let mut mask = Matrix::filled(lengths.len(), columns, true);
    for (row, length) in lengths.enumerate() {
        mask.values[row * columns..][..length.min(columns)].fill(false);
    }
    mask
}

fn num_real(padding_mask: &Matrix<bool>) -> usize {
    padding_mask
        .values
        .iter()
        .filter(|&&padding| !padding)
        .count()
}

/// A batch for an encoder-decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Seq2SeqBatch {
    /// `[batch, source]`
    pub encoder_input_ids: Matrix<u32>,
    /// `[batch, source]`, true = padding.
    pub encoder_padding_mask: Matrix<bool>,
    /// `[batch, target]`: the targets of each example shifted right, the start id (0) in front.
    pub decoder_input_ids: Matrix<u32>,
    /// `[batch, target]`, 0 where there is no target.
    pub decoder_target_ids: Matrix<u32>,
    /// `[batch, target]`, 1 = a target, 0 = padding.
    pub decoder_loss_weights: Matrix<f32>,
    /// Which token belongs to which example, where rows are packed.
    pub segment_ids: Option<SegmentIds>,
}

/// The examples of packed rows, numbered from 1; 0 for padding. Positions are none of a batch's business: T5 knows
/// distances only, and those within an example are what they are in a row of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentIds {
    /// `[batch, source]`
    pub encoder: Matrix<u32>,
    /// `[batch, target]`
    pub decoder: Matrix<u32>,
}

impl Seq2SeqBatch {
    /// Pads pairs of inputs and targets, one a row, to `source` and `target` columns; what goes past them is cut off.
    pub fn from_pairs<I, T>(pairs: &[(I, T)], source: usize, target: usize) -> Self
    where
        I: AsRef<[u32]>,
        T: AsRef<[u32]>,
    {
        let mut batch = Self::empty(pairs.len(), source, target);
        for (row, pair) in pairs.iter().enumerate() {
            batch.fill(row, &mut Filled::default(), pair);
        }
        batch
    }

    /// The same with any number of pairs in a row, one behind the other.
    pub fn packed<I, T>(rows: &[Vec<(I, T)>], source: usize, target: usize) -> Self
    where
        I: AsRef<[u32]>,
        T: AsRef<[u32]>,
    {
        let mut batch = Self {
            segment_ids: Some(SegmentIds {
                encoder: Matrix::filled(rows.len(), source, 0),
                decoder: Matrix::filled(rows.len(), target, 0),
            }),
            ..Self::empty(rows.len(), source, target)
        };
        for (row, pairs) in rows.iter().enumerate() {
            let mut filled = Filled::default();
            for pair in pairs {
                batch.fill(row, &mut filled, pair);
            }
        }
        batch
    }

    fn empty(rows: usize, source: usize, target: usize) -> Self {
        Self {
            encoder_input_ids: Matrix::filled(rows, source, SEQ2SEQ_PAD),
            encoder_padding_mask: Matrix::filled(rows, source, true),
            decoder_input_ids: Matrix::filled(rows, target, SEQ2SEQ_PAD),
            decoder_target_ids: Matrix::filled(rows, target, SEQ2SEQ_PAD),
            decoder_loss_weights: Matrix::filled(rows, target, 0.0),
            segment_ids: None,
        }
    }

    /// Appends a pair to a row.
    fn fill<I, T>(&mut self, row: usize, filled: &mut Filled, (input, target): &(I, T))
    where
        I: AsRef<[u32]>,
        T: AsRef<[u32]>,
    {
        let inputs = self.encoder_input_ids.rest(row, filled.source);
        let num_inputs = input.as_ref().len().min(inputs.len());
        let input = &input.as_ref()[..num_inputs];
        inputs[..num_inputs].copy_from_slice(input);
        self.encoder_padding_mask.rest(row, filled.source)[..num_inputs].fill(false);

        let targets = self.decoder_target_ids.rest(row, filled.target);
        let num_targets = target.as_ref().len().min(targets.len());
        let target = &target.as_ref()[..num_targets];
        targets[..num_targets].copy_from_slice(target);
        if let Some((start, shifted)) = (self.decoder_input_ids)
            .rest(row, filled.target)
            .split_first_mut()
        {
            *start = SEQ2SEQ_PAD;
            let num_shifted = num_targets.min(shifted.len());
            shifted[..num_shifted].copy_from_slice(&target[..num_shifted]);
        }
        self.decoder_loss_weights.rest(row, filled.target)[..num_targets].fill(1.0);

        filled.num_pairs += 1;
        if let Some(ids) = &mut self.segment_ids {
            ids.encoder.rest(row, filled.source)[..num_inputs].fill(filled.num_pairs);
            ids.decoder.rest(row, filled.target)[..num_targets].fill(filled.num_pairs);
        }
        filled.source += num_inputs;
        filled.target += num_targets;
    }

    /// Cells, those of the inputs and of the targets, whether a token is in them or padding.
    pub fn num_cells(&self) -> usize {
        self.encoder_padding_mask.values.len() + self.decoder_loss_weights.values.len()
    }

    /// Real tokens, those of the inputs and of the targets.
    pub fn num_tokens(&self) -> usize {
        num_real(&self.encoder_padding_mask) + self.num_target_tokens()
    }

    /// Real tokens of the targets.
    pub fn num_target_tokens(&self) -> usize {
        let weights = &self.decoder_loss_weights.values;
        weights.iter().filter(|&&weight| weight > 0.0).count()
    }
}

/// How far a row is filled.
#[derive(Default)]
struct Filled {
    source: usize,
    target: usize,
    num_pairs: u32,
}

/// A batch for replaced-token detection.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedBatch {
    /// `[batch, source]`, the original ids.
    pub input_ids: Matrix<u32>,
    /// `[batch, source]`, what the generator sees.
    pub masked_input_ids: Matrix<u32>,
    /// `[batch, source]`, true = padding.
    pub padding_mask: Matrix<bool>,
    /// `[batch, source]`
    pub token_type_ids: Matrix<u32>,
    /// `[batch, positions]`, the positions the generator predicts, ascending; then 0 up to the end of the row.
    pub masked_positions: Matrix<u32>,
    /// `[batch, positions]`, 1 = a position, 0 = padding of the list.
    pub masked_weights: Matrix<f32>,
}

impl MaskedBatch {
    /// Pads examples to `source` columns with the id `pad`, and their positions to `num_positions`.
    pub fn from_examples(
        examples: &[MaskedExample],
        source: usize,
        num_positions: usize,
        pad: u32,
    ) -> Self {
        let rows = examples.len();
        let mut masked_weights = Matrix::filled(rows, num_positions, 0.0);
        for (row, example) in examples.iter().enumerate() {
            let count = example.masked_positions.len().min(num_positions);
            masked_weights.values[row * num_positions..][..count].fill(1.0);
        }
        let original = examples.iter().map(|example| example.input_ids.as_slice());
        let masked = examples
            .iter()
            .map(|example| example.masked_input_ids.as_slice());
        let positions = examples
            .iter()
            .map(|example| example.masked_positions.as_slice());
        let types = examples
            .iter()
            .map(|example| example.token_type_ids.as_slice());
        let lengths = examples.iter().map(|example| example.input_ids.len());
        Self {
            input_ids: Matrix::padded(original, source, pad),
            masked_input_ids: Matrix::padded(masked, source, pad),
            padding_mask: padding_mask(lengths, source),
            token_type_ids: Matrix::padded(types, source, 0),
            masked_positions: Matrix::padded(positions, num_positions, 0),
            masked_weights,
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
    fn decoder_inputs_are_the_targets_shifted_right() {
        let pairs = [(vec![5, 6, 1], vec![7, 1]), (vec![8, 1], vec![9, 10, 1])];
        let batch = Seq2SeqBatch::from_pairs(&pairs, 4, 3);
        assert_eq!(batch.encoder_input_ids.values, [5, 6, 1, 0, 8, 1, 0, 0]);
        assert_eq!(
            batch.encoder_padding_mask.row(1),
            [false, false, true, true]
        );
        assert_eq!(batch.decoder_target_ids.values, [7, 1, 0, 9, 10, 1]);
        assert_eq!(batch.decoder_input_ids.values, [0, 7, 1, 0, 9, 10]);
        assert_eq!(
            batch.decoder_loss_weights.values,
            [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
        );
        assert_eq!((batch.num_tokens(), batch.num_target_tokens()), (10, 5));
    }

    #[test]
    fn packed_pairs_each_start_anew() {
        let rows = [
            vec![(vec![5, 6, 1], vec![7, 1]), (vec![8, 1], vec![9, 10, 1])],
            vec![(vec![11, 1], vec![12, 1])],
            vec![],
        ];
        let batch = Seq2SeqBatch::packed(&rows, 6, 6);
        let segments = batch.segment_ids.as_ref();
        assert_eq!(batch.encoder_input_ids.row(0), [5, 6, 1, 8, 1, 0]);
        assert_eq!(batch.decoder_target_ids.row(0), [7, 1, 9, 10, 1, 0]);
        assert_eq!(batch.decoder_input_ids.row(0), [0, 7, 0, 9, 10, 1]);
        assert_eq!(
            batch.decoder_loss_weights.row(0),
            [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
        );
        assert_eq!(
            segments.map(|ids| ids.encoder.row(0)),
            Some(&[1, 1, 1, 2, 2, 0][..])
        );
        assert_eq!(
            segments.map(|ids| ids.decoder.row(0)),
            Some(&[1, 1, 2, 2, 2, 0][..])
        );
        assert_eq!(batch.decoder_input_ids.row(1), [0, 12, 1, 0, 0, 0]);
        assert!(
            batch
                .encoder_padding_mask
                .row(2)
                .iter()
                .all(|&padding| padding)
        );
        assert_eq!((batch.num_tokens(), batch.num_cells()), (14, 36));
    }

    #[test]
    fn a_masked_batch_weighs_only_real_positions() {
        let example = MaskedExample {
            input_ids: vec![2, 11, 12, 3],
            token_type_ids: vec![0, 0, 1, 1],
            masked_input_ids: vec![2, 4, 12, 3],
            masked_positions: vec![1],
        };
        let batch = MaskedBatch::from_examples(&[example], 6, 2, 0);
        assert_eq!(batch.input_ids.values, [2, 11, 12, 3, 0, 0]);
        assert_eq!(batch.masked_input_ids.values, [2, 4, 12, 3, 0, 0]);
        assert_eq!(batch.masked_positions.values, [1, 0]);
        assert_eq!(batch.masked_weights.values, [1.0, 0.0]);
        assert_eq!(batch.token_type_ids.values, [0, 0, 1, 1, 0, 0]);
        assert_eq!(batch.num_tokens(), 4);
    }
}
