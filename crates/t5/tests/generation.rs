//! Every `generate` expectation of the reference set: the ids, and in beam search the scores.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use burn::tensor::Device;
use lamplight_t5::{
    FinishReason, GeneratedSequence, GenerationConfig, GenerationInput, Generator,
    T5ForConditionalGeneration,
};
use lamplight_testing::{Case, Expected, assert_close, compiles_kernels, run_cases, test_device};
use serde_json::Value;

/// The arguments of each `generate` call of a case, by name.
fn calls(case: &Case) -> Option<Value> {
    let text = std::fs::read_to_string(case.path.join("generate.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn input(name: &str, expected: &Expected, device: &Device) -> GenerationInput {
    let prompts = format!("gen.{name}.decoder_input_ids");
    GenerationInput {
        decoder_input_ids: expected.has(&prompts).then(|| rows(expected, &prompts)),
        ..GenerationInput::new(
            expected.int_tensor("input_ids", device),
            expected.padding_mask("attention_mask", device),
        )
    }
}

fn rows(expected: &Expected, name: &str) -> Vec<Vec<u32>> {
    let (shape, ids) = expected.ints(name);
    let rows = ids.chunks(shape[1]);
    rows.map(|row| row.iter().map(|&id| id as u32).collect())
        .collect()
}

/// A row of ids as the reference returns it, without the prompt, up to the id that ends it.
fn without_padding(row: &[u32], prompt: usize, eos: &[u32]) -> (Vec<u32>, FinishReason) {
    let generated = &row[prompt..];
    match generated.iter().position(|id| eos.contains(id)) {
        Some(end) => (generated[..end].to_vec(), FinishReason::EndOfText),
        None => (generated.to_vec(), FinishReason::MaxLength),
    }
}

fn check(
    name: &str,
    config: &GenerationConfig,
    expected: &Expected,
    answers: &[Vec<GeneratedSequence>],
) {
    let eos = match config.eos_token_id.as_slice() {
        [] => &[1],
        ids => ids,
    };
    let prompt = format!("gen.{name}.decoder_input_ids");
    let prompt = if expected.has(&prompt) {
        expected.ints(&prompt).0[1]
    } else {
        1
    };
    let ids = rows(expected, &format!("gen.{name}.ids"));
    let answers: Vec<&GeneratedSequence> = answers.iter().flatten().collect();
    assert_eq!(answers.len(), ids.len(), "{name}: rows");
    for (row, (answer, ids)) in answers.iter().zip(&ids).enumerate() {
        let (ids, finish_reason) = without_padding(ids, prompt, eos);
        assert_eq!(answer.ids, ids, "{name}: ids of row {row}");
        assert_eq!(answer.finish_reason, finish_reason, "{name}: row {row}");
    }
    let scores = format!("gen.{name}.sequences_scores");
    if expected.has(&scores) {
        let actual: Vec<f32> = answers.iter().map(|answer| answer.score.unwrap()).collect();
        assert_close(&scores, &actual, expected.floats(&scores).1, 1e-4, 0.0);
    }
}

/// The scores of each id, and where the decoder looked.
fn check_inspected(name: &str, expected: &Expected, answers: &[Vec<GeneratedSequence>]) {
    let answers: Vec<&GeneratedSequence> = answers.iter().flatten().collect();
    let scores = format!("gen.{name}.token_scores");
    if expected.has(&scores) {
        let (shape, expected) = expected.floats(&scores);
        for (answer, expected) in answers.iter().zip(expected.chunks(shape[1])) {
            let actual = answer.token_scores.as_ref().unwrap();
            assert_close(&scores, actual, &expected[..actual.len()], 1e-4, 0.0);
        }
    }
    let maps = format!("gen.{name}.cross_attentions");
    if expected.has(&maps) {
        let (shape, expected) = expected.floats(&maps);
        let [_, heads, target, source] = [0, 1, 2, 3].map(|axis| shape[axis]);
        let rows = expected.chunks(heads * target * source);
        for (answer, expected) in answers.iter().zip(rows) {
            let last = answer.attentions.as_ref().unwrap().cross.last().unwrap();
            let [_, real_target, real_source] = last.dims();
            let cells = (0..heads).flat_map(|head| (0..real_target).map(move |row| (head, row)));
            let start = |(head, row): (usize, usize)| (head * target + row) * source;
            let expected = cells.flat_map(|cell| &expected[start(cell)..][..real_source]);
            let expected: Vec<f32> = expected.copied().collect();
            let actual: Vec<f32> = last.clone().into_data().try_to_vec().unwrap();
            assert_close(&maps, &actual, &expected, 1e-4, 0.0);
        }
    }
}

#[test]
fn every_expected_generation_is_that_of_the_reference() {
    let device = test_device();
    let mut num_calls = 0;
    let mut num_cases = 0;
    run_cases("T5 generation", |case| {
        let Some(calls) = calls(case) else {
            return false;
        };
        // Where kernels are compiled for every shape, two cases of few calls must do.
        let is_long = calls.as_object().unwrap().len() > 10;
        if compiles_kernels() && (num_cases == 2 || is_long) {
            return false;
        }
        num_cases += 1;
        let expected = case.expected();
        let model = T5ForConditionalGeneration::from_pretrained(&case.path, &device).unwrap();
        let assistant = case.path.join("assistant");
        let assistant = assistant
            .is_dir()
            .then(|| T5ForConditionalGeneration::from_pretrained(&assistant, &device).unwrap());
        for (name, arguments) in calls.as_object().unwrap() {
            let config = GenerationConfig::from_json(&arguments.to_string()).unwrap();
            let inspected = GenerationConfig {
                output_scores: true,
                output_attentions: true,
                ..config.clone()
            };
            // What is kept for inspection may take another path to the same ids.
            for (config, is_inspected) in [(config, false), (inspected, true)] {
                let mut generator = Generator::new(&model, config.clone()).unwrap();
                if arguments.get("num_assistant_tokens").is_some() {
                    let assistant = assistant.as_ref().unwrap();
                    generator = generator.with_assistant(assistant).unwrap();
                }
                let answers = generator.generate(input(name, &expected, &device));
                let answers =
                    answers.unwrap_or_else(|error| panic!("{}/{name}: {error}", case.name));
                check(name, &config, &expected, &answers);
                if is_inspected {
                    check_inspected(name, &expected, &answers);
                }
            }
            num_calls += 1;
        }
        true
    });
    writeln!(std::io::stderr(), "{num_calls} calls of generate").unwrap();
}
