//! Denoising objectives for an encoder-decoder: what of a text goes in, and what is to come out (Raffel et al. 2020,
//! section 3.3; Tay et al. 2022).

use rand::Rng;

use super::iid_denoising::IidDenoising;
use super::mixture_of_denoisers::MixtureOfDenoisers;
use super::span_corruption::SpanCorruption;
use super::{deshuffling, prefix_lm};
use crate::DataError;
use crate::tokenizer::Tokenizer;

/// The fewest tokens that leave something on both sides.
pub(super) const MIN_RAW_LENGTH: usize = 2;

/// One of the denoising objectives. All work on a text of at least 2 tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Denoiser {
    /// Spans cut out of the text are to be restored: T5's own objective.
    SpanCorruption(SpanCorruption),
    /// Tokens cut out each for itself are to be restored: the objective of T5's baseline (section 3.1.4).
    IidDenoising(IidDenoising),
    /// The text is to be continued from a prefix of random length. LM adaptation trains a finished model on this.
    PrefixLm,
    /// The tokens are to be put back into order.
    Deshuffling,
    /// One of seven denoisers, told apart by a mode token: UL2.
    MixtureOfDenoisers(MixtureOfDenoisers),
}

/// How many tokens go in and come out when texts of one length are corrupted, EOS included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Tokens of the text before corruption.
    pub raw: usize,
    /// Tokens of the encoder's side.
    pub inputs: usize,
    /// Tokens of the decoder's side.
    pub targets: usize,
}

/// Both sides of an example, EOS at the end of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denoised {
    /// What the encoder sees, `[inputs]`.
    pub inputs: Vec<u32>,
    /// What the decoder is to produce, `[targets]`.
    pub targets: Vec<u32>,
}

/// The ids that denoisers put into examples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenoisingTokens {
    /// End of sequence.
    pub eos: u32,
    /// The sentinels, `<extra_id_0>` first.
    pub sentinels: Vec<u32>,
    /// What UL2's inputs begin with.
    pub modes: ModeTokens,
}

/// The ids in front of the inputs of UL2's three kinds of denoisers; none for a kind without a mode token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModeTokens {
    /// R: short spans, few of them.
    pub regular: Vec<u32>,
    /// S: the text's end.
    pub sequential: Vec<u32>,
    /// X: long spans or many.
    pub extreme: Vec<u32>,
}

impl TryFrom<&Tokenizer> for DenoisingTokens {
    type Error = DataError;

    /// The mode tokens are written as in UL2's published vocabulary, `[NLU]`, `[S2S]` and `[NLG]`: one id each where the
    /// tokenizer has such a token, else the ids of that text.
    fn try_from(tokenizer: &Tokenizer) -> Result<Self, DataError> {
        let eos = tokenizer.special().eos;
        Ok(Self {
            eos: eos.ok_or(DataError::MissingSpecialToken { token: "</s>" })?,
            sentinels: (0..tokenizer.num_sentinels())
                .filter_map(|index| tokenizer.sentinel(index))
                .collect(),
            modes: ModeTokens {
                regular: tokenizer.encode_ordinary("[NLU]")?,
                sequential: tokenizer.encode_ordinary("[S2S]")?,
                extreme: tokenizer.encode_ordinary("[NLG]")?,
            },
        })
    }
}

impl Denoiser {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for one out of range.
    pub fn validate(&self) -> Result<(), DataError> {
        match self {
            Self::SpanCorruption(objective) => objective.validate(),
            Self::IidDenoising(objective) => objective.validate(),
            Self::MixtureOfDenoisers(objective) => objective.validate(),
            Self::PrefixLm | Self::Deshuffling => Ok(()),
        }
    }

    /// How long the pieces of a corpus should be to fill `inputs_length` tokens of input, and the widest rows that they
    /// and shorter ones can give, so that nothing is ever cut off.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for settings out of range, and for an `inputs_length` that is too short for any text.
    pub fn row_lengths(
        &self,
        inputs_length: usize,
        tokens: &DenoisingTokens,
    ) -> Result<Lengths, DataError> {
        match self {
            Self::SpanCorruption(objective) => objective.row_lengths(inputs_length),
            Self::IidDenoising(objective) => objective.row_lengths(inputs_length),
            Self::PrefixLm => prefix_lm::row_lengths(inputs_length),
            Self::Deshuffling => deshuffling::row_lengths(inputs_length),
            Self::MixtureOfDenoisers(objective) => {
                objective.row_lengths(inputs_length, &tokens.modes)
            }
        }
    }

    /// How many sentinels a text of up to `raw_length` tokens cannot do without.
    pub fn num_sentinels(&self, raw_length: usize) -> usize {
        match self {
            Self::SpanCorruption(objective) => objective.num_spans(raw_length),
            Self::IidDenoising(_) => 1,
            Self::PrefixLm | Self::Deshuffling => 0,
            Self::MixtureOfDenoisers(objective) => objective.num_sentinels(raw_length),
        }
    }

    /// Makes an example of a text. It depends on the text and on what `rng` draws alone.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for settings out of range, [`DataError::TextTooShort`] for less than 2 tokens,
    /// [`DataError::NotEnoughSentinels`] when there are fewer sentinels than [`Self::num_sentinels`].
    pub fn apply(
        &self,
        text: &[u32],
        tokens: &DenoisingTokens,
        rng: &mut impl Rng,
    ) -> Result<Denoised, DataError> {
        self.validate()?;
        check_text(text)?;
        match self {
            Self::SpanCorruption(objective) => objective.denoised(text, tokens, rng),
            Self::IidDenoising(objective) => objective.apply(text, tokens, rng),
            Self::PrefixLm => Ok(prefix_lm::apply(text, tokens.eos, rng)),
            Self::Deshuffling => Ok(deshuffling::apply(text, tokens.eos, rng)),
            Self::MixtureOfDenoisers(objective) => objective.apply(text, tokens, rng),
        }
    }
}

impl Denoised {
    /// `inputs` and `targets` with EOS behind each.
    pub(super) fn ending_in(eos: u32, mut inputs: Vec<u32>, mut targets: Vec<u32>) -> Self {
        inputs.push(eos);
        targets.push(eos);
        Self { inputs, targets }
    }
}

pub(super) fn check_text(text: &[u32]) -> Result<(), DataError> {
    let tokens = text.len();
    if tokens < MIN_RAW_LENGTH {
        return Err(DataError::TextTooShort { tokens });
    }
    Ok(())
}

pub(super) fn check_noise_density(noise_density: f64) -> Result<(), DataError> {
    if noise_density > 0.0 && noise_density < 1.0 {
        return Ok(());
    }
    Err(DataError::InvalidSetting {
        key: "noise_density",
        value: noise_density.to_string(),
        expected: "a number between 0 and 1, both excluded",
    })
}

pub(super) fn unusable_inputs_length(inputs_length: usize, expected: &'static str) -> DataError {
    DataError::InvalidSetting {
        key: "inputs_length",
        value: inputs_length.to_string(),
        expected,
    }
}
