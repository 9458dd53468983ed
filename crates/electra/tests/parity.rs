//! Every reference case that is an ELECTRA: outputs, losses, gradients, hidden states, attention
//! maps and files must be Hugging Face's. What is checked follows from the case's config and
//! from which tensors it expects.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_electra::{
    AnswerBeam, ElectraForJointQuestionAnswering, ElectraForMaskedLM, ElectraForMultipleChoice,
    ElectraForPreTraining, ElectraForQuestionAnswering, ElectraForSequenceClassification,
    ElectraForTokenClassification, ElectraInput, ElectraModel, ElectraPretraining,
    MultipleChoiceInput, PretrainingInput, loss,
};
use lamplight_layers::Trace;
use lamplight_layers::block::Pass;
use lamplight_layers::pretrained::{Gradient, NameTable, PretrainedError, collect};
use lamplight_testing::{
    Case, Expected, SavedFolder, assert_same_tensors, compiles_kernels, run_cases, test_device,
};
use serde_json::Value;
use tempfile::tempdir;

/// Inputs that are floats and so look like expectations.
const FLOAT_INPUTS: [&str; 2] = ["gumbel", "weights"];

#[test]
fn reference_cases_are_matched_and_saved() {
    let seen = RefCell::new(BTreeSet::new());
    run_cases("ELECTRA", |case| {
        let Some(kind) = kind(case) else {
            return false;
        };
        // A device that compiles a kernel for every shape gets one case of each kind.
        if !seen.borrow_mut().insert(kind.clone()) && compiles_kernels() {
            return false;
        }
        let expected = case.expected();
        check(case, &kind, &expected);
        let is_output = |name: &&str| !FLOAT_INPUTS.contains(name);
        let unchecked: Vec<_> = expected
            .unchecked("")
            .into_iter()
            .filter(is_output)
            .collect();
        assert!(
            unchecked.is_empty(),
            "{}: not compared: {unchecked:?}",
            case.name
        );
        true
    });
}

/// The class that wrote the case, `ElectraPretraining` for a pair; `None` if it is no forward
/// pass of an ELECTRA.
fn kind(case: &Case) -> Option<String> {
    let is_electra = |part: &str| case.config(part)["model_type"] == "electra";
    let kind = if is_electra("") {
        case.architecture()
    } else {
        let is_pair = is_electra("generator") && is_electra("discriminator");
        is_pair.then(|| "ElectraPretraining".to_owned())
    };
    let is_training_run = || case.expected().names("final.").next().is_some();
    kind.filter(|_| !is_training_run())
}

fn check(case: &Case, kind: &str, expected: &Expected) {
    let device = test_device();
    match kind {
        "ElectraModel" => check_model(case, expected, &device),
        "ElectraForPreTraining" => check_discriminator(case, expected, &device),
        "ElectraForMaskedLM" => check_masked_lm(case, expected, &device),
        "ElectraForSequenceClassification" => {
            check_sequence_classification(case, expected, &device);
        }
        "ElectraForTokenClassification" => check_token_classification(case, expected, &device),
        "ElectraForQuestionAnswering" => check_question_answering(case, expected, &device),
        "ElectraForJointQuestionAnswering" => {
            check_joint_question_answering(case, expected, &device);
        }
        "ElectraForMultipleChoice" => check_multiple_choice(case, expected, &device),
        "ElectraPretraining" => check_pretraining(case, expected, &device),
        other => panic!("{}: nothing checks {other}", case.name),
    }
}

fn input(expected: &Expected, device: &Device) -> ElectraInput {
    ElectraInput {
        input_ids: expected.int_tensor("input_ids", device),
        padding_mask: expected.padding_mask("attention_mask", device),
        token_type_ids: Some(expected.int_tensor("token_type_ids", device)),
    }
}

fn check_model(case: &Case, expected: &Expected, device: &Device) {
    let model = ElectraModel::from_pretrained(&case.path, device).unwrap();
    let mut trace = Trace::default();
    let last = model.forward_by(input(expected, device), Pass::Traced(&mut trace));
    expected.assert("last_hidden_state", last);
    for (index, hidden) in trace.hidden_states.into_iter().enumerate() {
        expected.assert(&format!("hidden_states.{index}"), hidden);
    }
    for (index, attention) in trace.self_attentions.into_iter().enumerate() {
        expected.assert(&format!("attentions.{index}"), attention);
    }
    if expected.has("plain.last_hidden_state") {
        let input_ids: Tensor<2, Int> = expected.int_tensor("input_ids", device);
        let padding_mask = Tensor::<2, Bool>::full(input_ids.dims(), false, device);
        let input = ElectraInput {
            input_ids,
            padding_mask,
            token_type_ids: None,
        };
        expected.assert("plain.last_hidden_state", model.forward(input));
    }
    assert_saves_the_same(case, |folder| model.save_pretrained(folder));
}

