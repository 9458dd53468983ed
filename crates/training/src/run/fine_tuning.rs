//! What a run on labelled examples prepares.

use std::path::Path;
use std::sync::Arc;

use lamplight_data::DataError;
use lamplight_data::loader::{
    AnswerTarget, LabelNames, Labelled, LabelledEncoder, LabelledLoader, LabelledSettings,
    QuestionEncoder,
};
use lamplight_data::objective::question_answering::WindowSettings;
use lamplight_data::source::labelled::{
    LabelledRecords, LabelledText, TextFields, choices, questions, texts, words,
};
use lamplight_data::tokenizer::Tokenizer;

use super::{Prepared, Run, RunSummary, Work};
use crate::evaluation::HeldOutQuestions;
use crate::model_config::electra_config;
use crate::progress::{Observer, Stage};
use crate::recipe::{AnswerHead, Objective, Recipe};
use crate::task::head::{
    Head, JointQuestionAnswering, MultipleChoice, QuestionAnswering, Regression,
    SequenceClassification, TokenClassification,
};
use crate::task::{FineTuning, Scoring};
use crate::texts::{Files, Split, load_labelled};
use crate::{TrainingError, memory};

/// The name of what a head says that names no class, as Hugging Face has it.
const ONE_LABEL: &str = "LABEL_0";

/// Training of a head.
pub(super) fn fine_tuning(
    run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let tokenizer = run.sources.given_tokenizer(&run.name)?;
    let mut reading = Reading {
        files: &prepared.files,
        recipe: &run.recipe,
        tokenizer: &tokenizer,
        observer: &mut *observer,
    };
    match run.recipe.data.objective {
        Objective::Regression => {
            let examples = reading.values()?;
            run.train_head(examples, tokenizer, prepared, observer)
        }
        Objective::TokenClassification => {
            let examples = reading.tags()?;
            run.train_head(examples, tokenizer, prepared, observer)
        }
        Objective::MultipleChoice => {
            let examples = reading.choices()?;
            run.train_head(examples, tokenizer, prepared, observer)
        }
        Objective::QuestionAnswering => match run.recipe.model.answer_head.unwrap_or_default() {
            AnswerHead::Independent => {
                let examples = reading.answers::<QuestionAnswering>()?;
                run.train_head(examples, tokenizer, prepared, observer)
            }
            AnswerHead::Joint => {
                let examples = reading.answers::<JointQuestionAnswering>()?;
                run.train_head(examples, tokenizer, prepared, observer)
            }
        },
        _ => {
            let examples = reading.classes()?;
            run.train_head(examples, tokenizer, prepared, observer)
        }
    }
}

/// What a head learns from.
struct Examples<H: Head> {
    /// The names of its classes in the model's config.
    labels: Vec<String>,
    scoring: Scoring,
    split: Split<Labelled<H::Target>>,
}

/// Makes examples of the records in the files of a run.
struct Reading<'a> {
    files: &'a Files,
    recipe: &'a Recipe,
    tokenizer: &'a Tokenizer,
    observer: &'a mut dyn Observer,
}

impl<'a> Reading<'a> {
    fn classes(&mut self) -> Result<Examples<SequenceClassification>, TrainingError> {
        let records = load_labelled(self.files, self.recipe, open_texts)?;
        let label = |text: &LabelledText| text.label.to_string();
        let names = LabelNames::of(records.training.iter().map(label));
        let encoder = self.encoder();
        let encode = |texts: &[_], progress: Progress<'_>| encoder.classes(texts, &names, progress);
        Ok(Examples {
            labels: names.names().to_vec(),
            scoring: Scoring::Classes(names.names().len()),
            split: self.split(&records, encode)?,
        })
    }

    fn values(&mut self) -> Result<Examples<Regression>, TrainingError> {
        let records = load_labelled(self.files, self.recipe, open_texts)?;
        let encoder = self.encoder();
        Ok(Examples {
            labels: vec![ONE_LABEL.to_owned()],
            scoring: Scoring::Values,
            split: self.split(&records, |texts, progress| encoder.values(texts, progress))?,
        })
    }

    fn tags(&mut self) -> Result<Examples<TokenClassification>, TrainingError> {
        let records = load_labelled(self.files, self.recipe, words)?;
        let labels = records.training.iter().flat_map(|words| &words.labels);
        let names = LabelNames::of(labels.cloned());
        let encoder = self.encoder();
        let encode = |words: &[_], progress: Progress<'_>| encoder.words(words, &names, progress);
        Ok(Examples {
            labels: names.names().to_vec(),
            scoring: Scoring::Tags(names.names().to_vec()),
            split: self.split(&records, encode)?,
        })
    }

