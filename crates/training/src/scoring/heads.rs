//! ELECTRA with a head, on labelled records.

use std::path::Path;
use std::sync::Arc;

use lamplight_data::DataError;
use lamplight_data::loader::{
    AnswerTarget, LabelNames, Labelled, LabelledEncoder, LabelledLoader, LabelledSettings,
    QuestionEncoder,
};
use lamplight_data::source::labelled::{
    AskedQuestion, Choices, LabelledRecords, LabelledText, LabelledWords, choices, questions, words,
};
use lamplight_electra::ElectraConfig;
use lamplight_layers::pretrained::PretrainedError;
use serde_json::{Value, json};

use super::watch::{Watch, reading};
use super::{Prediction, Scored, Scorer, timed};
use crate::TrainingError;
use crate::evaluation::{HeldOutQuestions, Verdicts};
use crate::recipe::Objective;
use crate::run::{open_texts, windows_of};
use crate::task::head::{
    Head, JointQuestionAnswering, MultipleChoice, QuestionAnswering, Regression,
    SequenceClassification, TokenClassification,
};
use crate::task::{FineTuning, Scoring};
use crate::texts::read_labelled;

impl Scorer<'_> {
    /// Scores the head of this architecture.
    pub(super) fn head(self, architecture: &str) -> Result<Scored, TrainingError> {
        if !self.request.answering.metrics.is_empty() {
            let reason = "--metric is for a T5 on pairs; the scores of a head follow from its task";
            return Err(self.request.refused(reason));
        }
        let path = self.request.model.join("config.json");
        let config = ElectraConfig::from_file(&path).map_err(PretrainedError::from)?;
        let names = LabelNames::given(config.label_names())?;
        let heads = Heads {
            scorer: self,
            config,
            names,
        };
        match architecture {
            SequenceClassification::ARCHITECTURE if heads.config.num_labels() == 1 => {
                heads.values()
            }
            SequenceClassification::ARCHITECTURE => heads.classes(),
            TokenClassification::ARCHITECTURE => heads.tags(),
            MultipleChoice::ARCHITECTURE => heads.choices(),
            QuestionAnswering::ARCHITECTURE => heads.answers::<QuestionAnswering>(),
            JointQuestionAnswering::ARCHITECTURE => heads.answers::<JointQuestionAnswering>(),
            "ElectraForPreTraining" | "ElectraForMaskedLM" => Err(heads.scorer.request.refused(
                "one model of a pre-training is scored with the other: give the folder that holds `discriminator` \
                 and `generator`",
            )),
            other => {
                let reason = format!("there are no labelled records for a {other}");
                Err(heads.scorer.request.refused(&reason))
            }
        }
    }
}

/// A head that is to be scored.
struct Heads<'a> {
    scorer: Scorer<'a>,
    config: ElectraConfig,
    /// The classes that the model knows.
    names: LabelNames,
}

/// What it is scored on.
struct HeldOut<H: Head> {
    objective: Objective,
    num_records: usize,
    examples: Vec<Labelled<H::Target>>,
    scoring: Scoring,
}

