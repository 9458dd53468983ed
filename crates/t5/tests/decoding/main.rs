//! What holds for every model: the cache changes nothing, nor does the company in a batch, nor an
//! assistant; and draws follow the probabilities.
#![allow(clippy::unwrap_used)]

mod draws;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use lamplight_t5::processors::{LogitsProcessor, Step};
use lamplight_t5::{
    FinishReason, GeneratedSequence, GenerationConfig, GenerationInput, Generator, T5Config,
    T5ForConditionalGeneration,
};
use lamplight_testing::{assert_close, compiles_kernels, drawing, test_device};
use proptest::prelude::*;

const VOCAB: usize = 40;

/// A tiny model of one of the families, by a number.
fn model(seed: u64, device: &Device) -> T5ForConditionalGeneration {
    device.seed(seed);
    let kind = ["t5", "mt5", "umt5"][seed as usize % 3];
    let tied = seed.is_multiple_of(2);
    let layers = 1 + seed % 2;
    let json = format!(
        r#"{{"model_type": "{kind}", "vocab_size": {VOCAB}, "d_model": 16, "d_kv": 6, "d_ff": 24,
            "num_layers": 1, "num_decoder_layers": {layers}, "num_heads": 3,
            "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20,
            "initializer_factor": 2.0, "tie_word_embeddings": {tied}}}"#
    );
    T5ForConditionalGeneration::new(&T5Config::from_json(&json).unwrap(), device)
}

/// Texts as a batch, padded on the right.
fn batch(texts: &[Vec<u32>], device: &Device) -> GenerationInput {
    let width = texts.iter().map(Vec::len).max().unwrap();
    let cell = |text: &Vec<u32>, place: usize| text.get(place).copied().map_or(0, i64::from);
    let cells = |text| (0..width).map(move |place| cell(text, place));
    let ids: Vec<i64> = texts.iter().flat_map(cells).collect();
    let lengths = texts.iter().map(Vec::len);
    let mask = lengths.flat_map(|length| (0..width).map(move |place| place >= length));
    let mask: Vec<bool> = mask.collect();
    let shape = [texts.len(), width];
    GenerationInput::new(
        Tensor::<2, Int>::from_data(TensorData::new(ids, shape), device),
        Tensor::<2, Bool>::from_data(TensorData::new(mask, shape), device),
    )
}

fn texts() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let text = prop::collection::vec(2..VOCAB as u32, 1..9);
    prop::collection::vec(text, 1..5)
}

fn ids(answers: &[Vec<GeneratedSequence>]) -> Vec<Vec<Vec<u32>>> {
    let of_input = answers.iter().map(|answers| answers.iter());
    of_input
        .map(|answers| answers.map(|answer| answer.ids.clone()).collect())
        .collect()
}

/// The best id again and again, each time over the whole prefix.
fn greedy_without_cache(
    model: &T5ForConditionalGeneration,
    text: &[u32],
    max_new_tokens: usize,
    device: &Device,
) -> Vec<u32> {
    let input = batch(&[text.to_vec()], device);
    let encoded = model.encode(input.input_ids, input.padding_mask.clone());
    let mut prefix = vec![0_i64];
    while prefix.len() <= max_new_tokens {
        let length = prefix.len();
        let ids = TensorData::new(prefix.clone(), [1, length]);
        let ids = Tensor::<2, Int>::from_data(ids, device);
        let logits = model.decode(ids, encoded.clone(), input.padding_mask.clone());
        let next = logits.narrow(1, length - 1, 1).argmax(2);
        let next = next.into_data().iter::<i64>().next().unwrap();
        if next == 1 {
            break;
        }
        prefix.push(next);
    }
    prefix[1..].iter().map(|&id| id as u32).collect()
}

/// Every way to choose ids.
fn strategies() -> Vec<GenerationConfig> {
    let configs = [
        GenerationConfig::greedy(),
        GenerationConfig::greedy().no_repeat_ngram_size(2),
        GenerationConfig::sample()
            .temperature(0.7)
            .num_return_sequences(2),
        GenerationConfig::beam(3).num_return_sequences(3),
        GenerationConfig::beam(3)
            .early_stopping(true)
            .length_penalty(0.5),
        GenerationConfig {
            do_sample: true,
            ..GenerationConfig::beam(2)
        },
        GenerationConfig::diverse_beam(4, 2, 0.8),
        GenerationConfig::contrastive(0.6, 4),
    ];
    let short = |config: GenerationConfig| config.max_new_tokens(12);
    configs.map(short).to_vec()
}