    fn choices(&mut self) -> Result<Examples<MultipleChoice>, TrainingError> {
        let records = load_labelled(self.files, self.recipe, choices)?;
        let encoder = self.encoder();
        Ok(Examples {
            labels: vec![ONE_LABEL.to_owned()],
            scoring: Scoring::Classes(1),
            split: self.split(&records, |choices, progress| {
                encoder.choices(choices, progress)
            })?,
        })
    }

    fn answers<H: Head<Target = AnswerTarget>>(&mut self) -> Result<Examples<H>, TrainingError> {
        let records = load_labelled(self.files, self.recipe, questions)?;
        let encoder = QuestionEncoder {
            tokenizer: self.tokenizer,
            settings: windows_of(self.recipe.data.inputs_length),
        };
        let mut progress = self.progress(records.len());
        let training = encoder.examples(&records.training, &mut progress)?;
        let windows = encoder.windows(&records.held_out, &mut progress)?;
        let held_out = windows.iter().map(|found| {
            let question = &records.held_out[found.question];
            Labelled::of_window(found.window.clone(), question.is_impossible)
        });
        let split = Split {
            training,
            held_out: held_out.collect(),
        };
        Ok(Examples {
            labels: vec![ONE_LABEL.to_owned()],
            scoring: Scoring::Answers(HeldOutQuestions {
                questions: records.held_out,
                windows,
            }),
            split,
        })
    }

    fn encoder(&self) -> LabelledEncoder<'a> {
        LabelledEncoder {
            tokenizer: self.tokenizer,
            max_length: self.recipe.data.inputs_length,
        }
    }

    /// Both sides of a split as examples.
    fn split<R, T>(
        &mut self,
        records: &Split<R>,
        encode: impl Fn(&[R], Progress<'_>) -> Result<Vec<Labelled<T>>, DataError>,
    ) -> Result<Split<Labelled<T>>, TrainingError> {
        let mut progress = self.progress(records.len());
        Ok(Split {
            training: encode(&records.training, &mut progress)?,
            held_out: encode(&records.held_out, &mut progress)?,
        })
    }

    /// What hears of so many more of the records and of their tokens, and tells the observer.
    fn progress(&mut self, num_records: usize) -> impl FnMut(usize, usize) {
        Stage::reading(num_records, |stage| self.observer.preparing(stage))
    }
}

/// Hears of so many more records and tokens.
type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// How contexts are read through rows of at most `length` tokens.
pub(crate) fn windows_of(length: usize) -> WindowSettings {
    let published = WindowSettings::default();
    WindowSettings {
        max_length: length,
        // In short rows a question takes a quarter at most, and windows still overlap.
        max_question_length: published.max_question_length.min(length / 4),
        doc_stride: published.doc_stride.min(length / 3),
    }
}

pub(crate) fn open_texts(path: &Path) -> Result<LabelledRecords<LabelledText>, DataError> {
    texts(path, &TextFields::default())
}

impl Run {
    /// Trains a head on its examples.
    fn train_head<H: Head>(
        mut self,
        examples: Examples<H>,
        tokenizer: Tokenizer,
        prepared: &Prepared,
        observer: &mut dyn Observer,
    ) -> Result<RunSummary, TrainingError> {
        let Examples {
            labels,
            scoring,
            split,
        } = examples;
        let vocab_size = self.resolve_vocab_size(&tokenizer)?;
        self.recipe.count_steps(split.training.len())?;
        let recipe = &self.recipe;
        let config = electra_config(&recipe.model)?.with_labels(&labels);
        let config = H::config_for(config, &split.training);
        let rows = split.training.iter().flat_map(|example| &example.rows);
        let num_tokens = rows.map(|row| row.ids.len()).sum();
        let rows_per_example = split
            .training
            .first()
            .map_or(1, |example| example.rows.len());
        let settings = LabelledSettings {
            batch_size: recipe.training.batch_size,
            pad_id: config.pad_token_id,
        };
        let loader =
            |examples| LabelledLoader::new(Arc::new(examples), settings, recipe.training.seed);
        let held_out = loader(split.held_out)?;
        let num_rows = settings.batch_size * rows_per_example;
        let work = Work {
            fresh: H::fresh(&config, &self.device.clone().autodiff()),
            examples: loader(split.training)?,
            held_out: held_out.digest(),
            num_tokens,
            activations: memory::electra_encoder(&config, num_rows, recipe.data.inputs_length),
            task: FineTuning::<H> {
                vocab_size,
                held_out: held_out.evaluation_batches(recipe.evaluation.max_batches)?,
                tokenizer,
                scoring,
            },
        };
        self.execute(prepared, work, observer)
    }
}
