//! From what a command names as a model to the model's folder.

use std::path::{Path, PathBuf};

use lamplight_data::dataset::HubRepository;
use lamplight_pipelines::hub;

use crate::arguments::Command;
use crate::console::progress::Progress;

impl Command {
    /// What it names as models to use.
    pub fn models(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Evaluate(arguments) => vec![&mut arguments.model],
            Self::Generate(arguments) => {
                let assistant = arguments.assistant.as_mut();
                [&mut arguments.texts.model]
                    .into_iter()
                    .chain(assistant)
                    .collect()
            }
            Self::Summarize(arguments) => vec![&mut arguments.texts.model],
            Self::Translate(arguments) => vec![&mut arguments.texts.model],
            Self::Classify(arguments) => vec![&mut arguments.texts.model],
            Self::Tag(arguments) => vec![&mut arguments.texts.model],
            Self::Answer(arguments) => vec![&mut arguments.texts.model],
            Self::FillMask(arguments) => vec![&mut arguments.texts.model],
            Self::Detect(arguments) => vec![&mut arguments.texts.model],
            Self::Embed(arguments) => vec![&mut arguments.texts.model],
            Self::Train(_)
            | Self::Compare(_)
            | Self::Data(_)
            | Self::Tokenize(_)
            | Self::Bench(_)
            | Self::Verify(_)
            | Self::Devices => Vec::new(),
        }
    }
}

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
