//! Where our parameters are in Hugging Face's files.

use std::path::Path;

use burn::module::Module;
use lamplight_layers::pretrained::{Checkpoint, Loading, NameTable, PretrainedError, load};

const TABLES: [(&str, &str); 2] = [
    ("word", "word_embeddings"),
    ("position", "position_embeddings"),
];

const SEGMENT: [(&str, &str); 2] = [
    ("token_type", "token_type_embeddings"),
    ("norm", "LayerNorm"),
];

const ENCODER: [(&str, &str); 9] = [
    ("projection", "embeddings_project"),
    (
        "layer.*.attention.query",
        "encoder.layer.*.attention.self.query",
    ),
    (
        "layer.*.attention.key",
        "encoder.layer.*.attention.self.key",
    ),
    (
        "layer.*.attention.value",
        "encoder.layer.*.attention.self.value",
    ),
    (
        "layer.*.attention.output",
        "encoder.layer.*.attention.output.dense",
    ),
    (
        "layer.*.attention_norm",
        "encoder.layer.*.attention.output.LayerNorm",
    ),
    (
        "layer.*.feed_forward.input",
        "encoder.layer.*.intermediate.dense",
    ),
    (
        "layer.*.feed_forward.output",
        "encoder.layer.*.output.dense",
    ),
    (
        "layer.*.feed_forward_norm",
        "encoder.layer.*.output.LayerNorm",
    ),
];

pub(crate) const MASKED_LM_HEAD: [(&str, &str); 3] = [
    ("head.dense", "generator_predictions.dense"),
    ("head.norm", "generator_predictions.LayerNorm"),
    ("head", "generator_lm_head"),
];

pub(crate) const DETECTION_HEAD: [(&str, &str); 2] = [
    ("head.dense", "discriminator_predictions.dense"),
    (
        "head.prediction",
        "discriminator_predictions.dense_prediction",
    ),
];

/// Older files repeat the word embeddings as the generator's output matrix.
const ALIASES: [(&str, &str); 1] = [(
    "generator_lm_head.weight",
    "electra.embeddings.word_embeddings.weight",
)];

/// What the base model is called in a file that a model with a head wrote.
const BACKBONE: &str = "electra.";

/// The names of an [`ElectraModel`](crate::ElectraModel).
pub(crate) fn backbone() -> NameTable {
    NameTable::new(&TABLES)
        .under("embeddings.", "embeddings.")
        .and(NameTable::new(&SEGMENT).under("embeddings.segment.", "embeddings."))
        .and(NameTable::new(&ENCODER).under("encoder.", ""))
}

/// The names of a model that holds an [`ElectraModel`](crate::ElectraModel) and a head.
pub(crate) fn with_head(head: &[(&str, &str)]) -> NameTable {
    backbone()
        .under(BACKBONE, BACKBONE)
        .and(NameTable::new(head))
}

/// The names of the joint model: each part's own, under `generator.` and `discriminator.`.
pub(crate) fn joint() -> NameTable {
    let discriminator = NameTable::new(&SEGMENT)
        .under("segment.", "electra.embeddings.")
        .and(NameTable::new(&ENCODER).under("encoder.", BACKBONE))
        .and(NameTable::new(&DETECTION_HEAD));
    with_head(&MASKED_LM_HEAD)
        .under("generator.", "generator.")
        .and(discriminator.under("discriminator.", "discriminator."))
}

/// Fills a model with a head from a folder. Every tensor must fit.
pub(crate) fn fill<M: Module>(
    module: M,
    names: NameTable,
    folder: &Path,
) -> Result<M, PretrainedError> {
    let loading = Loading {
        names,
        aliases: &ALIASES,
        is_ignored: is_position_ids,
    };
    load(module, &Checkpoint::open(folder)?, &loading)
}

/// Fills the base model from a folder, whichever head the model in it has.
pub(crate) fn fill_backbone<M: Module>(module: M, folder: &Path) -> Result<M, PretrainedError> {
    let checkpoint = Checkpoint::open(folder)?;
    let has_head = checkpoint.names().any(|name| name.starts_with(BACKBONE));
    let names = if has_head {
        backbone().under("", BACKBONE)
    } else {
        backbone()
    };
    let is_ignored = if has_head {
        is_position_ids_or_head
    } else {
        is_position_ids
    };
    load(
        module,
        &checkpoint,
        &Loading {
            names,
            aliases: &ALIASES,
            is_ignored,
        },
    )
}

/// Older files hold the numbers from 0 on as a tensor.
fn is_position_ids(name: &str) -> bool {
    name.ends_with("embeddings.position_ids")
}

fn is_position_ids_or_head(name: &str) -> bool {
    is_position_ids(name) || !name.starts_with(BACKBONE)
}

/// Reading and writing, the same for every model with a head.
macro_rules! pretrained {
    ($model:ident) => {
        impl $model {
            /// Reads a folder with `config.json` and weights.
            ///
            /// # Errors
            /// A file is missing or damaged, a value of the config is unsupported, or a tensor is
            /// missing, unused or of another shape.
            pub fn from_pretrained(
                folder: &std::path::Path,
                device: &burn::tensor::Device,
            ) -> Result<Self, lamplight_layers::pretrained::PretrainedError> {
                let config = $crate::ElectraConfig::from_file(&folder.join("config.json"))?;
                $crate::names::fill(Self::new(&config, device), Self::names(), folder)
            }

            /// Writes `config.json` and `model.safetensors` into `folder`.
            ///
            /// # Errors
            /// They cannot be written.
            pub fn save_pretrained(
                &self,
                folder: &std::path::Path,
            ) -> Result<(), lamplight_layers::pretrained::PretrainedError> {
                let config = self.config().to_json(stringify!($model));
                lamplight_layers::pretrained::save(self, &Self::names(), &config, folder)
            }

            /// The base model below the head.
            pub fn backbone(&self) -> &$crate::ElectraModel {
                &self.electra
            }

            /// The config.
            pub fn config(&self) -> &$crate::ElectraConfig {
                self.electra.config()
            }
        }
    };
}

pub(crate) use pretrained;
