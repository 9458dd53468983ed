//! The models that find answers, by their heads.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use lamplight_electra::{
    ElectraForJointQuestionAnswering, ElectraForQuestionAnswering, ElectraInput, ElectraModel,
    FoundAnswers,
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
#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each pipeline, and a module holds no boxes"
)]
pub(crate) enum AnswerModel {
    Independent(ElectraForQuestionAnswering),
    Joint(ElectraForJointQuestionAnswering),
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
            Self::Joint(model)
        } else {
            let model = ElectraForQuestionAnswering::from_pretrained(folder, device)?;
            Self::Independent(model)
        })
    }

    /// What it says of each row.
    pub(super) fn scores(&self, input: ElectraInput) -> Result<Vec<WindowScores>, PipelineError> {
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

    /// The encoder.
    pub fn backbone(&self) -> &ElectraModel {
        match self {
            Self::Independent(model) => model.backbone(),
            Self::Joint(model) => model.backbone(),
        }
    }

    /// The logits of the first and the last token of an answer together, from what the encoder made of
    /// inputs, `[batch, length, hidden_size]`: `[batch]`.
    pub fn span_logit(&self, hidden: Tensor<3>, first: usize, last: usize) -> Tensor<1> {
        let logits = match self {
            Self::Independent(model) => model.logits(hidden),
            Self::Joint(model) => {
                let [batch, _, _] = hidden.dims();
                let starts = Tensor::<1, Int>::full([batch], first as i64, &hidden.device());
                model.span_logits(hidden, starts)
            }
        };
        let at = |logits: Tensor<2>, place| logits.narrow(1, place, 1).squeeze_dim::<1>(1);
        at(logits.start, first) + at(logits.end, last)
    }
}
