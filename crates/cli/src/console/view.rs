//! The view of a run on a terminal, drawn by a thread of its own so that training never waits for it.

use std::io::{Write, stderr};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lamplight_training::evaluation::Evaluation;
use lamplight_training::metrics::{History, StepMetrics};
use lamplight_training::progress::{Observer, Plan, Stage};

use super::dashboard::{Dashboard, Moment};
use super::draw::draw;
use super::screen::{self, Screen};
use super::{score_line, stage, start};
use crate::interrupt::{self, Ending};

/// Between two frames.
const FRAME: Duration = Duration::from_millis(250);
/// Frames between two that are drawn anew.
const NUM_CHANGES: usize = 20;

/// Shows how a run goes. What is worth keeping is written as lines when the view ends.
pub(super) struct View {
    shared: Arc<Mutex<Shared>>,
    lines: Vec<String>,
    /// Dropped to end the thread.
    end: Option<Sender<()>>,
    painter: Option<JoinHandle<()>>,
}

struct Shared {
    dashboard: Dashboard,
    started: Instant,
    /// Log events, for the lines.
    notes: Vec<String>,
}

impl View {
    /// Takes the terminal over; none where there is none.
    pub(super) fn open(peak_flops: Option<f64>) -> Option<Self> {
        let shared = Arc::new(Mutex::new(Shared {
            dashboard: Dashboard {
                peak_flops,
                ..Dashboard::default()
            },
            started: Instant::now(),
            notes: Vec::new(),
        }));
        if !screen::take() {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let painted = Arc::clone(&shared);
        let painter = std::thread::Builder::new()
            .name("view".to_owned())
            .spawn(move || {
                let mut screen = Screen::new();
                for frame in 1_usize.. {
                    let is_anew = frame.is_multiple_of(NUM_CHANGES);
                    let is_over = ended.recv_timeout(FRAME) != Err(RecvTimeoutError::Timeout);
                    if is_over || !paint(&mut screen, &painted, is_anew) {
                        break;
                    }
                }
            });
        Some(Self {
            shared,
            lines: Vec::new(),
            end: Some(end),
            painter: painter.ok(),
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn activity(&mut self, text: String) {
        self.shared().dashboard.activity = text;
    }

    /// What is worth keeping after the end.
    fn line(&mut self, text: String) {
        self.lines.push(text);
    }
}

fn paint(screen: &mut Screen, shared: &Mutex<Shared>, is_anew: bool) -> bool {
    screen.show(is_anew, |area, buffer| {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        for note in screen::take_notes() {
            shared.dashboard.warnings.push(note.clone());
            shared.notes.push(note);
        }
        let moment = Moment {
            elapsed: shared.started.elapsed().as_secs_f64(),
            is_stopping: interrupt::is_requested(),
        };
        draw(&shared.dashboard, moment, area, buffer);
    })
}

impl Drop for View {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(painter) = self.painter.take() {
            // A painter that panicked has given the terminal back already.
            let _ = painter.join();
        }
        screen::restore();
        let notes = std::mem::take(&mut self.shared().notes);
        for line in self.lines.iter().chain(&notes) {
            let _ = writeln!(stderr(), "{line}");
        }
    }
}

impl Observer for View {
    fn preparing(&mut self, now: Stage) {
        self.activity(stage(now));
    }

    fn started(&mut self, plan: &Plan, folder: &Path) {
        interrupt::set_ending(Some(Ending::WithCheckpoint));
        self.line(start(plan, folder));
        let mut shared = self.shared();
        shared.started = Instant::now();
        shared.dashboard.activity.clear();
        shared.dashboard.plan = Some(plan.clone());
    }

    fn resumed(&mut self, step: usize, history: &History) {
        self.line(format!("  going on after step {step}"));
        let mut shared = self.shared();
        shared.started = Instant::now();
        shared.dashboard.go_on_after(step, history);
    }

    fn stepped(&mut self, step: usize) {
        let dashboard = &mut self.shared().dashboard;
        dashboard.step = step;
        dashboard.activity.clear();
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        self.shared().dashboard.push(metrics);
    }

    fn evaluating(&mut self, _step: usize) {
        self.activity("scoring the held-out texts".to_owned());
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        self.line(score_line(step, evaluation));
        let dashboard = &mut self.shared().dashboard;
        dashboard.evaluation = Some((step, evaluation.clone()));
        dashboard.activity.clear();
    }

    fn saved(&mut self, step: usize, checkpoint: &Path) {
        self.line(format!("  step {step}, saved {}", checkpoint.display()));
        self.shared().dashboard.checkpoint = Some((step, checkpoint.to_owned()));
    }

    fn warned(&mut self, message: &str) {
        self.line(format!("warning: {message}"));
        self.shared().dashboard.warnings.push(message.to_owned());
    }

    fn is_interrupted(&self) -> bool {
        interrupt::is_requested()
    }
}