/// Every case has shapes of its own, so that few must do where kernels are compiled for each.
fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if compiles_kernels() { 1 } else { 12 })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn greedy_with_the_cache_is_greedy_without(seed in 0_u64..1000, texts in texts()) {
        let _drawing = drawing();
        let device = test_device();
        let model = model(seed, &device);
        let config = GenerationConfig::greedy().max_new_tokens(10);
        let answers = model.generate(batch(&texts, &device), &config).unwrap();
        for (text, answer) in texts.iter().zip(&answers) {
            let expected = greedy_without_cache(&model, text, 10, &device);
            prop_assert_eq!(&answer[0].ids, &expected);
        }
    }

    #[test]
    fn a_batch_gives_the_answers_of_its_rows(seed in 0_u64..1000, texts in texts()) {
        let _drawing = drawing();
        let device = test_device();
        let model = model(seed, &device);
        for config in strategies() {
            let generator = Generator::new(&model, config.clone()).unwrap();
            let seeds: Vec<u64> = (0..texts.len() as u64).map(|row| row + 100).collect();
            let input = GenerationInput { seeds: Some(seeds.clone()), ..batch(&texts, &device) };
            let together = generator.generate(input).unwrap();
            for (row, text) in texts.iter().enumerate() {
                let alone = batch(std::slice::from_ref(text), &device);
                let alone = GenerationInput { seeds: Some(vec![seeds[row]]), ..alone };
                let alone = generator.generate(alone).unwrap();
                prop_assert_eq!(&ids(&together)[row], &ids(&alone)[0], "{:?}", config);
            }
        }
    }

    #[test]
    fn one_beam_is_greedy_where_the_first_to_finish_wins(seed in 0_u64..1000, texts in texts()) {
        let _drawing = drawing();
        let device = test_device();
        let model = model(seed, &device);
        let greedy = GenerationConfig::greedy().max_new_tokens(10);
        let greedy = model.generate(batch(&texts, &device), &greedy).unwrap();
        // Groups of one beam each, the first of which minds no other.
        let beams = GenerationConfig::diverse_beam(2, 2, 0.5).early_stopping(true);
        let beams = beams.max_new_tokens(10).num_return_sequences(2);
        let beams = model.generate(batch(&texts, &device), &beams).unwrap();
        for (greedy, beams) in greedy.iter().zip(&beams) {
            let greedy = (&greedy[0].ids, greedy[0].finish_reason);
            prop_assert!(beams.iter().any(|beam| (&beam.ids, beam.finish_reason) == greedy));
        }
    }

    #[test]
    fn greedy_with_an_assistant_is_greedy(seed in 0_u64..1000, other in 0_u64..1000, texts in texts()) {
        let _drawing = drawing();
        let device = test_device();
        let (model, other) = (model(seed, &device), model(other, &device));
        let config = GenerationConfig::greedy().max_new_tokens(15).repetition_penalty(1.1);
        let generator = Generator::new(&model, config).unwrap();
        let alone = generator.generate(batch(&texts, &device)).unwrap();
        for assistant in [&other, &model] {
            let assisted = generator.clone().with_assistant(assistant).unwrap();
            let assisted = assisted.generate(batch(&texts, &device)).unwrap();
            prop_assert_eq!(ids(&assisted), ids(&alone));
        }
    }

    #[test]
    fn what_is_streamed_is_what_is_given(seed in 0_u64..1000, texts in texts()) {
        let _drawing = drawing();
        let device = test_device();
        let model = model(seed, &device);
        for config in strategies().into_iter().filter(|config| config.num_beams == 1) {
            let generator = Generator::new(&model, config.clone()).unwrap();
            let mut streamed = vec![vec![Vec::new(); config.num_return_sequences]; texts.len()];
            let answers = generator.stream(batch(&texts, &device), &mut |new| {
                streamed[new.input][new.answer].push(new.id);
                ControlFlow::Continue(())
            });
            let answers = answers.unwrap();
            prop_assert_eq!(ids(&answers), streamed);
        }
    }
}

