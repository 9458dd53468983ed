//! The forward passes of ELECTRA, its heads, and the joint pre-training step.

use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_electra::{
    ElectraForJointQuestionAnswering, ElectraForMaskedLM, ElectraForMultipleChoice,
    ElectraForPreTraining, ElectraForQuestionAnswering, ElectraForSequenceClassification,
    ElectraForTokenClassification, ElectraInput, ElectraModel, ElectraPretraining,
    MultipleChoiceInput, PretrainingInput, loss,
};
use lamplight_layers::Trace;
use lamplight_layers::block::Pass;

use crate::case::PRETRAINING;
use crate::outputs::Outputs;
use crate::{ParityError, Run};

/// Adds what the model of the case computes; false if there is no such model.
pub(crate) fn run(
    run: &Run<'_>,
    architecture: &str,
    outputs: &mut Outputs,
) -> Result<bool, ParityError> {
    match architecture {
        "ElectraModel" => model(run, outputs)?,
        "ElectraForPreTraining" => discriminator(run, outputs)?,
        "ElectraForMaskedLM" => masked_lm(run, outputs)?,
        "ElectraForSequenceClassification" => sequence_classification(run, outputs)?,
        "ElectraForTokenClassification" => token_classification(run, outputs)?,
        "ElectraForQuestionAnswering" => question_answering(run, outputs)?,
        "ElectraForJointQuestionAnswering" => joint_question_answering(run, outputs)?,
        "ElectraForMultipleChoice" => multiple_choice(run, outputs)?,
        PRETRAINING => pretraining(run, outputs)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn input(run: &Run<'_>, device: &Device) -> Result<ElectraInput, ParityError> {
    Ok(ElectraInput {
        input_ids: run.expected.int_tensor("input_ids", device)?,
        padding_mask: run.expected.padding_mask("attention_mask", device)?,
        token_type_ids: Some(run.expected.int_tensor("token_type_ids", device)?),
    })
}

fn model(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let model = run.model(ElectraModel::from_pretrained, run.device)?;
    let states = model.forward(input(run, run.device)?);
    outputs.floats("last_hidden_state", states)?;
    let mut trace = Trace::default();
    let states = model.forward_by(input(run, run.device)?, Pass::Traced(&mut trace));
    outputs.floats("last_hidden_state", states)?;
    outputs.layers(run.expected, "hidden_states", trace.hidden_states)?;
    outputs.layers(run.expected, "attentions", trace.self_attentions)?;
    if run.expected.has("plain.last_hidden_state") {
        let input_ids: Tensor<2, Int> = run.expected.int_tensor("input_ids", run.device)?;
        let padding_mask = Tensor::<2, Bool>::full(input_ids.dims(), false, run.device);
        let plain = ElectraInput {
            input_ids,
            padding_mask,
            token_type_ids: None,
        };
        outputs.floats("plain.last_hidden_state", model.forward(plain))?;
    }
    Ok(())
}

fn discriminator(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let load = ElectraForPreTraining::from_pretrained;
    let model = run.model(load, run.device)?;
    outputs.floats("logits", model.forward(input(run, run.device)?))?;

    let device = run.device_of_loss();
    let model = run.model(load, &device)?;
    let input = input(run, &device)?;
    let padding_mask = input.padding_mask.clone();
    let labels = run.expected.int_tensor::<2>("labels", &device)?;
    let loss = loss::detection_loss(model.forward(input), labels.equal_scalar(1), padding_mask);
    let names = ElectraForPreTraining::names();
    outputs.loss(run.expected, loss.mean(), &model, &names, |name| name)
}

fn masked_lm(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let model = run.model(ElectraForMaskedLM::from_pretrained, run.device)?;
    let logits = model.forward(input(run, run.device)?);
    outputs.floats("logits", logits.clone())?;
    let labels = run.expected.int_tensor("labels", run.device)?;
    outputs.floats("loss", loss::token_loss(logits, labels).mean())
}

fn sequence_classification(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let load = ElectraForSequenceClassification::from_pretrained;
    let logits = run
        .model(load, run.device)?
        .forward(input(run, run.device)?);
    outputs.floats("logits", logits.clone())?;
    let labels = run.expected.int_tensor("labels", run.device)?;
    outputs.floats("loss", loss::sequence_loss(logits, labels).mean())
}

fn token_classification(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let load = ElectraForTokenClassification::from_pretrained;
    let logits = run
        .model(load, run.device)?
        .forward(input(run, run.device)?);
    outputs.floats("logits", logits.clone())?;
    let labels = run.expected.int_tensor("labels", run.device)?;
    outputs.floats("loss", loss::token_loss(logits, labels).mean())
}

fn question_answering(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let load = ElectraForQuestionAnswering::from_pretrained;
    let logits = run
        .model(load, run.device)?
        .forward(input(run, run.device)?);
    outputs.floats("start_logits", logits.start.clone())?;
    outputs.floats("end_logits", logits.end.clone())?;
    let starts = run.expected.int_tensor("start_positions", run.device)?;
    let ends = run.expected.int_tensor("end_positions", run.device)?;
    outputs.floats("loss", logits.loss(starts, ends))
}

fn joint_question_answering(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let expected = run.expected;
    let backbone = run.model(ElectraModel::from_pretrained, run.device)?;
    let states = backbone.forward(input(run, run.device)?);
    outputs.floats("last_hidden_state", states)?;
    let load = ElectraForJointQuestionAnswering::from_pretrained;
    let beam = run
        .model(load, run.device)?
        .answers(input(run, run.device)?);
    // The reference has as much of the beam as every row of the input has places for.
    let (shape, _) = expected.ints("beam.starts")?;
    let [rows, size] = [0, 1].map(|axis| shape.get(axis).copied().unwrap_or_default());
    let (starts, all) = ([0..rows, 0..size], [0..rows, 0..size, 0..size]);
    outputs.ints("beam.starts", beam.starts.slice(starts.clone()))?;
    outputs.floats("beam.start_log_probs", beam.start_log_probs.slice(starts))?;
    outputs.ints("beam.ends", beam.ends.slice(all.clone()))?;
    outputs.floats("beam.end_log_probs", beam.end_log_probs.slice(all))?;

    let device = run.device_of_loss();
    let model = run.model(load, &device)?;
    let starts = expected.int_tensor("start_positions", &device)?;
    let ends = expected.int_tensor("end_positions", &device)?;
    let impossible = expected.int_tensor::<1>("impossible", &device)?;
    let logits = model.forward(input(run, &device)?, starts.clone());
    outputs.floats("start_logits", logits.spans.start.clone())?;
    outputs.floats("end_logits", logits.spans.end.clone())?;
    if let Some(impossible) = logits.impossible.clone() {
        outputs.floats("impossible_logits", impossible)?;
    }
    let loss = logits.loss(starts, ends, impossible.equal_scalar(1));
    let names = ElectraForJointQuestionAnswering::names();
    outputs.loss(expected, loss, &model, &names, |name| name)
}

fn multiple_choice(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let model = run.model(ElectraForMultipleChoice::from_pretrained, run.device)?;
    let logits = model.forward(MultipleChoiceInput {
        input_ids: run.expected.int_tensor("input_ids", run.device)?,
        padding_mask: run.expected.padding_mask("attention_mask", run.device)?,
        token_type_ids: Some(run.expected.int_tensor("token_type_ids", run.device)?),
    });
    outputs.floats("logits", logits.clone())?;
    let labels = run.expected.int_tensor("labels", run.device)?;
    outputs.floats("loss", loss::sequence_loss(logits, labels).mean())
}

fn pretraining(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let (expected, device) = (run.expected, run.device_of_loss());
    let model = run.model(ElectraPretraining::from_pretrained, &device)?;
    let output = model.forward(PretrainingInput {
        input_ids: expected.int_tensor("input_ids", &device)?,
        masked_input_ids: expected.int_tensor("masked_input_ids", &device)?,
        padding_mask: expected.padding_mask("attention_mask", &device)?,
        token_type_ids: expected.int_tensor("token_type_ids", &device)?,
        masked_positions: expected.int_tensor("positions", &device)?,
        masked_weights: expected.float_tensor("weights", &device)?,
        gumbel: Some(expected.float_tensor("gumbel", &device)?),
    });
    outputs.ints("sampled_ids", output.sampled_ids)?;
    outputs.ints("corrupted_input_ids", output.corrupted_input_ids)?;
    outputs.ints("disc_labels", output.replaced.int())?;
    outputs.floats("generator_logits", output.generator_logits)?;
    outputs.floats("disc_logits", output.detection_logits)?;
    outputs.floats("mlm_loss", output.mlm_loss)?;
    outputs.floats("disc_loss", output.detection_loss)?;
    let names = ElectraPretraining::names();
    outputs.loss(expected, output.loss, &model, &names, |name| {
        name.replacen("generator.", "gen.", 1)
            .replacen("discriminator.", "disc.", 1)
    })
}
