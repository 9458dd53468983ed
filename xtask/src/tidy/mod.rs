//! `cargo xtask tidy`: the rules of the workspace that the compiler does not know.

mod code;
mod direction;
mod features;
mod manifest;
mod text;
pub mod workspace;

use std::fmt;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// A breach of a rule, or a remark that fails nothing.
#[derive(Debug, PartialEq)]
pub struct Finding {
    place: String,
    message: String,
    fails: bool,
}

impl Finding {
    fn failure(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            fails: true,
        }
    }

    fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            fails: false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.fails { "error" } else { "warning" };
        write!(formatter, "{severity}: {}: {}", self.place, self.message)
    }
}

/// A text file of the repository: its path from the root, with `/`, and what it holds.
#[derive(Debug)]
pub struct File {
    path: String,
    content: String,
}

/// Applies every rule, prints what was found, and fails on any breach.
pub fn run(shell: &Shell) -> Result<()> {
    let files = read_files(shell)?;
    let packages = workspace::read(shell)?;
    let mut findings = direction::check(&packages);
    findings.extend(manifest::check(&packages, &files)?);
    findings.extend(code::check(&files));
    findings.extend(text::check(&files));
    findings.extend(features::check(shell)?);
    for finding in &findings {
        println!("{finding}");
    }
    let num_failures = findings.iter().filter(|finding| finding.fails).count();
    if num_failures > 0 {
        bail!("tidy found {num_failures} breaches of the rules");
    }
    println!(
        "tidy: {} packages and {} files keep the rules",
        packages.len(),
        files.len()
    );
    Ok(())
}

/// The text files that git tracks or would track; binary files are left out.
fn read_files(shell: &Shell) -> Result<Vec<File>> {
    let listed = cmd!(
        shell,
        "git ls-files -z --cached --others --exclude-standard"
    )
    .quiet()
    .read()?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // A file deleted in the working tree is still listed.
        if !shell.path_exists(path) {
            continue;
        }
        let bytes = shell
            .read_binary_file(path)
            .with_context(|| format!("cannot read {path}"))?;
        if let Ok(content) = String::from_utf8(bytes)
            && !content.contains('\0')
        {
            files.push(File {
                path: path.to_string(),
                content,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
impl File {
    fn new(path: &str, content: &str) -> Self {
        Self {
            path: path.to_string(),
            content: content.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_severity_and_place() {
        assert_eq!(
            Finding::failure("a.rs:3", "wrong").to_string(),
            "error: a.rs:3: wrong"
        );
        assert_eq!(
            Finding::warning("a.rs", "long").to_string(),
            "warning: a.rs: long"
        );
    }
}
