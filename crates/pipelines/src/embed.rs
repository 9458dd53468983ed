use std::path::Path;

use burn::tensor::{Device, Tensor};
use lamplight_electra::ElectraModel;
use lamplight_t5::T5EncoderModel;

use crate::PipelineError;
use crate::batches::{Batch, BatchSettings, host_rows, in_batches};
use crate::model_folder::{Family, ModelFolder, Wanted};
use crate::reader::Reader;

const WANTED: [Wanted; 2] = [
    Wanted {
        family: Family::T5,
        architecture: "T5EncoderModel",
        head: "encoder.block.",
    },
    Wanted {
        family: Family::Electra,
        architecture: "ElectraModel",
        head: "", // any head is left out
    },
];

/// Below this a vector has no direction.
const MIN_NORM: f64 = 1e-12;

/// Texts to vectors: the mean of the last hidden states of a T5's encoder or an ELECTRA over all
/// tokens of a text, special ones included.
///
/// ```
/// use lamplight_pipelines::Embedder;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_t5");
/// # let device = lamplight_testing::test_device();
/// let embedder = Embedder::from_pretrained(folder.as_ref(), &device)?.normalized();
/// let vectors = embedder.embed(&["A cat sleeps.", "The dog is asleep."])?;
/// let cosine: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
/// assert!(cosine.abs() <= 1.0 + 1e-6);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Embedder {
    model: Encoder,
    reader: Reader,
    device: Device,
    is_normalized: bool,
}

#[derive(Debug, Clone)]
enum Encoder {
    T5(Box<T5EncoderModel>),
    Electra(Box<ElectraModel>),
}

impl Embedder {
    /// Reads a T5 (its decoder is left out) or an ELECTRA (its head is left out) with its tokenizer.
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let found = ModelFolder::open(folder, "Embedder", &WANTED)?;
        let model = match found.family {
            Family::T5 => Encoder::T5(Box::new(T5EncoderModel::from_pretrained(folder, device)?)),
            Family::Electra => {
                Encoder::Electra(Box::new(ElectraModel::from_pretrained(folder, device)?))
            }
        };
        Ok(Self {
            model,
            reader: found.reader,
            device: device.clone(),
            is_normalized: false,
        })
    }

    /// Scales the vectors to length 1, so that their products are cosines.
    #[must_use]
    pub fn normalized(self) -> Self {
        Self {
            is_normalized: true,
            ..self
        }
    }

    /// The vector of each text, `[texts][width]`. Of a text longer than the model reads, the
    /// beginning counts.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn embed<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Vec<f32>>, PipelineError> {
        let rows = self.reader.rows(texts)?;
        let mut vectors = in_batches(&rows, BatchSettings::on(&self.device), |batch| {
            Ok(host_rows(self.mean(batch)))
        })?;
        if self.is_normalized {
            vectors.iter_mut().for_each(|vector| normalize(vector));
        }
        Ok(vectors)
    }

    /// `[rows, width]`.
    fn mean(&self, batch: Batch) -> Tensor<2> {
        let is_padding = batch.padding_mask.clone();
        let hidden = match &self.model {
            Encoder::T5(model) => model.forward(batch.input_ids, batch.padding_mask),
            Encoder::Electra(model) => model.forward(batch.electra()),
        }; // [rows, length, width]
        let weights = is_padding.bool_not().float().cast(hidden.dtype());
        let totals = weights.clone().sum_dim(1); // [rows, 1]
        let sums = (hidden * weights.unsqueeze_dim(2)).sum_dim(1); // [rows, 1, width]
        sums.squeeze_dim::<2>(1) / totals
    }
}

fn normalize(vector: &mut [f32]) {
    let norm = vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let norm = norm.sqrt().max(MIN_NORM);
    for x in vector {
        *x = (f64::from(*x) / norm) as f32;
    }
}