fn check_discriminator(case: &Case, expected: &Expected, device: &Device) {
    let model = ElectraForPreTraining::from_pretrained(&case.path, device).unwrap();
    expected.assert("logits", model.forward(input(expected, device)));
    assert_saves_the_same(case, |folder| model.save_pretrained(folder));

    let device = device.clone().autodiff();
    let model = ElectraForPreTraining::from_pretrained(&case.path, &device).unwrap();
    let input = input(expected, &device);
    let padding_mask = input.padding_mask.clone();
    let labels = expected.int_tensor::<2>("labels", &device).equal_scalar(1);
    let loss = loss::detection_loss(model.forward(input), labels, padding_mask).mean();
    expected.assert("loss", loss.clone());
    check_gradients(
        expected,
        &model,
        &ElectraForPreTraining::names(),
        loss,
        |name| name,
    );
}

fn check_masked_lm(case: &Case, expected: &Expected, device: &Device) {
    for weights in weight_files(case) {
        let folder = tempdir().unwrap();
        let copy = |from: &Path, to: &str| std::fs::copy(from, folder.path().join(to)).unwrap();
        copy(&case.path.join("config.json"), "config.json");
        copy(&weights, "model.safetensors");
        let model = ElectraForMaskedLM::from_pretrained(folder.path(), device).unwrap();
        let logits = model.forward(input(expected, device));
        expected.assert("logits", logits.clone());
        let labels = expected.int_tensor("labels", device);
        expected.assert("loss", loss::token_loss(logits, labels).mean());
        assert_saves_the_same(case, |folder| model.save_pretrained(folder));
    }
}

/// The weights as this version of the reference writes them and as older ones did.
fn weight_files(case: &Case) -> Vec<PathBuf> {
    let files = std::fs::read_dir(&case.path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_weights = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("model") && name.ends_with(".safetensors")
    };
    files.filter(is_weights).collect()
}

fn check_sequence_classification(case: &Case, expected: &Expected, device: &Device) {
    let model = ElectraForSequenceClassification::from_pretrained(&case.path, device).unwrap();
    let logits = model.forward(input(expected, device));
    expected.assert("logits", logits.clone());
    let labels = expected.int_tensor("labels", device);
    expected.assert("loss", loss::sequence_loss(logits, labels).mean());
    assert_saves_the_same(case, |folder| model.save_pretrained(folder));
}

fn check_token_classification(case: &Case, expected: &Expected, device: &Device) {
    let model = ElectraForTokenClassification::from_pretrained(&case.path, device).unwrap();
    let logits = model.forward(input(expected, device));
    expected.assert("logits", logits.clone());
    let labels = expected.int_tensor("labels", device);
    expected.assert("loss", loss::token_loss(logits, labels).mean());
    assert_saves_the_same(case, |folder| model.save_pretrained(folder));
}

fn check_question_answering(case: &Case, expected: &Expected, device: &Device) {
    let model = ElectraForQuestionAnswering::from_pretrained(&case.path, device).unwrap();
    let logits = model.forward(input(expected, device));
    expected.assert("start_logits", logits.start.clone());
    expected.assert("end_logits", logits.end.clone());
    let starts = expected.int_tensor("start_positions", device);
    let ends = expected.int_tensor("end_positions", device);
    expected.assert("loss", logits.loss(starts, ends));
    assert_saves_the_same(case, |folder| model.save_pretrained(folder));
}

fn check_joint_question_answering(case: &Case, expected: &Expected, device: &Device) {
    let backbone = ElectraModel::from_pretrained(&case.path, device).unwrap();
    expected.assert(
        "last_hidden_state",
        backbone.forward(input(expected, device)),
    );
    let model = ElectraForJointQuestionAnswering::from_pretrained(&case.path, device).unwrap();
    check_beam(expected, model.answers(input(expected, device)));
    assert_saves_the_same(case, |folder| model.save_pretrained(folder));

    let device = device.clone().autodiff();
    let model = ElectraForJointQuestionAnswering::from_pretrained(&case.path, &device).unwrap();
    let starts = expected.int_tensor("start_positions", &device);
    let ends = expected.int_tensor("end_positions", &device);
    let impossible = expected.int_tensor::<1>("impossible", &device);
    let logits = model.forward(input(expected, &device), starts.clone());
    expected.assert("start_logits", logits.spans.start.clone());
    expected.assert("end_logits", logits.spans.end.clone());
    expected.assert("impossible_logits", logits.impossible.clone().unwrap());
    let loss = logits.loss(starts, ends, impossible.equal_scalar(1));
    expected.assert("loss", loss.clone());
    let names = ElectraForJointQuestionAnswering::names();
    check_gradients(expected, &model, &names, loss, |name| name);
}

