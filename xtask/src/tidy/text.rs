//! Rules of every text file that people write: line ends and trailing spaces.

use std::path::Path;

use super::{File, Finding};

/// Files that people write; the others are data, and data may hold anything.
const EXTENSIONS: [&str; 8] = ["md", "py", "rs", "sh", "svg", "toml", "yaml", "yml"];
const NAMES: [&str; 4] = [".ci/run", ".gitignore", "LICENSE-APACHE", "LICENSE-MIT"];

/// Finds carriage returns, trailing spaces and a missing line end at the close.
pub fn check(files: &[File]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| is_written_by_people(&file.path))
        .flat_map(check_file)
        .collect()
}

fn is_written_by_people(path: &str) -> bool {
    let extension = Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str());
    NAMES.contains(&path) || extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.content.contains('\r') {
        findings.push(Finding::failure(
            &file.path,
            "lines end with a carriage return",
        ));
    }
    for (index, line) in file.content.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            findings.push(Finding::failure(
                format!("{}:{}", file.path, index + 1),
                "the line ends with a space",
            ));
        }
    }
    if !file.content.is_empty() && !file.content.ends_with('\n') {
        findings.push(Finding::failure(&file.path, "the last line has no end"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_carriage_returns_and_open_ends_fail() {
        assert_eq!(check(&[File::new("a.md", "one \ntwo\t\n")]).len(), 2);
        assert_eq!(check(&[File::new("a.toml", "one\r\n")]).len(), 1);
        assert_eq!(check(&[File::new(".ci/run", "one")]).len(), 1);
        assert_eq!(
            check(&[File::new("a.rs", "one\n\ntwo\n"), File::new("b.py", "")]),
            []
        );
    }

    #[test]
    fn data_may_hold_anything() {
        assert_eq!(
            check(&[File::new("crates/testing/reference/vocab.txt", "a \r\n")]),
            []
        );
        assert_eq!(check(&[File::new("config.json", "{ }")]), []);
    }
}
