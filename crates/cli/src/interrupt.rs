//! Ctrl-C and what schedulers send: the first one ends the run after the step with a checkpoint, the
//! second one at once.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::INTERRUPTED;
use crate::console::screen;

static REQUESTED: AtomicBool = AtomicBool::new(false);
static TRAINING: AtomicBool = AtomicBool::new(false);

/// Takes over the signals: SIGINT, SIGTERM, SIGHUP and, where there is one, SIGUSR1, by which Slurm
/// warns that time is up.
///
/// # Errors
/// The system refuses the handler.
pub fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(request)?;
    #[cfg(unix)]
    listen_to_slurm()?;
    Ok(())
}

#[cfg(unix)]
fn listen_to_slurm() -> anyhow::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGUSR1])?;
    std::thread::spawn(move || signals.forever().for_each(|_| request()));
    Ok(())
}

fn request() {
    let is_training = TRAINING.load(Ordering::SeqCst);
    if REQUESTED.swap(true, Ordering::SeqCst) || !is_training {
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

/// Whether the run shall end.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
