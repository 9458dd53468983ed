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

#[test]
fn every_expected_generation_is_that_of_the_reference() {
    let device = test_device();
    let mut num_calls = 0;
    let mut num_cases = 0;
    run_cases("T5 generation", |case| {
        let Some(calls) = calls(case) else {
            return false;
        };
        // Where kernels are compiled for every shape, two cases must do.
        if compiles_kernels() && num_cases == 2 {
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
            let mut generator = Generator::new(&model, config.clone()).unwrap();
            if arguments.get("num_assistant_tokens").is_some() {
                let assistant = assistant.as_ref().unwrap();
                generator = generator.with_assistant(assistant).unwrap();
            }
            let answers = generator.generate(input(name, &expected, &device));
            let label = format!("{}/{name}", case.name);
            check(
                name,
                &config,
                &expected,
                &answers.unwrap_or_else(|error| panic!("{label}: {error}")),
            );
            num_calls += 1;
        }
        true
    });
    writeln!(std::io::stderr(), "{num_calls} calls of generate").unwrap();
}
