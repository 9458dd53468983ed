//! From files or a generated corpus to token ids, and the tokenizer that made them.

mod found;
mod labelled;
mod pairs;

use std::path::{Path, PathBuf};

use lamplight_data::DataError;
use lamplight_data::corpus::{Corpus, Progress};
use lamplight_data::dataset::{HELD_OUT, TRAIN, is_dataset};
use lamplight_data::source::TextFile;
use lamplight_data::store::Store;
use lamplight_data::synthetic;
use lamplight_data::tokenizer::{Tokenizer, train};
use serde::{Deserialize, Serialize};

use crate::TrainingError;
use crate::progress::{Observer, Stage};
use crate::recipe::{Recipe, TokenizerKind, TokenizerTraining};

pub(crate) use found::find;
pub use found::{Files, Found};
pub(crate) use labelled::{Split, load_labelled, read_labelled};
pub(crate) use pairs::read_pair_files;
pub use pairs::{Pairs, load_pairs};

/// A tokenizer is trained on this much of the text at most; more hardly changes its pieces.
const MAX_TOKENIZER_TEXT_BYTES: usize = 32 << 20;
/// Generated corpora are the same in every run; only what is made of them follows the seed.
const CORPUS_SEED: u64 = 0;

/// Where texts and tokenizer come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// Files, folders and patterns to train on, or prepared stores; without any the recipe's generated corpus is used.
    pub data: Vec<PathBuf>,
    /// The same, held out; without any a part of the training texts is.
    pub valid: Vec<PathBuf>,
    /// The folder of a tokenizer; without one that of the stores or the recipe's `train_tokenizer` is used.
    pub tokenizer: Option<PathBuf>,
}

/// Texts as ids.
#[derive(Debug)]
pub struct Texts {
    /// What made the ids.
    pub tokenizer: Tokenizer,
    /// To train on.
    pub training: Corpus,
    /// To score on.
    pub held_out: Corpus,
}

impl Sources {
    /// The same from any working directory.
    ///
    /// # Errors
    /// The working directory is gone.
    pub fn absolute(&self) -> Result<Self, TrainingError> {
        let all = |paths: &[PathBuf]| {
            paths
                .iter()
                .map(|path| absolute(path))
                .collect::<Result<_, _>>()
        };
        Ok(Self {
            data: all(&self.data)?,
            valid: all(&self.valid)?,
            tokenizer: self.tokenizer.as_deref().map(absolute).transpose()?,
        })
    }

    /// Finds every file that is named, so that a misspelt path is an error before any work.
    ///
    /// # Errors
    /// A path or pattern names nothing, or there is nothing to train on.
    pub fn files(&self, name: &str, recipe: &Recipe) -> Result<Files, TrainingError> {
        if self.data.is_empty() && recipe.data.corpus.is_none() {
            return Err(TrainingError::NoCorpus {
                recipe: name.to_owned(),
            });
        }
        let objective = recipe.data.objective;
        let are_datasets = self.data.iter().all(|path| is_dataset(path));
        let held_out = match self.valid.is_empty() && are_datasets {
            // They say themselves what is held out.
            true => &self.data,
            false => &self.valid,
        };
        let files = Files {
            training: find(&self.data, TRAIN, objective)?,
            held_out: find(held_out, HELD_OUT, objective)?,
        };
        let has_tokenizer = self.tokenizer.is_some() || recipe.data.train_tokenizer.is_some();
        if !has_tokenizer && files.training.stores.is_empty() {
            return Err(TrainingError::NoTokenizer {
                recipe: name.to_owned(),
            });
        }
        Ok(files)
    }

    /// The tokenizer in the folder that is named.
    ///
    /// # Errors
    /// None is, or it cannot be read.
    pub(crate) fn given_tokenizer(&self, name: &str) -> Result<Tokenizer, TrainingError> {
        match &self.tokenizer {
            Some(folder) => Ok(Tokenizer::from_folder(folder)?),
            None => Err(TrainingError::NoTokenizer {
                recipe: name.to_owned(),
            }),
        }
    }

    fn tokenizer<T: AsRef<str> + Sync>(
        &self,
        training: Option<&TokenizerTraining>,
        observer: &mut dyn Observer,
        texts: impl FnOnce() -> Result<Vec<T>, TrainingError>,
    ) -> Result<Tokenizer, TrainingError> {
        match (&self.tokenizer, training) {
            (Some(folder), _) => Ok(Tokenizer::from_folder(folder)?),
            (None, Some(training)) => {
                observer.preparing(Stage::TrainingTokenizer);
                let texts = texts()?;
                let texts = texts.iter().map(AsRef::as_ref);
                Ok(match training.kind {
                    TokenizerKind::WordPiece => train::word_piece(texts, training.vocab_size)?,
                    TokenizerKind::Unigram => train::unigram(texts, training.vocab_size)?,
                })
            }
            (None, None) => Err(TrainingError::NoTokenizer {
                recipe: String::new(),
            }),
        }
    }
}

