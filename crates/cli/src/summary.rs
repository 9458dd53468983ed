//! What a run has come to, on stdout: losses, scores, examples and where everything is.

use std::io::{StdoutLock, Write, stdout};
use std::path::Path;

use lamplight_training::evaluation::{DetectedToken, Evaluation, Example, readable};
use lamplight_training::run::RunSummary;
use owo_colors::{OwoColorize, Stream};

use crate::console::{count, duration};

/// Sentences shown of each run.
const NUM_SENTENCES: usize = 4;
/// Answers shown of each task.
const NUM_ANSWERS: usize = 2;

/// Prints the runs and the place of their report.
pub fn print(runs: &[RunSummary], report: &Path) -> std::io::Result<()> {
    let mut out = stdout().lock();
    for run in runs {
        print_run(&mut out, run)?;
    }
    writeln!(out)?;
    for run in runs {
        writeln!(out, "model   {}", run.checkpoint.display())?;
    }
    writeln!(out, "report  {}", report.display())?;
    match runs.iter().find(|run| !run.is_complete()) {
        Some(run) => writeln!(
            out,
            "interrupted after step {}; to go on: lamplight train --resume {}",
            run.num_steps,
            run.folder.path().display()
        ),
        None => Ok(()),
    }
}

fn print_run(out: &mut StdoutLock<'_>, run: &RunSummary) -> std::io::Result<()> {
    let steps = &run.history.steps;
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return Ok(());
    };
    let name = run
        .name
        .if_supports_color(Stream::Stdout, |text| text.bold());
    writeln!(
        out,
        "\n{name}: {} steps and {} tokens in {}",
        run.num_steps,
        count(last.num_tokens as f64),
        duration(last.seconds)
    )?;
    if let Some(reason) = run.early_stop() {
        let planned = run.recipe.training.steps;
        writeln!(out, "  stopped early, before step {planned}: {reason}")?;
    }
    for ((name, first), (_, last)) in first.terms.iter().zip(&last.terms) {
        if name != "squared_log_z" {
            writeln!(out, "  {:<26} {first:.3} -> {last:.3}", training_name(name))?;
        }
    }
    let Some(evaluation) = run.history.last_evaluation() else {
        return Ok(());
    };
    for (name, value) in &evaluation.scores {
        let name = readable(name);
        writeln!(out, "  held out  {name:<26} {value:.3}")?;
    }
    print_sentences(out, evaluation)?;
    print_answers(out, evaluation)
}

fn training_name(term: &str) -> String {
    match term {
        "nll" => "loss".to_owned(),
        term => term.replace('_', " "),
    }
}

fn print_sentences(out: &mut StdoutLock<'_>, evaluation: &Evaluation) -> std::io::Result<()> {
    let sentences = evaluation
        .examples
        .iter()
        .filter_map(|example| match example {
            Example::Detection { tokens } => Some(tokens),
            Example::Answer { .. } => None,
        });
    for (index, tokens) in sentences.take(NUM_SENTENCES).enumerate() {
        if index == 0 {
            let caught = "[found]".if_supports_color(Stream::Stdout, |text| text.green());
            let missed = "{missed}".if_supports_color(Stream::Stdout, |text| text.red());
            let alarm =
                "(suspected wrongly)".if_supports_color(Stream::Stdout, |text| text.yellow());
            writeln!(out, "  replaced words: {caught} {missed} {alarm}")?;
        }
        writeln!(out, "    {}", sentence(tokens))?;
    }
    Ok(())
}

fn sentence(tokens: &[DetectedToken]) -> String {
    let mut text = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 && !token.continues_word {
            text.push(' ');
        }
        text.push_str(&marked(token));
    }
    text
}

/// Brackets say the same as the colours, for those who see none.
fn marked(token: &DetectedToken) -> String {
    let word = &token.text;
    match (token.is_suspected(), token.original.is_some()) {
        (true, true) => (format!("[{word}]"))
            .if_supports_color(Stream::Stdout, |text| text.green())
            .to_string(),
        (false, true) => (format!("{{{word}}}"))
            .if_supports_color(Stream::Stdout, |text| text.red())
            .to_string(),
        (true, false) => (format!("({word})"))
            .if_supports_color(Stream::Stdout, |text| text.yellow())
            .to_string(),
        (false, false) => word.clone(),
    }
}

fn print_answers(out: &mut StdoutLock<'_>, evaluation: &Evaluation) -> std::io::Result<()> {
    let mut last_task = "";
    let mut num_of_task = 0;
    for example in &evaluation.examples {
        let Example::Answer {
            task,
            input,
            expected,
            predicted,
        } = example
        else {
            continue;
        };
        num_of_task = if task == last_task {
            num_of_task + 1
        } else {
            1
        };
        last_task = task;
        if num_of_task > NUM_ANSWERS {
            continue;
        }
        if predicted == expected {
            let answer = predicted.if_supports_color(Stream::Stdout, |text| text.green());
            writeln!(out, "    {input} -> {answer}")?;
        } else {
            let answer = predicted.if_supports_color(Stream::Stdout, |text| text.red());
            writeln!(out, "    {input} -> {answer}  (right: {expected})")?;
        }
    }
    Ok(())
}
