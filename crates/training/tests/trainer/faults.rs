//! Losses that are not finite or stand out: skipped, gone back from, clipped.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Device, Tensor};
use lamplight_data::batch::Seq2SeqBatch;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::recompute::Tape;
use lamplight_t5::T5ForConditionalGeneration;
use lamplight_testing::test_device;
use lamplight_training::TrainingError;
use lamplight_training::evaluation::Evaluation;
use lamplight_training::progress::{Observer, Silent};
use lamplight_training::task::{Task, Term, TextToText};
use tempfile::TempDir;

use super::{batch, recipe, task, train, train_task};

/// A task whose losses are multiplied in some of its calls, counted from zero.
pub struct Faulty {
    task: TextToText,
    factor: fn(usize) -> f32,
    pub num_calls: AtomicUsize,
}

impl Faulty {
    pub fn new(factor: fn(usize) -> f32) -> Self {
        Self {
            task: task(),
            factor,
            num_calls: AtomicUsize::new(0),
        }
    }
}

impl Task for Faulty {
    type Model = T5ForConditionalGeneration;
    type Batch = Seq2SeqBatch;

    fn terms(&self) -> Vec<Term> {
        self.task.terms()
    }

    fn weights(&self, batch: &Seq2SeqBatch) -> Vec<f64> {
        self.task.weights(batch)
    }

    fn num_tokens(&self, batch: &Seq2SeqBatch) -> usize {
        self.task.num_tokens(batch)
    }

    fn num_cells(&self, batch: &Seq2SeqBatch) -> usize {
        self.task.num_cells(batch)
    }

    fn flops(&self, model: &Self::Model, batch: &Seq2SeqBatch) -> f64 {
        self.task.flops(model, batch)
    }

    fn losses(
        &self,
        model: &Self::Model,
        batch: &Seq2SeqBatch,
        tape: &Tape,
    ) -> Result<Vec<Tensor<1>>, TrainingError> {
        let factor = (self.factor)(self.num_calls.fetch_add(1, Ordering::SeqCst));
        let losses = self.task.losses(model, batch, tape)?;
        Ok(losses.into_iter().map(|loss| loss * factor).collect())
    }

    fn evaluate(
        &self,
        model: &Self::Model,
        device: &Device,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Evaluation, TrainingError> {
        self.task.evaluate(model, device, is_interrupted)
    }

    fn tokenizer(&self) -> &Tokenizer {
        self.task.tokenizer()
    }

    fn names(&self, model: &Self::Model) -> NameTable {
        self.task.names(model)
    }

    fn load(&self, folder: &Path, device: &Device) -> Result<Self::Model, TrainingError> {
        self.task.load(folder, device)
    }

    fn save(&self, model: &Self::Model, folder: &Path) -> Result<(), TrainingError> {
        self.task.save(model, folder)
    }
}

/// Remembers what was said.
#[derive(Default)]
pub struct Warnings(pub Vec<String>);

impl Observer for Warnings {
    fn warned(&mut self, message: &str) {
        self.0.push(message.to_owned());
    }
}

pub fn weights(folder: &TempDir, step: usize) -> Vec<u8> {
    let path = format!("run/checkpoints/step-{step}/model.safetensors");
    std::fs::read(folder.path().join(path)).unwrap()
}

#[test]
fn a_step_that_is_not_finite_changes_nothing_and_is_counted() {
    let batches = [batch(&["ab", "c"])];
    let recipe = recipe(6, 1, 1e-2);
    let third_is_nan = Faulty::new(|call| if call == 2 { f32::NAN } else { 1.0 });
    let mut warnings = Warnings::default();
    let (skipped, outcome) = train_task(&third_is_nan, &recipe, &batches, &mut warnings);
    let steps = outcome.unwrap().history.steps;
    assert_eq!(steps.last().unwrap().num_skipped, 1);
    assert_eq!(
        steps.iter().map(|line| line.step).collect::<Vec<_>>(),
        [1, 2, 4, 5, 6]
    );
    assert_eq!(warnings.0.len(), 1);
    assert!(
        warnings.0[0].contains("step 3") && warnings.0[0].contains("skipped"),
        "{warnings:?}",
        warnings = warnings.0
    );
    // As if the step had not been: one fewer update, at the same constant rate.
    let mut shorter = recipe.clone();
    shorter.training.steps = 5;
    shorter.training.checkpoint_every = 1;
    let (whole, outcome) = train(&shorter, &batches, &mut Silent);
    outcome.unwrap();
    assert_eq!(weights(&skipped, 6), weights(&whole, 5));
}

#[test]
fn many_bad_steps_in_a_row_go_back_to_the_checkpoint_and_on_with_other_data() {
    let recipe = {
        let mut recipe = recipe(8, 1, 1e-2);
        recipe.stability.max_skips_in_a_row = 3;
        recipe
    };
    // Steps 5, 6 and 7 are bad once; the checkpoint before is that of step 4.
    let faulty = Faulty::new(|call| {
        if (4..7).contains(&call) {
            f32::INFINITY
        } else {
            1.0
        }
    });
    let mut warnings = Warnings::default();
    let batches = [batch(&["ab", "c"])];
    let (healed, outcome) = train_task(&faulty, &recipe, &batches, &mut warnings);
    let steps = outcome.unwrap().history.steps;
    assert_eq!(steps.last().unwrap().num_skipped, 3);
    assert_eq!(
        steps.iter().map(|line| line.step).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8]
    );
    assert!(
        warnings.0.last().unwrap().contains("going back to step 4"),
        "{:?}",
        warnings.0
    );
    let (whole, outcome) = train(&recipe, &batches, &mut Silent);
    outcome.unwrap();
    assert_eq!(weights(&healed, 8), weights(&whole, 8));
}

