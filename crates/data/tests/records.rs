//! CSV, TSV, named fields, whole files and pairs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::{Compression, write::GzEncoder};
use lamplight_data::{
    DataError,
    source::{self, BadRecords, Document, PairFields, PlainText, ReadSettings, TextPair},
};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The first error of a file of pairs.
fn pair_error(path: &Path) -> String {
    let pairs = source::pairs(path, &PairFields::default());
    match pairs.map(|mut pairs| pairs.find_map(Result::err)) {
        Ok(error) => error.unwrap().to_string(),
        Err(error) => error.to_string(),
    }
}

fn file(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read_with(
    name: &str,
    bytes: impl AsRef<[u8]>,
    settings: &ReadSettings,
) -> Vec<Result<Document, DataError>> {
    let (_folder, path) = file(name, bytes);
    source::read_with(&path, settings).unwrap().collect()
}

fn read(name: &str, bytes: impl AsRef<[u8]>) -> Vec<Result<Document, DataError>> {
    read_with(name, bytes, &ReadSettings::default())
}

fn texts(items: Vec<Result<Document, DataError>>) -> Vec<(u64, String)> {
    let documents = items.into_iter().map(Result::unwrap);
    documents
        .map(|document| (document.line, document.text))
        .collect()
}

fn owned(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected
        .iter()
        .map(|&(line, text)| (line, text.to_owned()))
        .collect()
}

fn pairs(
    name: &str,
    bytes: impl AsRef<[u8]>,
    fields: &PairFields,
) -> Vec<Result<TextPair, DataError>> {
    let (_folder, path) = file(name, bytes);
    source::pairs(&path, fields).unwrap().collect()
}

fn pair(task: &str, input: &str, target: &str) -> TextPair {
    TextPair {
        task: task.to_owned(),
        input: input.to_owned(),
        target: target.to_owned(),
        targets: Vec::new(),
    }
}

const CSV: &str =
    "id,text,\"la,bel\"\r\n1,\"one, \"\"quoted\"\"\nand on\",x\r\n\r\n\r\n2,two,\r\n3,\" \",y";

#[test]
fn the_text_column_of_csv_is_read_with_its_quotes_and_lines() {
    let expected = owned(&[(2, "one, \"quoted\"\nand on"), (6, "two")]);
    assert_eq!(texts(read("a.csv", CSV)), expected);
    assert_eq!(texts(read("a.csv.gz", gzip(CSV.as_bytes()))), expected);
    let zstd = compress_to_vec(CSV.as_bytes(), CompressionLevel::Fastest);
    assert_eq!(texts(read("a.csv.zst", zstd)), expected);
}

#[test]
fn quotes_in_tsv_are_text() {
    let rows = "label\ttext\n0\t\"an odd quote\n1\ta \"pair\", of them\n";
    let expected = owned(&[(2, "\"an odd quote"), (3, "a \"pair\", of them")]);
    assert_eq!(texts(read("a.tsv", rows)), expected);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_column_s_name() {
    let bytes = "\u{feff}text,id\none,1\n";
    assert_eq!(texts(read("a.csv", bytes)), owned(&[(2, "one")]));
    assert_eq!(
        texts(read("a.csv.gz", gzip(bytes.as_bytes()))),
        owned(&[(2, "one")])
    );
}

#[test]
fn a_bad_row_is_named_and_the_next_one_is_read() {
    let rows = b"id,text\n1,one\n2\n3,\xff\n4,four,4\n5,a\0b\n6,six\n";
    let items = read("a.csv", rows);
    assert!(matches!(items[0], Ok(Document { line: 2, .. })));
    assert!(matches!(
        items[1],
        Err(DataError::WrongFieldCount {
            line: 3,
            expected: 2,
            found: 1,
            ..
        })
    ));
    assert!(matches!(
        items[2],
        Err(DataError::InvalidUtf8 { line: 4, .. })
    ));
    assert!(matches!(
        items[3],
        Err(DataError::WrongFieldCount {
            line: 5,
            found: 3,
            ..
        })
    ));
    assert!(matches!(items[4], Err(DataError::HoldsNul { line: 6, .. })));
    assert!(matches!(items[5], Ok(Document { line: 7, .. })));
    assert_eq!(items.len(), 6);
}

#[test]
fn a_row_over_the_limit_is_an_error_and_the_next_one_is_read() {
    let long = "a".repeat(1 << 20).repeat(65);
    let rows = format!("text,id\n\"{long}\n\",1\ntwo,2\n");
    let items = read("a.csv.gz", gzip(rows.as_bytes()));
    assert!(matches!(items[0], Err(DataError::TooLong { line: 2, .. })));
    assert_eq!(
        items[1].as_ref().unwrap(),
        &Document {
            text: "two".to_owned(),
            line: 4
        }
    );
    let commas = format!("text,id\n{}\ntwo,2\n", ",".repeat(1 << 17));
    let items = read("a.csv", commas);
    assert!(matches!(items[0], Err(DataError::TooLong { line: 2, .. })));
    assert!(matches!(items[1], Ok(Document { line: 3, .. })));
}

#[test]
fn a_file_without_the_column_is_an_error_that_lists_those_it_has() {
    let (_folder, path) = file("a.csv", "id,body\n1,one\n");
    let error = source::read(&path).map(|_| ()).unwrap_err();
    assert!(matches!(error, DataError::MissingColumn { .. }));
    let message = error.to_string();
    for part in ["a.csv", "\"text\"", "id, body"] {
        assert!(message.contains(part), "{message}");
    }
    let (_folder, path) = file("b.csv", "input,answer\n1,one\n");
    let error = pair_error(&path);
    assert!(
        error.contains("\"target\"") && error.contains("input, answer"),
        "{error}"
    );
}

#[test]
fn files_without_rows_have_no_records() {
    for (name, bytes) in [
        ("a.csv", ""),
        ("a.csv", "\n\n"),
        ("a.tsv", "text\n"),
        ("a.csv.gz", ""),
    ] {
        assert!(read(name, bytes).is_empty(), "{name}");
    }
}

#[test]
fn another_field_may_hold_the_text() {
    let settings = ReadSettings {
        text_field: "body".to_owned(),
        ..ReadSettings::default()
    };
    let json = "{\"text\": \"no\", \"body\": \"yes\"}\n{\"text\": \"no\"}\n";
    let items = read_with("a.jsonl", json, &settings);
    assert_eq!(items[0].as_ref().unwrap().text, "yes");
    let error = items[1].as_ref().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a.jsonl:2: no string field \"body\""),
        "{error}"
    );
    let items = read_with("a.csv", "text,body\nno,yes\n", &settings);
    assert_eq!(texts(items), owned(&[(2, "yes")]));
}

