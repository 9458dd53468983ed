//! How surprised a model is.

use super::MetricError;

/// e to the mean negative log-likelihood of a token, in nats (Jelinek et al., 1977). Infinite where that overflows,
/// NaN where it is NaN.
///
/// # Errors
/// There are no tokens.
pub fn perplexity(negative_log_likelihood: f64, num_tokens: usize) -> Result<f64, MetricError> {
    if num_tokens == 0 {
        return Err(MetricError::TooFew {
            needed: 1,
            given: 0,
        });
    }
    Ok((negative_log_likelihood / num_tokens as f64).exp())
}
