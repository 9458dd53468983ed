use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::{ActivationForm, Function};
use crate::host::Host;
use crate::{CHUNK, simd};

/// Evaluates an expression with a name for the function, written out for each, so that no loop asks which it is.
macro_rules! with {
    ($function:expr, $at:ident => $body:expr) => {
        match $function {
            Function::Relu => with!(relu, $at => $body, bound),
            Function::Gelu => with!(gelu, $at => $body, bound),
            Function::GeluTanh => with!(gelu_tanh, $at => $body, bound),
            Function::Silu => with!(silu, $at => $body, bound),
        }
    };
    ($name:ident, $at:ident => $body:expr, bound) => {{
        let $at = $name;
        $body
    }};
}

impl<B: Host> ActivationForm for B {
    fn laid_out(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        B::dense(tensor)
    }

    fn forward(input: &FloatTensor<Self>, function: Function) -> FloatTensor<Self> {
        let [output] = with!(function, at => map::<B, 1, 1>([input], |[x]| [at(x).value]));
        output
    }

    fn backward(
        input: &FloatTensor<Self>,
        from_above: &FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self> {
        let inputs = [input, from_above];
        let [gradient] =
            with!(function, at => map::<B, 2, 1>(inputs, |[x, above]| [above * at(x).slope]));
        gradient
    }

    fn gated_forward(
        gate: &FloatTensor<Self>,
        input: &FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self> {
        let inputs = [gate, input];
        let [output] =
            with!(function, at => map::<B, 2, 1>(inputs, |[gate, x]| [at(gate).value * x]));
        output
    }

    fn gated_backward(
        gate: &FloatTensor<Self>,
        input: &FloatTensor<Self>,
        from_above: &FloatTensor<Self>,
        function: Function,
    ) -> [FloatTensor<Self>; 2] {
        with!(function, at => map::<B, 3, 2>([gate, input, from_above], |[gate, x, above]| {
            let at = at(gate);
            [above * x * at.slope, above * at.value]
        }))
    }
}

/// The function of each element in its place, on this thread.
pub fn in_place(elements: &mut [f32], function: Function) {
    with!(function, at => simd::vectorized(
        #[inline(always)]
        || {
            for element in elements.iter_mut() {
                *element = at(*element).value;
            }
        },
    ));
}

/// New tensors, element by element, on all threads.
fn map<B: Host, const N: usize, const M: usize>(
    inputs: [&FloatTensor<B>; N],
    function: impl Fn([f32; N]) -> [f32; M] + Sync,
) -> [FloatTensor<B>; M] {
    let views = inputs.map(B::view);
    let shape = views[0].shape.clone();
    let size = shape.iter().product();
    let mut outputs: [Vec<f32>; M] = std::array::from_fn(|_| vec![0.0; size]);
    let mut chunks: Vec<[&mut [f32]; M]> = Vec::new();
    let mut parts = outputs.each_mut().map(|output| output.chunks_mut(CHUNK));
    chunks.resize_with(size.div_ceil(CHUNK), || {
        (parts.each_mut()).map(|chunks| chunks.next().unwrap_or_default())
    });
    chunks
        .into_par_iter()
        .enumerate()
        .for_each(|(chunk, mut outputs)| {
            let start = chunk * CHUNK;
            let length = outputs[0].len();
            let inputs = views
                .each_ref()
                .map(|view| &view.elements[start..start + length]);
            simd::vectorized(
                #[inline(always)]
                || {
                    // All of one length, so that no access is checked.
                    let inputs = inputs.map(|elements| &elements[..length]);
                    let mut outputs = outputs.each_mut().map(|elements| &mut elements[..length]);
                    for place in 0..length {
                        let results = function(inputs.map(|elements| elements[place]));
                        for (output, result) in outputs.iter_mut().zip(results) {
                            output[place] = result;
                        }
                    }
                },
            );
        });
    outputs.map(|output| B::tensor(output, &shape))
}

/// A function at a place.
struct At {
    value: f32,
    slope: f32,
}

#[inline(always)]
fn relu(x: f32) -> At {
    let slope = if x > 0.0 { 1.0 } else { 0.0 };
    At {
        value: x * slope,
        slope,
    }
}

#[inline(always)]
fn gelu(x: f32) -> At {
    let gaussian = simd::exp(-0.5 * x * x);
    // The error function of |x| / sqrt 2, to 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26).
    let t = 1.0 / (1.0 + 0.327_591_1 * FRAC_1_SQRT_2 * x.abs());
    let mut series = 1.061_405_4;
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        series = series * t + coefficient;
    }
    let tail = 0.5 * series * t * gaussian;
    let below = if x < 0.0 { tail } else { 1.0 - tail };
    let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * gaussian;
    At {
        value: x * below,
        slope: below + x * density,
    }
}

#[inline(always)]
fn gelu_tanh(x: f32) -> At {
    const CUBIC: f32 = 0.044715;
    const SQRT_2_OVER_PI: f32 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    // Beyond, nothing changes any more, and the cube could overflow.
    let near = x.clamp(-20.0, 20.0);
    let inner = SQRT_2_OVER_PI * near * (1.0 + CUBIC * near * near);
    let slope_of_inner = SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * near * near);
    // (1 + tanh u) / 2 = 1 / (1 + e^(-2 u))
    let below = 1.0 / (1.0 + simd::exp(-2.0 * inner));
    At {
        value: x * below,
        slope: below + 2.0 * near * below * (1.0 - below) * slope_of_inner,
    }
}

#[inline(always)]
fn silu(x: f32) -> At {
    let sigmoid = 1.0 / (1.0 + simd::exp(-x));
    At {
        value: x * sigmoid,
        slope: sigmoid + x * sigmoid * (1.0 - sigmoid),
    }
}
