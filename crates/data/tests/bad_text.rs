//! Texts that cannot be used: skipped and counted with file and line, and too many of them an error.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::{Compression, write::GzEncoder};
use lamplight_data::{
    DataError,
    corpus::Corpus,
    source::{self, BadRecords, Document, PairFields},
    tokenizer::Tokenizer,
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The good documents of a file between good ones, and how many are bad.
fn survey(name: &str, bytes: &[u8]) -> Result<(Vec<Document>, u64), DataError> {
    let (_folder, path) = file(name, bytes);
    let mut bad = BadRecords::default();
    let mut good = Vec::new();
    for item in source::read(&path)? {
        good.extend(bad.keep(item)?);
    }
    let num_bad = bad.finish(good.len() as u64)?;
    Ok((good, num_bad))
}

/// A text's line in each format, as one record.
fn files(text: &[u8], escaped: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let json = [b"{\"text\": \"".as_slice(), escaped, b"\"}\n"].concat();
    vec![
        ("a.txt", [b"first\n\n", text, b"\n\nlast\n"].concat()),
        ("a.csv", [b"text\nfirst\n\"", text, b"\"\nlast\n"].concat()),
        ("a.tsv", [b"text\nfirst\n", text, b"\nlast\n"].concat()),
        (
            "a.jsonl",
            [
                b"{\"text\": \"first\"}\n".as_slice(),
                &json,
                b"{\"text\": \"last\"}\n",
            ]
            .concat(),
        ),
    ]
}

/// That the text is skipped, in plain files and in compressed ones, with its place, and the others are read.
fn assert_is_skipped(text: &[u8], escaped: &[u8], is_expected: fn(&DataError) -> bool) {
    for (name, bytes) in files(text, escaped) {
        let packed = (format!("{name}.gz"), gzip(&bytes));
        for (name, bytes) in [(name.to_owned(), bytes), packed] {
            let (good, num_bad) = survey(&name, &bytes).unwrap();
            let texts: Vec<&str> = good.iter().map(|document| document.text.as_str()).collect();
            assert_eq!((texts, num_bad), (vec!["first", "last"], 1), "{name}");
            let (_folder, path) = file(&name, &bytes);
            let error = source::read(&path).unwrap().find_map(Result::err).unwrap();
            assert!(is_expected(&error), "{error}");
            let line = if name.starts_with("a.jsonl") { 2 } else { 3 };
            assert!(
                error.to_string().contains(&format!("{name}:{line}: ")),
                "{error}"
            );
        }
    }
}

#[test]
fn invalid_utf8_is_skipped() {
    for text in [
        b"\xff".as_slice(),
        b"caf\xe9",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
    ] {
        assert_is_skipped(text, text, |error| {
            matches!(error, DataError::InvalidUtf8 { .. })
        });
    }
}

#[test]
fn a_nul_is_skipped() {
    let expected = |error: &DataError| matches!(error, DataError::HoldsNul { .. });
    assert_is_skipped(b"a\0b", b"a\\u0000b", expected);
    assert_is_skipped(b"a\0b", b"a\0b", expected);
}

#[test]
fn text_in_utf16_fails_and_says_what_it_may_be() {
    let bytes: Vec<u8> = "some words\n"
        .repeat(20)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let error = survey("a.txt", &bytes).unwrap_err();
    assert!(matches!(error, DataError::TooManyBadDocuments { .. }));
    assert!(error.to_string().contains("in UTF-8?"), "{error}");
}

#[test]
fn a_lone_surrogate_is_skipped() {
    for escape in ["\\ud800", "\\udc00", "a\\ud83dz", "\\ud800\\ud800"] {
        let records = format!(
            "{{\"text\": \"first\"}}\n{{\"text\": \"{escape}\"}}\n{{\"text\": \"last\"}}\n"
        );
        let (good, num_bad) = survey("a.jsonl", records.as_bytes()).unwrap();
        assert_eq!((good.len(), num_bad), (2, 1), "{escape}");
        let (_folder, path) = file("a.jsonl", records.as_bytes());
        let error = source::read(&path).unwrap().find_map(Result::err).unwrap();
        assert!(
            matches!(error, DataError::InvalidJson { line: 2, .. }),
            "{error}"
        );
    }
    let (good, _) = survey("a.jsonl", b"{\"text\": \"\\ud83d\\ude00\"}\n").unwrap();
    assert_eq!(good[0].text, "\u{1f600}");
}

#[test]
fn byte_order_marks_and_windows_line_breaks_are_no_text() {
    for (name, bytes) in files(b"middle", b"middle") {
        let text = String::from_utf8(bytes).unwrap().replace('\n', "\r\n");
        let (good, num_bad) = survey(name, format!("\u{feff}{text}").as_bytes()).unwrap();
        let texts: Vec<&str> = good.iter().map(|document| document.text.as_str()).collect();
        assert_eq!(
            (texts, num_bad),
            (vec!["first", "middle", "last"], 0),
            "{name}"
        );
    }
}

#[test]
fn empty_texts_and_spaces_are_no_documents_of_a_corpus() {
    let tokenizer = byt5();
    for text in ["", " ", "  ", "\u{3000}"] {
        for (name, bytes) in files(text.as_bytes(), text.as_bytes()) {
            let (_folder, path) = file(name, &bytes);
            let corpus = Corpus::read(&[path.into()], &tokenizer, 0.1, &mut |_| {}).unwrap();
            assert_eq!(
                (corpus.num_documents(), corpus.skipped()),
                (2, 0),
                "{name}: {text:?}"
            );
        }
        let record = serde_json::json!({ "input": text, "target": "b" }).to_string();
        let (_folder, path) = file("a.jsonl", record.as_bytes());
        let pair = source::pairs(&path, &PairFields::default())
            .unwrap()
            .next()
            .unwrap();
        assert!(
            matches!(pair, Err(DataError::InvalidPair { line: 1, .. })),
            "{text:?}"
        );
    }
}

#[test]
fn too_many_bad_texts_fail_and_name_the_first() {
    let records = "{\"text\": \"good\"}\n".repeat(50) + &"{\"text\": 5}\n".repeat(11);
    let (_folder, path) = file("a.jsonl", records.as_bytes());
    let error = Corpus::read(&[path.into()], &byt5(), 0.1, &mut |_| {}).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::TooManyBadDocuments {
                bad: 11,
                total: 61,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("a.jsonl:51: no string field \"text\""),
        "{error}"
    );
    let records = "{\"text\": \"good\"}\n".repeat(99) + &"{\"text\": 5}\n".repeat(11);
    let (_folder, path) = file("a.jsonl", records.as_bytes());
    assert_eq!(
        Corpus::read(&[path.into()], &byt5(), 0.1, &mut |_| {})
            .unwrap()
            .skipped(),
        11
    );
}

#[test]
fn a_truncated_archive_is_damaged_in_every_format() {
    let rows: String = (0..20_000).map(|row| format!("{}\n", row * 7919)).collect();
    for name in ["a.txt.gz", "a.csv.gz", "a.tsv.gz"] {
        let bytes = gzip(format!("text\n{rows}").as_bytes());
        let error = survey(name, &bytes[..bytes.len() / 2]).unwrap_err();
        assert!(
            matches!(error, DataError::Damaged { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
}

fn byt5() -> Tokenizer {
    Tokenizer::from_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/byt5"))
        .unwrap()
}
