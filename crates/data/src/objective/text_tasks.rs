//! The tasks of the T5 paper as texts: prefixes, order of fields and targets (Raffel et al. 2020, section 2.4 and appendix
//! D), to the letter as the released checkpoints were trained.

mod fields;
mod names;
mod pronouns;
mod question_answering;
mod wnli;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use serde_json::{Map, Value};

use crate::DataError;
use crate::source::TextPair;
use fields::Fields;

/// The target of a record without a label (-1, as hidden test sets have it).
const UNLABELLED: &str = "<unk>";

/// A task with a text form of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTask {
    /// GLUE: is the sentence acceptable?
    Cola,
    /// GLUE: sentiment.
    Sst2,
    /// GLUE: do both sentences say the same?
    Mrpc,
    /// GLUE: how alike are the sentences, from 0 to 5?
    Stsb,
    /// GLUE: are both questions the same?
    Qqp,
    /// GLUE: does the hypothesis follow from the premise?
    Mnli,
    /// GLUE: does the sentence answer the question?
    Qnli,
    /// GLUE: does the second sentence follow from the first?
    Rte,
    /// SuperGLUE: yes or no, by a passage.
    BoolQ,
    /// SuperGLUE: does the hypothesis follow from the premise?
    Cb,
    /// SuperGLUE: which choice is the cause or the effect?
    Copa,
    /// SuperGLUE: is the answer right, by a paragraph?
    MultiRc,
    /// SuperGLUE: which entity fills the gap?
    Record,
    /// SuperGLUE: does the word mean the same in both sentences?
    Wic,
    /// SuperGLUE's form of RTE, with `premise` and `hypothesis`.
    SuperGlueRte,
    /// SuperGLUE: whom does the pronoun mean?
    Wsc,
    /// Definite pronoun resolution, in the form of WSC.
    Dpr,
    /// GLUE: whom does the pronoun mean? In the form of WSC.
    Wnli,
    /// SQuAD: the answer to a question, from its context.
    Squad,
    /// CNN/Daily Mail: a summary.
    CnnDailyMail,
    /// WMT: a translation.
    Translation {
        /// The language of the input.
        from: Language,
        /// The language of the target.
        to: Language,
    },
}

/// The languages the released checkpoints translate between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `en`
    English,
    /// `fr`
    French,
    /// `de`
    German,
    /// `ro`
    Romanian,
}

/// A classification task: the fields follow one another as `name: text`, behind the prefix.
struct Classification {
    prefix: &'static str,
    fields: &'static [&'static str],
    /// In the order of the data set's integer labels.
    labels: &'static [&'static str],
}

impl TextTask {
    /// The examples of one record: as many as it has answers for ReCoRD, none for a WSC or WNLI record whose label is false (the
    /// target would be the wrong referent), else one. Fields other than the task's are left out. A label is the data
    /// set's integer, the name it stands for, or true or false.
    ///
    /// # Errors
    /// [`DataError::MissingField`] and [`DataError::InvalidField`] naming task and field.
    pub fn pairs(self, record: &Map<String, Value>) -> Result<Vec<TextPair>, DataError> {
        let fields = Fields::new(self, record);
        match self {
            Self::Stsb => Ok(vec![stsb(&fields)?]),
            Self::Record => record_pairs(&fields),
            Self::Wsc => pronouns::wsc(&fields),
            Self::Dpr => Ok(vec![pronouns::dpr(&fields)?]),
            Self::Wnli => wnli::wnli(&fields),
            Self::Squad => Ok(vec![question_answering::squad(&fields)?]),
            Self::CnnDailyMail => {
                let input = format!("summarize: {}", fields.text("article")?);
                Ok(vec![fields.pair(input, fields.text("highlights")?)])
            }
            Self::Translation { from, to } => Ok(vec![translation(&fields, from, to)?]),
            _ => self.classification().map_or(Ok(Vec::new()), |task| {
                Ok(vec![classification(&fields, &task)?])
            }),
        }
    }

