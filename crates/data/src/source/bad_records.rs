//! How many records may be unusable before that is an error.

use crate::DataError;

/// How many bad records are told of one by one.
const REPORTED: u64 = 5;
/// How many bad records any set of files may have.
const TOLERATED: u64 = 10;

/// Records that cannot be used: skipped and counted, the first few logged with file and line, an error when too many.
#[derive(Debug)]
pub struct BadRecords {
    max_fraction: f64,
    num_bad: u64,
    first: Option<DataError>,
}

impl Default for BadRecords {
    /// Up to a tenth of the records may be bad.
    fn default() -> Self {
        Self::new(0.1)
    }
}

impl BadRecords {
    /// Up to `max_fraction` of the records may be bad, and 10 in any case.
    pub fn new(max_fraction: f64) -> Self {
        Self {
            max_fraction,
            num_bad: 0,
            first: None,
        }
    }

    /// How many records were bad so far.
    pub fn num_bad(&self) -> u64 {
        self.num_bad
    }

    /// Gives a record on, or skips it.
    ///
    /// # Errors
    /// An error behind which its reader does not go on: one of the file, not of one record.
    pub fn keep<T>(&mut self, item: Result<T, DataError>) -> Result<Option<T>, DataError> {
        match item {
            Ok(record) => Ok(Some(record)),
            Err(error) if is_of_one_record(&error) => {
                self.skip(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a record that cannot be used.
    pub fn skip(&mut self, error: DataError) {
        self.num_bad += 1;
        if self.num_bad <= REPORTED {
            tracing::warn!("skipped {error}");
        }
        self.first.get_or_insert(error);
    }

    /// Whether the records that could be used so far, `num_good` of them, are enough beside the bad ones.
    ///
    /// # Errors
    /// [`DataError::TooManyBadDocuments`], which tells of the first, if they are too many.
    pub fn check(&mut self, num_good: u64) -> Result<(), DataError> {
        let total = num_good + self.num_bad;
        self.fail_if(are_too_many(self.num_bad, total, self.max_fraction), total)
    }

    /// The same at the end, where all must not be bad either. Gives the number of bad ones.
    ///
    /// # Errors
    /// [`DataError::TooManyBadDocuments`], which tells of the first, if they are too many or all.
    pub fn finish(mut self, num_good: u64) -> Result<u64, DataError> {
        self.check(num_good)?;
        let num_bad = self.num_bad;
        self.fail_if(num_good == 0, num_bad)?;
        if num_bad > REPORTED {
            let total = num_good + num_bad;
            tracing::warn!("skipped {num_bad} of {total} records in all");
        }
        Ok(num_bad)
    }

    /// Where there was a bad record and `are_too_many`.
    fn fail_if(&mut self, are_too_many: bool, total: u64) -> Result<(), DataError> {
        match self.first.take_if(|_| are_too_many) {
            Some(first) => Err(DataError::TooManyBadDocuments {
                bad: self.num_bad,
                total,
                first: Box::new(first),
            }),
            None => Ok(()),
        }
    }
}

/// Whether so many bad records of a total are more than 10 and more than a fraction of it.
pub(crate) fn are_too_many(num_bad: u64, total: u64, max_fraction: f64) -> bool {
    num_bad as f64 > (total as f64 * max_fraction).max(TOLERATED as f64)
}

/// Whether the reader can go on behind the error.
pub(crate) fn is_of_one_record(error: &DataError) -> bool {
    matches!(
        error,
        DataError::InvalidUtf8 { .. }
            | DataError::InvalidJson { .. }
            | DataError::MissingText { .. }
            | DataError::InvalidPair { .. }
            | DataError::InvalidRecord { .. }
            | DataError::InvalidQuestion { .. }
            | DataError::TooLong { .. }
            | DataError::HoldsNul { .. }
            | DataError::WrongFieldCount { .. }
            | DataError::Document { .. }
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io;

    fn bad(line: u64) -> DataError {
        DataError::InvalidUtf8 {
            path: "a.txt".into(),
            line,
        }
    }

    fn with_bad(max_fraction: f64, num_bad: u64) -> BadRecords {
        let mut records = BadRecords::new(max_fraction);
        (1..=num_bad).for_each(|line| records.skip(bad(line)));
        records
    }

    #[test]
    fn ten_are_tolerated_and_of_many_the_fraction() {
        assert_eq!(with_bad(0.0, 10).finish(1).unwrap(), 10);
        assert!(with_bad(0.0, 11).finish(1000).is_err());
        assert_eq!(with_bad(0.25, 25).finish(75).unwrap(), 25);
        assert!(with_bad(0.25, 26).finish(74).is_err());
    }

    #[test]
    fn too_many_name_the_first_and_both_counts() {
        let message = with_bad(0.1, 11).finish(5).unwrap_err().to_string();
        for part in ["a.txt:1:", "11 of 16"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_single_bad_record_is_too_many_where_nothing_else_is() {
        assert!(with_bad(1.0, 1).finish(0).is_err());
        assert_eq!(BadRecords::default().finish(0).unwrap(), 0);
    }

    #[test]
    fn an_error_of_the_file_is_not_skipped() {
        let mut records = BadRecords::default();
        assert_eq!(records.keep(Ok(1)).unwrap(), Some(1));
        assert_eq!(records.keep::<u8>(Err(bad(1))).unwrap(), None);
        let damaged = DataError::Damaged {
            path: "a.gz".into(),
            line: 1,
            source: io::ErrorKind::UnexpectedEof.into(),
        };
        assert!(records.keep::<u8>(Err(damaged)).is_err());
        assert_eq!(records.num_bad(), 1);
    }
}
