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
    task: TextTask,
    prefix: &'static str,
    fields: &'static [&'static str],
    /// In the order of the data set's integer labels.
    labels: &'static [&'static str],
}

const ENTAILMENT: &[&str] = &["entailment", "not_entailment"];
const NO_YES: &[&str] = &["False", "True"];

/// The fields in alphabetic order, except for MultiRC.
const CLASSIFICATIONS: [Classification; 13] = [
    Classification {
        task: TextTask::Cola,
        prefix: "cola",
        fields: &["sentence"],
        labels: &["unacceptable", "acceptable"],
    },
    Classification {
        task: TextTask::Sst2,
        prefix: "sst2",
        fields: &["sentence"],
        labels: &["negative", "positive"],
    },
    Classification {
        task: TextTask::Mrpc,
        prefix: "mrpc",
        fields: &["sentence1", "sentence2"],
        labels: &["not_equivalent", "equivalent"],
    },
    Classification {
        task: TextTask::Qqp,
        prefix: "qqp",
        fields: &["question1", "question2"],
        labels: &["not_duplicate", "duplicate"],
    },
    Classification {
        task: TextTask::Mnli,
        prefix: "mnli",
        fields: &["hypothesis", "premise"],
        labels: &["entailment", "neutral", "contradiction"],
    },
    Classification {
        task: TextTask::Qnli,
        prefix: "qnli",
        fields: &["question", "sentence"],
        labels: ENTAILMENT,
    },
    Classification {
        task: TextTask::Rte,
        prefix: "rte",
        fields: &["sentence1", "sentence2"],
        labels: ENTAILMENT,
    },
    Classification {
        task: TextTask::BoolQ,
        prefix: "boolq",
        fields: &["passage", "question"],
        labels: NO_YES,
    },
    Classification {
        task: TextTask::Cb,
        prefix: "cb",
        fields: &["hypothesis", "premise"],
        labels: &["entailment", "contradiction", "neutral"],
    },
    Classification {
        task: TextTask::Copa,
        prefix: "copa",
        fields: &["choice1", "choice2", "premise", "question"],
        labels: &["choice1", "choice2"],
    },
    Classification {
        task: TextTask::MultiRc,
        prefix: "multirc",
        fields: &["question", "answer", "paragraph"],
        labels: NO_YES,
    },
    Classification {
        task: TextTask::Wic,
        prefix: "wic",
        fields: &["sentence1", "sentence2", "word"],
        labels: NO_YES,
    },
    Classification {
        task: TextTask::SuperGlueRte,
        prefix: "rte",
        fields: &["hypothesis", "premise"],
        labels: ENTAILMENT,
    },
];

impl TextTask {
    /// Every field that any task reads.
    pub const FIELDS: &[&str] = &[
        "answer",
        "answers",
        "article",
        "candidates",
        "choice1",
        "choice2",
        "context",
        "de",
        "en",
        "entities",
        "fr",
        "highlights",
        "hypothesis",
        "label",
        "paragraph",
        "passage",
        "premise",
        "pronoun",
        "query",
        "question",
        "question1",
        "question2",
        "ro",
        "sentence",
        "sentence1",
        "sentence2",
        "span1_text",
        "span2_index",
        "span2_text",
        "text",
        "word",
    ];

    /// The targets of a classification task, in the order of the data set's integer labels; none of another task.
    pub fn labels(self) -> &'static [&'static str] {
        let row = CLASSIFICATIONS.iter().find(|row| row.task == self);
        row.map_or(&[], |row| row.labels)
    }

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
            _ => CLASSIFICATIONS
                .iter()
                .filter(|row| row.task == self)
                .map(|row| classification(&fields, row))
                .collect(),
        }
    }
}

fn classification(fields: &Fields<'_>, task: &Classification) -> Result<TextPair, DataError> {
    let mut input = task.prefix.to_owned();
    for field in task.fields {
        input = format!("{input} {field}: {}", fields.text(field)?);
    }
    if task.task == TextTask::MultiRc {
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
    let targets: Vec<String> = answers.iter().copied().map(str::to_owned).collect();
    let pair = |answer: &&str| TextPair {
        targets: targets.clone(),
        ..fields.pair(input.clone(), answer)
    };
    Ok(answers.iter().map(pair).collect())
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
