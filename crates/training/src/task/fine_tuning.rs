//! ELECTRA with a head, trained on labelled examples (Clark et al. 2020, section 3.1 and appendix B).

use std::path::Path;

use burn::tensor::{Device, Tensor};
use lamplight_data::loader::LabelledBatch;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_electra::{ElectraConfig, ElectraInput, ElectraModel};
use lamplight_layers::block::Pass;
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::recompute::Tape;

use super::head::{Head, HeadBatch, Said};
use super::{Task, Term, check_time};
use crate::error::unreadable;
use crate::evaluation::{Evaluation, HeldOutQuestions, Verdicts, WindowScores};
use crate::weights::Weights;
use crate::{TrainingError, feed, flops};

/// Before the paths of all parameters but the head's.
const BODY: &str = "electra.";

/// A head that learns labels.
pub struct FineTuning<H: Head> {
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Saved with each checkpoint.
    pub tokenizer: Tokenizer,
    /// What is scored.
    pub held_out: Vec<LabelledBatch<H::Target>>,
    /// How.
    pub scoring: Scoring,
}

/// How what a head says is scored.
#[derive(Debug)]
pub enum Scoring {
    /// As one of so many classes.
    Classes(usize),
    /// As tags of these names.
    Tags(Vec<String>),
    /// As values.
    Values,
    /// As answers to these questions, whose windows are what is held out.
    Answers(HeldOutQuestions),
}

impl<H: Head> FineTuning<H> {
    fn fed<'a>(
        &self,
        batch: &'a LabelledBatch<H::Target>,
        device: &Device,
    ) -> Result<HeadBatch<'a, H::Target>, TrainingError> {
        let input = ElectraInput {
            input_ids: feed::ids(&batch.input.input_ids, self.vocab_size, device)?,
            padding_mask: feed::mask(&batch.input.padding_mask, device),
            token_type_ids: Some(feed::integers(&batch.input.token_type_ids, device)),
        };
        Ok(HeadBatch {
            input,
            targets: &batch.targets,
        })
    }

    /// What the model, which is in its evaluation state, says of the held-out examples, in their order.
    ///
    /// # Errors
    /// As [`Task::evaluate`].
    pub fn verdicts(
        &self,
        model: &H::Model,
        device: &Device,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Verdicts, TrainingError> {
        let mut verdicts = Verdicts::default();
        for batch in &self.held_out {
            check_time(is_interrupted)?;
            let judged = H::judged(model, self.fed(batch, device)?, Pass::Plain);
            let mean_loss = judged.loss.try_into_scalar().map_err(unreadable)?;
            verdicts.add_mean_loss(mean_loss, self.weights(batch)[0]);
            self.add(&mut verdicts, judged.said, batch.targets.len())?;
        }
        Ok(verdicts)
    }

    /// The scores of what was said of them.
    pub fn scores(&self, verdicts: &Verdicts) -> Vec<(String, f64)> {
        let mut scores = match &self.scoring {
            Scoring::Classes(num_classes) => verdicts.scores(*num_classes),
            Scoring::Tags(names) => verdicts.scores(names.len()),
            Scoring::Values | Scoring::Answers(_) => verdicts.scores(0),
        };
        if let Scoring::Answers(questions) = &self.scoring {
            scores.extend(questions.scores(verdicts.windows()));
        }
        scores
    }

    /// Adds what was said of so many examples.
    fn add(
        &self,
        verdicts: &mut Verdicts,
        said: Said,
        num_examples: usize,
    ) -> Result<(), TrainingError> {
        match said {
            Said::Values { values, wanted } => {
                let values: Vec<f32> = values.try_into_vec_as().map_err(unreadable)?;
                let pairs = values.into_iter().zip(wanted);
                pairs.for_each(|(said, wanted)| verdicts.add_value(said, wanted));
            }
            Said::Spans(logits) => {
                let windows = WindowScores::of_spans(*logits).map_err(unreadable)?;
                windows
                    .into_iter()
                    .for_each(|window| verdicts.add_window(window));
            }
            Said::Beam(beam) => {
                let windows = beam.rows().map_err(unreadable)?.into_iter();
                windows.for_each(|found| verdicts.add_window(WindowScores::Beam(found)));
            }
            Said::Classes { logits, wanted } => {
                let [_, num_classes] = logits.dims();
                let logits: Vec<f32> = logits.try_into_vec_as().map_err(unreadable)?;
                let said = logits.chunks(num_classes).map(likeliest);
                let pairs: Vec<_> = said.zip(wanted).collect();
                for example in pairs.chunks(pairs.len() / num_examples) {
                    self.add_classes(verdicts, example);
                }
            }
        }
        Ok(())
    }

    /// Adds what was said of an example, or of its tokens, where there is something to say.
    fn add_classes(&self, verdicts: &mut Verdicts, example: &[(u32, Option<u32>)]) {
        let labelled = example.iter();
        let labelled = labelled.filter_map(|&(said, wanted)| Some((said, wanted?)));
        let (said, wanted): (Vec<u32>, Vec<u32>) = labelled.unzip();
        for (&said, &wanted) in said.iter().zip(&wanted) {
            verdicts.add_class(said, wanted);
        }
        if let Scoring::Tags(names) = &self.scoring {
            let name = |class: u32| names[class as usize].clone();
            let names = |classes: Vec<u32>| classes.into_iter().map(name).collect();
            verdicts.add_tags(names(said), names(wanted));
        }
    }
}

