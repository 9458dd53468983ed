//! A cube for each row.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::{LikelihoodForm, Scored};
use crate::cube::{
    RowLaunch, address_type, assert_f32, empty_beside, highest_of_units, nearest, sum_of_units,
};

impl LikelihoodForm for CubeBackend {
    /// On the device still.
    type Targets = CubeTensor;

    fn forward(logits: CubeTensor, targets: CubeTensor) -> (CubeTensor, Scored<Self>) {
        let [logits, targets] = [logits, targets].map(into_contiguous);
        let [rows, classes] = [logits.shape()[0], logits.shape()[1]];
        let output = empty_beside(&logits, [rows, 2], DType::F32);
        let launch = RowLaunch::new(&logits.client, rows, classes);
        forward_kernel::launch(
            &logits.client,
            launch.count,
            launch.dim,
            address_type([&logits]),
            logits.clone().into_tensor_arg(),
            targets.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            launch.units,
            [logits.dtype, targets.dtype].map(dtype_to_storage_type),
        );
        let scored = Scored {
            logits,
            targets,
            output: output.clone(),
        };
        (output, scored)
    }

    fn backward(scored: Scored<Self>, from_above: CubeTensor) -> CubeTensor {
        let Scored {
            logits,
            targets,
            output,
        } = scored;
        assert_f32("gradient", &from_above);
        let from_above = into_contiguous(from_above);
        let [rows, classes] = [logits.shape()[0], logits.shape()[1]];
        let of_logits = empty_beside(&logits, [rows, classes], logits.dtype);
        let launch = RowLaunch::new(&logits.client, rows, classes);
        let types = [logits.dtype, targets.dtype].map(dtype_to_storage_type);
        backward_kernel::launch(
            &of_logits.client,
            launch.count,
            launch.dim,
            address_type([&logits]),
            logits.into_tensor_arg(),
            targets.into_tensor_arg(),
            output.into_tensor_arg(),
            from_above.into_tensor_arg(),
            of_logits.clone().into_tensor_arg(),
            launch.units,
            types,
        );
        of_logits
    }
}

#[cube(launch, address_type = "dynamic")]
fn forward_kernel<F: Float, I: Int>(
    logits: &Tensor<F>,
    targets: &Tensor<I>,
    output: &mut Tensor<f32>,
    #[comptime] units: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let (row, classes) = (CUBE_POS, logits.shape(1));
    if row >= logits.shape(0) {
        terminate!();
    }
    let (unit, start) = (UNIT_POS as usize, row * classes);
    // Of the classes of this unit the highest logit, and the sum of exponentials, each less by it.
    let mut highest = f32::min_value();
    let mut sum = 0.0f32;
    let mut class = unit;
    while class < classes {
        let logit = f32::cast_from(logits[start + class]);
        let higher = max(highest, logit);
        sum = sum * f32::exp(highest - higher) + f32::exp(logit - higher);
        highest = higher;
        class += units;
    }
    let highest_logit = highest_of_units(highest, units);
    let sum = sum_of_units(sum * f32::exp(highest - highest_logit), units);
    if unit == 0 {
        let target = nearest::<I>(targets[row], classes);
        output[2 * row] = f32::ln(sum) + highest_logit;
        output[2 * row + 1] = f32::cast_from(logits[start + target]);
    }
}

#[cube(launch, address_type = "dynamic")]
fn backward_kernel<F: Float, I: Int>(
    logits: &Tensor<F>,
    targets: &Tensor<I>,
    output: &Tensor<f32>,
    from_above: &Tensor<f32>,
    of_logits: &mut Tensor<F>,
    #[comptime] units: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let (row, classes) = (CUBE_POS, logits.shape(1));
    if row >= logits.shape(0) {
        terminate!();
    }
    let start = row * classes;
    let target = nearest::<I>(targets[row], classes);
    let log_z = output[2 * row];
    let (of_log_z, of_target) = (from_above[2 * row], from_above[2 * row + 1]);
    let mut class = UNIT_POS as usize;
    while class < classes {
        let share = f32::exp(f32::cast_from(logits[start + class]) - log_z);
        let of_logit = of_log_z * share + select(class == target, of_target, 0.0f32);
        of_logits[start + class] = F::cast_from(of_logit);
        class += units;
    }
}
