//! Models of a pre-training, on plain texts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::process::{self, fail, lamplight, succeed, train};
use super::records::{score, sentences, tokenizer};
use super::{assert_same_scores, evaluated};

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
