//! `lamplight train` on labelled records, as somebody calls it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;
mod records;

use std::fs;
use std::path::Path;

use process::{fail, lamplight, last_scores, resume, succeed, train, write_records as write};
use records::{asked, score, sentences, tokenizer};
use serde_json::{Value, json};

/// Trains the smoke recipe on `train.jsonl` and gives the last scores of the run.
fn scores(folder: &Path, objective: &str) -> Value {
    scores_by(folder, objective, "")
}

/// The same with more arguments.
fn scores_by(folder: &Path, objective: &str, more: &str) -> Value {
    let run = folder.join(format!("run-{objective}"));
    let arguments = format!(
        "--data {} --tokenizer {} --set data.objective={objective} {more}",
        folder.join("train.jsonl").display(),
        folder.join("tokenizer").display()
    );
    succeed(&mut train("smoke_classification", &run, &arguments));
    last_scores(&run)
}

/// The config of the model after the last of the smoke recipe's steps.
fn config(folder: &Path, objective: &str) -> Value {
    let checkpoint = format!("run-{objective}/checkpoints/step-60/config.json");
    serde_json::from_str(&fs::read_to_string(folder.join(checkpoint)).unwrap()).unwrap()
}

#[test]
fn classes_are_learned_and_named_in_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let label = |adjective| if adjective < 2 { "praise" } else { "blame" };
    let records =
        sentences(200).map(|(text, adjective)| json!({"text": text, "label": label(adjective)}));
    write(&folder.join("train.jsonl"), records);
    let scores = scores(folder, "sequence_classification");
    assert_eq!(score(&scores, "accuracy"), 1.0);
    assert_eq!(score(&scores, "matthews"), 1.0);
    let config = config(folder, "sequence_classification");
    assert_eq!(config["id2label"], json!({"0": "blame", "1": "praise"}));
    assert_eq!(
        config["architectures"],
        json!(["ElectraForSequenceClassification"])
    );
}

#[test]
fn values_are_learned() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = sentences(200)
        .map(|(text, adjective)| json!({"text": text, "label": adjective as f64 / 2.0}));
    write(&folder.join("train.jsonl"), records);
    // Values take longer than classes.
    let scores = scores_by(folder, "regression", "--set training.steps=120");
    assert!(score(&scores, "pearson") > 0.9, "{scores}");
    assert!(score(&scores, "label_loss") < 0.2, "{scores}");
}

#[test]
fn tags_are_learned_word_by_word() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let words = ["anna", "said", "the", "film", "in", "berlin", "was", "good"];
    let tag = |word: &str| match word {
        "anna" => "B-person",
        "berlin" => "B-place",
        _ => "O",
    };
    let records = (0..200).map(|index| {
        let mut words = words;
        words.rotate_left(index % 8);
        json!({"tokens": words, "tags": words.map(tag)})
    });
    write(&folder.join("train.jsonl"), records);
    let scores = scores(folder, "token_classification");
    assert_eq!(score(&scores, "f1"), 1.0);
    assert_eq!(score(&scores, "f1.person"), 1.0);
    let labels = json!({"0": "B-person", "1": "B-place", "2": "O"});
    assert_eq!(config(folder, "token_classification")["id2label"], labels);
}

#[test]
fn choices_are_weighed_against_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = sentences(200).enumerate().map(|(index, (text, _))| {
        let (place, right) = (index % 3, "and anna said so");
        let mut choices = ["in berlin", "was the game", "so bad"];
        choices[place] = right;
        json!({"context": text, "choices": choices, "label": place})
    });
    write(&folder.join("train.jsonl"), records);
    assert_eq!(score(&scores(folder, "multiple_choice"), "accuracy"), 1.0);
}

#[test]
fn answers_are_found_in_texts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    write(&folder.join("train.jsonl"), asked(300, 2));
    let run = folder.join("run");
    let arguments = format!(
        "--data {} --tokenizer {} --set data.objective=question_answering --set data.inputs_length=24 \
         --set training.steps=200 --set training.evaluate_every=200 --set evaluation.max_batches=100",
        folder.join("train.jsonl").display(),
        folder.join("tokenizer").display()
    );
    succeed(&mut train("smoke_classification", &run, &arguments));
    let scores = last_scores(&run);
    assert!(score(&scores, "exact_match") > 90.0, "{scores}");
    assert!(score(&scores, "f1") > 90.0, "{scores}");

    // Where some questions have no answer, the scores are those of the second version of SQuAD.
    write(&folder.join("train.jsonl"), asked(300, 3));
    let run = folder.join("run-impossible");
    succeed(&mut train("smoke_classification", &run, &arguments));
    let scores = last_scores(&run);
    assert!(score(&scores, "exact") > 80.0, "{scores}");
    assert!(score(&scores, "NoAns_exact") > 80.0, "{scores}");
}

