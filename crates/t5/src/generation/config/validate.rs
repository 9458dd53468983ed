use std::ops::RangeInclusive;

use lamplight_layers::config::MAX_SIZE;

use super::{GenerationConfig, Strategy};
use crate::generation::error::{GenerationError, KeyProblem, refuse};

/// Most hypotheses of one input that are believed.
const MAX_HYPOTHESES: usize = 4096;

impl GenerationConfig {
    /// Checks every value and what they say together.
    ///
    /// # Errors
    /// Those that cannot be followed, all of them, by key.
    pub fn validate(&self) -> Result<(), GenerationError> {
        let mut problems = Problems::default();
        self.check_counts(&mut problems);
        self.check_penalties(&mut problems);
        if self.do_sample {
            self.check_sampling(&mut problems);
        }
        self.check_strategy(&mut problems);
        self.check_sequences(&mut problems);
        refuse(problems.0)
    }

    /// Checks that every id is one of a vocabulary of `vocab_size`.
    ///
    /// # Errors
    /// The ids that are not, by key.
    pub fn validate_ids(&self, vocab_size: usize) -> Result<(), GenerationError> {
        let optional = |id: Option<u32>| id.into_iter().collect::<Vec<_>>();
        let biased = self.sequence_bias.iter().flat_map(|(ids, _)| ids.clone());
        let reason = format!("the vocabulary ends at {}", vocab_size.saturating_sub(1));
        let problems = [
            ("bad_words_ids", self.bad_words_ids.concat()),
            ("sequence_bias", biased.collect()),
            ("suppress_tokens", self.suppress_tokens.clone()),
            ("begin_suppress_tokens", self.begin_suppress_tokens.clone()),
            ("forced_bos_token_id", optional(self.forced_bos_token_id)),
            ("forced_eos_token_id", self.forced_eos_token_id.clone()),
            ("pad_token_id", optional(self.pad_token_id)),
            ("eos_token_id", self.eos_token_id.clone()),
            (
                "decoder_start_token_id",
                optional(self.decoder_start_token_id),
            ),
        ];
        let problems = problems.into_iter().flat_map(|(key, ids)| {
            let outside = ids.into_iter().find(|&id| id as usize >= vocab_size);
            outside.map(|id| KeyProblem::new(key, id, &reason))
        });
        refuse(problems.collect())
    }

    fn check_counts(&self, problems: &mut Problems) {
        let lengths = [
            ("max_length", self.max_length),
            ("max_new_tokens", self.max_new_tokens),
            ("num_assistant_tokens", Some(self.num_assistant_tokens)),
        ];
        for (key, length) in lengths {
            problems.check_count(key, length.unwrap_or(1), 1..=MAX_SIZE);
        }
        let hypotheses = [
            ("num_beams", self.num_beams),
            ("num_beam_groups", self.num_beam_groups),
            ("num_return_sequences", self.num_return_sequences),
        ];
        for (key, count) in hypotheses {
            problems.check_count(key, count, 1..=MAX_HYPOTHESES);
        }
    }

    fn check_penalties(&self, problems: &mut Problems) {
        let decay = self.exponential_decay_length_penalty;
        let positive = [
            ("repetition_penalty", self.repetition_penalty),
            (
                "encoder_repetition_penalty",
                self.encoder_repetition_penalty,
            ),
            (
                "exponential_decay_length_penalty",
                decay.map_or(1.0, |(_, factor)| factor),
            ),
        ];
        for (key, value) in positive {
            let expected = "it must be above 0 and finite; 1 changes nothing";
            problems.check(key, value, value > 0.0 && value.is_finite(), expected);
        }
        let finite = [
            ("length_penalty", self.length_penalty),
            ("diversity_penalty", self.diversity_penalty),
            ("temperature", self.temperature),
            ("top_p", self.top_p),
            ("min_p", self.min_p.unwrap_or(0.0)),
            ("top_h", self.top_h.unwrap_or(1.0)),
            ("typical_p", self.typical_p),
            ("epsilon_cutoff", self.epsilon_cutoff),
            ("eta_cutoff", self.eta_cutoff),
        ];
        for (key, value) in finite {
            problems.check(key, value, value.is_finite(), "it must be finite");
        }
        for (key, value) in [
            ("penalty_alpha", self.penalty_alpha.unwrap_or(0.0)),
            (
                "assistant_confidence_threshold",
                self.assistant_confidence_threshold,
            ),
        ] {
            let expected = "it must be between 0 and 1";
            problems.check(key, value, (0.0..=1.0).contains(&value), expected);
        }
    }