#[test]
fn plain_text_may_be_a_document_a_file() {
    let settings = ReadSettings {
        plain_text: PlainText::Files,
        ..ReadSettings::default()
    };
    let text = "\n\none\r\n\n  two\n\n";
    let expected = owned(&[(3, "one\n\n  two")]);
    assert_eq!(texts(read_with("a.txt", text, &settings)), expected);
    assert_eq!(
        texts(read_with("a.gz", gzip(text.as_bytes()), &settings)),
        expected
    );
    assert!(read_with("a.txt", " \n\n", &settings).is_empty());
    let items = read_with("a.txt", b"one\n\xff\ntwo\n\xff\n", &settings);
    assert_eq!(items.len(), 1);
    assert!(matches!(
        items[0],
        Err(DataError::InvalidUtf8 { line: 2, .. })
    ));
    let long = format!("{}\n", "a".repeat(1 << 20)).repeat(65);
    let items = read_with("a.txt", long, &settings);
    assert_eq!(items.len(), 1);
    assert!(matches!(items[0], Err(DataError::TooLong { line: 64, .. })));
}

#[test]
fn pairs_are_read_from_records_of_any_format() {
    let json = "{\"task\": \"t\", \"input\": \"a\", \"target\": \"b\"}\n\n{\"source\": \"c\", \"target\": \"d\"}\n";
    let fields = PairFields::default();
    let read = |name, bytes: &str| -> Vec<_> {
        let items = pairs(name, bytes, &fields).into_iter();
        items.map(Result::unwrap).collect()
    };
    assert_eq!(
        read("a.jsonl", json),
        [pair("t", "a", "b"), pair("", "c", "d")]
    );
    assert_eq!(
        read("a.txt", json),
        [pair("t", "a", "b"), pair("", "c", "d")]
    );
    assert_eq!(
        read("a.csv", "target,task,input\nb,t,a\n"),
        [pair("t", "a", "b")]
    );
    assert_eq!(
        read("a.tsv", "source\ttarget\nc\td\n"),
        [pair("", "c", "d")]
    );
    let fields = PairFields {
        input: "question".to_owned(),
        target: "answer".to_owned(),
    };
    let items = pairs("a.csv", "answer,question,source\nb,a,x\n", &fields);
    assert_eq!(items[0].as_ref().unwrap(), &pair("", "a", "b"));
}

