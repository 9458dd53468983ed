//! Scores over several runs.

use serde::{Deserialize, Serialize};

use crate::comparison::best;
use crate::evaluation::{Evaluation, is_higher_better};
use crate::metrics::History;

/// A held-out score over the seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The score's name.
    pub name: String,
    /// Its value for each seed; none where the run is not complete or has no such score.
    pub values: Vec<Option<f64>>,
    /// The middle value; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The lowest value.
    pub lowest: f64,
    /// The highest value.
    pub highest: f64,
}

/// The evaluation of the checkpoint to use.
pub(super) fn chosen(history: &History, score: Option<&str>) -> Option<Evaluation> {
    let best = score.and_then(|score| best(history, score));
    let of_best = best.and_then(|(best, _)| {
        let found = history.evaluations.iter().find(|(step, _)| *step == best);
        found.map(|(_, evaluation)| evaluation)
    });
    of_best.or(history.last_evaluation()).cloned()
}

/// Each score over evaluations, one for each seed. Those that say nothing of how good a model is are left out.
pub(super) fn spreads(evaluations: &[Evaluation]) -> Vec<Spread> {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in evaluations.iter().flat_map(|evaluation| &evaluation.scores) {
        if is_higher_better(name).is_some() && !names.contains(&name) {
            names.push(name);
        }
    }
    let spread = |name: &String| {
        let values: Vec<Option<f64>> = (evaluations.iter())
            .map(|evaluation| evaluation.score(name).filter(|value| value.is_finite()))
            .collect();
        let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => (sorted.get(middle.wrapping_sub(1))? + sorted.get(middle)?) / 2.0,
            _ => sorted[middle],
        };
        Some(Spread {
            name: name.clone(),
            median,
            lowest: *sorted.first()?,
            highest: *sorted.last()?,
            values,
        })
    };
    names.into_iter().filter_map(spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(scores: &[(&str, f64)]) -> Evaluation {
        let scores = scores
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        Evaluation {
            scores: scores.collect(),
            examples: Vec::new(),
        }
    }

    #[test]
    fn a_spread_is_over_the_seeds_that_have_the_score() {
        let evaluations = [
            evaluation(&[("accuracy", 0.5), ("unigram_entropy", 3.0)]),
            evaluation(&[("accuracy", 0.25), ("f1", f64::NAN)]),
            Evaluation::default(),
            evaluation(&[("accuracy", 1.0), ("f1", 0.5)]),
        ];
        let spreads = spreads(&evaluations);
        let expected = Spread {
            name: "accuracy".to_owned(),
            values: vec![Some(0.5), Some(0.25), None, Some(1.0)],
            median: 0.5,
            lowest: 0.25,
            highest: 1.0,
        };
        assert_eq!(spreads[0], expected);
        assert_eq!(spreads[1].values, [None, None, None, Some(0.5)]);
        assert_eq!(spreads.len(), 2);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        let evaluations = [4.0, 1.0, 2.0, 8.0].map(|value| evaluation(&[("bleu", value)]));
        assert_eq!(spreads(&evaluations)[0].median, 3.0);
    }

    #[test]
    fn the_scores_are_those_of_the_best_checkpoint_where_there_is_one() {
        let evaluations = [0.5, 0.75, 0.25].map(|value| evaluation(&[("f1", value)]));
        let history = History {
            evaluations: (1..).zip(evaluations).collect(),
            ..History::default()
        };
        let f1 = |score| chosen(&history, score).and_then(|found| found.score("f1"));
        assert_eq!(f1(Some("f1")), Some(0.75));
        assert_eq!(f1(None), Some(0.25));
        assert_eq!(f1(Some("accuracy")), Some(0.25));
        assert_eq!(chosen(&History::default(), None), None);
    }
}
