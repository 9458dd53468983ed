use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GenerationConfig;

/// When a beam search ends an input: `early_stopping`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyStopping {
    /// When it is unlikely that a better hypothesis follows: by the length so far.
    #[default]
    False,
    /// As soon as there are `num_beams` finished hypotheses.
    True,
    /// When no better hypothesis can follow.
    Never,
}

impl From<bool> for EarlyStopping {
    fn from(early_stopping: bool) -> Self {
        if early_stopping {
            Self::True
        } else {
            Self::False
        }
    }
}

impl Serialize for EarlyStopping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::False => serializer.serialize_bool(false),
            Self::True => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_str("never"),
        }
    }
}

impl<'de> Deserialize<'de> for EarlyStopping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Word {
            Never,
        }
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "it must be true, false or \"never\"")]
        enum Value {
            Bool(bool),
            Word(Word),
        }
        Ok(match Value::deserialize(deserializer)? {
            Value::Bool(value) => value.into(),
            Value::Word(Word::Never) => Self::Never,
        })
    }
}

/// How the number of guesses changes in assisted decoding: `num_assistant_tokens_schedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistantTokensSchedule {
    /// Not.
    #[default]
    Constant,
    /// Two more where all guesses were right, else one fewer; kept for the next call.
    Heuristic,
    /// The same, begun anew in each call.
    HeuristicTransient,
}

/// How ids are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The best id, again and again.
    Greedy,
    /// A draw from the probabilities.
    Sampling,
    /// The best of a few ids by probability and unlikeness to what is there (Su et al. 2022).
    Contrastive,
    /// The best few hypotheses are kept.
    Beam,
    /// Hypotheses are drawn, and the best few kept.
    BeamSampling,
    /// Groups of beams that avoid each other's ids (Vijayakumar et al. 2016).
    DiverseBeam,
}

impl GenerationConfig {
    /// How ids are chosen, by the keys as Hugging Face's `get_generation_mode` decides.
    pub fn strategy(&self) -> Strategy {
        match (self.num_beams > 1, self.do_sample) {
            (true, _) if self.num_beam_groups > 1 => Strategy::DiverseBeam,
            (true, true) => Strategy::BeamSampling,
            (true, false) => Strategy::Beam,
            (false, true) => Strategy::Sampling,
            (false, false) if self.penalizes_similarity() && self.top_k > 1 => {
                Strategy::Contrastive
            }
            (false, false) => Strategy::Greedy,
        }
    }

    /// Whether `penalty_alpha` has an effect.
    pub(super) fn penalizes_similarity(&self) -> bool {
        self.penalty_alpha.is_some_and(|alpha| alpha > 0.0)
    }
}

/// One id or a list of ids.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "it must be an id or a list of ids")]
    enum Ids {
        One(u32),
        Many(Vec<u32>),
    }
    Ok(match Ids::deserialize(deserializer)? {
        Ids::One(id) => vec![id],
        Ids::Many(ids) => ids,
    })
}
