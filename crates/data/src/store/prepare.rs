//! From files of text to a store, by one process or by many.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, Plan, ShardEntry, read_json, write_json};
use super::shard::{IdType, Shard, ShardWriter};
use super::{Store, TOKENIZER};
use crate::corpus::PATIENCE;
use crate::source::TextFile;
use crate::tokenized::{Counts, Files, Progress, Sink};
use crate::tokenizer::Tokenizer;
use crate::{DataError, atomic_file};

const PLAN: &str = "plan.json";
/// Held by the process that begins or ends its share.
const LOCK: &str = ".lock";

/// Bytes of text of a shard: enough that files are few, and little enough that a killed process loses a minute.
pub const SHARD_TEXT_BYTES: u64 = 64 << 20;

/// Which shards a process makes: every `count`-th, from `index` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From zero, below `count`.
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

impl Share {
    /// All shards.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}

/// A store to make.
#[derive(Clone, Copy, Debug)]
pub struct Preparation<'a> {
    /// The files of text.
    pub files: &'a [TextFile],
    /// What makes ids of them.
    pub tokenizer: &'a Tokenizer,
    /// The store's folder: empty, not there yet, or with a store that was begun from the same files.
    pub folder: &'a Path,
    /// What this process makes of it.
    pub share: Share,
    /// Share of the documents that may be unusable.
    pub max_bad_fraction: f64,
    /// Bytes of text after which a shard ends; [`SHARD_TEXT_BYTES`] does for most.
    pub shard_text_bytes: u64,
}

/// How far a store has come when a process has made its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// All shards are there.
    Whole(Box<Manifest>),
    /// These are not there yet.
    Waiting {
        /// Numbers of the shards.
        missing: Vec<usize>,
    },
}

impl Preparation<'_> {
    /// Makes the shards of this process's share that are not there yet. Killed at any moment and started again, it ends
    /// with the same bytes; the last of several processes to end finishes the store.
    ///
    /// # Errors
    /// [`DataError::InvalidStore`] for a folder that holds anything else, [`DataError::Write`] when it cannot be written,
    /// and what keeps the files from being read.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<Prepared, DataError> {
        let plan = Plan::new(self.files, self.tokenizer, self.shard_text_bytes)?;
        if let Some(whole) = self.begin(&plan)? {
            return Ok(Prepared::Whole(Box::new(whole)));
        }
        let done = self.done()?;
        let share = self.share;
        let is_wanted =
            move |shard: usize| shard % share.count == share.index && !done.contains(&shard);
        let mut shards = ShardFiles {
            folder: self.folder,
            id_type: IdType::for_vocabulary(plan.vocab_size),
            writer: None,
        };
        let files = Files {
            files: self.files,
            tokenizer: self.tokenizer,
            max_bad_fraction: self.max_bad_fraction,
            patience: PATIENCE,
            shard_text_bytes: self.shard_text_bytes,
        };
        let num_shards = files.tokenize(is_wanted, &mut shards, progress)?;
        self.finish(plan, num_shards)
    }

    fn check(&self, found: &Plan, plan: &Plan) -> Result<(), DataError> {
        if found == plan {
            return Ok(());
        }
        Err(DataError::InvalidStore {
            path: self.folder.to_owned(),
            reason: format!(
                "holds a store of {}; name another folder or delete this one",
                plan.difference(found)
            ),
        })
    }

    /// Takes the folder, or goes on in it; gives what is there if it is whole.
    fn begin(&self, plan: &Plan) -> Result<Option<Manifest>, DataError> {
        fs::create_dir_all(self.folder).map_err(DataError::writing(self.folder))?;
        let path = self.folder.join(PLAN);
        if !path.is_file() {
            // Where another process has just begun, its plan stands before anything else.
            self.check_empty()
                .or_else(|error| if path.is_file() { Ok(()) } else { Err(error) })?;
        }
        let _alone = self.lock()?;
        if !path.is_file() {
            write_json(&path, plan)?;
        }
        self.check(&read_json(&path)?, plan)?;
        if let Ok(whole) = Store::open(self.folder) {
            return Ok(Some(whole.manifest));
        }
        self.tokenizer.save(&self.folder.join(TOKENIZER))?;
        Ok(None)
    }

    /// Waits until no other process begins or ends its share, and keeps them from it until the file is dropped.
    fn lock(&self) -> Result<File, DataError> {
        let path = self.folder.join(LOCK);
        let file = File::create(&path).map_err(DataError::writing(&path))?;
        file.lock().map_err(DataError::writing(&path))?;
        Ok(file)
    }

    fn check_empty(&self) -> Result<(), DataError> {
        let entries = fs::read_dir(self.folder).map_err(|source| DataError::Read {
            path: self.folder.to_owned(),
            source,
        })?;
        // What another process has just begun with.
        let partial = atomic_file::partial_name(PLAN);
        let own = [LOCK, PLAN, &partial];
        let is_foreign = |name: &str| !own.contains(&name);
        let mut names = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        match names.find(|name| is_foreign(name)) {
            Some(name) => Err(DataError::InvalidStore {
                path: self.folder.to_owned(),
                reason: format!("not empty (it holds {name}) and no store: name another folder"),
            }),
            None => Ok(()),
        }
    }

    /// The shards that are whole.
    fn done(&self) -> Result<BTreeSet<usize>, DataError> {
        let entries = fs::read_dir(self.folder).map_err(|source| DataError::Read {
            path: self.folder.to_owned(),
            source,
        })?;
        let number = |name: &str| {
            let digits = name.strip_prefix("shard-")?.strip_suffix(".json")?;
            digits.parse().ok()
        };
        Ok(entries
            .flatten()
            .filter_map(|entry| number(&entry.file_name().to_string_lossy()))
            .filter(|&shard| self.is_whole(shard))
            .collect())
    }

    fn is_whole(&self, shard: usize) -> bool {
        let described = read_json::<ShardEntry>(&self.folder.join(entry(shard)));
        let found = Shard::open(&self.folder.join(file(shard)));
        matches!((described, found), (Ok(entry), Ok(shard)) if entry.facts == *shard.facts())
    }

    fn finish(&self, plan: Plan, num_shards: usize) -> Result<Prepared, DataError> {
        let _alone = self.lock()?;
        let done = self.done()?;
        let missing: Vec<usize> = (0..num_shards)
            .filter(|shard| !done.contains(shard))
            .collect();
        if !missing.is_empty() {
            return Ok(Prepared::Waiting { missing });
        }
        let manifest = self.manifest(plan, num_shards)?;
        write_json(&Manifest::path(self.folder), &manifest)?;
        Ok(Prepared::Whole(Box::new(manifest)))
    }

    /// Puts the entries of all shards together.
    fn manifest(&self, plan: Plan, num_shards: usize) -> Result<Manifest, DataError> {
        let shards = (0..num_shards)
            .map(|shard| read_json(&self.folder.join(entry(shard))))
            .collect::<Result<Vec<ShardEntry>, _>>()?;
        let mut counts = Counts::default();
        shards.iter().for_each(|shard| counts += shard.counts);
        let num_tokens = shards.iter().map(|shard| shard.facts.num_tokens).sum();
        if num_tokens == 0 {
            return Err(DataError::no_text(self.files));
        }
        if counts.are_too_bad(self.max_bad_fraction) {
            let Counts {
                num_bad,
                num_documents,
            } = counts;
            return Err(DataError::InvalidStore {
                path: self.folder.to_owned(),
                reason: format!("{num_bad} of {num_documents} documents cannot be used"),
            });
        }
        Ok(Manifest {
            plan,
            num_tokens,
            counts,
            shards,
        })
    }
}

