//! From what somebody names to a model's folder, and what is said of folders that are not one.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use lamplight_data::DataError;
use lamplight_data::dataset::HubRepository;
use lamplight_pipelines::hub;

use crate::console::progress::Progress;

/// Puts its folder in the place of a model's name on the Hugging Face hub; the model is fetched if it is not there yet.
/// Anything else stays as it is.
pub fn resolve(model: &mut PathBuf) -> anyhow::Result<()> {
    let Some(name) = hub_name(model) else {
        return Ok(());
    };
    let mut progress = Progress::new("fetching", &["bytes"]);
    let fetched = hub::fetch(name, &mut |now| {
        let fraction = now.bytes_done as f64 / now.bytes_total.max(1) as f64;
        progress.update(fraction, &[now.bytes_done]);
    });
    progress.finish();
    *model = fetched?;
    Ok(())
}

/// `OWNER/NAME`, also with `@REVISION`, where it is no path: neither that is there nor a folder `OWNER` in which a
/// name may have been misspelt.
fn hub_name(path: &Path) -> Option<&str> {
    let name = path.to_str()?;
    let (owner, _) = name.split_once('/')?;
    let is_path = path.exists() || Path::new(owner).exists();
    (!is_path && HubRepository::model(name).is_ok()).then_some(name)
}

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
