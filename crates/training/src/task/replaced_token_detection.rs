//! ELECTRA's pre-training (Clark et al. 2020, section 2).

use std::path::Path;

use burn::tensor::{Device, Tensor};
use lamplight_data::batch::MaskedBatch;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_electra::{
    DETECTION_LOSS_WEIGHT, ElectraPretraining, PretrainingInput, PretrainingOutput,
};
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::recompute::Tape;

use super::{Task, Term, check_time, collapse};
use crate::error::unreadable;
use crate::evaluation::{DetectedToken, DetectionScores, Evaluation, Example, GeneratorScores};
use crate::{TrainingError, feed, flops};

/// Tokens of a sentence in the report at most.
const MAX_SHOWN_TOKENS: usize = 40;

/// Generator and discriminator, trained together.
pub struct ReplacedTokenDetection {
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// For the display of sentences, and saved with each checkpoint.
    pub tokenizer: Tokenizer,
    /// What is scored.
    pub held_out: Vec<MaskedBatch>,
    /// Sentences kept for the report.
    pub num_shown: usize,
}

impl ReplacedTokenDetection {
    fn input(
        &self,
        batch: &MaskedBatch,
        device: &Device,
    ) -> Result<PretrainingInput, TrainingError> {
        Ok(PretrainingInput {
            input_ids: feed::ids(&batch.input_ids, self.vocab_size, device)?,
            masked_input_ids: feed::ids(&batch.masked_input_ids, self.vocab_size, device)?,
            padding_mask: feed::mask(&batch.padding_mask, device),
            token_type_ids: feed::integers(&batch.token_type_ids, device),
            masked_positions: feed::integers(&batch.masked_positions, device),
            masked_weights: feed::weights(&batch.masked_weights, device),
            gumbel: None,
        })
    }

    /// Sentences of a batch with what was replaced and how likely the discriminator thinks it.
    fn examples(&self, batch: &MaskedBatch, result: &Readback, limit: usize) -> Vec<Example> {
        let columns = batch.input_ids.columns;
        let special = self.tokenizer.special();
        (0..batch.input_ids.rows)
            .map(|row| {
                let tokens = (1..columns)
                    .map(|column| row * columns + column)
                    .take_while(|cell| Some(batch.input_ids.values[*cell]) != special.sep)
                    .take(MAX_SHOWN_TOKENS)
                    .map(|cell| self.detected(batch.input_ids.values[cell], result, cell))
                    .collect();
                Example::Detection { tokens }
            })
            .filter(Example::has_replacement)
            .take(limit)
            .collect()
    }

    fn detected(&self, original: u32, result: &Readback, cell: usize) -> DetectedToken {
        let piece = |id: u32| self.tokenizer.token(id).unwrap_or_default();
        let text = piece(result.corrupted[cell] as u32);
        DetectedToken {
            continues_word: text.starts_with("##"),
            text: text.trim_start_matches("##").to_owned(),
            original: (result.replaced[cell] != 0)
                .then(|| piece(original).trim_start_matches("##").to_owned()),
            probability: 1.0 / (1.0 + (-result.detection_logits[cell]).exp()),
        }
    }
}

impl Task for ReplacedTokenDetection {
    type Model = ElectraPretraining;
    type Batch = MaskedBatch;

    fn names(&self, _model: &ElectraPretraining) -> NameTable {
        ElectraPretraining::names()
    }

    fn terms(&self) -> Vec<Term> {
        vec![
            Term {
                name: "mlm_loss",
                factor: 1.0,
            },
            Term {
                name: "detection_loss",
                factor: DETECTION_LOSS_WEIGHT,
            },
        ]
    }

    fn weights(&self, batch: &MaskedBatch) -> Vec<f64> {
        let masked: f32 = batch.masked_weights.values.iter().sum();
        vec![f64::from(masked), batch.num_tokens() as f64]
    }

