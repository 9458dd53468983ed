//! What a checkpoint holds of a run between two steps.

use std::fs;
use std::path::Path;

use burn::module::Module;

use crate::checkpoint::{LORA, OPTIMIZER};
use crate::optimizer::OptimizerState;
use crate::task::Task;
use crate::weights::Weights;
use crate::{TrainingError, lora};

/// Model and optimizer as they are now. The model shares its tensors with the one in training, which
/// an update replaces rather than changes; the optimizer's state is a copy on the host.
pub(super) struct Contents<'a, T: Task> {
    pub(super) task: &'a T,
    pub(super) model: T::Model,
    pub(super) optimizer: OptimizerState,
    pub(super) is_adapted: bool,
}

impl<T: Task> Contents<'_, T> {
    /// Bytes of all tensors.
    pub(super) fn num_bytes(&self) -> u64 {
        4 * self.model.num_params() as u64 + self.optimizer.num_bytes()
    }

    /// Writes the files of a checkpoint, all but its manifest.
    pub(super) fn write(&self, folder: &Path) -> Result<(), TrainingError> {
        self.task.save(&self.model, folder)?;
        if self.is_adapted {
            let path = folder.join(LORA);
            let trained = Weights::of(&self.model, lora::is_trained::<T>).to_safetensors();
            let bytes = trained.map_err(|source| TrainingError::Weights {
                path: path.clone(),
                source,
            })?;
            fs::write(&path, bytes).map_err(TrainingError::io("write", &path))?;
        }
        let path = folder.join(OPTIMIZER);
        let state = self.optimizer.to_safetensors();
        let bytes = state.map_err(|source| TrainingError::OptimizerState {
            path: path.clone(),
            source,
        })?;
        fs::write(&path, bytes).map_err(TrainingError::io("write", &path))
    }
}
