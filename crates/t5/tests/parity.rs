//! Every T5 case of the reference set: outputs, losses, gradients, hidden states, attention maps.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use burn::tensor::{Device, Tensor};
use lamplight_layers::loss::label_loss;
use lamplight_layers::pretrained::{Gradient, collect};
use lamplight_t5::{
    Seq2SeqInput, Seq2SeqPass, Seq2SeqTrace, T5Config, T5EncoderModel, T5ForConditionalGeneration,
    T5ForQuestionAnswering, T5ForSequenceClassification, T5ForTokenClassification,
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
        expected.has("logits") && (!compiles_kernels() || has_gradients(&expected))
    }
}

fn has_gradients(expected: &Expected) -> bool {
    expected.names("grad.").next().is_some()
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

fn seq2seq_loss(
    model: &T5ForConditionalGeneration,
    expected: &Expected,
    device: &Device,
) -> Tensor<1> {
    let logits = model.forward(seq2seq_input(expected, device)).logits;
    let labels = expected.int_tensor::<2>("labels", device);
    label_loss(logits, labels.flatten(0, 1)).mean()
}

#[test]
fn forward_passes_are_those_of_the_reference() {
    let device = test_device();
    run_cases("T5 forward", |case| {
        if !is_generation_case(case) {
            return false;
        }
        let expected = case.expected();
        let model = T5ForConditionalGeneration::from_pretrained(&case.path, &device).unwrap();
        let mut trace = Seq2SeqTrace::default();
        let output = model.forward_by(
            seq2seq_input(&expected, &device),
            Seq2SeqPass::traced(&mut trace),
        );
        expected.assert("logits", output.logits);
        expected.assert(
            "encoder_last_hidden_state",
            output.encoder_last_hidden_state,
        );
        expected.assert(
            "decoder_last_hidden_state",
            output.decoder_last_hidden_state,
        );
        expected.assert("loss", seq2seq_loss(&model, &expected, &device));
        assert_trace(&expected, trace);
        if expected.has("masked_decoder.logits") {
            let mask = expected.padding_mask("masked_decoder.decoder_attention_mask", &device);
            let input = Seq2SeqInput {
                decoder_padding_mask: Some(mask),
                segments: None,
                ..seq2seq_input(&expected, &device)
            };
            expected.assert("masked_decoder.logits", model.forward(input).logits);
        }
        true
    });
}

fn assert_trace(expected: &Expected, trace: Seq2SeqTrace) {
    fn assert_each<const D: usize>(expected: &Expected, kind: &str, tensors: Vec<Tensor<D>>) {
        for (layer, tensor) in tensors.into_iter().enumerate() {
            let name = format!("{kind}.{layer}");
            if expected.has(&name) {
                expected.assert(&name, tensor);
            }
        }
        assert_eq!(expected.unchecked(&format!("{kind}.")), Vec::<&str>::new());
    }
    assert_each(
        expected,
        "encoder_hidden_states",
        trace.encoder.hidden_states,
    );
    assert_each(
        expected,
        "encoder_attentions",
        trace.encoder.self_attentions,
    );
    assert_each(
        expected,
        "decoder_hidden_states",
        trace.decoder.hidden_states,
    );
    assert_each(
        expected,
        "decoder_attentions",
        trace.decoder.self_attentions,
    );
    assert_each(expected, "cross_attentions", trace.decoder.cross_attentions);
}

#[test]
fn every_gradient_is_that_of_the_reference() {
    let device = test_device().autodiff();
    run_cases("T5 gradients", |case| {
        if !is_generation_case(case) || !has_gradients(&case.expected()) {
            return false;
        }
        let expected = case.expected();
        let model = T5ForConditionalGeneration::from_pretrained(&case.path, &device).unwrap();
        let gradients = seq2seq_loss(&model, &expected, &device).backward();
        let names = T5ForConditionalGeneration::names(model.config());
        for (name, gradient) in collect(&model, &names, &Gradient(&gradients)).unwrap() {
            expected.assert_values(&format!("grad.{name}"), &gradient.shape, &gradient.values);
        }
        assert_eq!(expected.unchecked("grad."), Vec::<&str>::new());
        true
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
fn saved_and_loaded_encoder_model_is_that_of_the_reference() {
    let device = test_device();
    run_cases("T5EncoderModel", |case| {
        if !is_architecture(case, "EncoderModel") {
            return false;
        }
        let expected = case.expected();
        let model = T5EncoderModel::from_pretrained(&case.path, &device).unwrap();
        let hidden = model.forward(
            expected.int_tensor("input_ids", &device),
            expected.padding_mask("attention_mask", &device),
        );
        expected.assert("last_hidden_state", hidden);
        assert_round_trip(case, |folder| model.save_pretrained(folder).unwrap());
        true
    });
}

/// What is saved is what was loaded.
fn assert_round_trip(case: &Case, save: impl FnOnce(&Path)) {
    let saved = SavedFolder::new(case);
    save(saved.path());
    assert_same_tensors(&case.path, saved.path());
}

#[test]
fn saved_and_loaded_classification_heads_are_those_of_the_reference() {
    let device = test_device();
    run_cases("T5 classification", |case| {
        let expected = case.expected();
        let input_ids = || expected.int_tensor::<2>("input_ids", &device);
        let padding_mask = || expected.padding_mask::<2>("attention_mask", &device);
        if is_architecture(case, "T5ForSequenceClassification") {
            let model = T5ForSequenceClassification::from_pretrained(&case.path, &device).unwrap();
            let logits = model.forward(input_ids(), padding_mask());
            let labels = expected.int_tensor::<1>("labels", &device);
            expected.assert("logits", logits.clone());
            expected.assert("loss", label_loss(logits, labels).mean());
            assert_round_trip(case, |folder| model.save_pretrained(folder).unwrap());
        } else if is_architecture(case, "T5ForTokenClassification") {
            let model = T5ForTokenClassification::from_pretrained(&case.path, &device).unwrap();
            let logits = model.forward(input_ids(), padding_mask());
            let labels = expected.int_tensor::<2>("labels", &device);
            expected.assert("logits", logits.clone());
            expected.assert("loss", label_loss(logits, labels.flatten(0, 1)).mean());
            assert_round_trip(case, |folder| model.save_pretrained(folder).unwrap());
        } else {
            return false;
        }
        true
    });
}

#[test]
fn saved_and_loaded_question_answering_is_that_of_the_reference() {
    let device = test_device();
    run_cases("T5 question answering", |case| {
        if !is_architecture(case, "T5ForQuestionAnswering") {
            return false;
        }
        let expected = case.expected();
        let model = T5ForQuestionAnswering::from_pretrained(&case.path, &device).unwrap();
        let logits = model.forward(
            expected.int_tensor("input_ids", &device),
            expected.padding_mask("attention_mask", &device),
        );
        expected.assert("start_logits", logits.start.clone());
        expected.assert("end_logits", logits.end.clone());
        let starts = expected.int_tensor("start_positions", &device);
        let ends = expected.int_tensor("end_positions", &device);
        expected.assert("loss", logits.loss(starts, ends));
        assert_round_trip(case, |folder| model.save_pretrained(folder).unwrap());
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
