//! Writes checkpoints on a thread of its own, one at a time, while training goes on.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::{Scope, ScopedJoinHandle};

use super::store::Record;
use super::{Checkpoints, Identity, Intact, Position, Retention};
use crate::TrainingError;

/// What a checkpoint is made of, taken between two steps.
pub(crate) struct Snapshot<F> {
    /// Where the run stands.
    pub(crate) position: Position,
    /// The evaluation after this step, if there was one.
    pub(crate) scores: BTreeMap<String, f64>,
    /// Writes the model and the optimizer's state, of which it holds what it needs.
    pub(crate) fill: F,
    /// Bytes that this will take, for the message when there is no room for them.
    pub(crate) num_bytes: u64,
}

/// What the thread has done.
pub(crate) struct Written {
    /// The checkpoint, which is whole.
    pub(crate) checkpoint: Intact,
    /// Whether those no longer kept are gone; if not, training can go on all the same.
    pub(crate) pruned: Result<(), TrainingError>,
}

/// The thread, when it is at work.
pub(crate) struct Writer<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    checkpoints: &'env Checkpoints,
    identity: &'env Identity,
    retention: &'env Retention,
    job: Option<ScopedJoinHandle<'scope, Result<Written, TrainingError>>>,
}

impl<'scope, 'env> Writer<'scope, 'env> {
    /// A writer of the checkpoints of one run.
    pub(crate) fn new(
        scope: &'scope Scope<'scope, 'env>,
        checkpoints: &'env Checkpoints,
        identity: &'env Identity,
        retention: &'env Retention,
    ) -> Self {
        Self {
            scope,
            checkpoints,
            identity,
            retention,
            job: None,
        }
    }

    /// Starts to write. Nothing else is being written: [`Self::finish`] was called.
    pub(crate) fn start<F>(&mut self, snapshot: Snapshot<F>)
    where
        F: FnOnce(&Path) -> Result<(), TrainingError> + Send + 'scope,
    {
        let (checkpoints, identity, retention) = (self.checkpoints, self.identity, self.retention);
        self.job = Some(self.scope.spawn(move || {
            let record = Record {
                identity,
                position: &snapshot.position,
                scores: &snapshot.scores,
            };
            let path = checkpoints.path(snapshot.position.step);
            let failed = |source| TrainingError::CheckpointNotWritten {
                path,
                num_bytes: snapshot.num_bytes,
                source: Box::new(source),
            };
            let checkpoint = checkpoints.write(&record, snapshot.fill).map_err(failed)?;
            // Only now that this one is whole.
            let pruned = checkpoints.prune(retention);
            Ok(Written { checkpoint, pruned })
        }));
    }

    /// What was written, if that is done by now.
    pub(crate) fn poll(&mut self) -> Result<Option<Written>, TrainingError> {
        match &self.job {
            Some(job) if job.is_finished() => self.finish(),
            _ => Ok(None),
        }
    }

    /// Waits until the disk has what was started.
    pub(crate) fn finish(&mut self) -> Result<Option<Written>, TrainingError> {
        let Some(job) = self.job.take() else {
            return Ok(None);
        };
        match job.join() {
            Ok(result) => result.map(Some),
            // A panic there is a panic here.
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }
}
