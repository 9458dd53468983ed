//! Parquet files, whole, damaged and arbitrary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ::parquet::{
    basic::{Compression, ZstdLevel},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    file::{
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};
use lamplight_data::{
    DataError,
    source::{self, Document, PairFields, labelled},
};
use proptest::prelude::*;
use serde_json::json;
use std::{fs, path::PathBuf, sync::Arc};
use tempfile::TempDir;

type Items = Vec<Result<Document, DataError>>;

/// A column with its definition and repetition levels.
enum Stored {
    Text(Vec<Vec<u8>>, Vec<i16>, Vec<i16>),
    Integers(Vec<i64>, Vec<i16>, Vec<i16>),
}

fn text(values: &[&str]) -> Stored {
    let values = values.iter().map(|value| value.as_bytes().to_vec());
    Stored::Text(values.collect(), Vec::new(), Vec::new())
}

/// A file of row groups, which are lists of columns.
fn write(schema: &str, compression: Compression, groups: &[Vec<Stored>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_data_page_row_count_limit(7)
        .set_write_batch_size(7)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            write_column(&mut group, column);
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn write_column(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, column: &Stored) {
    let mut writer = group.next_column().unwrap().unwrap();
    match (column, writer.untyped()) {
        (
            Stored::Text(values, definitions, repetitions),
            ColumnWriter::ByteArrayColumnWriter(writer),
        ) => {
            let values: Vec<ByteArray> = values.iter().cloned().map(ByteArray::from).collect();
            writer
                .write_batch(&values, levels(definitions), levels(repetitions))
                .unwrap();
        }
        (
            Stored::Integers(values, definitions, repetitions),
            ColumnWriter::Int64ColumnWriter(writer),
        ) => {
            writer
                .write_batch(values, levels(definitions), levels(repetitions))
                .unwrap();
        }
        _ => panic!("a column of another type"),
    }
    writer.close().unwrap();
}

/// Where every value is there once, no levels are stored.
fn levels(levels: &[i16]) -> Option<&[i16]> {
    (!levels.is_empty()).then_some(levels)
}

const TEXTS: &str = "message m { required binary text (UTF8); required int64 id; }";

fn numbered(num_rows: i64, start: i64) -> Vec<Stored> {
    let rows = start..start + num_rows;
    let texts = rows.clone().map(|row| format!("text {row}").into_bytes());
    let text = Stored::Text(texts.collect(), Vec::new(), Vec::new());
    vec![
        text,
        Stored::Integers(rows.collect(), Vec::new(), Vec::new()),
    ]
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.parquet");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read(bytes: &[u8]) -> Items {
    let (_folder, path) = file(bytes);
    match source::read(&path) {
        Ok(documents) => documents.collect(),
        Err(error) => vec![Err(error)],
    }
}

#[test]
fn rows_of_all_groups_come_in_order_whatever_the_compression() {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let kinds = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
        zstd,
    ];
    for compression in kinds {
        let groups = [numbered(50, 0), numbered(0, 50), numbered(3000, 50)];
        let items = read(&write(TEXTS, compression, &groups));
        assert_eq!(items.len(), 3050, "{compression}");
        for (row, item) in items.into_iter().enumerate() {
            let expected = Document {
                text: format!("text {row}"),
                line: row as u64 + 1,
            };
            assert_eq!(item.unwrap(), expected);
        }
    }
}

#[test]
fn a_file_without_rows_has_no_documents() {
    assert!(read(&write(TEXTS, Compression::SNAPPY, &[])).is_empty());
}

#[test]
fn a_row_without_usable_text_is_named_and_the_next_one_is_read() {
    let values: [&[u8]; 4] = [b"one", b"\xff", b"a\0b", b"five"];
    let values = values.map(<[u8]>::to_vec).to_vec();
    let column = Stored::Text(values, vec![1, 0, 1, 1, 1], Vec::new());
    let items = read(&write(
        "message m { optional binary text (UTF8); }",
        Compression::SNAPPY,
        &[vec![column]],
    ));
    assert!(matches!(items[0], Ok(Document { line: 1, .. })));
    assert!(matches!(
        items[1],
        Err(DataError::MissingText { line: 2, .. })
    ));
    assert!(matches!(
        items[2],
        Err(DataError::InvalidUtf8 { line: 3, .. })
    ));
    assert!(matches!(items[3], Err(DataError::HoldsNul { line: 4, .. })));
    assert_eq!(items[4].as_ref().unwrap().text, "five");
    assert_eq!(items.len(), 5);
}

#[test]
fn pairs_are_read_from_the_columns_named() {
    let schema =
        "message m { required binary answer; required int64 id; required binary question; }";
    let id = Stored::Integers(vec![1, 2], Vec::new(), Vec::new());
    let columns = vec![text(&["4", " "]), id, text(&["2+2", "3+3"])];
    let (_folder, path) = file(&write(schema, Compression::SNAPPY, &[columns]));
    let fields = PairFields {
        input: "question".to_owned(),
        target: "answer".to_owned(),
    };
    let pairs: Vec<_> = source::pairs(&path, &fields).unwrap().collect();
    let first = pairs[0].as_ref().unwrap();
    assert_eq!((first.input.as_str(), first.target.as_str()), ("2+2", "4"));
    assert!(matches!(
        pairs[1],
        Err(DataError::InvalidPair { line: 2, .. })
    ));
    let error = source::pairs(&path, &PairFields::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("\"input\"") && error.contains("answer, id, question"),
        "{error}"
    );
}

/// The answers of a question as question-answering sets store them.
const ANSWERS: &str = "message m {
    optional binary question (UTF8);
    optional group answers {
        optional group text (LIST) { repeated group list { optional binary element (UTF8); } }
        optional group start (LIST) { repeated group list { optional int64 element; } }
    }
}";

