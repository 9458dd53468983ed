//! How much memory a step needs at the least, said before the first one.

use burn::module::Module;
use lamplight_electra::ElectraConfig;
use lamplight_layers::precision::Precision;
use lamplight_t5::T5Config;

use crate::TrainingError;
use crate::flops::ElectraShape;
use crate::optimizer::OptimizerKind;
use crate::recipe::Recipe;

/// Bytes of an f32.
const F32: f64 = 4.0;

/// What a step holds at the same time, in bytes: a lower bound. Activations are those that the
/// backward pass reads, counted as the size of each product's input and of the attention weights; a
/// device keeps more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Footprint {
    /// Weights, their gradients and the optimizer's state.
    pub(crate) parameters: f64,
    /// For one micro-batch.
    pub(crate) activations: f64,
}

impl Footprint {
    /// The footprint of a model that need not be drawn yet, with so many activations.
    pub(crate) fn new<M: Module>(model: &M, recipe: &Recipe, activations: f64) -> Self {
        use OptimizerKind::{Adafactor, Adamw, AdamwScaled, ElectraAdam, Muon, Sgd};
        let num_copies = match recipe.optimizer.kind {
            // Frozen weights have neither gradients nor a state.
            _ if recipe.lora.is_some() => 1.0,
            Adamw | AdamwScaled | ElectraAdam => 4.0,
            Muon | Sgd => 3.0,
            Adafactor => 2.0,
        };
        let kept = match recipe.training.precision.unwrap_or_default() {
            // What a block keeps is gone before the next one runs.
            _ if recipe.training.recompute => 0.0,
            Precision::F32 => 1.0,
            Precision::Bf16 => 0.5,
        };
        Self {
            parameters: model.num_params() as f64 * F32 * num_copies,
            activations: activations * kept,
        }
    }

    /// All of it.
    pub(crate) fn total(self) -> f64 {
        self.parameters + self.activations
    }

    /// Checks that it fits into the host's memory.
    ///
    /// # Errors
    /// [`TrainingError::OutOfMemory`] with the estimate and what there is.
    pub(crate) fn check_host(self) -> Result<(), TrainingError> {
        match super::available_bytes() {
            Some(available) if self.total() > available as f64 => Err(TrainingError::OutOfMemory {
                needed: gibibytes(self.total()),
                parameters: gibibytes(self.parameters),
                activations: gibibytes(self.activations),
                available: gibibytes(available as f64),
            }),
            _ => Ok(()),
        }
    }
}

fn gibibytes(bytes: f64) -> String {
    format!("{:.1} GiB", bytes / f64::from(1 << 30))
}

/// The shape of a micro-batch of T5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Rows.
    pub(crate) num_rows: usize,
    /// Input tokens of a row.
    pub(crate) source: usize,
    /// Output tokens of a row.
    pub(crate) target: usize,
}

/// Activations of T5.
pub(crate) fn t5(config: &T5Config, rows: Rows) -> f64 {
    let [num_rows, source, target] =
        [rows.num_rows, rows.source, rows.target].map(|size| size as f64);
    let heads = config.num_heads as f64;
    let width = (4 * config.d_model + 4 * config.num_heads * config.d_kv + 2 * config.d_ff) as f64;
    let encoder = config.num_layers as f64 * source * (width + heads * source);
    let attended = heads * (target + source);
    let decoder = config.decoder_layers() as f64 * target * (width + attended);
    let logits = target * config.vocab_size as f64;
    F32 * num_rows * (encoder + decoder + logits)
}

/// Activations of ELECTRA's generator and discriminator, whose vocabulary is one.
pub(crate) fn electra(models: [&ElectraConfig; 2], num_rows: usize, shape: ElectraShape) -> f64 {
    let logits = shape.num_masked as f64 * models[0].vocab_size as f64;
    let bodies = models.map(|config| electra_encoder(config, num_rows, shape.length));
    bodies.iter().sum::<f64>() + F32 * num_rows as f64 * logits
}

/// Activations of an encoder of ELECTRA's.
pub(crate) fn electra_encoder(config: &ElectraConfig, num_rows: usize, length: usize) -> f64 {
    let length = length as f64;
    let width = (6 * config.hidden_size + 2 * config.intermediate_size) as f64;
    let heads = config.num_attention_heads as f64;
    let layer = length * (width + heads * length);
    F32 * num_rows as f64 * config.num_hidden_layers as f64 * layer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> T5Config {
        T5Config {
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_heads: 8,
            vocab_size: 32_128,
            ..T5Config::default()
        }
    }

    fn rows(num_rows: usize, source: usize) -> Rows {
        Rows {
            num_rows,
            source,
            target: 114,
        }
    }

    #[test]
    fn activations_grow_with_rows_and_with_the_square_of_the_length() {
        let one = t5(&small(), rows(1, 512));
        assert_eq!(t5(&small(), rows(8, 512)), 8.0 * one);
        assert!(t5(&small(), rows(1, 4096)) > 16.0 * one);
    }

    #[test]
    fn a_step_of_t5_small_stays_below_what_was_measured() {
        // 4 x 512/114 in f32 takes PyTorch 3.4 GiB, with 60.5 M parameters and AdamW.
        let parameters = 60.5e6 * F32 * 4.0;
        let total = parameters + t5(&small(), rows(4, 512));
        let gibibytes = total / f64::from(1 << 30);
        assert!((1.2..3.4).contains(&gibibytes), "{gibibytes}");
    }
}
