//! `lamplight train` with low-rank factors below a head, as somebody calls it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lamplight_layers::pretrained::Checkpoint;
use process::{
    assert_same_checkpoint, lamplight, last_scores, newest, resume, succeed, train, write_records,
};
use serde_json::json;

const WORDS: [&str; 4] = ["good", "fine", "bad", "poor"];

/// Records of both kinds, and a tokenizer that knows their words.
fn prepare(folder: &Path) {
    let text = |index: usize| format!("film {} was {}", index % 5, WORDS[index % 4]);
    let label = |index: usize| if index % 4 < 2 { "praise" } else { "blame" };
    let records = (0..100).map(|index| json!({"text": text(index), "label": label(index)}));
    write_records(&folder.join("classes.jsonl"), records);
    let tag = |word: &str| if WORDS.contains(&word) { "B-word" } else { "O" };
    let records = (0..100).map(|index| {
        let text = text(index);
        let words: Vec<&str> = text.split(' ').collect();
        let tags: Vec<&str> = words.iter().copied().map(tag).collect();
        json!({"tokens": words, "tags": tags})
    });
    write_records(&folder.join("tags.jsonl"), records);
    let lines = (0..100).map(|index| text(index) + "\n");
    fs::write(folder.join("words.txt"), lines.collect::<String>()).unwrap();
    let arguments = format!(
        "tokenize train {} --kind word-piece --vocab-size 60 --output {}",
        folder.join("words.txt").display(),
        folder.join("tokenizer").display()
    );
    succeed(&mut lamplight(&arguments));
}

/// Names of the tensors that two folders of a model do not have alike.
fn changed(before: &Path, after: &Path) -> BTreeSet<String> {
    let [before, after] = [before, after].map(|folder| Checkpoint::open(folder).unwrap());
    assert!(before.names().collect::<BTreeSet<_>>() == after.names().collect());
    let names = after.names().map(str::to_owned);
    names
        .filter(|name| before.read(name).unwrap() != after.read(name).unwrap())
        .collect()
}

/// Trains, and checks what has changed, that it is learned, and that the run can go on.
fn assert_the_head_is_trained(folder: &Path, records: &str, objective: &str, head: &[&str]) {
    let run = folder.join(objective);
    let arguments = format!(
        "--data {} --tokenizer {} --set data.objective={objective} --set training.steps=80 \
         --set training.checkpoint_every=40 --set optimizer.learning_rate=1e-2 --set model.config.initializer_range=0.2",
        folder.join(records).display(),
        folder.join("tokenizer").display(),
    );
    let mut command = train("smoke_classification", &run, &arguments);
    succeed(command.args(["--set", "lora={ rank = 2, alpha = 4.0 }"]));
    let scores = last_scores(&run);
    let whole = newest(&run).unwrap();
    let layer = "electra.encoder.layer.0.attention.self";
    let factors = ["query", "value"].map(|name| format!("{layer}.{name}.weight"));
    let expected = head.iter().map(|name| (*name).to_owned()).chain(factors);
    assert_eq!(
        changed(&run.join("frozen/step-0"), &whole.path),
        expected.collect()
    );
    assert_eq!(scores["accuracy"], 1.0, "{scores}");

    // What was kept is left out, so that the second half is trained again.
    let aside = folder.join("whole").join(whole.path.file_name().unwrap());
    fs::create_dir(folder.join("whole")).unwrap();
    fs::rename(&whole.path, &aside).unwrap();
    succeed(&mut resume(&run));
    let again = newest(&run).unwrap();
    let whole = lamplight_training::checkpoint::Intact {
        path: aside,
        ..whole
    };
    assert_same_checkpoint(&again, &whole);
    fs::remove_dir_all(folder.join("whole")).unwrap();

    // The merged weights are a model of their own: one that has learned it already.
    let further = folder.join(format!("{objective}-further"));
    let arguments = format!(
        "--data {} --init-from {} --set data.objective={objective} --set training.steps=2 \
         --set optimizer.learning_rate=1e-6 --set training.evaluate_every=1 --set training.checkpoint_every=2",
        folder.join(records).display(),
        again.path.display(),
    );
    succeed(&mut train("smoke_classification", &further, &arguments));
    assert_eq!(last_scores(&further)["accuracy"], 1.0);
}

#[test]
fn a_head_is_trained_as_a_whole_beside_the_factors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    assert_the_head_is_trained(
        folder,
        "classes.jsonl",
        "sequence_classification",
        &[
            "classifier.dense.bias",
            "classifier.dense.weight",
            "classifier.out_proj.bias",
            "classifier.out_proj.weight",
        ],
    );
    assert_the_head_is_trained(
        folder,
        "tags.jsonl",
        "token_classification",
        &["classifier.bias", "classifier.weight"],
    );
}
