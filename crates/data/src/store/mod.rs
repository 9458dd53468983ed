//! Prepared stores: corpora as token ids in memory-mapped files, tokenised once and read many times.
//!
//! A store is a folder: shards, the tokenizer that made them, and `store.json`, which is written last and names them all.
//! The book's page on stores gives the layout to the byte.

mod manifest;
mod prepare;
pub mod shard;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use manifest::{Manifest, Plan, ShardEntry, SourceFile};
pub use prepare::{Preparation, Prepared, SHARD_TEXT_BYTES, Share};

use crate::DataError;
use crate::corpus::Corpus;
use crate::tokenizer::Tokenizer;
use shard::Shard;

/// The folder of the tokenizer in that of a store.
const TOKENIZER: &str = "tokenizer";

/// A prepared store.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    shards: Vec<Shard>,
}

impl Store {
    /// Whether a folder is a finished store.
    pub fn is_at(folder: &Path) -> bool {
        Manifest::path(folder).is_file()
    }

    /// Maps all shards, and checks their headers and lengths against the manifest.
    ///
    /// # Errors
    /// [`DataError::Read`] for a file that is missing or cannot be read, [`DataError::InvalidStore`] for one that is damaged
    /// or does not belong to the store.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let manifest = Manifest::read(folder)?;
        let open = |entry: &ShardEntry| {
            let path = folder.join(entry.file()?);
            let shard = Shard::open(&path)?;
            match *shard.facts() == entry.facts {
                true => Ok(shard),
                false => Err(DataError::InvalidStore {
                    path,
                    reason: "not the shard that store.json describes".to_owned(),
                }),
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            shards: manifest.shards.iter().map(open).collect::<Result<_, _>>()?,
            manifest,
        })
    }

    /// What the store says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The tokenizer that made the ids.
    ///
    /// # Errors
    /// It cannot be read, or is not the one that the store was prepared with.
    pub fn tokenizer(&self) -> Result<Tokenizer, DataError> {
        let folder = self.folder.join(TOKENIZER);
        let tokenizer = Tokenizer::from_folder(&folder)?;
        match self.is_of(&tokenizer)? {
            true => Ok(tokenizer),
            false => Err(DataError::InvalidStore {
                path: folder,
                reason: "not the tokenizer that the store was prepared with".to_owned(),
            }),
        }
    }

    /// That a tokenizer gives the ids that the store holds.
    ///
    /// # Errors
    /// [`DataError::InvalidStore`] where the store was prepared with another one.
    pub fn check_tokenizer(&self, tokenizer: &Tokenizer) -> Result<(), DataError> {
        match self.is_of(tokenizer)? {
            true => Ok(()),
            false => Err(DataError::InvalidStore {
                path: self.folder.clone(),
                reason: "prepared with another tokenizer than that of the run".to_owned(),
            }),
        }
    }

    fn is_of(&self, tokenizer: &Tokenizer) -> Result<bool, DataError> {
        Ok(tokenizer.sha256()? == self.manifest.plan.tokenizer_sha256)
    }

    /// Reads every byte and compares checksums; `progress` hears of every shard that is done.
    ///
    /// # Errors
    /// [`DataError::InvalidStore`] names the first shard that is damaged.
    pub fn verify(&self, progress: impl Fn() + Sync) -> Result<(), DataError> {
        let damaged = self.shards.par_iter().find_first(|shard| {
            let is_damaged = !shard.verify();
            progress();
            is_damaged
        });
        match damaged.and_then(Shard::path) {
            Some(path) => Err(DataError::InvalidStore {
                path: path.to_owned(),
                reason:
                    "checksum mismatch: the file is damaged; delete it and prepare the store again"
                        .to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The documents of several stores, one store behind the other.
    ///
    /// # Errors
    /// [`DataError::InvalidStore`] for a store with another tokenizer than the first.
    pub fn corpus(stores: Vec<Self>) -> Result<Corpus, DataError> {
        let expected = stores
            .first()
            .map(|store| store.manifest.plan.tokenizer_sha256.clone());
        let other = stores
            .iter()
            .find(|store| Some(&store.manifest.plan.tokenizer_sha256) != expected.as_ref());
        if let Some(store) = other {
            return Err(DataError::InvalidStore {
                path: store.folder.clone(),
                reason: "prepared with another tokenizer than the stores before it".to_owned(),
            });
        }
        let shards = stores.into_iter().flat_map(|store| store.shards);
        Ok(Corpus::from_shards(shards.collect()))
    }
}