/// The reference has as much of the beam as every row of the input has places for.
fn check_beam(expected: &Expected, beam: AnswerBeam) {
    let (shape, _) = expected.ints("beam.starts");
    let [rows, size] = shape[..] else {
        panic!("a beam of each row")
    };
    assert_ints(
        expected,
        "beam.starts",
        beam.starts.slice([0..rows, 0..size]),
    );
    let log_probs = beam.start_log_probs.slice([0..rows, 0..size]);
    expected.assert("beam.start_log_probs", log_probs);
    let some = [0..rows, 0..size, 0..size];
    assert_ints(expected, "beam.ends", beam.ends.slice(some.clone()));
    expected.assert("beam.end_log_probs", beam.end_log_probs.slice(some));
}

fn check_multiple_choice(case: &Case, expected: &Expected, device: &Device) {
    let model = ElectraForMultipleChoice::from_pretrained(&case.path, device).unwrap();
    let logits = model.forward(MultipleChoiceInput {
        input_ids: expected.int_tensor("input_ids", device),
        padding_mask: expected.padding_mask("attention_mask", device),
        token_type_ids: Some(expected.int_tensor("token_type_ids", device)),
    });
    expected.assert("logits", logits.clone());
    let labels = expected.int_tensor("labels", device);
    expected.assert("loss", loss::sequence_loss(logits, labels).mean());
    assert_saves_the_same(case, |folder| model.save_pretrained(folder));
}

fn check_pretraining(case: &Case, expected: &Expected, device: &Device) {
    let device = &device.clone().autodiff();
    let model = ElectraPretraining::from_pretrained(&case.path, device).unwrap();
    let output = model.forward(PretrainingInput {
        input_ids: expected.int_tensor("input_ids", device),
        masked_input_ids: expected.int_tensor("masked_input_ids", device),
        padding_mask: expected.padding_mask("attention_mask", device),
        token_type_ids: expected.int_tensor("token_type_ids", device),
        masked_positions: expected.int_tensor("positions", device),
        masked_weights: expected.float_tensor("weights", device),
        gumbel: Some(expected.float_tensor("gumbel", device)),
    });
    assert_ints(expected, "sampled_ids", output.sampled_ids);
    assert_ints(expected, "corrupted_input_ids", output.corrupted_input_ids);
    assert_ints(expected, "disc_labels", output.replaced.int());
    expected.assert("generator_logits", output.generator_logits);
    expected.assert("disc_logits", output.detection_logits);
    expected.assert("mlm_loss", output.mlm_loss);
    expected.assert("disc_loss", output.detection_loss);
    expected.assert("loss", output.loss.clone());
    check_gradients(
        expected,
        &model,
        &ElectraPretraining::names(),
        output.loss,
        |name| {
            name.replacen("generator.", "gen.", 1)
                .replacen("discriminator.", "disc.", 1)
        },
    );
    let saved = tempdir().unwrap();
    model.save_pretrained(saved.path()).unwrap();
    for part in ["generator", "discriminator"] {
        assert_same_files(&case.path.join(part), &saved.path().join(part));
    }
}

fn assert_ints<const D: usize>(expected: &Expected, name: &str, actual: Tensor<D, Int>) {
    let (shape, values) = expected.ints(name);
    assert_eq!(actual.dims().as_slice(), shape, "shape of `{name}`");
    let actual: Vec<i64> = actual.into_data().convert::<i64>().try_to_vec().unwrap();
    assert_eq!(actual, values, "`{name}`");
}

fn check_gradients<M: Module>(
    expected: &Expected,
    model: &M,
    names: &NameTable,
    loss: Tensor<1>,
    reference_name: impl Fn(String) -> String,
) {
    if expected.names("grad.").next().is_none() {
        return;
    }
    let gradients = loss.backward();
    for (name, gradient) in collect(model, names, &Gradient(&gradients)).unwrap() {
        let name = format!("grad.{}", reference_name(name));
        expected.assert_values(&name, &gradient.shape, &gradient.values);
    }
}

/// A model that was read from a case is saved as what is there.
fn assert_saves_the_same(case: &Case, save: impl FnOnce(&Path) -> Result<(), PretrainedError>) {
    let saved = SavedFolder::new(case);
    save(saved.path()).unwrap();
    assert_same_files(&case.path, saved.path());
}

fn assert_same_files(folder: &Path, saved: &Path) {
    assert_same_tensors(folder, saved);
    let config = |folder: &Path| -> Value {
        let text = std::fs::read_to_string(folder.join("config.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let (ours, theirs) = (config(saved), config(folder));
    for (key, value) in theirs.as_object().unwrap() {
        assert_eq!(&ours[key], value, "`{key}` in the config in {folder:?}");
    }
}
