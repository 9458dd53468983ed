//! The two models of ELECTRA's pre-training, or a T5, on plain texts.

use burn::tensor::Device;
use lamplight_data::corpus::Corpus;
use lamplight_data::loader::{ExampleSet, Loader};
use lamplight_electra::ElectraConfig;
use lamplight_layers::pretrained::PretrainedError;
use lamplight_t5::T5Config;

use super::watch::Watch;
use super::{Scored, Scorer, timed};
use crate::evaluation::metrics::perplexity;
use crate::recipe::Recipe;
use crate::task::{ReplacedTokenDetection, Task, TextToText};
use crate::texts::Reader;
use crate::{TrainingError, loaders, seed};

impl Scorer<'_> {
    /// How well the discriminator finds what the generator has replaced.
    pub(super) fn detection(&self) -> Result<Scored, TrainingError> {
        let recipe = self.recipe_of_texts()?;
        let path = self.request.model.join("discriminator/config.json");
        let config = ElectraConfig::from_file(&path).map_err(PretrainedError::from)?;
        if recipe.data.inputs_length > config.max_position_embeddings {
            return Err(self.request.refused(&format!(
                "it has {} positions, fewer than data.inputs_length of the recipe, {}",
                config.max_position_embeddings, recipe.data.inputs_length
            )));
        }
        let corpus = self.corpus(&recipe)?;
        let held_out = self.batches(&loaders::masked(&recipe, corpus, &self.tokenizer)?)?;
        let num_rows = held_out.iter().map(|batch| batch.input_ids.rows).sum();
        let num_batches = held_out.len();
        let task = ReplacedTokenDetection {
            vocab_size: config.vocab_size,
            held_out,
            tokenizer: self.tokenizer.clone(),
            num_shown: 0,
        };
        let work = Work {
            task,
            recipe: &recipe,
            num_rows,
            num_batches,
        };
        self.score_texts(work)
    }

    /// The likelihood of the targets that the recipe's objective makes of texts.
    pub(super) fn denoising(&self) -> Result<Scored, TrainingError> {
        let recipe = self.recipe_of_texts()?;
        let Some(denoiser) = recipe.data.denoiser() else {
            return Err(self.request.refused(
                "the data have no field `target`, and the recipe's objective makes none of plain texts: name one \
                 with --recipe that does, such as t5_v1_1_small",
            ));
        };
        let path = self.request.model.join("config.json");
        let config = T5Config::from_file(&path).map_err(PretrainedError::from)?;
        let corpus = self.corpus(&recipe)?;
        let loader = loaders::denoising(&recipe, denoiser, corpus, &self.tokenizer)?;
        let held_out = self.batches(&loader)?;
        let num_rows = held_out.iter().map(|batch| batch.encoder_input_ids.rows);
        let (num_rows, num_batches) = (num_rows.sum(), held_out.len());
        let task = TextToText {
            held_out,
            max_input_length: recipe.data.inputs_length,
            ..TextToText::asking_nothing(config.vocab_size, self.tokenizer.clone())
        };
        let work = Work {
            task,
            recipe: &recipe,
            num_rows,
            num_batches,
        };
        self.score_texts(work)
    }

    /// The recipe, with the batch size that is asked for.
    fn recipe_of_texts(&self) -> Result<Recipe, TrainingError> {
        let Some(recipe) = &self.recipe else {
            return Err(self.request.refused(
                "what is learned of plain texts is said by a recipe: name the one that it was trained by with \
                 --recipe, such as electra_small or t5_v1_1_small",
            ));
        };
        if !self.request.answering.metrics.is_empty() {
            let reason = "--metric is for pairs of an input and a target";
            return Err(self.request.refused(reason));
        }
        let mut recipe = recipe.clone();
        recipe.training.batch_size = self.batch_size();
        Ok(recipe)
    }

    fn corpus(&self, recipe: &Recipe) -> Result<Corpus, TrainingError> {
        let found = self.files(recipe.data.objective)?;
        let mut reader = Reader {
            max_bad_fraction: recipe.data.max_bad_fraction,
            observer: &mut **self.observer.borrow_mut(),
        };
        Ok(reader.read_found(&found, &self.tokenizer)?)
    }

    fn batches<E: ExampleSet>(&self, loader: &Loader<E>) -> Result<Vec<E::Batch>, TrainingError> {
        let num_batches = self
            .request
            .limit
            .map(|rows| rows.div_ceil(self.batch_size()));
        Ok(loader.evaluation_batches(num_batches.unwrap_or(usize::MAX))?)
    }

    fn score_texts<T: Task>(&self, work: Work<'_, T>) -> Result<Scored, TrainingError> {
        let request = self.request;
        let device: &Device = &request.device;
        let model = work.task.load(&request.model, device)?;
        // What the generator draws is drawn as in training.
        device.seed(seed::for_evaluation(work.recipe.training.seed));
        let watch = Watch::new(&self.observer, work.num_rows, work.num_batches);
        let (evaluation, seconds) = timed(|| {
            work.task
                .evaluate(&model, device, &|| watch.is_interrupted())
        })?;
        Ok(Scored {
            objective: work.recipe.data.objective,
            scores: with_perplexity(evaluation.scores),
            num_examples: work.num_rows,
            seconds,
            predictions: Vec::new(),
        })
    }
}

/// What is to be done on texts.
struct Work<'a, T> {
    task: T,
    recipe: &'a Recipe,
    num_rows: usize,
    num_batches: usize,
}

/// The same with the perplexity behind the loss of target tokens, where there is one.
pub(super) fn with_perplexity(mut scores: Vec<(String, f64)>) -> Vec<(String, f64)> {
    if let Some(place) = scores.iter().position(|(name, _)| name == "loss")
        && let Ok(perplexity) = perplexity(scores[place].1, 1)
    {
        scores.insert(place + 1, ("perplexity".to_owned(), perplexity));
    }
    scores
}
