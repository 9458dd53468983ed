//! Names of data sets and models on the hub, and of the files in them.

use crate::DataError;
use std::{fmt, str::FromStr};

/// What a repository of the hub holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    DataSet,
    Model,
}

/// A repository of the Hugging Face hub at a revision: a data set `hub:owner/name@revision`, or a model
/// `owner/name@revision`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRepository {
    kind: Kind,
    name: String,
    revision: String,
}

/// The revision where none is given.
const MAIN: &str = "main";

impl HubRepository {
    /// The data set `owner/name` at a branch, tag or commit.
    ///
    /// # Errors
    /// [`DataError::InvalidRepository`] for what is no such name.
    pub fn new(name: &str, revision: &str) -> Result<Self, DataError> {
        Self::of_kind(Kind::DataSet, name, revision)
    }

    /// The model `owner/name` or `owner/name@revision`; the revision is `main` where none is given.
    ///
    /// # Errors
    /// [`DataError::InvalidRepository`] for what is no such name.
    pub fn model(text: &str) -> Result<Self, DataError> {
        let (name, revision) = text.split_once('@').unwrap_or((text, MAIN));
        Self::of_kind(Kind::Model, name, revision)
    }

    fn of_kind(kind: Kind, name: &str, revision: &str) -> Result<Self, DataError> {
        let is_part = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            part.bytes().all(is_plain) && part.bytes().any(|byte| byte != b'.')
        };
        let parts: Vec<&str> = name.split('/').collect();
        // A revision may have slashes, `refs/convert/parquet` say.
        if parts.len() == 2 && parts.into_iter().all(is_part) && revision.split('/').all(is_part) {
            return Ok(Self {
                kind,
                name: name.to_owned(),
                revision: revision.to_owned(),
            });
        }
        Err(DataError::InvalidRepository {
            name: format!("{name}@{revision}"),
        })
    }

    /// What it holds.
    #[cfg(feature = "hub")]
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// `owner/name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Branch, tag or commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl FromStr for HubRepository {
    type Err = DataError;

    /// `hub:owner/name` or `hub:owner/name@revision`; the revision is `main` where none is given.
    fn from_str(text: &str) -> Result<Self, DataError> {
        let Some(rest) = text.strip_prefix("hub:") else {
            return Err(DataError::InvalidRepository {
                name: text.to_owned(),
            });
        };
        let (name, revision) = rest.split_once('@').unwrap_or((rest, MAIN));
        Self::new(name, revision)
    }
}

impl fmt::Display for HubRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::DataSet => "hub:",
            Kind::Model => "",
        };
        write!(formatter, "{scheme}{}@{}", self.name, self.revision)
    }
}

/// Whether a path stays below the folder it is joined to, on any system.
pub(super) fn is_path_within(path: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.split('/').all(is_plain) && !path.contains(['\\', ':', '\0'])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_with_and_without_its_revision() {
        let repository: HubRepository = "hub:allenai/c4".parse().unwrap();
        assert_eq!(
            (repository.name(), repository.revision()),
            ("allenai/c4", "main")
        );
        let text = "hub:Salesforce/wikitext@refs/convert/parquet";
        assert_eq!(text.parse::<HubRepository>().unwrap().to_string(), text);
    }

    #[test]
    fn a_model_is_named_without_a_scheme() {
        let model = HubRepository::model("google/flan-t5-small").unwrap();
        assert_eq!(model.to_string(), "google/flan-t5-small@main");
        let text = "google/flan-t5-small@refs/pr/1";
        assert_eq!(HubRepository::model(text).unwrap().to_string(), text);
        for text in [
            "t5-small", "hub:a/b", "a/b/", "./b", "a/b@", "../b", "/b", "a/b/c",
        ] {
            assert!(HubRepository::model(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_would_lead_elsewhere_is_no_repository() {
        for text in [
            "allenai/c4",
            "hub:c4",
            "hub:a/b/c",
            "hub:../b",
            "hub:a/..@main",
            "hub:a/b@",
            "hub:a/b@x/../../y",
            "hub:a/b?x=1",
            "hub:a b/c",
            "hub:/b",
        ] {
            let error = text.parse::<HubRepository>().unwrap_err().to_string();
            assert!(error.contains(text.trim_start_matches("hub:")), "{error}");
        }
    }

    #[test]
    fn paths_stay_within_their_folder() {
        for path in ["a", "data/train-00000-of-00001.parquet", "a/.b", "a..b/c"] {
            assert!(is_path_within(path), "{path}");
        }
        for path in [
            "",
            "/etc/x",
            "../x",
            "a/../../x",
            "a//b",
            "a/",
            "./a",
            "a\\..\\x",
            "C:/x",
            "a\0",
        ] {
            assert!(!is_path_within(path), "{path}");
        }
    }
}
