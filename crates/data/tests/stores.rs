//! Prepared stores: what goes in comes out, whoever makes which part and however often it is interrupted.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lamplight_data::corpus::Corpus;
use lamplight_data::source::TextFile;
use lamplight_data::store::{Preparation, Prepared, Share, Store};
use lamplight_data::tokenizer::{Tokenizer, train};
use lamplight_data::{DataError, synthetic};
use tempfile::TempDir;

/// Text in two files, one with lines that are no JSON.
fn texts(folder: &Path) -> Vec<TextFile> {
    let documents = synthetic::english(300, 1);
    let lines = documents[..200]
        .iter()
        .enumerate()
        .map(|(index, text)| match index {
            70 | 140 => "{no json\n".to_owned(),
            _ => format!("{}\n", serde_json::json!({ "text": text })),
        });
    let paths = ["a.jsonl", "b.txt"].map(|name| folder.join(name));
    fs::write(&paths[0], lines.collect::<String>()).unwrap();
    fs::write(&paths[1], documents[200..].join("\n\n")).unwrap();
    paths.map(TextFile::from).to_vec()
}

struct Setting {
    folder: TempDir,
    files: Vec<TextFile>,
    tokenizer: Tokenizer,
}

impl Setting {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            files: texts(folder.path()),
            tokenizer: train::word_piece(synthetic::english(100, 1), 300).unwrap(),
            folder,
        }
    }

    fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn preparation<'a>(&'a self, folder: &'a Path) -> Preparation<'a> {
        Preparation {
            files: &self.files,
            tokenizer: &self.tokenizer,
            folder,
            share: Share::WHOLE,
            max_bad_fraction: 0.1,
            shard_text_bytes: 10_000,
        }
    }

    fn prepare(&self, name: &str) -> PathBuf {
        let store = self.store(name);
        let prepared = self.preparation(&store).run(&mut |_| {}).unwrap();
        assert!(matches!(prepared, Prepared::Whole(_)));
        store
    }
}

/// Every file of a folder, below it too.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap());
        }
    }
    files
}

fn documents(corpus: &Corpus) -> Vec<Vec<u32>> {
    corpus.documents().collect()
}

#[test]
fn a_store_has_the_documents_that_reading_gives() {
    let setting = Setting::new();
    let store = Store::open(&setting.prepare("store")).unwrap();
    let manifest = store.manifest().clone();
    assert!(manifest.shards.len() > 3, "{}", manifest.shards.len());
    assert_eq!(
        (manifest.counts.num_documents, manifest.counts.num_bad),
        (300, 2)
    );
    store.verify(|| {}).unwrap();
    let tokenizer = store.tokenizer().unwrap();
    assert_eq!(
        tokenizer.sha256().unwrap(),
        setting.tokenizer.sha256().unwrap()
    );
    let stored = Store::corpus(vec![store]).unwrap();
    let read = Corpus::read(&setting.files, &setting.tokenizer, 0.1, &mut |_| {}).unwrap();
    assert_eq!(documents(&stored), documents(&read));
    assert_eq!(stored.num_tokens() as u64, manifest.num_tokens);
    assert_eq!(read.skipped(), 2);
}

#[test]
fn any_number_of_processes_make_the_same_bytes() {
    let setting = Setting::new();
    let expected = contents(&setting.prepare("alone"));
    for count in [2, 3] {
        let folder = setting.store(&format!("shared-{count}"));
        for index in (0..count).rev() {
            let share = Share { index, count };
            let preparation = Preparation {
                share,
                ..setting.preparation(&folder)
            };
            let prepared = preparation.run(&mut |_| {}).unwrap();
            assert_eq!(
                matches!(prepared, Prepared::Whole(_)),
                index == 0,
                "{prepared:?}"
            );
        }
        assert_eq!(contents(&folder), expected);
    }
}

