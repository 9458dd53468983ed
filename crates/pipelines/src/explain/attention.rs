//! Attention maps on the host.

use burn::tensor::Tensor;

use crate::batches::host;

/// Numbers of all maps of a stack together: more make no page that a browser likes to show.
pub const MAX_CELLS: usize = 1 << 22;

/// Where the heads of a stack looked.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMaps {
    /// Whose attention it is: `the encoder`.
    pub of: String,
    /// What looks, `[queries]`.
    pub queries: Vec<String>,
    /// What is looked at, `[keys]`.
    pub keys: Vec<String>,
    /// Weights `[layers][heads][queries * keys]`; each row of a map sums up to 1.
    pub layers: Vec<Vec<Vec<f32>>>,
}

/// The sizes of the maps of a stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct MapSizes {
    pub num_layers: usize,
    pub num_heads: usize,
    pub num_queries: usize,
    pub num_keys: usize,
}

impl MapSizes {
    /// Why these maps are left out, if they are.
    pub fn objection(self, of: &str) -> Option<String> {
        let num_maps = self.num_layers * self.num_heads;
        let num_cells = num_maps * self.num_queries * self.num_keys;
        (num_cells > MAX_CELLS).then(|| {
            let most = MAX_CELLS as f64 / num_maps as f64;
            format!(
                "The attention of {of} is left out: {} by {} tokens in {num_maps} maps are too many to show; \
                 up to about {:.0} by {:.0} would do.",
                self.num_queries,
                self.num_keys,
                most.sqrt().floor(),
                most.sqrt().floor(),
            )
        })
    }
}

impl AttentionMaps {
    /// Of weights `[heads, queries, keys]` for each layer.
    pub(super) fn read(
        of: &str,
        [queries, keys]: [Vec<String>; 2],
        layers: Vec<Tensor<3>>,
    ) -> Self {
        let layers = layers.into_iter().map(|layer| {
            let [_, num_queries, num_keys] = layer.dims();
            let weights = host(layer);
            let heads = weights.chunks((num_queries * num_keys).max(1));
            heads.map(<[f32]>::to_vec).collect()
        });
        Self {
            of: of.to_owned(),
            queries,
            keys,
            layers: layers.collect(),
        }
    }

    /// The mean over the heads of each layer, `[layers][queries * keys]`.
    pub fn layer_means(&self) -> Vec<Vec<f32>> {
        self.layers.iter().map(|heads| mean(heads)).collect()
    }

    /// The mean over all layers and heads, `[queries * keys]`.
    pub fn mean(&self) -> Vec<f32> {
        mean(&self.layer_means())
    }
}

fn mean(maps: &[Vec<f32>]) -> Vec<f32> {
    let mut mean = vec![0.0; maps.first().map_or(0, Vec::len)];
    for map in maps {
        mean.iter_mut()
            .zip(map)
            .for_each(|(mean, weight)| *mean += weight / maps.len() as f32);
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_taken_cell_by_cell() {
        let names = || vec!["a".to_owned()];
        let maps = AttentionMaps {
            of: "the encoder".to_owned(),
            queries: names(),
            keys: vec!["a".to_owned(), "b".to_owned()],
            layers: vec![
                vec![vec![0.0, 1.0], vec![0.5, 0.5]],
                vec![vec![1.0, 0.0], vec![1.0, 0.0]],
            ],
        };
        assert_eq!(maps.layer_means(), [[0.25, 0.75], [1.0, 0.0]]);
        assert_eq!(maps.mean(), [0.625, 0.375]);
    }

    #[test]
    fn maps_that_are_too_large_are_left_out_by_name() {
        let sizes = |length| MapSizes {
            num_layers: 12,
            num_heads: 12,
            num_queries: length,
            num_keys: length,
        };
        assert_eq!(sizes(170).objection("the encoder"), None);
        let objection = sizes(171).objection("the encoder").unwrap_or_default();
        assert!(
            objection.contains("the encoder") && objection.contains("171 by 171"),
            "{objection}"
        );
    }
}
