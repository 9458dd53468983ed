//! Wanted fields of JSON objects, one a line.

use super::{
    compression::Input,
    lines::Lines,
    records::{Nested, Record, RecordReader, Wanted},
};
use crate::DataError;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// The objects of a JSON Lines file; blank lines are left out.
pub(super) struct JsonRecords {
    path: PathBuf,
    lines: Lines,
    fields: Vec<String>,
    nested: Nested,
}

impl JsonRecords {
    pub(super) fn new(path: &Path, input: Input, wanted: Wanted<'_>) -> Self {
        Self {
            path: path.to_owned(),
            lines: Lines::new(path, input),
            fields: wanted
                .fields
                .iter()
                .map(|&field| field.to_owned())
                .collect(),
            nested: wanted.nested,
        }
    }
}

impl RecordReader for JsonRecords {
    fn next_record(&mut self) -> Option<Result<Record, DataError>> {
        loop {
            let line = match self.lines.next_line()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            if line.text.trim().is_empty() {
                continue;
            }
            let wanted = Fields {
                names: &self.fields,
                nested: self.nested,
            };
            let number = line.number;
            let values = parse(line.text, wanted).map_err(|source| DataError::InvalidJson {
                path: self.path.clone(),
                line: number,
                source,
            });
            return Some(values.map(|values| Record {
                values,
                line: number,
            }));
        }
    }

    fn columns(&self) -> &[String] {
        &[]
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }
}

/// The wanted values of a line; what is no object has none of them.
fn parse(line: &str, wanted: Fields<'_>) -> serde_json::Result<Vec<Value>> {
    if !line.trim_start().starts_with('{') {
        return serde_json::from_str(line).map(|_: IgnoredAny| wanted.none());
    }
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let values = wanted.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(values)
}

#[derive(Clone, Copy)]
struct Fields<'a> {
    names: &'a [String],
    nested: Nested,
}

impl Fields<'_> {
    fn none(self) -> Vec<Value> {
        vec![Value::Null; self.names.len()]
    }
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = self.none();
        while let Some(place) = map.next_key_seed(Place(self.names))? {
            match place.and_then(|place| values.get_mut(place)) {
                Some(value) if self.nested == Nested::Kept => *value = map.next_value()?,
                Some(value) => *value = map.next_value_seed(Scalar)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(values)
    }
}

/// Which of the wanted fields a key is, without a copy of the key.
struct Place<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| name == key))
    }
}

/// A string, number or truth value; what is nested is passed over, since millions of small values in one line would
/// take many times its bytes.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }
}
