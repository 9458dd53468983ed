//! The terminal: taken over without swallowing Ctrl-C, and given back whatever happens.
//!
//! Keys keep their meaning, as the terminal is not in raw mode: only their echo is turned off, which
//! would write into the view.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use console::{Term, colors_enabled_stderr, strip_ansi_codes};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

/// Another screen, so that what stood on the terminal comes back, and no cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &[u8] = b"\x1b[0m\x1b[?25h\x1b[?1049l";

/// What the terminal was like before; none while it is not taken.
static TAKEN: Mutex<Option<Echo>> = Mutex::new(None);
/// What was written to stderr meanwhile.
static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal over, where stderr is one that can show a view.
pub fn take() -> bool {
    let is_dumb = std::env::var("TERM").is_ok_and(|name| name == "dumb");
    if !stderr().is_terminal() || is_dumb || Term::stderr().size_checked().is_none() {
        return false;
    }
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            previous(panic);
        }));
    });
    let mut taken = lock(&TAKEN);
    if taken.is_some() || stderr().write_all(ENTER).is_err() {
        return false;
    }
    *taken = Some(Echo::off());
    true
}

/// Gives the terminal back, if it is taken.
pub fn restore() {
    if let Some(echo) = lock(&TAKEN).take() {
        let _ = stderr().write_all(LEAVE);
        echo.restore();
    }
}

/// As [`restore`], for when the program must end at once: it does not wait for whoever draws.
pub fn restore_now() {
    if let Ok(mut taken) = TAKEN.try_lock()
        && let Some(echo) = taken.take()
    {
        let _ = stderr().write_all(LEAVE);
        echo.restore();
    }
}

/// Whether the terminal is taken.
pub fn is_taken() -> bool {
    lock(&TAKEN).is_some()
}

/// What was written to [`writer`] since the last call.
pub fn take_notes() -> Vec<String> {
    std::mem::take(&mut lock(&NOTES))
}

/// Stderr for log events: they wait for [`take_notes`] while the terminal is taken.
pub fn writer() -> impl Write {
    Log
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !is_taken() {
            return stderr().write(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        let lines = text
            .lines()
            .map(|line| strip_ansi_codes(line).trim().to_owned());
        lock(&NOTES).extend(lines.filter(|line| !line.is_empty()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

/// What is on the terminal.
pub struct Screen {
    shown: Buffer,
    has_colors: bool,
}

impl Screen {
    /// Nothing is drawn yet.
    pub fn new() -> Self {
        Self {
            shown: Buffer::empty(Rect::ZERO),
            has_colors: colors_enabled_stderr(),
        }
    }

    /// Draws a frame: only what differs from the last one, unless `anew`, which repairs what others
    /// have written over it. False when the terminal is no longer taken.
    pub fn show(&mut self, anew: bool, draw: impl FnOnce(Rect, &mut Buffer)) -> bool {
        let (height, width) = Term::stderr().size();
        let area = Rect::new(0, 0, width, height);
        let mut next = Buffer::empty(area);
        draw(area, &mut next);
        let mut bytes = Vec::new();
        if self.shown.area != area {
            bytes.extend_from_slice(b"\x1b[0m\x1b[2J");
            self.shown = Buffer::empty(area);
        }
        if anew {
            self.shown = Buffer::filled(area, Cell::new("\0"));
        }
        paint(&self.shown, &next, self.has_colors, &mut bytes);
        self.shown = next;
        // Held while writing, so that no frame comes after the terminal was given back.
        let taken = lock(&TAKEN);
        taken.is_some() && stderr().write_all(&bytes).is_ok()
    }
}

/// The escape sequences that make `shown` look like `next` (ECMA-48).
fn paint(shown: &Buffer, next: &Buffer, has_colors: bool, bytes: &mut Vec<u8>) {
    let mut cursor = None;
    let mut style = None;
    for (x, y, cell) in shown.diff(next) {
        if cursor != Some((x, y)) {
            bytes.extend_from_slice(format!("\x1b[{};{}H", y + 1, x + 1).as_bytes());
        }
        let looks = (cell.fg, cell.bg, cell.modifier);
        if style != Some(looks) {
            bytes.extend_from_slice(sgr(cell, has_colors).as_bytes());
            style = Some(looks);
        }
        bytes.extend_from_slice(cell.symbol().as_bytes());
        // After a wide symbol the next cell is another one: its place is then given again.
        cursor = Some((x + 1, y));
    }
}

/// Select Graphic Rendition: what the view uses of it.
fn sgr(cell: &Cell, has_colors: bool) -> String {
    let mut codes = "0".to_owned();
    for (modifier, code) in [(Modifier::BOLD, ";1"), (Modifier::DIM, ";2")] {
        if cell.modifier.contains(modifier) {
            codes.push_str(code);
        }
    }
    let is_filled = cell.bg != Color::Reset;
    if !has_colors {
        // A bar shows without colours, too.
        codes.push_str(if is_filled { ";7" } else { "" });
    } else {
        codes.push_str(match cell.fg {
            Color::Cyan => ";36",
            Color::Yellow => ";33",
            Color::Black => ";30",
            _ => "",
        });
        codes.push_str(if is_filled { ";46" } else { "" });
    }
    format!("\x1b[{codes}m")
}

/// Whether the terminal shows what is typed, as it was before.
struct Echo {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

#[cfg(unix)]
impl Echo {
    fn off() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(stderr()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHO);
            // A view with typed keys in it is no reason to end a run.
            let _ = tcsetattr(stderr(), OptionalActions::Now, &modes);
        }
        Self { before }
    }

    fn restore(self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = self.before {
            let _ = tcsetattr(stderr(), OptionalActions::Now, &before);
        }
    }
}

/// Other systems show a typed key only to programs that read it.
#[cfg(not(unix))]
impl Echo {
    fn off() -> Self {
        Self {}
    }

    fn restore(self) {}
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn painted(shown: &Buffer, next: &Buffer, has_colors: bool) -> String {
        let mut bytes = Vec::new();
        paint(shown, next, has_colors, &mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn only_what_differs_is_written_at_its_place() {
        let shown = Buffer::with_lines(["loss 3.21", "steps"]);
        let next = Buffer::with_lines(["loss 3.14", "steps"]);
        assert_eq!(painted(&shown, &next, true), "\x1b[1;8H\x1b[0m14");
        assert_eq!(painted(&next, &next, true), "");
    }

    #[test]
    fn styles_become_codes_and_colours_can_be_off() {
        let shown = Buffer::with_lines(["ab"]);
        let mut next = Buffer::with_lines(["ab"]);
        let style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
        next.set_string(0, 0, "a", style);
        next.set_string(1, 0, "b", Style::new().bg(Color::Cyan));
        assert_eq!(
            painted(&shown, &next, true),
            "\x1b[1;1H\x1b[0;1;36ma\x1b[0;46mb"
        );
        assert_eq!(
            painted(&shown, &next, false),
            "\x1b[1;1H\x1b[0;1ma\x1b[0;7mb"
        );
    }

    #[test]
    fn without_a_terminal_nothing_is_taken_and_log_events_pass() {
        if !stderr().is_terminal() {
            assert!(!take() && !is_taken());
            restore();
            writeln!(writer(), "an event").ok();
            assert!(take_notes().is_empty());
        }
    }
}