#[test]
fn several_right_answers_are_read_beside_the_target() {
    let json = "{\"source\": \"a\", \"target\": \"b\", \"targets\": [\"b\", \"c\"]}\n\
        {\"source\": \"a\", \"target\": \"b\", \"targets\": [\"c\"]}\n\
        {\"source\": \"a\", \"target\": \"b\", \"targets\": []}\n\
        {\"source\": \"a\", \"target\": \"b\", \"targets\": \"c\"}\n\
        {\"source\": \"a\", \"target\": \"b\", \"targets\": [5]}\n\
        {\"source\": \"a\", \"target\": \"b\", \"targets\": [\"c\\u0000\"]}\n";
    let items = pairs("a.jsonl", json, &PairFields::default());
    let references =
        |item: &Result<TextPair, DataError>| item.as_ref().unwrap().references().to_vec();
    assert_eq!(references(&items[0]), ["b", "c"]);
    assert_eq!(references(&items[1]), ["b", "c"]);
    assert_eq!(references(&items[2]), ["b"]);
    for (item, line) in items[3..5].iter().zip(4..) {
        let error = item.as_ref().unwrap_err().to_string();
        assert!(error.contains(&format!("a.jsonl:{line}: ")), "{error}");
        assert!(error.contains("\"targets\" is no list"), "{error}");
    }
    assert!(matches!(items[5], Err(DataError::HoldsNul { line: 6, .. })));
    // Of other fields than the usual ones it is none of ours.
    let fields = PairFields {
        input: "source".to_owned(),
        target: "answer".to_owned(),
    };
    let json = "{\"source\": \"a\", \"answer\": \"b\", \"targets\": 5}\n";
    let items = pairs("a.jsonl", json, &fields);
    assert_eq!(items[0].as_ref().unwrap(), &pair("", "a", "b"));
}

#[test]
fn a_bad_pair_is_named_and_the_next_one_is_read() {
    let json = "{\"input\": \"a\", \"target\": \"b\"}\n{\"input\": \"a\"}\n[1]\n{\"input\": \" \", \"target\": \"b\"}\n\
        {\"input\": \"a\", \"target\": 5}\n{\"input\n{\"input\": \"a\\u0000\", \"target\": \"b\"}\n\
        {\"input\": \"c\", \"target\": \"d\"}\n";
    let items = pairs("a.jsonl", json, &PairFields::default());
    let lines: Vec<u64> = items
        .iter()
        .filter_map(|item| match item {
            Err(DataError::InvalidPair { line, .. }) => Some(*line),
            _ => None,
        })
        .collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    assert!(matches!(
        items[5],
        Err(DataError::InvalidJson { line: 6, .. })
    ));
    assert!(matches!(items[6], Err(DataError::HoldsNul { line: 7, .. })));
    assert_eq!(items[7].as_ref().unwrap(), &pair("", "c", "d"));
    let mut bad = BadRecords::default();
    let kept: Vec<_> = items
        .into_iter()
        .filter_map(|item| bad.keep(item).unwrap())
        .collect();
    assert_eq!(kept.len(), 2);
    assert_eq!(bad.finish(2).unwrap(), 6);
    let (_folder, path) = file("b.jsonl", json);
    assert!(pair_error(&path).contains("b.jsonl:2:"));
}

#[test]
fn records_give_wanted_values_of_any_kind() {
    let json = "{\"b\": [1, {\"c\": null}], \"x\": 0, \"a\": 1.5}\n{\"a\": true}\n7\n";
    let (_folder, path) = file("a.jsonl", json);
    let records = source::read_records(&path, &["a", "b"]).unwrap();
    let values: Vec<_> = records
        .map(|record| json!(record.unwrap().values))
        .collect();
    assert_eq!(
        values,
        [
            json!([1.5, [1, {"c": null}]]),
            json!([true, null]),
            json!([null, null])
        ]
    );
    let (_folder, path) = file("a.csv", "a,x\n1,2\n");
    let record = source::read_records(&path, &["a", "b"])
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(json!(record.values), json!(["1", null]));
}

#[test]
fn bytes_of_rows_are_counted() {
    let (_folder, path) = file("a.csv", format!("text\n{}", "some words\n".repeat(1000)));
    let mut documents = source::read(&path).unwrap();
    assert_eq!(documents.by_ref().count(), 1000);
    assert_eq!(documents.bytes_read(), fs::metadata(&path).unwrap().len());
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_in_a_build_without_it_is_an_error_that_names_the_feature() {
    let (_folder, path) = file("a.parquet", "PAR1");
    let error = source::read(&path).map(|_| ()).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::MissingFeature {
                feature: "parquet",
                ..
            }
        ),
        "{error}"
    );
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty()
}

/// A field of CSV as any writer may quote it.
fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn csv_keeps_every_text(rows in prop::collection::vec(("[^\0]{0,30}", "[^\0]{0,30}"), 0..20)) {
        let body: String = rows.iter().map(|(id, text)| format!("{},{}\n", quoted(id), quoted(text))).collect();
        let items = read("a.csv", format!("id,text\n{body}"));
        let texts: Vec<String> = items.into_iter().map(|item| item.unwrap().text).collect();
        let expected: Vec<String> = rows.into_iter().map(|(_, text)| text).filter(|text| is_text(text)).collect();
        prop_assert_eq!(texts, expected);
    }

    #[test]
    fn tsv_keeps_every_text(rows in prop::collection::vec("[^\0\t\r\n]{1,30}", 0..20)) {
        let body: String = rows.iter().map(|text| format!("{text}\t1\n")).collect();
        let items = read("a.tsv", format!("text\tid\n{body}"));
        let texts: Vec<String> = items.into_iter().map(|item| item.unwrap().text).collect();
        let expected: Vec<String> = rows.into_iter().filter(|text| is_text(text)).collect();
        prop_assert_eq!(texts, expected);
    }
}
