//! Manifests: those of the project, and wrong ones.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use lamplight_data::{
    DataError,
    dataset::{self, Fields, FilesManifest, Manifest},
    source::{BadRecords, PairFields, ReadSettings, expand},
};
use std::{fs, path::Path};
use tempfile::TempDir;

const SHA256_OF_ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

/// The manifest `pets.toml` with this below its name.
fn read(rest: &str) -> Result<Manifest, DataError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pets.toml");
    let head = "name = \"pets\"\nwhat = \"Cats and dogs.\"\nlicence = \"CC0-1.0\"\n";
    fs::write(&path, format!("{head}{rest}")).unwrap();
    Manifest::read(&path)
}

fn files(rest: &str) -> FilesManifest {
    match read(rest).unwrap() {
        Manifest::Files(manifest) => manifest,
        Manifest::Generated(_) => panic!("a manifest of files"),
    }
}

const TRAIN: &str = "[[splits.train]]\npath = \"train/*.jsonl\"\n";
const TEXT: &str = "[fields]\ntext = \"text\"\n";

#[test]
fn every_manifest_of_the_project_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets");
    let paths = expand(&[folder.join("*.toml")]).unwrap();
    assert!(paths.len() >= 6);
    let manifests: Vec<Manifest> = paths
        .iter()
        .map(|path| Manifest::read(path).unwrap())
        .collect();
    let num_generated = manifests
        .iter()
        .filter(|manifest| matches!(manifest, Manifest::Generated(_)))
        .count();
    assert_eq!(num_generated, 2);
    for manifest in manifests {
        if let Manifest::Files(manifest) = manifest {
            assert!(manifest.repository().unwrap().is_some());
            for split in ["train", "held_out"] {
                assert!(
                    manifest.splits.contains_key(split),
                    "{}: {split}",
                    manifest.name
                );
            }
        }
    }
}

#[test]
fn fields_are_a_text_a_pair_or_a_task() {
    let fields = |table: &str| files(&format!("{TRAIN}[fields]\n{table}")).fields;
    assert_eq!(fields("text = \"body\""), Fields::Text("body".to_owned()));
    assert_eq!(fields("task = \"sst2\""), Fields::Task("sst2".to_owned()));
    let pair = PairFields {
        input: "question".to_owned(),
        target: "answer".to_owned(),
    };
    assert_eq!(
        fields("input = \"question\"\ntarget = \"answer\""),
        Fields::Pair(pair)
    );
    for table in [
        "",
        "input = \"question\"",
        "text = \"a\"\ntask = \"b\"",
        "label = \"x\"",
    ] {
        let error = read(&format!("{TRAIN}[fields]\n{table}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("pets.toml"), "{error}");
        assert!(
            error.contains("`input` and `target`") || error.contains("label"),
            "{error}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_manifest_is_said_with_its_place() {
    let split = |lines: &str| format!("[[splits.train]]\n{lines}\n{TEXT}");
    for (rest, part) in [
        (format!("licenze = \"x\"\n{TRAIN}{TEXT}"), "licenze"),
        (format!("hub = \"c4\"\n{TRAIN}{TEXT}"), "\"c4@main\""),
        (
            format!("revision = \"main\"\n{TRAIN}{TEXT}"),
            "`revision` without `hub`",
        ),
        (format!("[splits]\n{TEXT}"), "`splits` is empty"),
        (
            format!("[splits]\ntrain = []\n{TEXT}"),
            "splits.train has no files",
        ),
        (
            split("path = \"../x.jsonl\""),
            "\"../x.jsonl\": expected a path below",
        ),
        (
            split("path = \"/etc/passwd\""),
            "\"/etc/passwd\": expected a path below",
        ),
        (split("path = \"a[\""), "\"a[\": not a valid pattern"),
        (
            split("path = \"a\"\nsha256 = \"12\""),
            "\"a\": expected `sha256` in 64 digits",
        ),
        (
            split(&format!("path = \"a*\"\nsha256 = \"{SHA256_OF_ONE}\"")),
            "a pattern has no `sha256`",
        ),
        (split("path = \"a\"\nmd5 = \"12\""), "md5"),
        (String::new(), "splits"),
        ("= 1".to_owned(), "line 4"),
        (format!("generator = \"x\"\n{TRAIN}{TEXT}"), "pets.toml"),
    ] {
        let error = read(&rest).unwrap_err();
        assert!(
            matches!(error, DataError::InvalidManifest { .. }),
            "{error}"
        );
        let message = error.to_string();
        assert!(
            message.contains("pets.toml") && message.contains(part),
            "{rest}: {message}"
        );
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("birds.toml");
    fs::write(
        &path,
        format!("name = \"pets\"\nwhat = \"\"\nlicence = \"\"\n{TRAIN}{TEXT}"),
    )
    .unwrap();
    let error = Manifest::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("birds.toml: name = \"pets\": expected the name of the file"),
        "{error}"
    );
}

#[test]
fn the_files_of_a_split_are_found_in_order() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("train")).unwrap();
    for name in ["b.jsonl", "a.jsonl", "notes.md"] {
        fs::write(folder.path().join("train").join(name), "{}").unwrap();
    }
    let manifest = files(&format!("{TRAIN}{TEXT}"));
    let expected = ["train/a.jsonl", "train/b.jsonl"].map(|name| folder.path().join(name));
    assert_eq!(manifest.files(folder.path(), "train").unwrap(), expected);
    let error = manifest
        .files(folder.path(), "test")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("pets") && error.contains("\"test\"") && error.contains("train"),
        "{error}"
    );
    let empty = TempDir::new().unwrap();
    assert!(matches!(
        manifest.files(empty.path(), "train"),
        Err(DataError::NoFiles { .. })
    ));
}

#[test]
fn files_are_compared_with_the_manifest_and_with_the_lock() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let manifest = files(&format!(
        "[[splits.train]]\npath = \"a\"\nsha256 = \"{SHA256_OF_ONE}\"\n[[splits.train]]\npath = \"b\"\n{TEXT}"
    ));
    let error = manifest.verify(folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Read { .. }), "{error}");
    write("a", "one");
    write("b", "one");
    assert_eq!(manifest.verify(folder.path()).unwrap(), 1);
    write("a", "onf");
    let error = manifest.verify(folder.path()).unwrap_err();
    assert!(matches!(error, DataError::WrongChecksum { .. }));
    let found =
        "expected SHA-256 7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed, found ";
    assert!(error.to_string().contains(found), "{error}");

    write("a", "one");
    let lock = format!(
        "hub = \"x/y\"\nrevision = \"main\"\ncommit = \"12\"\n\
         [files.a]\nsize = 3\nsha256 = \"{SHA256_OF_ONE}\"\n[files.b]\nsize = 3\nsha256 = \"{SHA256_OF_ONE}\"\n"
    );
    write("dataset.lock.toml", &lock);
    assert_eq!(manifest.verify(folder.path()).unwrap(), 2);
    write("b", "two");
    let error = manifest.verify(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains(folder.path().join("b").to_str().unwrap()),
        "{error}"
    );
    write(
        "dataset.lock.toml",
        &lock.replace("files.b", "files.\"../b\""),
    );
    let error = manifest.verify(folder.path()).unwrap_err();
    assert!(
        matches!(error, DataError::InvalidManifest { .. }),
        "{error}"
    );
}

