//! Gradients of one micro-batch, in each precision, with kept and with recomputed activations.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor};
use burn_optim::{GradientsParams, SgdConfig};
use lamplight_data::batch::Seq2SeqBatch;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::initializer::draw_all;
use lamplight_layers::precision::Precision;
use lamplight_layers::pretrained::{Value, collect};
use lamplight_layers::recompute::Tape;
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use lamplight_testing::{
    BF16_STEP, F32_STEP, Step, StepTolerance, assert_close, drawing, test_device,
};
use lamplight_training::lora::{self, LoraSettings};
use lamplight_training::micro_step::{Factor, MicroStep, StepSums};
use lamplight_training::task::{Task, TextToText};

const VOCAB_SIZE: usize = 384;
/// Steps of a short training.
const NUM_STEPS: usize = 40;

fn task(label_smoothing: f64) -> TextToText {
    TextToText {
        vocab_size: VOCAB_SIZE,
        tokenizer: Tokenizer::byt5(),
        held_out: Vec::new(),
        questions: Vec::new(),
        max_input_length: 12,
        max_new_tokens: 4,
        metrics: Vec::new(),
        num_beams: 1,
        num_shown: 1,
        z_loss: 1e-4,
        label_smoothing,
    }
}

fn model(device: &Device) -> T5ForConditionalGeneration {
    model_with(0.1, device)
}

fn model_with(dropout_rate: f64, device: &Device) -> T5ForConditionalGeneration {
    let config = T5Config {
        vocab_size: VOCAB_SIZE,
        d_model: 32,
        d_kv: 8,
        d_ff: 64,
        num_layers: 2,
        num_heads: 4,
        dropout_rate,
        feed_forward_proj: Some("gated-gelu".to_owned()),
        tie_word_embeddings: Some(true),
        ..T5Config::default()
    };
    device.seed(7);
    draw_all(T5ForConditionalGeneration::new(&config, device))
}

fn pairs() -> Vec<(Vec<u32>, Vec<u32>)> {
    let tokenizer = Tokenizer::byt5();
    let encode = |text: &str| tokenizer.encode(text).unwrap();
    let texts = ["lamplight", "a", "by the sea"];
    texts.map(|text| (encode(text), encode(text))).to_vec()
}

fn batch() -> Seq2SeqBatch {
    Seq2SeqBatch::from_pairs(&pairs(), 12, 12)
}

#[derive(Debug, Clone, Copy)]
struct Manner {
    precision: Precision,
    recompute: bool,
}

const PLAIN: Manner = Manner {
    precision: Precision::F32,
    recompute: false,
};

impl Manner {
    /// How far a step may be off from the plain one.
    fn tolerance(self) -> StepTolerance {
        match self.precision {
            Precision::F32 => F32_STEP,
            Precision::Bf16 => BF16_STEP,
        }
    }
}

/// Every manner that the device can compute in.
fn manners(device: &Device) -> impl Iterator<Item = Manner> {
    let precisions = [Precision::F32, Precision::Bf16].into_iter();
    precisions
        .filter(|precision| precision.check(device).is_ok())
        .flat_map(|precision| {
            [false, true].map(|recompute| Manner {
                precision,
                recompute,
            })
        })
}

fn run(
    task: &TextToText,
    model: &T5ForConditionalGeneration,
    manner: Manner,
    seed: u64,
) -> StepSums {
    run_on(&batch(), task, model, manner, seed)
}

fn run_on(
    batch: &Seq2SeqBatch,
    task: &TextToText,
    model: &T5ForConditionalGeneration,
    manner: Manner,
    seed: u64,
) -> StepSums {
    let factor = |coefficient| Factor {
        share: 1.0,
        coefficient,
    };
    let factors: Vec<_> = task
        .terms()
        .iter()
        .map(|term| factor(term.factor))
        .collect();
    let step = MicroStep {
        task,
        device: &test_device().autodiff(),
        precision: manner.precision,
        recompute: manner.recompute,
        factors: &factors,
        seed,
    };
    let mut sums = StepSums::default();
    step.run(model, batch, &mut sums).unwrap();
    sums
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Collects the gradient of every parameter that has one, by its path.
struct Collecting<'a> {
    gradients: &'a GradientsParams,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collecting<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        assert_eq!(param.base().dtype(), DType::F32);
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            assert_eq!(gradient.dtype(), DType::F32);
            self.found.insert(self.path.join("."), values(gradient));
        }
    }
}

/// The nll of a micro-step and its gradients, all of which are f32 as the parameters are.
fn measured<M: Module>(model: &M, output: StepSums) -> Step {
    let mut collecting = Collecting {
        gradients: &output.gradients,
        path: Vec::new(),
        found: BTreeMap::new(),
    };
    model.visit(&mut collecting);
    Step {
        gradients: collecting.found,
        loss: values(output.terms.unwrap())[0],
    }
}

#[test]
fn gradients_are_f32_and_the_same_in_every_manner() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let model = model(&device);
    let task = task(0.0);
    let step = |manner| measured(&model, run(&task, &model, manner, 1));
    let expected = step(PLAIN);
    let names = T5ForConditionalGeneration::names(model.config());
    let num_parameters = collect(&model, &names, &Value).unwrap().len();
    assert_eq!(expected.gradients.len(), num_parameters);
    for manner in manners(&device) {
        step(manner).assert_tracks(&expected, manner.tolerance());
    }
}

