//! Lookups and their gradients against sums in f64 on the host.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Distribution, Int, Tensor, TensorData};
use lamplight_kernels::embedding::embedding;
use lamplight_kernels::processor::is_processor;
use lamplight_testing::{assert_close, test_device};

/// Ids `[batch, length]` into a table `[rows, width]`.
struct Case {
    ids: Vec<usize>,
    batch: usize,
    rows: usize,
    width: usize,
}

impl Case {
    fn new(ids: impl IntoIterator<Item = usize>, rows: usize, width: usize) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            batch: 1,
            rows,
            width,
        }
    }

    fn ids(&self) -> Tensor<2, Int> {
        let ids: Vec<i64> = self.ids.iter().map(|&id| id as i64).collect();
        let length = ids.len() / self.batch;
        let data = TensorData::new(ids, [self.batch, length]);
        Tensor::from_data(data, &test_device())
    }

    fn table(&self, dtype: DType) -> Tensor<2> {
        random([self.rows, self.width]).cast(dtype)
    }

    /// The gradient of the output, none of it zero.
    fn above(&self, dtype: DType) -> Tensor<3> {
        let length = self.ids.len() / self.batch;
        random([self.batch, length, self.width]).cast(dtype)
    }

    /// The rows, and the gradient of the table.
    fn run(&self, table: Tensor<2>, from_above: Tensor<3>) -> (Vec<f32>, Tensor<2>) {
        let table = Tensor::<2>::from_inner(table).require_grad();
        let ids = Tensor::<2, Int>::from_inner(self.ids());
        let found = embedding(table.clone(), ids);
        let gradients = (found.clone() * Tensor::from_inner(from_above)).backward();
        (read(found.inner()), table.grad(&gradients).unwrap())
    }

    /// The rows that the ids name.
    fn expected(&self, table: &[f32]) -> Vec<f32> {
        let row = |&id: &usize| &table[id * self.width..(id + 1) * self.width];
        self.ids.iter().flat_map(row).copied().collect()
    }

    /// The sum of the gradients of each row, in f64.
    fn expected_gradient(&self, from_above: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0f64; self.rows * self.width];
        for (&id, gradient) in self.ids.iter().zip(from_above.chunks(self.width)) {
            let row = &mut sums[id * self.width..(id + 1) * self.width];
            row.iter_mut()
                .zip(gradient)
                .for_each(|(sum, &value)| *sum += f64::from(value));
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }

    fn check(&self) {
        let (table, from_above) = (self.table(DType::F32), self.above(DType::F32));
        let (found, gradient) = self.run(table.clone(), from_above.clone());
        assert_eq!(found, self.expected(&read(table)));
        let expected = self.expected_gradient(&read(from_above));
        assert_close("gradient", &read(gradient), &expected, 1e-5, 1e-5);
    }
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(0.5, 1.5), &test_device())
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.cast(DType::F32).try_into_vec_as().unwrap()
}

/// Numbers below a bound that follow no order, the lower ones far more often.
fn scattered(num: usize, bound: usize) -> impl Iterator<Item = usize> {
    let mut state = 12_345_u64;
    (0..num).map(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let uniform = (state >> 40) as f64 / (1u64 << 24) as f64;
        (uniform.powi(4) * bound as f64) as usize
    })
}

#[test]
fn every_row_has_the_gradient_of_its_own_token() {
    // In descending order, with rows between that no token names.
    Case::new((0..700).rev().map(|id| 2 * id + 1), 1401, 24).check();
}

#[test]
fn a_row_that_all_tokens_name_sums_them_all() {
    for width in [40, 300] {
        for num in [63, 64, 65, 128, 129, 900] {
            Case::new(vec![3; num], 5, width).check();
        }
    }
}

#[test]
fn runs_may_end_where_chunks_do() {
    // Each list are the lengths of runs in the order of their rows.
    for lengths in [
        &[64, 64, 64][..],
        &[32, 32, 128, 1, 63],
        &[1, 63, 65, 63, 200],
        &[10, 54, 60, 140, 1, 1, 1, 700],
    ] {
        let of_row = |(row, &length): (usize, &usize)| vec![row + 1; length];
        let mut ids: Vec<usize> = lengths.iter().enumerate().flat_map(of_row).collect();
        // Out of order, so that runs are found only by sorting.
        let num = ids.len();
        (0..num).for_each(|place| ids.swap(place, place * 7919 % num));
        Case::new(ids, lengths.len() + 2, 8).check();
    }
}

