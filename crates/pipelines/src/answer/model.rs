//! The models that find answers, by their heads.

use std::path::Path;

use burn::tensor::Device;
use lamplight_electra::{
    ElectraForJointQuestionAnswering, ElectraForQuestionAnswering, ElectraInput, FoundAnswers,
};

use crate::PipelineError;
use crate::batches::host_rows;
use crate::model_folder::{Family, Wanted};

const JOINT: &str = "ElectraForJointQuestionAnswering";

pub(super) const WANTED: [Wanted; 2] = [
    Wanted {
        family: Family::Electra,
        architecture: "ElectraForQuestionAnswering",
        head: "qa_outputs.",
    },
    Wanted {
        family: Family::Electra,
        architecture: JOINT,
        head: "qa_start.",
    },
];

/// Either of them.
#[derive(Debug, Clone)]
pub(super) enum AnswerModel {
    Independent(Box<ElectraForQuestionAnswering>),
    Joint(Box<ElectraForJointQuestionAnswering>),
}

/// What it says of a row.
#[derive(Debug)]
pub(super) enum WindowScores {
    /// Logits `[tokens]`, perhaps with padding behind.
    Tokens {
        start: Vec<f32>,
        end: Vec<f32>,
    },
    Beam(FoundAnswers),
}

impl AnswerModel {
    pub fn from_pretrained(
        folder: &Path,
        architecture: &str,
        device: &Device,
    ) -> Result<Self, PipelineError> {
        Ok(if architecture == JOINT {
            let model = ElectraForJointQuestionAnswering::from_pretrained(folder, device)?;
            Self::Joint(Box::new(model))
        } else {
            let model = ElectraForQuestionAnswering::from_pretrained(folder, device)?;
            Self::Independent(Box::new(model))
        })
    }

    /// What it says of each row.
    pub fn scores(&self, input: ElectraInput) -> Result<Vec<WindowScores>, PipelineError> {
        match self {
            Self::Independent(model) => {
                let logits = model.forward(input);
                let rows = host_rows(logits.start)
                    .into_iter()
                    .zip(host_rows(logits.end));
                let rows = rows.map(|(start, end)| WindowScores::Tokens { start, end });
                Ok(rows.collect())
            }
            Self::Joint(model) => {
                let rows = model.answers(input).rows()?.into_iter();
                Ok(rows.map(WindowScores::Beam).collect())
            }
        }
    }
}
