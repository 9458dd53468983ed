//! A unit for a few elements; all is computed in f32.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::{ActivationForm, Function};
use crate::cube::{VectorLaunch, address_type, empty_beside};

impl ActivationForm for CubeBackend {
    fn laid_out(tensor: CubeTensor) -> CubeTensor {
        into_contiguous(tensor)
    }

    fn forward(input: &CubeTensor, function: Function) -> CubeTensor {
        let output = empty_beside(input, input.shape(), input.dtype);
        let launch = VectorLaunch::new(input);
        forward_kernel::launch(
            &input.client,
            launch.elements.count,
            launch.elements.dim,
            address_type([input]),
            launch.width,
            input.clone().into_buffer_arg(),
            output.clone().into_buffer_arg(),
            function,
            dtype_to_storage_type(input.dtype),
        );
        output
    }

    fn backward(input: &CubeTensor, from_above: &CubeTensor, function: Function) -> CubeTensor {
        let of_input = empty_beside(input, input.shape(), input.dtype);
        let launch = VectorLaunch::new(input);
        backward_kernel::launch(
            &input.client,
            launch.elements.count,
            launch.elements.dim,
            address_type([input]),
            launch.width,
            input.clone().into_buffer_arg(),
            from_above.clone().into_buffer_arg(),
            of_input.clone().into_buffer_arg(),
            function,
            dtype_to_storage_type(input.dtype),
        );
        of_input
    }

    fn gated_forward(gate: &CubeTensor, input: &CubeTensor, function: Function) -> CubeTensor {
        let output = empty_beside(gate, gate.shape(), gate.dtype);
        let launch = VectorLaunch::new(gate);
        gated_forward_kernel::launch(
            &gate.client,
            launch.elements.count,
            launch.elements.dim,
            address_type([gate]),
            launch.width,
            gate.clone().into_buffer_arg(),
            input.clone().into_buffer_arg(),
            output.clone().into_buffer_arg(),
            function,
            dtype_to_storage_type(gate.dtype),
        );
        output
    }

    fn gated_backward(
        gate: &CubeTensor,
        input: &CubeTensor,
        from_above: &CubeTensor,
        function: Function,
    ) -> [CubeTensor; 2] {
        let [of_gate, of_input] = [(); 2].map(|()| empty_beside(gate, gate.shape(), gate.dtype));
        let launch = VectorLaunch::new(gate);
        gated_backward_kernel::launch(
            &gate.client,
            launch.elements.count,
            launch.elements.dim,
            address_type([gate]),
            launch.width,
            gate.clone().into_buffer_arg(),
            input.clone().into_buffer_arg(),
            from_above.clone().into_buffer_arg(),
            of_gate.clone().into_buffer_arg(),
            of_input.clone().into_buffer_arg(),
            function,
            dtype_to_storage_type(gate.dtype),
        );
        [of_gate, of_input]
    }
}

#[cube(launch, address_type = "dynamic")]
fn forward_kernel<F: Float, N: Size>(
    input: &[Vector<F, N>],
    output: &mut [Vector<F, N>],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= input.len() {
        terminate!();
    }
    let x = input[place];
    let mut y = Vector::<F, N>::empty();
    #[unroll]
    for lane in 0..x.vector_size() {
        let at = at(f32::cast_from(x.extract(lane)), function);
        y.insert(lane, F::cast_from(at.value));
    }
    output[place] = y;
}

#[cube(launch, address_type = "dynamic")]
fn backward_kernel<F: Float, N: Size>(
    input: &[Vector<F, N>],
    from_above: &[Vector<F, N>],
    of_input: &mut [Vector<F, N>],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= input.len() {
        terminate!();
    }
    let (x, from_above) = (input[place], from_above[place]);
    let mut of_x = Vector::<F, N>::empty();
    #[unroll]
    for lane in 0..x.vector_size() {
        let at = at(f32::cast_from(x.extract(lane)), function);
        let gradient = f32::cast_from(from_above.extract(lane)) * at.slope;
        of_x.insert(lane, F::cast_from(gradient));
    }
    of_input[place] = of_x;
}