#[test]
fn tables_are_of_any_width() {
    for width in [1, 3, 31, 33, 256, 300, 1100] {
        Case::new(scattered(300, 20), 20, width).check();
    }
}

#[test]
fn one_token_and_one_row_are_enough() {
    Case::new([2], 4, 7).check();
    Case::new([0], 1, 7).check();
    Case::new([0; 300], 1, 7).check();
}

#[test]
fn thousands_of_tokens_in_a_batch_find_their_rows() {
    for (num, rows) in [(4096, 1000), (5000, 50), (3001, 100_000)] {
        let batch = if num % 8 == 0 { 8 } else { 1 };
        let case = Case::new(scattered(num, rows), rows, 5);
        Case { batch, ..case }.check();
    }
}

#[test]
fn the_gradient_from_above_may_lie_in_another_order() {
    let case = Case::new(scattered(300, 20), 20, 6);
    let from_above = random([1, 6, 300]).swap_dims(1, 2);
    let (_, gradient) = case.run(case.table(DType::F32), from_above.clone());
    let expected = case.expected_gradient(&read(from_above));
    assert_close("gradient", &read(gradient), &expected, 1e-5, 1e-5);
}

#[test]
fn ids_may_be_some_rows_of_a_batch() {
    let case = Case::new(scattered(4 * 150, 20), 20, 6);
    let case = Case { batch: 4, ..case };
    let part = Case {
        ids: case.ids[150..450].to_vec(),
        batch: 2,
        ..case
    };
    let table = Tensor::<2>::from_inner(part.table(DType::F32)).require_grad();
    let ids = Tensor::<2, Int>::from_inner(case.ids()).narrow(0, 1, 2);
    let above = case.above(DType::F32).narrow(0, 1, 2);
    let found = embedding(table.clone(), ids) * Tensor::from_inner(above.clone());
    let gradient = table.grad(&found.backward()).unwrap();
    let expected = part.expected_gradient(&read(above));
    assert_close("gradient", &read(gradient), &expected, 1e-5, 1e-5);
}

#[test]
fn the_same_gradient_comes_twice() {
    let case = Case::new(scattered(5000, 300), 300, 20);
    let (table, from_above) = (case.table(DType::F32), case.above(DType::F32));
    let gradient = || read(case.run(table.clone(), from_above.clone()).1);
    let first = gradient();
    (0..5).for_each(|_| assert_eq!(gradient(), first));
}

/// Sums in bf16 stand still once they are 256 times as high as what is added.
#[test]
fn cards_sum_half_precision_in_f32() {
    let device = test_device();
    for (dtype, half_of_last_bit) in [(DType::BF16, 1.0 / 256.0), (DType::F16, 1.0 / 2048.0)] {
        if is_processor(&device) || !device.supports_dtype(dtype) {
            continue;
        }
        let case = Case::new((0..6000).map(|token| token % 2), 3, 20);
        let (table, from_above) = (case.table(dtype), case.above(dtype));
        let (_, gradient) = case.run(table, from_above.clone());
        assert_eq!(gradient.dtype(), dtype);
        let expected = case.expected_gradient(&read(from_above));
        assert_close(
            "gradient",
            &read(gradient),
            &expected,
            half_of_last_bit,
            0.0,
        );
    }
}

#[test]
fn cards_take_the_nearest_row_for_an_id_outside_of_the_table() {
    let device = test_device();
    if is_processor(&device) {
        return;
    }
    let device = device.autodiff();
    let table = Tensor::<2>::ones([3, 2], &device).require_grad();
    let ids = Tensor::<2, Int>::from_data([[-1, 1, 3, 1000]], &device);
    let gradients = embedding(table.clone(), ids).sum().backward();
    let gradient = read(table.grad(&gradients).unwrap());
    assert_eq!(gradient, [1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
}
