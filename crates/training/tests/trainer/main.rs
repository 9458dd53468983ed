//! The step loop on tiny models: accumulation, clipping, divergence, interruption.
#![allow(clippy::unwrap_used)]

mod ahead;
mod faults;

use burn::tensor::Device;
use lamplight_data::batch::Seq2SeqBatch;
use lamplight_data::digest::Digest;
use lamplight_data::loader::{Cursor, Drawn};
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::initializer::draw_all;
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use lamplight_testing::{assert_close, drawing, test_device};
use lamplight_training::TrainingError;
use lamplight_training::checkpoint::{Identity, Position};
use lamplight_training::evaluation::Evaluation;
use lamplight_training::metrics::StepMetrics;
use lamplight_training::optimizer::ModelOptimizer;
use lamplight_training::progress::{Observer, Silent};
use lamplight_training::recipe::{Family, Recipe};
use lamplight_training::run_folder::RunFolder;
use lamplight_training::task::{Task, TextToText};
use lamplight_training::trainer::{Outcome, Start, Trainer};
use tempfile::TempDir;

const VOCAB_SIZE: usize = 384;
fn task() -> TextToText {
    TextToText {
        vocab_size: VOCAB_SIZE,
        tokenizer: Tokenizer::byt5(),
        held_out: vec![batch(&["a b", "c"])],
        questions: Vec::new(),
        max_input_length: 12,
        max_new_tokens: 4,
        metrics: Vec::new(),
        num_beams: 1,
        num_shown: 1,
        z_loss: 1e-4,
        label_smoothing: 0.0,
    }
}

fn model(device: &Device) -> T5ForConditionalGeneration {
    let config = T5Config {
        vocab_size: VOCAB_SIZE,
        d_model: 16,
        d_kv: 8,
        d_ff: 32,
        num_layers: 1,
        num_heads: 2,
        dropout_rate: 0.0,
        feed_forward_proj: Some("gated-gelu".to_owned()),
        tie_word_embeddings: Some(false),
        ..T5Config::default()
    };
    device.seed(7);
    draw_all(T5ForConditionalGeneration::new(&config, device))
}

/// A batch that teaches to repeat texts of differing lengths.
fn batch(texts: &[&str]) -> Seq2SeqBatch {
    let tokenizer = Tokenizer::byt5();
    let pairs: Vec<_> = texts
        .iter()
        .map(|text| {
            (
                tokenizer.encode(text).unwrap(),
                tokenizer.encode(text).unwrap(),
            )
        })
        .collect();
    Seq2SeqBatch::from_pairs(&pairs, 12, 12)
}

/// A recipe of so many steps at a constant learning rate, each of so many micro-batches.
fn recipe(steps: usize, accumulation: usize, learning_rate: f64) -> Recipe {
    let settings = [
        format!("training.steps={steps}"),
        format!("training.accumulation={accumulation}"),
        format!("optimizer.learning_rate={learning_rate:e}"),
        "optimizer.epsilon=1e-8".to_owned(),
        "optimizer.weight_decay=0.01".to_owned(),
        "schedule={ kind = \"constant\" }".to_owned(),
        "training.log_every=1".to_owned(),
        "training.evaluate_every=100".to_owned(),
        "training.checkpoint_every=2".to_owned(),
    ];
    Recipe::load("t5_tiny", &settings).unwrap().1
}

fn identity() -> Identity {
    Identity {
        family: Family::T5,
        seed: 0,
        recipe_sha256: String::new(),
        examples: Digest::of([[0]].iter()),
        held_out: Digest::of([[1]].iter()),
    }
}

/// A folder that is gone when the `TempDir` is, and what training in it came to.
type Trained = (
    TempDir,
    Result<Outcome<T5ForConditionalGeneration>, TrainingError>,
);

/// Trains on the batches, over and over.
fn train(recipe: &Recipe, batches: &[Seq2SeqBatch], observer: &mut dyn Observer) -> Trained {
    train_task(&task(), recipe, batches, observer)
}

fn train_task<T>(
    task: &T,
    recipe: &Recipe,
    batches: &[Seq2SeqBatch],
    observer: &mut dyn Observer,
) -> Trained
where
    T: Task<Model = T5ForConditionalGeneration, Batch = Seq2SeqBatch>,
{
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("run")).unwrap();
    let outcome = train_in(&run, task, recipe, batches, observer);
    (folder, outcome)
}

