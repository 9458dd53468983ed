use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Expected, REFERENCE_VARIABLE};

/// A folder of the reference set: a model as Hugging Face saves it, inputs and outputs.
#[derive(Debug)]
pub struct Case {
    /// The folder.
    pub path: PathBuf,
    /// The folder's name, for messages only: what to check follows from the content.
    pub name: String,
}

impl Case {
    /// `config.json` of the case, or of a part of it; `Null` if there is none.
    ///
    /// # Panics
    /// The file is no JSON.
    pub fn config(&self, part: &str) -> Value {
        let path = self.path.join(part).join("config.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}")),
            Err(_) => Value::Null,
        }
    }

    /// The class that wrote the model, such as `T5ForConditionalGeneration`.
    pub fn architecture(&self) -> Option<String> {
        let config = self.config("");
        config["architectures"][0].as_str().map(str::to_owned)
    }

    /// The tensors of `expected.safetensors`.
    ///
    /// # Panics
    /// The file is missing or damaged.
    pub fn expected(&self) -> Expected {
        Expected::read(&self.path)
    }
}

/// Every case below the folder in `LAMPLIGHT_REFERENCE`, or of the committed set, sorted by name.
///
/// # Panics
/// The folder cannot be read or holds no case.
pub fn reference_cases() -> Vec<Case> {
    let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("reference");
    let folder = std::env::var_os(REFERENCE_VARIABLE).map_or_else(committed, PathBuf::from);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let mut cases: Vec<Case> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.join("expected.safetensors").is_file())
        .map(|path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            Case { path, name }
        })
        .collect();
    assert!(!cases.is_empty(), "no reference case in {folder:?}");
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// Runs `check` on every case that it takes (it answers false for the others) and prints how
/// many there were.
///
/// # Panics
/// A check does, or none took any case.
pub fn run_cases(kind: &str, mut check: impl FnMut(&Case) -> bool) {
    let cases = reference_cases();
    let mut names = Vec::new();
    for case in &cases {
        if check(case) {
            names.push(case.name.as_str());
        }
    }
    // Straight to the stream: what is printed by macro is captured while a test passes.
    let summary = format!(
        "{kind}: {} of {} cases: {}",
        names.len(),
        cases.len(),
        names.join(", ")
    );
    writeln!(std::io::stderr(), "{summary}").expect("standard error");
    assert!(!names.is_empty(), "no case for {kind}");
}
