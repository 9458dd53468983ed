//! Draws follow the processed probabilities.

use burn::tensor::{Int, Tensor, TensorData};
use lamplight_t5::processors::{LogitsProcessor, Step, Temperature, TopK, TopP};
use lamplight_t5::{GenerationConfig, Generator, T5ForConditionalGeneration};
use lamplight_testing::{compiles_kernels, drawing, test_device};

use super::{VOCAB, batch, model};

/// The distribution of the first id by the processors of a config.
fn processed_probabilities(
    model: &T5ForConditionalGeneration,
    prefix: &[u32],
    text: &[u32],
) -> Vec<f64> {
    let device = test_device();
    let input = batch(&[text.to_vec()], &device);
    let encoded = model.encode(input.input_ids, input.padding_mask.clone());
    let ids: Vec<i64> = prefix.iter().copied().map(i64::from).collect();
    let length = ids.len();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, length]), &device);
    let logits = model.decode(ids, encoded, input.padding_mask);
    let mut scores: Vec<f32> = logits
        .narrow(1, length - 1, 1)
        .into_data()
        .iter::<f32>()
        .collect();
    let step = Step {
        input: 0,
        input_ids: text,
        prefixes: &[prefix],
        taken_by_other_groups: &[],
    };
    Temperature { temperature: 1.3 }.process(&step, &mut scores);
    TopK { top_k: 6 }.process(&step, &mut scores);
    TopP {
        top_p: 0.9,
        min_tokens_to_keep: 1,
    }
    .process(&step, &mut scores);
    let weights: Vec<f64> = scores.iter().map(|&score| f64::from(score).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

fn sampling_config() -> GenerationConfig {
    GenerationConfig::sample()
        .temperature(1.3)
        .top_k(6)
        .top_p(0.9)
}

/// Asserts that counts agree with probabilities: chi-squared below its 0.9999 quantile (Wilson and
/// Hilferty's approximation).
fn assert_drawn_from(counts: &[usize], probabilities: &[f64]) {
    let num_draws: usize = counts.iter().sum();
    let cells = counts.iter().zip(probabilities);
    let (impossible, possible): (Vec<_>, Vec<_>) = cells.partition(|(_, share)| **share == 0.0);
    assert!(
        impossible.iter().all(|(count, _)| **count == 0),
        "an impossible id"
    );
    let terms = possible.iter().map(|(count, share)| {
        let expected = **share * num_draws as f64;
        (**count as f64 - expected).powi(2) / expected
    });
    let chi_squared: f64 = terms.sum();
    let freedom = (possible.len() - 1) as f64;
    let ninth = 2.0 / (9.0 * freedom);
    let bound = freedom * (1.0 - ninth + 3.719 * ninth.sqrt()).powi(3);
    assert!(possible.len() > 2, "a test with one outcome");
    assert!(
        chi_squared < bound,
        "chi-squared {chi_squared}, bound {bound}"
    );
}

#[test]
fn draws_follow_the_processed_probabilities() {
    // Draws are made on the host; many steps on a device that compiles kernels only take long.
    if compiles_kernels() {
        return;
    }
    let _drawing = drawing();
    let device = test_device();
    let model = model(5, &device);
    let text = vec![7, 30, 12, 5, 1];
    let probabilities = processed_probabilities(&model, &[0], &text);
    let mut counts = vec![0; VOCAB];
    let config = sampling_config()
        .max_new_tokens(1)
        .num_return_sequences(1000);
    for seed in 0..100 {
        let config = config.clone().seed(seed);
        let answers = model.generate(batch(std::slice::from_ref(&text), &device), &config);
        for answer in &answers.unwrap()[0] {
            counts[answer.ids.first().map_or(1, |&id| id as usize)] += 1;
        }
    }
    assert_eq!(counts.iter().sum::<usize>(), 100_000);
    assert_drawn_from(&counts, &probabilities);
}

#[test]
fn draws_with_an_assistant_follow_the_probabilities_of_the_model() {
    // Draws are made on the host; many steps on a device that compiles kernels only take long.
    if compiles_kernels() {
        return;
    }
    let _drawing = drawing();
    let device = test_device();
    let (model, assistant) = (model(5, &device), model(11, &device));
    let text = vec![7, 30, 12, 5, 1];
    let config = sampling_config().max_new_tokens(2);
    let generator = Generator::new(&model, config).unwrap();
    let generator = generator.with_assistant(&assistant).unwrap();
    // Pairs of ids; what follows the end counts as the end.
    let mut counts = vec![0; VOCAB * VOCAB];
    let texts = vec![text.clone(); 5_000];
    for answer in generator
        .generate(batch(&texts, &device))
        .unwrap()
        .iter()
        .flatten()
    {
        let id = |place: usize| answer.ids.get(place).map_or(1, |&id| id as usize);
        counts[id(0) * VOCAB + id(1)] += 1;
    }
    let mut probabilities = vec![0.0; VOCAB * VOCAB];
    for (first, share) in processed_probabilities(&model, &[0], &text)
        .into_iter()
        .enumerate()
    {
        if first == 1 {
            probabilities[VOCAB + 1] = share;
        } else if share > 0.0 {
            let second = processed_probabilities(&model, &[0, first as u32], &text);
            for (second, next) in second.into_iter().enumerate() {
                probabilities[first * VOCAB + second] = share * next;
            }
        }
    }
    assert_drawn_from(&counts, &probabilities);
}
