//! Inputs in windows: as many as are read before the first is answered.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::INTERRUPTED;
use crate::console::count;
use crate::console::progress::Progress;
use crate::interrupt::{self, Ending};

/// A run that takes longer says in the end what it has done, also where nobody watches.
const LONG: Duration = Duration::from_secs(2);

/// How many inputs are read at once.
pub struct WindowSettings<F> {
    /// A window ends with the input that fills it.
    pub size: usize,
    /// How much of a window an input takes.
    pub size_of: F,
}

/// Hands windows of inputs to `answer` until there are no more, or the program shall end. What cannot be
/// read ends it once everything before has been answered.
pub fn in_windows<Q, F: Fn(&Q) -> usize>(
    mut inputs: impl Iterator<Item = anyhow::Result<Q>>,
    settings: &WindowSettings<F>,
    mut answer: impl FnMut(&[Q]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    while !interrupt::is_requested() {
        let (mut window, mut size, mut failure) = (Vec::new(), 0, None);
        while size < settings.size && failure.is_none() {
            match inputs.next() {
                None => break,
                Some(Err(error)) => failure = Some(error),
                Some(Ok(input)) => {
                    size += (settings.size_of)(&input).max(1);
                    window.push(input);
                }
            }
        }
        if window.is_empty() && failure.is_none() {
            break;
        }
        answer(&window)?;
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    Ok(())
}

/// Success, unless the program was told to end.
pub fn exit_code() -> ExitCode {
    match interrupt::is_requested() {
        true => ExitCode::from(INTERRUPTED),
        false => ExitCode::SUCCESS,
    }
}

/// What has been done, and how people are told.
pub struct Tally<const N: usize> {
    /// What is counted, inputs first.
    units: &'static [&'static str; N],
    /// How many of each there were.
    nums: [u64; N],
    /// Inputs there are, where that is known.
    total: Option<usize>,
    /// None where answers are seen as they come.
    progress: Option<Progress>,
    /// Time spent on answers, and not on waiting for somebody to ask.
    elapsed: Duration,
}

impl<const N: usize> Tally<N> {
    /// Counts `units`, inputs first, of which there are `total` if that is known. `doing` stands before the
    /// progress; without it there is none.
    pub fn new(
        units: &'static [&'static str; N],
        total: Option<usize>,
        doing: Option<&'static str>,
    ) -> Self {
        Self {
            units,
            nums: [0; N],
            total,
            progress: doing.map(|doing| Progress::new(doing, units)),
            elapsed: Duration::ZERO,
        }
    }

    /// So many more of each unit.
    pub fn add(&mut self, nums: [u64; N]) {
        self.nums
            .iter_mut()
            .zip(nums)
            .for_each(|(sum, num)| *sum += num);
        let Some(progress) = &mut self.progress else {
            return;
        };
        match self.total {
            Some(total) => progress.update(self.nums[0] as f64 / total.max(1) as f64, &self.nums),
            None => progress.count_up(&self.nums),
        }
    }

    /// Does a work on answers, which an interrupt lets come to an end.
    pub fn timed(
        &mut self,
        work: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        interrupt::set_ending(Some(Ending::AfterBatch));
        work(self)?;
        // Where the next text is waited for, nothing is lost by ending at once.
        if self.total.is_none() {
            interrupt::set_ending(None);
        }
        self.elapsed += started.elapsed();
        Ok(())
    }

    /// Takes the progress away and says what was done, if somebody may want to know.
    pub fn finish(self) {
        if let Some(progress) = self.progress {
            progress.finish();
        }
        if self.nums[0] == 0 || !(stderr().is_terminal() || self.elapsed > LONG) {
            return;
        }
        let seconds = self.elapsed.as_secs_f64();
        let done = self.nums.iter().zip(self.units);
        let done: Vec<_> = done.map(|(num, unit)| format!("{num} {unit}")).collect();
        let rate = count(self.nums[N - 1] as f64 / seconds.max(1e-3));
        let _ = writeln!(
            stderr(),
            "{}, {seconds:.1} s, {rate} {}/s",
            done.join(", "),
            self.units[N - 1]
        );
    }
}
