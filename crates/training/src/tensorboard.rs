//! Event files that TensorBoard reads: records of protocol buffers.
//!
//! The layout is that of TensorFlow's `tfrecord` and `event.proto`: each record is its length, a
//! checksum of the length, the message and a checksum of the message.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::TrainingError;
use crate::evaluation::Evaluation;
use crate::metrics::{History, StepMetrics};
use crate::progress::{Observer, Plan};

/// What the first record of a file says, by which readers know the layout.
const FILE_VERSION: &str = "brain.Event:2";
/// `SessionLog.START`: makes readers forget what an earlier file says of this step and later ones.
const START: i32 = 1;

/// `tensorflow.Event`, as far as scalars need it.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

/// `Summary.Value` with the one kind of value that is written here.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    /// In a oneof of the original, so that 0 is written, too.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// An event file that is being written.
struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Creates a file in `folder`, which is created where it is missing.
    fn create(folder: &Path) -> Result<Self, TrainingError> {
        fs::create_dir_all(folder).map_err(TrainingError::io("create", folder))?;
        // Readers want `tfevents` in the name and read the files in the order of their names.
        let (seconds, process) = (now() as u64, std::process::id());
        let path = folder.join(format!(
            "events.out.tfevents.{seconds:010}.lamplight.{process}"
        ));
        let file = File::create_new(&path).map_err(TrainingError::io("create", &path))?;
        let mut events = Self { path, file };
        events.write(0, What::FileVersion(FILE_VERSION.to_owned()))?;
        Ok(events)
    }

    fn write(&mut self, step: usize, what: What) -> Result<(), TrainingError> {
        let event = Event {
            wall_time: now(),
            step: step as i64,
            what: Some(what),
        };
        let bytes = record(&event.encode_to_vec());
        let failed = TrainingError::io("write", &self.path);
        self.file.write_all(&bytes).map_err(failed)
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |duration| duration.as_secs_f64())
}

/// Length, its checksum, the message, its checksum; all little-endian.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    [
        &length[..],
        &masked_checksum(&length).to_le_bytes(),
        message,
        &masked_checksum(message).to_le_bytes(),
    ]
    .concat()
}

/// CRC-32C, turned and shifted so that a checksum of data that holds checksums is still a good one.
fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// Writes what is measured into the folder `tensorboard` of the run.
///
/// A file that cannot be written does not end the run: nothing more is written, and
/// [`TensorBoard::finish`] says why.
#[derive(Default)]
pub struct TensorBoard {
    events: Option<EventFile>,
    failure: Option<TrainingError>,
}

impl TensorBoard {
    /// Ends the file.
    ///
    /// # Errors
    /// The first failure to create or write it.
    pub fn finish(self) -> Result<(), TrainingError> {
        self.failure.map_or(Ok(()), Err)
    }

    fn write(&mut self, step: usize, what: What) {
        if let Some(events) = &mut self.events
            && let Err(error) = events.write(step, what)
        {
            self.failure = Some(error);
            self.events = None;
        }
    }

    fn write_scalars(&mut self, step: usize, scalars: impl Iterator<Item = (String, f64)>) {
        let value = scalars
            .map(|(tag, value)| Scalar {
                tag,
                simple_value: Some(value as f32),
            })
            .collect();
        self.write(step, What::Summary(Summary { value }));
    }
}

impl Observer for TensorBoard {
    fn started(&mut self, _plan: &Plan, folder: &Path) {
        match EventFile::create(&folder.join("tensorboard")) {
            Ok(events) => self.events = Some(events),
            Err(error) => self.failure = Some(error),
        }
    }

