//! `lamplight evaluate`, as somebody calls it.
#![allow(clippy::unwrap_used)]

mod process;
mod records;

use std::fs;
use std::path::{Path, PathBuf};

use process::{fail, lamplight, last_scores, succeed, train, write_records as write};
use records::{asked, score, sentences, tokenizer};
use serde_json::{Value, json};

/// A run of the smoke recipe on `train.jsonl`, all of `valid.jsonl` held out.
fn trained(folder: &Path, arguments: &str) -> PathBuf {
    let run = folder.join("run");
    let arguments = format!(
        "--data {} --valid {} --tokenizer {} --set evaluation.max_batches=100 {arguments}",
        folder.join("train.jsonl").display(),
        folder.join("valid.jsonl").display(),
        folder.join("tokenizer").display()
    );
    succeed(&mut train("smoke_classification", &run, &arguments));
    run
}

/// What `evaluate --json` says of the last checkpoint of a run on `valid.jsonl`.
fn evaluated(folder: &Path, run: &Path, arguments: &str) -> Value {
    let checkpoint = process::newest(run).unwrap().path;
    let arguments = format!(
        "evaluate --json --model {} --data {} {arguments}",
        checkpoint.display(),
        folder.join("valid.jsonl").display()
    );
    let output = succeed(&mut lamplight(&arguments));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// That the scores are those which training has written, to the last bit.
fn assert_same_scores(run: &Path, evaluated: &Value) {
    let written = last_scores(run);
    let scores = evaluated["scores"].as_object().unwrap();
    for (name, score) in scores.iter().filter(|(name, _)| *name != "perplexity") {
        assert_eq!(&written[name], score, "{name} of {written}");
    }
    // Beside the scores a line has its kind and its step.
    let num_written = written.as_object().unwrap().len() - 2;
    let num_scores = scores.len() - usize::from(scores.contains_key("perplexity"));
    assert_eq!(num_written, num_scores, "{written} {evaluated}");
}

fn predictions(path: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(path).unwrap();
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

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

#[test]
fn answers_are_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    write(&folder.join("train.jsonl"), asked(120, 3));
    write(&folder.join("valid.jsonl"), asked(50, 3));
    let run = trained(
        folder,
        "--set data.objective=question_answering --set data.inputs_length=12",
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
fn both_models_of_a_pre_training_are_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let text = |num| {
        sentences(num)
            .map(|(text, _)| text + "\n\n")
            .collect::<String>()
    };
    fs::write(folder.join("train.txt"), text(60)).unwrap();
    fs::write(folder.join("valid.txt"), text(30)).unwrap();
    let arguments = format!(
        "--data {} --valid {} --tokenizer {} --set evaluation.max_batches=100",
        folder.join("train.txt").display(),
        folder.join("valid.txt").display(),
        folder.join("tokenizer").display()
    );
    let run = folder.join("run");
    succeed(&mut train("smoke_electra", &run, &arguments));
    fs::rename(folder.join("valid.txt"), folder.join("valid.jsonl.txt")).unwrap();
    let checkpoint = process::newest(&run).unwrap().path;
    let evaluate = |model: &Path| {
        let data = folder.join("valid.jsonl.txt");
        let (model, data) = (model.display(), data.display());
        lamplight(&format!("evaluate --json --model {model} --data {data}"))
    };
    let output = succeed(&mut evaluate(&checkpoint));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_same_scores(&run, &found);
    assert_eq!(found["objective"], "replaced_token_detection");

    let error = fail(&mut evaluate(&checkpoint.join("generator")), 2);
    assert!(error.contains("`discriminator`"), "{error}");
}

#[test]
fn pairs_are_answered_and_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let records = |num| {
        sentences(num).map(|(text, adjective)| match adjective {
            0 => json!({"task": "first", "source": format!("first: {text}"), "target": "the"}),
            1 => json!({"task": "last", "input": format!("last: {text}"), "target": "fine", "targets": ["fine", "good"]}),
            _ => json!({"task": "last", "input": format!("last: {text}"), "target": &text[text.len() - 4..]}),
        })
    };
    write(&folder.join("train.jsonl"), records(200));
    write(&folder.join("valid.jsonl"), records(50));
    let run = folder.join("run");
    let arguments = format!(
        "--data {} --valid {} --set evaluation.max_batches=100 --set evaluation.num_answers=100 \
         --set evaluation.metrics=['chrf'] --set optimizer.learning_rate=0.01",
        folder.join("train.jsonl").display(),
        folder.join("valid.jsonl").display(),
    );
    succeed(&mut train("smoke_t5", &run, &arguments));
    let path = folder.join("predictions.jsonl");
    let found = evaluated(folder, &run, &format!("--predictions {}", path.display()));
    assert_same_scores(&run, &found);
    assert_eq!(found["objective"], "text_to_text");
    assert_eq!(found["num_examples"], 50);
    let loss = score(&found["scores"], "loss");
    assert_eq!(score(&found["scores"], "perplexity"), loss.exp());
    let lines = predictions(&path);
    assert_eq!(lines.len(), 50);
    assert_eq!(lines[0]["input"], "first: the film was good");
    assert_eq!(lines[0]["reference"], "the");
    assert_eq!(lines[5]["reference"], json!(["fine", "good"]));
    assert!(lines[5]["prediction"].is_string());

    let found = evaluated(
        folder,
        &run,
        "--metric rouge --num-beams 2 --max-new-tokens 3 --limit 9",
    );
    assert_eq!(found["num_examples"], 9);
    let scores = found["scores"].as_object().unwrap();
    assert!(
        scores.contains_key("rougeLsum.first") && !scores.contains_key("chrf"),
        "{found}"
    );
    let model = process::newest(&run).unwrap().path;
    let arguments = format!(
        "evaluate --model {} --data {} --metric pearson",
        model.display(),
        folder.join("valid.jsonl").display()
    );
    let error = fail(&mut lamplight(&arguments), 2);
    assert!(error.contains("pearson"), "{error}");
}

#[test]
fn the_likelihood_of_what_was_cut_out_of_texts_is_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = |num| {
        sentences(num)
            .map(|(text, _)| text + "\n\n")
            .collect::<String>()
    };
    fs::write(folder.join("train.txt"), text(200)).unwrap();
    fs::write(folder.join("valid.jsonl"), {
        let lines = sentences(60).map(|(text, _)| json!({"text": text}).to_string() + "\n");
        lines.collect::<String>()
    })
    .unwrap();
    let recipe = format!(
        "--data {} --valid {} --set data.objective=span_corruption --set evaluation.max_batches=100",
        folder.join("train.txt").display(),
        folder.join("valid.jsonl").display(),
    );
    let run = folder.join("run");
    let base = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../training/recipes/smoke_t5.toml"),
    );
    let base = base.unwrap().replace("targets_length = 12\n", "");
    fs::write(
        folder.join("spans.toml"),
        base.replace(
            "\"text_to_text\"\ncorpus = \"text_tasks\"\nnum_examples = 200",
            "\"span_corruption\"",
        ),
    )
    .unwrap();
    let path = folder.join("spans.toml");
    succeed(&mut train(path.to_str().unwrap(), &run, &recipe));
    let found = evaluated(folder, &run, "");
    assert_same_scores(&run, &found);
    let loss = score(&found["scores"], "loss");
    assert_eq!(score(&found["scores"], "perplexity"), loss.exp());

    // The same model as one of others, which does not say what it has learned.
    let foreign = folder.join("foreign");
    fs::create_dir(&foreign).unwrap();
    let checkpoint = process::newest(&run).unwrap().path;
    for name in fs::read_dir(&checkpoint)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
    {
        fs::copy(checkpoint.join(&name), foreign.join(&name)).unwrap();
    }
    let arguments = format!(
        "evaluate --json --model {} --data {}",
        foreign.display(),
        folder.join("valid.jsonl").display()
    );
    let error = fail(&mut lamplight(&arguments), 2);
    assert!(error.contains("--recipe"), "{error}");
    let arguments = format!("{arguments} --recipe {}", run.join("recipe.toml").display());
    let output = succeed(&mut lamplight(&arguments));
    let again: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(again["scores"], found["scores"]);
}

