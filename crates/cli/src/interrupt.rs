//! Ctrl-C and what schedulers send: the first one ends the run after the step with a checkpoint, a
//! second Ctrl-C at once.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::INTERRUPTED;
use crate::console::screen;

static REQUESTED: AtomicBool = AtomicBool::new(false);
static TRAINING: AtomicBool = AtomicBool::new(false);

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

/// Ends the run after its step; at once if there is nothing to save yet, or if a person asks again.
fn request(is_person: bool) {
    let was_requested = REQUESTED.swap(true, Ordering::SeqCst);
    if !is_training() || (was_requested && is_person) {
        screen::restore();
        std::process::exit(i32::from(INTERRUPTED));
    }
    // The view of a terminal says it itself.
    if !screen::is_taken() {
        let message = "\nstopping after this step with a checkpoint; Ctrl-C again stops at once";
        let _ = writeln!(std::io::stderr(), "{message}");
    }
}

/// From now on there is something to save.
pub fn training_started() {
    TRAINING.store(true, Ordering::SeqCst);
}

/// Whether the first step has been reached.
pub fn is_training() -> bool {
    TRAINING.load(Ordering::SeqCst)
}

/// Whether the run shall end.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
