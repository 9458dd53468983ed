use std::io::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use lamplight_layers::precision::Precision;
use lamplight_parity::cases_below;
use serde_json::Value;

use crate::{Expected, REFERENCE_VARIABLE};

/// A folder of the reference set: a model as Hugging Face saves it, inputs and outputs.
#[derive(Debug)]
pub struct Case(lamplight_parity::Case);

impl Deref for Case {
    type Target = lamplight_parity::Case;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Case {
    /// `config.json` of the case, or of a part of it; `Null` if there is none.
    ///
    /// # Panics
    /// The file is no JSON.
    pub fn config(&self, part: &str) -> Value {
        self.0
            .config(part)
            .unwrap_or_else(|error| panic!("{error}"))
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

    /// Asserts that all outputs of the forward pass, and all gradients where the case records some, are those of the
    /// reference; false where the case is no forward pass.
    ///
    /// # Panics
    /// One is not.
    pub fn assert_parity(&self, device: &Device) -> bool {
        let compared = lamplight_parity::check(self, device, Precision::F32);
        let Some(compared) = compared.unwrap_or_else(|error| panic!("{error}")) else {
            return false;
        };
        for tensor in &compared {
            assert!(tensor.is_close(), "{}: {tensor:?}", self.name);
        }
        true
    }
}

/// Every case below the folder in `LAMPLIGHT_REFERENCE`, or of the committed set, sorted by name.
///
/// # Panics
/// The folder cannot be read or holds no case.
pub fn reference_cases() -> Vec<Case> {
    let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("reference");
    let folder = std::env::var_os(REFERENCE_VARIABLE).map_or_else(committed, PathBuf::from);
    let cases = cases_below(&folder).unwrap_or_else(|error| panic!("{error}"));
    cases.into_iter().map(Case).collect()
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
