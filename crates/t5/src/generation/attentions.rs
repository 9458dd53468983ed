//! Where an answer looked.

use burn::tensor::{Int, Tensor, TensorData};

use super::output::{Attentions, FinishReason, GeneratedSequence};
use super::session::Session;
use crate::{Seq2SeqInput, Seq2SeqPass, Seq2SeqTrace, T5ForConditionalGeneration};

/// Attaches the attention maps to each answer: those of one forward pass over the whole of it,
/// which are the ones of the steps that chose it.
pub(super) fn attach(session: &Session<'_>, answers: &mut [Vec<GeneratedSequence>]) {
    let inputs = &session.inputs;
    for (input, answers) in answers.iter_mut().enumerate() {
        for answer in answers {
            let mut ids = [inputs.prompts[input].as_slice(), &answer.ids].concat();
            if answer.finish_reason != FinishReason::EndOfText {
                ids.pop(); // nothing was chosen after the last
            }
            let attentions = session.model.attentions(&inputs.texts[input], &ids);
            answer.attentions = Some(attentions);
        }
    }
}

impl T5ForConditionalGeneration {
    /// Where one text was looked at, as the encoder reads it in `input_ids` and the decoder in
    /// `decoder_input_ids`, the start id first.
    ///
    /// # Panics
    /// Either has no ids, or one that the vocabulary has not.
    pub fn attentions(&self, input_ids: &[u32], decoder_input_ids: &[u32]) -> Attentions {
        let device = self.device();
        let row = |ids: &[u32]| {
            let ids: Vec<i64> = ids.iter().copied().map(i64::from).collect();
            let shape = [1, ids.len()];
            Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &device)
        };
        let input = Seq2SeqInput {
            input_ids: row(input_ids),
            padding_mask: Tensor::full([1, input_ids.len()], false, &device),
            decoder_input_ids: row(decoder_input_ids),
            decoder_padding_mask: None,
            segments: None,
        };
        let mut trace = Seq2SeqTrace::default();
        self.forward_by(input, Seq2SeqPass::traced(&mut trace));
        let maps = |maps: Vec<Tensor<4>>| maps.into_iter().map(|map| map.squeeze_dim(0)).collect();
        Attentions {
            encoder: maps(trace.encoder.self_attentions),
            decoder: maps(trace.decoder.self_attentions),
            cross: maps(trace.decoder.cross_attentions),
        }
    }
}
