//! Copies in other types against Burn's own.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Distribution, Tensor};
use lamplight_kernels::cast::Casts;
use lamplight_testing::test_device;

fn random(shape: [usize; 2]) -> Tensor<2> {
    Tensor::random(shape, Distribution::Normal(0.0, 3.0), &test_device())
}

fn bits(tensor: Tensor<2>) -> Vec<u32> {
    let values: Vec<f32> = tensor.try_into_vec_as().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

fn half_types() -> impl Iterator<Item = DType> {
    let device = test_device();
    let types = [DType::F16, DType::BF16];
    types
        .into_iter()
        .filter(move |dtype| device.supports_dtype(*dtype))
}

/// More than a launch takes, of sizes that differ, some not dense, some empty.
#[test]
fn many_copies_are_rounded_as_one_is() {
    for dtype in half_types() {
        let mut there = Casts::new(dtype);
        let tensors: Vec<_> = (0..90)
            .map(|index| {
                let tensor = random([index % 17, 1 + index * index % 901]);
                match index % 5 {
                    0 => tensor.transpose(),
                    _ => tensor,
                }
            })
            .collect();
        let halves: Vec<_> = tensors.iter().map(|t| there.add(t.clone())).collect();
        there.finish();
        let mut back = Casts::new(DType::F32);
        let again: Vec<_> = halves.iter().map(|half| back.add(half.clone())).collect();
        back.finish();
        for ((tensor, half), again) in tensors.into_iter().zip(halves).zip(again) {
            assert_eq!(half.dtype(), dtype);
            assert_eq!(half.dims(), tensor.dims());
            let expected = tensor.cast(dtype).cast(DType::F32);
            assert!(bits(half.cast(DType::F32)) == bits(expected.clone()));
            assert!(bits(again) == bits(expected));
        }
    }
}

#[test]
fn a_tensor_of_the_type_is_taken_as_it_is() {
    let tensor = random([2, 3]);
    let mut casts = Casts::new(DType::F32);
    let same = casts.add(tensor.clone());
    casts.finish();
    assert!(bits(same) == bits(tensor));
}
