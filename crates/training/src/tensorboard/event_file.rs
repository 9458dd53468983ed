//! The file format: records of protocol buffers.
//!
//! The layout is that of TensorFlow's `tfrecord` and `event.proto`: each record is its length, a
//! checksum of the length, the message and a checksum of the message.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::TrainingError;

/// What the first record of a file says, by which readers know the layout.
const FILE_VERSION: &str = "brain.Event:2";
/// `SessionLog.START`: makes readers forget what an earlier file says of this step and later ones.
pub(super) const START: i32 = 1;

/// `tensorflow.Event`, as far as scalars need it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub(super) what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<Scalar>,
}

/// `Summary.Value` with the one kind of value that is written here.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Scalar {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    /// In a oneof of the original, so that 0 is written, too.
    #[prost(float, optional, tag = "2")]
    pub(super) simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionLog {
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

/// An event file that is being written.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Creates a file in `folder`, which is created where it is missing.
    pub(super) fn create(folder: &Path) -> Result<Self, TrainingError> {
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

    pub(super) fn write(&mut self, step: usize, what: What) -> Result<(), TrainingError> {
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
pub(super) fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32c_and_masked_as_in_tfrecord() {
        // RFC 3720, B.4: 32 bytes of zero.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        // By Python's tensorboard 2.
        assert_eq!(masked_checksum(b"123456789"), 0xc78a_b0e5);
    }

    #[test]
    fn messages_are_those_of_tensorboard_byte_by_byte() {
        let encoded = |step, what| {
            let event = Event {
                wall_time: 1.5,
                step,
                what: Some(what),
            };
            event.encode_to_vec()
        };
        // Made by the protocol buffers of Python's tensorboard 2.
        let zero = Scalar {
            tag: "a".to_owned(),
            simple_value: Some(0.0),
        };
        let value = vec![zero];
        assert_eq!(
            encoded(5, What::Summary(Summary { value })),
            b"\x09\0\0\0\0\0\0\xf8?\x10\x05*\n\n\x08\n\x01a\x15\0\0\0\0"
        );
        assert_eq!(
            encoded(5, What::SessionLog(SessionLog { status: START })),
            b"\x09\0\0\0\0\0\0\xf8?\x10\x05:\x02\x08\x01"
        );
        let version = encoded(0, What::FileVersion(FILE_VERSION.to_owned()));
        assert_eq!(version, b"\x09\0\0\0\0\0\0\xf8?\x1a\x0dbrain.Event:2");
        assert_eq!(record(&version)[..8], 24_u64.to_le_bytes());
    }
}
