//! Every reference case that is an ELECTRA: outputs, losses, gradients, hidden states, attention
//! maps and files must be Hugging Face's. What is checked follows from the case's config and
//! from which tensors it expects.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use lamplight_electra::{
    ElectraForJointQuestionAnswering, ElectraForMaskedLM, ElectraForMultipleChoice,
    ElectraForPreTraining, ElectraForQuestionAnswering, ElectraForSequenceClassification,
    ElectraForTokenClassification, ElectraInput, ElectraModel, ElectraPretraining,
};
use lamplight_layers::pretrained::PretrainedError;
use lamplight_testing::{
    Case, SavedFolder, assert_same_tensors, compiles_kernels, run_cases, test_device,
};
use serde_json::Value;
use tempfile::tempdir;

#[test]
fn reference_cases_are_matched() {
    let device = test_device();
    let seen = RefCell::new(BTreeSet::new());
    run_cases("ELECTRA", |case| {
        let Some(kind) = kind(case) else {
            return false;
        };
        // A device that compiles a kernel for every shape gets one case of each kind.
        if !seen.borrow_mut().insert(kind) && compiles_kernels() {
            return false;
        }
        case.assert_parity(&device)
    });
}

#[test]
fn what_is_loaded_is_saved_as_it_was() {
    run_cases("ELECTRA saved", |case| {
        let Some(kind) = kind(case) else {
            return false;
        };
        check_saving(case, &kind);
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

fn check_saving(case: &Case, kind: &str) {
    macro_rules! check {
        ($model:ident) => {
            assert_saves_the_same(case, |folder| {
                let model = $model::from_pretrained(&case.path, &test_device())?;
                model.save_pretrained(folder)
            })
        };
    }
    match kind {
        "ElectraModel" => check!(ElectraModel),
        "ElectraForPreTraining" => check!(ElectraForPreTraining),
        "ElectraForMaskedLM" => check!(ElectraForMaskedLM),
        "ElectraForSequenceClassification" => check!(ElectraForSequenceClassification),
        "ElectraForTokenClassification" => check!(ElectraForTokenClassification),
        "ElectraForQuestionAnswering" => check!(ElectraForQuestionAnswering),
        "ElectraForJointQuestionAnswering" => check!(ElectraForJointQuestionAnswering),
        "ElectraForMultipleChoice" => check!(ElectraForMultipleChoice),
        "ElectraPretraining" => {
            let saved = tempdir().unwrap();
            let model = ElectraPretraining::from_pretrained(&case.path, &test_device()).unwrap();
            model.save_pretrained(saved.path()).unwrap();
            for part in ["generator", "discriminator"] {
                assert_same_files(&case.path.join(part), &saved.path().join(part));
            }
        }
        other => panic!("{}: nothing saves {other}", case.name),
    }
}

#[test]
fn files_with_old_names_give_the_same_outputs_and_are_saved_with_new_ones() {
    let device = test_device();
    run_cases("ELECTRA files with old names", |case| {
        let old = case.path.join("model_legacy_names.safetensors");
        if !old.is_file() || kind(case).as_deref() != Some("ElectraForMaskedLM") {
            return false;
        }
        let folder = tempdir().unwrap();
        let copy = |from: &Path, to: &str| std::fs::copy(from, folder.path().join(to)).unwrap();
        copy(&case.path.join("config.json"), "config.json");
        copy(&old, "model.safetensors");
        let model = ElectraForMaskedLM::from_pretrained(folder.path(), &device).unwrap();
        let expected = case.expected();
        let logits = model.forward(ElectraInput {
            input_ids: expected.int_tensor("input_ids", &device),
            padding_mask: expected.padding_mask("attention_mask", &device),
            token_type_ids: Some(expected.int_tensor("token_type_ids", &device)),
        });
        expected.assert("logits", logits);
        assert_saves_the_same(case, |folder| model.save_pretrained(folder));
        true
    });
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
