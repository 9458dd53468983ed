//! Metrics against the programs that papers use, by the cases of `crates/testing/make_metrics.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;

use lamplight_training::evaluation::metrics::bleu::{Bleu, BleuTokenizer, Smoothing};
use lamplight_training::evaluation::metrics::chrf::Chrf;
use lamplight_training::evaluation::metrics::classification::{
    accuracy, binary_f1, macro_f1, matthews,
};
use lamplight_training::evaluation::metrics::correlation::{pearson, spearman};
use lamplight_training::evaluation::metrics::entities::{
    EntityMode, EntityScore, Scheme, entity_f1,
};
use lamplight_training::evaluation::metrics::rouge::{Rouge, porter_stem};
use lamplight_training::evaluation::metrics::squad::{SquadV2Answer, SquadV2Part, squad, squad_v2};
use lamplight_training::evaluation::metrics::{F1Score, exact_match, perplexity};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Of the value; what is left where sums cancel may differ by some roundings of 1.
const TOLERANCE: f64 = 1e-9;
const ROUNDING: f64 = 1e-15;

/// Runs a check on every case of a file.
fn check_cases(name: &str, check: impl Fn(&Value)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics");
    let text = std::fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 200, "{name}: only {} cases", cases.len());
    for case in cases {
        check(case);
    }
    println!("{name}: {} cases, {}", cases.len(), file["versions"]);
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap()
}

/// A number, or NaN where there is null.
fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn floats(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(float).collect()
}

#[track_caller]
fn assert_equal(actual: f64, wanted: &Value, case: &Value) {
    let wanted = float(wanted);
    let is_equal = actual == wanted
        || (actual.is_nan() && wanted.is_nan())
        || (actual - wanted).abs() <= (TOLERANCE * wanted.abs()).max(ROUNDING);
    assert!(is_equal, "{actual}, expected {wanted}: {case}");
}

#[track_caller]
fn assert_f1(actual: F1Score, wanted: &Value, case: &Value) {
    assert_equal(actual.precision, &wanted[0], case);
    assert_equal(actual.recall, &wanted[1], case);
    assert_equal(actual.f1, &wanted[2], case);
}

#[test]
fn classes_are_scored_as_by_scikit_learn() {
    check_cases("classification", |case| {
        let predictions: Vec<u32> = read(&case["predictions"]);
        let references: Vec<u32> = read(&case["references"]);
        let score = accuracy(&predictions, &references).unwrap();
        assert_equal(score, &case["accuracy"], case);
        let score = matthews(&predictions, &references).unwrap();
        assert_equal(score, &case["matthews"], case);
        assert_f1(
            macro_f1(&predictions, &references).unwrap(),
            &case["macro"],
            case,
        );
        let score = binary_f1(&predictions, &references, &1).unwrap();
        assert_f1(score, &case["binary"], case);
    });
}

#[test]
fn values_are_correlated_as_by_scipy() {
    check_cases("correlation", |case| {
        let (predictions, references) = (floats(&case["predictions"]), floats(&case["references"]));
        let score = pearson(&predictions, &references).unwrap();
        assert_equal(score, &case["pearson"], case);
        let score = spearman(&predictions, &references).unwrap();
        assert_equal(score, &case["spearman"], case);
    });
}

#[test]
fn exact_matches_are_the_share_of_equal_texts() {
    check_cases("exact_match", |case| {
        let predictions: Vec<String> = read(&case["predictions"]);
        let score = exact_match(&predictions, &read::<Vec<_>>(&case["references"])).unwrap();
        assert_equal(score, &case["exact_match"], case);
    });
}

#[test]
fn answers_are_scored_as_by_the_script_of_squad() {
    check_cases("squad", |case| {
        let predictions: Vec<String> = read(&case["predictions"]);
        let scores = squad(&predictions, &read::<Vec<_>>(&case["references"])).unwrap();
        assert_equal(scores.exact_match, &case["exact_match"], case);
        assert_equal(scores.f1, &case["f1"], case);
    });
}

#[test]
fn answers_that_may_be_none_are_scored_as_by_the_script_of_squad() {
    check_cases("squad_v2", |case| {
        let answers: Vec<(String, Vec<String>, f64)> = read(&case["answers"]);
        let answers = answers.into_iter();
        let answers: Vec<_> = answers
            .map(
                |(prediction, references, no_answer_probability)| SquadV2Answer {
                    prediction,
                    references,
                    no_answer_probability,
                },
            )
            .collect();
        let scores = squad_v2(&answers, float(&case["threshold"])).unwrap();
        let wanted = &case["scores"];
        let assert_part = |part: Option<SquadV2Part>, prefix: &str| {
            let key = |key: &str| &wanted[format!("{prefix}{key}")];
            assert_eq!(part.is_some(), key("total").is_number(), "{prefix}: {case}");
            if let Some(part) = part {
                assert_equal(part.exact, key("exact"), case);
                assert_equal(part.f1, key("f1"), case);
                assert_equal(part.total as f64, key("total"), case);
            }
        };
        assert_part(Some(scores.all), "");
        assert_part(scores.has_answer, "HasAns_");
        assert_part(scores.no_answer, "NoAns_");
        assert_equal(scores.best_exact, &wanted["best_exact"], case);
        assert_equal(
            scores.best_exact_threshold,
            &wanted["best_exact_thresh"],
            case,
        );
        assert_equal(scores.best_f1, &wanted["best_f1"], case);
        assert_equal(scores.best_f1_threshold, &wanted["best_f1_thresh"], case);
    });
}

