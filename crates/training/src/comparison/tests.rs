//! Tables over recorded runs.

use super::*;
use crate::evaluation::Evaluation;
use crate::metrics::MetricsFile;
use crate::report;

/// The folder of a run with two evaluations, whose best AUC is the first and best loss the second.
fn recorded(parent: &Path, name: &str, recipe: &str, auc: f64) -> PathBuf {
    let folder = parent.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("recipe.toml"), recipe).unwrap();
    let mut metrics = MetricsFile::create(&folder.join("metrics.jsonl")).unwrap();
    for step in 1..=2 {
        let line = StepMetrics {
            step,
            loss: 4.0 / step as f64,
            tokens_per_second: 100.0 * step as f64,
            seconds: step as f64,
            terms: vec![("mlm_loss".to_owned(), 1.0)],
            ..StepMetrics::default()
        };
        metrics.write_step(&line).unwrap();
        let scores = [
            ("detection_auc", auc / step as f64),
            ("detection_loss", 1.0 / step as f64),
            ("fake_rate", 0.1),
        ];
        let scores = scores
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        let examples = Vec::new();
        metrics
            .write_evaluation(step, &Evaluation { scores, examples })
            .unwrap();
    }
    folder
}

fn two_runs() -> (tempfile::TempDir, Vec<RecordedRun>) {
    let parent = tempfile::tempdir().unwrap();
    let first =
        "description = \"a <b>\"\n[training]\nsteps = 2\nseed = 1\n[data]\nheld_out = 0.5\n";
    let second = "description = \"a <b>\"\n[training]\nsteps = 2\nseed = 2\n";
    let folders = [
        recorded(parent.path(), "one", first, 0.75),
        recorded(parent.path(), "two", second, 0.5),
    ];
    let runs = read(&folders).unwrap();
    (parent, runs)
}

fn cells<'a>(rows: &'a [Row], name: &str) -> &'a [String] {
    let row = rows.iter().find(|row| row.name == name);
    &row.unwrap_or_else(|| panic!("no row {name} in {rows:?}"))
        .cells
}

#[test]
fn the_table_has_the_last_loss_and_the_best_scores() {
    let (_parent, runs) = two_runs();
    let rows = table(&runs);
    assert_eq!(cells(&rows, "steps"), ["2", "2"]);
    assert_eq!(cells(&rows, "last training loss"), ["2.0000", "2.0000"]);
    let auc = ["0.7500 (step 1)", "0.5000 (step 1)"];
    assert_eq!(cells(&rows, "best detection auc"), auc);
    assert_eq!(cells(&rows, "best detection loss")[0], "0.5000 (step 2)");
    assert!(!rows.iter().any(|row| row.name.contains("fake rate")));
}

#[test]
fn keys_that_differ_or_are_missing_are_listed() {
    let (_parent, runs) = two_runs();
    let rows = differing_keys(&runs);
    let row = |name: &str, cells: [&str; 2]| Row {
        name: name.to_owned(),
        cells: cells.map(str::to_owned).to_vec(),
    };
    assert_eq!(
        rows,
        [
            row("data.held_out", ["0.5", ""]),
            row("training.seed", ["1", "2"])
        ]
    );
}

#[test]
fn equal_names_are_told_apart_by_their_paths() {
    let parent = tempfile::tempdir().unwrap();
    let folders = ["a/run", "b/run", "c"].map(|name| recorded(parent.path(), name, "", 0.5));
    let names: Vec<String> = (read(&folders).unwrap().into_iter())
        .map(|run| run.name)
        .collect();
    assert!(
        names[0].ends_with("a/run") && names[1].ends_with("b/run"),
        "{names:?}"
    );
    assert_eq!(names[2], "c");
}

#[test]
fn a_folder_that_is_no_run_is_refused_by_path() {
    let parent = tempfile::tempdir().unwrap();
    let error = |folder: &Path| read(&[folder.to_owned()]).unwrap_err().to_string();
    assert!(error(&parent.path().join("nowhere")).contains("nowhere"));
    let message = error(parent.path());
    assert!(message.contains("recipe.toml"), "{message}");
    let damaged = recorded(parent.path(), "damaged", "steps =", 0.5);
    assert!(error(&damaged).contains("damaged"));
}

#[test]
fn the_page_overlays_the_runs_and_escapes_their_names() {
    let (_parent, mut runs) = two_runs();
    runs[1].name = "<two>".to_owned();
    let page = report::comparison_page(&runs).unwrap();
    assert!(page.contains("&lt;two&gt;") && !page.contains("<two>"));
    for title in [
        "Training loss over seconds",
        "Held out: detection auc",
        "training.seed",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert!(page.contains("var(--c0)") && page.contains("var(--c1)"));
}