#[test]
fn joint_head_learns_where_answers_are_and_which_questions_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    write(&folder.join("train.jsonl"), asked(300, 3));
    let run = folder.join("run");
    let arguments = format!(
        "--data {} --tokenizer {} --set data.objective=question_answering --set data.inputs_length=24 \
         --set model.answer_head=joint --set training.steps=200 --set training.evaluate_every=200 \
         --set evaluation.max_batches=100",
        folder.join("train.jsonl").display(),
        folder.join("tokenizer").display()
    );
    succeed(&mut train("smoke_classification", &run, &arguments));
    let scores = last_scores(&run);
    assert!(score(&scores, "HasAns_exact") > 80.0, "{scores}");
    assert!(score(&scores, "NoAns_exact") > 80.0, "{scores}");
    let checkpoint = run.join("checkpoints/step-200");
    let config = fs::read_to_string(checkpoint.join("config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(
        config["architectures"],
        json!(["ElectraForJointQuestionAnswering"])
    );
    assert_eq!(config["answerable_classifier"], true);

    let answer = |context: &str| {
        let arguments = format!(
            "answer --no-answer-threshold 0 --model {}",
            checkpoint.display()
        );
        let mut command = lamplight(&arguments);
        command.args(["--question", "who said so", context]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(answer("and the film was good in berlin"), "berlin\n");
    assert_eq!(answer("so the meal was good and fine"), "\n");
}

#[test]
fn which_head_answers_is_a_key_of_questions_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = sentences(20).map(|(text, label)| json!({"text": text, "label": label}));
    write(&folder.join("train.jsonl"), records);
    let arguments = format!(
        "--data {} --tokenizer {} --set model.answer_head=joint",
        folder.join("train.jsonl").display(),
        folder.join("tokenizer").display()
    );
    let run = folder.join("run");
    let error = fail(&mut train("smoke_classification", &run, &arguments), 2);
    assert!(
        error.contains("model.answer_head") && error.contains("is not read"),
        "{error}"
    );
}

#[test]
fn a_head_starts_from_a_discriminator_with_its_shape_and_tokenizer_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let pretraining = folder.join("pretraining");
    let arguments = format!(
        "--data {} --tokenizer {} --set data.held_out=0.2",
        folder.join("words.txt").display(),
        folder.join("tokenizer").display()
    );
    fs::write(
        folder.join("words.txt"),
        sentences(60)
            .map(|(text, _)| text + "\n\n")
            .collect::<String>(),
    )
    .unwrap();
    succeed(&mut train("smoke_electra", &pretraining, &arguments));
    let records = sentences(60).map(|(text, label)| json!({"text": text, "label": label}));
    write(&folder.join("train.jsonl"), records);
    let run = folder.join("run");
    let discriminator = pretraining.join("checkpoints/step-40/discriminator");
    let arguments = format!(
        "--data {} --init-from {} --set data.inputs_length=16 --set training.epochs=3 --set training.checkpoint_every=2",
        folder.join("train.jsonl").display(),
        discriminator.display(),
    );
    succeed(&mut train("electra_classification", &run, &arguments));
    let recipe = fs::read_to_string(run.join("recipe.toml")).unwrap();
    assert!(recipe.contains("hidden_size = 32"), "{recipe}");
    // Three passes over 54 records in batches of 32.
    assert!(recipe.contains("\nsteps = 6\n"), "{recipe}");
    assert!(score(&last_scores(&run), "accuracy") >= 0.0);
    fs::remove_dir_all(run.join("checkpoints/step-6")).unwrap();
    succeed(&mut resume(&run));
    assert!(run.join("checkpoints/step-6").is_dir());
}

#[test]
fn t5_is_fine_tuned_in_the_shape_of_its_folder_with_the_dropout_of_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pretraining = folder.join("pretraining");
    let without_dropout = "--set model.config.dropout_rate=0.0 --set training.steps=4";
    succeed(&mut train("smoke_t5", &pretraining, without_dropout));
    let records =
        sentences(40).map(|(text, label)| json!({"input": text, "target": label.to_string()}));
    write(&folder.join("pairs.jsonl"), records);
    let run = folder.join("run");
    let arguments = format!(
        "--data {} --init-from {} --set data.held_out=0.2 --set training.steps=4 --set training.batch_size=4 \
         --set evaluation.num_answers=2",
        folder.join("pairs.jsonl").display(),
        pretraining.join("checkpoints/step-4").display(),
    );
    succeed(&mut train("t5_fine_tuning", &run, &arguments));
    let config = fs::read_to_string(run.join("checkpoints/step-4/config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(
        (&config["d_model"], &config["d_ff"]),
        (&json!(16), &json!(32))
    );
    assert_eq!(config["dropout_rate"], 0.1);
    assert!(score(&last_scores(&run), "loss").is_finite());
}

#[test]
fn labels_that_training_has_not_seen_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = |label: &'static str| {
        sentences(20).map(move |(text, _)| json!({"text": text, "label": label}))
    };
    write(&folder.join("train.jsonl"), records("praise"));
    write(&folder.join("valid.jsonl"), records("scorn"));
    let arguments = format!(
        "--data {} --valid {} --tokenizer {}",
        folder.join("train.jsonl").display(),
        folder.join("valid.jsonl").display(),
        folder.join("tokenizer").display()
    );
    let run = folder.join("run");
    let error = fail(&mut train("smoke_classification", &run, &arguments), 2);
    assert!(
        error.contains("scorn") && error.contains("praise"),
        "{error}"
    );
    assert!(!run.exists());
}