/// Three rows of [`ANSWERS`].
fn nested_rows() -> Vec<Stored> {
    let questions = Stored::Text(
        vec![b"q1".to_vec(), b"q3".to_vec()],
        vec![1, 0, 1],
        Vec::new(),
    );
    // Two answers; none; one that is null and one that is there.
    let (definitions, repetitions) = (vec![4, 4, 2, 3, 4], vec![0, 1, 0, 0, 1]);
    let texts = ["a", "b", "c"]
        .map(|value| value.as_bytes().to_vec())
        .to_vec();
    let texts = Stored::Text(texts, definitions.clone(), repetitions.clone());
    let starts = Stored::Integers(vec![7, 8, 9], definitions, repetitions);
    vec![questions, texts, starts]
}

#[test]
fn lists_and_groups_become_arrays_and_objects() {
    let bytes = write(ANSWERS, Compression::SNAPPY, &[nested_rows()]);
    let (_folder, path) = file(&bytes);
    let records = source::read_records(&path, &["answers", "question", "other"]).unwrap();
    let values: Vec<_> = records
        .map(|record| json!(record.unwrap().values))
        .collect();
    assert_eq!(
        values[0],
        json!([{"text": ["a", "b"], "start": [7, 8]}, "q1", null])
    );
    assert_eq!(values[1], json!([{"text": [], "start": []}, null, null]));
    assert_eq!(
        values[2],
        json!([{"text": ["c"], "start": [9]}, "q3", null])
    );
}

#[test]
fn labelled_records_are_read_from_columns() {
    let schema = "message m { required int64 label; required binary sentence (UTF8); }";
    let columns = vec![
        Stored::Integers(vec![1, -1], Vec::new(), Vec::new()),
        text(&["So.", "No."]),
    ];
    let (_folder, path) = file(&write(schema, Compression::SNAPPY, &[columns]));
    let mut texts = labelled::texts(&path, &labelled::TextFields::default()).unwrap();
    let labelled::LabelledText { first, label, .. } = texts.next().unwrap().unwrap();
    assert_eq!((first.as_str(), label.to_string().as_str()), ("So.", "1"));
    let error = texts.next().unwrap().unwrap_err().to_string();
    assert!(
        error.ends_with("a.parquet:2: no label: \"label\" is -1"),
        "{error}"
    );
    let missing = labelled::words(&path).map(|_| ()).unwrap_err();
    assert!(
        missing.to_string().contains("no column \"tokens\""),
        "{missing}"
    );
}

#[test]
fn questions_are_read_from_groups_of_lists() {
    let schema = "message m {
        required binary id (UTF8);
        required binary context (UTF8);
        required binary question (UTF8);
        optional group answers {
            optional group text (LIST) { repeated group list { optional binary element (UTF8); } }
            optional group answer_start (LIST) { repeated group list { optional int64 element; } }
        }
    }";
    let answers = ["a", "c"].map(|answer| answer.as_bytes().to_vec());
    let columns = vec![
        text(&["q1", "q2", "q3"]),
        text(&["a b c"; 3]),
        text(&["Which?"; 3]),
        // One answer, none, one answer at the wrong place.
        Stored::Text(answers.to_vec(), vec![4, 2, 4], vec![0, 0, 0]),
        Stored::Integers(vec![0, 3], vec![4, 2, 4], vec![0, 0, 0]),
    ];
    let (_folder, path) = file(&write(schema, Compression::SNAPPY, &[columns]));
    let questions: Vec<_> = labelled::questions(&path).unwrap().collect();
    let answers = |place: usize| questions[place].as_ref().unwrap().answers.clone();
    let start = 0;
    assert_eq!(
        answers(0),
        [labelled::Answer {
            start,
            text: "a".to_owned()
        }]
    );
    assert_eq!(answers(1), []);
    let error = questions[2].as_ref().unwrap_err().to_string();
    assert!(
        error.ends_with("a.parquet:3: question q3: the context has no \"c\" at character 3"),
        "{error}"
    );
}

