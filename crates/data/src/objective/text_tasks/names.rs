//! What tasks and languages are called.

use std::{fmt, str::FromStr};

use super::{Language, TextTask};
use crate::DataError;

/// The tasks with one name each; translations have two languages.
const NAMES: [(&str, TextTask); 20] = [
    ("cola", TextTask::Cola),
    ("sst2", TextTask::Sst2),
    ("mrpc", TextTask::Mrpc),
    ("stsb", TextTask::Stsb),
    ("qqp", TextTask::Qqp),
    ("mnli", TextTask::Mnli),
    ("qnli", TextTask::Qnli),
    ("rte", TextTask::Rte),
    ("boolq", TextTask::BoolQ),
    ("cb", TextTask::Cb),
    ("copa", TextTask::Copa),
    ("multirc", TextTask::MultiRc),
    ("record", TextTask::Record),
    ("wic", TextTask::Wic),
    ("super_glue_rte", TextTask::SuperGlueRte),
    ("wsc", TextTask::Wsc),
    ("dpr", TextTask::Dpr),
    ("wnli", TextTask::Wnli),
    ("squad", TextTask::Squad),
    ("cnn_dailymail", TextTask::CnnDailyMail),
];

const LANGUAGES: [Language; 4] = [
    Language::English,
    Language::French,
    Language::German,
    Language::Romanian,
];

/// In front of the codes of both languages: `translation_en_de`.
const TRANSLATION: &str = "translation_";

impl Language {
    /// The ISO 639-1 code, under which a record has the text.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
            Self::German => "de",
            Self::Romanian => "ro",
        }
    }

    /// The name as a prefix has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "French",
            Self::German => "German",
            Self::Romanian => "Romanian",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        LANGUAGES
            .into_iter()
            .find(|language| language.code() == code)
    }
}

impl fmt::Display for TextTask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Translation { from, to } = self {
            return write!(formatter, "{TRANSLATION}{}_{}", from.code(), to.code());
        }
        let named = NAMES.iter().find(|(_, task)| task == self);
        formatter.write_str(named.map_or("", |(name, _)| name))
    }
}

impl FromStr for TextTask {
    type Err = DataError;

    /// Reads what [`TextTask`] is displayed as: `cola`, `super_glue_rte`, `translation_en_de`.
    fn from_str(name: &str) -> Result<Self, DataError> {
        if let Some((_, task)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(*task);
        }
        let languages = name
            .strip_prefix(TRANSLATION)
            .and_then(|languages| languages.split_once('_'));
        let translation = languages.and_then(|(from, to)| {
            let (from, to) = (Language::from_code(from)?, Language::from_code(to)?);
            (from != to).then_some(Self::Translation { from, to })
        });
        translation.ok_or_else(|| DataError::UnknownTask {
            name: name.to_owned(),
            expected: NAMES
                .iter()
                .map(|&(name, _)| name)
                .chain(["translation_{en|fr|de|ro}_{en|fr|de|ro}"])
                .collect::<Vec<_>>()
                .join(", "),
        })
    }
}
