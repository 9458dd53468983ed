//! Files of text on their way into a [`Corpus`].

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Corpus, Progress};
use crate::DataError;
use crate::source::{self, BadRecords, Document};
use crate::tokenizer::Tokenizer;

/// How many documents, and about how many bytes of text, are tokenised at a time.
const CHUNK_DOCUMENTS: usize = 4096;
const CHUNK_BYTES: usize = 8 << 20;

/// See [`Corpus::read`].
pub(super) fn read(
    paths: &[PathBuf],
    tokenizer: &Tokenizer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Corpus, DataError> {
    let sizes = paths
        .iter()
        .map(|path| file_size(path))
        .collect::<Result<Vec<u64>, _>>()?;
    let mut reading = Reading {
        tokenizer,
        corpus: Corpus::default(),
        bad: BadRecords::default(),
        progress: Progress {
            bytes_total: sizes.iter().sum(),
            ..Progress::default()
        },
    };
    let mut bytes_before = 0;
    for (path, size) in paths.iter().zip(sizes) {
        reading.read_file(path, bytes_before, progress)?;
        bytes_before += size;
        reading.progress.bytes_read = bytes_before;
        progress(reading.progress);
    }
    reading.finish(paths)
}

fn file_size(path: &Path) -> Result<u64, DataError> {
    let metadata = fs::metadata(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(metadata.len())
}

/// A corpus on its way in.
struct Reading<'a> {
    tokenizer: &'a Tokenizer,
    corpus: Corpus,
    bad: BadRecords,
    progress: Progress,
}

impl Reading<'_> {
    fn read_file(
        &mut self,
        path: &Path,
        bytes_before: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), DataError> {
        let mut documents = source::read(path)?;
        loop {
            let mut chunk = Vec::new();
            let mut chunk_bytes = 0;
            while chunk.len() < CHUNK_DOCUMENTS && chunk_bytes < CHUNK_BYTES {
                match documents.next() {
                    Some(document) => {
                        if let Some(document) = self.bad.keep(document)? {
                            chunk_bytes += document.text.len();
                            chunk.push(document);
                        }
                    }
                    None => break,
                }
            }
            if chunk.is_empty() {
                return Ok(());
            }
            self.tokenize(path, &chunk);
            self.progress.bytes_read = bytes_before + documents.bytes_read();
            progress(self.progress);
        }
    }

    fn tokenize(&mut self, path: &Path, chunk: &[Document]) {
        let tokenizer = self.tokenizer;
        let encoded: Vec<Result<Vec<u32>, DataError>> = chunk
            .par_iter()
            .map(|document| tokenizer.encode_ordinary(&document.text))
            .collect();
        for (document, ids) in chunk.iter().zip(encoded) {
            match ids {
                Ok(ids) if ids.is_empty() => {}
                Ok(ids) => {
                    self.progress.tokens += ids.len() as u64;
                    self.corpus.documents.push(ids);
                }
                Err(source) => self.bad.skip(DataError::Document {
                    path: path.to_owned(),
                    line: document.line,
                    source: Box::new(source),
                }),
            }
        }
    }

    fn finish(mut self, paths: &[PathBuf]) -> Result<Corpus, DataError> {
        let num_documents = self.corpus.documents.len();
        self.corpus.skipped = self.bad.finish(num_documents as u64)?;
        if num_documents == 0 {
            return Err(DataError::NoText {
                path: paths.first().cloned().unwrap_or_default(),
                num_files: paths.len(),
            });
        }
        self.corpus.check_vocabulary(self.tokenizer.vocab_size())?;
        Ok(self.corpus)
    }
}
