use std::path::Path;

use burn::tensor::Device;
use lamplight_data::DataError;
use lamplight_data::tokenizer::EncodedRow;
use lamplight_electra::ElectraForMaskedLM;
use serde::Serialize;

use crate::PipelineError;
use crate::batches::{Batch, BatchSettings, host, in_batches};
use crate::model_folder::{Family, ModelFolder, Wanted};
use crate::reader::Reader;
use crate::scores::{best, softmax};

const WANTED: [Wanted; 1] = [Wanted {
    family: Family::Electra,
    architecture: "ElectraForMaskedLM",
    head: "generator_predictions.",
}];

/// Fills each `[MASK]` of a text with the tokens that ELECTRA's generator thinks likeliest.
///
/// ```
/// use lamplight_pipelines::MaskFiller;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_fill_mask");
/// # let device = lamplight_testing::test_device();
/// let filler = MaskFiller::from_pretrained(folder.as_ref(), &device)?.top_k(3);
/// let masks = filler.fill(&["Anna lives in [MASK]."])?.remove(0);
/// assert_eq!(masks[0].len(), 3);
/// println!("{} ({:.2})", masks[0][0].text, masks[0][0].score);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MaskFiller {
    model: ElectraForMaskedLM,
    reader: Reader,
    device: Device,
    mask: u32,
    top_k: usize,
}

/// What may stand in the place of a mask.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filling {
    /// The token's id.
    pub id: u32,
    /// The token as text.
    pub token: String,
    /// Its probability.
    pub score: f32,
    /// The whole text with it, as the tokenizer writes the ids: without the special ones where this
    /// is the only mask, and with all of them else.
    pub text: String,
}

impl MaskFiller {
    /// Reads a generator with its tokenizer.
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let found = ModelFolder::open(folder, "MaskFiller", &WANTED)?;
        let mask = found.reader.tokenizer.special().mask;
        Ok(Self {
            model: ElectraForMaskedLM::from_pretrained(folder, device)?,
            reader: found.reader,
            device: device.clone(),
            mask: mask.ok_or(DataError::MissingSpecialToken { token: "[MASK]" })?,
            top_k: 5,
        })
    }

    /// How many fillings each mask gets; 5 where it is not said.
    #[must_use]
    pub fn top_k(self, top_k: usize) -> Self {
        Self { top_k, ..self }
    }

    /// For each text, and each mask in it, the likeliest fillings, best first: `[texts][masks]`.
    /// Each mask is filled by itself, while the others stay.
    ///
    /// # Errors
    /// A text has no mask ([`PipelineError::NoBlank`]) or is longer than the model reads
    /// ([`PipelineError::TooLong`]), or the tokenizer fails.
    pub fn fill<T: AsRef<str>>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Vec<Vec<Filling>>>, PipelineError> {
        let rows = texts.iter().enumerate();
        let rows = rows.map(|(text, content)| self.row(text, content.as_ref()));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        in_batches(
            &rows,
            BatchSettings::over_vocabulary(&self.device),
            |batch| self.fillings(&rows, batch),
        )
    }

    fn row(&self, text: usize, content: &str) -> Result<EncodedRow, PipelineError> {
        let ids = self.reader.tokenizer.encode(content)?;
        if !ids.contains(&self.mask) {
            let blank = "[MASK]";
            return Err(PipelineError::NoBlank { text, blank });
        }
        self.reader.checked(EncodedRow::of_one_text(ids), text)
    }

    fn fillings(
        &self,
        rows: &[EncodedRow],
        batch: Batch,
    ) -> Result<Vec<Vec<Vec<Filling>>>, PipelineError> {
        let members = batch.members.clone();
        let logits = self.model.forward(batch.electra()); // [rows, length, vocab]
        let fillings = members.into_iter().enumerate().map(|(place, member)| {
            let ids = &rows[member].ids;
            let masks = (0..ids.len()).filter(|&at| ids[at] == self.mask);
            let masks = masks.map(|at| {
                // Only what is looked at leaves the device.
                let logits = logits.clone().slice([place..place + 1, at..at + 1]);
                self.of_mask(ids, at, &softmax(&host(logits)))
            });
            masks.collect()
        });
        fillings.collect()
    }

    fn of_mask(
        &self,
        ids: &[u32],
        at: usize,
        probabilities: &[f32],
    ) -> Result<Vec<Filling>, PipelineError> {
        let tokenizer = &self.reader.tokenizer;
        let is_only_mask = ids.iter().filter(|&&id| id == self.mask).count() == 1;
        let fillings = best(probabilities, self.top_k).into_iter().map(|index| {
            let id = index as u32;
            let mut filled = ids.to_vec();
            filled[at] = id;
            filled.retain(|id| *id != tokenizer.special().pad);
            Ok(Filling {
                id,
                token: tokenizer.decode(&[id], false)?,
                score: probabilities[index],
                text: tokenizer.decode(&filled, is_only_mask)?,
            })
        });
        fillings.collect()
    }
}