    fn resumed(&mut self, step: usize, _history: &History) {
        self.write(step + 1, What::SessionLog(SessionLog { status: START }));
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        let named = [
            ("training/loss", metrics.loss),
            ("training/gradient_norm", metrics.gradient_norm),
            ("training/learning_rate", metrics.learning_rate),
            ("training/num_skipped", metrics.num_skipped as f64),
            ("speed/tokens_per_second", metrics.tokens_per_second),
            ("speed/flops_per_second", metrics.flops_per_second),
        ];
        let terms = metrics.terms.iter();
        let scalars = (named.into_iter())
            .map(|(tag, value)| (tag.to_owned(), value))
            .chain(terms.map(|(name, value)| (format!("training/{name}"), *value)))
            .chain(
                (metrics.memory_bytes).map(|bytes| ("speed/memory_bytes".to_owned(), bytes as f64)),
            );
        self.write_scalars(metrics.step, scalars);
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        let scores = evaluation.scores.iter();
        let scalars =
            scores.map(|(name, value)| (format!("held_out/{}", name.replace('.', "/")), *value));
        self.write_scalars(step, scalars);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The messages of a file; every checksum is checked.
    fn messages(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let checksum = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(checksum(8), masked_checksum(&bytes[..8]));
            let message = &bytes[12..12 + length];
            assert_eq!(checksum(12 + length), masked_checksum(message));
            events.push(Event::decode(message).unwrap());
            bytes = &bytes[16 + length..];
        }
        events
    }

    #[test]
    fn the_checksum_is_crc_32c_and_masked_as_in_tfrecord() {
        // RFC 3720, B.4: 32 bytes of zero.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let crc = 0xe306_9283_u32;
        let masked = ((crc >> 15) | (crc << 17)).wrapping_add(0xa282_ead8);
        assert_eq!(masked_checksum(b"123456789"), masked);
    }

    #[test]
    fn the_first_record_is_the_version_byte_by_byte() {
        let event = Event {
            wall_time: 0.0,
            step: 0,
            what: Some(What::FileVersion(FILE_VERSION.to_owned())),
        };
        assert_eq!(event.encode_to_vec(), b"\x1a\x0dbrain.Event:2");
        // 15 bytes of message.
        assert_eq!(record(&event.encode_to_vec())[..8], 15u64.to_le_bytes());
    }

    #[test]
    fn what_a_run_tells_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::default();
        board.started(&plan(), folder.path());
        board.resumed(4, &History::default());
        board.logged(&StepMetrics {
            step: 5,
            loss: 0.0,
            memory_bytes: Some(2),
            terms: vec![("nll".to_owned(), 1.5)],
            ..StepMetrics::default()
        });
        let scores = vec![("exact_match.date".to_owned(), 0.25)];
        board.evaluated(
            5,
            &Evaluation {
                scores,
                examples: Vec::new(),
            },
        );
        board.finish().unwrap();
        let mut files = fs::read_dir(folder.path().join("tensorboard")).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(file.to_str().unwrap().contains("tfevents"));
        let events = messages(&fs::read(file).unwrap());
        assert_eq!(events.len(), 4);
        assert!(events.iter().all(|event| event.wall_time > 1e9));
        assert_eq!(events[1].step, 5);
        assert_eq!(scalar(&events[2], "training/loss"), Some(0.0));
        assert_eq!(scalar(&events[2], "training/nll"), Some(1.5));
        assert_eq!(scalar(&events[2], "speed/memory_bytes"), Some(2.0));
        assert_eq!(scalar(&events[3], "held_out/exact_match/date"), Some(0.25));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tensorboard"), "a file").unwrap();
        let mut board = TensorBoard::default();
        board.started(&plan(), folder.path());
        board.logged(&StepMetrics::default());
        let error = board.finish().unwrap_err().to_string();
        assert!(error.contains("tensorboard"), "{error}");
    }

    fn plan() -> Plan {
        Plan {
            name: "tiny".to_owned(),
            num_steps: 10,
            num_parameters: 1,
            vocab_size: 1,
            num_tokens: 1,
        }
    }

    fn scalar(event: &Event, tag: &str) -> Option<f32> {
        let Some(What::Summary(summary)) = &event.what else {
            return None;
        };
        let found = summary.value.iter().find(|value| value.tag == tag)?;
        found.simple_value
    }
}
