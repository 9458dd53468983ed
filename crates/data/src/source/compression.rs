//! The bytes of a file, decompressed on the way, with a count of those that left the disk.

use crate::DataError;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

type Source = BufReader<Counted>;

pub(super) struct Input {
    stream: Stream,
    bytes_read: Arc<AtomicU64>,
    /// The extension below that of the compression, in lower case.
    pub(super) inner_extension: Option<String>,
}

enum Stream {
    Plain(Source),
    Gzip(Box<MultiGzDecoder<Source>>),
    Zstd(Box<ZstdDecoder>),
    Standard(io::Stdin),
}

/// A file with a count of the bytes read from it.
pub(super) struct Counted {
    pub(super) file: File,
    pub(super) bytes_read: Arc<AtomicU64>,
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let reading = |source| DataError::Read {
            path: path.to_owned(),
            source,
        };
        let bytes_read = Arc::new(AtomicU64::new(0));
        let file = File::open(path).map_err(reading)?;
        let mut source = BufReader::new(Counted {
            file,
            bytes_read: Arc::clone(&bytes_read),
        });
        let empty = source.fill_buf().map_err(reading)?.is_empty();
        let is_parquet = extension(Some(path)).as_deref() == Some("parquet");
        let inner = extension(path.file_stem().map(Path::new));
        let (stream, inner_extension) = match extension(Some(path)).as_deref() {
            // An empty file is an empty corpus, though no valid archive.
            _ if empty && !is_parquet => (Stream::Plain(source), None),
            Some("gz") => (Stream::Gzip(Box::new(MultiGzDecoder::new(source))), inner),
            Some("zst" | "zstd") => (Stream::Zstd(Box::new(ZstdDecoder::new(source))), inner),
            other => (Stream::Plain(source), other.map(str::to_owned)),
        };
        Ok(Self {
            stream,
            bytes_read,
            inner_extension,
        })
    }

    /// What the process is given.
    pub(super) fn standard() -> Self {
        Self {
            stream: Stream::Standard(io::stdin()),
            bytes_read: Arc::default(),
            inner_extension: None,
        }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// What an error of reading says about the file, of which `line` whole lines were read.
    pub(super) fn unreadable(&self, path: &Path, line: u64, source: io::Error) -> DataError {
        let path = path.to_owned();
        match self.stream {
            Stream::Plain(_) | Stream::Standard(_) => DataError::Read { path, source },
            Stream::Gzip(_) | Stream::Zstd(_) => DataError::Damaged { path, line, source },
        }
    }

    /// The file as it lies on disk, none if it is compressed.
    #[cfg(feature = "parquet")]
    pub(super) fn into_counted(self) -> Option<Counted> {
        match self.stream {
            Stream::Plain(source) => Some(source.into_inner()),
            Stream::Gzip(_) | Stream::Zstd(_) | Stream::Standard(_) => None,
        }
    }
}

fn extension(path: Option<&Path>) -> Option<String> {
    let extension = path?.extension().and_then(OsStr::to_str)?;
    Some(extension.to_ascii_lowercase())
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Gzip(stream) => stream.read(buffer),
            Stream::Zstd(stream) => stream.read(buffer),
            Stream::Standard(stream) => stream.read(buffer),
        }
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// All frames of a zstd file, skippable ones left out, checksums verified.
struct ZstdDecoder {
    source: Source,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl ZstdDecoder {
    fn new(source: Source) -> Self {
        Self {
            source,
            decoder: FrameDecoder::new(),
            in_frame: false,
        }
    }

    /// Goes on to the next frame; false at the end of the file.
    fn start_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => self.skip(u64::from(length))?,
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.source).take(length), &mut io::sink())?;
        if skipped == length {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("checksum mismatch"));
        }
        Ok(())
    }
}

impl Read for ZstdDecoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.in_frame && self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.in_frame && self.decoder.is_finished() {
                self.end_frame()?;
            }
            if self.in_frame {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            } else if !self.start_frame()? {
                return Ok(0);
            }
        }
    }
}
