//! A unit for each element; all is computed in f32.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::{ActivationForm, Function};
use crate::cube::{ElementLaunch, address_type, empty_beside};

impl ActivationForm for CubeBackend {
    fn laid_out(tensor: CubeTensor) -> CubeTensor {
        into_contiguous(tensor)
    }

    fn forward(input: &CubeTensor, function: Function) -> CubeTensor {
        let output = empty_beside(input, input.shape(), input.dtype);
        let launch = ElementLaunch::new(&input.client, input.shape().num_elements());
        forward_kernel::launch(
            &input.client,
            launch.count,
            launch.dim,
            address_type([input]),
            input.clone().into_buffer_arg(),
            output.clone().into_buffer_arg(),
            function,
            dtype_to_storage_type(input.dtype),
        );
        output
    }

    fn backward(input: &CubeTensor, from_above: &CubeTensor, function: Function) -> CubeTensor {
        let of_input = empty_beside(input, input.shape(), input.dtype);
        let launch = ElementLaunch::new(&input.client, input.shape().num_elements());
        backward_kernel::launch(
            &input.client,
            launch.count,
            launch.dim,
            address_type([input]),
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
        let launch = ElementLaunch::new(&gate.client, gate.shape().num_elements());
        gated_forward_kernel::launch(
            &gate.client,
            launch.count,
            launch.dim,
            address_type([gate]),
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
        let launch = ElementLaunch::new(&gate.client, gate.shape().num_elements());
        gated_backward_kernel::launch(
            &gate.client,
            launch.count,
            launch.dim,
            address_type([gate]),
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
fn forward_kernel<F: Float>(
    input: &[F],
    output: &mut [F],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= input.len() {
        terminate!();
    }
    output[place] = F::cast_from(at(f32::cast_from(input[place]), function).value);
}

#[cube(launch, address_type = "dynamic")]
fn backward_kernel<F: Float>(
    input: &[F],
    from_above: &[F],
    of_input: &mut [F],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= input.len() {
        terminate!();
    }
    let slope = at(f32::cast_from(input[place]), function).slope;
    of_input[place] = F::cast_from(f32::cast_from(from_above[place]) * slope);
}

#[cube(launch, address_type = "dynamic")]
fn gated_forward_kernel<F: Float>(
    gate: &[F],
    input: &[F],
    output: &mut [F],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= gate.len() {
        terminate!();
    }
    let value = at(f32::cast_from(gate[place]), function).value;
    output[place] = F::cast_from(value * f32::cast_from(input[place]));
}

#[cube(launch, address_type = "dynamic")]
fn gated_backward_kernel<F: Float>(
    gate: &[F],
    input: &[F],
    from_above: &[F],
    of_gate: &mut [F],
    of_input: &mut [F],
    #[comptime] function: Function,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= gate.len() {
        terminate!();
    }
    let at = at(f32::cast_from(gate[place]), function);
    let from_above = f32::cast_from(from_above[place]);
    of_gate[place] = F::cast_from(from_above * f32::cast_from(input[place]) * at.slope);
    of_input[place] = F::cast_from(from_above * at.value);
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
