//! The two ways in which ELECTRA's pre-training is known to fail, as held-out scores show them.

use crate::evaluation::Evaluation;

/// Below this area under the curve a discriminator has found nothing.
const GUESSING_AUC: f64 = 0.55;
/// A generator that names so few masked tokens has not learned; one that has may stand still.
const UNTRAINED_ACCURACY: f64 = 0.1;
/// A generator's loss counts as fallen when it is this much lower.
const PROGRESS: f64 = 0.01;
/// Evaluations that must agree before anything is said.
const NUM_AGREEING: usize = 3;

/// What is wrong, with what to change; nothing before there are enough evaluations.
pub(super) fn warnings(evaluations: &[(usize, Evaluation)]) -> Vec<String> {
    let Some(start) = evaluations.len().checked_sub(NUM_AGREEING) else {
        return Vec::new();
    };
    let last = &evaluations[start..];
    let discriminator = discriminator(last);
    discriminator.into_iter().chain(generator(last)).collect()
}

/// The discriminator gives every token the same answer: its loss is no better than that of the best
/// constant, the entropy of the fake rate, and its ranking is chance.
fn discriminator(evaluations: &[(usize, Evaluation)]) -> Option<String> {
    let mut seen = None;
    for (_, evaluation) in evaluations {
        let [loss, entropy, auc] = ["detection_loss", "fake_rate_entropy", "detection_auc"]
            .map(|name| evaluation.score(name));
        let (loss, entropy, auc) = (loss?, entropy?, auc?);
        if loss < entropy || auc > GUESSING_AUC {
            return None;
        }
        seen = Some((loss, entropy, auc));
    }
    let (loss, entropy, auc) = seen?;
    Some(format!(
        "the discriminator has learned nothing yet: its loss {loss:.3} is not below {entropy:.3}, that of one answer for every token, and its AUC is {auc:.2}. If this stays, lower model.generator_size (a quarter to a half of the discriminator is usual) or optimizer.learning_rate"
    ))
}

/// The generator's loss stands still while it hardly names any masked token.
fn generator(evaluations: &[(usize, Evaluation)]) -> Option<String> {
    let losses: Option<Vec<f64>> = evaluations
        .iter()
        .map(|(_, evaluation)| evaluation.score("mlm_loss"))
        .collect();
    let losses = losses?;
    let accuracy = evaluations.last()?.1.score("mlm_accuracy")?;
    let (first, later) = losses.split_first()?;
    let lowest = later.iter().copied().fold(f64::INFINITY, f64::min);
    let stands_still = lowest > first * (1.0 - PROGRESS);
    (stands_still && accuracy < UNTRAINED_ACCURACY).then(|| {
        format!(
            "the generator is not learning: its loss stands at {lowest:.3} since step {}, and it names {:.1} % of the masked tokens. If this stays, raise optimizer.learning_rate, shorten schedule.warmup_steps or raise model.generator_size",
            evaluations[0].0,
            100.0 * accuracy
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(scores: [(&str, f64); 5]) -> Evaluation {
        Evaluation {
            scores: scores.map(|(name, score)| (name.to_owned(), score)).into(),
            examples: Vec::new(),
        }
    }

    fn scored(loss: f64, auc: f64, mlm_loss: f64, mlm_accuracy: f64) -> Evaluation {
        evaluation([
            ("detection_loss", loss),
            ("fake_rate_entropy", 0.4),
            ("detection_auc", auc),
            ("mlm_loss", mlm_loss),
            ("mlm_accuracy", mlm_accuracy),
        ])
    }

    fn warned(evaluations: impl IntoIterator<Item = Evaluation>) -> String {
        let steps = (1..).map(|index| 100 * index);
        let evaluations: Vec<_> = steps.zip(evaluations).collect();
        warnings(&evaluations).join("\n")
    }

    #[test]
    fn a_discriminator_at_the_majority_class_is_named_after_three_evaluations() {
        let collapsed = |mlm_loss| scored(0.41, 0.51, mlm_loss, 0.3);
        assert_eq!(warned([collapsed(5.0), collapsed(4.0)]), "");
        let warning = warned([5.0, 4.0, 3.0].map(collapsed));
        assert!(
            warning.contains("discriminator") && warning.contains("generator_size"),
            "{warning}"
        );
        assert!(!warning.contains("the generator is not"), "{warning}");
        assert_eq!(
            warned([collapsed(5.0), collapsed(4.0), scored(0.39, 0.6, 3.0, 0.3)]),
            ""
        );
    }

    #[test]
    fn a_generator_that_stands_still_is_named_unless_it_has_learned() {
        let plateau = |accuracy| [7.1, 7.09, 7.11].map(|loss| scored(0.3, 0.7, loss, accuracy));
        let warning = warned(plateau(0.03));
        assert!(
            warning.contains("the generator is not learning"),
            "{warning}"
        );
        assert!(warning.contains("since step 100"), "{warning}");
        assert_eq!(warned(plateau(0.5)), "");
        let falling = [7.1, 6.9, 6.8].map(|loss| scored(0.3, 0.7, loss, 0.03));
        assert_eq!(warned(falling), "");
    }
}