/// Trains from the last checkpoint of the run on, if there is one, on the batches from there on.
fn train_in<T>(
    run: &RunFolder,
    task: &T,
    recipe: &Recipe,
    batches: &[Seq2SeqBatch],
    observer: &mut dyn Observer,
) -> Result<Outcome<T5ForConditionalGeneration>, TrainingError>
where
    T: Task<Model = T5ForConditionalGeneration, Batch = Seq2SeqBatch>,
{
    let _drawing = drawing();
    let device = test_device().autodiff();
    let model = model(&device);
    let names = task.names(&model);
    let mut trainer = Trainer {
        task,
        recipe,
        optimizer: ModelOptimizer::new(&recipe.optimizer, names, &model).unwrap(),
        device,
        folder: run,
        identity: identity(),
    };
    let drawn = |batch: &Seq2SeqBatch| {
        Ok(Drawn {
            batch: batch.clone(),
            cursor: Cursor::default(),
        })
    };
    let checkpoint = run.checkpoints().newest_intact(&mut |_| ()).unwrap();
    let start = match checkpoint {
        Some(checkpoint) => trainer.restore(&checkpoint).unwrap(),
        None => Start {
            model,
            position: Position::default(),
        },
    };
    let num_read = start.position.step * recipe.training.accumulation;
    let batches = batches.iter().map(drawn).cycle().skip(num_read);
    trainer.run(start, batches, observer)
}

fn losses(steps: &[StepMetrics]) -> Vec<f32> {
    let values = |metrics: &StepMetrics| [metrics.loss as f32, metrics.gradient_norm as f32];
    steps.iter().flat_map(values).collect()
}

#[test]
fn micro_batches_of_differing_lengths_equal_the_large_batch() {
    let texts = ["long text", "a", "bc", "d"];
    let (_folder, large) = train(&recipe(4, 1, 1e-2), &[batch(&texts)], &mut Silent);
    let halves = [batch(&texts[..1]), batch(&texts[1..])];
    let (_folder, small) = train(&recipe(4, 2, 1e-2), &halves, &mut Silent);
    let (large, small) = (large.unwrap().history.steps, small.unwrap().history.steps);
    assert_close(
        "losses and norms",
        &losses(&small),
        &losses(&large),
        1e-4,
        0.0,
    );
    assert_eq!(large[3].num_tokens, small[3].num_tokens);
    assert!(large[3].loss < large[0].loss, "{large:?}");
}

#[test]
fn the_same_seed_trains_the_same() {
    let run = || {
        let (_folder, outcome) = train(&recipe(3, 1, 1e-2), &[batch(&["ab", "c"])], &mut Silent);
        losses(&outcome.unwrap().history.steps)
    };
    assert_eq!(run(), run());
}

struct StopAfter(usize, usize);

impl Observer for StopAfter {
    fn stepped(&mut self, step: usize) {
        self.1 = step;
    }

    fn is_interrupted(&self) -> bool {
        self.1 >= self.0
    }
}

#[test]
fn an_interrupted_run_ends_with_a_checkpoint() {
    let (_folder, outcome) = train(
        &recipe(50, 1, 1e-3),
        &[batch(&["ab"])],
        &mut StopAfter(3, 0),
    );
    let outcome = outcome.unwrap();
    assert_eq!(outcome.num_steps, 3);
    assert!(outcome.checkpoint.ends_with("step-3"));
    T5ForConditionalGeneration::from_pretrained(&outcome.checkpoint, &test_device()).unwrap();
    Tokenizer::from_folder(&outcome.checkpoint).unwrap();
}

/// Asks the run to end while it evaluates.
#[derive(Default)]
struct StopInEvaluation {
    is_evaluating: bool,
    num_evaluated: usize,
}

impl Observer for StopInEvaluation {
    fn evaluating(&mut self, _step: usize) {
        self.is_evaluating = true;
    }

    fn evaluated(&mut self, _step: usize, _evaluation: &Evaluation) {
        self.num_evaluated += 1;
    }

    fn is_interrupted(&self) -> bool {
        self.is_evaluating
    }
}

#[test]
fn an_interrupt_does_not_wait_for_the_end_of_an_evaluation() {
    let mut recipe = recipe(50, 1, 1e-3);
    recipe.training.evaluate_every = 3;
    let mut observer = StopInEvaluation::default();
    let (_folder, outcome) = train(&recipe, &[batch(&["ab"])], &mut observer);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.num_steps, observer.num_evaluated), (3, 0));
    assert!(outcome.checkpoint.ends_with("step-3"));
    Tokenizer::from_folder(&outcome.checkpoint).unwrap();
}

#[test]
fn an_id_past_the_vocabulary_is_refused_before_the_device() {
    let mut broken = batch(&["ab"]);
    broken.encoder_input_ids.values[0] = 9000;
    let (_folder, outcome) = train(&recipe(2, 1, 1e-3), &[broken], &mut Silent);
    let error = outcome.err().unwrap().to_string();
    assert!(error.contains("9000") && error.contains("384"), "{error}");
}
