//! Models of the hub in a cache folder.

use super::{Fetch, FetchProgress, FetchRequest};
use crate::dataset::{
    Hub, HubRepository,
    hub::{HubFile, encoded},
    lock::Lock,
};
use crate::{DataError, atomic_file};
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

/// Says in a model's folder that all of it was fetched.
const DONE: &str = ".fetched";
/// What a model has beside its weights; all but the first may be missing.
const SMALL_FILES: [&str; 9] = [
    CONFIG,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "sentencepiece.model",
    "vocab.txt",
];
const CONFIG: &str = "config.json";
/// Weights, the best kind first: one file, or else an index with its parts.
const WEIGHTS: [(&str, &str); 2] = [("model", ".safetensors"), ("pytorch_model", ".bin")];

/// Models of the hub in folders of their own, `OWNER/NAME/REVISION` below that of the cache.
#[derive(Clone)]
pub struct ModelCache {
    /// Where models come from.
    pub hub: Hub,
    /// Where they are kept.
    pub folder: PathBuf,
}

impl ModelCache {
    /// The hub of the environment ([`Hub::from_env`]), and `lamplight/models` in `XDG_CACHE_HOME`, else in `HOME/.cache`
    /// or, on Windows, in `LOCALAPPDATA`.
    ///
    /// # Errors
    /// [`DataError::NoCacheFolder`] if none of these is set.
    pub fn from_env() -> Result<Self, DataError> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let home = || set("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(home);
        let cache = cache.or_else(|| set("LOCALAPPDATA").map(PathBuf::from));
        Ok(Self {
            hub: Hub::from_env(),
            folder: cache
                .ok_or(DataError::NoCacheFolder)?
                .join("lamplight/models"),
        })
    }

    /// The folder of a model, whether it was fetched or not.
    pub fn folder_of(&self, model: &HubRepository) -> PathBuf {
        self.folder
            .join(model.name())
            .join(encoded(model.revision()))
    }

    /// The folder of a model, which is fetched first where it was not yet: its config, its tokenizer and its weights, those
    /// of safetensors where there are any. One that was fetched is never asked about again, so that a branch stays at the
    /// commit it was then; without its folder it is fetched anew. A fetch that was broken off goes on.
    ///
    /// # Errors
    /// [`DataError::NotAModel`] for a repository without config or weights, else as [`super::fetch`].
    pub fn fetch(
        &self,
        model: &HubRepository,
        progress: &mut dyn FnMut(FetchProgress<'_>),
    ) -> Result<PathBuf, DataError> {
        let folder = self.folder_of(model);
        let lock = Lock::read(&folder)?.filter(|_| folder.join(DONE).is_file());
        if lock.is_some_and(|lock| lock.is_whole(&folder)) {
            return Ok(folder);
        }
        let request = FetchRequest {
            hub: self.hub.clone(),
            repository: model.clone(),
            include: Vec::new(),
            sha256: BTreeMap::new(),
        };
        let fetch = Fetch {
            request: &request,
            folder: &folder,
        };
        fetch.run(|listed| files_of(model, listed), progress)?;
        atomic_file::write(&folder.join(DONE), b"")?;
        Ok(folder)
    }
}

/// The files that make a model.
fn files_of(model: &HubRepository, listed: Vec<HubFile>) -> Result<Vec<HubFile>, DataError> {
    let lacks = |missing| DataError::NotAModel {
        repository: model.to_string(),
        missing,
    };
    let has = |name: &str| listed.iter().any(|file| file.path == name);
    if !has(CONFIG) {
        return Err(lacks(CONFIG));
    }
    let whole = WEIGHTS.map(|(stem, end)| format!("{stem}{end}"));
    let index = WEIGHTS.map(|(stem, end)| format!("{stem}{end}.index.json"));
    let kind = (0..WEIGHTS.len()).find(|&kind| has(&whole[kind]) || has(&index[kind]));
    let kind = kind.ok_or_else(|| lacks("weights of safetensors or PyTorch"))?;
    let (stem, end) = WEIGHTS[kind];
    let is_sharded = !has(&whole[kind]);
    let is_weight = |path: &str| match is_sharded {
        true => {
            let part = path
                .strip_prefix(stem)
                .and_then(|rest| rest.strip_suffix(end));
            path == index[kind] || part.is_some_and(|part| part.starts_with('-'))
        }
        false => path == whole[kind],
    };
    let wanted = listed.into_iter();
    let wanted = wanted.filter(|file| {
        let path = file.path.as_str();
        SMALL_FILES.contains(&path) || (is_weight(path) && !path.contains('/'))
    });
    Ok(wanted.collect())
}
