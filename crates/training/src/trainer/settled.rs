//! What is done when a step is settled: nothing of it is on its way any more, and no later update has begun.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;

use super::contents::Contents;
use super::due::Due;
use super::session::Session;
use crate::checkpoint::{Intact, Snapshot, Written};
use crate::task::Task;
use crate::{TrainingError, seed};

impl<T: Task> Session<'_, '_, '_, T> {
    /// Does what is due after a step; true when the run ends here.
    pub(super) fn finish_step(&mut self, model: &T::Model) -> Result<bool, TrainingError> {
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

    /// Scores the model; the scores that are numbers go into the checkpoint of this step.
    pub(super) fn evaluate(
        &mut self,
        model: &T::Model,
    ) -> Result<BTreeMap<String, f64>, TrainingError> {
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
    pub(super) fn save(
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

    pub(super) fn report_written(&mut self, written: Option<Written>) {
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
