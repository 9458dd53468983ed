//! Where a run starts: at drawn weights, at those of a folder, or at its newest checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use lamplight_layers::initializer::draw_all;

use super::Run;
use crate::checkpoint::{Identity, Position, Record};
use crate::lora::LoraSettings;
use crate::optimizer::ModelOptimizer;
use crate::progress::Observer;
use crate::run_folder::RunFolder;
use crate::task::Task;
use crate::trainer::{Start, Trainer};
use crate::weights::Weights;
use crate::{TrainingError, lora, seed};

/// What a start needs to know.
pub(super) struct Starting<'a, T> {
    pub(super) run: &'a Run,
    pub(super) task: &'a T,
    pub(super) folder: &'a RunFolder,
    pub(super) identity: Identity,
}

impl<'a, T: Task> Starting<'a, T> {
    /// The trainer and where it starts. `fresh` is a model of the recipe, not drawn yet.
    pub(super) fn from(
        self,
        fresh: T::Model,
        observer: &mut dyn Observer,
    ) -> Result<(Trainer<'a, T>, Start<T::Model>), TrainingError> {
        let recipe = &self.run.recipe;
        let passed_over = &mut |damaged: &TrainingError| observer.warned(&damaged.to_string());
        let checkpoint = self.folder.checkpoints().newest_intact(passed_over)?;
        let device = self.run.device.clone().autodiff();
        device.seed(seed::for_initialisation(recipe.training.seed));
        let drawn = draw_all(fresh);
        let model = match &self.run.init_from {
            Some(folder) if checkpoint.is_none() => self.initialised(drawn, folder)?,
            _ => drawn,
        };
        let model = match &recipe.lora {
            Some(settings) => self.adapted(model, settings, checkpoint.is_none())?,
            None => model,
        };
        let names = self.task.names(&model);
        let mut trainer = Trainer {
            task: self.task,
            recipe,
            optimizer: ModelOptimizer::new(&recipe.optimizer, names, &model)?,
            device,
            folder: self.folder,
            identity: self.identity,
        };
        let start = match checkpoint {
            Some(checkpoint) => trainer.restore(&checkpoint)?,
            None => Start {
                model,
                position: Position::default(),
            },
        };
        Ok((trainer, start))
    }

    /// The model with the weights of a folder.
    fn initialised(&self, model: T::Model, folder: &Path) -> Result<T::Model, TrainingError> {
        let loaded = self.task.load(folder, &self.run.device)?;
        let adopted = Weights::of(&loaded, |_| true).into(model, |_| true);
        adopted.map_err(|source| TrainingError::Weights {
            path: folder.to_owned(),
            source,
        })
    }

    /// The model with factors to train; what it leaves as it is goes into the run's folder first.
    fn adapted(
        &self,
        model: T::Model,
        settings: &LoraSettings,
        is_first_start: bool,
    ) -> Result<T::Model, TrainingError> {
        if is_first_start {
            let record = Record {
                identity: &self.identity,
                position: &Position::default(),
                scores: &BTreeMap::new(),
            };
            let fill = |folder: &Path| self.task.save(&model, folder);
            self.folder.frozen().write(&record, fill)?;
        }
        let names = self.task.names(&model);
        Ok(lora::apply(model, &names, settings)?)
    }
}
