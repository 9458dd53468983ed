//! `lamplight generate`

pub mod arguments;
mod output;
mod responder;

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use lamplight_data::batch::by_length;
use lamplight_t5::GeneratedSequence;

use crate::interrupt;
use crate::texts::explanations::Explanations;
use crate::texts::inputs::{Fields, Inputs};
use crate::texts::windows::{Tally, WindowSettings, exit_code, in_windows};
use arguments::GenerateArguments;
use output::{Answer, Writer};
use responder::{Query, Responder, check_folder};

/// Batches of inputs that are read before the first is answered, so that there are some of like length.
const WINDOW_BATCHES: usize = 16;

/// Answers texts.
pub fn run(arguments: &GenerateArguments) -> anyhow::Result<ExitCode> {
    let page = arguments.page.explain.as_deref();
    let explanations = page.map(Explanations::at).transpose()?;
    let folders = [Some(&arguments.texts.model), arguments.assistant.as_ref()];
    (folders.into_iter().flatten()).try_for_each(|folder| check_folder(folder))?;
    let inputs = Inputs::open(&arguments.texts, Fields::TEXT)?;
    let responder = Responder::load(arguments)?;
    interrupt::listen()?;
    let is_watched = arguments.stream || inputs.are_typed || stdout().is_terminal();
    let doing = (!is_watched).then_some("generating");
    let mut generation = Generation {
        batch_tokens: arguments.batch_tokens.get(),
        is_streamed: arguments.stream,
        writer: Writer::new(arguments.texts.json, responder.num_answers),
        explanations,
        tally: Tally::new(&["inputs", "tokens"], inputs.total, doing),
        responder,
    };
    let result = generation.answer_all(inputs);
    generation.tally.finish();
    let written = (generation.explanations).map_or(Ok(()), Explanations::write);
    result?;
    written?;
    Ok(exit_code())
}

/// A run of the program.
struct Generation<'a> {
    responder: Responder,
    writer: Writer,
    explanations: Option<Explanations<'a>>,
    batch_tokens: usize,
    is_streamed: bool,
    /// Of inputs and generated tokens.
    tally: Tally<2>,
}

impl Generation<'_> {
    fn answer_all(&mut self, inputs: Inputs<'_>) -> anyhow::Result<()> {
        let settings = WindowSettings {
            size: match self.is_streamed || inputs.are_typed {
                true => 1,
                false => WINDOW_BATCHES.saturating_mul(self.batch_tokens),
            },
            size_of: |query: &Query| query.ids.len(),
        };
        let Self {
            responder,
            writer,
            batch_tokens,
            is_streamed,
            tally,
            explanations,
        } = self;
        let queries = inputs
            .zip(0..)
            .map(|(input, number)| responder.query(input?, number));
        in_windows(queries, &settings, |queries| {
            tally.timed(|tally| {
                let mut window = Window {
                    responder,
                    writer,
                    tally,
                    explanations: explanations.as_mut(),
                };
                match *is_streamed {
                    true => queries.iter().try_for_each(|query| window.stream(query)),
                    false => window.answer(queries, *batch_tokens),
                }
            })
        })
    }
}

/// What answers the queries of a window.
struct Window<'a, 'p> {
    responder: &'a Responder,
    writer: &'a mut Writer,
    tally: &'a mut Tally<2>,
    explanations: Option<&'a mut Explanations<'p>>,
}

impl Window<'_, '_> {
    /// Answers batch by batch, and writes what is next in the order of the inputs as soon as it is there.
    fn answer(&mut self, queries: &[Query], batch_tokens: usize) -> anyhow::Result<()> {
        let lengths: Vec<usize> = queries.iter().map(|query| query.ids.len()).collect();
        let is_blank = |query: &Query| query.ids.is_empty();
        let mut answers: Vec<Option<Vec<Answer>>> = queries
            .iter()
            .map(|query| is_blank(query).then(Vec::new))
            .collect();
        self.tally.add([answers.iter().flatten().count() as u64, 0]);
        let mut num_written = self.write_ready(queries, &answers, 0)?;
        for batch in by_length(&lengths, batch_tokens) {
            if interrupt::is_requested() {
                break;
            }
            let asked: Vec<&Query> = batch.iter().map(|&index| &queries[index]).collect();
            let (num_inputs, mut num_tokens) = (asked.len() as u64, 0);
            for (index, sequences) in batch.into_iter().zip(self.responder.sequences(&asked)?) {
                self.explain(&queries[index], sequences.first())?;
                let answered = self.responder.answers(sequences)?;
                num_tokens += answered
                    .iter()
                    .map(|answer| answer.num_ids as u64)
                    .sum::<u64>();
                answers[index] = Some(answered);
            }
            num_written = self.write_ready(queries, &answers, num_written)?;
            self.tally.add([num_inputs, num_tokens]);
        }
        Ok(())
    }

    /// Explains the best answer to a query, if somebody wants to know.
    fn explain(&mut self, query: &Query, best: Option<&GeneratedSequence>) -> anyhow::Result<()> {
        let Some((explanations, best)) = self.explanations.as_mut().zip(best) else {
            return Ok(());
        };
        let responder = self.responder;
        explanations.add(query.number, || responder.explain(query, best))
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
        let writer = &mut self.writer;
        let num_tokens = match query.ids.is_empty() {
            true => 0,
            false => self
                .responder
                .stream(query, |piece| Ok(writer.write_piece(piece)?))?,
        };
        self.tally.add([1, num_tokens]);
        Ok(self.writer.end_line()?)
    }
}
