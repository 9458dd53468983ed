//! Where answers looked.

use burn::tensor::{Tensor, TensorData};

use super::output::{Attentions, FinishReason, GeneratedSequence};
use super::session::Session;
use crate::{Seq2SeqInput, Seq2SeqPass, Seq2SeqTrace};

/// Attaches the attention maps to each answer: those of one forward pass over the whole of it,
/// which are the ones of the steps that chose it.
pub(super) fn attach(session: &Session<'_>, answers: &mut [Vec<GeneratedSequence>]) {
    for (input, answers) in answers.iter_mut().enumerate() {
        for answer in answers {
            answer.attentions = Some(attentions(session, input, answer));
        }
    }
}

fn attentions(session: &Session<'_>, input: usize, answer: &GeneratedSequence) -> Attentions {
    let inputs = &session.inputs;
    let mut ids = [inputs.prompts[input].as_slice(), &answer.ids].concat();
    if answer.finish_reason != FinishReason::EndOfText {
        ids.pop(); // nothing was chosen after the last
    }
    let length = ids.len();
    let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
    let text: Vec<i64> = inputs.texts[input].iter().copied().map(i64::from).collect();
    let source = text.len();
    let device = session.model.device();
    let input = Seq2SeqInput {
        input_ids: Tensor::from_data(TensorData::new(text, [1, source]), &device),
        padding_mask: Tensor::full([1, source], false, &device),
        decoder_input_ids: Tensor::from_data(TensorData::new(ids, [1, length]), &device),
        decoder_padding_mask: None,
        segments: None,
    };
    let mut trace = Seq2SeqTrace::default();
    session
        .model
        .forward_by(input, Seq2SeqPass::traced(&mut trace));
    let maps = |maps: Vec<Tensor<4>>| maps.into_iter().map(|map| map.squeeze_dim(0)).collect();
    Attentions {
        encoder: maps(trace.encoder.self_attentions),
        decoder: maps(trace.decoder.self_attentions),
        cross: maps(trace.decoder.cross_attentions),
    }
}
