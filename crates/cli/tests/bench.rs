//! `lamplight bench` as a process.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use process::{lamplight, succeed};
use serde_json::Value;

#[test]
fn a_workload_is_timed_and_told_as_an_object_in_a_line() {
    let output = succeed(&mut lamplight("bench span-corruption --threads 1 --json"));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [line] = lines.as_slice() else {
        panic!("one line for one workload: {lines:?}");
    };
    assert_eq!(line["workload"], "span-corruption");
    assert_eq!(line["threads"], 1);
    let number = |key: &str| line[key].as_f64().unwrap();
    assert!(number("best_s") <= number("median_s"));
    let rate = 568_000.0 / number("median_s");
    assert!((number("tokens_per_second") / rate - 1.0).abs() < 1e-9);
}

#[test]
fn what_cannot_be_timed_is_refused_with_what_can() {
    for (arguments, said) in [
        ("bench t5-huge", "t5-small-train-step"),
        ("bench matmul --dtype f16", "bf16"),
        ("bench matmul --dtype int4", "int8"),
        ("bench matmul --dtype int8", "t5-small-beam4"),
        ("bench matmul --threads 0", "threads"),
    ] {
        let output = lamplight(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said), "{arguments}: {error}");
    }
}
