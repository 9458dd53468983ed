use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// Keeps each shard's documents.
#[derive(Default)]
struct Kept(Vec<Vec<Vec<u32>>>);

impl Sink for Kept {
    fn push(&mut self, shard: usize, ids: &[u32]) -> Result<(), DataError> {
        self.0.resize(self.0.len().max(shard + 1), Vec::new());
        self.0[shard].push(ids.to_vec());
        Ok(())
    }

    fn end(&mut self, _shard: usize, _counts: Counts) -> Result<(), DataError> {
        Ok(())
    }
}

fn tokenize(
    paths: &[&Path],
    is_wanted: impl Fn(usize) -> bool + Send + 'static,
) -> Result<(usize, Kept), DataError> {
    let files: Vec<TextFile> = paths.iter().map(|path| path.to_path_buf().into()).collect();
    let files = Files {
        files: &files,
        tokenizer: &Tokenizer::byt5(),
        max_bad_fraction: 0.1,
        patience: Duration::from_secs(2),
        shard_text_bytes: 4,
    };
    let mut kept = Kept::default();
    let num_shards = files.tokenize(is_wanted, &mut kept, &mut |_| {})?;
    Ok((num_shards, kept))
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_shard_ends_with_the_document_that_fills_it_and_may_span_files() {
    let folder = TempDir::new().unwrap();
    let one = file(&folder, "one.txt", "ab\n\ncde\n\nf");
    let two = file(&folder, "two.txt", "gh\n\nijk\n\nl");
    let lengths = |kept: &Kept| -> Vec<Vec<usize>> {
        kept.0
            .iter()
            .map(|shard| shard.iter().map(Vec::len).collect())
            .collect()
    };
    let (num_shards, kept) = tokenize(&[&one, &two], |_| true).unwrap();
    assert_eq!(num_shards, 3);
    assert_eq!(lengths(&kept), [vec![2, 3], vec![1, 2, 3], vec![1]]);
    let (num_shards, kept) = tokenize(&[&one, &two], |shard| shard == 1).unwrap();
    assert_eq!(num_shards, 3);
    assert_eq!(lengths(&kept), [vec![], vec![1, 2, 3]]);
}

#[test]
fn a_reader_that_panics_is_an_error_that_names_the_file() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "one.txt", "ab\n\ncde");
    let error = tokenize(&[&path], |_| panic!("broken reader"))
        .err()
        .unwrap();
    let message = error.to_string();
    assert!(
        matches!(error, DataError::LoaderPanicked { .. }),
        "{message}"
    );
    assert!(
        message.contains("one.txt") && message.contains("broken reader"),
        "{message}"
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_hangs_is_an_error_that_names_it() {
    let folder = TempDir::new().unwrap();
    let one = file(&folder, "one.txt", "ab\n\ncde");
    let pipe = folder.path().join("pipe.txt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let error = tokenize(&[&one, &pipe], |_| true).err().unwrap();
    let message = error.to_string();
    assert!(
        matches!(error, DataError::LoaderStalled { .. }),
        "{message}"
    );
    assert!(message.contains("pipe.txt"), "{message}");
}
