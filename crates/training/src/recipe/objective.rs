//! Keys that only some objectives read.

use super::check::{MAX_LENGTH, count, refused, unused, within};
use super::{Family, Objective, Recipe, RecipeError};

/// Which values a key takes, and how to say so.
pub(super) type Allowed = (fn(f64) -> bool, &'static str);

const PART: Allowed = (|value| value > 0.0 && value < 1.0, "above 0 and below 1");
pub(super) const SHARE: Allowed = (
    |value| (0.0..1.0).contains(&value),
    "at least 0 and below 1",
);
const SPAN: Allowed = (|value| (1.0..1e6).contains(&value), "at least 1");
const EPOCHS: Allowed = (
    |value| value > 0.0 && value <= 1e6,
    "above 0 and at most a million",
);
const WEIGHT: Allowed = (|value| (0.0..1e3).contains(&value), "at least 0");

impl Objective {
    /// Its name in a recipe, for messages.
    pub(super) fn context(self) -> &'static str {
        match self {
            Self::ReplacedTokenDetection => "objective replaced_token_detection",
            Self::SpanCorruption => "objective span_corruption",
            Self::IidDenoising => "objective iid_denoising",
            Self::PrefixLm => "objective prefix_lm",
            Self::Deshuffling => "objective deshuffling",
            Self::MixtureOfDenoisers => "objective mixture_of_denoisers",
            Self::TextToText => "objective text_to_text",
            Self::SequenceClassification => "objective sequence_classification",
            Self::Regression => "objective regression",
            Self::TokenClassification => "objective token_classification",
            Self::MultipleChoice => "objective multiple_choice",
            Self::QuestionAnswering => "objective question_answering",
        }
    }
}

impl Recipe {
    /// Keys of one objective, given with another, are errors.
    pub(super) fn check_objective_keys(&self) -> Result<(), RecipeError> {
        let data = &self.data;
        let context = data.objective.context();
        self.check_objective_numbers(context)?;
        let detection = data.objective == Objective::ReplacedTokenDetection;
        let pairs = data.objective == Objective::TextToText;
        let mixture = data.objective == Objective::MixtureOfDenoisers;
        let answering = data.objective == Objective::QuestionAnswering;
        for (key, is_given, is_read) in [
            (
                "model.answer_head",
                self.model.answer_head.is_some(),
                answering,
            ),
            ("data.building", data.building.is_some(), detection),
            ("data.denoisers", data.denoisers.is_some(), mixture),
            ("data.arrangement", data.arrangement.is_some(), pairs),
            ("data.mixture", data.mixture.is_some(), pairs),
        ] {
            if is_given && !is_read {
                return unused(key, context);
            }
        }
        if let Some(denoiser) = data.denoiser()
            && denoiser.validate().is_err()
        {
            let shares = format!("{:?}", data.denoisers);
            return Err(refused(
                "data.denoisers",
                shares,
                "shares of at least 0, not all of them 0",
            ));
        }
        if pairs && data.mixture().rates(&[1]).is_err() {
            let mixture = format!("{:?}", data.mixture());
            return Err(refused(
                "data.mixture",
                mixture,
                "limit and temperature of at least 1",
            ));
        }
        match (pairs, data.targets_length) {
            (true, length) => count("data.targets_length", length.unwrap_or(0), 2, MAX_LENGTH),
            (false, Some(_)) => unused("data.targets_length", context),
            (false, None) => Ok(()),
        }
    }

    fn check_objective_numbers(&self, context: &'static str) -> Result<(), RecipeError> {
        let (data, training) = (&self.data, &self.training);
        let labelled = data.objective.is_labelled();
        let objective = data.objective;
        let detection = objective == Objective::ReplacedTokenDetection;
        let spans = objective == Objective::SpanCorruption;
        let noise = spans || objective == Objective::IidDenoising;
        let answers = objective.family() == Family::T5;
        for (key, value, is_read, (is_valid, expected)) in [
            ("data.mask_fraction", data.mask_fraction, detection, PART),
            ("data.keep_fraction", data.keep_fraction, detection, SHARE),
            ("data.noise_density", data.noise_density, noise, PART),
            ("data.mean_span_length", data.mean_span_length, spans, SPAN),
            ("training.epochs", training.epochs, labelled, EPOCHS),
            ("training.z_loss", training.z_loss, answers, WEIGHT),
            (
                "training.label_smoothing",
                training.label_smoothing,
                answers,
                SHARE,
            ),
        ] {
            match value {
                Some(_) if !is_read => return unused(key, context),
                Some(value) => within(key, value, is_valid(value), expected)?,
                None => {}
            }
        }
        Ok(())
    }
}
