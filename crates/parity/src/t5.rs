//! The forward passes of T5 and its heads.

use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_layers::loss::label_loss;
use lamplight_t5::{
    Seq2SeqInput, Seq2SeqPass, Seq2SeqTrace, T5EncoderModel, T5ForConditionalGeneration,
    T5ForQuestionAnswering, T5ForSequenceClassification, T5ForTokenClassification,
};

use crate::outputs::Outputs;
use crate::{ParityError, Run};

/// Adds what the model of the case computes; false if there is no such model.
pub(crate) fn run(
    run: &Run<'_>,
    architecture: &str,
    outputs: &mut Outputs,
) -> Result<bool, ParityError> {
    // `MT5ForConditionalGeneration` and its like are T5's with other settings.
    let class = architecture.split_once("T5").map(|(_, class)| class);
    match class {
        Some("ForConditionalGeneration") => conditional_generation(run, outputs)?,
        Some("EncoderModel") => encoder_model(run, outputs)?,
        Some("ForSequenceClassification") => sequence_classification(run, outputs)?,
        Some("ForTokenClassification") => token_classification(run, outputs)?,
        Some("ForQuestionAnswering") => question_answering(run, outputs)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn conditional_generation(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let expected = run.expected;
    let load = T5ForConditionalGeneration::from_pretrained;
    let model = run.model(load, run.device)?;
    let input = || seq2seq_input(run, run.device);
    outputs.floats("logits", model.forward(input()?).logits)?;
    if expected.has("masked_decoder.logits") {
        let mask = expected.padding_mask("masked_decoder.decoder_attention_mask", run.device)?;
        let masked = Seq2SeqInput {
            decoder_padding_mask: Some(mask),
            ..input()?
        };
        outputs.floats("masked_decoder.logits", model.forward(masked).logits)?;
    }
    traced(run, &model, outputs)?;

    let device = run.device_of_loss();
    let model = run.model(load, &device)?;
    let logits = model.forward(seq2seq_input(run, &device)?).logits;
    let labels = expected.int_tensor::<2>("labels", &device)?;
    let loss = label_loss(logits, labels.flatten(0, 1)).mean();
    let names = T5ForConditionalGeneration::names(model.config());
    outputs.loss(expected, loss, &model, &names, |name| name)
}

/// The states and attention maps of each layer, and the outputs of the pass that keeps them.
fn traced(
    run: &Run<'_>,
    model: &T5ForConditionalGeneration,
    outputs: &mut Outputs,
) -> Result<(), ParityError> {
    let expected = run.expected;
    let mut trace = Seq2SeqTrace::default();
    let pass = Seq2SeqPass::traced(&mut trace);
    let output = model.forward_by(seq2seq_input(run, run.device)?, pass);
    outputs.floats("logits", output.logits)?;
    let last = [
        (
            "encoder_last_hidden_state",
            output.encoder_last_hidden_state,
        ),
        (
            "decoder_last_hidden_state",
            output.decoder_last_hidden_state,
        ),
    ];
    for (name, state) in last {
        if expected.has(name) {
            outputs.floats(name, state)?;
        }
    }
    let Seq2SeqTrace { encoder, decoder } = trace;
    outputs.layers(expected, "encoder_hidden_states", encoder.hidden_states)?;
    outputs.layers(expected, "encoder_attentions", encoder.self_attentions)?;
    outputs.layers(expected, "decoder_hidden_states", decoder.hidden_states)?;
    outputs.layers(expected, "decoder_attentions", decoder.self_attentions)?;
    outputs.layers(expected, "cross_attentions", decoder.cross_attentions)
}

fn seq2seq_input(run: &Run<'_>, device: &Device) -> Result<Seq2SeqInput, ParityError> {
    let (input_ids, padding_mask) = input(run, device)?;
    Ok(Seq2SeqInput {
        input_ids,
        padding_mask,
        decoder_input_ids: run.expected.int_tensor("decoder_input_ids", device)?,
        decoder_padding_mask: None,
        segments: None,
    })
}

fn input(run: &Run<'_>, device: &Device) -> Result<(Tensor<2, Int>, Tensor<2, Bool>), ParityError> {
    let input_ids = run.expected.int_tensor("input_ids", device)?;
    let padding_mask = run.expected.padding_mask("attention_mask", device)?;
    Ok((input_ids, padding_mask))
}

fn encoder_model(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let model = run.model(T5EncoderModel::from_pretrained, run.device)?;
    let (input_ids, padding_mask) = input(run, run.device)?;
    outputs.floats("last_hidden_state", model.forward(input_ids, padding_mask))
}

fn sequence_classification(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let model = run.model(T5ForSequenceClassification::from_pretrained, run.device)?;
    let (input_ids, padding_mask) = input(run, run.device)?;
    let logits = model.forward(input_ids, padding_mask);
    let labels = run.expected.int_tensor("labels", run.device)?;
    outputs.floats("logits", logits.clone())?;
    outputs.floats("loss", label_loss(logits, labels).mean())
}

fn token_classification(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let model = run.model(T5ForTokenClassification::from_pretrained, run.device)?;
    let (input_ids, padding_mask) = input(run, run.device)?;
    let logits = model.forward(input_ids, padding_mask);
    let labels = run.expected.int_tensor::<2>("labels", run.device)?;
    outputs.floats("logits", logits.clone())?;
    outputs.floats("loss", label_loss(logits, labels.flatten(0, 1)).mean())
}

fn question_answering(run: &Run<'_>, outputs: &mut Outputs) -> Result<(), ParityError> {
    let model = run.model(T5ForQuestionAnswering::from_pretrained, run.device)?;
    let (input_ids, padding_mask) = input(run, run.device)?;
    let logits = model.forward(input_ids, padding_mask);
    outputs.floats("start_logits", logits.start.clone())?;
    outputs.floats("end_logits", logits.end.clone())?;
    let starts = run.expected.int_tensor("start_positions", run.device)?;
    let ends = run.expected.int_tensor("end_positions", run.device)?;
    outputs.floats("loss", logits.loss(starts, ends))
}
