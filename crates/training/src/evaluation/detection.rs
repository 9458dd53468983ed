//! Scores of replaced-token detection.

/// Collects the discriminator's verdicts.
#[derive(Debug, Clone, Default)]
pub struct DetectionScores {
    verdicts: Vec<(f32, bool)>,
}

impl DetectionScores {
    /// Adds one token: its logit, and whether it was replaced.
    pub fn add(&mut self, logit: f32, replaced: bool) {
        self.verdicts.push((logit, replaced));
    }

    /// The scores. `fake_rate_entropy` is the loss of the best constant answer: detection has
    /// learned something where `detection_loss` is below it.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let total = self.verdicts.len().max(1) as f64;
        let count = |wanted: fn(bool, bool) -> bool| {
            let matching = self
                .verdicts
                .iter()
                .filter(|(logit, fake)| wanted(*logit > 0.0, *fake));
            matching.count() as f64
        };
        let loss: f64 = self
            .verdicts
            .iter()
            .map(|(logit, fake)| cross_entropy(*logit, *fake))
            .sum();
        let (fakes, suspected) = (count(|_, fake| fake), count(|said, _| said));
        let caught = count(|said, fake| said && fake);
        [
            ("detection_auc", area_under_curve(&self.verdicts)),
            ("detection_loss", loss / total),
            ("fake_rate_entropy", binary_entropy(fakes / total)),
            ("fake_rate", fakes / total),
            (
                "detection_accuracy",
                count(|said, fake| said == fake) / total,
            ),
            ("detection_precision", caught / suspected.max(1.0)),
            ("detection_recall", caught / fakes.max(1.0)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// Collects the generator's predictions at masked positions.
#[derive(Debug, Clone, Default)]
pub struct GeneratorScores {
    loss: f64,
    weight: f64,
    num_right: usize,
    num_predictions: usize,
}

impl GeneratorScores {
    /// Adds the mean loss of a batch and the number of positions it is over.
    pub fn add_mean_loss(&mut self, mean: f32, weight: f64) {
        self.loss += f64::from(mean) * weight;
        self.weight += weight;
    }

    /// Adds one position: whether the likeliest token is the original one.
    pub fn add_prediction(&mut self, is_right: bool) {
        self.num_right += usize::from(is_right);
        self.num_predictions += 1;
    }

    /// The scores.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let accuracy = self.num_right as f64 / self.num_predictions.max(1) as f64;
        vec![
            ("mlm_loss".to_owned(), self.loss / self.weight.max(1.0)),
            ("mlm_accuracy".to_owned(), accuracy),
        ]
    }
}

fn cross_entropy(logit: f32, label: bool) -> f64 {
    let logit = f64::from(if label { -logit } else { logit });
    logit.max(0.0) + (-logit.abs()).exp().ln_1p()
}

/// Entropy in nats of an event of this probability.
pub fn binary_entropy(probability: f64) -> f64 {
    let part = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    part(probability) + part(1.0 - probability)
}

/// The probability that a replaced token has a higher logit than an original one, ties counted
/// half: the area under the ROC curve. 0.5 where one of the kinds is missing.
pub fn area_under_curve(verdicts: &[(f32, bool)]) -> f64 {
    let mut sorted = verdicts.to_vec();
    sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
    let fakes = sorted.iter().filter(|(_, fake)| *fake).count() as f64;
    let originals = sorted.len() as f64 - fakes;
    if fakes == 0.0 || originals == 0.0 {
        return 0.5;
    }
    // Mann-Whitney: sum of the ranks of the fakes, tied logits sharing their mean rank.
    let mut rank_sum = 0.0;
    let mut num_before = 0;
    for ties in sorted.chunk_by(|left, right| left.0 == right.0) {
        let mean_rank = num_before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        rank_sum += mean_rank * ties.iter().filter(|(_, fake)| *fake).count() as f64;
        num_before += ties.len();
    }
    (rank_sum - fakes * (fakes + 1.0) / 2.0) / (fakes * originals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_is_one_when_every_fake_is_above_every_original() {
        assert_eq!(
            area_under_curve(&[(0.1, false), (0.9, true), (0.2, false)]),
            1.0
        );
        assert_eq!(area_under_curve(&[(0.9, false), (0.1, true)]), 0.0);
    }

    #[test]
    fn area_counts_ties_half() {
        assert_eq!(area_under_curve(&[(1.0, false), (1.0, true)]), 0.5);
        let mixed = [(1.0, true), (1.0, false), (2.0, true), (0.0, false)];
        assert_eq!(area_under_curve(&mixed), 3.5 / 4.0);
    }

    #[test]
    fn area_of_one_kind_is_undecided() {
        assert_eq!(area_under_curve(&[(1.0, true)]), 0.5);
        assert_eq!(area_under_curve(&[]), 0.5);
    }

    #[test]
    fn entropy_matches_the_constant_predictor() {
        assert!((binary_entropy(0.15) - 0.4227).abs() < 1e-4);
        assert!((binary_entropy(0.10) - 0.3251).abs() < 1e-4);
        assert_eq!(binary_entropy(0.0), 0.0);
    }

    #[test]
    fn loss_is_the_logistic_one_and_never_overflows() {
        assert!((cross_entropy(0.0, true) - 2f64.ln()).abs() < 1e-12);
        assert!((cross_entropy(200.0, false) - 200.0).abs() < 1e-9);
        assert!(cross_entropy(200.0, true) < 1e-80);
    }

    #[test]
    fn scores_count_what_was_caught() {
        let mut detection = DetectionScores::default();
        for (logit, fake) in [(1.0, true), (-1.0, true), (1.0, false), (-1.0, false)] {
            detection.add(logit, fake);
        }
        let scores = detection.scores();
        let score = |name: &str| scores.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
        assert_eq!(score("detection_precision"), Some(0.5));
        assert_eq!(score("detection_recall"), Some(0.5));
        assert_eq!(score("fake_rate"), Some(0.5));
        assert_eq!(score("fake_rate_entropy"), Some(2f64.ln()));
    }
}
