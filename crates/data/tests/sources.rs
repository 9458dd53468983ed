//! Files of documents, whole, damaged and arbitrary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::{Compression, write::GzEncoder};
use lamplight_data::{
    DataError,
    source::{self, Document},
};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

type Items = Vec<Result<Document, DataError>>;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn read(name: &str, bytes: &[u8]) -> Items {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    match source::read(&path) {
        Ok(documents) => documents.collect(),
        Err(error) => vec![Err(error)],
    }
}

fn texts(items: Items) -> Vec<(String, u64)> {
    let documents = items.into_iter().map(Result::unwrap);
    documents
        .map(|document| (document.text, document.line))
        .collect()
}

fn owned(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(text, line)| ((*text).to_owned(), *line))
        .collect()
}

const RECORDS: &str =
    "{\"text\": \"one\"}\n\n{\"id\": 2, \"text\": \"two\\nlines\"}\r\n{\"text\":\"three\"}";

#[test]
fn json_lines_give_their_text_field() {
    let expected = owned(&[("one", 1), ("two\nlines", 3), ("three", 4)]);
    assert_eq!(texts(read("a.jsonl", RECORDS.as_bytes())), expected);
    assert_eq!(texts(read("a.json", RECORDS.as_bytes())), expected);
    assert_eq!(
        texts(read("a.JSONL.gz", &gzip(RECORDS.as_bytes()))),
        expected
    );
    assert_eq!(
        texts(read("a.jsonl.zst", &zstd(RECORDS.as_bytes()))),
        expected
    );
}

#[test]
fn plain_text_is_cut_at_blank_lines() {
    let text = "\n\none\ntwo\r\n \t\n\nthree\n";
    let expected = owned(&[("one\ntwo", 3), ("three", 7)]);
    for (name, bytes) in [
        ("a.txt", text.as_bytes().to_vec()),
        ("a", text.as_bytes().to_vec()),
        ("a.txt.gz", gzip(text.as_bytes())),
        ("a.zst", zstd(text.as_bytes())),
    ] {
        assert_eq!(texts(read(name, &bytes)), expected, "{name}");
    }
}

#[test]
fn a_long_text_without_blank_lines_is_given_out_in_parts() {
    let line = "a line of some words\n";
    let items = texts(read("a.txt", line.repeat(120_000).as_bytes()));
    assert!(items.len() > 1);
    let num_lines: usize = items.iter().map(|(text, _)| text.lines().count()).sum();
    assert_eq!(num_lines, 120_000);
}

#[test]
fn a_byte_order_mark_is_no_text() {
    assert_eq!(
        texts(read("a.txt", "\u{feff}one".as_bytes())),
        owned(&[("one", 1)])
    );
    let record = "\u{feff}{\"text\": \"one\"}";
    assert_eq!(
        texts(read("a.jsonl", record.as_bytes())),
        owned(&[("one", 1)])
    );
}

#[test]
fn an_empty_file_has_no_documents() {
    for name in ["a.txt", "a.jsonl", "a.jsonl.gz", "a.txt.zst"] {
        assert!(read(name, b"").is_empty(), "{name}");
    }
    assert!(read("a.txt.gz", &gzip(b"")).is_empty());
}

#[test]
fn members_of_a_gzip_and_frames_of_a_zstd_file_follow_each_other() {
    let expected = owned(&[("one", 1), ("two", 3)]);
    let parts = [&b"one\n\n"[..], b"two\n"];
    assert_eq!(texts(read("a.txt.gz", &parts.map(gzip).concat())), expected);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
    let [first, second] = parts.map(zstd);
    assert_eq!(
        texts(read("a.txt.zst", &[first, skippable, second].concat())),
        expected
    );
}

#[test]
fn a_bad_line_is_named_and_the_next_one_is_read() {
    let bytes = b"{\"text\": \"one\"}\n{\"text\": \xff}\n{\"text\n{\"body\": \"x\"}\n{\"text\": 5}\n[\"six\"]\n{\"text\": \"last\"}\n";
    let items = read("a.jsonl", bytes);
    assert!(matches!(items[0], Ok(Document { line: 1, .. })));
    assert!(matches!(
        items[1],
        Err(DataError::InvalidUtf8 { line: 2, .. })
    ));
    assert!(matches!(
        items[2],
        Err(DataError::InvalidJson { line: 3, .. })
    ));
    assert!(matches!(
        items[3],
        Err(DataError::MissingText { line: 4, .. })
    ));
    assert!(matches!(
        items[4],
        Err(DataError::MissingText { line: 5, .. })
    ));
    assert!(matches!(
        items[5],
        Err(DataError::MissingText { line: 6, .. })
    ));
    assert!(matches!(items[6], Ok(Document { line: 7, .. })));
    assert!(
        items[1]
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("a.jsonl:2:")
    );
}

#[test]
fn invalid_utf8_in_plain_text_ends_a_block() {
    let items = read("a.txt", b"one\n\xff\xfe\ntwo\n");
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].as_ref().unwrap().text, "one");
    assert!(matches!(
        items[1],
        Err(DataError::InvalidUtf8 { line: 2, .. })
    ));
    assert_eq!(items[2].as_ref().unwrap().text, "two");
}

