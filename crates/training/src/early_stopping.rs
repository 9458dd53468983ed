//! `training.patience`: a run ends before its last step when it does not get better any more.

use crate::comparison::best;
use crate::metrics::History;
use crate::recipe::Recipe;

/// Whether a run that has done so many steps has nothing more to do.
pub(crate) fn is_over(recipe: &Recipe, num_steps: usize, history: &History) -> bool {
    num_steps >= recipe.training.steps || is_due(recipe, history)
}

/// Whether it has nothing more to do and was scored after its last step.
pub(crate) fn is_complete(recipe: &Recipe, num_steps: usize, history: &History) -> bool {
    let last_scored = history.evaluations.last().map(|(step, _)| *step);
    is_over(recipe, num_steps, history) && last_scored == Some(num_steps)
}

/// Whether so many evaluations in a row, up to the last, did not better the best score. That follows from
/// what was recorded alone, so that a resumed run decides as the one that was not interrupted.
pub(crate) fn is_due(recipe: &Recipe, history: &History) -> bool {
    let settings = (recipe.training.patience, &recipe.checkpoints.best_score);
    let (Some(patience), Some(score)) = settings else {
        return false;
    };
    let best_step = best(history, score).map_or(0, |(step, _)| step);
    let evaluations = history.evaluations.iter();
    evaluations.filter(|(step, _)| *step > best_step).count() >= patience
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::evaluation::Evaluation;

    fn is_due_after(score: &str, values: &[f64]) -> bool {
        let overrides = [
            format!("checkpoints.best_score={score}"),
            "training.patience=2".to_owned(),
        ];
        let (_, recipe) = Recipe::load("smoke_t5", &overrides).unwrap();
        let evaluation = |value: &f64| Evaluation {
            scores: vec![(score.to_owned(), *value)],
            examples: Vec::new(),
        };
        let evaluations = values.iter().map(evaluation);
        let history = History {
            evaluations: (1..).map(|number| 10 * number).zip(evaluations).collect(),
            ..History::default()
        };
        is_due(&recipe, &history)
    }

    #[test]
    fn patience_ends_after_so_many_evaluations_that_did_not_better_the_best() {
        for (values, is_due) in [
            (&[][..], false),
            (&[0.5], false),
            (&[0.5, 0.4], false),
            (&[0.5, 0.4, 0.6], false),
            (&[0.5, 0.4, 0.6, 0.6], false),
            (&[0.5, 0.4, 0.6, 0.6, 0.6], true),
            (&[0.5, 0.1, 0.2], true),
            (&[0.5, 0.6, 0.7, 0.8, 0.9], false),
        ] {
            assert_eq!(is_due_after("exact_match", values), is_due, "{values:?}");
        }
        assert!(!is_due_after("loss", &[3.0, 2.0, 1.0]));
        assert!(is_due_after("loss", &[1.0, 2.0, 3.0]));
    }

    #[test]
    fn what_is_no_number_betters_nothing() {
        assert!(is_due_after("loss", &[f64::NAN, f64::NAN]));
        assert!(is_due_after("loss", &[1.0, f64::NAN, f64::NAN]));
        assert!(!is_due_after("loss", &[f64::NAN, 1.0]));
    }
}