#[test]
fn broken_off_anywhere_and_started_again_it_ends_with_the_same_bytes() {
    let setting = Setting::new();
    let alone = setting.store("alone");
    let mut num_reports = 0;
    let whole = setting.preparation(&alone).run(&mut |_| num_reports += 1);
    assert!(whole.is_ok() && num_reports > 5);
    let expected = contents(&alone);
    for num_reports in 0..num_reports {
        let folder = setting.store(&format!("broken-{num_reports}"));
        let mut left = num_reports;
        let broken = catch_unwind(AssertUnwindSafe(|| {
            setting.preparation(&folder).run(&mut |_| {
                assert!(left > 0, "broken off");
                left -= 1;
            })
        }));
        assert!(broken.is_err() && !Store::is_at(&folder));
        let prepared = setting.preparation(&folder).run(&mut |_| {}).unwrap();
        assert!(matches!(prepared, Prepared::Whole(_)));
        assert_eq!(contents(&folder), expected);
    }
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let setting = Setting::new();
    let refused = |folder: &Path, preparation: Preparation<'_>| {
        let before = contents(folder);
        let error = preparation.run(&mut |_| {}).unwrap_err();
        assert!(matches!(error, DataError::InvalidStore { .. }), "{error}");
        assert_eq!(contents(folder), before);
        error.to_string()
    };
    let message = refused(
        setting.folder.path(),
        setting.preparation(setting.folder.path()),
    );
    assert!(message.contains("not empty"), "{message}");

    let store = setting.prepare("store");
    let byt5 = Tokenizer::byt5();
    let other = Preparation {
        tokenizer: &byt5,
        ..setting.preparation(&store)
    };
    assert!(refused(&store, other).contains("another tokenizer"));
    let other = Preparation {
        files: &setting.files[..1],
        ..setting.preparation(&store)
    };
    assert!(refused(&store, other).contains("other files"));
}

#[test]
fn a_shard_cut_anywhere_is_an_error_that_names_it_and_is_made_again() {
    let setting = Setting::new();
    let store = setting.prepare("store");
    let expected = contents(&store);
    let path = store.join("shard-00001.tokens");
    let whole = fs::read(&path).unwrap();
    let lengths = (0..80).chain((whole.len() - 20)..whole.len());
    for length in lengths {
        fs::write(&path, &whole[..length]).unwrap();
        let error = Store::open(&store).unwrap_err().to_string();
        assert!(error.contains("shard-00001.tokens"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert!(
        Store::open(&store)
            .unwrap_err()
            .to_string()
            .contains("shard-00001.tokens")
    );
    setting.prepare("store");
    assert_eq!(contents(&store), expected);
}

#[test]
fn a_manifest_cut_anywhere_is_an_error() {
    let setting = Setting::new();
    let store = setting.prepare("store");
    let path = store.join("store.json");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() - 1 {
        fs::write(&path, &whole[..length]).unwrap();
        let error = Store::open(&store).unwrap_err().to_string();
        assert!(error.contains("store.json"), "{error}");
    }
}

#[test]
fn a_flipped_bit_is_found_and_never_a_panic() {
    let setting = Setting::new();
    let store = setting.prepare("store");
    let path = store.join("shard-00001.tokens");
    let whole = fs::read(&path).unwrap();
    for bit in (0..whole.len() * 8).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        let Ok(opened) = Store::open(&store) else {
            continue;
        };
        // Behind the fields of the header it has nothing that counts.
        let is_idle = (40..64).contains(&(bit / 8));
        let found = opened.verify(|| {});
        assert_eq!(found.is_ok(), is_idle, "bit {bit}");
        let corpus = Store::corpus(vec![opened]).unwrap();
        let num_separated = corpus.num_tokens() + corpus.num_documents();
        assert_eq!(
            corpus.tokens(0..corpus.num_tokens()).len(),
            corpus.num_tokens()
        );
        assert_eq!(
            corpus.separated_tokens(0..num_separated, 0).len(),
            num_separated
        );
        assert_eq!(corpus.documents().count(), corpus.num_documents());
    }
}

#[test]
fn a_manifest_may_not_name_files_elsewhere() {
    let setting = Setting::new();
    let store = setting.prepare("store");
    let path = store.join("store.json");
    let text = fs::read_to_string(&path).unwrap();
    for name in ["../shard-00000.tokens", "/etc/passwd", "..", "", "a/b"] {
        fs::write(&path, text.replacen("shard-00000.tokens", name, 1)).unwrap();
        let error = Store::open(&store).unwrap_err().to_string();
        assert!(error.contains("outside"), "{error}");
    }
}

#[test]
fn too_many_bad_documents_are_an_error() {
    let setting = Setting::new();
    let path = setting.folder.path().join("bad.jsonl");
    let lines = "{\"text\": \"a good one\"}\n".repeat(80) + &"no json\n".repeat(20);
    fs::write(&path, lines).unwrap();
    let files = [path.into()];
    let prepared = |name: &str, max_bad_fraction| {
        Preparation {
            files: &files,
            max_bad_fraction,
            ..setting.preparation(&setting.store(name))
        }
        .run(&mut |_| {})
    };
    let error = prepared("strict", 0.1).unwrap_err();
    assert!(error.to_string().contains("20 of 100"), "{error}");
    assert!(error.to_string().contains("bad.jsonl:81"), "{error}");
    assert!(prepared("lenient", 0.2).is_ok());
}
