//! What is said of folders that are not a model's.

use std::path::Path;

use anyhow::{anyhow, bail};
use lamplight_data::DataError;

/// That there is a folder, and that it is not the one of a run or of two models.
pub fn check(folder: &Path) -> anyhow::Result<()> {
    if !folder.is_dir() {
        bail!(
            "{} is no folder; a model is a checkpoint of a run, a folder as on the Hugging Face hub, or the OWNER/NAME of one there",
            folder.display()
        );
    }
    if folder.join("config.json").is_file() {
        return Ok(());
    }
    if folder.join("discriminator").is_dir() {
        bail!(
            "{} holds the two models of a pre-training; give its folder discriminator or generator",
            folder.display()
        );
    }
    let checkpoints = folder.join("checkpoints");
    if checkpoints.is_dir() {
        bail!(
            "{} is a run; give one of its checkpoints, a folder in {}",
            folder.display(),
            checkpoints.display()
        );
    }
    Ok(())
}

/// The same error, with what to do where there is no tokenizer.
pub fn tokenizer_error(error: DataError) -> anyhow::Error {
    match error {
        DataError::NoTokenizer { .. } => anyhow!("{error}; put its files beside the model"),
        error => error.into(),
    }
}
