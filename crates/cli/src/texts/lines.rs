//! Lines on stdout.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::inputs::Input;

/// An input, and what is said about it under a key.
struct Record<'a, R> {
    input: &'a Input,
    key: &'static str,
    results: &'a R,
}

/// The record, or a text that was none; without results of an earlier run.
impl<R: Serialize> Serialize for Record<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.input.record {
            None => map.serialize_entry("input", &self.input.text)?,
            Some(record) => {
                for (name, value) in record.iter().filter(|(name, _)| *name != self.key) {
                    map.serialize_entry(name, value)?;
                }
            }
        }
        map.serialize_entry(self.key, self.results)?;
        map.end()
    }
}

/// Writes a line of JSON: the fields of the input, and `results` under `key`.
pub fn write_record(
    out: &mut impl Write,
    input: &Input,
    key: &'static str,
    results: &impl Serialize,
) -> io::Result<()> {
    let record = Record {
        input,
        key,
        results,
    };
    serde_json::to_writer(&mut *out, &record)?;
    out.write_all(b"\n")
}

/// `text` without line breaks, so that the lines of inputs and answers stay side by side.
pub fn in_a_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_become_spaces_one_by_one() {
        assert_eq!(in_a_line("a\r\nb\nc"), "a  b c");
    }
}
