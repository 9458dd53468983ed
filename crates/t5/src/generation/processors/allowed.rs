use std::fmt;
use std::sync::Arc;

use super::{LogitsProcessor, REMOVED, Step, for_each_row};

/// The ids that may follow: from the index of the input and the ids so far, the start id first.
pub type AllowedTokensFn = Arc<dyn Fn(usize, &[u32]) -> Vec<u32> + Send + Sync>;

/// Removes all ids but those that a function of the ids so far allows. Where all hypotheses of an
/// input lose every id so, the allowed ids score 0 again: the constraint goes before whatever
/// removed them. Where the function allows no id of the vocabulary, the text ends.
#[derive(Clone)]
pub struct AllowedTokens {
    /// The function.
    pub allowed_tokens: AllowedTokensFn,
    /// The ids that end a text.
    pub eos_token_ids: Vec<u32>,
}

impl fmt::Debug for AllowedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllowedTokens")
            .field("eos_token_ids", &self.eos_token_ids)
            .finish_non_exhaustive()
    }
}

impl LogitsProcessor for AllowedTokens {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        let mut allowed = Vec::new(); // of each hypothesis the ids and their scores
        for_each_row(step, scores, |prefix, row| {
            let score_of = |id: u32| Some((id as usize, *row.get(id as usize)?));
            let ids = (self.allowed_tokens)(step.input, prefix);
            let mut scored: Vec<_> = ids.into_iter().filter_map(score_of).collect();
            if scored.is_empty() {
                let ends = self.eos_token_ids.iter().copied();
                scored = ends.filter_map(score_of).collect();
            }
            allowed.push(scored);
        });
        let unsatisfiable = allowed.iter().flatten().all(|(_, score)| *score == REMOVED);
        let mut allowed = allowed.into_iter();
        for_each_row(step, scores, |_, row| {
            row.fill(REMOVED);
            for (id, score) in allowed.next().unwrap_or_default() {
                row[id] = if unsatisfiable { 0.0 } else { score };
            }
        });
    }
}
