//! Forward passes of models with random weights.

use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_electra::{ElectraConfig, ElectraForPreTraining, ElectraInput};
use lamplight_layers::device::is_processor;
use lamplight_layers::initializer::draw_all;
use lamplight_t5::{T5Config, T5EncoderModel};
use lamplight_training::flops;

use super::Setting;
use super::measure::Case;

/// Rows and tokens of each for T5's encoder.
const ENCODER_INPUT: [usize; 2] = [4, 512];
/// Tokens of a row for ELECTRA.
const ELECTRA_LENGTH: usize = 128;
/// The ids below are special.
const FIRST_ID: usize = 104;

/// Different ids up to `vocab_size`, `[rows, length]`, the same in each run.
pub fn ids(shape: [usize; 2], vocab_size: usize, device: &Device) -> Tensor<2, Int> {
    let values = (0..shape[0] * shape[1]).map(|place| id(place, vocab_size) as i64);
    Tensor::<1, Int>::from_data(values.collect::<Vec<_>>().as_slice(), device).reshape(shape)
}

/// The id at a place: ids far from each other, so that rows of a table are not read in order.
pub fn id(place: usize, vocab_size: usize) -> usize {
    FIRST_ID + place * 7919 % (vocab_size - FIRST_ID)
}

/// No position is padding.
pub fn no_padding(shape: [usize; 2], device: &Device) -> Tensor<2, Bool> {
    Tensor::full(shape, false, device)
}

/// Returns when the device has computed this. A processor has when the operation returns; of
/// others one number is read, so that the transfer costs nothing.
pub fn wait<const D: usize>(result: Tensor<D>) -> anyhow::Result<()> {
    if is_processor(&result.device()) {
        std::hint::black_box(result);
        return Ok(());
    }
    let first: Tensor<1> = result.flatten::<1>(0, D - 1).narrow(0, 0, 1);
    first.try_into_data()?;
    Ok(())
}

/// T5-base of version 1.1.
pub fn t5_base() -> T5Config {
    T5Config {
        d_model: 768,
        num_layers: 12,
        num_heads: 12,
        feed_forward_proj: Some("gated-gelu".to_owned()),
        tie_word_embeddings: Some(false),
        ..T5Config::default()
    }
}

/// The encoder of T5-small.
pub fn t5_encoder(setting: &Setting) -> anyhow::Result<Case> {
    t5_encoder_of(setting, &T5Config::default(), ENCODER_INPUT)
}

/// The encoder of a T5 on `[rows, length]` tokens.
pub fn t5_encoder_of(
    setting: &Setting,
    config: &T5Config,
    [rows, length]: [usize; 2],
) -> anyhow::Result<Case> {
    let model = draw_all(T5EncoderModel::new(config, &setting.device));
    let model = setting.precision()?.compute_copy(&model);
    let ids = ids([rows, length], config.vocab_size, &setting.device);
    let no_padding = no_padding([rows, length], &setting.device);
    Ok(Case {
        num_tokens: Some((rows * length) as f64),
        flops: Some(rows as f64 * flops::t5_encoder(config, length)),
        ..Case::new(move || wait(model.forward(ids.clone(), no_padding.clone())))
    })
}

/// The discriminator of ELECTRA-small on this many rows.
pub fn electra(setting: &Setting, rows: usize) -> anyhow::Result<Case> {
    let config = ElectraConfig::small();
    let shape = [rows, ELECTRA_LENGTH];
    let model = draw_all(ElectraForPreTraining::new(&config, &setting.device));
    let model = setting.precision()?.compute_copy(&model);
    let input = ElectraInput {
        input_ids: ids(shape, config.vocab_size, &setting.device),
        padding_mask: no_padding(shape, &setting.device),
        token_type_ids: None,
    };
    Ok(Case {
        num_tokens: Some((rows * ELECTRA_LENGTH) as f64),
        flops: Some(rows as f64 * flops::electra_encoder(&config, ELECTRA_LENGTH)),
        ..Case::new(move || wait(model.forward(input.clone())))
    })
}