/// The shard that is being written.
struct ShardFiles<'a> {
    folder: &'a Path,
    id_type: IdType,
    writer: Option<ShardWriter<BufWriter<File>>>,
}

impl ShardFiles<'_> {
    fn partial(&self, shard: usize) -> PathBuf {
        self.folder.join(atomic_file::partial_name(&file(shard)))
    }

    /// What a process that died has left is written over; what another one is writing is not.
    fn create(&self, shard: usize) -> Result<ShardWriter<BufWriter<File>>, DataError> {
        let path = self.partial(shard);
        let target = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(DataError::writing(&path))?;
        match target.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataError::InvalidStore {
                    path,
                    reason: "another process is writing this shard".to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(DataError::Write { path, source }),
        }
        target.set_len(0).map_err(DataError::writing(&path))?;
        ShardWriter::new(BufWriter::new(target), self.id_type).map_err(DataError::writing(&path))
    }

    fn writer(&mut self, shard: usize) -> Result<ShardWriter<BufWriter<File>>, DataError> {
        match self.writer.take() {
            Some(writer) => Ok(writer),
            None => self.create(shard),
        }
    }
}

impl Sink for ShardFiles<'_> {
    fn push(&mut self, shard: usize, ids: &[u32]) -> Result<(), DataError> {
        let mut writer = self.writer(shard)?;
        writer
            .push(ids)
            .map_err(DataError::writing(&self.partial(shard)))?;
        self.writer = Some(writer);
        Ok(())
    }

    fn end(&mut self, shard: usize, counts: Counts) -> Result<(), DataError> {
        let writer = self.writer(shard)?;
        let (partial, path) = (self.partial(shard), self.folder.join(file(shard)));
        let (target, facts) = writer.finish().map_err(DataError::writing(&partial))?;
        target
            .get_ref()
            .sync_all()
            .map_err(DataError::writing(&partial))?;
        fs::rename(&partial, &path).map_err(DataError::writing(&path))?;
        let whole = ShardEntry::new(file(shard), facts, counts);
        write_json(&self.folder.join(entry(shard)), &whole)
    }
}

fn file(shard: usize) -> String {
    format!("shard-{shard:05}.tokens")
}

/// The file that says that a shard is whole.
fn entry(shard: usize) -> String {
    format!("shard-{shard:05}.json")
}
