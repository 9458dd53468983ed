use super::GenerationConfig;
use crate::generation::error::{GenerationError, KeyProblem, refuse};

/// New ids where the config says nothing.
const DEFAULT_NEW_TOKENS: usize = 20;

/// How long outputs are, in ids, the decoder's prompt included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthLimits {
    /// Of the prompt: the start id and what the decoder is made to begin with.
    pub prompt: usize,
    /// At least; may be more than `max`, which then decides.
    pub min: usize,
    /// At most.
    pub max: usize,
}

impl GenerationConfig {
    /// The lengths of outputs that begin with a prompt of `prompt` ids, the start id included.
    ///
    /// # Errors
    /// `max_length` leaves no room for a new id.
    pub fn length_limits(&self, prompt: usize) -> Result<LengthLimits, GenerationError> {
        let added = |new_tokens: usize| prompt.saturating_add(new_tokens);
        let max = match (self.max_new_tokens, self.max_length) {
            (Some(new_tokens), _) => added(new_tokens),
            (None, Some(length)) => length,
            (None, None) => added(DEFAULT_NEW_TOKENS),
        };
        if max <= prompt {
            let key = if self.max_new_tokens.is_some() {
                "max_new_tokens"
            } else {
                "max_length"
            };
            let reason = format!(
                "no id fits after the decoder's prompt of {prompt}; raise it, or set `max_new_tokens`"
            );
            refuse(vec![KeyProblem::new(key, max, reason)])?;
        }
        let min = self.min_new_tokens.map_or(self.min_length, added);
        Ok(LengthLimits { prompt, min, max })
    }
}
