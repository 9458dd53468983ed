//! Matrix products.

use burn::tensor::{Distribution, Tensor};
use lamplight_layers::linear::project;

use super::Setting;
use super::measure::Case;

/// `rows x inner x columns`: the machine's own rate; linear layers of T5-small and of ELECTRA-small;
/// output matrices of a training step, of a beam search's step and of a greedy one.
pub const SHAPES: [[usize; 3]; 8] = [
    [2048, 2048, 2048],
    [2048, 512, 2048],
    [2048, 512, 512],
    [2048, 2048, 512],
    [2048, 256, 1024],
    [456, 512, 32128],
    [4, 512, 32128],
    [1, 512, 32128],
];

pub fn case(setting: &Setting, [rows, inner, columns]: [usize; 3]) -> anyhow::Result<Case> {
    let dtype = setting.precision()?.dtype();
    let random = |shape: [usize; 2]| {
        let values = Tensor::<2>::random(shape, Distribution::Default, &setting.device);
        values.cast(dtype)
    };
    let (left, right) = (random([rows, inner]), random([inner, columns]));
    let run = move || super::forward::wait(project(left.clone(), right.clone(), None));
    Ok(Case {
        shape: Some(format!("{rows}x{inner}x{columns}")),
        flops: Some(2.0 * (rows * inner * columns) as f64),
        ..Case::new(run)
    })
}
