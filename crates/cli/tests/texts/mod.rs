//! Commands that answer texts, for tests that read, refuse and interrupt them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// The value of each line.
pub fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Runs a refused command and gives what it said on stdout and stderr.
pub fn refused(command: &mut assert_cmd::Command) -> [String; 2] {
    let output = command.assert().code(2).get_output().clone();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(!stderr.contains("panicked"), "{stderr}");
    [stdout, stderr]
}

/// A process that has begun to answer the same text many times.
pub struct Answering {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// The first answer, as soon as it was there.
    answer: String,
}

impl Answering {
    /// Starts the program with more arguments.
    pub fn start(add_arguments: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lamplight"));
        add_arguments(&mut command);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = output.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        Self {
            child,
            stdout,
            answer,
        }
    }

    /// Reads no more, and expects that the process does not mind.
    pub fn assert_ends_in_peace_without_a_reader(self) {
        drop(self.stdout);
        let output = self.child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.success() && !stderr.contains("error"),
            "{stderr}"
        );
    }

    /// Interrupts the process, expects whole lines, fewer than `num_texts`, and gives what was said on stderr.
    pub fn assert_interrupt_leaves_whole_lines(mut self, num_texts: usize) -> String {
        let kill = ["-INT", &self.child.id().to_string()].map(str::to_owned);
        assert!(Command::new("kill").args(kill).status().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        let num_answers = rest.len() / self.answer.len();
        assert!(num_answers < num_texts - 1);
        assert_eq!(rest, self.answer.repeat(num_answers));
        String::from_utf8(output.stderr).unwrap()
    }
}
