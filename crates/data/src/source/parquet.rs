//! Wanted columns of Parquet files, a few pages at a time.

mod column;
mod file;

use super::{
    compression::Input,
    records::{Record, RecordReader, Wanted},
};
use crate::DataError;
use ::parquet::{
    basic::Compression,
    errors::{ParquetError, Result as ParquetResult},
    file::reader::{FileReader, SerializedFileReader},
};
use column::{Column, Unreadable, WantedColumn};
use file::CheckedFile;
use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// About how many bytes of rows are decoded at a time, and at most how many rows.
const BATCH_BYTES: i64 = 1 << 20;
const BATCH_ROWS: i64 = 1024;

const COMPRESSED: &str =
    "Parquet is compressed inside and cannot be read through gzip or zstd: decompress the file";

/// The rows of a Parquet file.
pub(super) struct ParquetRecords {
    path: PathBuf,
    file: CheckedFile,
    reader: SerializedFileReader<CheckedFile>,
    columns: Vec<String>,
    wanted: Vec<WantedColumn>,
    /// The row group after the one at hand.
    next_group: usize,
    group: Option<Group>,
    rows: VecDeque<Result<Record, DataError>>,
    num_rows: u64,
    finished: bool,
}

/// A row group on its way in.
struct Group {
    /// One for each wanted column.
    columns: Vec<Column>,
    rows_left: usize,
    batch_rows: usize,
}

impl ParquetRecords {
    pub(super) fn open(path: &Path, input: Input, wanted: Wanted<'_>) -> Result<Self, DataError> {
        let reading = |source| DataError::Read {
            path: path.to_owned(),
            source,
        };
        let compressed = || io::Error::new(io::ErrorKind::Unsupported, COMPRESSED);
        let file = input.into_counted().ok_or_else(compressed);
        let file = file.and_then(CheckedFile::new).map_err(reading)?;
        let reader = caught(path, 0, || SerializedFileReader::new(file.clone()))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let names = schema.root_schema().get_fields().iter();
        let find = |field: &&str| WantedColumn::find(schema, field, wanted.nested);
        let wanted: Result<_, _> = wanted.fields.iter().map(find).collect();
        let wanted =
            wanted.map_err(
                |Unreadable { column, reason }| DataError::UnreadableColumn {
                    path: path.to_owned(),
                    column,
                    reason,
                },
            )?;
        Ok(Self {
            path: path.to_owned(),
            file,
            columns: names.map(|field| field.name().to_owned()).collect(),
            wanted,
            reader,
            next_group: 0,
            group: None,
            rows: VecDeque::new(),
            num_rows: 0,
            finished: false,
        })
    }

    /// Decodes the next rows, or goes on to the next row group.
    fn fill(&mut self) -> Result<(), DataError> {
        let Some(group) = self.group.as_mut().filter(|group| group.rows_left > 0) else {
            self.group = None;
            self.finished = self.next_group >= self.reader.num_row_groups();
            if !self.finished {
                self.group = Some(self.open_group()?);
                self.next_group += 1;
            }
            return Ok(());
        };
        let num_rows = group.batch_rows.min(group.rows_left);
        let columns = caught(&self.path, self.num_rows, || {
            let columns = group.columns.iter_mut();
            columns
                .map(|column| column.read(num_rows))
                .collect::<ParquetResult<Vec<_>>>()
        })?;
        group.rows_left -= num_rows;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        for _ in 0..num_rows {
            self.num_rows += 1;
            // Every column gave a value for each row, none where its bytes are no UTF-8.
            let values = columns.iter_mut().map(|values| values.next().flatten());
            let record = values.collect::<Option<Vec<_>>>().map(|values| Record {
                values,
                line: self.num_rows,
            });
            self.rows
                .push_back(record.ok_or_else(|| DataError::InvalidUtf8 {
                    path: self.path.clone(),
                    line: self.num_rows,
                }));
        }
        Ok(())
    }

    fn open_group(&self) -> Result<Group, DataError> {
        caught(&self.path, self.num_rows, || {
            let group = self.reader.get_row_group(self.next_group)?;
            let metadata = group.metadata();
            let leaves = self.wanted.iter().flat_map(WantedColumn::leaves);
            let mut num_bytes: i64 = 0;
            for column in leaves.map(|leaf| metadata.column(leaf)) {
                check_codec(column.compression())?;
                num_bytes = num_bytes.saturating_add(column.uncompressed_size().max(0));
            }
            let num_rows = usize::try_from(metadata.num_rows())?;
            let row_bytes = num_bytes / metadata.num_rows().max(1);
            let batch_rows = (BATCH_BYTES / row_bytes.max(1)).clamp(1, BATCH_ROWS);
            let columns = self.wanted.iter().map(|wanted| wanted.open(group.as_ref()));
            Ok(Group {
                columns: columns.collect::<ParquetResult<_>>()?,
                rows_left: num_rows,
                batch_rows: usize::try_from(batch_rows)?,
            })
        })
    }
}

impl RecordReader for ParquetRecords {
    fn next_record(&mut self) -> Option<Result<Record, DataError>> {
        while self.rows.is_empty() && !self.finished {
            if let Err(error) = self.fill() {
                self.finished = true;
                return Some(Err(error));
            }
        }
        self.rows.pop_front()
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn bytes_read(&self) -> u64 {
        self.file.bytes_read()
    }
}

/// That the decoder was built with what the pages are compressed by.
fn check_codec(codec: Compression) -> ParquetResult<()> {
    match codec {
        Compression::LZO | Compression::BROTLI(_) => Err(ParquetError::NYI(format!(
            "its codec is {codec}: write it with zstd, snappy, gzip or LZ4"
        ))),
        _ => Ok(()),
    }
}

/// What the decoder says. It panics over some files that are damaged: bounds that lie, a dictionary that is missing.
fn caught<T>(
    path: &Path,
    line: u64,
    decode: impl FnOnce() -> ParquetResult<T>,
) -> Result<T, DataError> {
    let path = path.to_owned();
    let source = match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(ParquetError::NYI(what))) => {
            let source = io::Error::new(io::ErrorKind::Unsupported, what);
            return Err(DataError::Read { path, source });
        }
        Ok(Err(error)) => io::Error::other(error),
        Err(_) => io::Error::other("the Parquet decoder panicked"),
    };
    Err(DataError::Damaged { path, line, source })
}
