//! Batches made ahead of their reader, on threads of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::plan::{Plan, Row};
use super::{Drawn, ExampleSet};
use crate::DataError;
use crate::error::panic_message;

/// How batches are made ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Threads, at least 1.
    pub num_threads: usize,
    /// Batches that each keeps ready.
    pub depth: usize,
    /// How long the reader waits for a batch before it gives up and says what is being read.
    pub patience: Duration,
}

impl Default for Workers {
    /// One thread for every four cores, two batches each, ten minutes.
    fn default() -> Self {
        let num_cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            num_threads: num_cores.div_ceil(4),
            depth: 2,
            patience: Duration::from_secs(600),
        }
    }
}

/// Batches in their order, whichever thread makes them. Errors come through in their place. A panic and a batch that
/// does not come end the iterator with an error that names what was being read. A thread ends with the iterator, or with
/// the next batch after this is dropped.
pub struct Prefetch<E: ExampleSet> {
    examples: Arc<E>,
    workers: Vec<Worker<E::Batch>>,
    /// The worker whose batch is next.
    next: usize,
    patience: Duration,
    has_failed: bool,
}

struct Worker<B> {
    receiver: Receiver<Message<B>>,
    /// What it is reading.
    current: Arc<Mutex<Vec<Row>>>,
}

enum Message<B> {
    Batch(Result<Drawn<B>, DataError>),
    Panic(String),
}

impl<E> Prefetch<E>
where
    E: ExampleSet + Send + Sync + 'static,
    E::Batch: Send,
{
    /// Starts the threads; `plans` gives the same sequence at each call.
    pub(super) fn start<P>(
        examples: &Arc<E>,
        workers: Workers,
        plans: impl Fn() -> P,
    ) -> Result<Self, DataError>
    where
        P: Iterator<Item = Plan> + Send + 'static,
    {
        let num_threads = workers.num_threads.max(1);
        let threads = (0..num_threads).map(|index| {
            let (sender, receiver) = sync_channel(workers.depth);
            let current = Arc::new(Mutex::new(Vec::new()));
            let plans = plans().skip(index).step_by(num_threads);
            let (examples, reading) = (Arc::clone(examples), Arc::clone(&current));
            thread::Builder::new()
                .name(format!("loader-{index}"))
                .spawn(move || send_all(&*examples, plans, &reading, &sender))
                .map_err(|source| DataError::Thread { source })?;
            Ok(Worker { receiver, current })
        });
        Ok(Self {
            examples: Arc::clone(examples),
            workers: threads.collect::<Result<_, DataError>>()?,
            next: 0,
            patience: workers.patience,
            has_failed: false,
        })
    }
}

impl<E: ExampleSet> Prefetch<E> {
    /// What a worker is reading.
    fn place(&self, worker: usize) -> String {
        let rows = self.workers[worker].current.lock();
        let rows = rows.unwrap_or_else(PoisonError::into_inner);
        match rows.iter().flatten().next() {
            Some(draw) => self.examples.place(draw),
            None => "its first batch".to_owned(),
        }
    }
}

impl<E: ExampleSet> Iterator for Prefetch<E> {
    type Item = Result<Drawn<E::Batch>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let worker = self.next;
        self.next = (worker + 1) % self.workers.len();
        let failure = match self.workers[worker].receiver.recv_timeout(self.patience) {
            Ok(Message::Batch(batch)) => return Some(batch),
            Ok(Message::Panic(message)) => DataError::LoaderPanicked {
                message,
                place: self.place(worker),
            },
            Err(RecvTimeoutError::Timeout) => DataError::LoaderStalled {
                seconds: self.patience.as_secs_f64(),
                place: self.place(worker),
            },
            // The sender goes away only once its plans have ended.
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        self.has_failed = true;
        Some(Err(failure))
    }
}

fn send_all<E: ExampleSet>(
    examples: &E,
    plans: impl Iterator<Item = Plan>,
    reading: &Mutex<Vec<Row>>,
    sender: &SyncSender<Message<E::Batch>>,
) {
    for Plan { rows, cursor } in plans {
        rows.clone_into(&mut reading.lock().unwrap_or_else(PoisonError::into_inner));
        // Nothing is half done after a panic: an example is made anew each time.
        let made = catch_unwind(AssertUnwindSafe(|| examples.batch(&rows)));
        let (message, has_panicked) = match made {
            Ok(batch) => {
                let drawn = batch.map(|batch| Drawn { batch, cursor });
                (Message::Batch(drawn), false)
            }
            Err(payload) => (Message::Panic(panic_message(payload.as_ref())), true),
        };
        let nobody_reads = sender.send(message).is_err();
        if has_panicked || nobody_reads {
            return;
        }
    }
}
