//! One pass through the loop, from where the run stands to its end or an interruption.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use lamplight_data::DataError;
use lamplight_data::loader::Drawn;

use super::contents::Contents;
use super::due::Due;
use super::log::{Log, Measured};
use super::{Outcome, Start, Trainer};
use crate::checkpoint::{Checkpoints, Intact, Position, Snapshot, Writer, Written};
use crate::evaluation::Evaluation;
use crate::gradients::{clip_factor, scale};
use crate::progress::Observer;
use crate::schedule::Schedule;
use crate::stability::Verdict;
use crate::task::Task;
use crate::{TrainingError, early_stopping, seed};

/// A trainer at work.
pub(super) struct Session<'run, 'scope, 'env, T: Task> {
    pub(super) trainer: Trainer<'env, T>,
    pub(super) schedule: Schedule,
    pub(super) position: Position,
    pub(super) checkpoints: &'env Checkpoints,
    pub(super) writer: Writer<'scope, 'env>,
    pub(super) last_checkpoint: Option<PathBuf>,
    pub(super) log: Log,
    pub(super) observer: &'run mut dyn Observer,
}

/// What a step came to.
enum Stepped<M> {
    /// The model to go on with, updated or, after a skipped step, as it was.
    Forward(M),
    /// Too many steps in a row were not finite; this was the last.
    Back(Measured),
}

