//! What a run on labelled examples prepares.

use std::sync::Arc;

use lamplight_data::DataError;
use lamplight_data::loader::{
    LabelNames, Labelled, LabelledEncoder, LabelledLoader, LabelledSettings,
};
use lamplight_data::source::labelled::{LabelledText, TextFields, choices, texts, words};
use lamplight_data::tokenizer::Tokenizer;

use super::{Prepared, Run, RunSummary, Work};
use crate::model_config::electra_config;
use crate::progress::{Observer, Stage};
use crate::recipe::Objective;
use crate::task::FineTuning;
use crate::task::head::{
    Head, MultipleChoice, Regression, SequenceClassification, TokenClassification,
};
use crate::texts::{Split, load_labelled};
use crate::{TrainingError, memory};

/// The name of what a head says that names no class, as Hugging Face has it.
const ONE_LABEL: &str = "LABEL_0";

/// What makes examples of records, and who hears of it.
struct Encoding<'a> {
    encoder: LabelledEncoder<'a>,
    observer: &'a mut dyn Observer,
}

/// Training of a head.
pub(super) fn fine_tuning(
    run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let (files, recipe) = (&prepared.files, &run.recipe);
    let tokenizer = run.sources.given_tokenizer(&run.name)?;
    let mut encoding = Encoding {
        encoder: LabelledEncoder {
            tokenizer: &tokenizer,
            max_length: recipe.data.inputs_length,
        },
        observer,
    };
    let encoder = encoding.encoder;
    let open_texts = |path: &_| texts(path, &TextFields::default());
    let one_label = vec![ONE_LABEL.to_owned()];
    match recipe.data.objective {
        Objective::Regression => {
            let records = load_labelled(files, recipe, open_texts)?;
            let split =
                encoding.split(&records, |texts, progress| encoder.values(texts, progress))?;
            run.train_head::<Regression>(one_label, split, tokenizer, prepared, observer)
        }
        Objective::TokenClassification => {
            let records = load_labelled(files, recipe, words)?;
            let labels = records.training.iter().flat_map(|words| &words.labels);
            let names = LabelNames::of(labels.cloned());
            let split = encoding.split(&records, |words, progress| {
                encoder.words(words, &names, progress)
            })?;
            let labels = names.names().to_vec();
            run.train_head::<TokenClassification>(labels, split, tokenizer, prepared, observer)
        }
        Objective::MultipleChoice => {
            let records = load_labelled(files, recipe, choices)?;
            let split = encoding.split(&records, |choices, progress| {
                encoder.choices(choices, progress)
            })?;
            run.train_head::<MultipleChoice>(one_label, split, tokenizer, prepared, observer)
        }
        _ => {
            let records = load_labelled(files, recipe, open_texts)?;
            let label = |text: &LabelledText| text.label.to_string();
            let names = LabelNames::of(records.training.iter().map(label));
            let split = encoding.split(&records, |texts, progress| {
                encoder.classes(texts, &names, progress)
            })?;
            let labels = names.names().to_vec();
            run.train_head::<SequenceClassification>(labels, split, tokenizer, prepared, observer)
        }
    }
}

impl Encoding<'_> {
    /// Both sides of a split as examples.
    fn split<R, T>(
        &mut self,
        records: &Split<R>,
        encode: impl Fn(&[R], &mut dyn FnMut(usize, usize)) -> Result<Vec<Labelled<T>>, DataError>,
    ) -> Result<Split<Labelled<T>>, TrainingError> {
        let num_records = records.training.len() + records.held_out.len();
        let mut done = (0, 0);
        let mut progress = |records: usize, tokens: usize| {
            done = (done.0 + records, done.1 + tokens);
            self.observer.preparing(Stage::ReadingTexts {
                fraction: done.0 as f64 / num_records as f64,
                num_tokens: done.1 as u64,
            });
        };
        Ok(Split {
            training: encode(&records.training, &mut progress)?,
            held_out: encode(&records.held_out, &mut progress)?,
        })
    }
}

impl Run {
    /// Trains a head that names `labels`.
    fn train_head<H: Head>(
        mut self,
        labels: Vec<String>,
        split: Split<Labelled<H::Target>>,
        tokenizer: Tokenizer,
        prepared: &Prepared,
        observer: &mut dyn Observer,
    ) -> Result<RunSummary, TrainingError> {
        let vocab_size = self.resolve_vocab_size(&tokenizer)?;
        let recipe = &self.recipe;
        let config = electra_config(&recipe.model)?.with_labels(&labels);
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
                labels,
            },
        };
        self.execute(prepared, work, observer)
    }
}