#[test]
fn what_cannot_be_scored_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = |label: &'static str| {
        sentences(40).map(move |(text, adjective)| match adjective % 2 {
            0 => json!({"text": text, "label": "praise"}),
            _ => json!({"text": text, "label": label}),
        })
    };
    write(&folder.join("train.jsonl"), records("blame"));
    write(&folder.join("valid.jsonl"), records("blame"));
    let run = trained(
        folder,
        "--set training.steps=2 --set training.evaluate_every=2",
    );
    let model = process::newest(&run).unwrap().path;
    write(&folder.join("valid.jsonl"), records("scorn"));
    write(
        &folder.join("other.jsonl"),
        [json!({"tokens": ["a"], "tags": ["O"]})].into_iter(),
    );
    let valid = folder.join("valid.jsonl");
    let taken = folder.join("train.jsonl");
    let (model, valid) = (model.display(), valid.display());
    let other = folder.join("other.jsonl").display().to_string();
    for (arguments, parts) in [
        // A label that the model does not know, and those it does.
        (
            format!("--model {model} --data {valid}"),
            ["scorn", "blame, praise"],
        ),
        (
            format!("--model {model} --data {other}"),
            ["other.jsonl", "no text"],
        ),
        (
            format!("--model {model} --data {valid}.not"),
            ["valid.jsonl.not", ""],
        ),
        (
            format!("--model {} --data {valid}", run.display()),
            ["is a run", "checkpoints"],
        ),
        (
            format!("--model {other} --data {valid}"),
            ["no folder", "other.jsonl"],
        ),
        (
            format!("--model {model} --data {valid} --metric rouge"),
            ["--metric", "T5"],
        ),
        (
            format!("--model {model} --data {valid} --metric bleh"),
            ["bleh", "bleu"],
        ),
        (
            format!("--model {model} --data {valid} --recipe smoke_t5"),
            ["recipe", "family"],
        ),
        (
            format!(
                "--model {model} --data {valid} --predictions {}",
                taken.display()
            ),
            ["train.jsonl", "there already"],
        ),
    ] {
        let error = fail(&mut lamplight(&format!("evaluate {arguments}")), 2);
        for part in parts {
            assert!(error.contains(part), "{arguments}: {error}");
        }
    }
}

