//! Records of named fields out of JSON Lines, CSV, TSV and Parquet, wanted fields only.

use super::{compression::Input, delimited::DelimitedRecords, json::JsonRecords};
use crate::DataError;
use serde_json::Value;
use std::path::Path;

#[cfg(feature = "parquet")]
use super::parquet::ParquetRecords;

/// The wanted fields of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// A value for each wanted field, in the order asked for; [`Value::Null`] where the record has none. Those of CSV and
    /// TSV are strings.
    pub values: Vec<Value>,
    /// Line the record starts at, of a Parquet file its row, counted from one.
    pub line: u64,
}

/// The records of one file, in order. After an error about one record the next item goes on behind it; after an error
/// about the file there is none.
pub struct Records(Box<dyn RecordReader>);

/// A format's reader.
pub(super) trait RecordReader: Send {
    fn next_record(&mut self) -> Option<Result<Record, DataError>>;

    /// Names of the columns, where the format says them before the first record.
    fn columns(&self) -> &[String];

    /// Bytes read from the file so far, compressed ones where it is compressed.
    fn bytes_read(&self) -> u64;
}

/// The wanted fields.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) fields: &'a [&'a str],
    pub(super) nested: Nested,
}

/// What becomes of arrays and objects under a wanted field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    Kept,
    /// They count as missing.
    Left,
}

/// Opens a file of records, whose name tells the format: `.csv`, `.tsv` and `.parquet`, anything else is JSON Lines.
/// All but Parquet may be compressed. CSV and TSV name their fields in the first line; fields of TSV hold no tab or line
/// break and are never quoted. Fields that a file lacks are [`Value::Null`].
///
/// Arrays and objects are given as they are, so that a long line of small values takes many times its bytes.
///
/// # Errors
/// [`DataError::Read`] and [`DataError::Damaged`] for the file, and where this build leaves Parquet out,
/// [`DataError::MissingFeature`]. The iterator's items may besides be [`DataError::InvalidUtf8`],
/// [`DataError::InvalidJson`], [`DataError::WrongFieldCount`] and [`DataError::TooLong`] for one record.
pub fn read_records(path: &Path, fields: &[&str]) -> Result<Records, DataError> {
    let nested = Nested::Kept;
    Records::open(path, Input::open(path)?, Wanted { fields, nested })
}

impl Records {
    pub(super) fn open(path: &Path, input: Input, wanted: Wanted<'_>) -> Result<Self, DataError> {
        let reader: Box<dyn RecordReader> = match input.inner_extension.as_deref() {
            Some("csv" | "tsv") => Box::new(DelimitedRecords::new(path, input, wanted.fields)?),
            #[cfg(feature = "parquet")]
            Some("parquet") => Box::new(ParquetRecords::open(path, input, wanted)?),
            #[cfg(not(feature = "parquet"))]
            Some("parquet") => {
                return Err(DataError::MissingFeature {
                    path: path.to_owned(),
                    feature: "parquet",
                });
            }
            _ => Box::new(JsonRecords::new(path, input, wanted)),
        };
        Ok(Self(reader))
    }

    /// That the file has a column for each of `fields`, for the formats that name them before the first record.
    pub(super) fn check_columns(&self, path: &Path, fields: &[&str]) -> Result<(), DataError> {
        let columns = self.0.columns();
        let is_missing = |field: &&&str| !columns.iter().any(|column| column == **field);
        match fields.iter().find(is_missing) {
            Some(column) if !columns.is_empty() => Err(DataError::MissingColumn {
                path: path.to_owned(),
                column: (*column).to_owned(),
                columns: columns.join(", "),
            }),
            _ => Ok(()),
        }
    }

    /// Bytes read from the file so far, compressed ones where it is compressed.
    pub fn bytes_read(&self) -> u64 {
        self.0.bytes_read()
    }
}

impl Iterator for Records {
    type Item = Result<Record, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_record()
    }
}
