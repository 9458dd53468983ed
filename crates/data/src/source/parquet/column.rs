//! Columns of Parquet as JSON values: strings, numbers, truth values, lists of them, and groups of those.

use super::super::records::Nested;
use ::parquet::{
    basic::{ConvertedType, LogicalType, Type as PhysicalType},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType},
    errors::{ParquetError, Result as ParquetResult},
    file::reader::RowGroupReader,
    schema::types::{ColumnDescPtr, SchemaDescriptor, Type},
};
use serde_json::{Map, Value};

/// A wanted field of the schema.
pub(super) enum WantedColumn {
    Missing,
    Single(Leaf),
    /// Of named members.
    Group(Vec<(String, Leaf)>),
}

/// A column as it is stored.
#[derive(Clone)]
pub(super) struct Leaf {
    index: usize,
    description: ColumnDescPtr,
}

/// Why a column cannot be given.
pub(super) struct Unreadable {
    pub(super) column: String,
    pub(super) reason: &'static str,
}

/// A value for each row; none where its bytes are no UTF-8.
type Values = Vec<Option<Value>>;

impl WantedColumn {
    pub(super) fn find(
        schema: &SchemaDescriptor,
        field: &str,
        nested: Nested,
    ) -> Result<Self, Unreadable> {
        let unreadable = |reason| Unreadable {
            column: field.to_owned(),
            reason,
        };
        let mut leaves = Vec::new();
        for (index, description) in schema.columns().iter().enumerate() {
            if schema.get_column_root(index).name() == field {
                let description = description.clone();
                leaves.push(Leaf { index, description });
            }
        }
        let Some(first) = leaves.first() else {
            return Ok(Self::Missing);
        };
        let root = schema.get_column_root(first.index);
        let is_nested = !root.is_primitive() || first.description.max_rep_level() > 0;
        if is_nested && nested == Nested::Left {
            return Err(unreadable(
                "expected one string a row, found a list or group",
            ));
        }
        if leaves.iter().any(|leaf| !leaf.has_simple_values()) {
            return Err(unreadable(
                "lists of lists, 96-bit integers and bytes of fixed length cannot be read",
            ));
        }
        if root.is_primitive() || is_list(root) {
            return Ok(Self::Single(first.clone()));
        }
        group(leaves).ok_or_else(|| unreadable("groups of groups and maps cannot be read"))
    }

    /// Their places among the stored columns.
    pub(super) fn leaves(&self) -> Vec<usize> {
        match self {
            Self::Missing => Vec::new(),
            Self::Single(leaf) => vec![leaf.index],
            Self::Group(members) => members.iter().map(|(_, leaf)| leaf.index).collect(),
        }
    }

    pub(super) fn open(&self, group: &dyn RowGroupReader) -> ParquetResult<Column> {
        Ok(match self {
            Self::Missing => Column::Missing,
            Self::Single(leaf) => Column::Single(Box::new(leaf.open(group)?)),
            Self::Group(members) => {
                let open = |(name, leaf): &(String, Leaf)| Ok((name.clone(), leaf.open(group)?));
                Column::Group(members.iter().map(open).collect::<ParquetResult<_>>()?)
            }
        })
    }
}

/// A group by the names of its members, none if two stored columns belong to one member.
fn group(leaves: Vec<Leaf>) -> Option<WantedColumn> {
    let mut members: Vec<(String, Leaf)> = Vec::new();
    for leaf in leaves {
        let name = leaf.description.path().parts().get(1)?.clone();
        if members.iter().any(|(member, _)| *member == name) {
            return None;
        }
        members.push((name, leaf));
    }
    Some(WantedColumn::Group(members))
}

fn is_list(root: &Type) -> bool {
    let info = root.get_basic_info();
    info.converted_type() == ConvertedType::LIST
        || matches!(info.logical_type_ref(), Some(LogicalType::List))
}

impl Leaf {
    fn has_simple_values(&self) -> bool {
        let kind = self.description.physical_type();
        let is_simple = !matches!(
            kind,
            PhysicalType::INT96 | PhysicalType::FIXED_LEN_BYTE_ARRAY
        );
        is_simple && self.description.max_rep_level() <= 1
    }