#[test]
fn packed_rows_give_the_loss_and_gradients_of_rows_of_their_own() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let model = model_with(0.0, &device);
    let task = task(0.1);
    let [long, short, middle] = <[_; 3]>::try_from(pairs()).unwrap();
    let packed = Seq2SeqBatch::packed(&[vec![long, short], vec![middle], vec![]], 14, 13);
    let expected = measured(&model, run(&task, &model, PLAIN, 1));
    for manner in manners(&device) {
        let step = run_on(&packed, &task, &model, manner, 1);
        measured(&model, step).assert_tracks(&expected, manner.tolerance());
    }
}

/// The loss of each step of a short training with dropout.
fn curve(
    mut model: T5ForConditionalGeneration,
    task: &TextToText,
    manner: Manner,
) -> (T5ForConditionalGeneration, Vec<f32>) {
    let mut optimizer = SgdConfig::new().init();
    let mut curve = Vec::new();
    for step in 0..NUM_STEPS {
        let output = run(task, &model, manner, step as u64);
        model = optimizer.step(0.1, model, output.gradients);
        curve.push(values(output.terms.unwrap())[0]);
    }
    (model, curve)
}

#[test]
fn short_training_follows_the_plain_curve_in_every_manner() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let (_, expected) = curve(model(&device), &task(0.0), PLAIN);
    assert!(expected[NUM_STEPS - 1] < 0.8 * expected[0], "{expected:?}");
    for manner in manners(&device) {
        let (_, losses) = curve(model(&device), &task(0.0), manner);
        let tolerance = match manner.precision {
            Precision::F32 => 1e-4,
            Precision::Bf16 => 0.02,
        };
        assert_close(&format!("{manner:?}"), &losses, &expected, tolerance, 0.0);
    }
}

#[test]
fn smoothed_loss_mixes_in_the_uniform_distribution() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let model = model(&device);
    let plain = values(run(&task(0.0), &model, PLAIN, 1).terms.unwrap());
    let smoothed = task(0.2);
    let names: Vec<_> = smoothed.terms().iter().map(|term| term.name).collect();
    assert_eq!(names, ["nll", "squared_log_z", "uniform_nll"]);
    assert_close(
        "factor",
        &[smoothed.terms()[0].factor as f32],
        &[0.8],
        1e-6,
        0.0,
    );
    assert_eq!(smoothed.weights(&batch()).len(), 3);
    let terms = values(run(&smoothed, &model, PLAIN, 1).terms.unwrap());
    assert_close("targets", &terms[..2], &plain, 1e-6, 0.0);
    assert!(terms[2] > 0.5 * (VOCAB_SIZE as f32).ln(), "{terms:?}");
}

fn adapted(device: &Device, targets: &[&str]) -> Result<T5ForConditionalGeneration, String> {
    let model = model(device);
    let names = T5ForConditionalGeneration::names(model.config());
    let settings = LoraSettings {
        rank: 2,
        alpha: 8.0,
        targets: targets.iter().map(ToString::to_string).collect(),
    };
    lora::apply(model, &names, &settings).map_err(|error| error.to_string())
}

const QUERY_AND_VALUE: &str = r"\.(q|v)\.weight$";

/// The loss of the model in its evaluation state.
fn evaluated(model: &T5ForConditionalGeneration) -> Vec<f32> {
    let device = test_device();
    let tape = Tape::new(&device, 0, false);
    let losses = task(0.0).losses(&model.valid(), &batch(), &tape).unwrap();
    losses.into_iter().flat_map(values).collect()
}

#[test]
fn low_rank_factors_change_nothing_at_the_start_and_alone_are_trained() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let original = model(&device);
    let adapted = adapted(&device, &[QUERY_AND_VALUE]).unwrap();
    let before = evaluated(&original);
    assert_close("start", &evaluated(&adapted), &before, 1e-6, 0.0);
    let step = |manner| measured(&adapted, run(&task(0.0), &adapted, manner, 1));
    let expected = step(PLAIN);
    // Query and value of two encoder blocks and of two attentions in two decoder blocks.
    assert_eq!(expected.gradients.len(), 2 * 2 * (2 + 2 * 2));
    let is_factor = |path: &String| path.ends_with(".lora.a") || path.ends_with(".lora.b");
    assert!(expected.gradients.keys().all(is_factor));
    for manner in manners(&device) {
        step(manner).assert_tracks(&expected, manner.tolerance());
    }
}

#[test]
fn trained_factors_are_merged_on_export() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let (trained, curve) = curve(
        adapted(&device, &[QUERY_AND_VALUE]).unwrap(),
        &task(0.0),
        PLAIN,
    );
    assert!(curve[NUM_STEPS - 1] < curve[0], "{curve:?}");
    let folder = tempfile::tempdir().unwrap();
    task(0.0).save(&trained, folder.path()).unwrap();
    let loaded = T5ForConditionalGeneration::from_pretrained(folder.path(), &device).unwrap();
    assert_close(
        "merged",
        &evaluated(&loaded),
        &evaluated(&trained),
        1e-5,
        0.0,
    );
    let names = T5ForConditionalGeneration::names(loaded.config());
    let [start, end] = [&model(&device), &loaded].map(|m| collect(m, &names, &Value).unwrap());
    for (name, parameter) in &end {
        let is_target = name.ends_with(".q.weight") || name.ends_with(".v.weight");
        assert_eq!(*parameter != start[name], is_target, "{name}");
    }
}

#[test]
fn target_without_a_matrix_is_refused_by_name() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    for target in ["nowhere", r"layer_norm\.weight$", "("] {
        let error = adapted(&device, &[QUERY_AND_VALUE, target]).unwrap_err();
        assert!(error.contains(&format!("`{target}`")), "{error}");
    }
}