#[cube(launch, address_type = "dynamic")]
fn gated_forward_kernel<F: Float, N: Size>(
    gate: &[Vector<F, N>],
    input: &[Vector<F, N>],
    output: &mut [Vector<F, N>],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= gate.len() {
        terminate!();
    }
    let (gate, x) = (gate[place], input[place]);
    let mut y = Vector::<F, N>::empty();
    #[unroll]
    for lane in 0..gate.vector_size() {
        let at = at(f32::cast_from(gate.extract(lane)), function);
        let gated = at.value * f32::cast_from(x.extract(lane));
        y.insert(lane, F::cast_from(gated));
    }
    output[place] = y;
}

#[cube(launch, address_type = "dynamic")]
fn gated_backward_kernel<F: Float, N: Size>(
    gate: &[Vector<F, N>],
    input: &[Vector<F, N>],
    from_above: &[Vector<F, N>],
    of_gate: &mut [Vector<F, N>],
    of_input: &mut [Vector<F, N>],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= gate.len() {
        terminate!();
    }
    let (gate, x, from_above) = (gate[place], input[place], from_above[place]);
    let mut of_x = Vector::<F, N>::empty();
    let mut of_its_gate = Vector::<F, N>::empty();
    #[unroll]
    for lane in 0..gate.vector_size() {
        let at = at(f32::cast_from(gate.extract(lane)), function);
        let from_above = f32::cast_from(from_above.extract(lane));
        let of_value = from_above * f32::cast_from(x.extract(lane));
        of_its_gate.insert(lane, F::cast_from(of_value * at.slope));
        of_x.insert(lane, F::cast_from(from_above * at.value));
    }
    of_gate[place] = of_its_gate;
    of_input[place] = of_x;
}

/// A function at a place.
#[derive(CubeType)]
struct At {
    value: f32,
    slope: f32,
}

#[cube]
fn at(x: f32, #[comptime] function: Function) -> At {
    match function {
        Function::Relu => relu(x),
        Function::Gelu => gelu(x),
        Function::GeluTanh => gelu_tanh(x),
        Function::Silu => silu(x),
    }
}

#[cube]
fn relu(x: f32) -> At {
    let slope = select(x > 0.0f32, 1.0f32, 0.0f32);
    At {
        value: x * slope,
        slope,
    }
}

/// By formula 7.1.26 of Abramowitz and Stegun for the error function, whose tail it gives without cancellation.
#[cube]
fn gelu(x: f32) -> At {
    let gaussian = f32::exp(-0.5f32 * x * x);
    let t = 1.0f32 / (1.0f32 + 0.3275911f32 * FRAC_1_SQRT_2 * f32::abs(x));
    let high = (1.0614054f32 * t - 1.453152f32) * t + 1.4214137f32;
    let series = (high * t - 0.28449674f32) * t + 0.2548296f32;
    let tail = 0.5f32 * series * t * gaussian;
    let below = select(x < 0.0f32, tail, 1.0f32 - tail);
    let density = 0.5f32 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * gaussian;
    At {
        value: x * below,
        slope: below + x * density,
    }
}

#[cube]
fn gelu_tanh(x: f32) -> At {
    let sqrt_2_over_pi = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    // Beyond, nothing changes any more, and the cube could overflow.
    let near = clamp(x, -20.0f32, 20.0f32);
    let square = 0.044715f32 * near * near;
    let inner = sqrt_2_over_pi * near * (1.0f32 + square);
    let slope_of_inner = sqrt_2_over_pi * (1.0f32 + 3.0f32 * square);
    // (1 + tanh u) / 2 = 1 / (1 + e^(-2 u))
    let below = 1.0f32 / (1.0f32 + f32::exp(-2.0f32 * inner));
    At {
        value: x * below,
        slope: below + 2.0f32 * near * below * (1.0f32 - below) * slope_of_inner,
    }
}

#[cube]
fn silu(x: f32) -> At {
    let sigmoid = 1.0f32 / (1.0f32 + f32::exp(-x));
    At {
        value: x * sigmoid,
        slope: sigmoid + x * sigmoid * (1.0f32 - sigmoid),
    }
}
