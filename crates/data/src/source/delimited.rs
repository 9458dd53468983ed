//! Wanted fields of CSV and TSV, none of the records longer than memory should hold.

use super::{
    compression::Input,
    lines::LINE_BYTES,
    records::{Record, RecordReader},
};
use crate::DataError;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

/// The most fields of a record.
const NUM_FIELDS: usize = 1 << 16;

/// The records behind the header of a CSV or TSV file; blank lines are left out.
pub(super) struct DelimitedRecords {
    path: PathBuf,
    input: BufReader<Input>,
    reader: Reader,
    /// The fields of the record at hand, one behind the other, and where each ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
    num_fields: usize,
    /// Line the record at hand starts at.
    line: u64,
    /// Line breaks before records, which the reader never saw.
    line_breaks: u64,
    columns: Vec<String>,
    /// Column of each wanted field.
    places: Vec<Option<usize>>,
    finished: bool,
}

/// How a record ended.
enum End {
    Record,
    File,
    TooLong,
}

impl DelimitedRecords {
    pub(super) fn new(path: &Path, input: Input, wanted: &[&str]) -> Result<Self, DataError> {
        // Quotes of TSV are text: its fields hold no tabs or line breaks, so that there is nothing to quote.
        let (delimiter, quoting) = match input.inner_extension.as_deref() {
            Some("tsv") => (b'\t', false),
            _ => (b',', true),
        };
        let mut builder = ReaderBuilder::new();
        let mut records = Self {
            path: path.to_owned(),
            input: BufReader::new(input),
            reader: builder.delimiter(delimiter).quoting(quoting).build(),
            fields: vec![0; 1 << 12],
            ends: vec![0; 1 << 6],
            num_fields: 0,
            line: 1,
            line_breaks: 0,
            columns: Vec::new(),
            places: Vec::new(),
            finished: false,
        };
        if records.advance()? {
            let columns = (0..records.num_fields).map(|column| records.text(column));
            records.columns = columns.collect::<Result<_, _>>()?;
        }
        let place = |field: &&str| records.columns.iter().position(|column| column == field);
        records.places = wanted.iter().map(place).collect();
        Ok(records)
    }

    fn record(&self) -> Result<Record, DataError> {
        if self.num_fields != self.columns.len() {
            return Err(DataError::WrongFieldCount {
                path: self.path.clone(),
                line: self.line,
                expected: self.columns.len(),
                found: self.num_fields,
            });
        }
        let value = |place: &Option<usize>| match place {
            Some(column) => Ok(Value::String(self.text(*column)?)),
            None => Ok(Value::Null),
        };
        Ok(Record {
            values: self.places.iter().map(value).collect::<Result<_, _>>()?,
            line: self.line,
        })
    }

    fn text(&self, column: usize) -> Result<String, DataError> {
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        let bytes = &self.fields[start..self.ends[column]];
        let text = std::str::from_utf8(bytes).map_err(|_| DataError::InvalidUtf8 {
            path: self.path.clone(),
            line: self.line,
        })?;
        Ok(text.to_owned())
    }

    /// Goes on to the next record; false at the end of the file.
    fn advance(&mut self) -> Result<bool, DataError> {
        if self.finished {
            return Ok(false);
        }
        match self.fill() {
            Ok(End::Record) => Ok(true),
            Ok(End::File) => {
                self.finished = true;
                Ok(false)
            }
            Ok(End::TooLong) => Err(DataError::TooLong {
                path: self.path.clone(),
                line: self.line,
                limit: LINE_BYTES,
            }),
            Err(source) => {
                self.finished = true;
                let line = self.line.saturating_sub(1);
                Err(self.input.get_ref().unreadable(&self.path, line, source))
            }
        }
    }

    fn fill(&mut self) -> io::Result<End> {
        self.skip_line_breaks()?;
        self.line = self.reader.line() + self.line_breaks;
        let (mut num_bytes, mut num_fields) = (0, 0);
        let mut too_long = false;
        loop {
            let input = self.input.fill_buf()?;
            let (fields, ends) = (&mut self.fields[num_bytes..], &mut self.ends[num_fields..]);
            let (result, consumed, new_bytes, new_fields) =
                self.reader.read_record(input, fields, ends);
            self.input.consume(consumed);
            num_bytes += new_bytes;
            num_fields += new_fields;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record if too_long => return Ok(End::TooLong),
                ReadRecordResult::Record => {
                    self.num_fields = num_fields;
                    return Ok(End::Record);
                }
                ReadRecordResult::End => return Ok(End::File),
                ReadRecordResult::OutputFull if self.fields.len() < LINE_BYTES => {
                    self.fields.resize(self.fields.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < NUM_FIELDS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                // The rest of the record is read over what came before.
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    too_long = true;
                    (num_bytes, num_fields) = (0, 0);
                }
            }
        }
    }

    fn skip_line_breaks(&mut self) -> io::Result<()> {
        while let Some(&byte @ (b'\n' | b'\r')) = self.input.fill_buf()?.first() {
            self.input.consume(1);
            self.line_breaks += u64::from(byte == b'\n');
        }
        Ok(())
    }
}

impl RecordReader for DelimitedRecords {
    fn next_record(&mut self) -> Option<Result<Record, DataError>> {
        match self.advance() {
            Ok(true) => Some(self.record()),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Names of the columns; none for an empty file.
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn bytes_read(&self) -> u64 {
        self.input.get_ref().bytes_read()
    }
}