/// A folder with a manifest of these fields and one file for each split.
fn local(fields: &str, name: &str, train: &str, held_out: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let manifest = format!(
        "name = \"local\"\nwhat = \"a test\"\nlicence = \"MIT\"\n\n[[splits.train]]\npath = \"train-{name}\"\n\n\
         [[splits.held_out]]\npath = \"held-{name}\"\n\n[fields]\n{fields}\n"
    );
    fs::write(folder.path().join(dataset::MANIFEST), manifest).unwrap();
    fs::write(folder.path().join(format!("train-{name}")), train).unwrap();
    fs::write(folder.path().join(format!("held-{name}")), held_out).unwrap();
    folder
}

#[test]
fn a_folder_with_a_manifest_stands_for_a_split_and_its_field() {
    let folder = local(
        "text = \"body\"",
        "a.csv",
        "body,n\none,1\n",
        "body,n\ntwo,2\n",
    );
    let patterns = [folder.path().to_owned()];
    assert!(dataset::is_dataset(&patterns[0]));
    for (split, expected) in [(dataset::TRAIN, "one"), (dataset::HELD_OUT, "two")] {
        let files = dataset::text_files(&patterns, split, &ReadSettings::default()).unwrap();
        let mut documents = files[0].read().unwrap();
        assert_eq!(documents.next().unwrap().unwrap().text, expected);
    }
    let error = dataset::pair_files(&patterns, dataset::TRAIN)
        .unwrap_err()
        .to_string();
    assert!(error.contains("pairs are asked for"), "{error}");
    let error = dataset::text_files(&patterns, "test", &ReadSettings::default()).unwrap_err();
    assert!(error.to_string().contains("held_out, train"), "{error}");
}

#[test]
fn records_of_a_task_become_its_pairs_and_bad_ones_are_counted() {
    let train = "sentence\tlabel\na fine film\t1\nno label here\t7\na dull film\t0\n";
    let folder = local(
        "task = \"sst2\"",
        "a.tsv",
        train,
        "sentence\tlabel\nso so\t1\n",
    );
    let patterns = [folder.path().join(dataset::MANIFEST)];
    let files = dataset::pair_files(&patterns, dataset::TRAIN).unwrap();
    let mut bad = BadRecords::default();
    let pairs = files[0].read(&mut bad).unwrap();
    let texts: Vec<_> = pairs
        .iter()
        .map(|pair| (&*pair.task, &*pair.input, &*pair.target))
        .collect();
    assert_eq!(
        texts,
        [
            ("sst2", "sst2 sentence: a fine film", "positive"),
            ("sst2", "sst2 sentence: a dull film", "negative"),
        ]
    );
    assert_eq!(bad.num_bad(), 1);
    let error = bad.finish(0).unwrap_err().to_string();
    assert!(
        error.contains("train-a.tsv:3") && error.contains("label"),
        "{error}"
    );

    let error = dataset::text_files(&patterns, dataset::TRAIN, &ReadSettings::default());
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("documents are asked for")
    );
    let folder = local("task = \"no_task\"", "a.tsv", train, train);
    let files = dataset::pair_files(&[folder.path().to_owned()], dataset::TRAIN).unwrap();
    let error = files[0]
        .read(&mut BadRecords::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no_task"), "{error}");
}
