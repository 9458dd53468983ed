//! ELECTRA's heads, on the records that they learn from.

use serde_json::{Value, json};

use super::process::write_records as write;
use super::records::{asked, score, sentences, tokenizer};
use super::{assert_same_scores, evaluated, predictions, trained};

#[test]
fn classes_are_scored_as_in_training_whatever_their_order_in_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let label = |adjective| if adjective < 2 { "praise" } else { "blame" };
    let records = |num, front: &'static str| {
        sentences(num)
            .map(move |(text, adjective)| json!({"text": text, "label": label(adjective)}))
            // With some that are wrong, so that not every score is 1.
            .chain([json!({"text": format!("{front} the film was fine"), "label": "blame"})])
    };
    write(&folder.join("train.jsonl"), records(160, "in"));
    write(&folder.join("valid.jsonl"), records(37, "so"));
    let run = trained(folder, "");
    let path = folder.join("predictions.jsonl");
    let found = evaluated(folder, &run, &format!("--predictions {}", path.display()));
    assert_same_scores(&run, &found);
    assert_eq!(found["objective"], "sequence_classification");
    assert_eq!(found["num_examples"], 38);
    assert!(found["seconds"].as_f64().unwrap() > 0.0);

    let lines = predictions(&path);
    let is_right = |line: &&Value| line["prediction"] == line["reference"];
    let accuracy = lines.iter().filter(is_right).count() as f64 / 38.0;
    assert_eq!(accuracy, score(&found["scores"], "accuracy"));
    assert_eq!(lines[37]["input"], "so the film was fine");
    assert_eq!(lines[37]["reference"], "blame");

    // Only the last class, which would be the first by the data alone; another batch size.
    let praise = records(40, "so").filter(|record| record["label"] == "praise");
    write(&folder.join("valid.jsonl"), praise);
    let found = evaluated(folder, &run, "--batch-size 3 --limit 7");
    assert_eq!(found["num_examples"], 7);
    assert_eq!(score(&found["scores"], "accuracy"), 1.0);

    // As numbers, which are the model's.
    let numbered = sentences(8).map(|(text, adjective)| {
        let class = usize::from(adjective < 2);
        json!({"text": text, "label": class})
    });
    write(&folder.join("valid.jsonl"), numbered);
    let found = evaluated(folder, &run, "");
    assert_eq!(score(&found["scores"], "accuracy"), 1.0);
}

#[test]
fn values_are_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = |num| {
        sentences(num)
            .map(|(text, adjective)| json!({"text": text, "label": adjective as f64 / 2.0}))
    };
    write(&folder.join("train.jsonl"), records(160));
    write(&folder.join("valid.jsonl"), records(39));
    let run = trained(folder, "--set data.objective=regression");
    let path = folder.join("predictions.jsonl");
    let found = evaluated(folder, &run, &format!("--predictions {}", path.display()));
    assert_same_scores(&run, &found);
    assert_eq!(found["objective"], "regression");
    let lines = predictions(&path);
    assert_eq!(lines.len(), 39);
    assert_eq!(lines[5]["reference"], 0.5);
    assert!(lines[5]["prediction"].is_f64());
}

#[test]
fn tags_are_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let words = ["anna", "said", "the", "film", "in", "berlin", "was", "good"];
    let tag = |word: &str| match word {
        "anna" => "B-person",
        "berlin" => "B-place",
        _ => "O",
    };
    let records = |num| {
        (0..num).map(move |index| {
            let mut words = words;
            words.rotate_left(index % 8);
            let mut tags = words.map(tag);
            if index % 9 == 0 {
                tags[index % 8] = "B-place";
            }
            json!({"tokens": words, "tags": tags})
        })
    };
    write(&folder.join("train.jsonl"), records(160));
    write(&folder.join("valid.jsonl"), records(41));
    let run = trained(folder, "--set data.objective=token_classification");
    let path = folder.join("predictions.jsonl");
    let found = evaluated(folder, &run, &format!("--predictions {}", path.display()));
    assert_same_scores(&run, &found);
    assert!(score(&found["scores"], "f1.person") > 0.5);
    let lines = predictions(&path);
    assert_eq!(lines[1]["input"][7], "anna");
    assert_eq!(lines[1]["reference"][7], "B-person");
    assert_eq!(lines[1]["prediction"].as_array().unwrap().len(), 8);
}

#[test]
fn choices_are_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = |num| {
        sentences(num).enumerate().map(|(index, (text, _))| {
            let place = index % 3;
            let mut choices = ["in berlin", "was the game", "so bad"];
            choices[place] = "and anna said so";
            json!({"context": text, "choices": choices, "label": (place + usize::from(index == 0)) % 3})
        })
    };
    write(&folder.join("train.jsonl"), records(160));
    write(&folder.join("valid.jsonl"), records(19));
    let run = trained(folder, "--set data.objective=multiple_choice");
    let path = folder.join("predictions.jsonl");
    let found = evaluated(folder, &run, &format!("--predictions {}", path.display()));
    assert_same_scores(&run, &found);
    let lines = predictions(&path);
    assert_eq!(lines[0]["reference"], 1);
    assert_eq!(lines[0]["input"]["choices"][0], "and anna said so");
}

/// Answers of a head, by the arguments that choose it.
fn assert_answers_are_scored_as_in_training(arguments: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    write(&folder.join("train.jsonl"), asked(120, 3));
    write(&folder.join("valid.jsonl"), asked(50, 3));
    let run = trained(
        folder,
        &format!("--set data.objective=question_answering --set data.inputs_length=12 {arguments}"),
    );
    let path = folder.join("predictions.jsonl");
    let found = evaluated(folder, &run, &format!("--predictions {}", path.display()));
    assert_same_scores(&run, &found);
    assert_eq!(found["num_examples"], 50);
    let lines = predictions(&path);
    assert_eq!(lines[0]["reference"], json!(["berlin"]));
    assert_eq!(lines[40]["reference"], json!([]));
    // The share of questions that are right by the lines is what the script says.
    let is_right = |line: &&Value| match line["reference"].as_array().unwrap().as_slice() {
        [] => line["prediction"] == "",
        right => right.contains(&line["prediction"]),
    };
    let exact = 100.0 * lines.iter().filter(is_right).count() as f64 / 50.0;
    assert!((exact - score(&found["scores"], "exact")).abs() < 1e-9);
}

#[test]
fn answers_of_either_head_are_scored_as_in_training() {
    assert_answers_are_scored_as_in_training("");
    assert_answers_are_scored_as_in_training("--set model.answer_head=joint");
}