#[test]
fn a_column_that_holds_no_text_is_an_error_that_says_so() {
    for (column, reason) in [
        ("answers", "found a list or group"),
        ("none", "it has: question, answers"),
    ] {
        let (_folder, path) = file(&write(ANSWERS, Compression::SNAPPY, &[]));
        let settings = source::ReadSettings {
            text_field: column.to_owned(),
            ..Default::default()
        };
        let error = source::read_with(&path, &settings)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        for part in ["a.parquet", column, reason] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_damaged() {
    let bytes = write(TEXTS, Compression::SNAPPY, &[numbered(100, 0)]);
    for length in 0..bytes.len() {
        let items = read(&bytes[..length]);
        let error = items.last().unwrap().as_ref().unwrap_err();
        assert!(
            matches!(error, DataError::Damaged { .. }),
            "{length}: {error}"
        );
        assert!(error.to_string().contains("a.parquet"));
    }
}

#[test]
fn a_compressed_file_is_refused_with_the_way_out() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.parquet.gz");
    fs::write(&path, b"any").unwrap();
    let error = source::read(&path).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains("a.parquet.gz") && error.contains("decompress"),
        "{error}"
    );
}

#[test]
fn a_codec_that_is_not_built_in_is_named_with_the_way_out() {
    let bytes = write(TEXTS, Compression::SNAPPY, &[numbered(3, 0)]);
    // Of all the bytes that may stand for Snappy, one says that of the column; 8 there is Brotli.
    let places = (0..bytes.len()).filter(|&place| bytes[place] == 2);
    let read_as_brotli = |place| {
        let mut bytes = bytes.clone();
        bytes[place] = 8;
        read(&bytes)
    };
    let errors: Vec<String> = places
        .flat_map(read_as_brotli)
        .filter_map(|item| Some(item.err()?.to_string()))
        .collect();
    let is_expected = |error: &String| error.contains("a.parquet: its codec is BROTLI");
    assert!(errors.iter().any(is_expected), "{errors:?}");
}

#[test]
fn bytes_read_grow_to_no_more_than_the_file() {
    let bytes = write(
        TEXTS,
        Compression::UNCOMPRESSED,
        &[numbered(20_000, 0), numbered(20_000, 20_000)],
    );
    let (_folder, path) = file(&bytes);
    let mut documents = source::read(&path).unwrap();
    let mut before = 0;
    while documents.next().is_some() {
        assert!(documents.bytes_read() >= before);
        before = documents.bytes_read();
    }
    assert!(before > bytes.len() as u64 / 4 && before <= bytes.len() as u64);
}

#[test]
fn readers_move_to_other_threads() {
    fn check<T: Send>() {}
    check::<source::Documents>();
    check::<source::Pairs>();
    check::<source::Records>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_damaged_byte_never_panics(
        place in any::<prop::sample::Index>(),
        place_in_nested in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut bytes = write(TEXTS, Compression::SNAPPY, &[numbered(40, 0)]);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let mut nested = write(ANSWERS, Compression::UNCOMPRESSED, &[nested_rows()]);
        let place = place_in_nested.index(nested.len());
        nested[place] ^= flip;
        let (_folder, path) = file(&nested);
        if let Ok(records) = source::read_records(&path, &["answers", "question"]) {
            prop_assert!(records.count() <= 4);
        }
        let items = read(&bytes);
        let num_errors = items.iter().filter(|item| item.is_err()).count();
        prop_assert!(items.len() <= 40 + num_errors);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let framed = [b"PAR1", &bytes[..], &[(bytes.len() / 2) as u8, 0, 0, 0], b"PAR1"].concat();
        read(&framed);
        read(&bytes);
    }

    #[test]
    fn every_text_comes_back(texts in prop::collection::vec("[^\0]{0,40}", 0..60)) {
        let values: Vec<&str> = texts.iter().map(String::as_str).collect();
        let schema = "message m { required binary text (UTF8); }";
        let items = read(&write(schema, Compression::SNAPPY, &[vec![text(&values)]]));
        let read: Vec<String> = items.into_iter().map(|item| item.unwrap().text).collect();
        let expected: Vec<String> = texts.into_iter().filter(|text| !text.trim().is_empty()).collect();
        prop_assert_eq!(read, expected);
    }
}
