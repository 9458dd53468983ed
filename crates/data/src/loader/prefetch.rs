//! Runs a loader ahead of its reader, on a thread of its own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::DataError;

/// The items of an iterator, made in the background. Errors come through in their place; a panic comes through as an
/// error, and ends the iterator. The thread ends with the iterator, or with the next item after this is dropped.
pub struct Prefetch<T> {
    receiver: Receiver<Result<T, DataError>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts the thread, which keeps up to `depth` items ready.
    ///
    /// # Errors
    /// [`DataError::Thread`] when the system gives no thread.
    pub fn new(
        iterator: impl Iterator<Item = Result<T, DataError>> + Send + 'static,
        depth: usize,
    ) -> Result<Self, DataError> {
        let (sender, receiver) = sync_channel(depth);
        thread::Builder::new()
            .name("prefetch".to_owned())
            .spawn(move || send_all(iterator, &sender))
            .map_err(|source| DataError::Thread { source })?;
        Ok(Self { receiver })
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = Result<T, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        // The sender goes away only once its iterator has ended.
        self.receiver.recv().ok()
    }
}

fn send_all<T>(
    mut iterator: impl Iterator<Item = Result<T, DataError>>,
    sender: &SyncSender<Result<T, DataError>>,
) {
    loop {
        // Nothing looks at the iterator after it has panicked.
        let next = catch_unwind(AssertUnwindSafe(|| iterator.next()));
        let (item, ended) = match next {
            Ok(Some(item)) => (item, false),
            Ok(None) => return,
            Err(payload) => {
                let message = panic_message(payload.as_ref());
                (Err(DataError::LoaderPanicked { message }), true)
            }
        };
        let nobody_reads = sender.send(item).is_err();
        if ended || nobody_reads {
            return;
        }
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn items_come_in_order_and_end_with_the_iterator() {
        for depth in [0, 1, 4] {
            let items: Vec<u32> = Prefetch::new((0..100).map(Ok), depth)
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert_eq!(items, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_comes_through_and_the_iterator_goes_on() {
        let items = (0..4).map(|index| match index {
            2 => Err(DataError::TextTooShort { tokens: 1 }),
            _ => Ok(index),
        });
        let passed: Vec<Option<u32>> = Prefetch::new(items, 1).unwrap().map(Result::ok).collect();
        assert_eq!(passed, [Some(0), Some(1), None, Some(3)]);
    }

    #[test]
    fn a_panic_comes_through_as_an_error_and_ends_the_iterator() {
        let items = (0..9).map(|index| {
            assert!(index < 2, "example {index} is broken");
            Ok(index)
        });
        let mut prefetch = Prefetch::new(items, 1).unwrap();
        assert_eq!(prefetch.next().unwrap().unwrap(), 0);
        assert_eq!(prefetch.next().unwrap().unwrap(), 1);
        let error = prefetch.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("example 2 is broken"), "{error}");
        assert!(prefetch.next().is_none());
    }

    #[test]
    fn the_thread_ends_when_nobody_reads_any_more() {
        let (alive, ended) = channel::<()>();
        let endless = std::iter::repeat_with(move || {
            let _alive = &alive;
            Ok(0)
        });
        drop(Prefetch::new(endless, 2).unwrap());
        assert!(ended.recv().is_err(), "the iterator was not dropped");
    }
}
