//! One pass through the loop, from where the run stands to its end or an interruption.

use std::path::PathBuf;
use std::time::Instant;

use lamplight_data::DataError;
use lamplight_data::loader::{Cursor, Drawn};
use lamplight_layers::leaf::keep_all;

use super::due::Due;
use super::log::{Log, Measured};
use super::step::{Computed, Draw, Queued};
use super::{Outcome, Start, Trainer};
use crate::checkpoint::{Checkpoints, Position, Writer};
use crate::evaluation::Evaluation;
use crate::gradients::ScaledGradients;
use crate::progress::Observer;
use crate::schedule::Schedule;
use crate::stability::Verdict;
use crate::task::Task;
use crate::{TrainingError, early_stopping};

/// A trainer at work.
pub(super) struct Session<'run, 'scope, 'env, T: Task> {
    pub(super) trainer: Trainer<'env, T>,
    pub(super) schedule: Schedule,
    pub(super) position: Position,
    pub(super) checkpoints: &'env Checkpoints,
    pub(super) writer: Writer<'scope, 'env>,
    pub(super) last_checkpoint: Option<PathBuf>,
    pub(super) log: Log,
    /// What a step read that was ahead when the run went back.
    pub(super) undone: Option<Draw<T::Batch>>,
    pub(super) observer: &'run mut dyn Observer,
}

/// What a step came to.
enum Settled<M> {
    /// The model to go on with, updated or, after a skipped step, as it was.
    Forward(M),
    /// Too many steps in a row were not finite; this was the last.
    Back(Measured),
}

impl<T: Task> Session<'_, '_, '_, T> {
    /// Each turn queues the gradients of a step, settles the step before and queues the update, so that the device has work
    /// while the host waits for what the step before was measured to be.
    pub(super) fn run(
        mut self,
        mut model: T::Model,
        mut batches: impl Iterator<Item = Result<Drawn<T::Batch>, DataError>>,
    ) -> Result<Outcome<T::Model>, TrainingError> {
        self.resume(&model)?;
        model = keep_all(model);
        let mut queued = None;
        while !self.is_over() {
            let computed = match self.may_run_ahead(queued.as_ref()) {
                true => Some(self.compute(&model, &mut batches, queued.is_some())),
                false => None,
            };
            if let Some(step) = queued.take() {
                model = match self.settle(model, step)? {
                    Settled::Forward(model) => model,
                    Settled::Back(measured) => {
                        // The gradients ahead are of a model that is given up.
                        self.undone = computed.transpose()?.map(|(draw, _)| draw);
                        model = self.roll_back(&measured)?;
                        continue;
                    }
                };
                if self.finish_step(&model)? {
                    break;
                }
            }
            if let Some(computed) = computed {
                let (draw, computed) = computed?;
                let (updated, step) = self.queue(model, computed, draw.cursor);
                model = updated;
                queued = Some(step);
            }
        }
        self.end(model)
    }

    /// Waits for the last checkpoint.
    fn end(mut self, model: T::Model) -> Result<Outcome<T::Model>, TrainingError> {
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
    pub(super) fn is_over(&self) -> bool {
        early_stopping::is_over(self.trainer.recipe, self.position.step, self.log.history())
    }

    /// Whether the gradients of a step may be queued now, `before` being the step that is not settled. They wait where its
    /// update does, too, and where something is due after it.
    fn may_run_ahead(&self, before: Option<&Queued>) -> bool {
        let step = self.position.step + 1;
        let is_due = || Due::after(step, self.trainer.recipe, self.observer.is_interrupted()).logs;
        before.is_none_or(|before| before.withheld.is_none() && !is_due())
    }

    /// The batches of one step: those of a step that was given up, or new ones.
    fn draw(
        &mut self,
        batches: &mut impl Iterator<Item = Result<Drawn<T::Batch>, DataError>>,
    ) -> Result<Draw<T::Batch>, TrainingError> {
        if let Some(draw) = self.undone.take() {
            return Ok(draw);
        }
        let started = Instant::now();
        let mut draw = Draw {
            micro_batches: Vec::new(),
            cursor: self.position.cursor.clone(),
        };
        for drawn in batches.take(self.trainer.recipe.training.accumulation) {
            let Drawn { batch, cursor } = drawn?;
            draw.cursor = cursor;
            draw.micro_batches.push(batch);
        }
        self.log.waited(started.elapsed());
        Ok(draw)
    }

    /// Queues the gradients of the next step, which is one further on where the one before is not settled.
    fn compute(
        &mut self,
        model: &T::Model,
        batches: &mut impl Iterator<Item = Result<Drawn<T::Batch>, DataError>>,
        is_ahead: bool,
    ) -> Result<(Draw<T::Batch>, Computed), TrainingError> {
        let draw = self.draw(batches)?;
        let started = Instant::now();
        let index = self.position.step + usize::from(is_ahead);
        let computed = self.trainer.compute(index, model, &draw.micro_batches)?;
        self.log.computed(started.elapsed());
        Ok((draw, computed))
    }

    /// Queues the update of the next step, all before it being settled, or withholds it where a step that is not finite
    /// would change moments.
    fn queue(&mut self, model: T::Model, computed: Computed, cursor: Cursor) -> (T::Model, Queued) {
        let recipe = self.trainer.recipe;
        let stability = &self.position.stability;
        let limits = stability.limits(&recipe.stability, recipe.training.clip_norm);
        let is_guarded = self.trainer.optimizer.is_guarded();
        let is_scaled = is_guarded || !limits.is_none();
        let gradients = ScaledGradients {
            gradients: computed.gradients,
            factor: is_scaled.then(|| limits.factor(computed.values)),
        };
        let (model, withheld) = match is_guarded {
            true => (self.update(model, gradients), None),
            false => (model, Some(gradients)),
        };
        let step = Queued {
            cursor,
            withheld,
            reading: computed.reading,
        };
        (model, step)
    }

    fn update(&mut self, model: T::Model, gradients: ScaledGradients) -> T::Model {
        let started = Instant::now();
        let learning_rate = self.schedule.at(self.position.step);
        let model = (self.trainer.optimizer).step(learning_rate, model, gradients);
        self.log.computed(started.elapsed());
        model
    }

    /// Waits for what a step was measured to be and judges it. Its update is made now, if it was withheld, or taken back,
    /// if it changed nothing.
    fn settle(
        &mut self,
        mut model: T::Model,
        step: Queued,
    ) -> Result<Settled<T::Model>, TrainingError> {
        let started = Instant::now();
        let measured = step.reading.finish()?;
        self.log.computed(started.elapsed());
        self.position.cursor = step.cursor;
        match self.judge(&measured) {
            Verdict::Update | Verdict::Spike { .. } => {
                let learning_rate = self.schedule.at(self.position.step);
                if let Some(gradients) = step.withheld {
                    model = self.update(model, gradients);
                }
                self.position.num_tokens += measured.num_tokens;
                self.log.push(&measured, learning_rate);
            }
            Verdict::Skip if step.withheld.is_none() => self.trainer.optimizer.take_back(),
            Verdict::Skip => {}
            Verdict::RollBack => return Ok(Settled::Back(measured)),
            Verdict::Stop => return Err(self.diverged(&measured)),
        }
        self.position.step += 1;
        Ok(Settled::Forward(model))
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
            Verdict::Update | Verdict::RollBack | Verdict::Stop => {}
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
}
