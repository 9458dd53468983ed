//! Examples in colour: what goes in, what is to come out, and what an objective has changed.

use std::io::{self, Write};

use lamplight_data::batch::{MaskedBatch, Seq2SeqBatch};
use lamplight_data::tokenizer::Tokenizer;
use owo_colors::{OwoColorize, Stream};

/// Writes the first rows of batches for T5: input and target, sentinels and other special tokens in colour.
pub fn seq2seq(
    out: &mut impl Write,
    batches: &[Seq2SeqBatch],
    tokenizer: &Tokenizer,
    num_examples: usize,
) -> io::Result<()> {
    let rows = batches
        .iter()
        .flat_map(|batch| (0..batch.encoder_input_ids.rows).map(move |row| (batch, row)));
    for (number, (batch, row)) in rows.take(num_examples).enumerate() {
        writeln!(out, "{}", heading(number))?;
        let sides = [
            ("input ", &batch.encoder_input_ids),
            ("target", &batch.decoder_target_ids),
        ];
        for (name, ids) in sides {
            let real = ids
                .row(row)
                .iter()
                .filter(|&&id| id != tokenizer.special().pad);
            let pieces = real.map(|&id| special(&piece(tokenizer, id)));
            writeln!(out, "  {name}  {}", pieces.collect::<Vec<_>>().join(" "))?;
        }
    }
    Ok(())
}

/// Writes the first rows of batches for ELECTRA: masked tokens and those that were chosen but kept, in colour.
pub fn masked(
    out: &mut impl Write,
    batches: &[MaskedBatch],
    tokenizer: &Tokenizer,
    num_examples: usize,
) -> io::Result<()> {
    let rows = batches
        .iter()
        .flat_map(|batch| (0..batch.input_ids.rows).map(move |row| (batch, row)));
    for (number, (batch, row)) in rows.take(num_examples).enumerate() {
        writeln!(out, "{}", heading(number))?;
        let (ids, seen) = (batch.input_ids.row(row), batch.masked_input_ids.row(row));
        let padding = batch.padding_mask.row(row);
        let weights = batch.masked_weights.row(row).iter();
        let chosen: Vec<u32> = (batch.masked_positions.row(row).iter().zip(weights))
            .filter(|(_, weight)| **weight > 0.0)
            .map(|(position, _)| *position)
            .collect();
        let pieces = (0..ids.len()).filter(|&at| !padding[at]).map(|at| {
            let piece = piece(tokenizer, ids[at]);
            match chosen.contains(&(at as u32)) {
                true if seen[at] != ids[at] => hidden(&piece),
                true => kept(&piece),
                false => special(&piece),
            }
        });
        writeln!(out, "  {}", pieces.collect::<Vec<_>>().join(" "))?;
    }
    writeln!(
        out,
        "\n{} is masked, {} is to be predicted but seen",
        hidden("so"),
        kept("so")
    )
}

fn heading(number: usize) -> String {
    let text = format!("\nexample {}", number + 1);
    text.if_supports_color(Stream::Stdout, |text| text.bold())
        .to_string()
}

fn piece(tokenizer: &Tokenizer, id: u32) -> String {
    tokenizer.token(id).unwrap_or_else(|| format!("<{id}>"))
}

/// In colour where it stands for no text.
fn special(piece: &str) -> String {
    let is_special = piece.starts_with('<') && piece.ends_with('>') && piece.len() > 2
        || piece.starts_with('[') && piece.ends_with(']') && piece.len() > 2;
    match is_special {
        true => piece
            .if_supports_color(Stream::Stdout, |text| text.cyan())
            .to_string(),
        false => piece.to_owned(),
    }
}

/// Brackets, so that it can be told without colours, too.
fn hidden(piece: &str) -> String {
    format!("{{{piece}}}")
        .if_supports_color(Stream::Stdout, |text| text.red())
        .to_string()
}

fn kept(piece: &str) -> String {
    format!("({piece})")
        .if_supports_color(Stream::Stdout, |text| text.yellow())
        .to_string()
}
