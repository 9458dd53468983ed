use super::{LogitsProcessor, REMOVED, Step, completed_by, for_each_row, set};

/// Divides the positive scores of ids that are there already, and multiplies the negative ones
/// (Keskar et al. 2019).
#[derive(Debug, Clone, PartialEq)]
pub struct RepetitionPenalty {
    /// Above 0; above 1 is against repetition.
    pub penalty: f64,
}

impl LogitsProcessor for RepetitionPenalty {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            penalize(row, prefix, self.penalty);
        });
    }
}

/// Multiplies the positive scores of the input's ids, and divides the negative ones.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderRepetitionPenalty {
    /// Above 0; above 1 favours what the input says.
    pub penalty: f64,
}

impl LogitsProcessor for EncoderRepetitionPenalty {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| {
            penalize(row, step.input_ids, 1.0 / self.penalty);
        });
    }
}

/// Makes the scores of `ids` smaller by the factor `penalty`, each once.
fn penalize(row: &mut [f32], ids: &[u32], penalty: f64) {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let penalty = penalty as f32;
    for id in ids {
        if let Some(score) = row.get_mut(id as usize) {
            *score = if *score < 0.0 {
                *score * penalty
            } else {
                *score / penalty
            };
        }
    }
}

/// Removes ids that would complete an n-gram that is there already.
#[derive(Debug, Clone, PartialEq)]
pub struct NoRepeatNGram {
    /// Ids of an n-gram.
    pub ngram_size: usize,
}

impl LogitsProcessor for NoRepeatNGram {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            set(row, completions(prefix, prefix, self.ngram_size), REMOVED);
        });
    }
}

/// Removes ids that would complete an n-gram of the input.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderNoRepeatNGram {
    /// Ids of an n-gram.
    pub ngram_size: usize,
}

impl LogitsProcessor for EncoderNoRepeatNGram {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            let removed = completions(step.input_ids, prefix, self.ngram_size);
            set(row, removed, REMOVED);
        });
    }
}

/// The last ids of the n-grams of `ids` whose other ids `prefix` ends with.
fn completions(ids: &[u32], prefix: &[u32], ngram_size: usize) -> impl Iterator<Item = u32> {
    let ngrams = ids.windows(ngram_size.max(1));
    ngrams.filter_map(|ngram| completed_by(ngram, prefix))
}
