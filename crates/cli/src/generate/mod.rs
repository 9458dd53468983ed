//! `lamplight generate`

pub mod arguments;
mod batches;
mod inputs;
mod output;
mod responder;

use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::INTERRUPTED;
use crate::console::count;
use crate::console::progress::Progress;
use crate::interrupt::{self, Ending};
use arguments::GenerateArguments;
use batches::batches;
use inputs::Inputs;
use output::{Answer, Writer};
use responder::{Query, Responder, check_folder};

/// Batches of inputs that are read before the first is answered, so that there are some of like length.
const WINDOW_BATCHES: usize = 16;
/// A run that takes longer says in the end what it has done, also where nobody watches.
const LONG: Duration = Duration::from_secs(2);

/// Answers texts.
pub fn run(arguments: &GenerateArguments) -> anyhow::Result<ExitCode> {
    let folders = [Some(&arguments.model), arguments.assistant.as_ref()];
    (folders.into_iter().flatten()).try_for_each(|folder| check_folder(folder))?;
    let inputs = Inputs::open(arguments)?;
    let responder = Responder::load(arguments)?;
    interrupt::listen()?;
    let is_watched = arguments.stream || inputs.are_typed || stdout().is_terminal();
    let mut generation = Generation {
        batch_tokens: arguments.batch_tokens.get(),
        is_streamed: arguments.stream,
        writer: Writer::new(arguments.json, responder.num_answers),
        total: inputs.total,
        progress: (!is_watched).then(|| Progress::new("generating", &["inputs", "tokens"])),
        elapsed: Duration::ZERO,
        num_inputs: 0,
        num_tokens: 0,
        responder,
    };
    let result = generation.answer_all(inputs);
    generation.finish();
    result?;
    Ok(match interrupt::is_requested() {
        true => ExitCode::from(INTERRUPTED),
        false => ExitCode::SUCCESS,
    })
}

/// A run of the program.
struct Generation {
    responder: Responder,
    writer: Writer,
    batch_tokens: usize,
    is_streamed: bool,
    /// Inputs there are, where that is known.
    total: Option<usize>,
    /// None where answers are seen as they come.
    progress: Option<Progress>,
    /// Time spent on answers, and not on waiting for somebody to ask.
    elapsed: Duration,
    /// Answered inputs.
    num_inputs: u64,
    /// Generated tokens.
    num_tokens: u64,
}

impl Generation {
    /// Answers window by window. What cannot be read ends it once everything before has been answered.
    fn answer_all(&mut self, mut inputs: Inputs<'_>) -> anyhow::Result<()> {
        let window_tokens = match self.is_streamed || inputs.are_typed {
            true => 1,
            false => WINDOW_BATCHES.saturating_mul(self.batch_tokens),
        };
        let mut number = 0;
        while !interrupt::is_requested() {
            let (mut queries, mut num_tokens, mut failure) = (Vec::new(), 0, None);
            while num_tokens < window_tokens && failure.is_none() {
                let Some(input) = inputs.next() else { break };
                let query = input.map_err(anyhow::Error::from);
                match query.and_then(|input| self.responder.query(input, number)) {
                    Ok(query) => {
                        number += 1;
                        num_tokens += query.ids.len().max(1);
                        queries.push(query);
                    }
                    Err(error) => failure = Some(error),
                }
            }
            if queries.is_empty() && failure.is_none() {
                break;
            }
            self.answer_window(&queries)?;
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        Ok(())
    }

    fn answer_window(&mut self, queries: &[Query]) -> anyhow::Result<()> {
        let started = Instant::now();
        interrupt::set_ending(Some(Ending::AfterBatch));
        match self.is_streamed {
            true => queries.iter().try_for_each(|query| self.stream(query))?,
            false => self.answer(queries)?,
        }
        interrupt::set_ending(None);
        self.elapsed += started.elapsed();
        Ok(())
    }

    /// Answers batch by batch, and writes what is next in the order of the inputs as soon as it is there.
    fn answer(&mut self, queries: &[Query]) -> anyhow::Result<()> {
        let lengths: Vec<usize> = queries.iter().map(|query| query.ids.len()).collect();
        let is_blank = |query: &Query| query.ids.is_empty();
        let mut answers: Vec<Option<Vec<Answer>>> = queries
            .iter()
            .map(|query| is_blank(query).then(Vec::new))
            .collect();
        self.num_inputs += answers.iter().flatten().count() as u64;
        let mut num_written = self.write_ready(queries, &answers, 0)?;
        for batch in batches(&lengths, self.batch_tokens) {
            if interrupt::is_requested() {
                break;
            }
            let asked: Vec<&Query> = batch.iter().map(|&index| &queries[index]).collect();
            for (index, answered) in batch.into_iter().zip(self.responder.answer(&asked)?) {
                let num_tokens = answered.iter().map(|answer| answer.num_ids as u64);
                self.num_tokens += num_tokens.sum::<u64>();
                answers[index] = Some(answered);
            }
            num_written = self.write_ready(queries, &answers, num_written)?;
            self.num_inputs += asked.len() as u64;
            self.show_progress();
        }
        Ok(())
    }

    /// Writes the answers from `start` on up to the first that is missing, and gives its place.
    fn write_ready(
        &mut self,
        queries: &[Query],
        answers: &[Option<Vec<Answer>>],
        start: usize,
    ) -> anyhow::Result<usize> {
        let mut place = start;
        while let Some(Some(answers)) = answers.get(place) {
            self.writer.write(&queries[place].input, answers)?;
            place += 1;
        }
        self.writer.flush()?;
        Ok(place)
    }

    fn stream(&mut self, query: &Query) -> anyhow::Result<()> {
        if !query.ids.is_empty() {
            let writer = &mut self.writer;
            self.num_tokens += self
                .responder
                .stream(query, |piece| Ok(writer.write_piece(piece)?))?;
        }
        self.num_inputs += 1;
        Ok(self.writer.end_line()?)
    }

    fn show_progress(&mut self) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        let nums = [self.num_inputs, self.num_tokens];
        match self.total {
            Some(total) => progress.update(self.num_inputs as f64 / total.max(1) as f64, &nums),
            None => progress.count_up(&nums),
        }
    }

    /// Takes the progress away and says what was done, if somebody may want to know.
    fn finish(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
        if self.num_inputs > 0 && (stderr().is_terminal() || self.elapsed > LONG) {
            let seconds = self.elapsed.as_secs_f64();
            let rate = count(self.num_tokens as f64 / seconds.max(1e-3));
            let _ = writeln!(
                stderr(),
                "{} inputs, {} tokens, {seconds:.1} s, {rate} tokens/s",
                self.num_inputs,
                self.num_tokens
            );
        }
    }
}
