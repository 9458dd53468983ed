//! Writing, reading back and going on.

use std::fs;

use tempfile::TempDir;

use super::*;

fn metrics(step: usize) -> StepMetrics {
    StepMetrics {
        step,
        loss: 3.0 / step as f64,
        gradient_norm: 0.1,
        learning_rate: 1e-3,
        num_tokens: 10 * step as u64,
        tokens_per_second: 12.5,
        flops_per_second: 3e9,
        memory_bytes: Some(1 << 30),
        num_skipped: 1,
        num_spikes: 2,
        num_rollbacks: 0,
        overhead: 0.01,
        waiting: 0.005,
        padding: 0.25,
        seconds: 0.25,
        // An order that no sorting gives.
        terms: vec![("nll".to_owned(), 2.5), ("a_term".to_owned(), 0.5)],
    }
}

fn scores(value: f64) -> Evaluation {
    let scores = [("loss", value), ("exact_match.date", 0.5)];
    Evaluation {
        scores: scores
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        examples: Vec::new(),
    }
}

/// Four steps, with an evaluation after the second and the fourth.
fn written() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let mut file = MetricsFile::create(&path).unwrap();
    for step in 1..=4 {
        file.write_step(&metrics(step)).unwrap();
        if step % 2 == 0 {
            file.write_evaluation(step, &scores(1.0 / step as f64))
                .unwrap();
        }
    }
    (folder, path)
}

fn steps(history: &History) -> Vec<usize> {
    history.steps.iter().map(|metrics| metrics.step).collect()
}

#[test]
fn what_was_written_is_read_back() {
    let (_folder, path) = written();
    let history = History::read(&path).unwrap();
    assert_eq!(history.steps, [1, 2, 3, 4].map(metrics));
    assert_eq!(history.evaluations, [(2, scores(0.5)), (4, scores(0.25))]);
    assert!(MetricsFile::create(&path).is_err(), "it exists already");
}

#[test]
fn a_value_that_is_not_finite_is_read_back_as_nan() {
    let (_folder, path) = written();
    let mut file = MetricsFile::resume(&path, 4).unwrap().0;
    let mut broken = metrics(5);
    broken.loss = f64::INFINITY;
    broken.terms[0].1 = f64::NAN;
    broken.memory_bytes = None;
    file.write_step(&broken).unwrap();
    let last = History::read(&path).unwrap().steps.pop().unwrap();
    assert!(last.loss.is_nan() && last.terms[0].1.is_nan());
    assert_eq!((last.step, last.memory_bytes), (5, None));
}

#[test]
fn lines_of_before_these_fields_existed_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let line = r#"{"kind":"training","step":3,"loss":1.5,"nll":1.25,"gradient_norm":0.5,"learning_rate":0.1,"num_tokens":9,"tokens_per_second":2.0,"seconds":4.0}"#;
    fs::write(&path, line).unwrap();
    let history = History::read(&path).unwrap();
    assert_eq!(history.steps[0].terms, [("nll".to_owned(), 1.25)]);
    assert_eq!(history.steps[0].num_skipped, 0);
}

#[test]
fn a_file_cut_anywhere_gives_the_whole_lines_before_the_cut() {
    let (_folder, path) = written();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let history = History::read(&path).unwrap();
        // The last byte of a line is its line break, without which it is whole, too.
        let num_lines = whole[..=length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        let found = history.steps.len() + history.evaluations.len();
        assert_eq!(found, num_lines, "cut at {length}");
    }
}

#[test]
fn a_damaged_line_in_the_middle_is_named() {
    let (_folder, path) = written();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"step\":2", "\"step\":\"two\"", 1)).unwrap();
    let error = History::read(&path).unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl:2"), "{error}");
    assert!(MetricsFile::resume(&path, 4).is_err());
}

#[test]
fn a_resumed_file_drops_later_steps_and_goes_on() {
    let (_folder, path) = written();
    let before = fs::read(&path).unwrap();
    let mut torn = before.clone();
    torn.extend_from_slice(b"{\"kind\":\"tr");
    fs::write(&path, torn).unwrap();
    let (mut file, history) = MetricsFile::resume(&path, 3).unwrap();
    assert_eq!(steps(&history), [1, 2, 3]);
    assert_eq!(history.evaluations.len(), 1);
    file.write_step(&metrics(4)).unwrap();
    file.write_evaluation(4, &scores(0.25)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_missing_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let (mut file, history) = MetricsFile::resume(&path, 7).unwrap();
    assert_eq!(history, History::default());
    file.write_step(&metrics(8)).unwrap();
    assert_eq!(steps(&History::read(&path).unwrap()), [8]);
    let error = History::read(&folder.path().join("none")).unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}
