//! Records that tiny models learn in seconds.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::process::{lamplight, succeed};

pub const ADJECTIVES: [&str; 4] = ["good", "fine", "bad", "poor"];
pub const NOUNS: [&str; 5] = ["film", "song", "meal", "book", "game"];

/// A tokenizer that knows the words of these tests.
pub fn tokenizer(folder: &Path) {
    let text = folder.join("words.txt");
    let lines = NOUNS.iter().flat_map(|noun| {
        let line =
            move |adjective| format!("the {noun} was {adjective} in berlin and anna said so\n");
        ADJECTIVES.iter().map(line)
    });
    fs::write(&text, lines.collect::<String>().repeat(20)).unwrap();
    let arguments = format!(
        "tokenize train {} --kind word-piece --vocab-size 120 --output {}",
        text.display(),
        folder.join("tokenizer").display()
    );
    succeed(&mut lamplight(&arguments));
}

/// The text, the number of the adjective in it.
pub fn sentences(num: usize) -> impl Iterator<Item = (String, usize)> {
    (0..num).map(|index| {
        let (noun, adjective) = (NOUNS[index % 5], index / 5 % 4);
        (
            format!("the {noun} was {}", ADJECTIVES[adjective]),
            adjective,
        )
    })
}

/// The score of a name.
pub fn score(scores: &Value, name: &str) -> f64 {
    scores[name]
        .as_f64()
        .unwrap_or_else(|| panic!("no {name} in {scores}"))
}

/// Questions about texts that hold a place, a name or neither, which is the answer.
pub fn asked(num: usize, kinds: usize) -> impl Iterator<Item = Value> {
    (0..num).map(move |index| {
        let noun = NOUNS[index % 5];
        let front = ["", "so the ", "and the "][index / 5 % 3];
        let (back, answer) = [
            ("in berlin", Some("berlin")),
            ("and anna said so", Some("anna")),
            ("and fine", None),
        ][index / 15 % kinds];
        let context = format!("{front}{noun} was good {back}");
        let start = answer.and_then(|answer| context.find(answer));
        json!({
            "id": index, "question": "who said so", "context": context,
            "answers": {"text": Vec::from_iter(answer), "answer_start": Vec::from_iter(start)},
        })
    })
}
