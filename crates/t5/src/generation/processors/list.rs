use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    AllowedTokens, AllowedTokensFn, EncoderNoRepeatNGram, EncoderRepetitionPenalty, Epsilon, Eta,
    ExponentialDecayLengthPenalty, ForcedBosToken, ForcedEosToken, HammingDiversity,
    LogitNormalization, LogitsProcessor, MinLength, MinNewTokensLength, MinP, NoBadWords,
    NoRepeatNGram, RemoveInvalidValues, RepetitionPenalty, SequenceBias, SuppressTokens,
    SuppressTokensAtBegin, Temperature, TopH, TopK, TopP, Typical,
};
use crate::generation::{GenerationConfig, LengthLimits};

/// What the list of processors follows from.
#[derive(Clone)]
pub struct ProcessorListInput<'a> {
    /// The keys.
    pub config: &'a GenerationConfig,
    /// The lengths of outputs.
    pub limits: LengthLimits,
    /// The ids that end a text.
    pub eos_token_ids: &'a [u32],
    /// The ids that may follow, where a function says so.
    pub allowed_tokens: Option<AllowedTokensFn>,
    /// The user's own, which come before those of sampling.
    pub custom: &'a [Arc<dyn LogitsProcessor>],
}

/// The processors that a config asks for, in Hugging Face's order.
pub fn processors(input: &ProcessorListInput<'_>) -> Vec<Arc<dyn LogitsProcessor>> {
    let mut list = List(Vec::new());
    add_biases(&mut list, input.config);
    add_repetition(&mut list, input.config);
    add_constraints(&mut list, input);
    add_ends(&mut list, input);
    list.0.extend(input.custom.iter().cloned());
    if input.config.do_sample {
        let min_tokens_to_keep = if input.config.num_beams > 1 {
            1 + input.eos_token_ids.len() // so that one hypothesis goes on
        } else {
            1
        };
        add_sampling(&mut list, input.config, min_tokens_to_keep);
    }
    list.add_if(input.config.renormalize_logits, LogitNormalization);
    list.0
}

struct List(Vec<Arc<dyn LogitsProcessor>>);

impl List {
    fn add(&mut self, processor: impl LogitsProcessor + 'static) {
        self.0.push(Arc::new(processor));
    }

    fn add_if(&mut self, is_needed: bool, processor: impl LogitsProcessor + 'static) {
        if is_needed {
            self.add(processor);
        }
    }
}

fn add_biases(list: &mut List, config: &GenerationConfig) {
    // Of a sequence that is given twice the last counts.
    let sequence_bias: BTreeMap<_, _> = config.sequence_bias.iter().cloned().collect();
    list.add_if(!sequence_bias.is_empty(), SequenceBias { sequence_bias });
    let diversity_penalty = config.diversity_penalty;
    list.add_if(
        diversity_penalty > 0.0,
        HammingDiversity { diversity_penalty },
    );
}

fn add_repetition(list: &mut List, config: &GenerationConfig) {
    let penalty = config.encoder_repetition_penalty;
    list.add_if(penalty != 1.0, EncoderRepetitionPenalty { penalty });
    let penalty = config.repetition_penalty;
    list.add_if(penalty != 1.0, RepetitionPenalty { penalty });
    let ngram_size = config.no_repeat_ngram_size;
    list.add_if(ngram_size > 0, NoRepeatNGram { ngram_size });
    let ngram_size = config.encoder_no_repeat_ngram_size;
    list.add_if(ngram_size > 0, EncoderNoRepeatNGram { ngram_size });
}

fn add_constraints(list: &mut List, input: &ProcessorListInput<'_>) {
    let (config, limits) = (input.config, input.limits);
    let ends = || input.eos_token_ids.to_vec();
    let is_end = |word: &[u32]| matches!(word, [id] if input.eos_token_ids.contains(id));
    let words = config.bad_words_ids.iter().filter(|word| !is_end(word));
    let bad_words_ids: Vec<_> = words.cloned().collect();
    list.add_if(!bad_words_ids.is_empty(), NoBadWords { bad_words_ids });
    if let Some(min_new_tokens) = config.min_new_tokens {
        list.add(MinNewTokensLength {
            prompt_length: limits.prompt,
            min_new_tokens,
            eos_token_ids: ends(),
        });
    } else if limits.min > 0 {
        list.add(MinLength {
            min_length: limits.min,
            eos_token_ids: ends(),
        });
    }
    if let Some(allowed_tokens) = input.allowed_tokens.clone() {
        list.add(AllowedTokens {
            allowed_tokens,
            eos_token_ids: ends(),
        });
    }
    if let Some(bos_token_id) = config.forced_bos_token_id {
        list.add(ForcedBosToken { bos_token_id });
    }
    let forced = ForcedEosToken {
        max_length: limits.max,
        eos_token_ids: config.forced_eos_token_id.clone(),
    };
    list.add_if(!forced.eos_token_ids.is_empty(), forced);
}

fn add_ends(list: &mut List, input: &ProcessorListInput<'_>) {
    let (config, prompt) = (input.config, input.limits.prompt);
    list.add_if(config.remove_invalid_values, RemoveInvalidValues);
    if let Some((start, factor)) = config.exponential_decay_length_penalty {
        list.add(ExponentialDecayLengthPenalty {
            regulation_start: prompt.saturating_add(start),
            factor,
            eos_token_ids: input.eos_token_ids.to_vec(),
        });
    }
    let suppress_tokens = config.suppress_tokens.clone();
    list.add_if(
        !suppress_tokens.is_empty(),
        SuppressTokens { suppress_tokens },
    );
    // A forced first id is none that the text begins with.
    let is_forced = prompt == 1 && config.forced_bos_token_id.is_some();
    let first = SuppressTokensAtBegin {
        begin_suppress_tokens: config.begin_suppress_tokens.clone(),
        begin_index: prompt + usize::from(is_forced),
    };
    list.add_if(!first.begin_suppress_tokens.is_empty(), first);
}

fn add_sampling(list: &mut List, config: &GenerationConfig, min_tokens_to_keep: usize) {
    let temperature = config.temperature;
    list.add_if(temperature != 1.0, Temperature { temperature });
    if let Some(top_h) = config.top_h {
        list.add(TopH { top_h });
    }
    let top_k = config.top_k.max(min_tokens_to_keep);
    list.add_if(config.top_k > 0, TopK { top_k });
    let nucleus = TopP {
        top_p: config.top_p,
        min_tokens_to_keep,
    };
    list.add_if(nucleus.top_p < 1.0, nucleus);
    if let Some(min_p) = config.min_p {
        list.add(MinP {
            min_p,
            min_tokens_to_keep,
        });
    }
    let typical = Typical {
        mass: config.typical_p,
        min_tokens_to_keep,
    };
    list.add_if(typical.mass < 1.0, typical);
    let epsilon = Epsilon {
        epsilon: config.epsilon_cutoff,
        min_tokens_to_keep,
    };
    list.add_if(epsilon.epsilon > 0.0, epsilon);
    let eta = Eta {
        epsilon: config.eta_cutoff,
        min_tokens_to_keep,
    };
    list.add_if(eta.epsilon > 0.0, eta);
}
