//! The loop over steps.

mod contents;
mod due;
mod log;
mod session;
mod settled;
mod step;

use std::path::PathBuf;

use burn::tensor::Device;
use lamplight_data::DataError;
use lamplight_data::loader::Drawn;

use crate::checkpoint::{Identity, Intact, LORA, OPTIMIZER, Position, Writer};
use crate::metrics::History;
use crate::optimizer::{ModelOptimizer, OptimizerState};
use crate::progress::Observer;
use crate::recipe::Recipe;
use crate::run_folder::RunFolder;
use crate::task::Task;
use crate::weights::Weights;
use crate::{TrainingError, lora};
use log::Log;
use session::Session;

/// Of the one process that trains.
const RANK: usize = 0;

/// A run that is ready to start or to go on.
pub struct Trainer<'a, T: Task> {
    /// What a step computes.
    pub task: &'a T,
    /// How long, how, and what is written when.
    pub recipe: &'a Recipe,
    /// The update rule with its state.
    pub optimizer: ModelOptimizer,
    /// The device, with gradients on.
    pub device: Device,
    /// Where everything is written.
    pub folder: &'a RunFolder,
    /// What makes a checkpoint one of this run.
    pub identity: Identity,
}

/// Where a trainer starts.
#[derive(Debug)]
pub struct Start<M> {
    /// The weights.
    pub model: M,
    /// Where the run stands.
    pub position: Position,
}

/// How a run ended.
pub struct Outcome<M> {
    /// The trained model.
    pub model: M,
    /// All that was measured, in earlier starts too.
    pub history: History,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// Steps that were done: fewer than planned after an interruption.
    pub num_steps: usize,
}

impl<T: Task> Trainer<'_, T> {
    /// Reads model and optimizer of a checkpoint of this run.
    ///
    /// # Errors
    /// Another run wrote it, or its files do not fit.
    pub fn restore(&mut self, checkpoint: &Intact) -> Result<Start<T::Model>, TrainingError> {
        checkpoint.check_identity(&self.identity)?;
        let model = match &self.recipe.lora {
            None => self.task.load(&checkpoint.path, &self.device)?,
            Some(settings) => {
                let frozen = self.task.load(&self.frozen()?, &self.device)?;
                let model = lora::adapt(self.task, frozen, settings)?;
                let trained = Weights::from_safetensors(&checkpoint.read(LORA)?);
                let adapted =
                    trained.and_then(|trained| trained.into(model, lora::is_trained::<T>));
                adapted.map_err(|source| TrainingError::Weights {
                    path: checkpoint.path.join(LORA),
                    source,
                })?
            }
        };
        let unfit = |source| TrainingError::OptimizerState {
            path: checkpoint.path.join(OPTIMIZER),
            source,
        };
        OptimizerState::from_safetensors(&checkpoint.read(OPTIMIZER)?)
            .and_then(|state| self.optimizer.load(state, &self.device))
            .map_err(unfit)?;
        Ok(Start {
            model,
            position: checkpoint.manifest.position.clone(),
        })
    }

    /// The folder of the weights that a low-rank adaptation leaves as they are.
    fn frozen(&self) -> Result<PathBuf, TrainingError> {
        let checkpoints = self.folder.frozen();
        let mut damage = None;
        let found = checkpoints.newest_intact(&mut |error| damage = Some(error.to_string()))?;
        let missing = || TrainingError::DamagedCheckpoint {
            path: checkpoints.path(0),
            reason: damage.unwrap_or_else(|| "it is missing".to_owned()),
        };
        Ok(found.ok_or_else(missing)?.path)
    }

    /// Trains on the batches, which go on where the position says and must not end before the last
    /// step.
    ///
    /// # Errors
    /// A batch cannot be made or holds an id past the vocabulary, training diverges, or something
    /// cannot be written. Checkpoints written before stay.
    ///
    /// # Panics
    /// The batches end before the last step.
    pub fn run(
        self,
        start: Start<T::Model>,
        batches: impl Iterator<Item = Result<Drawn<T::Batch>, DataError>>,
        observer: &mut dyn Observer,
    ) -> Result<Outcome<T::Model>, TrainingError> {
        let checkpoints = self.folder.checkpoints();
        let retention = self.recipe.retention();
        let identity = self.identity.clone();
        let log = Log::start(self.folder, self.task.terms(), &start.position)?;
        std::thread::scope(|scope| {
            let session = Session {
                schedule: self.recipe.schedule(),
                trainer: self,
                last_checkpoint: (start.position.step > 0)
                    .then(|| checkpoints.path(start.position.step)),
                position: start.position,
                checkpoints: &checkpoints,
                writer: Writer::new(scope, &checkpoints, &identity, &retention),
                log,
                undone: None,
                observer,
            };
            session.run(start.model, batches)
        })
    }
}
