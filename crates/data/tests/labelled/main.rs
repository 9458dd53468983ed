//! Labelled records: texts, words, questions and choices in their formats, and what is no record.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod choices;
mod published;
mod questions;
mod texts;
mod words;

use flate2::{Compression, write::GzEncoder};
use lamplight_data::{
    DataError,
    source::labelled::{self, LabelledRecords, TextFields},
};
use proptest::prelude::*;
use serde_json::Value;
use std::{fs, io::Write, path::Path};
use tempfile::TempDir;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The records of a file of this name, with the file's path cut out of errors.
fn records<T>(
    name: &str,
    bytes: impl AsRef<[u8]>,
    open: impl FnOnce(&Path) -> Result<LabelledRecords<T>, DataError>,
) -> Result<Vec<Result<T, String>>, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let told = |error: DataError| {
        let message = error.to_string();
        assert!(message.contains(name), "{message}");
        message.replace(&*path.to_string_lossy(), name)
    };
    let records = open(&path).map_err(told)?;
    Ok(records.map(|record| record.map_err(told)).collect())
}

fn good<T>(
    name: &str,
    bytes: impl AsRef<[u8]>,
    open: impl FnOnce(&Path) -> Result<LabelledRecords<T>, DataError>,
) -> Vec<T> {
    let records = records(name, bytes, open).unwrap();
    records.into_iter().map(Result::unwrap).collect()
}

/// What is said of a line of a file whose first and last ones are good.
fn complaint<T>(
    good: &Value,
    bad: &Value,
    open: impl FnOnce(&Path) -> Result<LabelledRecords<T>, DataError>,
) -> String {
    let lines = format!("{good}\n{bad}\n{good}\n");
    let mut records = records("a.jsonl", lines, open).unwrap();
    assert_eq!(records.len(), 3);
    assert!(records.pop().unwrap().is_ok());
    records.pop().unwrap().err().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in "[\\[\\]{}:,\"a-z0-9 \n\t]{0,100}") {
        for bytes in [bytes.as_slice(), json.as_bytes()] {
            for name in ["a.jsonl", "a.json", "a.csv", "a.conll", "a.json.gz"] {
                let _ = records(name, bytes, |path| labelled::texts(path, &TextFields::default()));
                let _ = records(name, bytes, labelled::words);
                let _ = records(name, bytes, labelled::questions);
                let _ = records(name, bytes, labelled::choices);
            }
        }
    }
}