#[test]
fn an_answer_ends_where_its_receiver_breaks() {
    let _drawing = drawing();
    let device = test_device();
    let model = model(2, &device);
    let config = GenerationConfig::greedy()
        .max_new_tokens(10)
        .min_new_tokens(10);
    let generator = Generator::new(&model, config).unwrap();
    let texts = [vec![5, 6, 1], vec![9, 1]];
    let mut num_first = 0;
    let answers = generator.stream(batch(&texts, &device), &mut |new| {
        num_first += usize::from(new.input == 0);
        match new.input == 0 && num_first == 3 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    let answers = answers.unwrap();
    assert_eq!(
        (answers[0][0].ids.len(), answers[0][0].finish_reason),
        (3, FinishReason::Stopped)
    );
    assert_eq!(
        (answers[1][0].ids.len(), answers[1][0].finish_reason),
        (10, FinishReason::MaxLength)
    );
}

/// Ends the first group of a diverse search at once, and notes what the second hears of it.
#[derive(Debug, Default)]
struct FirstGroupEnds {
    taken: Mutex<Vec<Vec<u32>>>,
}

impl LogitsProcessor for FirstGroupEnds {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        if step.taken_by_other_groups.is_empty() {
            for row in scores.chunks_mut(VOCAB) {
                row.fill(-50.0);
                row[1] = -1.0;
            }
        } else {
            let taken = step.taken_by_other_groups.to_vec();
            self.taken.lock().unwrap().push(taken);
        }
    }
}

#[test]
fn a_group_that_is_done_counts_as_padding_for_those_behind_it() {
    let _drawing = drawing();
    let device = test_device();
    let model = model(8, &device);
    let ends = Arc::new(FirstGroupEnds::default());
    let config = GenerationConfig::diverse_beam(4, 2, 0.5)
        .early_stopping(true)
        .max_new_tokens(6)
        .min_new_tokens(0);
    let generator = Generator::new(&model, config).unwrap();
    let generator = generator.with_processor(ends.clone());
    generator
        .generate(batch(&[vec![5, 6, 1]], &device))
        .unwrap();
    // The first step spreads one beam, the second ends both; from then on there is padding.
    let taken = ends.taken.lock().unwrap();
    assert!(taken.len() > 2, "{taken:?}");
    assert!(taken[..2].iter().all(|ids| ids != &[0, 0]), "{taken:?}");
    assert!(taken[2..].iter().all(|ids| ids == &[0, 0]), "{taken:?}");
}

#[test]
fn scores_are_log_probabilities_of_the_ids() {
    let _drawing = drawing();
    let device = test_device();
    let model = model(4, &device);
    let text = vec![8, 21, 3, 1];
    let config = GenerationConfig {
        output_scores: true,
        ..GenerationConfig::greedy()
    };
    let answer = &model
        .generate(batch(std::slice::from_ref(&text), &device), &config)
        .unwrap()[0][0];
    let scores = answer.token_scores.as_ref().unwrap();
    let ended = usize::from(answer.finish_reason == FinishReason::EndOfText);
    assert_eq!(scores.len(), answer.ids.len() + ended);
    assert_close(
        "score",
        &[answer.score.unwrap()],
        &[scores.iter().sum()],
        1e-6,
        0.0,
    );
    // The group of one beam that minds no other finds the same text and the same scores.
    let beams = GenerationConfig::diverse_beam(2, 2, 0.5).num_return_sequences(2);
    let beams = beams.early_stopping(true).length_penalty(0.0);
    let beams = &model.generate(batch(&[text], &device), &beams).unwrap()[0];
    let beam = beams.iter().find(|beam| beam.ids == answer.ids).unwrap();
    assert_close(
        "tokens",
        beam.token_scores.as_ref().unwrap(),
        scores,
        1e-4,
        0.0,
    );
    assert_close(
        "sum",
        &[beam.score.unwrap()],
        &[answer.score.unwrap()],
        1e-4,
        0.0,
    );
}

#[test]
fn attention_maps_have_a_row_for_each_choice() {
    let _drawing = drawing();
    let device = test_device();
    let model = model(6, &device);
    let texts = [vec![8, 21, 3, 1], vec![4, 1]];
    for config in [GenerationConfig::greedy(), GenerationConfig::beam(2)] {
        let config = GenerationConfig {
            output_attentions: true,
            ..config.max_new_tokens(7)
        };
        let answers = model.generate(batch(&texts, &device), &config).unwrap();
        for (text, answer) in texts.iter().zip(&answers) {
            let answer = &answer[0];
            let ended = usize::from(answer.finish_reason == FinishReason::EndOfText);
            let (target, source) = (answer.ids.len() + ended, text.len());
            let maps = answer.attentions.as_ref().unwrap();
            let layers = model.config().num_decoder_layers.unwrap();
            assert_eq!(
                (maps.encoder.len(), maps.decoder.len(), maps.cross.len()),
                (1, layers, layers)
            );
            assert_eq!(maps.encoder[0].dims(), [3, source, source]);
            assert_eq!(maps.decoder[0].dims(), [3, target, target]);
            assert_eq!(maps.cross[0].dims(), [3, target, source]);
            let sums: Vec<f32> = maps.cross[0]
                .clone()
                .sum_dim(2)
                .into_data()
                .try_to_vec()
                .unwrap();
            assert_close("sums", &sums, &vec![1.0; 3 * target], 1e-5, 0.0);
        }
    }
}