fn check_entities(case: &Value) {
    let mode = match case["mode"].as_str().unwrap() {
        "conll" => EntityMode::Conll,
        "IOB2" => EntityMode::Strict(Scheme::Iob2),
        "IOE2" => EntityMode::Strict(Scheme::Ioe2),
        "IOBES" => EntityMode::Strict(Scheme::Iobes),
        other => panic!("unknown mode `{other}`"),
    };
    let predictions: Vec<Vec<String>> = read(&case["predictions"]);
    let references: Vec<Vec<String>> = read(&case["references"]);
    let scores = entity_f1(&predictions, &references, mode).unwrap();
    let assert_score = |actual: EntityScore, wanted: &Value| {
        assert_f1(actual.score, wanted, case);
        assert_equal(actual.num_references as f64, &wanted[3], case);
    };
    assert_score(scores.micro, &case["micro"]);
    let types = case["types"].as_object().unwrap();
    assert!(
        scores.types.keys().eq(types.keys()),
        "{:?}: {case}",
        scores.types.keys()
    );
    for (kind, wanted) in types {
        assert_score(scores.types[kind], wanted);
    }
}

#[test]
fn entities_are_scored_as_by_seqeval() {
    check_cases("entities", check_entities);
}

#[test]
fn strict_entities_are_scored_as_by_seqeval() {
    check_cases("strict_entities", check_entities);
}

#[test]
fn rouge_is_that_of_rouge_score() {
    check_cases("rouge", |case| {
        let references: Vec<String> = read(&case["references"]);
        for (key, use_stemmer) in [("words", false), ("stems", true)] {
            let rouge = Rouge { use_stemmer };
            let scores = rouge
                .score(case["prediction"].as_str().unwrap(), &references)
                .unwrap();
            let scores = [
                scores.rouge1,
                scores.rouge2,
                scores.rouge_l,
                scores.rouge_lsum,
            ];
            for (index, score) in scores.into_iter().enumerate() {
                assert_f1(score, &case[key][index], case);
            }
        }
    });
}

#[test]
fn stems_are_those_of_nltk() {
    check_cases("porter", |case| {
        let [word, stem] = read::<[String; 2]>(case);
        assert_eq!(porter_stem(&word), stem, "{word}");
    });
}

fn bleu_of(options: &Value) -> Bleu {
    let value = float(&options["smooth_value"]);
    Bleu {
        tokenizer: match options["tokenize"].as_str().unwrap() {
            "13a" => BleuTokenizer::V13a,
            "intl" => BleuTokenizer::International,
            "char" => BleuTokenizer::Character,
            "none" => BleuTokenizer::None,
            other => panic!("unknown tokenizer `{other}`"),
        },
        smoothing: match options["smooth_method"].as_str().unwrap() {
            "exp" => Smoothing::Exponential,
            "floor" => Smoothing::Floor(value),
            "add-k" => Smoothing::AddK(value),
            "none" => Smoothing::None,
            other => panic!("unknown smoothing `{other}`"),
        },
        lowercase: options["lowercase"].as_bool().unwrap(),
        effective_order: options["effective_order"].as_bool().unwrap(),
    }
}

#[test]
fn bleu_is_that_of_sacrebleu() {
    check_cases("bleu", |case| {
        let predictions: Vec<String> = read(&case["predictions"]);
        let references: Vec<Vec<String>> = read(&case["references"]);
        let bleu = bleu_of(&case["options"])
            .corpus(&predictions, &references)
            .unwrap();
        assert_equal(bleu.score, &case["score"], case);
        assert_eq!(
            bleu.num_right.as_slice(),
            read::<Vec<usize>>(&case["counts"]),
            "{case}"
        );
        assert_eq!(
            bleu.num_ngrams.as_slice(),
            read::<Vec<usize>>(&case["totals"]),
            "{case}"
        );
        for (index, precision) in bleu.precisions.into_iter().enumerate() {
            assert_equal(precision, &case["precisions"][index], case);
        }
        assert_equal(bleu.brevity_penalty, &case["bp"], case);
        let lengths = [bleu.num_words, bleu.num_reference_words];
        assert_eq!(lengths, read::<[usize; 2]>(&case["lengths"]), "{case}");
        assert_eq!(bleu.to_string(), case["line"].as_str().unwrap(), "{case}");
    });
}

#[test]
fn chrf_is_that_of_sacrebleu() {
    check_cases("chrf", |case| {
        let predictions: Vec<String> = read(&case["predictions"]);
        let references: Vec<Vec<String>> = read(&case["references"]);
        let chrf = Chrf {
            word_order: read(&case["options"]["word_order"]),
            lowercase: read(&case["options"]["lowercase"]),
        };
        let chrf = chrf.corpus(&predictions, &references).unwrap();
        assert_equal(chrf.score, &case["score"], case);
        assert_eq!(chrf.to_string(), case["line"].as_str().unwrap(), "{case}");
    });
}

#[test]
fn perplexity_is_the_exponential_of_the_mean() {
    check_cases("perplexity", |case| {
        let loss = float(&case["negative_log_likelihood"]);
        let score = perplexity(loss, read(&case["num_tokens"])).unwrap();
        assert_equal(score, &case["perplexity"], case);
    });
}
