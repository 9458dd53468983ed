//! Metrics of anything: nothing panics, what is equal scores best, and what cannot be scored is an error.
#![allow(clippy::unwrap_used)]

use lamplight_training::evaluation::metrics::bleu::{Bleu, BleuTokenizer, Smoothing};
use lamplight_training::evaluation::metrics::chrf::Chrf;
use lamplight_training::evaluation::metrics::classification::{accuracy, macro_f1, matthews};
use lamplight_training::evaluation::metrics::correlation::{pearson, spearman};
use lamplight_training::evaluation::metrics::entities::{EntityMode, Scheme, entity_f1};
use lamplight_training::evaluation::metrics::rouge::{Rouge, porter_stem};
use lamplight_training::evaluation::metrics::squad::{SquadV2Answer, squad, squad_v2};
use lamplight_training::evaluation::metrics::{
    Metric, MetricError, Paired, Predictions, exact_match, perplexity,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Texts of any characters, many of them such that a tokenizer looks at.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "\\PC{0,4}",
        "[a-c]{1,3}",
        "[.,0-9-]{1,3}",
        "(the|a|&amp;|<skipped>|-\n|\u{1c}|\u{301}|\u{0})",
    ];
    vec(word, 0..8).prop_map(|words| words.join(" "))
}

fn texts() -> impl Strategy<Value = (Vec<String>, Vec<Vec<String>>)> {
    vec((text(), vec(text(), 1..3)), 1..4).prop_map(|pairs| pairs.into_iter().unzip())
}

fn tags() -> impl Strategy<Value = (Vec<Vec<String>>, Vec<Vec<String>>)> {
    let tag = || prop_oneof!["[IOBES](-[AB])?", "\\PC{1,3}"];
    let sequence = vec((tag(), tag()), 0..8);
    vec(sequence.prop_map(|pairs| pairs.into_iter().unzip()), 1..4)
        .prop_map(|pairs: Vec<(Vec<_>, Vec<_>)>| pairs.into_iter().unzip())
}

fn bleus() -> impl Iterator<Item = Bleu> {
    let tokenizers = [
        BleuTokenizer::V13a,
        BleuTokenizer::International,
        BleuTokenizer::Character,
        BleuTokenizer::None,
    ];
    let smoothings = [
        Smoothing::None,
        Smoothing::Floor(0.1),
        Smoothing::AddK(1.0),
        Smoothing::Exponential,
    ];
    tokenizers.into_iter().flat_map(move |tokenizer| {
        smoothings.map(|smoothing| Bleu {
            tokenizer,
            smoothing,
            ..Bleu::default()
        })
    })
}

