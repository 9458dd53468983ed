//! Models of the Hugging Face hub by their names.

use std::path::PathBuf;

use lamplight_data::DataError;
pub use lamplight_data::dataset::FetchProgress;
use lamplight_data::dataset::{HubRepository, ModelCache};

use crate::PipelineError;

/// The folder of a model of the hub, `OWNER/NAME` or `OWNER/NAME@REVISION`, for every `from_pretrained`. It is fetched the
/// first time, into the cache of [`ModelCache::from_env`]; after that no network is used.
///
/// `HF_ENDPOINT` names another hub, `HF_TOKEN` who asks.
///
/// ```no_run
/// use lamplight_pipelines::{Translator, hub};
/// # let device = lamplight_testing::test_device();
/// let folder = hub::fetch("google-t5/t5-small", &mut |_| {})?;
/// let translator = Translator::from_pretrained(&folder, &device)?;
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
///
/// # Errors
/// What is no such name, or a repository without a model; [`PipelineError::Hub`] where the hub does not give it; the
/// cache cannot be written.
pub fn fetch(
    model: &str,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<PathBuf, PipelineError> {
    let cache = ModelCache::from_env()?;
    let repository = HubRepository::model(model)?;
    cache
        .fetch(&repository, progress)
        .map_err(|error| match error {
            source @ DataError::Fetch { .. } => PipelineError::Hub {
                model: model.to_owned(),
                folder: cache.folder_of(&repository),
                source: Box::new(source),
            },
            error => error.into(),
        })
}
