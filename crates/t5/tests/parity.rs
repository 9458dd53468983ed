//! Every T5 case of the reference set: outputs, losses, gradients, hidden states, attention maps, files.
#![allow(clippy::unwrap_used)]

use burn::tensor::Device;
use lamplight_t5::{
    Seq2SeqInput, T5Config, T5EncoderModel, T5ForConditionalGeneration, T5ForQuestionAnswering,
    T5ForSequenceClassification, T5ForTokenClassification,
};
use lamplight_testing::{
    Case, Expected, SavedFolder, assert_same_tensors, compiles_kernels, run_cases, test_device,
};

fn is_t5(case: &Case) -> bool {
    let model_type = case.config("")["model_type"].as_str().map(str::to_owned);
    model_type.is_some_and(|name| ["t5", "mt5", "umt5"].contains(&name.as_str()))
}

fn is_architecture(case: &Case, suffix: &str) -> bool {
    is_t5(case)
        && case
            .architecture()
            .is_some_and(|name| name.ends_with(suffix))
}

/// A case of one forward pass, not a training run. Where kernels are compiled for every shape,
/// the cases with gradients must do.
fn is_generation_case(case: &Case) -> bool {
    is_architecture(case, "ForConditionalGeneration") && {
        let expected = case.expected();
        expected.has("logits") && (!compiles_kernels() || expected.has_gradients())
    }
}

fn seq2seq_input(expected: &Expected, device: &Device) -> Seq2SeqInput {
    Seq2SeqInput {
        input_ids: expected.int_tensor("input_ids", device),
        padding_mask: expected.padding_mask("attention_mask", device),
        decoder_input_ids: expected.int_tensor("decoder_input_ids", device),
        decoder_padding_mask: None,
        segments: None,
    }
}

#[test]
fn outputs_and_gradients_are_those_of_the_reference() {
    let device = test_device();
    run_cases("T5", |case| {
        let is_chosen =
            is_generation_case(case) || !is_architecture(case, "ForConditionalGeneration");
        is_t5(case) && is_chosen && case.assert_parity(&device)
    });
}

/// A folder with this config and these weights of a case.
fn recombined(case: &Case, config: &str, weights: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(case.path.join(config), folder.path().join("config.json")).unwrap();
    std::fs::copy(
        case.path.join(weights),
        folder.path().join("model.safetensors"),
    )
    .unwrap();
    folder
}

#[test]
fn configs_of_the_hub_and_files_with_old_names_give_the_same_logits() {
    let device = test_device();
    run_cases("T5 files of the hub", |case| {
        let variants = [
            ("config_hub_style.json", "model.safetensors"),
            ("config.json", "model_legacy_names.safetensors"),
        ];
        let has = |file: &str| case.path.join(file).is_file();
        let variants = variants
            .iter()
            .filter(|(config, weights)| has(config) && has(weights));
        let folders: Vec<_> = variants.map(|(c, w)| recombined(case, c, w)).collect();
        if !is_generation_case(case) || folders.is_empty() {
            return false;
        }
        let expected = case.expected();
        for folder in folders {
            let model = T5ForConditionalGeneration::from_pretrained(folder.path(), &device);
            let output = model.unwrap().forward(seq2seq_input(&expected, &device));
            expected.assert("logits", output.logits);
        }
        true
    });
}

#[test]
fn saved_model_loads_to_the_same_logits() {
    let device = test_device();
    run_cases("T5 saved and loaded", |case| {
        if !is_generation_case(case) {
            return false;
        }
        let folder = SavedFolder::new(case);
        let model = T5ForConditionalGeneration::from_pretrained(&case.path, &device).unwrap();
        model.save_pretrained(folder.path()).unwrap();
        let model = T5ForConditionalGeneration::from_pretrained(folder.path(), &device).unwrap();
        let expected = case.expected();
        expected.assert(
            "logits",
            model.forward(seq2seq_input(&expected, &device)).logits,
        );
        true
    });
}

#[test]
fn heads_are_saved_as_they_were_loaded() {
    let device = test_device();
    run_cases("T5 heads saved", |case| {
        let (path, saved) = (&case.path, SavedFolder::new(case));
        let saving = match case.architecture().as_deref() {
            Some("T5EncoderModel") => T5EncoderModel::from_pretrained(path, &device)
                .unwrap()
                .save_pretrained(saved.path()),
            Some("T5ForSequenceClassification") => {
                T5ForSequenceClassification::from_pretrained(path, &device)
                    .unwrap()
                    .save_pretrained(saved.path())
            }
            Some("T5ForTokenClassification") => {
                T5ForTokenClassification::from_pretrained(path, &device)
                    .unwrap()
                    .save_pretrained(saved.path())
            }
            Some("T5ForQuestionAnswering") => {
                T5ForQuestionAnswering::from_pretrained(path, &device)
                    .unwrap()
                    .save_pretrained(saved.path())
            }
            _ => return false,
        };
        saving.unwrap();
        assert_same_tensors(path, saved.path());
        true
    });
}

#[test]
fn config_of_every_case_is_read_and_written_back() {
    run_cases("T5 configs", |case| {
        if !is_t5(case) {
            return false;
        }
        let config = T5Config::from_file(&case.path.join("config.json")).unwrap();
        let again = T5Config::from_json(&config.to_json(&case.architecture().unwrap())).unwrap();
        assert_eq!(config.to_json("T5"), again.to_json("T5"));
        true
    });
}