    fn num_tokens(&self, batch: &MaskedBatch) -> usize {
        batch.num_tokens()
    }

    fn num_cells(&self, batch: &MaskedBatch) -> usize {
        batch.num_cells()
    }

    fn flops(&self, model: &ElectraPretraining, batch: &MaskedBatch) -> f64 {
        let shape = flops::ElectraShape {
            length: batch.input_ids.columns,
            num_masked: batch.masked_positions.columns,
        };
        let (discriminator, generator) = (model.config(), model.generator().config());
        batch.input_ids.rows as f64 * flops::electra_training(discriminator, generator, shape)
    }

    fn losses(
        &self,
        model: &ElectraPretraining,
        batch: &MaskedBatch,
        tape: &Tape,
    ) -> Result<Vec<Tensor<1>>, TrainingError> {
        let output = model.forward_taped(self.input(batch, tape.device())?, tape);
        Ok(vec![output.mlm_loss, output.detection_loss])
    }

    fn evaluate(
        &self,
        model: &ElectraPretraining,
        device: &Device,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Evaluation, TrainingError> {
        let mut detection = DetectionScores::default();
        let mut generator = GeneratorScores::default();
        let mut examples = Vec::new();
        for batch in &self.held_out {
            check_time(is_interrupted)?;
            let output = model.forward(self.input(batch, device)?);
            let result = Readback::of(output)?;
            let real = batch.padding_mask.values.iter().map(|padding| !padding);
            let labels = result.replaced.iter().map(|replaced| *replaced != 0);
            for ((logit, label), _) in (result.detection_logits.iter().copied().zip(labels))
                .zip(real)
                .filter(|(_, real)| *real)
            {
                detection.add(logit, label);
            }
            generator.add_mean_loss(result.mlm_loss, self.weights(batch)[0]);
            for (cell, position) in batch.masked_positions.values.iter().enumerate() {
                if batch.masked_weights.values[cell] > 0.0 {
                    let row = cell / batch.masked_positions.columns;
                    let original = batch.input_ids.row(row)[*position as usize];
                    generator.add_prediction(result.predicted[cell] == i64::from(original));
                }
            }
            let wanted = self.num_shown - examples.len();
            examples.extend(self.examples(batch, &result, wanted));
        }
        let mut scores = detection.scores();
        scores.extend(generator.scores());
        Ok(Evaluation { scores, examples })
    }

    fn warnings(&self, evaluations: &[(usize, Evaluation)]) -> Vec<String> {
        collapse::warnings(evaluations)
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn load(&self, folder: &Path, device: &Device) -> Result<ElectraPretraining, TrainingError> {
        Ok(ElectraPretraining::from_pretrained(folder, device)?)
    }

    fn save(&self, model: &ElectraPretraining, folder: &Path) -> Result<(), TrainingError> {
        model.save_pretrained(folder)?;
        for part in ["discriminator", "generator"] {
            self.tokenizer.save(&folder.join(part))?;
        }
        Ok(())
    }
}

/// The parts of the output that evaluation reads, on the host, row-major.
struct Readback {
    mlm_loss: f32,
    detection_logits: Vec<f32>,
    replaced: Vec<i64>,
    corrupted: Vec<i64>,
    predicted: Vec<i64>,
}

impl Readback {
    fn of(output: PretrainingOutput) -> Result<Self, TrainingError> {
        let predicted = output.generator_logits.argmax(2);
        Ok(Self {
            mlm_loss: output.mlm_loss.try_into_scalar().map_err(unreadable)?,
            detection_logits: output
                .detection_logits
                .try_into_vec_as()
                .map_err(unreadable)?,
            replaced: output
                .replaced
                .int()
                .try_into_vec_as()
                .map_err(unreadable)?,
            corrupted: output
                .corrupted_input_ids
                .try_into_vec_as()
                .map_err(unreadable)?,
            predicted: predicted.try_into_vec_as().map_err(unreadable)?,
        })
    }
}
