#![allow(clippy::unwrap_used)]

use burn::tensor::{Distribution, TensorData};
use lamplight_layers::pretrained::PretrainedError;
use lamplight_testing::test_device;
use tempfile::tempdir;

use super::*;
use crate::model::tests::tiny;

const BATCH: usize = 4;
const LENGTH: usize = 12;
const MASK: i64 = 4;

fn pair(sharing: EmbeddingSharing, device: &Device) -> ElectraPretraining {
    device.seed(11);
    let discriminator = tiny();
    let generator = discriminator.generator(0.5);
    ElectraPretraining::with_sharing(&discriminator, &generator, sharing, device)
}

/// Rows of ordinary ids, the last of which ends in padding; two masked positions in each and one
/// entry that fills the list up.
fn input(device: &Device) -> PretrainingInput {
    let at = |index: usize| (index / LENGTH, (index % LENGTH) as i64);
    let is_padding = |index: usize| at(index).0 == BATCH - 1 && at(index).1 >= 8;
    let id = |index: usize| {
        if is_padding(index) {
            0
        } else {
            5 + (index as i64 * 7) % 45
        }
    };
    let ids: Vec<i64> = (0..BATCH * LENGTH).map(id).collect();
    let masked = ids.iter().enumerate();
    let masked = masked.map(|(i, &id)| if [2, 5].contains(&at(i).1) { MASK } else { id });
    let padding: Vec<bool> = (0..BATCH * LENGTH).map(is_padding).collect();
    let ints = |values: Vec<i64>, width: usize| {
        Tensor::<2, Int>::from_data(TensorData::new(values, [BATCH, width]), device)
    };
    let input_ids = ints(ids.clone(), LENGTH);
    PretrainingInput {
        token_type_ids: input_ids.zeros_like(),
        masked_input_ids: ints(masked.collect(), LENGTH),
        padding_mask: Tensor::from_data(TensorData::new(padding, [BATCH, LENGTH]), device),
        masked_positions: ints([5, 2, 0].repeat(BATCH), 3),
        masked_weights: Tensor::<1>::from_data([1.0, 1.0, 0.0], device)
            .unsqueeze::<2>()
            .expand([BATCH, 3]),
        gumbel: None,
        input_ids,
    }
}

fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(tensor.into_scalar::<f32>())
}

#[test]
fn fresh_losses_are_those_of_chance() {
    let device = test_device();
    let output = pair(EmbeddingSharing::All, &device).forward(input(&device));
    let (mlm, detection) = (scalar(output.mlm_loss), scalar(output.detection_loss));
    assert!((mlm - 50.0_f64.ln()).abs() < 0.2, "{mlm}");
    assert!((detection - 2.0_f64.ln()).abs() < 0.1, "{detection}");
    let loss = scalar(output.loss);
    assert!((loss - (mlm + 50.0 * detection)).abs() < 1e-3, "{loss}");
}

#[test]
fn only_chosen_positions_change() {
    let device = test_device();
    let input = input(&device);
    let output = pair(EmbeddingSharing::All, &device).forward(input.clone());
    let changed = output
        .corrupted_input_ids
        .clone()
        .not_equal(input.input_ids);
    assert!(
        changed
            .equal(output.replaced.clone())
            .all()
            .into_scalar::<bool>()
    );
    let replaced: Vec<bool> = output.replaced.into_data().iter().collect();
    let is_chosen = |index: usize| [2, 5].contains(&(index % LENGTH));
    assert!(
        replaced
            .iter()
            .enumerate()
            .all(|(i, &replaced)| !replaced || is_chosen(i))
    );
    assert!(replaced.contains(&true));
}

