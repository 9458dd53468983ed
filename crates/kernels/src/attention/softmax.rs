//! The softmax of scores with what is added to them, as one operation of graphics cards.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension, tensor::FloatTensor};
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;

use super::{cube, cube_backward};

/// How products of queries and keys become scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreSettings {
    /// Factor on the products.
    pub scale: f32,
    /// Whether the bias has a place for each distance, not for each query and key.
    pub is_by_distance: bool,
}

/// Backends with a form of their own.
#[backend_extension(Cube, Autodiff)]
pub trait SoftmaxOps: Backend {
    /// `softmax(scale * products + bias + mask)`, in f32 but for products and result, `[batch, heads, target, source]`.
    /// Each axis of bias and mask is broadcast; by distance the bias is `[batch, heads, 1, target + source - 1]`, the first
    /// two axes broadcast. Its sum with the mask is no lower than [`super::MASKED_SCORE`].
    fn softmax(
        products: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        settings: ScoreSettings,
    ) -> FloatTensor<Self>;
}

impl SoftmaxOps for CubeBackend {
    fn softmax(
        products: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        settings: ScoreSettings,
    ) -> FloatTensor<Self> {
        cube::softmax(products, bias, mask, settings)
    }
}

impl<C: CheckpointStrategy> SoftmaxOps for Autodiff<CubeBackend, C> {
    fn softmax(
        products: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        settings: ScoreSettings,
    ) -> FloatTensor<Self> {
        let nodes = [products.node(), bias.node()];
        let bias = bias.into_primitive();
        let bias_shape = bias.shape();
        let weights = cube::softmax(
            products.into_primitive(),
            bias,
            mask.into_primitive(),
            settings,
        );
        match SoftmaxBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let state = (weights.clone(), bias_shape, settings);
                prepared.finish(state, weights)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(weights),
        }
    }
}

#[derive(Debug)]
struct SoftmaxBackward;

impl Backward<CubeBackend, 2> for SoftmaxBackward {
    /// The weights, and the shape of the bias.
    type State = (FloatTensor<CubeBackend>, Shape, ScoreSettings);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<CubeBackend>(&ops.node);
        let (weights, bias_shape, settings) = ops.state;
        let known = cube_backward::Known::new(weights, from_above, settings);
        let [products, bias] = ops.parents;
        if let Some(bias) = bias {
            gradients.register::<CubeBackend>(bias.id, known.of_bias(&bias_shape));
        }
        if let Some(products) = products {
            gradients.register::<CubeBackend>(products.id, known.of_products);
        }
    }
}
