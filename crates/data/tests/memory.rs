//! Memory stays bounded, however long a line or a file is. A process of its own, whose peak is this test's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::{Compression, write::GzEncoder};
use lamplight_data::{
    DataError,
    source::{self, PlainText, ReadSettings},
};
use std::{fs, io::Write, path::Path};
use tempfile::TempDir;

/// What a line of 64 MiB may take while its buffer grows.
const LIMIT_MIB: u64 = 256;
const GIGABYTE: usize = 1 << 30;
const PART: usize = 16 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The most memory the process has had, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        >> 10
}

/// `start`, a gigabyte of one letter and `end`, compressed to a few MiB part by part.
fn bomb(path: &Path, start: &str, end: &str) {
    let part = gzip(&vec![b'a'; PART]).repeat(GIGABYTE / PART);
    fs::write(
        path,
        [gzip(start.as_bytes()), part, gzip(end.as_bytes())].concat(),
    )
    .unwrap();
}

fn assert_is_bounded(what: &str) {
    let peak = peak_mib();
    assert!(peak < LIMIT_MIB, "{what}: {peak} MiB");
}

#[test]
fn a_line_of_a_gigabyte_and_a_row_group_of_text_take_little_memory() {
    let folder = TempDir::new().unwrap();
    for (name, start, end) in [
        ("a.jsonl.gz", "{\"text\": \"", "\"}\n{\"text\": \"last\"}\n"),
        ("a.csv.gz", "text,id\n\"", "\",1\nlast,2\n"),
        ("a.txt.gz", "", "\n\nlast\n"),
    ] {
        let path = folder.path().join(name);
        bomb(&path, start, end);
        let items: Vec<_> = source::read(&path).unwrap().collect();
        assert_eq!(items.len(), 2, "{name}");
        assert!(matches!(items[0], Err(DataError::TooLong { .. })), "{name}");
        assert_eq!(items[1].as_ref().unwrap().text, "last", "{name}");
        assert_is_bounded(name);
    }
    let settings = ReadSettings {
        plain_text: PlainText::Files,
        ..ReadSettings::default()
    };
    let path = folder.path().join("b.txt.gz");
    fs::write(
        &path,
        gzip("a line of some words\n".repeat(PART / 21).as_bytes()).repeat(5),
    )
    .unwrap();
    let items: Vec<_> = source::read_with(&path, &settings).unwrap().collect();
    assert!(matches!(items[..], [Err(DataError::TooLong { .. })]));
    assert_is_bounded("a file as one document");
    #[cfg(feature = "parquet")]
    {
        let path = folder.path().join("a.parquet");
        write_row_group(&path);
        assert_is_bounded("writing");
        let documents = source::read(&path).unwrap();
        let documents = documents.map(Result::unwrap);
        let num_right = documents
            .filter(|document| document.text.len() == TEXT_BYTES)
            .count();
        assert_eq!(num_right, NUM_ROWS);
        assert_is_bounded("a.parquet");
    }
}

#[cfg(feature = "parquet")]
const TEXT_BYTES: usize = 1 << 14;
/// A gigabyte in all.
#[cfg(feature = "parquet")]
const NUM_ROWS: usize = GIGABYTE / TEXT_BYTES;

/// One row group of a gigabyte, which compresses to little.
#[cfg(feature = "parquet")]
fn write_row_group(path: &Path) {
    use ::parquet::{
        basic::{Compression, ZstdLevel},
        data_type::{ByteArray, ByteArrayType},
        file::{properties::WriterProperties, writer::SerializedFileWriter},
        schema::parser::parse_message_type,
    };
    use std::sync::Arc;
    let schema = parse_message_type("message m { required binary text (UTF8); }").unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .build();
    let file = fs::File::create(path).unwrap();
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    for row in 0..NUM_ROWS {
        let letter = b'a' + (row % 26) as u8;
        let text = ByteArray::from(vec![letter; TEXT_BYTES]);
        column
            .typed::<ByteArrayType>()
            .write_batch(&[text], None, None)
            .unwrap();
    }
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}
