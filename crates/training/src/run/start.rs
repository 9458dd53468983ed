//! Where a run starts: at drawn weights, at those of a folder, or at its newest checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use lamplight_layers::initializer::draw_all;

use super::Run;
use crate::checkpoint::{Identity, Intact, Position, Record};
use crate::lora::LoraSettings;
use crate::optimizer::ModelOptimizer;
use crate::progress::Observer;
use crate::run_folder::RunFolder;
use crate::task::Task;
use crate::trainer::{Start, Trainer};
use crate::{TrainingError, lora, model_config, seed};

/// What a start needs to know.
pub(super) struct Starting<'a, T> {
    pub(super) run: &'a Run,
    pub(super) task: &'a T,
    pub(super) folder: &'a RunFolder,
    pub(super) identity: Identity,
}

/// A model of the recipe, and the checkpoint whose weights are to take its place.
pub(super) struct First<M> {
    model: M,
    checkpoint: Option<Intact>,
}

impl Run {
    /// Takes the model's config and the tokenizer, where none are given, from the folder that the
    /// weights come from. A config of nothing but dropout is none: it says how that model is trained.
    pub(super) fn follow_start(&mut self) -> Result<(), TrainingError> {
        let Some(folder) = &self.init_from else {
            return Ok(());
        };
        let config = &mut self.recipe.model.config;
        if config.keys().all(|key| key.contains("dropout")) {
            let of_folder = model_config::of_folder(folder, self.recipe.model.family)?;
            let given = std::mem::replace(config, of_folder);
            config.extend(given);
        }
        if self.sources.tokenizer.is_none() && self.recipe.data.train_tokenizer.is_none() {
            self.sources.tokenizer = Some(folder.clone());
        }
        Ok(())
    }
}

impl<'a, T: Task> Starting<'a, T> {
    /// Draws the weights or reads those to start from, unless there is a checkpoint to go on from.
    /// `fresh` is a model of the recipe, not drawn yet.
    pub(super) fn first_model(
        &self,
        fresh: T::Model,
        observer: &mut dyn Observer,
    ) -> Result<First<T::Model>, TrainingError> {
        let checkpoints = self.folder.checkpoints();
        if let Err(error) = checkpoints.clean() {
            observer.warned(&error.to_string());
        }
        let passed_over = &mut |damaged: &TrainingError| observer.warned(&damaged.to_string());
        let checkpoint = checkpoints.recover(false, passed_over)?;
        if checkpoint.is_some() {
            let model = fresh;
            return Ok(First { model, checkpoint });
        }
        let recipe = &self.run.recipe;
        let device = self.run.device.clone().autodiff();
        device.seed(seed::for_initialisation(recipe.training.seed));
        let drawn = draw_all(fresh);
        let model = match &self.run.init_from {
            Some(folder) => (self.task).start_from(drawn, folder, &self.run.device)?,
            None => drawn,
        };
        Ok(First { model, checkpoint })
    }

    /// The trainer and where it starts.
    pub(super) fn trainer(
        self,
        first: First<T::Model>,
    ) -> Result<(Trainer<'a, T>, Start<T::Model>), TrainingError> {
        let First { model, checkpoint } = first;
        let recipe = &self.run.recipe;
        let model = match &recipe.lora {
            Some(settings) => self.adapted(model, settings, checkpoint.is_none())?,
            None => model,
        };
        let names = self.task.names(&model);
        let mut trainer = Trainer {
            task: self.task,
            recipe,
            optimizer: ModelOptimizer::new(&recipe.optimizer, names, &model)?,
            device: self.run.device.clone().autodiff(),
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
        Ok(lora::adapt(self.task, model, settings)?)
    }
}