#[test]
fn people_get_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = sentences(40).map(|(text, adjective)| json!({"text": text, "label": adjective}));
    let records: Vec<Value> = records.collect();
    write(&folder.join("train.jsonl"), records.iter().cloned());
    write(&folder.join("valid.jsonl"), records.into_iter());
    let run = trained(
        folder,
        "--set training.steps=2 --set training.evaluate_every=2",
    );
    let arguments = format!(
        "evaluate --model {} --data {}",
        process::newest(&run).unwrap().path.display(),
        folder.join("valid.jsonl").display()
    );
    let output = succeed(&mut lamplight(&arguments));
    let table = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].contains("sequence classification on 40 examples"),
        "{table}"
    );
    assert!(lines[1].starts_with("  label loss  "), "{table}");
    assert!(lines[2].starts_with("  accuracy    "), "{table}");
    assert_eq!(lines[1].len(), lines[2].len(), "{table}");
    assert_eq!(lines.len(), 4, "{table}");
}

#[test]
fn an_interrupt_ends_the_scoring_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records =
        |num| sentences(num).map(|(text, adjective)| json!({"text": text, "label": adjective}));
    write(&folder.join("train.jsonl"), records(40));
    write(&folder.join("valid.jsonl"), records(40));
    let run = trained(
        folder,
        "--set training.steps=2 --set training.evaluate_every=2",
    );
    write(&folder.join("valid.jsonl"), records(60_000));
    let arguments = format!(
        "evaluate --batch-size 1 --model {} --data {}",
        process::newest(&run).unwrap().path.display(),
        folder.join("valid.jsonl").display()
    );
    let mut child = process::spawn(&mut lamplight(&arguments));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(child.try_wait().unwrap(), None, "it ended before");
    process::signal(&child, "INT");
    assert_eq!(process::wait(&mut child).code(), Some(130));
}
