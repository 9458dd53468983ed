//! The head slowly and plainly, on the host.

use super::*;

/// The head written out with loops, over the hidden states of a row.
pub(super) struct Reference<'a> {
    pub model: &'a ElectraForJointQuestionAnswering,
    pub hidden: Vec<Vec<f64>>,
    pub places: &'a [usize],
}

fn gelu(x: f64) -> f64 {
    // The Gaussian integral by the trapezoidal rule.
    let steps = 4000;
    let width = x / f64::from(steps);
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let inner: f64 = (1..steps).map(|i| density(f64::from(i) * width)).sum();
    x * (0.5 + width * (inner + (density(0.0) + density(x)) / 2.0))
}

fn affine(layer: &Linear, input: &[f64]) -> Vec<f64> {
    let weight = values(layer.weight.val());
    let bias = values(layer.bias.as_ref().unwrap().val());
    let width = bias.len();
    let output = (0..width).map(|column| {
        let products = input.iter().enumerate();
        let products = products.map(|(row, x)| x * f64::from(weight[row * width + column]));
        f64::from(bias[column]) + products.sum::<f64>()
    });
    output.collect()
}

fn log_softmax_at(logits: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let log_z = logits.iter().map(|(_, x)| x.exp()).sum::<f64>().ln();
    logits.iter().map(|(at, x)| (*at, x - log_z)).collect()
}

impl Reference<'_> {
    fn score(&self, scorer: &PairScorer, first: &[f64], second: &[f64]) -> f64 {
        let x = affine(&scorer.hidden, &[first, second].concat());
        let x: Vec<f64> = x.into_iter().map(gelu).collect();
        affine(&scorer.output, &x)[0]
    }

    pub fn start_log_probs(&self) -> Vec<(usize, f64)> {
        let logit = |&at: &usize| (at, affine(&self.model.start, &self.hidden[at])[0]);
        log_softmax_at(&self.places.iter().map(logit).collect::<Vec<_>>())
    }

    pub fn end_log_probs(&self, start: usize) -> Vec<(usize, f64)> {
        let (end, hidden) = (&self.model.end, &self.hidden);
        let logit = |&at: &usize| (at, self.score(end, &hidden[start], &hidden[at]));
        log_softmax_at(&self.places.iter().map(logit).collect::<Vec<_>>())
    }

    pub fn impossible(&self) -> f64 {
        let mut expected = vec![0.0; self.hidden[0].len()];
        for (at, log_prob) in self.start_log_probs() {
            for (sum, x) in expected.iter_mut().zip(&self.hidden[at]) {
                *sum += log_prob.exp() * x;
            }
        }
        let scorer = self.model.answerable.as_ref().unwrap();
        self.score(scorer, &self.hidden[0], &expected)
    }

    /// All spans with their log-probabilities, best first.
    pub fn spans(&self) -> Vec<(usize, usize, f64)> {
        let mut spans = Vec::new();
        for (first, start) in self.start_log_probs() {
            let ends = self.end_log_probs(first);
            let ends = ends
                .into_iter()
                .filter(|&(last, _)| 0 < first && first <= last);
            spans.extend(ends.map(|(last, end)| (first, last, start + end)));
        }
        spans.sort_by(|one, other| other.2.total_cmp(&one.2));
        spans
    }
}
