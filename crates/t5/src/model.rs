mod head;

use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{Embedding, Linear};
use burn::tensor::{Bool, Device, Int, Tensor, assert_shape};
use lamplight_layers::block::Pass;
use lamplight_layers::embedding::look_up;
use lamplight_layers::initializer::{Initializer, embedding, linear};
use lamplight_layers::pretrained::{Checkpoint, NameTable, PretrainedError, save};
use lamplight_layers::quantization::{QuantizationError, quantize};

use crate::names::{LM_HEAD, SHARED, fill, is_stray, open, table};
use crate::{
    Decoder, DecoderCache, DecoderInput, DecoderStep, Encoder, EncoderInput, Seq2SeqInput,
    Seq2SeqOutput, Seq2SeqPass, T5Config,
};

/// Embedding table, encoder and decoder, without an output matrix.
#[derive(Module, Debug)]
pub struct T5Model {
    shared: Embedding,
    encoder: Encoder,
    decoder: Decoder,
}

impl T5Model {
    pub(crate) fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            shared: shared(config, device),
            encoder: Encoder::new(config, device),
            decoder: Decoder::new(config, device),
        }
    }

    /// The last hidden states of encoder and decoder, each after the final norm.
    ///
    /// # Panics
    /// The shapes are not those that [`Seq2SeqInput`] names.
    pub fn forward(&self, input: Seq2SeqInput, pass: Seq2SeqPass<'_>) -> (Tensor<3>, Tensor<3>) {
        let padding_mask = input.padding_mask;
        let encoder_input = EncoderInput {
            embeddings: look_up(&self.shared, input.input_ids),
            padding_mask: padding_mask.clone(),
            segment_ids: (input.segments.as_ref()).map(|segments| segments.encoder.clone()),
        };
        let encoded = self.encoder.forward(encoder_input, pass.encoder);
        let decoder_input = DecoderInput {
            embeddings: look_up(&self.shared, input.decoder_input_ids),
            padding_mask: input.decoder_padding_mask,
            encoder_hidden_state: encoded.clone(),
            encoder_padding_mask: padding_mask,
            segments: input.segments,
        };
        (encoded, self.decoder.forward(decoder_input, pass.decoder))
    }
}

pub(crate) fn shared(config: &T5Config, device: &Device) -> Embedding {
    let initializer = Initializer::Normal(config.initializer_factor);
    embedding(config.vocab_size, config.d_model, initializer, device)
}

/// T5 with its output matrix: text in, text out.
#[derive(Module, Debug)]
pub struct T5ForConditionalGeneration {
    model: T5Model,
    lm_head: Option<Linear>,
    #[module(skip)]
    config: T5Config,
}

impl T5ForConditionalGeneration {
    /// A fresh model, drawn from the device's random numbers as the papers' code draws it.
    ///
    /// The untied output matrix has the standard deviation `d_model^-0.5`, so that the first loss
    /// is near `ln vocab_size`.
    pub fn new(config: &T5Config, device: &Device) -> Self {
        let initializer =
            Initializer::Normal(config.initializer_factor * (config.d_model as f64).powf(-0.5));
        let lm_head = || {
            linear(
                config.d_model,
                config.vocab_size,
                false,
                initializer,
                device,
            )
        };
        Self {
            model: T5Model::new(config, device),
            lm_head: (!config.is_tied()).then(lm_head),
            config: config.clone(),
        }
    }