impl<H: Head> Task for FineTuning<H> {
    type Model = H::Model;
    type Batch = LabelledBatch<H::Target>;

    fn is_head(path: &str) -> bool {
        !path.starts_with(BODY)
    }

    fn names(&self, _model: &H::Model) -> NameTable {
        H::names()
    }

    fn terms(&self) -> Vec<Term> {
        vec![Term {
            name: "label_loss",
            factor: 1.0,
        }]
    }

    fn weights(&self, batch: &Self::Batch) -> Vec<f64> {
        vec![H::num_labels(&batch.targets) as f64]
    }

    fn num_tokens(&self, batch: &Self::Batch) -> usize {
        batch.input.num_tokens()
    }

    fn num_cells(&self, batch: &Self::Batch) -> usize {
        batch.input.num_cells()
    }

    fn flops(&self, model: &H::Model, batch: &Self::Batch) -> f64 {
        let ids = &batch.input.input_ids;
        ids.rows as f64 * flops::electra_encoder_training(H::config(model), ids.columns)
    }

    fn losses(
        &self,
        model: &H::Model,
        batch: &Self::Batch,
        tape: &Tape,
    ) -> Result<Vec<Tensor<1>>, TrainingError> {
        let batch = self.fed(batch, tape.device())?;
        Ok(vec![H::loss(model, batch, Pass::Taped(tape))])
    }

    fn evaluate(
        &self,
        model: &H::Model,
        device: &Device,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Evaluation, TrainingError> {
        let verdicts = self.verdicts(model, device, is_interrupted)?;
        Ok(Evaluation {
            scores: self.scores(&verdicts),
            examples: Vec::new(),
        })
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn load(&self, folder: &Path, device: &Device) -> Result<H::Model, TrainingError> {
        Ok(H::load(folder, device)?)
    }

    /// The weights of a model with the same head, or of any ELECTRA without its head.
    fn start_from(
        &self,
        model: H::Model,
        folder: &Path,
        device: &Device,
    ) -> Result<H::Model, TrainingError> {
        let config = ElectraConfig::from_file(&folder.join("config.json"))?;
        let architectures = config.extra.get("architectures");
        let adopted = match architectures.and_then(|names| names.get(0)?.as_str()) {
            Some(name) if name == H::ARCHITECTURE => {
                Weights::of(&H::load(folder, device)?, |_| true).into(model, |_| true)
            }
            _ => Weights::of(&ElectraModel::from_pretrained(folder, device)?, |_| true)
                .under(BODY)
                .into(model, |path| path.starts_with(BODY)),
        };
        adopted.map_err(|source| TrainingError::Weights {
            path: folder.to_owned(),
            source,
        })
    }

    fn save(&self, model: &H::Model, folder: &Path) -> Result<(), TrainingError> {
        H::save(model, folder)?;
        Ok(self.tokenizer.save(folder)?)
    }
}

/// The class of the largest logit; of equal ones the first.
fn likeliest(logits: &[f32]) -> u32 {
    let larger = |best: usize, index: usize| match logits[index] > logits[best] {
        true => index,
        false => best,
    };
    (0..logits.len()).reduce(larger).unwrap_or(0) as u32
}
