//! Scores on the host.

/// The probabilities that go with `logits`.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f64> = logits
        .iter()
        .map(|&logit| f64::from(logit - largest).exp())
        .collect();
    let total: f64 = exponentials.iter().sum();
    exponentials
        .into_iter()
        .map(|value| (value / total) as f32)
        .collect()
}

/// The logistic function.
pub(crate) fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + f64::from(-logit).exp())) as f32
}

/// The numbers of the `num` largest scores, the largest first; of equal ones the first.
pub(crate) fn best(scores: &[f32], num: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&one, &other| scores[other].total_cmp(&scores[one]));
    order.truncate(num);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_whatever_the_size_of_the_logits() {
        let [half, other] = softmax(&[1e4, 1e4])[..] else {
            panic!("two probabilities")
        };
        assert_eq!([half, other], [0.5, 0.5]);
        assert_eq!([sigmoid(-1e4), sigmoid(0.0), sigmoid(1e4)], [0.0, 0.5, 1.0]);
    }

    #[test]
    fn of_equal_scores_the_first_is_best() {
        assert_eq!(best(&[1.0, 3.0, 3.0, 2.0], 3), [1, 2, 3]);
        assert_eq!(best(&[1.0], 3), [0]);
    }
}
