use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, QuantizedTensor};
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use faer::MatRef;
use rayon::prelude::*;

use crate::host::Host;
use crate::linear::cpu::add_product;
use crate::linear::few_rows::{self, Columns};
use crate::simd;

/// Of a matrix, by weights that [`super::quantize`] made.
pub fn own(input: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as QuantizedLinearOps>::quantized_linear(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// Backends with a form of their own.
#[backend_extension(Flex: cfg(feature = "flex"))]
pub trait QuantizedLinearOps: Backend {
    /// As [`own`].
    fn quantized_linear(
        input: FloatTensor<Self>,
        weight: QuantizedTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl QuantizedLinearOps for Flex {
    fn quantized_linear(
        input: FloatTensor<Self>,
        weight: QuantizedTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (input, bias) = (Self::visible_matrix(input), Self::dense(bias));
        let elements = weight.tensor().to_contiguous();
        let (input, weight) = (Self::view(&input), Weights::new(&elements, weight.scales()));
        let [inner, outputs] = weight.shape();
        let shape = [input.shape[0], outputs];
        let mut output = Self::view(&bias).elements[..outputs].repeat(shape[0]);
        match shape[0] <= few_rows::MOST_ROWS {
            true => few_rows::add_product_by_columns(&mut output, &input, &weight),
            false => {
                let weight = weight.in_f32();
                let weight = MatRef::from_column_major_slice(&weight, inner, outputs);
                add_product(&mut output, shape, input.whole(), weight);
            }
        }
        Self::tensor(output, &shape)
    }
}

/// Weights `[outputs, inputs]` and their scales `[outputs, inputs / size]`: as a matrix for rows, its columns.
struct Weights<'a> {
    elements: &'a [i8],
    scales: &'a [f32],
    inputs: usize,
    outputs: usize,
    /// Of the blocks that have a scale each.
    size: usize,
}

impl<'a> Weights<'a> {
    fn new(elements: &'a FlexTensor, scales: &'a [f32]) -> Self {
        let [outputs, inputs] = std::array::from_fn(|axis| elements.layout().shape()[axis]);
        let num_blocks = scales.len() / outputs.max(1);
        Self {
            elements: elements.storage::<i8>(),
            scales,
            inputs,
            outputs,
            size: inputs / num_blocks.max(1),
        }
    }

    fn in_f32(&self) -> Vec<f32> {
        let mut all = vec![0.0; self.inputs * self.outputs];
        let columns = all.par_chunks_exact_mut(self.inputs.max(1)).enumerate();
        columns.for_each(|(place, column)| {
            simd::vectorized(
                #[inline(always)]
                || {
                    self.column(place, column);
                },
            );
        });
        all
    }
}

impl Columns for Weights<'_> {
    fn shape(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    #[inline(always)]
    fn column<'a>(&'a self, place: usize, buffer: &'a mut [f32]) -> &'a [f32] {
        let elements = &self.elements[place * self.inputs..][..self.inputs];
        let scales = &self.scales[place * self.inputs / self.size..];
        let blocks = buffer
            .chunks_exact_mut(self.size)
            .zip(elements.chunks_exact(self.size));
        for ((buffer, block), scale) in blocks.zip(scales) {
            for (weight, &element) in buffer.iter_mut().zip(block) {
                *weight = f32::from(element) * scale;
            }
        }
        buffer
    }
}
