//! Tensors of backends that compute in the host's memory, as slices.

use burn::backend::{
    Backend,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::{TensorData, read_sync};
use faer::MatRef;

#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "ndarray")]
mod ndarray;

/// A backend whose tensors lie in the host's memory.
pub trait Host: Backend {
    /// The elements of a tensor of f32 that [`Self::visible`] gave.
    fn view(tensor: &FloatTensor<Self>) -> View<'_>;

    /// The same tensor, copied if it cannot be seen as it lies.
    fn visible(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The same tensor, copied if its elements do not lie in the order of their indices.
    fn dense(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// A tensor of f32, whose elements lie in the order of their indices.
    fn tensor(elements: Vec<f32>, shape: &[usize]) -> FloatTensor<Self>;

    /// The elements of a tensor of integers of any type.
    fn integers(tensor: IntTensor<Self>) -> Vec<i64> {
        match read_sync(Self::int_into_data(tensor)).map(TensorData::try_into_vec_as) {
            Ok(Ok(elements)) => elements,
            unread => panic!("integers cannot be read: {unread:?}"),
        }
    }

    /// A visible tensor whose last axis is dense.
    fn visible_rows(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        let tensor = Self::visible(tensor);
        match Self::view(&tensor).has_dense_rows() {
            true => tensor,
            false => Self::dense(tensor),
        }
    }

    /// A visible matrix whose rows or columns are dense.
    fn visible_matrix(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        let tensor = Self::visible(tensor);
        let view = Self::view(&tensor);
        match view.has_dense_rows() || view.strides[0] == 1 {
            true => tensor,
            false => Self::dense(tensor),
        }
    }
}

/// Elements and where they lie.
#[derive(Debug)]
pub struct View<'a> {
    /// From the first element on.
    pub elements: &'a [f32],
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Elements from one index of an axis to the next; 0 where an axis is broadcast.
    pub strides: Vec<usize>,
}

/// Which head of which row of the batch.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Of the first axis.
    pub batch: usize,
    /// Of the second axis.
    pub head: usize,
}

impl<'a> View<'a> {
    /// Whether the last axis is dense.
    pub fn has_dense_rows(&self) -> bool {
        self.shape.last() == Some(&1) || self.strides.last() == Some(&1)
    }

    /// Of two axes, one of which is dense, the matrix.
    pub fn whole(&self) -> MatRef<'a, f32> {
        let [rows, columns] = [self.shape[0], self.shape[1]];
        match self.has_dense_rows() {
            true => MatRef::from_row_major_slice_with_stride(
                self.elements,
                rows,
                columns,
                self.strides[0],
            ),
            false => MatRef::from_column_major_slice_with_stride(
                self.elements,
                rows,
                columns,
                self.strides[1],
            ),
        }
    }

    /// Of four axes, the last of which is dense, the matrix of the last two at the first two.
    pub fn matrix(&self, Head { batch, head }: Head) -> MatRef<'a, f32> {
        let [rows, columns] = [self.shape[2], self.shape[3]];
        let start = batch * self.strides[0] + head * self.strides[1];
        MatRef::from_row_major_slice_with_stride(
            &self.elements[start..],
            rows,
            columns,
            self.strides[2],
        )
    }

    /// Of four axes, the elements of the last one, which is dense, at the first three.
    pub fn row(&self, (batch, head, row): (usize, usize, usize)) -> &'a [f32] {
        let start = batch * self.strides[0] + head * self.strides[1] + row * self.strides[2];
        &self.elements[start..start + self.shape[3]]
    }
}