/// The same path from any working directory.
///
/// # Errors
/// The working directory is gone.
pub fn absolute(path: &Path) -> Result<PathBuf, TrainingError> {
    std::path::absolute(path).map_err(TrainingError::io("find the place of", path))
}

/// Reads the files, or generates the recipe's corpus, and splits what is held out.
///
/// # Errors
/// A file cannot be read, holds no text, or too much of it is damaged; the tokenizer cannot be read
/// or trained; nothing is left to hold out.
pub fn load_texts(
    sources: &Sources,
    files: &Files,
    recipe: &Recipe,
    observer: &mut dyn Observer,
) -> Result<Texts, TrainingError> {
    let data = &recipe.data;
    let mut reader = Reader {
        max_bad_fraction: data.max_bad_fraction,
        observer,
    };
    let (tokenizer, corpus) = if files.training.is_empty() {
        generate(sources, recipe, reader.observer)?
    } else if files.training.stores.is_empty() {
        let texts = &files.training.texts;
        let training = data.train_tokenizer.as_ref();
        let tokenizer = sources.tokenizer(training, reader.observer, || sample_text(texts))?;
        let corpus = reader.read(texts, &tokenizer)?;
        (tokenizer, corpus)
    } else {
        let wanted = sources.tokenizer.as_deref().map(Tokenizer::from_folder);
        open(&files.training.stores, wanted.transpose()?.as_ref())?
    };
    let (training, held_out) = if files.held_out.is_empty() {
        corpus.split_held_out(data.held_out, recipe.training.seed)
    } else {
        (corpus, reader.read_found(&files.held_out, &tokenizer)?)
    };
    if held_out.num_documents() == 0 {
        return Err(TrainingError::NothingHeldOut);
    }
    Ok(Texts {
        tokenizer,
        training,
        held_out,
    })
}

/// The recipe's generated corpus.
fn generate(
    sources: &Sources,
    recipe: &Recipe,
    observer: &mut dyn Observer,
) -> Result<(Tokenizer, Corpus), TrainingError> {
    observer.preparing(Stage::GeneratingTexts);
    let data = &recipe.data;
    let documents = synthetic::english(data.num_examples.unwrap_or_default(), CORPUS_SEED);
    let training = data.train_tokenizer.as_ref();
    let tokenizer = sources.tokenizer(training, observer, || Ok(documents.iter().collect()))?;
    let corpus = Corpus::from_texts(&documents, &tokenizer)?;
    Ok((tokenizer, corpus))
}

/// The documents of prepared stores, and their tokenizer, which is to be the one that is asked for.
fn open(stores: &[PathBuf], wanted: Option<&Tokenizer>) -> Result<(Tokenizer, Corpus), DataError> {
    let opened = stores.iter().map(|store| Store::open(store));
    let opened = opened.collect::<Result<Vec<_>, _>>()?;
    let Some(first) = opened.first() else {
        return Err(DataError::EmptyCorpus);
    };
    if let Some(wanted) = wanted {
        first.check_tokenizer(wanted)?;
    }
    let tokenizer = first.tokenizer()?;
    let corpus = Store::corpus(opened)?;
    corpus.check_vocabulary(tokenizer.vocab_size())?;
    Ok((tokenizer, corpus))
}

/// Reads files of text.
pub(crate) struct Reader<'a> {
    pub(crate) max_bad_fraction: f64,
    pub(crate) observer: &'a mut dyn Observer,
}

impl Reader<'_> {
    /// The documents of files or of stores, which are to be of this tokenizer.
    pub(crate) fn read_found(
        &mut self,
        found: &Found,
        tokenizer: &Tokenizer,
    ) -> Result<Corpus, DataError> {
        match found.stores.as_slice() {
            [] => self.read(&found.texts, tokenizer),
            stores => Ok(open(stores, Some(tokenizer))?.1),
        }
    }

    fn read(&mut self, files: &[TextFile], tokenizer: &Tokenizer) -> Result<Corpus, DataError> {
        let mut progress = |progress: Progress| {
            self.observer.preparing(Stage::ReadingTexts {
                fraction: progress.fraction(),
                num_tokens: progress.tokens,
            });
        };
        Corpus::read(files, tokenizer, self.max_bad_fraction, &mut progress)
    }
}

/// Text from the front of every file, an equal part of each.
fn sample_text(files: &[TextFile]) -> Result<Vec<String>, TrainingError> {
    let share = MAX_TOKENIZER_TEXT_BYTES / files.len().max(1);
    let mut texts = Vec::new();
    let mut first_bad = None;
    for file in files {
        let mut num_bytes = 0;
        for document in file.read()? {
            match document {
                Ok(document) => {
                    num_bytes += document.text.len();
                    texts.push(document.text);
                }
                // Counted, and too many refused, when the corpus is read.
                Err(error) => first_bad = first_bad.or(Some(error)),
            }
            if num_bytes >= share {
                break;
            }
        }
    }
    if texts.iter().any(|text| !text.trim().is_empty()) {
        return Ok(texts);
    }
    let no_text = || DataError::no_text(files);
    Err(first_bad.unwrap_or_else(no_text).into())
}
