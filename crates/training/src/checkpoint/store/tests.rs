#![allow(clippy::unwrap_used)]

mod damage;

use tempfile::TempDir;

use super::super::files;
use super::*;
use crate::recipe::Family;
use crate::stability::{Stability, StabilitySettings};

fn identity() -> Identity {
    Identity {
        family: Family::T5,
        seed: 1,
        recipe_sha256: "recipe".to_owned(),
        examples: lamplight_data::digest::Digest::of([[1, 2]].iter()),
        held_out: lamplight_data::digest::Digest::of([[3]].iter()),
    }
}

fn store() -> (TempDir, Checkpoints) {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().to_owned());
    (folder, checkpoints)
}

fn content(step: usize) -> String {
    format!("the weights of step {step}")
}

/// Writes a checkpoint of two files, one of them in a folder below.
fn write(checkpoints: &Checkpoints, step: usize, score: f64) -> Intact {
    let position = Position {
        step,
        ..Position::default()
    };
    let record = Record {
        identity: &identity(),
        position: &position,
        scores: &[("loss".to_owned(), score)].into(),
    };
    let fill = |folder: &Path| {
        fs::create_dir(folder.join("generator")).unwrap();
        fs::write(folder.join("generator/weights"), content(step)).unwrap();
        fs::write(folder.join(super::super::OPTIMIZER), "moments").unwrap();
        Ok(())
    };
    checkpoints.write(&record, fill).unwrap()
}

/// The step of the newest intact checkpoint, and what was said about those passed over.
fn newest(checkpoints: &Checkpoints) -> (Option<usize>, Vec<String>) {
    let mut passed_over = Vec::new();
    let newest = checkpoints
        .newest_intact(&mut |error| passed_over.push(error.to_string()))
        .unwrap();
    (
        newest.map(|intact| intact.manifest.position.step),
        passed_over,
    )
}

fn steps(checkpoints: &Checkpoints) -> Vec<usize> {
    checkpoints.steps().unwrap().into_iter().collect()
}

#[test]
fn the_newest_is_found_with_every_file_as_it_was_written() {
    let (_folder, checkpoints) = store();
    assert_eq!(newest(&checkpoints), (None, Vec::new()));
    for step in [2, 10, 9] {
        let written = write(&checkpoints, step, 1.0);
        assert_eq!(written.manifest.files.len(), 2);
    }
    assert_eq!(newest(&checkpoints), (Some(10), Vec::new()));
    let weights = checkpoints.path(10).join("generator/weights");
    assert_eq!(fs::read_to_string(weights).unwrap(), content(10));
}

#[test]
fn what_a_kill_between_any_two_steps_of_a_save_leaves_never_counts() {
    let (folder, checkpoints) = store();
    write(&checkpoints, 1, 1.0);
    let whole = write(&checkpoints, 2, 1.0);
    let partial = folder.path().join(".step-2.partial");
    // Killed before the rename: all files there, with the manifest or without.
    fs::rename(&whole.path, &partial).unwrap();
    assert_eq!(newest(&checkpoints), (Some(1), Vec::new()));
    fs::remove_file(partial.join("manifest.json")).unwrap();
    assert_eq!(newest(&checkpoints), (Some(1), Vec::new()));
    fs::remove_dir_all(partial.join("generator")).unwrap();
    assert_eq!(newest(&checkpoints), (Some(1), Vec::new()));
    // Killed while an old one is replaced or removed.
    fs::rename(checkpoints.path(1), folder.path().join(".step-1.removed")).unwrap();
    assert_eq!(newest(&checkpoints), (None, Vec::new()));
    checkpoints.clean().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    write(&checkpoints, 2, 1.0);
    assert_eq!(newest(&checkpoints), (Some(2), Vec::new()));
}

