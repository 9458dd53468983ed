/// The two-way table between the paths of our modules and Hugging Face's names. A row names a
/// layer in both; `*` stands for a layer's index. Below it, `weight` and `bias` have the same
/// name, and a norm's `gamma` and `beta` are `weight` and `bias`.
#[derive(Debug, Clone)]
pub struct NameTable {
    rows: Vec<(String, String)>,
}

impl NameTable {
    /// A table of `(ours, Hugging Face's)`.
    pub fn new(rows: &[(&str, &str)]) -> Self {
        let rows = rows
            .iter()
            .map(|&(ours, theirs)| (ours.to_owned(), theirs.to_owned()));
        Self {
            rows: rows.collect(),
        }
    }

    /// The same table for a model that holds this one under another path on each side.
    pub fn under(self, ours: &str, theirs: &str) -> Self {
        let prefixed = |(own, other)| (format!("{ours}{own}"), format!("{theirs}{other}"));
        Self {
            rows: self.rows.into_iter().map(prefixed).collect(),
        }
    }

    /// The rows of both tables.
    pub fn and(mut self, other: Self) -> Self {
        self.rows.extend(other.rows);
        self
    }

    /// Hugging Face's name of the parameter at `path`; `None` if no row covers it.
    pub fn hugging_face(&self, path: &str) -> Option<String> {
        self.rows.iter().find_map(|(ours, theirs)| {
            let (indices, leaf) = matches(ours, path)?;
            let leaf = match leaf {
                "gamma" => "weight",
                "beta" => "bias",
                other => other,
            };
            Some(format!("{}.{leaf}", fill(theirs, &indices)))
        })
    }
}

/// The layer indices and the leaf of `path`, if it lies under `pattern`.
fn matches<'a>(pattern: &str, path: &'a str) -> Option<(Vec<&'a str>, &'a str)> {
    let mut segments = path.split('.');
    let mut indices = Vec::new();
    for expected in pattern.split('.') {
        let segment = segments.next()?;
        if expected == "*" {
            indices.push(segment);
        } else if expected != segment {
            return None;
        }
    }
    let leaf = segments.next()?;
    segments.next().is_none().then_some((indices, leaf))
}

fn fill(pattern: &str, indices: &[&str]) -> String {
    let mut indices = indices.iter();
    let segments = pattern.split('.').map(|segment| match segment {
        "*" => indices.next().copied().unwrap_or(segment),
        other => other,
    });
    segments.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_renames_the_layer_and_keeps_its_index() {
        let table = NameTable::new(&[("block.*.norm", "layer.*.layer_norm")]);
        let name = table.hugging_face("block.11.norm.gamma");
        assert_eq!(name.as_deref(), Some("layer.11.layer_norm.weight"));
        assert_eq!(table.hugging_face("block.11.other.gamma"), None);
        assert_eq!(table.hugging_face("block.11.norm"), None);
    }

    #[test]
    fn prefixes_go_before_every_row() {
        let table = NameTable::new(&[("shared", "shared")]).under("model.", "transformer.");
        let name = table.hugging_face("model.shared.weight");
        assert_eq!(name.as_deref(), Some("transformer.shared.weight"));
    }
}