#[test]
fn a_truncated_archive_gives_its_whole_lines_and_names_the_file() {
    let lines: String = (0..20_000)
        .map(|index| format!("{{\"text\": \"{}\"}}\n", index * 7919))
        .collect();
    for (name, bytes) in [
        ("a.jsonl.gz", gzip(lines.as_bytes())),
        ("a.jsonl.zst", zstd(lines.as_bytes())),
    ] {
        let items = read(name, &bytes[..bytes.len() / 2]);
        let (last, whole) = items.split_last().unwrap();
        assert!(whole.iter().all(Result::is_ok), "{name}");
        let error = last.as_ref().unwrap_err();
        assert!(
            matches!(error, DataError::Damaged { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_damaged_zstd_frame_fails_its_checksum_or_its_decoding() {
    let mut bytes = zstd("some words, again some words\n".repeat(50).as_bytes());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(read("a.txt.zst", &bytes).iter().any(Result::is_err));
}

#[test]
fn a_line_over_the_limit_is_an_error_and_the_next_one_is_read() {
    let long = [
        vec![b'a'; (64 << 20) + 1],
        b"\n{\"text\": \"two\"}\n".to_vec(),
    ]
    .concat();
    let items = read("a.jsonl.gz", &gzip(&long));
    assert!(matches!(items[0], Err(DataError::TooLong { line: 1, .. })));
    assert_eq!(items[1].as_ref().unwrap().line, 2);
}

#[test]
fn bytes_read_counts_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.txt.gz");
    let bytes = gzip("words\n\n".repeat(1000).as_bytes());
    fs::write(&path, &bytes).unwrap();
    let mut documents = source::read(&path).unwrap();
    assert_eq!(documents.by_ref().count(), 1000);
    assert_eq!(documents.bytes_read(), bytes.len() as u64);
}

#[test]
fn a_missing_file_is_named() {
    let error = source::read(Path::new("no/such/file.txt"))
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("no/such/file.txt"));
}

#[test]
fn folders_and_patterns_expand_in_order_and_each_file_once() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("b/c")).unwrap();
    for name in [
        "z.txt",
        "a.jsonl",
        "b/c/deep.txt",
        "b/rows.tsv.zst",
        "b/x.txt",
        "columns.parquet",
        "columns.parquet.gz",
        ".hidden.csv",
        "README.md",
        "SUMS",
    ] {
        fs::write(root.join(name), "text").unwrap();
    }
    let all = [
        "a.jsonl",
        "b/c/deep.txt",
        "b/rows.tsv.zst",
        "b/x.txt",
        "columns.parquet",
        "z.txt",
    ]
    .map(|name| root.join(name));
    assert_eq!(source::expand(&[root.to_owned()]).unwrap(), all);
    let twice = [root.join("*.txt"), root.join("z.txt"), root.join("**/x.*")];
    assert_eq!(
        source::expand(&twice).unwrap(),
        ["z.txt", "b/x.txt"].map(|name| root.join(name))
    );
}

#[test]
fn nothing_found_is_an_error_that_names_the_pattern() {
    let folder = TempDir::new().unwrap();
    for pattern in [
        folder.path().to_owned(),
        folder.path().join("*.txt"),
        PathBuf::from("no/such/file"),
    ] {
        let error = source::expand(std::slice::from_ref(&pattern)).unwrap_err();
        assert!(matches!(error, DataError::NoFiles { .. }));
        assert!(error.to_string().contains(pattern.to_str().unwrap()));
    }
    assert!(source::expand(&[]).is_err());
    assert!(matches!(
        source::expand(&["a[".into()]),
        Err(DataError::InvalidPattern { .. })
    ));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for name in ["a.txt", "a.jsonl", "a.csv", "a.tsv", "a.jsonl.gz", "a.csv.gz", "a.txt.zst"] {
            read(name, &bytes);
        }
    }

    #[test]
    fn damaged_archives_never_panic(
        text in "[a-d {}\":\n]{0,400}",
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        for (name, mut bytes) in [("a.txt.gz", gzip(text.as_bytes())), ("a.jsonl.zst", zstd(text.as_bytes()))] {
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            read(name, &bytes);
        }
    }

    #[test]
    fn json_lines_keep_every_text(expected in prop::collection::vec("[^\0]*", 0..20)) {
        let lines: String = expected.iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect();
        let actual: Vec<String> = texts(read("a.jsonl", lines.as_bytes())).into_iter().map(|item| item.0).collect();
        let expected: Vec<String> = expected.into_iter().filter(|text| !text.trim().is_empty()).collect();
        prop_assert_eq!(actual, expected);
    }
}

#[test]
fn lines_keep_their_place_also_where_they_are_blank() {
    let folder = TempDir::new().unwrap();
    let bytes = b"\xef\xbb\xbfone\r\n\n \nb\xffd\nlast";
    let path = folder.path().join("texts.JSONL.gz");
    fs::write(&path, gzip(bytes)).unwrap();
    let mut lines = source::TextLines::open(&path).unwrap();
    assert_eq!(lines.extension(), Some("jsonl"));
    assert_eq!(lines.path(), path);
    let first: Items = lines.by_ref().take(3).collect();
    assert_eq!(texts(first), owned(&[("one", 1), ("", 2), (" ", 3)]));
    assert!(matches!(
        lines.next(),
        Some(Err(DataError::InvalidUtf8 { line: 4, .. }))
    ));
    assert_eq!(texts(lines.collect()), owned(&[("last", 5)]));
}