    /// Loads `config.json` and the weights in a folder. Whether the output matrix is tied is told
    /// by the weights: it is where the file has none, or one equal to the embedding table.
    ///
    /// # Errors
    /// The config is refused, a file is missing or damaged, or the weights do not fit.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PretrainedError> {
        let (mut config, checkpoint) = open(folder)?;
        // Before it is overwritten: old files derive the scale from this key.
        config.scale_decoder_outputs =
            (config.model_type == "t5").then(|| config.scales_decoder_outputs());
        let tied = match checkpoint.shape(LM_HEAD) {
            Some(_) => repeats_embeddings(&checkpoint)?,
            None => config.tie_word_embeddings != Some(false),
        };
        config.tie_word_embeddings = Some(tied);
        let is_ignored: fn(&str) -> bool = if tied {
            |name| is_stray(name) || name == LM_HEAD
        } else {
            is_stray
        };
        let model = Self::new(&config, device);
        fill(model, Self::names(&config), &checkpoint, is_ignored)
    }

    /// Writes `config.json` and `model.safetensors`, which `from_pretrained` here and in Python
    /// load.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save_pretrained(&self, folder: &Path) -> Result<(), PretrainedError> {
        let architecture = match self.config.model_type.as_str() {
            "mt5" => "MT5ForConditionalGeneration",
            "umt5" => "UMT5ForConditionalGeneration",
            _ => "T5ForConditionalGeneration",
        };
        let config = T5Config {
            tie_word_embeddings: Some(self.lm_head.is_none()),
            scale_decoder_outputs: (self.config.model_type == "t5")
                .then(|| self.config.scales_decoder_outputs()),
            ..self.config.clone()
        };
        save(
            self,
            &Self::names(&self.config),
            &config.to_json(architecture),
            folder,
        )
    }

    /// The same model with weights of 8 bits, the output matrix among them, to generate with: a step of decoding, which
    /// takes as long as it takes to read them, is faster so on a processor (see
    /// [`lamplight_layers::quantization::quantize`]).
    ///
    /// # Errors
    /// The device does not multiply weights of 8 bits.
    pub fn quantized(&self) -> Result<Self, QuantizationError> {
        let shared = || self.model.shared.weight.val().transpose();
        let lm_head = self.lm_head.clone().unwrap_or_else(|| Linear {
            weight: Param::from_tensor(shared()),
            bias: None,
        });
        let model = Self {
            lm_head: Some(lm_head),
            ..self.clone()
        };
        quantize(model, &self.device())
    }

    /// The names of the parameters in Hugging Face's files.
    pub fn names(config: &T5Config) -> NameTable {
        table(config)
            .under("model.", "")
            .and(NameTable::new(&[("lm_head", "lm_head")]))
    }

    pub(crate) fn device(&self) -> Device {
        self.model.shared.weight.device()
    }

    /// The config that the model was made from.
    pub fn config(&self) -> &T5Config {
        &self.config
    }

    /// Runs encoder and decoder.
    ///
    /// # Panics
    /// The shapes are not those that [`Seq2SeqInput`] names.
    pub fn forward(&self, input: Seq2SeqInput) -> Seq2SeqOutput {
        self.forward_by(input, Seq2SeqPass::plain())
    }

    /// [`Self::forward`] by another way through the blocks.
    ///
    /// # Panics
    /// As there.
    pub fn forward_by(&self, input: Seq2SeqInput, pass: Seq2SeqPass<'_>) -> Seq2SeqOutput {
        let (encoded, decoded) = self.states_by(input, pass);
        Seq2SeqOutput {
            logits: self.logits(decoded.clone()),
            encoder_last_hidden_state: encoded,
            decoder_last_hidden_state: decoded,
        }
    }

    /// [`T5Model::forward`]: the last hidden states of encoder and decoder, of which the latter,
    /// `[batch, target, d_model]`, is what the head reads.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn states_by(&self, input: Seq2SeqInput, pass: Seq2SeqPass<'_>) -> (Tensor<3>, Tensor<3>) {
        self.model.forward(input, pass)
    }

    /// The encoder's last hidden state `[batch, source, d_model]`, which [`Self::decode`] reads.
    pub fn encode(&self, input_ids: Tensor<2, Int>, padding_mask: Tensor<2, Bool>) -> Tensor<3> {
        self.encode_embedded(self.embed(input_ids), padding_mask)
    }

    /// The rows of the embedding table for `ids` `[batch, length]`: `[batch, length, d_model]`.
    ///
    /// # Panics
    /// An id lies outside the table.
    pub fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        look_up(&self.model.shared, ids)
    }

    /// [`Self::encode`] of embeddings `[batch, source, d_model]` that need not be in the table, such
    /// as gradients are taken at.
    pub fn encode_embedded(
        &self,
        embeddings: Tensor<3>,
        padding_mask: Tensor<2, Bool>,
    ) -> Tensor<3> {
        let input = EncoderInput {
            embeddings,
            padding_mask,
            segment_ids: None,
        };
        self.model.encoder.forward(input, Pass::Plain)
    }

    /// The logits `[batch, target, vocab]` after `decoder_input_ids` `[batch, target]`.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn decode(
        &self,
        decoder_input_ids: Tensor<2, Int>,
        encoder_hidden_state: Tensor<3>,
        encoder_padding_mask: Tensor<2, Bool>,
    ) -> Tensor<3> {
        let [batch, _, _] = encoder_hidden_state.dims();
        assert_shape!(decoder_input_ids, [batch, _]);
        let input = DecoderInput {
            embeddings: self.embed(decoder_input_ids),
            padding_mask: None,
            encoder_hidden_state,
            encoder_padding_mask,
            segments: None,
        };
        self.logits(self.model.decoder.forward(input, Pass::Plain))
    }

    /// Begins to decode what [`Self::encode`] gave, step by step: what each step reads anew is
    /// computed here, once.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn start(&self, encoded: Tensor<3>, padding_mask: Tensor<2, Bool>) -> DecoderCache {
        self.model.decoder.start(encoded, padding_mask)
    }

    /// Continues the past of each row by `ids` `[rows, new]` and gives the logits after each of
    /// them; see [`Decoder::step`].
    ///
    /// # Panics
    /// The rows are not those of the cache.
    pub fn step(&self, ids: Tensor<2, Int>, cache: &mut DecoderCache) -> DecoderStep {
        let hidden = self.model.decoder.step(self.embed(ids), cache);
        DecoderStep {
            logits: self.logits(hidden.clone()),
            hidden,
        }
    }
}

/// Whether the output matrix of a file is a copy of its embedding table.
fn repeats_embeddings(checkpoint: &Checkpoint) -> Result<bool, PretrainedError> {
    if checkpoint.shape(LM_HEAD) != checkpoint.shape(SHARED) {
        return Ok(false);
    }
    Ok(checkpoint.read(LM_HEAD)? == checkpoint.read(SHARED)?)
}
