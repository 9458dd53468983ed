use std::ops::Range;
use std::path::Path;

use burn::tensor::Device;
use lamplight_electra::ElectraForPreTraining;
use serde::Serialize;

use crate::PipelineError;
use crate::characters::Characters;
use crate::model_folder::{Family, ModelFolder, Wanted};
use crate::reader::Reader;
use crate::scores::sigmoid;

const WANTED: [Wanted; 1] = [Wanted {
    family: Family::Electra,
    architecture: "ElectraForPreTraining",
    head: "discriminator_predictions.",
}];

/// Tells of each token of a text whether it seems replaced, by ELECTRA's discriminator (Clark et
/// al. 2020).
///
/// ```
/// use lamplight_pipelines::Detector;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_detect");
/// # let device = lamplight_testing::test_device();
/// let detector = Detector::from_pretrained(folder.as_ref(), &device)?;
/// let tokens = detector.detect(&["The old cat sings."])?.remove(0);
/// let suspects = tokens.iter().filter(|token| token.probability > 0.5);
/// # let _ = suspects;
/// assert_eq!(tokens[1].text, "old");
/// assert_eq!(tokens[1].characters, 4..7);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Detector {
    pub(crate) model: ElectraForPreTraining,
    pub(crate) reader: Reader,
    pub(crate) device: Device,
}

/// A token that may have been replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectedToken {
    /// As the text has it.
    pub text: String,
    /// Where the text has it, in characters.
    #[serde(flatten)]
    pub characters: Range<usize>,
    /// That it was replaced.
    pub probability: f32,
}

impl Detector {
    /// Reads a discriminator with its tokenizer.
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let found = ModelFolder::open(folder, "Detector", &WANTED)?;
        Ok(Self {
            model: ElectraForPreTraining::from_pretrained(folder, device)?,
            reader: found.reader,
            device: device.clone(),
        })
    }

    /// The tokens of each text, in order. A text longer than the model reads is read through windows
    /// that overlap by half.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn detect<T: AsRef<str>>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Vec<DetectedToken>>, PipelineError> {
        let scored = self.reader.token_scores(&self.device, texts, |batch| {
            self.model.forward(batch.electra()).unsqueeze_dim(2) // [rows, length, 1]
        })?;
        let answers = texts.iter().zip(scored).map(|(text, scored)| {
            let characters = Characters::of(text.as_ref());
            let tokens = scored.offsets.into_iter().zip(scored.scores);
            let tokens = tokens.map(|((start, end), logits)| DetectedToken {
                text: characters.slice(start..end).to_owned(),
                characters: start..end,
                probability: logits.first().copied().map_or(0.0, sigmoid),
            });
            tokens.collect()
        });
        Ok(answers.collect())
    }
}
