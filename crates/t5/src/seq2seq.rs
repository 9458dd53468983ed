//! What goes into an encoder-decoder and comes out.

use burn::tensor::{Bool, Int, Tensor};
use lamplight_layers::Trace;
use lamplight_layers::block::Pass;
use lamplight_layers::recompute::Tape;

use crate::Segments;

/// What an encoder-decoder reads.
#[derive(Debug, Clone)]
pub struct Seq2SeqInput {
    /// `[batch, source]`.
    pub input_ids: Tensor<2, Int>,
    /// `[batch, source]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// `[batch, target]`: the targets shifted right, with the start id in front.
    pub decoder_input_ids: Tensor<2, Int>,
    /// `[batch, target]`, true = padding; rarely needed, see [`DecoderInput`](crate::DecoderInput).
    pub decoder_padding_mask: Option<Tensor<2, Bool>>,
    /// Where rows hold several examples: which token belongs to which. Each sees itself alone, and
    /// the bias of T5 depends on distances only, so its numbers are those of a row of its own.
    pub segments: Option<Segments>,
}

/// What an encoder-decoder gives.
#[derive(Debug, Clone)]
pub struct Seq2SeqOutput {
    /// `[batch, target, vocab]`.
    pub logits: Tensor<3>,
    /// `[batch, source, d_model]`, after the final norm.
    pub encoder_last_hidden_state: Tensor<3>,
    /// `[batch, target, d_model]`, after the final norm and before any scaling.
    pub decoder_last_hidden_state: Tensor<3>,
}

/// What a step of decoding gives.
#[derive(Debug, Clone)]
pub struct DecoderStep {
    /// `[rows, new, vocab]`.
    pub logits: Tensor<3>,
    /// `[rows, new, d_model]`, after the final norm and before any scaling.
    pub hidden: Tensor<3>,
}

/// What the layers of an encoder-decoder did.
#[derive(Debug, Clone, Default)]
pub struct Seq2SeqTrace {
    /// In the encoder.
    pub encoder: Trace,
    /// In the decoder.
    pub decoder: Trace,
}

/// How encoder and decoder run their blocks.
#[derive(Debug)]
pub struct Seq2SeqPass<'a> {
    /// In the encoder.
    pub encoder: Pass<'a>,
    /// In the decoder.
    pub decoder: Pass<'a>,
}

impl<'a> Seq2SeqPass<'a> {
    /// One after the other.
    pub fn plain() -> Self {
        Self {
            encoder: Pass::Plain,
            decoder: Pass::Plain,
        }
    }

    /// What they did goes into `trace`.
    pub fn traced(trace: &'a mut Seq2SeqTrace) -> Self {
        Self {
            encoder: Pass::Traced(&mut trace.encoder),
            decoder: Pass::Traced(&mut trace.decoder),
        }
    }

    /// For a training step on `tape`.
    pub fn taped(tape: &'a Tape) -> Self {
        Self {
            encoder: Pass::Taped(tape),
            decoder: Pass::Taped(tape),
        }
    }
}