    /// Ranges of what only counts where ids are drawn: files that say `do_sample: false` and
    /// `temperature: 0` are common.
    fn check_sampling(&self, problems: &mut Problems) {
        let temperature = self.temperature;
        let expected = "it must be above 0; for the best id each time leave `do_sample` false";
        problems.check("temperature", temperature, temperature > 0.0, expected);
        for (key, value, off) in [
            ("top_p", self.top_p, 1.0),
            ("min_p", self.min_p.unwrap_or(0.0), 0.0),
        ] {
            let expected = format!("it must be between 0 and 1; {off} changes nothing");
            problems.check(key, value, (0.0..=1.0).contains(&value), &expected);
        }
        for (key, value) in [
            ("top_h", self.top_h.unwrap_or(1.0)),
            ("typical_p", self.typical_p),
        ] {
            let expected = "it must be above 0 and at most 1";
            problems.check(key, value, value > 0.0 && value <= 1.0, expected);
        }
        for (key, value) in [
            ("epsilon_cutoff", self.epsilon_cutoff),
            ("eta_cutoff", self.eta_cutoff),
        ] {
            let expected = "it must be at least 0 and below 1; 0 changes nothing";
            problems.check(key, value, (0.0..1.0).contains(&value), expected);
        }
    }

    fn check_strategy(&self, problems: &mut Problems) {
        let (num_beams, groups) = (self.num_beams, self.num_beam_groups);
        let divides = groups > 0 && num_beams.is_multiple_of(groups);
        let expected = format!("it must divide `num_beams`, {num_beams}");
        problems.check("num_beam_groups", groups, divides, &expected);
        if self.strategy() == Strategy::DiverseBeam {
            let expected = "groups of beams are not drawn; set `num_beam_groups` to 1";
            problems.check("do_sample", self.do_sample, !self.do_sample, expected);
            let penalty = self.diversity_penalty;
            let expected = "it must be above 0 where `num_beam_groups` is above 1, or all groups find the same";
            problems.check("diversity_penalty", penalty, penalty > 0.0, expected);
        }
        if self.penalizes_similarity() {
            let expected = "contrastive search (`penalty_alpha`) needs more than one candidate";
            problems.check("top_k", self.top_k, self.top_k > 1, expected);
        }
        let returned = self.num_return_sequences;
        if num_beams > 1 {
            let expected = format!("there are only `num_beams`, {num_beams}, hypotheses");
            let key = "num_return_sequences";
            problems.check(key, returned, returned <= num_beams, &expected);
        } else if !self.do_sample {
            let expected = "there is only one best output; set `num_beams` or `do_sample`";
            problems.check("num_return_sequences", returned, returned <= 1, expected);
        }
    }

    fn check_sequences(&self, problems: &mut Problems) {
        let biased = self.sequence_bias.iter();
        let words = self.bad_words_ids.iter();
        let expected = "each must have at least one id";
        let full = words.clone().all(|word| !word.is_empty());
        problems.check("bad_words_ids", "one without ids", full, expected);
        let full = biased.clone().all(|(ids, _)| !ids.is_empty());
        problems.check("sequence_bias", "one without ids", full, expected);
        for (_, bias) in biased {
            problems.check("sequence_bias", bias, bias.is_finite(), "it must be finite");
        }
        let forced = [
            ("forced_bos_token_id", self.forced_bos_token_id.as_slice()),
            ("forced_eos_token_id", self.forced_eos_token_id.as_slice()),
        ];
        for (key, ids) in forced {
            let suppressed = ids.iter().all(|id| self.suppress_tokens.contains(id));
            let possible = ids.is_empty() || !suppressed;
            let expected = "`suppress_tokens` forbids what is forced; take it out of one of them";
            problems.check(key, format!("{ids:?}"), possible, expected);
        }
    }
}

/// The first problem of each key.
#[derive(Default)]
struct Problems(Vec<KeyProblem>);

impl Problems {
    fn check(&mut self, key: &str, value: impl ToString, is_fine: bool, expected: &str) {
        let is_first = || self.0.iter().all(|problem| problem.key != key);
        if !is_fine && is_first() {
            self.0.push(KeyProblem::new(key, value, expected));
        }
    }

    fn check_count(&mut self, key: &str, value: usize, range: RangeInclusive<usize>) {
        let expected = format!("it must be from {} to {}", range.start(), range.end());
        self.check(key, value, range.contains(&value), &expected);
    }
}
