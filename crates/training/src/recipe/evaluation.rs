//! `[evaluation]`: how the held-out texts are scored.

use serde::{Deserialize, Serialize};

use super::check::{count, refused, unused};
use super::{Objective, Recipe, RecipeError};
use crate::evaluation::metrics::Metric;
use crate::evaluation::scores_answers;

/// More beams than this are a slip of the keyboard.
const MAX_BEAMS: usize = 1 << 10;

/// `[evaluation]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationSettings {
    /// Held-out batches at most.
    pub max_batches: usize,
    /// Text to text: held-out inputs of each task that are answered and compared with the target.
    pub num_answers: usize,
    /// Text to text: what scores the answers beside exact match and what tasks of the T5 paper are
    /// scored by.
    pub metrics: Vec<Metric>,
    /// Text to text: beams of the search for an answer; absent for none.
    pub num_beams: Option<usize>,
    /// Examples kept for the report: sentences, or answers of each task.
    pub num_shown: usize,
}

impl Default for EvaluationSettings {
    fn default() -> Self {
        Self {
            max_batches: 16,
            num_answers: 32,
            metrics: Vec::new(),
            num_beams: None,
            num_shown: 4,
        }
    }
}

impl Recipe {
    /// Checks `[evaluation]`.
    pub(super) fn check_evaluation(&self) -> Result<(), RecipeError> {
        let settings = &self.evaluation;
        for (key, value) in [
            ("evaluation.max_batches", settings.max_batches),
            ("evaluation.num_answers", settings.num_answers),
        ] {
            count(key, value, 1, 1 << 40)?;
        }
        count(
            "evaluation.num_beams",
            settings.num_beams.unwrap_or(1),
            1,
            MAX_BEAMS,
        )?;
        if self.data.objective != Objective::TextToText {
            return match (settings.metrics.is_empty(), settings.num_beams) {
                (false, _) => unused("evaluation.metrics", self.data.objective.context()),
                (_, Some(_)) => unused("evaluation.num_beams", self.data.objective.context()),
                (true, None) => Ok(()),
            };
        }
        self.check_metrics()
    }

    fn check_metrics(&self) -> Result<(), RecipeError> {
        let metrics = &self.evaluation.metrics;
        let refused = |value: &str, expected| refused("evaluation.metrics", value, expected);
        if let Some(metric) = metrics.iter().find(|metric| !scores_answers(**metric)) {
            let usable = Metric::ALL
                .into_iter()
                .filter(|metric| scores_answers(*metric));
            let usable: Vec<_> = usable.map(Metric::name).collect();
            let value = format!("`{metric}`, which does not score texts");
            return Err(refused(&value, &format!("of {}", usable.join(", "))));
        }
        let both = [Metric::Rouge, Metric::RougeOfStems];
        match both.iter().all(|metric| metrics.contains(metric)) {
            true => Err(refused(
                "both `rouge` and `rouge_stems`",
                "one of these, since their scores have the same names",
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn load(preset: &str, key: &str) -> Result<Recipe, RecipeError> {
        Recipe::load(preset, &[format!("evaluation.{key}")]).map(|(_, recipe)| recipe)
    }

    #[test]
    fn metrics_are_named_as_they_are_elsewhere() {
        let recipe = load("smoke_t5", "metrics=[\"bleu\", \"chrf++\"]").unwrap();
        let expected = [Metric::Bleu, Metric::ChrfPlusPlus];
        assert_eq!(recipe.evaluation.metrics, expected);
    }

    #[test]
    fn what_cannot_score_answers_is_refused_with_what_can() {
        for (key, expected) in [
            ("metrics=[\"blue\"]", "no metric `blue`"),
            ("metrics=[\"perplexity\"]", "`perplexity`, which does not"),
            ("metrics=[\"entity_f1\"]", "matthews, exact_match, squad"),
            ("metrics=[\"rouge\", \"rouge_stems\"]", "same names"),
            ("num_beams=0", "`evaluation.num_beams`"),
        ] {
            let error = load("smoke_t5", key).unwrap_err().to_string();
            assert!(error.contains(expected), "{key}: {error}");
        }
        for key in ["metrics=[\"accuracy\"]", "num_beams=4"] {
            for preset in ["smoke_electra", "t5_tiny", "electra_tagging"] {
                let error = load(preset, key).unwrap_err().to_string();
                assert!(error.contains("is not read"), "{preset} {key}: {error}");
            }
        }
    }
}
