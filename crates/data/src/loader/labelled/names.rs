//! Classes by name and by number.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use crate::DataError;

/// Names that an error tells of.
const NUM_TOLD: usize = 20;

/// The names of classes, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelNames {
    names: Vec<String>,
    ids: HashMap<String, u32>,
}

impl LabelNames {
    /// The names that occur, each once: numbers first, by size, then others by their characters.
    pub fn of<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Self {
        let distinct: BTreeSet<String> = labels.into_iter().map(S::into).collect();
        let mut names: Vec<String> = distinct.into_iter().collect();
        names.sort_by(|one, other| compared(one, other));
        let ids = names.iter().cloned().zip(0..).collect();
        Self { names, ids }
    }

    /// The names of a model in the order of its ids. Where none of them is a number, numbers from 0 will do for them, as
    /// data sets have them.
    ///
    /// # Errors
    /// [`DataError::RepeatedLabelName`] if two are the same.
    pub fn given(names: Vec<String>) -> Result<Self, DataError> {
        let mut ids = HashMap::new();
        for (name, id) in names.iter().zip(0..) {
            if ids.insert(name.clone(), id).is_some() {
                return Err(DataError::RepeatedLabelName { name: name.clone() });
            }
        }
        if names.iter().all(|name| number(name).is_none()) {
            let places = (0..).take(names.len());
            ids.extend(places.map(|id: u32| (id.to_string(), id)));
        }
        Ok(Self { names, ids })
    }

    /// All names, in the order of their ids.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The id of a name.
    ///
    /// # Errors
    /// [`DataError::UnexpectedLabel`] if it is none of these.
    pub fn id(&self, name: &str) -> Result<u32, DataError> {
        self.ids.get(name).copied().ok_or_else(|| {
            let told = self.names.len().min(NUM_TOLD);
            let mut expected = format!("one of {}", self.names[..told].join(", "));
            if told < self.names.len() {
                expected += &format!(" and {} more", self.names.len() - told);
            }
            DataError::UnexpectedLabel {
                label: name.to_owned(),
                expected,
            }
        })
    }
}

fn number(name: &str) -> Option<f64> {
    name.parse().ok().filter(|number: &f64| number.is_finite())
}

fn compared(one: &str, other: &str) -> Ordering {
    match (number(one), number(other)) {
        (Some(first), Some(second)) => first.total_cmp(&second).then_with(|| one.cmp(other)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
