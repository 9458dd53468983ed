#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lamplight_data::source::labelled::Answer;

use super::*;

/// Words of a letter each; the tokens of `windows` show them behind `[CLS] [SEP]`.
const CONTEXT: &str = "a b c d";

fn window(question: usize, words: std::ops::Range<usize>, counts: &[bool]) -> QuestionWindow {
    QuestionWindow {
        question,
        window: Window {
            ids: vec![0; words.len() + 3],
            token_type_ids: vec![0; words.len() + 3],
            context_start: 2,
            offsets: words.clone().map(|word| (2 * word, 2 * word + 1)).collect(),
            is_max_context: counts.to_vec(),
            answer: (0, 0),
            context: words,
        },
    }
}

fn question(answer: Option<&str>) -> AskedQuestion {
    AskedQuestion {
        id: String::new(),
        question: String::new(),
        context: Arc::from(CONTEXT),
        is_impossible: answer.is_none(),
        answers: Vec::from_iter(answer.map(|text| Answer {
            start: 0,
            text: text.to_owned(),
        })),
    }
}

fn span(first: usize, last: usize, log_prob: f32) -> ScoredSpan {
    ScoredSpan {
        first,
        last,
        log_prob,
    }
}

fn beam(spans: &[ScoredSpan], impossible: Option<f32>) -> WindowScores {
    WindowScores::Beam(FoundAnswers {
        spans: spans.to_vec(),
        no_start_log_prob: -1.0,
        impossible,
    })
}

fn score(scores: &[(String, f64)], name: &str) -> f64 {
    scores.iter().find(|(known, _)| known == name).unwrap().1
}

#[test]
fn best_span_over_windows_is_the_answer_if_it_counts_there() {
    let held_out = |right| HeldOutQuestions {
        questions: vec![question(Some(right))],
        windows: vec![
            window(0, 0..3, &[true, true, false]),
            window(0, 1..4, &[false, true, true]),
        ],
    };
    let said = [
        // In the question, beyond the context, and from a token that counts in the other window.
        beam(
            &[
                span(1, 2, -0.1),
                span(3, 5, -0.1),
                span(4, 4, -0.2),
                span(2, 3, -2.0),
            ],
            None,
        ),
        beam(&[span(2, 2, -0.3), span(3, 4, -1.0)], None),
    ];
    assert_eq!(score(&held_out("c d").scores(&said), "exact_match"), 100.0);
    // Without the second window the question is not read to its end.
    assert!(held_out("c d").scores(&said[..1]).is_empty());
}

#[test]
fn question_is_as_impossible_as_the_window_that_finds_it_least_so() {
    let held_out = HeldOutQuestions {
        questions: vec![question(None), question(Some("b"))],
        windows: vec![
            window(0, 0..4, &[true; 4]),
            window(1, 0..2, &[true; 2]),
            window(1, 2..4, &[true; 2]),
        ],
    };
    let said = |low: f32| {
        [
            beam(&[span(2, 2, -0.1)], Some(3.0)),
            beam(&[span(3, 3, -0.1)], Some(low)),
            beam(&[span(3, 3, -0.2)], Some(4.0)),
        ]
    };
    let scores = held_out.scores(&said(-1.0));
    assert_eq!(score(&scores, "exact"), 100.0);
    assert_eq!(score(&scores, "best_exact_thresh"), -1.0);
    // An answer that the threshold drops is there for a better threshold to find.
    let scores = held_out.scores(&said(2.0));
    assert_eq!(score(&scores, "exact"), 50.0);
    assert_eq!(score(&scores, "best_exact"), 100.0);
    assert_eq!(score(&scores, "best_exact_thresh"), 2.0);
}

#[test]
fn without_a_classifier_no_answer_is_weighed_against_the_answer() {
    let held_out = HeldOutQuestions {
        questions: vec![question(None), question(Some("a"))],
        windows: vec![window(0, 0..4, &[true; 4]), window(1, 0..4, &[true; 4])],
    };
    // No answer has the log-probability -1.
    let said = [
        beam(&[span(2, 2, -3.0)], None),
        beam(&[span(2, 2, -0.5)], None),
    ];
    let scores = held_out.scores(&said);
    assert_eq!(score(&scores, "exact"), 100.0);
    assert_eq!(score(&scores, "best_exact_thresh"), -0.5);
}

#[test]
fn beam_of_all_sums_finds_what_their_tokens_do() {
    let held_out = HeldOutQuestions {
        questions: vec![question(Some("b c"))],
        windows: vec![window(0, 0..4, &[true; 4])],
    };
    let start = [0.1, 9.0, 0.3, 2.5, 0.2, 0.0, 7.0];
    let end = [0.4, 9.0, 2.6, 0.1, 1.5, 0.3, 7.0];
    let pairs = (0..7).flat_map(|first| (first..7).map(move |last| (first, last)));
    let spans: Vec<_> = pairs
        .map(|(first, last)| span(first, last, start[first] + end[last]))
        .collect();
    let tokens = WindowScores::Tokens {
        start: start.to_vec(),
        end: end.to_vec(),
    };
    for said in [tokens, beam(&spans, None)] {
        assert_eq!(score(&held_out.scores(&[said]), "exact_match"), 100.0);
    }
}