impl<T: Task> Session<'_, '_, '_, T> {
    pub(super) fn run(
        mut self,
        mut model: T::Model,
        mut batches: impl Iterator<Item = Result<Drawn<T::Batch>, DataError>>,
    ) -> Result<Outcome<T::Model>, TrainingError> {
        self.resume(&model)?;
        while !self.is_over() {
            let micro_batches = self.draw(&mut batches)?;
            model = match self.step(model, &micro_batches)? {
                Stepped::Forward(model) => model,
                Stepped::Back(measured) => {
                    model = self.roll_back(&measured)?;
                    continue;
                }
            };
            if self.finish_step(&model)? {
                break;
            }
        }
        let written = self.writer.finish()?;
        self.report_written(written);
        Ok(Outcome {
            model,
            history: self.log.into_history(),
            checkpoint: self.checkpoints.path(self.position.step),
            num_steps: self.position.step,
        })
    }

    /// Tells that the run goes on, and makes up for an evaluation that an interruption cut off.
    fn resume(&mut self, model: &T::Model) -> Result<(), TrainingError> {
        let step = self.position.step;
        if step == 0 {
            return Ok(());
        }
        self.observer.resumed(step, self.log.history());
        let is_scored = |(scored, _): &(usize, Evaluation)| *scored == step;
        let is_missing = !self.log.history().evaluations.iter().any(is_scored);
        if is_missing && Due::evaluates_after(step, self.trainer.recipe) {
            let scores = self.evaluate(model)?;
            if !scores.is_empty() {
                self.save(model, scores)?;
            }
        }
        Ok(())
    }

    /// Whether the last step was done, or the run does not get better any more.
    fn is_over(&self) -> bool {
        early_stopping::is_over(self.trainer.recipe, self.position.step, self.log.history())
    }

    /// Does what is due after a step; true when the run ends here.
    fn finish_step(&mut self, model: &T::Model) -> Result<bool, TrainingError> {
        let step = self.position.step;
        self.observer.stepped(step);
        let recipe = self.trainer.recipe;
        let due = Due::after(step, recipe, self.observer.is_interrupted());
        if due.logs
            && let Some(line) = self.log.flush(&self.position)?
        {
            self.observer.logged(&line);
        }
        let scores = match due.evaluates {
            true => self.evaluate(model)?,
            false => BTreeMap::new(),
        };
        let due = due.ending(self.observer.is_interrupted() || self.is_over());
        // Amid bad steps the last checkpoint is still the one to go back to.
        let is_sound = self.position.stability.num_skipped_in_a_row == 0;
        if due.saves && (is_sound || due.ends) {
            self.save(model, scores)?;
        }
        let written = self.writer.poll()?;
        self.report_written(written);
        Ok(due.ends)
    }

    /// The batches of one step.
    fn draw(
        &mut self,
        batches: &mut impl Iterator<Item = Result<Drawn<T::Batch>, DataError>>,
    ) -> Result<Vec<T::Batch>, TrainingError> {
        let started = Instant::now();
        let mut micro_batches = Vec::new();
        for drawn in batches.take(self.trainer.recipe.training.accumulation) {
            let Drawn { batch, cursor } = drawn?;
            self.position.cursor = cursor;
            micro_batches.push(batch);
        }
        self.log.waited(started.elapsed());
        Ok(micro_batches)
    }

    /// One optimizer step, over the gradients of all micro-batches.
    fn step(
        &mut self,
        model: T::Model,
        micro_batches: &[T::Batch],
    ) -> Result<Stepped<T::Model>, TrainingError> {
        let started = Instant::now();
        let index = self.position.step;
        let (gradients, measured) = self.trainer.gradients(index, &model, micro_batches)?;
        let limit = match self.judge(&measured) {
            Verdict::Update { limit } => limit,
            Verdict::Spike { limit } => Some(limit),
            Verdict::Skip => {
                self.position.step += 1;
                return Ok(Stepped::Forward(model));
            }
            Verdict::RollBack => return Ok(Stepped::Back(measured)),
            Verdict::Stop => return Err(self.diverged(&measured)),
        };
        let factor = clip_factor(measured.gradient_norm, limit);
        let gradients = scale(&model, gradients, factor);
        let learning_rate = self.schedule.at(index);
        let optimizer = &mut self.trainer.optimizer;
        let model = optimizer.step(learning_rate, model, gradients);
        self.position.step += 1;
        self.position.num_tokens += measured.num_tokens;
        self.log.push(&measured, learning_rate, started.elapsed());
        Ok(Stepped::Forward(model))
    }

    /// Judges a step, and says what is out of the ordinary.
    fn judge(&mut self, measured: &Measured) -> Verdict {
        let recipe = self.trainer.recipe;
        let (losses, norm) = (&measured.losses, measured.gradient_norm);
        let clip_norm = recipe.training.clip_norm;
        let stability = &mut self.position.stability;
        let verdict = stability.judge(&recipe.stability, losses, norm, clip_norm);
        let step = self.position.step + 1;
        match verdict {
            Verdict::Spike { limit } => self.observer.warned(&format!(
                "step {step}: gradient norm {norm:.3e} is a spike, clipped to {limit:.3e}"
            )),
            Verdict::Skip => self.observer.warned(&format!(
                "step {step}: loss {losses:?} or gradient norm {norm} is not finite, step skipped"
            )),
            Verdict::Update { .. } | Verdict::RollBack | Verdict::Stop => {}
        }
        verdict
    }

    /// Goes back to the last sound checkpoint, but not in the data: what led here is left out.
    fn roll_back(&mut self, measured: &Measured) -> Result<T::Model, TrainingError> {
        let written = self.writer.finish()?;
        self.report_written(written);
        let from = self.position.step + 1;
        let observer = &mut *self.observer;
        let found = self
            .checkpoints
            .recover(true, &mut |damaged| observer.warned(&damaged.to_string()))?;
        let Some(checkpoint) = found else {
            return Err(self.diverged(measured));
        };
        let Start { model, position } = self.trainer.restore(&checkpoint)?;
        self.observer.warned(&format!(
            "step {from}: {} steps in a row were not finite; going back to step {} and on with other data",
            self.position.stability.num_skipped_in_a_row, position.step
        ));
        self.position.step = position.step;
        self.position.stability.rolled_back();
        self.log.rewind(&self.position)?;
        self.observer
            .resumed(self.position.step, self.log.history());
        Ok(model)
    }

    fn diverged(&mut self, measured: &Measured) -> TrainingError {
        match self.writer.finish() {
            Ok(written) => self.report_written(written),
            Err(error) => return error,
        }
        let terms = self.trainer.task.terms();
        let weighted = terms.iter().zip(&measured.losses);
        TrainingError::Diverged {
            step: self.position.step + 1,
            loss: weighted
                .map(|(term, loss)| term.factor * f64::from(*loss))
                .sum(),
            norm: measured.gradient_norm,
            num_rollbacks: self.position.stability.num_rollbacks,
            last_checkpoint: match &self.last_checkpoint {
                Some(path) => format!("the last checkpoint is {}", path.display()),
                None => "no checkpoint was written yet".to_owned(),
            },
        }
    }

    /// Scores the model; the scores that are numbers go into the checkpoint of this step.
    fn evaluate(&mut self, model: &T::Model) -> Result<BTreeMap<String, f64>, TrainingError> {
        let paused = Instant::now();
        let step = self.position.step;
        let trainer = &self.trainer;
        self.observer.evaluating(step);
        trainer
            .device
            .seed(seed::for_evaluation(trainer.recipe.training.seed));
        let device = trainer.device.clone().inner();
        let observer = &*self.observer;
        let is_interrupted = || observer.is_interrupted();
        let evaluated = trainer
            .task
            .evaluate(&model.valid(), &device, &is_interrupted);
        let evaluation = match evaluated {
            Err(TrainingError::Interrupted) => return Ok(BTreeMap::new()),
            evaluated => evaluated?,
        };
        self.observer.evaluated(step, &evaluation);
        let scores = evaluation.finite_scores();
        self.log.push_evaluation(step, evaluation)?;
        for warning in trainer.task.warnings(&self.log.history().evaluations) {
            self.observer.warned(&warning);
        }
        self.log.pause(paused.elapsed());
        Ok(scores)
    }

    /// Starts to write a checkpoint of this step.
    fn save(
        &mut self,
        model: &T::Model,
        scores: BTreeMap<String, f64>,
    ) -> Result<(), TrainingError> {
        let written = self.writer.finish()?;
        self.report_written(written);
        self.position.seconds = self.log.seconds();
        let contents = Contents {
            task: self.trainer.task,
            model: model.valid(),
            optimizer: self.trainer.optimizer.state(),
            is_adapted: self.trainer.recipe.lora.is_some(),
        };
        self.writer.start(Snapshot {
            position: self.position.clone(),
            scores,
            num_bytes: contents.num_bytes(),
            fill: move |folder: &Path| contents.write(folder),
        });
        Ok(())
    }

    fn report_written(&mut self, written: Option<Written>) {
        let Some(Written { checkpoint, pruned }) = written else {
            return;
        };
        let Intact { path, manifest } = checkpoint;
        self.observer.saved(manifest.position.step, &path);
        self.last_checkpoint = Some(path);
        if let Err(error) = pruned {
            self.observer
                .warned(&format!("an old checkpoint could not be removed: {error}"));
        }
    }
}