#[test]
fn sample_that_is_the_original_counts_as_original() {
    let device = test_device();
    let mut input = input(&device);
    let originals = input
        .input_ids
        .clone()
        .gather(1, input.masked_positions.clone());
    input.gumbel = Some(originals.one_hot::<3>(50).float() * 1e4);
    let output = pair(EmbeddingSharing::All, &device).forward(input.clone());
    assert!(!output.replaced.any().into_scalar::<bool>());
    assert!(
        output
            .corrupted_input_ids
            .equal(input.input_ids)
            .all()
            .into_scalar::<bool>()
    );
}

#[test]
fn batch_without_masked_positions_has_finite_losses() {
    let device = test_device();
    let mut input = input(&device);
    input.masked_weights = input.masked_weights.zeros_like();
    let output = pair(EmbeddingSharing::All, &device).forward(input);
    assert_eq!(scalar(output.mlm_loss), 0.0);
    assert!(scalar(output.detection_loss).is_finite());
    assert!(!output.replaced.any().into_scalar::<bool>());
}

#[test]
fn shared_parameters_exist_once() {
    let device = test_device();
    let (tables, segment) = ((50 + 16) * 8, 2 * 8 + 2 * 8);
    for (sharing, num_shared) in [
        (EmbeddingSharing::All, tables + segment),
        (EmbeddingSharing::TokenPosition, tables),
    ] {
        let pair = pair(sharing, &device);
        let apart = pair.generator().num_params() + pair.discriminator().num_params();
        assert_eq!(pair.num_params(), apart - num_shared);
    }
}

#[test]
fn saved_pair_loads_as_it_was() {
    let device = test_device();
    for sharing in [EmbeddingSharing::All, EmbeddingSharing::TokenPosition] {
        let (pair, folder) = (pair(sharing, &device), tempdir().unwrap());
        pair.save_pretrained(folder.path()).unwrap();
        let loaded = ElectraPretraining::from_pretrained(folder.path(), &device).unwrap();
        assert_eq!(loaded.num_params(), pair.num_params());
        let mut input = input(&device);
        let noise = Distribution::Normal(0.0, 1.0);
        input.gumbel = Some(Tensor::random([BATCH, 3, 50], noise, &device));
        let expected = pair.forward(input.clone());
        let actual = loaded.forward(input);
        assert_eq!(actual.loss.into_data(), expected.loss.into_data());
        assert_eq!(
            actual.detection_logits.into_data(),
            expected.detection_logits.into_data()
        );
    }
}

#[test]
fn discriminator_of_the_pair_computes_what_the_pair_does() {
    let device = test_device();
    for sharing in [EmbeddingSharing::All, EmbeddingSharing::TokenPosition] {
        let (pair, input) = (pair(sharing, &device), input(&device));
        let output = pair.forward(input.clone());
        let alone = pair.discriminator().forward(ElectraInput {
            input_ids: output.corrupted_input_ids,
            padding_mask: input.padding_mask,
            token_type_ids: Some(input.token_type_ids),
        });
        assert_eq!(alone.into_data(), output.detection_logits.into_data());
    }
}

#[test]
fn models_of_different_runs_are_no_pair() {
    let (device, folder) = (test_device(), tempdir().unwrap());
    let generator = ElectraForMaskedLM::new(&tiny(), &device);
    generator
        .save_pretrained(&folder.path().join("generator"))
        .unwrap();
    let discriminator = ElectraForPreTraining::new(&tiny(), &device);
    discriminator
        .save_pretrained(&folder.path().join("discriminator"))
        .unwrap();
    let error = ElectraPretraining::from_pretrained(folder.path(), &device).unwrap_err();
    assert!(matches!(error, PretrainedError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("embeddings"), "{error}");
}

#[test]
fn generator_takes_the_tables_of_the_discriminator() {
    let device = test_device();
    let generator = ElectraConfig {
        vocab_size: 9,
        embedding_size: 4,
        ..tiny()
    };
    let pair = ElectraPretraining::new(&tiny(), &generator, &device);
    assert_eq!(pair.generator().config().vocab_size, 50);
    assert!(scalar(pair.forward(input(&device)).loss).is_finite());
}