    fn classification(self) -> Option<Classification> {
        const ENTAILMENT: &[&str] = &["entailment", "not_entailment"];
        const NO_YES: &[&str] = &["False", "True"];
        let (prefix, fields, labels): (_, &[&str], &[&str]) = match self {
            Self::Cola => ("cola", &["sentence"], &["unacceptable", "acceptable"]),
            Self::Sst2 => ("sst2", &["sentence"], &["negative", "positive"]),
            Self::Mrpc => (
                "mrpc",
                &["sentence1", "sentence2"],
                &["not_equivalent", "equivalent"],
            ),
            Self::Qqp => (
                "qqp",
                &["question1", "question2"],
                &["not_duplicate", "duplicate"],
            ),
            Self::Mnli => (
                "mnli",
                &["hypothesis", "premise"],
                &["entailment", "neutral", "contradiction"],
            ),
            Self::Qnli => ("qnli", &["question", "sentence"], ENTAILMENT),
            Self::Rte => ("rte", &["sentence1", "sentence2"], ENTAILMENT),
            Self::BoolQ => ("boolq", &["passage", "question"], NO_YES),
            Self::Cb => (
                "cb",
                &["hypothesis", "premise"],
                &["entailment", "contradiction", "neutral"],
            ),
            Self::Copa => (
                "copa",
                &["choice1", "choice2", "premise", "question"],
                &["choice1", "choice2"],
            ),
            Self::MultiRc => ("multirc", &["question", "answer", "paragraph"], NO_YES),
            Self::Wic => ("wic", &["sentence1", "sentence2", "word"], NO_YES),
            Self::SuperGlueRte => ("rte", &["hypothesis", "premise"], ENTAILMENT),
            Self::Stsb
            | Self::Record
            | Self::Wsc
            | Self::Dpr
            | Self::Wnli
            | Self::Squad
            | Self::CnnDailyMail
            | Self::Translation { .. } => return None,
        };
        Some(Classification {
            prefix,
            fields,
            labels,
        })
    }
}

fn classification(fields: &Fields<'_>, task: &Classification) -> Result<TextPair, DataError> {
    let mut input = task.prefix.to_owned();
    for field in task.fields {
        input = format!("{input} {field}: {}", fields.text(field)?);
    }
    if fields.task() == TextTask::MultiRc {
        // The paragraphs have marks of HTML in them.
        input = input.replace("<br>", " ");
        input = input.replace("<b>", "").replace("</b>", "");
    }
    let label = fields.label("label", task.labels)?;
    Ok(fields.pair(input, label.unwrap_or(UNLABELLED)))
}

fn stsb(fields: &Fields<'_>) -> Result<TextPair, DataError> {
    let (first, second) = (fields.text("sentence1")?, fields.text("sentence2")?);
    let input = format!("stsb sentence1: {first} sentence2: {second}");
    let Some(similarity) = fields.similarity("label")? else {
        return Ok(fields.pair(input, UNLABELLED));
    };
    // To the nearest fifth, in the precision of the released code: the scores that lie between two are many.
    let rounded = (similarity * 5.0).round_ties_even() / 5.0;
    Ok(fields.pair(input, &format!("{rounded:.1}")))
}

fn record_pairs(fields: &Fields<'_>) -> Result<Vec<TextPair>, DataError> {
    let input = format!(
        "record query: {} entities: {} passage: {}",
        fields.text("query")?,
        fields.texts("entities")?.join(", "),
        without_highlights(fields.text("passage")?),
    );
    let mut answers = fields.texts("answers")?;
    if answers.is_empty() {
        answers.push(UNLABELLED);
    }
    let pairs = answers.into_iter();
    Ok(pairs
        .map(|answer| fields.pair(input.clone(), answer))
        .collect())
}

/// The points of a passage's summary as sentences.
fn without_highlights(passage: &str) -> String {
    let mut parts = passage.split("\n@highlight\n");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = text.ends_with(['.', '?', '!', '"', '\'']);
        text.push_str(if ends { " " } else { ". " });
        text.push_str(part);
    }
    text
}

fn translation(fields: &Fields<'_>, from: Language, to: Language) -> Result<TextPair, DataError> {
    let text = fields.text(from.code())?;
    let input = format!("translate {} to {}: {text}", from.name(), to.name());
    Ok(fields.pair(input, fields.text(to.code())?))
}
