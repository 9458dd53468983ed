//! From logits to ids.

mod config;
mod error;
pub mod processors;

pub use config::{
    AssistantTokensSchedule, EarlyStopping, GenerationConfig, LengthLimits, Strategy,
};
pub use error::{GenerationError, KeyProblem};

use burn::tensor::{Bool, Int, Tensor, TensorData};

use crate::T5ForConditionalGeneration;

impl T5ForConditionalGeneration {
    /// The most likely next id, again and again: one row of ids per row of `input_ids`
    /// `[batch, source]`, without the start id, up to the end-of-text id (left out) or
    /// `max_new_tokens`. `padding_mask` is true where there is padding.
    ///
    /// The decoder runs over the whole prefix in every step.
    ///
    /// # Panics
    /// The shapes of the two tensors differ.
    pub fn greedy(
        &self,
        input_ids: Tensor<2, Int>,
        padding_mask: Tensor<2, Bool>,
        max_new_tokens: usize,
    ) -> Vec<Vec<u32>> {
        let [batch, _] = input_ids.dims();
        let device = input_ids.device();
        let encoded = self.encode(input_ids, padding_mask.clone());
        let config = self.config();
        let mut rows = vec![Vec::new(); batch];
        let mut done = vec![false; batch];
        let start = vec![i64::from(config.decoder_start_token_id); batch];
        let mut prefix = Tensor::<2, Int>::from_data(TensorData::new(start, [batch, 1]), &device);
        for length in 1..=max_new_tokens {
            let logits = self.decode(prefix.clone(), encoded.clone(), padding_mask.clone());
            let next: Tensor<2, Int> = logits
                .slice([0..batch, length - 1..length])
                .argmax(2)
                .squeeze_dim(2); // [batch, 1]
            let ids = next.to_data().iter::<u32>().collect::<Vec<_>>();
            for ((row, done), id) in rows.iter_mut().zip(&mut done).zip(ids) {
                *done |= id == config.eos_token_id;
                if !*done {
                    row.push(id);
                }
            }
            if done.iter().all(|&done| done) {
                break;
            }
            prefix = Tensor::cat(vec![prefix, next], 1);
        }
        rows
    }
}