impl Heads<'_> {
    fn classes(&self) -> Result<Scored, TrainingError> {
        let records = self.records(open_texts)?;
        let progress = &mut reading(&self.scorer.observer, records.len());
        let encoder = self.encoder();
        let held_out = HeldOut::<SequenceClassification> {
            objective: Objective::SequenceClassification,
            num_records: records.len(),
            examples: encoder.classes(&records, &self.names, progress)?,
            scoring: Scoring::Classes(self.names.names().len()),
        };
        let labels = held_out.examples.iter().map(|example| example.target);
        let labels: Vec<u32> = labels.collect();
        let name = |class: u32| json!(self.names.names()[class as usize]);
        self.score(held_out, |_, verdicts| {
            let said = verdicts.classes().iter().zip(labels);
            let said = said.map(|(&said, wanted)| (name(said), name(wanted)));
            predictions(records.iter().map(texts_of), said)
        })
    }

    fn values(&self) -> Result<Scored, TrainingError> {
        let records = self.records(open_texts)?;
        let progress = &mut reading(&self.scorer.observer, records.len());
        let held_out = HeldOut::<Regression> {
            objective: Objective::Regression,
            num_records: records.len(),
            examples: self.encoder().values(&records, progress)?,
            scoring: Scoring::Values,
        };
        self.score(held_out, |_, verdicts| {
            let wanted = records.iter().map(|record| json!(record.label.value()));
            let said = verdicts.values().iter().map(|said| json!(said));
            predictions(records.iter().map(texts_of), said.zip(wanted))
        })
    }

    fn tags(&self) -> Result<Scored, TrainingError> {
        let records: Vec<LabelledWords> = self.records(words)?;
        let progress = &mut reading(&self.scorer.observer, records.len());
        let encoder = self.encoder();
        let held_out = HeldOut::<TokenClassification> {
            objective: Objective::TokenClassification,
            num_records: records.len(),
            examples: encoder.words(&records, &self.names, progress)?,
            scoring: Scoring::Tags(self.names.names().to_vec()),
        };
        self.score(held_out, |_, verdicts| {
            let wanted = records.iter().map(|record| json!(record.labels));
            let said = verdicts.tags().iter().map(|said| json!(said));
            let words = records.iter().map(|record| json!(record.words));
            predictions(words, said.zip(wanted))
        })
    }

    fn choices(&self) -> Result<Scored, TrainingError> {
        let records: Vec<Choices> = self.records(choices)?;
        let progress = &mut reading(&self.scorer.observer, records.len());
        let held_out = HeldOut::<MultipleChoice> {
            objective: Objective::MultipleChoice,
            num_records: records.len(),
            examples: self.encoder().choices(&records, progress)?,
            scoring: Scoring::Classes(1),
        };
        self.score(held_out, |_, verdicts| {
            let wanted = records.iter().map(|record| json!(record.label));
            let said = verdicts.classes().iter().map(|said| json!(said));
            let inputs = records.iter();
            let inputs =
                inputs.map(|record| json!({"context": record.context, "choices": record.choices}));
            predictions(inputs, said.zip(wanted))
        })
    }

    fn answers<H: Head<Target = AnswerTarget>>(&self) -> Result<Scored, TrainingError> {
        let records: Vec<AskedQuestion> = self.records(questions)?;
        let progress = &mut reading(&self.scorer.observer, records.len());
        let encoder = QuestionEncoder {
            tokenizer: &self.scorer.tokenizer,
            settings: windows_of(self.max_length()),
        };
        let windows = encoder.windows(&records, progress)?;
        let examples = windows.iter().map(|found| {
            let is_impossible = records[found.question].is_impossible;
            Labelled::of_window(found.window.clone(), is_impossible)
        });
        let held_out = HeldOut::<H> {
            objective: Objective::QuestionAnswering,
            num_records: records.len(),
            examples: examples.collect(),
            scoring: Scoring::Answers(HeldOutQuestions {
                questions: records,
                windows,
            }),
        };
        self.score(held_out, answers_of)
    }

    fn encoder(&self) -> LabelledEncoder<'_> {
        LabelledEncoder {
            tokenizer: &self.scorer.tokenizer,
            max_length: self.max_length(),
        }
    }

    /// Tokens of a row at most: as in training, where that is known, and no more than the model has positions.
    fn max_length(&self) -> usize {
        let recipe = self.scorer.recipe.as_ref();
        let of_recipe = recipe.map_or(usize::MAX, |recipe| recipe.data.inputs_length);
        of_recipe.min(self.config.max_position_embeddings)
    }

    /// The records of all files.
    fn records<R>(
        &self,
        open: impl Fn(&Path) -> Result<LabelledRecords<R>, DataError>,
    ) -> Result<Vec<R>, TrainingError> {
        // Any objective on labelled records finds the same files.
        let files = self.scorer.files(Objective::SequenceClassification)?;
        let records = read_labelled(&files.labelled, self.scorer.bad_records(), open)?;
        Ok(self.scorer.request.limited(records))
    }

    fn score<H: Head>(
        &self,
        held_out: HeldOut<H>,
        predictions: impl FnOnce(&FineTuning<H>, &Verdicts) -> Vec<Prediction>,
    ) -> Result<Scored, TrainingError> {
        let request = self.scorer.request;
        let settings = LabelledSettings {
            batch_size: self.scorer.batch_size(),
            pad_id: self.config.pad_token_id,
        };
        // The order of an evaluation does not depend on a seed.
        let loader = LabelledLoader::new(Arc::new(held_out.examples), settings, 0)?;
        let task = FineTuning::<H> {
            vocab_size: self.config.vocab_size,
            held_out: loader.evaluation_batches(usize::MAX)?,
            tokenizer: self.scorer.tokenizer.clone(),
            scoring: held_out.scoring,
        };
        let model = H::load(&request.model, &request.device)?;
        let observer = &self.scorer.observer;
        let watch = Watch::new(observer, held_out.num_records, task.held_out.len());
        let (verdicts, seconds) =
            timed(|| task.verdicts(&model, &request.device, &|| watch.is_interrupted()))?;
        Ok(Scored {
            objective: held_out.objective,
            scores: task.scores(&verdicts),
            num_examples: held_out.num_records,
            seconds,
            predictions: predictions(&task, &verdicts),
        })
    }
}

/// A text, or the two of a pair.
fn texts_of(record: &LabelledText) -> Value {
    match &record.second {
        Some(second) => json!([record.first, second]),
        None => json!(record.first),
    }
}

/// Inputs with what was said of them and what was wanted.
fn predictions(
    inputs: impl Iterator<Item = Value>,
    said_and_wanted: impl Iterator<Item = (Value, Value)>,
) -> Vec<Prediction> {
    let all = inputs.zip(said_and_wanted);
    all.map(|(input, (prediction, reference))| Prediction {
        input,
        prediction,
        reference,
    })
    .collect()
}

/// The answers to questions. The empty one says that there is none.
fn answers_of<H: Head>(task: &FineTuning<H>, verdicts: &Verdicts) -> Vec<Prediction> {
    let Scoring::Answers(held_out) = &task.scoring else {
        return Vec::new();
    };
    let input = |asked: &AskedQuestion| {
        json!({
            "id": asked.id, "question": asked.question, "context": &*asked.context,
        })
    };
    let wanted = held_out.questions.iter().map(|asked| {
        let texts = asked.answers.iter().map(|answer| answer.text.as_str());
        json!(texts.collect::<Vec<_>>())
    });
    let said = held_out.answers(verdicts.windows()).into_iter();
    let said = said.map(Value::from);
    predictions(held_out.questions.iter().map(input), said.zip(wanted))
}
