use burn::tensor::{Device, Int, Tensor, TensorData};
use lamplight_layers::attention::KeyValue;
use lamplight_layers::cache::KeyValueCache;

/// What a decoder keeps from step to step, apart from the model: for each input what
/// cross-attention reads, computed once; for each row (one or several per input: beams) the keys
/// and values of its past.
#[derive(Debug, Clone)]
pub struct DecoderCache {
    layers: Vec<LayerCache>,
    /// Additive mask of the encoder's padding, `[inputs, 1, 1, source]`.
    memory_bias: Tensor<4>,
    length: usize,
}

#[derive(Debug, Clone)]
struct LayerCache {
    past: KeyValueCache,
    memory: KeyValue,
}

/// What a layer reads and writes in one step.
pub(crate) struct LayerStep<'a> {
    /// The past of the rows.
    pub(crate) past: &'a mut KeyValueCache,
    /// What cross-attention reads.
    pub(crate) memory: KeyValue,
    /// Additive mask of the encoder's padding, `[inputs, 1, 1, source]`.
    pub(crate) memory_bias: Tensor<4>,
    /// Positions in the past.
    pub(crate) position: usize,
}

impl DecoderCache {
    pub(crate) fn new(memories: Vec<KeyValue>, memory_bias: Tensor<4>) -> Self {
        let layer = |memory| LayerCache {
            past: KeyValueCache::default(),
            memory,
        };
        Self {
            layers: memories.into_iter().map(layer).collect(),
            memory_bias,
            length: 0,
        }
    }

    /// Positions in the past of each row.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Forgets the past from `length` on.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Keeps these rows of the past, in this order; a row may come several times.
    pub fn select_rows(&mut self, rows: &[usize]) {
        let num_rows = self.layers.first().and_then(|layer| layer.past.num_rows());
        if num_rows.is_some_and(|num_rows| rows.iter().copied().eq(0..num_rows)) {
            return;
        }
        let rows = row_indices(rows, &self.memory_bias.device());
        for layer in &mut self.layers {
            layer.past.select(&rows);
        }
    }

    /// Keeps these inputs, in this order; their rows are for [`Self::select_rows`].
    pub fn select_inputs(&mut self, inputs: &[usize]) {
        let inputs = row_indices(inputs, &self.memory_bias.device());
        for layer in &mut self.layers {
            let memory = layer.memory.clone();
            layer.memory = memory.select(&inputs);
        }
        self.memory_bias = self.memory_bias.clone().select(0, inputs);
    }

    pub(crate) fn layer(&mut self, index: usize) -> LayerStep<'_> {
        let layer = &mut self.layers[index];
        LayerStep {
            past: &mut layer.past,
            memory: layer.memory.clone(),
            memory_bias: self.memory_bias.clone(),
            position: self.length,
        }
    }

    pub(crate) fn advance(&mut self, num_new: usize) {
        self.length += num_new;
    }
}

/// Numbers of rows, to select them by.
pub(crate) fn row_indices(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let indices: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    Tensor::from_data(TensorData::new(indices, [rows.len()]), device)
}
