use super::{EarlyStopping, GenerationConfig};

impl GenerationConfig {
    /// The best id, again and again: the defaults.
    pub fn greedy() -> Self {
        Self::default()
    }

    /// Beam search.
    pub fn beam(num_beams: usize) -> Self {
        Self {
            num_beams,
            ..Self::default()
        }
    }

    /// Groups of beams, each of which avoids the ids of those before it (Vijayakumar et al. 2016).
    pub fn diverse_beam(num_beams: usize, num_beam_groups: usize, diversity_penalty: f64) -> Self {
        Self {
            num_beams,
            num_beam_groups,
            diversity_penalty,
            ..Self::default()
        }
    }

    /// Draws from the probabilities; of the 50 best ids where `top_k` is left alone.
    pub fn sample() -> Self {
        Self {
            do_sample: true,
            ..Self::default()
        }
    }

    /// Contrastive search (Su et al. 2022) among `top_k` candidates.
    pub fn contrastive(penalty_alpha: f64, top_k: usize) -> Self {
        Self {
            penalty_alpha: Some(penalty_alpha),
            top_k,
            ..Self::default()
        }
    }
}

macro_rules! setters {
    ($($key:ident: $value:ty),* $(,)?) => {
        /// Keys that are set often, to chain; the others are fields.
        impl GenerationConfig {
            $(
                #[doc = concat!("Sets [`Self::", stringify!($key), "`](#structfield.", stringify!($key), ").")]
                #[must_use]
                pub fn $key(mut self, value: $value) -> Self {
                    self.$key = value.into();
                    self
                }
            )*
        }
    };
}

setters! {
    max_length: usize,
    max_new_tokens: usize,
    min_length: usize,
    min_new_tokens: usize,
    early_stopping: impl Into<EarlyStopping>,
    num_beams: usize,
    temperature: f64,
    top_k: usize,
    top_p: f64,
    min_p: f64,
    typical_p: f64,
    repetition_penalty: f64,
    length_penalty: f64,
    no_repeat_ngram_size: usize,
    bad_words_ids: Vec<Vec<u32>>,
    num_return_sequences: usize,
    output_scores: bool,
    num_assistant_tokens: usize,
    seed: u64,
}
