//! `lamplight compare`: several runs in a table on stdout, and their curves on a page.

use std::io::{ErrorKind, Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use lamplight_training::comparison::{self, RecordedRun, Row};
use lamplight_training::report::{COMPARISON_TITLE, comparison_page};

use crate::arguments::CompareArguments;

/// Reads the runs and shows what they have come to.
pub fn run(arguments: &CompareArguments) -> anyhow::Result<ExitCode> {
    let output = &arguments.output;
    refuse_other_files(output)?;
    let runs = comparison::read(&arguments.runs)?;
    let page = comparison_page(&runs)?;
    std::fs::write(output, page).with_context(|| format!("cannot write {}", output.display()))?;
    print(&runs, output)?;
    Ok(ExitCode::SUCCESS)
}

/// Only a page of an earlier comparison may be replaced.
fn refuse_other_files(path: &Path) -> anyhow::Result<()> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
        Ok(bytes) => {
            let title = format!("<title>{COMPARISON_TITLE}");
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]).into_owned();
            if head.contains(&title) {
                return Ok(());
            }
            bail!(
                "{} exists and is not a comparison; choose another --output",
                path.display()
            )
        }
    }
}

fn print(runs: &[RecordedRun], output: &Path) -> std::io::Result<()> {
    let mut out = stdout().lock();
    let names = Row {
        name: String::new(),
        cells: runs.iter().map(|run| run.name.clone()).collect(),
    };
    let mut rows = vec![names];
    rows.extend(comparison::table(runs));
    rows.extend(comparison::differing_keys(runs));
    for line in aligned(&rows) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\npage  {}", output.display())
}

/// Columns as wide as their widest cell.
pub fn aligned(rows: &[Row]) -> Vec<String> {
    let cells = |row: &Row| {
        let cells = std::iter::once(&row.name).chain(&row.cells);
        cells.cloned().collect::<Vec<String>>()
    };
    let table: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let num_columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = table.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..num_columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |name: &str, cells: [&str; 2]| Row {
            name: name.to_owned(),
            cells: cells.map(str::to_owned).to_vec(),
        };
        let rows = [row("", ["one", "another"]), row("steps", ["1000", ""])];
        assert_eq!(aligned(&rows), ["       one   another", "steps  1000"]);
    }
}
