use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

use super::{Host, View};

impl Host for Flex {
    fn view(tensor: &FlexTensor) -> View<'_> {
        let layout = tensor.layout();
        View {
            elements: &tensor.storage::<f32>()[layout.start_offset()..],
            shape: layout.shape().to_vec(),
            strides: layout.strides().iter().map(|s| s.unsigned_abs()).collect(),
        }
    }

    fn visible(tensor: FlexTensor) -> FlexTensor {
        match tensor.layout().strides().iter().all(|&stride| stride >= 0) {
            true => tensor,
            false => tensor.to_contiguous(),
        }
    }

    fn dense(tensor: FlexTensor) -> FlexTensor {
        tensor.to_contiguous()
    }

    fn tensor(elements: Vec<f32>, shape: &[usize]) -> FlexTensor {
        let layout = Layout::contiguous(Shape::from(shape));
        FlexTensor::new(Bytes::from_elems(elements), layout, DType::F32)
    }
}