    fn open(&self, group: &dyn RowGroupReader) -> ParquetResult<LeafReader> {
        Ok(LeafReader {
            max_definition: self.description.max_def_level(),
            is_list: self.description.max_rep_level() > 0,
            reader: group.get_column_reader(self.index)?,
        })
    }
}

/// A wanted column of a row group.
pub(super) enum Column {
    Missing,
    Single(Box<LeafReader>),
    Group(Vec<(String, LeafReader)>),
}

impl Column {
    /// The values of the next `num_rows` rows.
    pub(super) fn read(&mut self, num_rows: usize) -> ParquetResult<Values> {
        match self {
            Self::Missing => Ok(vec![Some(Value::Null); num_rows]),
            Self::Single(leaf) => leaf.read(num_rows),
            Self::Group(members) => {
                let mut objects = vec![Some(Map::new()); num_rows];
                for (name, leaf) in members {
                    for (object, value) in objects.iter_mut().zip(leaf.read(num_rows)?) {
                        *object = object.take().zip(value).map(|(mut object, value)| {
                            object.insert(name.clone(), value);
                            object
                        });
                    }
                }
                let objects = objects.into_iter();
                Ok(objects.map(|object| object.map(Value::Object)).collect())
            }
        }
    }
}

pub(super) struct LeafReader {
    reader: ColumnReader,
    /// The definition level of a value that is there.
    max_definition: i16,
    is_list: bool,
}

impl LeafReader {
    fn read(&mut self, num_rows: usize) -> ParquetResult<Values> {
        let shape = Shape {
            num_rows,
            max_definition: self.max_definition,
            is_list: self.is_list,
        };
        match &mut self.reader {
            ColumnReader::ByteArrayColumnReader(reader) => shape.read(reader, text),
            ColumnReader::BoolColumnReader(reader) => shape.read(reader, plain),
            ColumnReader::Int32ColumnReader(reader) => shape.read(reader, plain),
            ColumnReader::Int64ColumnReader(reader) => shape.read(reader, plain),
            ColumnReader::FloatColumnReader(reader) => shape.read(reader, plain),
            ColumnReader::DoubleColumnReader(reader) => shape.read(reader, plain),
            ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
                Err(ParquetError::NYI("a column of this type".to_owned()))
            }
        }
    }
}

fn text(value: &ByteArray) -> Option<Value> {
    let text = std::str::from_utf8(value.data()).ok()?;
    Some(text.into())
}

fn plain<T: Clone + Into<Value>>(value: &T) -> Option<Value> {
    Some(value.clone().into())
}

struct Shape {
    num_rows: usize,
    max_definition: i16,
    is_list: bool,
}

impl Shape {
    fn read<T: DataType>(
        &self,
        reader: &mut ColumnReaderImpl<T>,
        convert: fn(&T::T) -> Option<Value>,
    ) -> ParquetResult<Values> {
        let (mut definitions, mut repetitions, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        let (num_rows, _, num_levels) = reader.read_records(
            self.num_rows,
            Some(&mut definitions),
            Some(&mut repetitions),
            &mut stored,
        )?;
        let mut stored = stored.iter().map(convert);
        let mut rows = Values::new();
        for level in 0..num_levels {
            let is_there = self.max_definition == 0 || definitions[level] == self.max_definition;
            let value = if is_there {
                stored.next().flatten()
            } else {
                Some(Value::Null)
            };
            if !self.is_list {
                rows.push(value);
                continue;
            }
            if repetitions[level] == 0 {
                rows.push(Some(Value::Array(Vec::new())));
            }
            match (rows.last_mut(), value) {
                (Some(Some(Value::Array(list))), Some(value)) if is_there => list.push(value),
                (Some(row), None) => *row = None,
                _ => {}
            }
        }
        if num_rows != self.num_rows || rows.len() != self.num_rows {
            let message = format!("{} of {} rows in a column", rows.len(), self.num_rows);
            return Err(ParquetError::EOF(message));
        }
        Ok(rows)
    }
}
