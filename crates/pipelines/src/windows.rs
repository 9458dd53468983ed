//! A score for every token of a text, however long it is.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use lamplight_data::tokenizer::EncodedRow;

use crate::PipelineError;
use crate::batches::{Batch, BatchSettings, host, in_batches};
use crate::reader::{Framed, Reader};

/// A stretch of a text's tokens that is read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    tokens: Range<usize>,
    /// Those of which the window's scores count: from the middle of the overlap with the window
    /// before to the middle of that with the next.
    counted: Range<usize>,
}

/// A text with the scores of each of its tokens.
#[derive(Debug, Clone)]
pub(crate) struct ScoredTokens {
    /// `[tokens]`
    pub ids: Vec<u32>,
    /// In characters, `[tokens]`.
    pub offsets: Vec<(usize, usize)>,
    /// `[tokens][width]`
    pub scores: Vec<Vec<f32>>,
}

impl Reader {
    /// The scores `[rows, length, width]` of `forward` for every token of each text. A text longer than
    /// the model reads is read through windows that overlap by half.
    pub fn token_scores<T: AsRef<str>>(
        &self,
        device: &Device,
        texts: &[T],
        forward: impl Fn(Batch) -> Tensor<3>,
    ) -> Result<Vec<ScoredTokens>, PipelineError> {
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        let mut scored = Vec::with_capacity(texts.len());
        for (text, content) in texts.iter().enumerate() {
            let framed = self.framed(content.as_ref())?;
            let num_special = framed.front.len() + framed.back.len();
            let room = self.max_length.saturating_sub(num_special).max(1);
            for window in windows(framed.ids.len(), room) {
                let tokens = &framed.ids[window.tokens.clone()];
                let ids = [&framed.front[..], tokens, &framed.back[..]].concat();
                rows.push(self.checked(EncodedRow::of_one_text(ids), text)?);
                places.push((text, framed.front.len(), window));
            }
            let Framed { ids, offsets, .. } = framed;
            scored.push(ScoredTokens {
                ids,
                offsets,
                scores: Vec::new(),
            });
        }
        let read = in_batches(&rows, BatchSettings::on(device), |batch| {
            Ok(per_token(forward(batch)))
        })?;
        for ((text, front, window), row) in places.into_iter().zip(read) {
            let first = front + window.counted.start - window.tokens.start;
            let counted = row.into_iter().skip(first).take(window.counted.len());
            scored[text].scores.extend(counted);
        }
        Ok(scored)
    }
}

/// `[rows][length][width]` on the host.
fn per_token(scores: Tensor<3>) -> Vec<Vec<Vec<f32>>> {
    let [_, length, width] = scores.dims();
    let values = host(scores);
    let rows = values.chunks((length * width).max(1));
    let tokens = rows.map(|row| row.chunks(width.max(1)).map(<[f32]>::to_vec).collect());
    tokens.collect()
}

/// The windows over `num_tokens` tokens, `room` at a time; none where there are no tokens.
fn windows(num_tokens: usize, room: usize) -> Vec<Window> {
    let stride = room.div_ceil(2);
    let mut windows: Vec<Window> = Vec::new();
    let mut start = 0;
    while windows
        .last()
        .is_none_or(|last| last.tokens.end < num_tokens)
        && num_tokens > 0
    {
        let tokens = start..num_tokens.min(start + room);
        let mut counted = tokens.clone();
        if let Some(last) = windows.last_mut() {
            let middle = (tokens.start + last.tokens.end) / 2;
            last.counted.end = middle;
            counted.start = middle;
        }
        windows.push(Window { tokens, counted });
        start += stride;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_counts_in_one_window() {
        for num_tokens in 0..40 {
            for room in 1..12 {
                let windows = windows(num_tokens, room);
                let counted = windows.iter().flat_map(|window| window.counted.clone());
                assert!(counted.eq(0..num_tokens), "{num_tokens} {room}");
                for Window { tokens, counted } in windows {
                    assert!(tokens.len() <= room);
                    assert!(tokens.start <= counted.start && counted.end <= tokens.end);
                }
            }
        }
    }

    #[test]
    fn a_token_counts_where_it_has_the_most_context() {
        let found = windows(10, 4);
        let counted: Vec<_> = found.into_iter().map(|window| window.counted).collect();
        assert_eq!(counted, [0..3, 3..5, 5..7, 7..10]);
    }
}
