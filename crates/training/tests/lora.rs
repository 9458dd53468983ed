//! Low-rank factors on ELECTRA's two models at once, from the start to the saved folders.
#![allow(clippy::unwrap_used)]

use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use burn_optim::{GradientsParams, SgdConfig};
use lamplight_electra::{
    ElectraConfig, ElectraForPreTraining, ElectraInput, ElectraPretraining, PretrainingInput,
};
use lamplight_layers::initializer::draw_all;
use lamplight_layers::pretrained::{Checkpoint, Value, collect};
use lamplight_layers::recompute::Tape;
use lamplight_testing::{assert_close, test_device};
use lamplight_training::lora::{self, LoraSettings};
use lamplight_training::{gradients, recipe::Recipe};

const LENGTH: usize = 6;

fn model(device: &Device) -> ElectraPretraining {
    let discriminator = ElectraConfig {
        vocab_size: 40,
        embedding_size: 8,
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 32,
        max_position_embeddings: 16,
        initializer_range: 0.2,
        ..ElectraConfig::default()
    };
    let generator = discriminator.generator(0.5);
    device.seed(5);
    draw_all(ElectraPretraining::new(&discriminator, &generator, device))
}

fn ids(device: &Device) -> Tensor<2, Int> {
    let ids: Vec<i64> = (0..2 * LENGTH as i64).map(|id| 5 + 2 * id).collect();
    Tensor::from_data(TensorData::new(ids, [2, LENGTH]), device)
}

fn loss(model: &ElectraPretraining, tape: &Tape) -> Tensor<1> {
    let device = tape.device();
    let positions = Tensor::<2, Int>::from_ints([[1, 4], [0, 3]], device);
    let input = PretrainingInput {
        input_ids: ids(device),
        masked_input_ids: ids(device).scatter(
            1,
            positions.clone(),
            Tensor::from_ints([[1, 2], [1, 2]], device),
            burn::tensor::IndexingUpdateOp::Add,
        ),
        padding_mask: Tensor::<2, Bool>::full([2, LENGTH], false, device),
        token_type_ids: Tensor::zeros([2, LENGTH], device),
        masked_positions: positions,
        masked_weights: Tensor::ones([2, 2], device),
        gumbel: None,
    };
    model.forward_taped(input, tape).loss
}

fn detection(model: &ElectraForPreTraining, device: &Device) -> Vec<f32> {
    let input = ElectraInput {
        input_ids: ids(device),
        padding_mask: Tensor::<2, Bool>::full([2, LENGTH], false, device),
        token_type_ids: None,
    };
    model.forward(input).into_data().try_to_vec().unwrap()
}

/// The default targets, as a recipe has them.
fn settings() -> LoraSettings {
    let whole = ["lora={ rank = 2, alpha = 4.0 }".to_owned()];
    let (_, recipe) = Recipe::load("electra_tiny", &whole).unwrap();
    recipe.lora.unwrap()
}

#[test]
fn both_models_are_adapted_trained_and_saved_merged() {
    let device = test_device().autodiff();
    let names = ElectraPretraining::names();
    let original = model(&device);
    let mut adapted = lora::apply(model(&device), &names, &settings()).unwrap();
    let start = detection(&original.discriminator().valid(), &test_device());
    let adapted_start = detection(&adapted.discriminator().valid(), &test_device());
    assert_close("start", &adapted_start, &start, 1e-6, 0.0);

    let mut optimizer = SgdConfig::new().init();
    for step in 0..5 {
        device.seed(step);
        let tape = Tape::new(&device, step, step % 2 == 0);
        let loss = loss(&adapted, &tape);
        let mut total = GradientsParams::new();
        tape.backward(loss, |part| gradients::add(&adapted, part, &mut total));
        // Two factors of query and value in two layers of each model.
        assert_eq!(total.len(), 2 * 2 * 2 * 2);
        adapted = optimizer.step(0.1, adapted, total);
    }
    let trained = detection(&adapted.discriminator().valid(), &test_device());
    assert_ne!(trained, start);

    let folder = tempfile::tempdir().unwrap();
    adapted.save_pretrained(folder.path()).unwrap();
    let loaded = ElectraPretraining::from_pretrained(folder.path(), &test_device()).unwrap();
    let merged = detection(&loaded.discriminator(), &test_device());
    assert_close("merged", &merged, &trained, 1e-5, 0.0);
    let plain = collect(&original, &names, &Value).unwrap();
    let saved = collect(&loaded, &names, &Value).unwrap();
    assert!(plain.keys().eq(saved.keys()));
    let has_changed = |name: &&String| saved[*name] != plain[*name];
    let changed: Vec<_> = saved.keys().filter(has_changed).collect();
    assert_eq!(changed.len(), 2 * 2 * 2, "{changed:?}");
    let generator = Checkpoint::open(&folder.path().join("generator")).unwrap();
    assert!(generator.names().all(|name| !name.contains("lora")));
}
