//! Layer-wise decay of the learning rate.

use std::collections::BTreeMap;

/// How many times a parameter's learning rate is multiplied by the decay: not at all at the head,
/// once in the last layer, and once more in each layer below, the embeddings being the lowest.
///
/// T5's decoder stands on its encoder: the layers of both count as one stack, and a stack's final
/// norm belongs to its last layer. ELECTRA's original fine-tuning leaves a gap of one between the
/// last layer and the head, so that the last layer is multiplied twice, and all below once more.
pub(super) struct LayerDecay {
    decay: f64,
    has_gap: bool,
    /// Layers by model, as generator and discriminator have their own.
    num_layers: BTreeMap<String, NumLayers>,
}

#[derive(Debug, Clone, Copy, Default)]
struct NumLayers {
    encoder: usize,
    decoder: usize,
}

impl LayerDecay {
    /// The decay for a model of these parameters.
    pub(super) fn new<'a>(decay: f64, has_gap: bool, names: impl Iterator<Item = &'a str>) -> Self {
        let mut num_layers: BTreeMap<String, NumLayers> = BTreeMap::new();
        for (model, place) in names.filter_map(place) {
            let counts = num_layers.entry(model).or_default();
            match place {
                Place::Encoder(layer) => counts.encoder = counts.encoder.max(layer + 1),
                Place::Decoder(layer) => counts.decoder = counts.decoder.max(layer + 1),
                _ => {}
            }
        }
        Self {
            decay,
            has_gap,
            num_layers,
        }
    }

    /// The factor on the learning rate of this parameter.
    pub(super) fn factor(&self, name: &str) -> f64 {
        let Some((model, place)) = place(name) else {
            return 1.0;
        };
        let counts = self.num_layers.get(&model).copied().unwrap_or_default();
        let depth = match place {
            Place::Embeddings => 0,
            Place::Encoder(layer) => layer + 1,
            Place::EncoderEnd => counts.encoder,
            Place::Decoder(layer) => counts.encoder + layer + 1,
            Place::DecoderEnd => counts.encoder + counts.decoder,
        };
        let head = counts.encoder + counts.decoder + if self.has_gap { 2 } else { 1 };
        self.decay.powf(head as f64 - depth as f64)
    }
}

/// Where below the head a parameter is; layers count from zero.
enum Place {
    Embeddings,
    Encoder(usize),
    EncoderEnd,
    Decoder(usize),
    DecoderEnd,
}

/// The model that a parameter belongs to, as the prefix of its name, and its place there; none for
/// the parameters of a head.
fn place(name: &str) -> Option<(String, Place)> {
    let segments: Vec<&str> = name.split('.').collect();
    (0..segments.len()).find_map(|start| {
        let place = match segments[start..] {
            ["encoder", "block" | "layer", layer, ..] => Place::Encoder(layer.parse().ok()?),
            ["decoder", "block" | "layer", layer, ..] => Place::Decoder(layer.parse().ok()?),
            ["encoder", "final_layer_norm", ..] => Place::EncoderEnd,
            ["decoder", "final_layer_norm", ..] => Place::DecoderEnd,
            ["embeddings" | "embeddings_project" | "shared", ..] => Place::Embeddings,
            _ => return None,
        };
        Some((segments[..start].join("."), place))
    })
}

/// Whether this is the name of a parameter of a layer, rather than of an embedding or a head.
pub(super) fn is_in_layer(name: &str) -> bool {
    matches!(
        place(name),
        Some((_, Place::Encoder(_) | Place::Decoder(_)))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn powers(has_gap: bool, names: &[&str]) -> Vec<f64> {
        let decay = LayerDecay::new(0.5, has_gap, names.iter().copied());
        names
            .iter()
            .map(|name| -decay.factor(name).log2())
            .collect()
    }

    const ELECTRA: [&str; 6] = [
        "electra.embeddings.word_embeddings.weight",
        "electra.embeddings_project.bias",
        "electra.encoder.layer.0.attention.self.query.weight",
        "electra.encoder.layer.11.output.LayerNorm.weight",
        "classifier.dense.weight",
        "discriminator_predictions.dense.weight",
    ];

    #[test]
    fn decay_grows_from_the_head_down() {
        assert_eq!(powers(false, &ELECTRA), [13.0, 13.0, 12.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn original_gap_decays_all_below_the_head_once_more() {
        assert_eq!(powers(true, &ELECTRA), [14.0, 14.0, 13.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn decoder_of_a_t5_stands_on_its_encoder() {
        let names = [
            "shared.weight",
            "encoder.block.0.layer.0.SelfAttention.q.weight",
            "encoder.block.2.layer.1.DenseReluDense.wo.weight",
            "encoder.final_layer_norm.weight",
            "decoder.block.0.layer.1.EncDecAttention.q.weight",
            "decoder.block.1.layer.2.layer_norm.weight",
            "decoder.final_layer_norm.weight",
            "lm_head.weight",
        ];
        let expected = [6.0, 5.0, 3.0, 3.0, 2.0, 1.0, 1.0, 0.0];
        assert_eq!(powers(false, &names), expected);
    }

    #[test]
    fn generator_and_discriminator_count_their_own_layers() {
        let names = [
            "generator.electra.encoder.layer.1.output.dense.weight",
            "generator.generator_lm_head.bias",
            "discriminator.electra.encoder.layer.1.output.dense.weight",
            "discriminator.electra.encoder.layer.3.output.dense.weight",
        ];
        assert_eq!(powers(false, &names), [1.0, 0.0, 3.0, 1.0]);
    }
}
