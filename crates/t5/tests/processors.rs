//! Logits processors against those of Hugging Face: every case that says what goes in and out.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;

use lamplight_t5::processors::{
    AllowedTokensFn, LogitsProcessor, ProcessorListInput, SequenceBias, Step, processors,
};
use lamplight_t5::{GenerationConfig, Strategy};
use lamplight_testing::{Case, Expected, run_cases};
use serde_json::{Value, json};

const TOLERANCE: f32 = 1e-6;

#[test]
fn processed_scores_are_those_of_hugging_face() {
    run_cases("logits processors", |case| {
        let expected = case.expected();
        if !expected.has("scores") || !expected.has("prev_ids") {
            return false;
        }
        let records = records(case);
        for name in expected.names("out.") {
            let short = &name["out.".len()..];
            let record = match &records {
                Some(records) => records[short].clone(),
                None => record_by_name(short, &expected),
            };
            Output::new(&record, &expected).assert(name, &expected);
        }
        expected.names("out.").next().is_some()
    });
}

/// What the outputs follow from, by name, where the case says so: as `make_processors.py` writes
/// it down.
fn records(case: &Case) -> Option<Value> {
    let text = fs::read_to_string(case.path.join("processors.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// The same for what `make_reference.py` writes, by the names there.
fn record_by_name(name: &str, expected: &Expected) -> Value {
    let last_id = id_rows(expected, "prev_ids", 1, usize::MAX)[0].pop();
    let sample = |mut config: Value| {
        config["do_sample"] = json!(true);
        config["top_k"] = config.get("top_k").cloned().unwrap_or(json!(0));
        json!({ "config": config })
    };
    match name {
        "temperature" => sample(json!({"temperature": 0.7})),
        "top_k" => sample(json!({"top_k": 10})),
        "top_p" => sample(json!({"top_p": 0.8})),
        "min_p" => sample(json!({"min_p": 0.05})),
        "typical_p" => sample(json!({"typical_p": 0.7})),
        "epsilon" => sample(json!({"epsilon_cutoff": 0.01})),
        "temperature_top_k_top_p" => sample(json!({"temperature": 1.3, "top_k": 20, "top_p": 0.9})),
        "repetition_penalty" => json!({"config": {"repetition_penalty": 1.3}}),
        "no_repeat_ngram_2" => json!({"config": {"no_repeat_ngram_size": 2}}),
        "no_repeat_ngram_3" => json!({"config": {"no_repeat_ngram_size": 3}}),
        "min_length_reached" => json!({"config": {"min_length": 10}}),
        "min_length_short" => json!({"config": {"min_length": 11}}),
        "forced_eos" => json!({"config": {"forced_eos_token_id": 1, "max_length": 11}}),
        "forced_bos" => json!({"config": {"forced_bos_token_id": 7}, "length": 1}),
        "bad_words" => json!({"config": {"bad_words_ids": [[5], [last_id, 6]]}}),
        other => panic!("unknown output `{other}`"),
    }
}

/// What one output follows from.
struct Output {
    config: GenerationConfig,
    scores: String,
    prompt: usize,
    eos_token_ids: Vec<u32>,
    taken: Vec<Vec<u32>>,
    allowed: Option<AllowedTokensFn>,
    custom: Vec<Arc<dyn LogitsProcessor>>,
    prefixes: Vec<Vec<u32>>,
    input_ids: Vec<Vec<u32>>,
}

impl Output {
    fn new(record: &Value, expected: &Expected) -> Self {
        let get = |key: &str, default: Value| record.get(key).cloned().unwrap_or(default);
        let scores: String = serde_json::from_value(get("scores", json!("scores"))).unwrap();
        let [rows, vocab] = *expected.floats(&scores).0 else {
            panic!("scores have two axes");
        };
        let length = get("length", json!(usize::MAX)).as_u64().unwrap() as usize;
        let allowed = record["allowed"].as_u64().map(|multiple| {
            let allows = move |input: usize, prefix: &[u32]| {
                let sum = u64::from(*prefix.last().unwrap()) + input as u64;
                let ids = 0..vocab as u32;
                ids.filter(|id| (u64::from(*id) + sum).is_multiple_of(multiple))
                    .collect()
            };
            Arc::new(allows) as AllowedTokensFn
        });
        let custom = record.get("custom").map(|bias| {
            let bias: Vec<(Vec<u32>, f64)> = serde_json::from_value(bias.clone()).unwrap();
            let sequence_bias = bias.into_iter().collect();
            Arc::new(SequenceBias { sequence_bias }) as Arc<dyn LogitsProcessor>
        });
        let config = &record["config"];
        Self {
            config: GenerationConfig::from_json(&config.to_string())
                .unwrap_or_else(|error| panic!("{config}: {error}")),
            scores,
            prompt: get("prompt", json!(1)).as_u64().unwrap() as usize,
            eos_token_ids: serde_json::from_value(get("eos", json!([1]))).unwrap(),
            taken: serde_json::from_value(get("taken", json!(vec![Vec::<u32>::new(); rows])))
                .unwrap(),
            allowed,
            custom: custom.into_iter().collect(),
            prefixes: id_rows(expected, "prev_ids", rows, length),
            input_ids: id_rows(expected, "encoder_input_ids", rows, usize::MAX),
        }
    }

    /// The processed scores, one input after the other.
    fn process(&self, scores: &[f32]) -> Vec<f32> {
        let list = processors(&ProcessorListInput {
            config: &self.config,
            limits: self.config.length_limits(self.prompt).unwrap(),
            eos_token_ids: &self.eos_token_ids,
            allowed_tokens: self.allowed.clone(),
            custom: &self.custom,
        });
        let hypotheses = match self.config.strategy() {
            Strategy::DiverseBeam => self.config.num_beams / self.config.num_beam_groups,
            _ => self.config.num_beams,
        };
        let prefixes: Vec<_> = self.prefixes.iter().map(Vec::as_slice).collect();
        let vocab = scores.len() / prefixes.len();
        let mut processed = scores.to_vec();
        let rows = processed.chunks_exact_mut(hypotheses * vocab);
        for (input, (scores, prefixes)) in rows.zip(prefixes.chunks_exact(hypotheses)).enumerate() {
            let step = Step {
                input,
                input_ids: self.input_ids.get(input).map_or(&[], Vec::as_slice),
                prefixes,
                taken_by_other_groups: &self.taken[input],
            };
            list.process(&step, scores);
        }
        processed
    }

    fn assert(&self, name: &str, expected: &Expected) {
        let actual = self.process(expected.floats(&self.scores).1);
        let (_, wanted) = expected.floats(name);
        assert_eq!(actual.len(), wanted.len(), "`{name}`");
        for (index, (actual, wanted)) in actual.into_iter().zip(wanted).enumerate() {
            let is_close = (actual - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0);
            assert!(
                actual == *wanted || (wanted.is_finite() && is_close),
                "`{name}`[{index}] is {actual}, expected {wanted}"
            );
        }
    }
}

/// The first ids of rows, if there is such a tensor.
fn id_rows(expected: &Expected, name: &str, rows: usize, length: usize) -> Vec<Vec<u32>> {
    if !expected.has(name) {
        return Vec::new();
    }
    let (shape, ids) = expected.ints(name);
    let ids: Vec<_> = ids.iter().map(|&id| u32::try_from(id).unwrap()).collect();
    let rows = ids.chunks_exact(shape[1]).take(rows);
    rows.map(|row| row[..length.min(row.len())].to_vec())
        .collect()
}