proptest! {
    #[test]
    fn any_texts_have_scores_in_range((predictions, references) in texts()) {
        let share = exact_match(&predictions, &references).unwrap();
        prop_assert!((0.0..=1.0).contains(&share));
        let answers = squad(&predictions, &references).unwrap();
        prop_assert!((0.0..=100.0).contains(&answers.exact_match));
        prop_assert!((0.0..=100.0 + 1e-9).contains(&answers.f1));
        for use_stemmer in [false, true] {
            let rouge = Rouge { use_stemmer }.corpus(&predictions, &references).unwrap();
            for score in [rouge.rouge1, rouge.rouge2, rouge.rouge_l, rouge.rouge_lsum] {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&score.f1));
            }
            prop_assert!(rouge.rouge_l.f1 <= rouge.rouge1.f1 + 1e-9);
        }
        for bleu in bleus() {
            let score = bleu.corpus(&predictions, &references).unwrap().score;
            prop_assert!((0.0..=100.0 + 1e-9).contains(&score), "{bleu:?}: {score}");
        }
        for word_order in 0..3 {
            let chrf = Chrf { word_order, lowercase: true };
            let score = chrf.corpus(&predictions, &references).unwrap().score;
            prop_assert!((0.0..=100.0 + 1e-9).contains(&score));
        }
    }

    #[test]
    fn equal_texts_score_best(first in "[a-z]{1,6}( [a-z]{1,6}){3,9}") {
        let (predictions, references) = (vec![first.clone()], vec![vec![String::new(), first]]);
        let scores = |metric| {
            Predictions::Texts(Paired { predictions: &predictions, references: &references })
                .scores(metric)
                .unwrap()
        };
        for metric in [Metric::ExactMatch, Metric::Rouge, Metric::RougeOfStems] {
            for (name, score) in scores(metric) {
                prop_assert!((score - 1.0).abs() < 1e-9, "{name}: {score}");
            }
        }
        for metric in [Metric::Bleu, Metric::Chrf, Metric::ChrfPlusPlus] {
            for (name, score) in scores(metric) {
                prop_assert!((score - 100.0).abs() < 1e-9, "{name}: {score}");
            }
        }
    }

    #[test]
    fn any_tags_are_scored_or_refused((predictions, references) in tags()) {
        let scores = entity_f1(&predictions, &references, EntityMode::Conll).unwrap();
        prop_assert!((0.0..=1.0).contains(&scores.micro.score.f1));
        for scheme in [Scheme::Iob2, Scheme::Ioe2, Scheme::Iobes] {
            let mode = EntityMode::Strict(scheme);
            match entity_f1(&predictions, &references, mode) {
                Ok(scores) => prop_assert!(scores.micro.score.f1 <= 1.0),
                Err(MetricError::ForeignTag { .. }) => {}
                Err(error) => prop_assert!(false, "{error}"),
            }
            if let Ok(scores) = entity_f1(&references, &references, mode) {
                let has_entities = scores.micro.num_references > 0;
                prop_assert_eq!(scores.micro.score.f1, f64::from(u8::from(has_entities)));
            }
        }
    }

    #[test]
    fn any_values_are_correlated_or_not_a_number(
        pairs in vec((prop::num::f64::ANY, prop::num::f64::ANY), 2..20)
    ) {
        let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        for score in [pearson(&left, &right).unwrap(), spearman(&left, &right).unwrap()] {
            prop_assert!(score.is_nan() || score.abs() <= 1.0);
        }
    }

    #[test]
    fn classes_by_other_numbers_score_the_same(
        pairs in vec((0_u32..4, 0_u32..4), 1..30)
    ) {
        let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let renamed = |labels: &[u32]| labels.iter().map(|label| 9 - label).collect::<Vec<_>>();
        let (other_left, other_right) = (renamed(&left), renamed(&right));
        prop_assert_eq!(accuracy(&left, &right), accuracy(&other_left, &other_right));
        prop_assert_eq!(matthews(&left, &right), matthews(&other_left, &other_right));
        let difference = macro_f1(&left, &right).unwrap().f1 - macro_f1(&other_left, &other_right).unwrap().f1;
        prop_assert!(difference.abs() < 1e-12);
    }

    #[test]
    fn the_best_threshold_is_no_worse_than_any(
        answers in vec(("[xy]?", vec("[xy]", 0..3), 0.0..1.0_f64), 1..8), threshold in 0.0..1.0_f64
    ) {
        let answers: Vec<_> = answers
            .into_iter()
            .map(|(prediction, references, no_answer_probability)| SquadV2Answer {
                prediction,
                references,
                no_answer_probability,
            })
            .collect();
        let scores = squad_v2(&answers, threshold).unwrap();
        prop_assert!(scores.best_exact >= scores.all.exact - 1e-9);
        prop_assert!(scores.best_f1 >= scores.all.f1 - 1e-9);
    }

    #[test]
    fn any_word_has_a_stem(word in "\\PC{0,8}(s|ed|ing|ness|y|e|ll|alli)?") {
        prop_assert!(porter_stem(&word).len() <= word.len() + 1);
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_metric_is_found_by_its_name() {
    for metric in Metric::ALL {
        assert_eq!(metric.name().parse(), Ok(metric));
    }
    let error = "blue".parse::<Metric>().unwrap_err().to_string();
    for metric in Metric::ALL {
        assert!(error.contains(metric.name()), "{error}");
    }
}

#[test]
fn a_metric_scores_one_kind_of_predictions() {
    let (labels, values) = ([1, 0, 1], [1.0, 0.5, 2.0]);
    let (texts, tags) = (strings(&["a b c d"]), [strings(&["O"])]);
    let references = [texts.clone()];
    let answers = [SquadV2Answer {
        prediction: String::new(),
        references: Vec::new(),
        no_answer_probability: 0.0,
    }];
    let kinds = [
        Predictions::Labels(Paired {
            predictions: &labels,
            references: &labels,
        }),
        Predictions::Values(Paired {
            predictions: &values,
            references: &values,
        }),
        Predictions::Texts(Paired {
            predictions: &texts,
            references: &references,
        }),
        Predictions::Tags(Paired {
            predictions: &tags,
            references: &tags,
        }),
        Predictions::Answers(&answers),
        Predictions::Likelihood {
            negative_log_likelihood: 2.0,
            num_tokens: 2,
        },
    ];
    for metric in Metric::ALL {
        let scores = kinds.iter().map(|predictions| predictions.scores(metric));
        let (scored, refused): (Vec<_>, Vec<_>) = scores.partition(Result::is_ok);
        assert_eq!(scored.len(), 1, "{metric}");
        let is_kind = |error: &_| matches!(error, Err(MetricError::Kind { .. }));
        assert!(refused.iter().all(is_kind), "{metric}: {refused:?}");
    }
}

#[test]
fn entities_are_reported_by_type() {
    let references = [strings(&["B-PER", "I-PER", "O", "B-LOC"])];
    let predictions = [strings(&["B-PER", "I-PER", "O", "B-ORG"])];
    let tags = Predictions::Tags(Paired {
        predictions: &predictions,
        references: &references,
    });
    let scores = tags.scores(Metric::EntityF1(EntityMode::Conll)).unwrap();
    let wanted = [
        ("precision", 0.5),
        ("recall", 0.5),
        ("f1", 0.5),
        ("f1.LOC", 0.0),
        ("f1.ORG", 0.0),
        ("f1.PER", 1.0),
    ];
    assert_eq!(scores, wanted.map(|(name, score)| (name.to_owned(), score)));
}

#[test]
fn what_cannot_be_scored_is_an_error() {
    let none: [u32; 0] = [];
    let too_few = |needed, given| MetricError::TooFew { needed, given };
    assert_eq!(accuracy(&none, &none), Err(too_few(1, 0)));
    assert_eq!(pearson(&[1.0], &[1.0]), Err(too_few(2, 1)));
    assert_eq!(spearman(&[], &[]), Err(too_few(2, 0)));
    assert_eq!(perplexity(1.0, 0), Err(too_few(1, 0)));
    assert_eq!(squad_v2(&[], 1.0), Err(too_few(1, 0)));
    assert_eq!(
        matthews(&[1], &[1, 2]),
        Err(MetricError::Lengths {
            predictions: 1,
            references: 2
        })
    );
    let predictions = strings(&["a", "b"]);
    assert_eq!(
        exact_match(&predictions, &[strings(&["a"]), vec![]]),
        Err(MetricError::NoReference { index: 1 })
    );
    let unsure = SquadV2Answer {
        no_answer_probability: f64::NAN,
        prediction: String::new(),
        references: Vec::new(),
    };
    let not_a_number = Err(MetricError::NotANumber { index: 0 });
    assert_eq!(squad_v2(&[unsure], 1.0), not_a_number);
    let (tags, longer) = ([strings(&[""])], [strings(&["O", "O"])]);
    assert_eq!(
        entity_f1(&tags, &tags, EntityMode::Conll),
        Err(MetricError::EmptyTag { index: 0 })
    );
    assert_eq!(
        entity_f1(&tags, &longer, EntityMode::Conll),
        Err(MetricError::TagLengths {
            index: 0,
            predictions: 1,
            references: 2
        })
    );
    let foreign = entity_f1(
        &[strings(&["S-PER"])],
        &[strings(&["O"])],
        EntityMode::Strict(Scheme::Iob2),
    );
    assert_eq!(
        foreign.unwrap_err().to_string(),
        "sequence 0: `S-PER` is no tag of IOB2"
    );
}
