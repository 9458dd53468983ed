//! A copy in the order of the device's queue.

use std::future::poll_fn;
use std::mem::replace;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Waker};

use burn::backend::{Backend, Dispatch, ExecutionError, backend_extension, tensor::FloatTensor};
use burn::tensor::{Bytes, DType, Tensor, TensorData, TensorReadError};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::future::{DynFut, block_on};
use burn_cubecl::cubecl::server::{CopyDescriptor, ServerError};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

type Copying = DynFut<Result<Bytes, ServerError>>;

/// A copy that is queued. It is waited for even where nobody asks for it: the device writes into memory that is else
/// given to others.
pub struct Queued(Option<Copying>);

impl Queued {
    /// Queues the copy of a tensor of f32.
    pub fn start(values: Tensor<1>) -> Self {
        let (sender, receiver) = channel();
        <Dispatch as ReadbackOps>::start_readback(values.into_dispatch(), sender);
        Self(receiver.try_recv().ok())
    }

    /// Waits for the copy.
    pub fn finish(mut self) -> Result<Vec<f32>, TensorReadError> {
        let copied = self.0.take().map(block_on);
        let bytes = match copied {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => return Err(ExecutionError::with_context(error.to_string()).into()),
            None => return Err(ExecutionError::generic("no copy was queued").into()),
        };
        let shape = [bytes.len() / size_of::<f32>()];
        Ok(TensorData::from_bytes(bytes, shape, DType::F32).try_into_vec()?)
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        // Only whether it is done matters.
        let _ = self.0.take().map(block_on);
    }
}

/// The copy of graphics cards.
#[backend_extension(Cube)]
pub trait ReadbackOps: Backend {
    /// Sends the queued copy of a tensor of one axis, which it gives back.
    fn start_readback(tensor: FloatTensor<Self>, sender: Sender<Copying>) -> FloatTensor<Self>;
}

impl ReadbackOps for CubeBackend {
    fn start_readback(tensor: CubeTensor, sender: Sender<Copying>) -> CubeTensor {
        let dense = into_contiguous(tensor.clone());
        let descriptor = CopyDescriptor::new(
            dense.handle.clone().binding(),
            dense.meta.shape().clone(),
            dense.meta.strides().clone(),
            size_of::<f32>(),
        );
        // The receiver is there until this returns.
        let _ = sender.send(started(dense.client, descriptor));
        tensor
    }
}

/// The client queues a copy when it is called, not when it is waited for. What it gives borrows it, so both are in one
/// future, which stands still in between.
fn started(client: Client, descriptor: CopyDescriptor) -> Copying {
    let mut copying: Copying = Box::pin(async move {
        let copying = client.read_one_tensor_async(descriptor);
        let mut is_waited_for = false;
        poll_fn(|_| match replace(&mut is_waited_for, true) {
            false => Poll::Pending,
            true => Poll::Ready(()),
        })
        .await;
        copying.await
    });
    // Up to where it stands still.
    let _ = (copying.as_mut()).poll(&mut Context::from_waker(Waker::noop()));
    copying
}