#[test]
fn a_run_that_stays_bad_stops_after_its_rollbacks_and_keeps_the_checkpoint() {
    let mut recipe = recipe(50, 1, 1e-2);
    recipe.stability.max_skips_in_a_row = 2;
    recipe.stability.max_rollbacks = 2;
    let faulty = Faulty::new(|call| if call >= 5 { f32::NAN } else { 1.0 });
    let (folder, outcome) = train_task(&faulty, &recipe, &[batch(&["ab"])], &mut Silent);
    let error = outcome.err().unwrap();
    let message = error.to_string();
    assert!(
        matches!(
            error,
            TrainingError::Diverged {
                num_rollbacks: 2,
                ..
            }
        ),
        "{message}"
    );
    assert!(
        message.contains("step-4") && message.contains("learning_rate"),
        "{message}"
    );
    assert_eq!(faulty.num_calls.load(Ordering::SeqCst), 5 + 3 * 2);
    let path = folder.path().join("run/checkpoints/step-4");
    T5ForConditionalGeneration::from_pretrained(&path, &test_device()).unwrap();
}

#[test]
fn a_run_that_is_bad_from_the_start_says_that_there_is_no_checkpoint() {
    let (_folder, outcome) = train(&recipe(20, 1, 1e30), &[batch(&["ab", "c"])], &mut Silent);
    let error = outcome.err().unwrap();
    let message = error.to_string();
    assert!(
        message.contains("no checkpoint was written yet"),
        "{message}"
    );
    assert!(
        message.contains("NaN") || message.contains("inf"),
        "{message}"
    );
    assert!(message.contains("after 0 returns"), "{message}");
}

#[test]
fn going_back_repeats_neither_evaluation_nor_save() {
    let mut recipe = recipe(6, 1, 1e-2);
    recipe.stability.max_skips_in_a_row = 1;
    recipe.training.evaluate_every = 2;
    let faulty = Faulty::new(|call| if call == 4 { f32::NAN } else { 1.0 });
    let (folder, outcome) = train_task(&faulty, &recipe, &[batch(&["ab"])], &mut Silent);
    let history = outcome.unwrap().history;
    let scored: Vec<usize> = history.evaluations.iter().map(|(step, _)| *step).collect();
    assert_eq!(scored, [2, 4, 6]);
    let text = std::fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    assert_eq!(text.matches("\"evaluation\"").count(), 3);
    assert_eq!(history.steps.last().unwrap().num_rollbacks, 1);
}

#[test]
fn a_batch_scaled_by_ten_thousand_is_clipped_by_the_running_norm() {
    let mut recipe = recipe(40, 1, 1e-3);
    recipe.training.clip_norm = None;
    recipe.stability.spike_threshold = Some(6.0);
    let faulty = Faulty::new(|call| if call == 35 { 1e4 } else { 1.0 });
    let mut warnings = Warnings::default();
    let (_folder, outcome) = train_task(&faulty, &recipe, &[batch(&["ab", "c"])], &mut warnings);
    outcome.unwrap();
    let spikes: Vec<&String> = warnings
        .0
        .iter()
        .filter(|text| text.contains("is a spike"))
        .collect();
    assert_eq!(spikes.len(), 1, "{:?}", warnings.0);
    assert!(spikes[0].contains("step 36"), "{spikes:?}");
}
