//! The step loop on tiny models: accumulation, clipping, divergence, interruption.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::{Device, Tensor};
use burn_optim::GradientsParams;
use lamplight_data::batch::Seq2SeqBatch;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::initializer::draw_all;
use lamplight_layers::recompute::Tape;
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use lamplight_testing::{assert_close, test_device};
use lamplight_training::TrainingError;
use lamplight_training::gradients::{clip_global_norm, global_norm};
use lamplight_training::metrics::StepMetrics;
use lamplight_training::optimizer::AdamWConfig;
use lamplight_training::progress::{Observer, Silent};
use lamplight_training::recipe::{Recipe, TrainingSettings};
use lamplight_training::run_folder::RunFolder;
use lamplight_training::schedule::{Schedule, ScheduleKind};
use lamplight_training::task::{Task, TextToText};
use lamplight_training::trainer::{Outcome, Trainer};
use tempfile::TempDir;

const VOCAB_SIZE: usize = 384;
/// Held by whoever draws: all tests share the one random generator of the device's backend.
static DRAWING: Mutex<()> = Mutex::new(());

fn drawing() -> MutexGuard<'static, ()> {
    DRAWING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn task() -> TextToText {
    TextToText {
        vocab_size: VOCAB_SIZE,
        tokenizer: Tokenizer::byt5(),
        held_out: vec![batch(&["a b", "c"])],
        questions: Vec::new(),
        max_new_tokens: 4,
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

fn settings(steps: usize, accumulation: usize) -> TrainingSettings {
    let (_, recipe) = Recipe::load("t5_tiny", &[]).unwrap();
    TrainingSettings {
        steps,
        accumulation,
        log_every: 1,
        evaluate_every: 100,
        checkpoint_every: 2,
        ..recipe.training
    }
}

/// Trains on the batches, over and over, into a folder that is gone when the `TempDir` is.
fn train(
    settings: &TrainingSettings,
    batches: &[Seq2SeqBatch],
    learning_rate: f64,
    observer: &mut dyn Observer,
) -> (
    TempDir,
    Result<Outcome<T5ForConditionalGeneration>, TrainingError>,
) {
    let _drawing = drawing();
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("run")).unwrap();
    let device = test_device().autodiff();
    let optimizer = AdamWConfig {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
        bias_correction: true,
    };
    let trainer = Trainer {
        task: &task(),
        settings,
        schedule: Schedule {
            kind: ScheduleKind::Constant,
            learning_rate,
            warmup_steps: 0,
            num_steps: settings.steps,
        },
        optimizer: optimizer.init_sparing_norms(),
        device: device.clone(),
        folder: &run,
    };
    let batches = batches.iter().cloned().map(Ok).cycle();
    let outcome = trainer.run(model(&device), batches, observer);
    (folder, outcome)
}

fn losses(steps: &[StepMetrics]) -> Vec<f32> {
    let values = |metrics: &StepMetrics| [metrics.loss as f32, metrics.gradient_norm as f32];
    steps.iter().flat_map(values).collect()
}

#[test]
fn micro_batches_of_differing_lengths_equal_the_large_batch() {
    let texts = ["long text", "a", "bc", "d"];
    let (_folder, large) = train(&settings(4, 1), &[batch(&texts)], 1e-2, &mut Silent);
    let halves = [batch(&texts[..1]), batch(&texts[1..])];
    let (_folder, small) = train(&settings(4, 2), &halves, 1e-2, &mut Silent);
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
        let (_folder, outcome) = train(&settings(3, 1), &[batch(&["ab", "c"])], 1e-2, &mut Silent);
        losses(&outcome.unwrap().history.steps)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_loss_that_is_no_longer_finite_names_its_step_and_keeps_the_checkpoint() {
    let (folder, outcome) = train(&settings(20, 1), &[batch(&["ab", "c"])], 1e20, &mut Silent);
    let error = outcome.err().unwrap();
    assert!(
        matches!(error, TrainingError::NonFiniteLoss { step: 2.., .. }),
        "{error}"
    );
    let checkpoints = std::fs::read_dir(folder.path().join("run/checkpoints")).unwrap();
    for checkpoint in checkpoints {
        assert_finite(&checkpoint.unwrap().path());
    }
}

fn assert_finite(checkpoint: &Path) {
    let model = T5ForConditionalGeneration::from_pretrained(checkpoint, &test_device()).unwrap();
    let tape = Tape::new(&test_device(), 0, false);
    let losses = task().losses(&model, &batch(&["ab"]), &tape);
    assert!(losses.is_ok(), "{checkpoint:?}");
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
        &settings(50, 1),
        &[batch(&["ab"])],
        1e-3,
        &mut StopAfter(3, 0),
    );
    let outcome = outcome.unwrap();
    assert_eq!(outcome.num_steps, 3);
    assert!(outcome.checkpoint.ends_with("step-3"));
    T5ForConditionalGeneration::from_pretrained(&outcome.checkpoint, &test_device()).unwrap();
    Tokenizer::from_folder(&outcome.checkpoint).unwrap();
}

#[test]
fn an_id_past_the_vocabulary_is_refused_before_the_device() {
    let mut broken = batch(&["ab"]);
    broken.encoder_input_ids.values[0] = 9000;
    let (_folder, outcome) = train(&settings(2, 1), &[broken], 1e-3, &mut Silent);
    let error = outcome.err().unwrap().to_string();
    assert!(error.contains("9000") && error.contains("384"), "{error}");
}

#[test]
fn clipping_scales_all_gradients_by_one_factor() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let model = model(&device);
    let task = task();
    let gradients = || {
        let tape = Tape::new(&device, 0, false);
        let losses = task.losses(&model, &batch(&["ab", "c"]), &tape).unwrap();
        let loss = losses.into_iter().next().unwrap() * 100.0;
        GradientsParams::from_grads(loss.backward(), &model)
    };
    let scalar = |tensor: Option<Tensor<1>>| tensor.unwrap().into_scalar::<f32>();
    let before = scalar(global_norm(&model, &gradients()));
    let (clipped, norm) = clip_global_norm(&model, gradients(), 1.0);
    assert!(before > 1.0);
    assert_close("norm before", &[scalar(norm)], &[before], 1e-6, 0.0);
    assert_close(
        "norm after",
        &[scalar(global_norm(&model, &clipped))],
        &[1.0],
        1e-5,
        0.0,
    );
    let (kept, _) = clip_global_norm(&model, gradients(), 2.0 * f64::from(before));
    assert_close(
        "norm below the limit",
        &[scalar(global_norm(&model, &kept))],
        &[before],
        1e-6,
        0.0,
    );
}
