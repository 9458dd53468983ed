//! Ctrl-C and what schedulers send: the first one lets the work at hand end in order, a second Ctrl-C
//! ends it at once.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::INTERRUPTED;
use crate::console::screen;

static REQUESTED: AtomicBool = AtomicBool::new(false);
static ENDING: Mutex<Option<Ending>> = Mutex::new(None);

/// How work ends in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Training: after the step.
    WithCheckpoint,
    /// Generation: after the batch.
    AfterBatch,
}

impl Ending {
    fn message(self) -> &'static str {
        match self {
            Self::WithCheckpoint => {
                "stopping after this step with a checkpoint; Ctrl-C again stops at once"
            }
            Self::AfterBatch => "stopping after this batch; Ctrl-C again stops at once",
        }
    }
}

/// Takes over what ends a run: Ctrl-C, and what schedulers send, which may be several signals one
/// after the other (SIGUSR1 is how Slurm warns that time is nearly up).
///
/// # Errors
/// The system refuses the handler.
#[cfg(unix)]
pub fn listen() -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])?;
    std::thread::spawn(move || {
        signals
            .forever()
            .for_each(|signal| request(signal == SIGINT))
    });
    Ok(())
}

/// Takes over Ctrl-C.
///
/// # Errors
/// The system refuses the handler.
#[cfg(not(unix))]
pub fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(|| request(true))?;
    Ok(())
}

/// Ends the work in order; at once if there is nothing to save, or if a person asks again.
fn request(is_person: bool) {
    let was_requested = REQUESTED.swap(true, Ordering::SeqCst);
    let Some(ending) = ending().filter(|_| !(was_requested && is_person)) else {
        screen::restore();
        std::process::exit(i32::from(INTERRUPTED));
    };
    // The view of a terminal says it itself.
    if !screen::is_taken() {
        let _ = writeln!(std::io::stderr(), "\n{}", ending.message());
    }
}

/// From now on there is something to save; not any more with none.
pub fn set_ending(ending: Option<Ending>) {
    *ENDING.lock().unwrap_or_else(PoisonError::into_inner) = ending;
}

fn ending() -> Option<Ending> {
    *ENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the first step of training has been reached.
pub fn is_training() -> bool {
    ending() == Some(Ending::WithCheckpoint)
}

/// Whether the work shall end.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
