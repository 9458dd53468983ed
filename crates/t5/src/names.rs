//! Where our parameters are in Hugging Face's files.

use std::path::Path;

use burn::module::Module;
use lamplight_layers::pretrained::{Checkpoint, Loading, NameTable, PretrainedError, load};

use crate::T5Config;

const ENCODER: [(&str, &str); 10] = [
    ("shared", "shared"),
    (
        "encoder.block.*.self_attention.attention.query",
        "encoder.block.*.layer.0.SelfAttention.q",
    ),
    (
        "encoder.block.*.self_attention.attention.key",
        "encoder.block.*.layer.0.SelfAttention.k",
    ),
    (
        "encoder.block.*.self_attention.attention.value",
        "encoder.block.*.layer.0.SelfAttention.v",
    ),
    (
        "encoder.block.*.self_attention.attention.output",
        "encoder.block.*.layer.0.SelfAttention.o",
    ),
    (
        "encoder.block.*.self_attention.norm",
        "encoder.block.*.layer.0.layer_norm",
    ),
    (
        "encoder.relative_position_bias.*.table",
        "encoder.block.*.layer.0.SelfAttention.relative_attention_bias",
    ),
    (
        "encoder.block.*.feed_forward.feed_forward.output",
        "encoder.block.*.layer.1.DenseReluDense.wo",
    ),
    (
        "encoder.block.*.feed_forward.norm",
        "encoder.block.*.layer.1.layer_norm",
    ),
    ("encoder.final_norm", "encoder.final_layer_norm"),
];

const DECODER: [(&str, &str); 14] = [
    (
        "decoder.block.*.self_attention.attention.query",
        "decoder.block.*.layer.0.SelfAttention.q",
    ),
    (
        "decoder.block.*.self_attention.attention.key",
        "decoder.block.*.layer.0.SelfAttention.k",
    ),
    (
        "decoder.block.*.self_attention.attention.value",
        "decoder.block.*.layer.0.SelfAttention.v",
    ),
    (
        "decoder.block.*.self_attention.attention.output",
        "decoder.block.*.layer.0.SelfAttention.o",
    ),
    (
        "decoder.block.*.self_attention.norm",
        "decoder.block.*.layer.0.layer_norm",
    ),
    (
        "decoder.relative_position_bias.*.table",
        "decoder.block.*.layer.0.SelfAttention.relative_attention_bias",
    ),
    (
        "decoder.block.*.cross_attention.attention.query",
        "decoder.block.*.layer.1.EncDecAttention.q",
    ),
    (
        "decoder.block.*.cross_attention.attention.key",
        "decoder.block.*.layer.1.EncDecAttention.k",
    ),
    (
        "decoder.block.*.cross_attention.attention.value",
        "decoder.block.*.layer.1.EncDecAttention.v",
    ),
    (
        "decoder.block.*.cross_attention.attention.output",
        "decoder.block.*.layer.1.EncDecAttention.o",
    ),
    (
        "decoder.block.*.cross_attention.norm",
        "decoder.block.*.layer.1.layer_norm",
    ),
    (
        "decoder.block.*.feed_forward.feed_forward.output",
        "decoder.block.*.layer.2.DenseReluDense.wo",
    ),
    (
        "decoder.block.*.feed_forward.norm",
        "decoder.block.*.layer.2.layer_norm",
    ),
    ("decoder.final_norm", "decoder.final_layer_norm"),
];

const PLAIN: [(&str, &str); 2] = [
    (
        "encoder.block.*.feed_forward.feed_forward.input",
        "encoder.block.*.layer.1.DenseReluDense.wi",
    ),
    (
        "decoder.block.*.feed_forward.feed_forward.input",
        "decoder.block.*.layer.2.DenseReluDense.wi",
    ),
];

const GATED: [(&str, &str); 4] = [
    (
        "encoder.block.*.feed_forward.feed_forward.gate",
        "encoder.block.*.layer.1.DenseReluDense.wi_0",
    ),
    (
        "encoder.block.*.feed_forward.feed_forward.input",
        "encoder.block.*.layer.1.DenseReluDense.wi_1",
    ),
    (
        "decoder.block.*.feed_forward.feed_forward.gate",
        "decoder.block.*.layer.2.DenseReluDense.wi_0",
    ),
    (
        "decoder.block.*.feed_forward.feed_forward.input",
        "decoder.block.*.layer.2.DenseReluDense.wi_1",
    ),
];

/// Older files repeat the embedding table for each stack.
const ALIASES: [(&str, &str); 4] = [
    ("encoder.embed_tokens.weight", "shared.weight"),
    ("decoder.embed_tokens.weight", "shared.weight"),
    (
        "transformer.encoder.embed_tokens.weight",
        "transformer.shared.weight",
    ),
    (
        "transformer.decoder.embed_tokens.weight",
        "transformer.shared.weight",
    ),
];

pub(crate) const LM_HEAD: &str = "lm_head.weight";
pub(crate) const SHARED: &str = "shared.weight";

/// The names of a [`T5Model`](crate::T5Model) or, its first part, a
/// [`T5EncoderModel`](crate::T5EncoderModel).
pub(crate) fn table(config: &T5Config) -> NameTable {
    let gated = config.activation().is_ok_and(|(_, gated)| gated);
    let feed_forward = if gated {
        GATED.as_slice()
    } else {
        PLAIN.as_slice()
    };
    NameTable::new(&[ENCODER.as_slice(), DECODER.as_slice(), feed_forward].concat())
}

/// Fills `module` from a checkpoint; `is_ignored` names tensors that may stay unused.
pub(crate) fn fill<M: Module>(
    module: M,
    names: NameTable,
    checkpoint: &Checkpoint,
    is_ignored: fn(&str) -> bool,
) -> Result<M, PretrainedError> {
    let loading = Loading {
        names,
        aliases: &ALIASES,
        is_ignored,
    };
    load(module, checkpoint, &loading)
}

/// Some old files hold a table for cross-attention, which never had a position bias.
pub(crate) fn is_stray(name: &str) -> bool {
    name.ends_with("EncDecAttention.relative_attention_bias.weight")
}

/// Reads the config and finds the weights in a folder.
pub(crate) fn open(folder: &Path) -> Result<(T5Config, Checkpoint), PretrainedError> {
    let config = T5Config::from_file(&folder.join("config.json"))?;
    Ok((config, Checkpoint::open(folder)?))
}
