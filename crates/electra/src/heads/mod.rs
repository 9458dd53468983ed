//! ELECTRA with a task's head, as Hugging Face has them, and the one for questions that its authors have.

mod joint_question_answering;
mod multiple_choice;
mod question_answering;
mod sequence_classification;
mod token_classification;

use burn::nn::Linear;
use burn::tensor::Device;
use lamplight_layers::initializer::{Initializer, linear};

use crate::ElectraConfig;

pub use joint_question_answering::{
    AnswerBeam, ElectraForJointQuestionAnswering, FoundAnswers, JointAnswerLogits, QuestionReading,
    ScoredSpan,
};
pub use multiple_choice::{ElectraForMultipleChoice, MultipleChoiceInput};
pub use question_answering::ElectraForQuestionAnswering;
pub use sequence_classification::ElectraForSequenceClassification;
pub use token_classification::ElectraForTokenClassification;

/// The last layer of a head.
fn classifier(config: &ElectraConfig, num_outputs: usize, device: &Device) -> Linear {
    linear(
        config.hidden_size,
        num_outputs,
        true,
        Initializer::GlorotUniform,
        device,
    )
}