#[test]
fn one_that_was_being_replaced_is_put_back() {
    let (folder, checkpoints) = store();
    let path = write(&checkpoints, 1, 1.0).path;
    fs::rename(&path, folder.path().join(".step-1.replaced")).unwrap();
    fs::create_dir(folder.path().join(".step-1.partial")).unwrap();
    checkpoints.clean().unwrap();
    assert_eq!(newest(&checkpoints), (Some(1), Vec::new()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_future_neither_counts_as_kept_nor_is_gone_on_from() {
    let (folder, checkpoints) = store();
    write(&checkpoints, 8, 1.0);
    let damaged = write(&checkpoints, 12, 0.1).path;
    fs::write(damaged.join("generator/weights"), "damaged").unwrap();
    let mut passed_over = Vec::new();
    let found = checkpoints.recover(false, &mut |error| passed_over.push(error.to_string()));
    assert_eq!(found.unwrap().unwrap().manifest.position.step, 8);
    assert!(passed_over[0].contains("step-12"), "{passed_over:?}");
    assert!(folder.path().join("set-aside-step-12").is_dir());
    write(&checkpoints, 10, 1.0);
    let keep_one = Retention {
        num_last: 1,
        best: Some(("loss".to_owned(), false)),
    };
    checkpoints.prune(&keep_one).unwrap();
    assert_eq!(newest(&checkpoints), (Some(10), Vec::new()));
}

#[test]
fn the_one_to_go_back_to_is_from_between_good_steps_and_is_kept() {
    let (_folder, checkpoints) = store();
    write(&checkpoints, 100, 1.0);
    let mut stability = Stability::default();
    let settings = StabilitySettings::default();
    stability.judge(&settings, &[f32::NAN], 1.0, None);
    let position = Position {
        step: 102,
        stability,
        ..Position::default()
    };
    let record = Record {
        identity: &identity(),
        position: &position,
        scores: &BTreeMap::new(),
    };
    checkpoints.write(&record, |_| Ok(())).unwrap();
    let keep_one = Retention {
        num_last: 1,
        best: None,
    };
    checkpoints.prune(&keep_one).unwrap();
    assert_eq!(steps(&checkpoints), [100, 102]);
    let step = |is_sound| {
        let found = checkpoints.recover(is_sound, &mut |_| {}).unwrap().unwrap();
        found.manifest.position.step
    };
    assert_eq!(step(false), 102);
    assert_eq!(step(true), 100);
    assert_eq!(
        steps(&checkpoints),
        [100],
        "what came after is no longer this run's"
    );
}

#[test]
fn names_that_only_look_like_a_step_are_nobody_s() {
    let (folder, checkpoints) = store();
    write(&checkpoints, 1, 1.0);
    for name in ["step-07", "step-+5", "step-x"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("step-9"), "a file").unwrap();
    assert_eq!(steps(&checkpoints), [1]);
    assert_eq!(newest(&checkpoints), (Some(1), Vec::new()));
}

#[test]
fn one_that_cannot_be_filled_leaves_those_before() {
    let (folder, checkpoints) = store();
    write(&checkpoints, 1, 1.0);
    let position = Position {
        step: 2,
        ..Position::default()
    };
    let record = Record {
        identity: &identity(),
        position: &position,
        scores: &BTreeMap::new(),
    };
    let failed = checkpoints.write(&record, |folder| {
        fs::write(folder.join("weights"), "half").unwrap();
        Err(TrainingError::Device("lost".to_owned()))
    });
    assert!(failed.is_err());
    assert_eq!(newest(&checkpoints), (Some(1), Vec::new()));
    checkpoints.clean().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn one_of_the_same_step_is_replaced() {
    let (folder, checkpoints) = store();
    let first = write(&checkpoints, 3, 1.0);
    fs::write(first.path.join("generator/weights"), "damaged").unwrap();
    write(&checkpoints, 3, 2.0);
    assert_eq!(newest(&checkpoints), (Some(3), Vec::new()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_planted_in_the_way_is_not_followed() {
    use std::os::unix::fs::symlink;
    let (folder, checkpoints) = store();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("kept"), "kept").unwrap();
    for name in ["step-4", ".step-4.partial", ".step-4.replaced"] {
        symlink(elsewhere.path(), folder.path().join(name)).unwrap();
    }
    write(&checkpoints, 4, 1.0);
    assert_eq!(newest(&checkpoints), (Some(4), Vec::new()));
    assert!(fs::symlink_metadata(checkpoints.path(4)).unwrap().is_dir());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    symlink(elsewhere.path(), folder.path().join(".step-9.partial")).unwrap();
    checkpoints.clean().unwrap();
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

#[test]
fn the_newest_and_the_best_stay() {
    let (_folder, checkpoints) = store();
    let losses = [(1, 0.9), (2, 0.4), (3, 0.8), (4, 0.4), (5, 0.7)];
    for (step, loss) in losses {
        write(&checkpoints, step, loss);
    }
    let retention = |num_last, highest| Retention {
        num_last,
        best: Some(("loss".to_owned(), highest)),
    };
    checkpoints.prune(&retention(9, false)).unwrap();
    assert_eq!(steps(&checkpoints), [1, 2, 3, 4, 5]);
    checkpoints.prune(&retention(2, false)).unwrap();
    assert_eq!(steps(&checkpoints), [2, 4, 5]);
    checkpoints.prune(&retention(1, true)).unwrap();
    assert_eq!(steps(&checkpoints), [5]);
}

#[test]
fn one_of_a_newer_format_is_refused_rather_than_passed_over() {
    let (_folder, checkpoints) = store();
    write(&checkpoints, 1, 1.0);
    let path = write(&checkpoints, 2, 1.0).path.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let digest = text.split('"').nth(3).unwrap();
    let newer =
        text.replacen(digest, &"0".repeat(64), 1)
            .replacen("\"format\": 2", "\"format\": 3", 1);
    let newer = newer.replacen(&"0".repeat(64), &files::sha256(newer.as_bytes()), 1);
    fs::write(&path, newer).unwrap();
    let error = checkpoints.newest_intact(&mut |_| {}).unwrap_err();
    assert!(
        matches!(error, TrainingError::FutureCheckpoint { format: 3, .. }),
        "{error}"
    );
}

#[test]
fn one_of_another_run_is_refused_with_what_differs() {
    let (_folder, checkpoints) = store();
    let intact = write(&checkpoints, 1, 1.0);
    assert!(intact.check_identity(&identity()).is_ok());
    let others = [
        (
            Identity {
                family: Family::Electra,
                ..identity()
            },
            "another family",
        ),
        (
            Identity {
                seed: 2,
                ..identity()
            },
            "another recipe",
        ),
        (
            Identity {
                recipe_sha256: String::new(),
                ..identity()
            },
            "another recipe",
        ),
        (
            Identity {
                examples: lamplight_data::digest::Digest::of([[3]].iter()),
                ..identity()
            },
            "the texts are not those",
        ),
    ];
    for (other, expected) in others {
        let error = intact.check_identity(&other).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
