mod checkpoint;

use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor, assert_shape};
use lamplight_layers::block::Pass;
use lamplight_layers::loss::{WeightedSum, cross_entropy};
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::recompute::Tape;

use crate::discriminator::DetectionHead;
use crate::embeddings::{Embeddings, SegmentEmbedding};
use crate::encoder::Encoder;
use crate::loss::detection_loss;
use crate::replaced_token_detection::{Corruption, corrupt, gather_positions, sample};
use crate::{
    ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining, ElectraInput, ElectraModel, names,
};

/// Weight of the detection loss beside the generator's (Clark et al. 2020, section 3.1).
pub const DETECTION_LOSS_WEIGHT: f64 = 50.0;

/// Which parameters generator and discriminator have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmbeddingSharing {
    /// The word, position and token type tables and the norm after them, as in the paper's code.
    #[default]
    All,
    /// The word and position tables, as in the paper's text.
    TokenPosition,
}

/// Generator and discriminator, trained together (Clark et al. 2020). What they share exists
/// once, in the generator: whoever walks over the parameters meets it once, and its gradient is
/// the sum over both uses.
#[derive(Module, Debug)]
pub struct ElectraPretraining {
    generator: ElectraForMaskedLM,
    discriminator: Discriminator,
}

/// The discriminator without what is the generator's.
#[derive(Module, Debug)]
struct Discriminator {
    segment: Option<SegmentEmbedding>,
    encoder: Encoder,
    head: DetectionHead,
    #[module(skip)]
    config: ElectraConfig,
}

/// What a step of pre-training reads.
#[derive(Debug, Clone)]
pub struct PretrainingInput {
    /// `[batch, length]`, the original text.
    pub input_ids: Tensor<2, Int>,
    /// `[batch, length]`, the text the generator sees.
    pub masked_input_ids: Tensor<2, Int>,
    /// `[batch, length]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// `[batch, length]`.
    pub token_type_ids: Tensor<2, Int>,
    /// `[batch, num_masked]`: the positions the generator predicts, distinct in each row, filled
    /// up with any valid position.
    pub masked_positions: Tensor<2, Int>,
    /// `[batch, num_masked]`: 1 for a position, 0 where the list is filled up.
    pub masked_weights: Tensor<2>,
    /// `[batch, num_masked, vocab]`: noise that decides the samples; drawn where not given.
    pub gumbel: Option<Tensor<3>>,
}

/// What a step of pre-training gives.
#[derive(Debug, Clone)]
pub struct PretrainingOutput {
    /// `mlm_loss + 50 * detection_loss`, `[1]`.
    pub loss: Tensor<1>,
    /// Mean cross-entropy of the generator over the masked positions, `[1]`.
    pub mlm_loss: Tensor<1>,
    /// Mean binary cross-entropy of the discriminator over all that is no padding, `[1]`.
    pub detection_loss: Tensor<1>,
    /// `[batch, num_masked, vocab]`.
    pub generator_logits: Tensor<3>,
    /// `[batch, num_masked]`, 0 where the list of positions is filled up.
    pub sampled_ids: Tensor<2, Int>,
    /// `[batch, length]`, the text the discriminator sees.
    pub corrupted_input_ids: Tensor<2, Int>,
    /// `[batch, length]`: the discriminator's labels, true = replaced.
    pub replaced: Tensor<2, Bool>,
    /// `[batch, length]`.
    pub detection_logits: Tensor<2>,
}

impl ElectraPretraining {
    /// A fresh pair with all embeddings shared. The keys of `generator` that describe the shared
    /// tables are taken from `discriminator`.
    ///
    /// # Panics
    /// A config is one that [`ElectraConfig::validate`] refuses.
    pub fn new(discriminator: &ElectraConfig, generator: &ElectraConfig, device: &Device) -> Self {
        Self::with_sharing(
            discriminator,
            generator,
            EmbeddingSharing::default(),
            device,
        )
    }

    /// The same with a choice of what is shared.
    ///
    /// # Panics
    /// As there.
    pub fn with_sharing(
        discriminator: &ElectraConfig,
        generator: &ElectraConfig,
        sharing: EmbeddingSharing,
        device: &Device,
    ) -> Self {
        let generator = ElectraConfig {
            vocab_size: discriminator.vocab_size,
            embedding_size: discriminator.embedding_size,
            max_position_embeddings: discriminator.max_position_embeddings,
            type_vocab_size: discriminator.type_vocab_size,
            layer_norm_eps: discriminator.layer_norm_eps,
            ..generator.clone()
        };
        let own_segment = sharing == EmbeddingSharing::TokenPosition;
        Self {
            generator: ElectraForMaskedLM::new(&generator, device),
            discriminator: Discriminator {
                segment: own_segment.then(|| SegmentEmbedding::new(discriminator, device)),
                encoder: Encoder::new(discriminator, device),
                head: DetectionHead::new(discriminator, device),
                config: discriminator.clone(),
            },
        }
    }

    /// Names of the parameters: Hugging Face's under `generator.` and `discriminator.`.
    pub fn names() -> NameTable {
        names::joint()
    }

    /// The config of the discriminator.
    pub fn config(&self) -> &ElectraConfig {
        &self.discriminator.config
    }

    /// The generator, which holds what is shared.
    pub fn generator(&self) -> &ElectraForMaskedLM {
        &self.generator
    }

    /// The discriminator as a model of its own: what to fine-tune afterwards.
    pub fn discriminator(&self) -> ElectraForPreTraining {
        let shared = self.generator.electra.embeddings.clone();
        let segment = self.discriminator.segment.clone().unwrap_or(shared.segment);
        let config = self.discriminator.config.clone();
        let embeddings = Embeddings { segment, ..shared };
        ElectraForPreTraining {
            electra: ElectraModel::from_parts(
                embeddings,
                self.discriminator.encoder.clone(),
                config,
            ),
            head: self.discriminator.head.clone(),
        }
    }

    /// One step forward: masked text, generator, samples, corrupted text, discriminator.
    ///
    /// # Panics
    /// The shapes differ, the input is too long, or an id or a position lies outside its table.
    pub fn forward(&self, input: PretrainingInput) -> PretrainingOutput {
        self.run(input, None)
    }

    /// The same for a training step on `tape`.
    ///
    /// # Panics
    /// As there.
    pub fn forward_taped(&self, input: PretrainingInput, tape: &Tape) -> PretrainingOutput {
        self.run(input, Some(tape))
    }

    fn run(&self, input: PretrainingInput, tape: Option<&Tape>) -> PretrainingOutput {
        let [batch, num_masked] = input.masked_positions.dims();
        assert_shape!(input.masked_weights, [batch, num_masked]);
        let positions = input.masked_positions.clone();
        let masked = ElectraInput {
            input_ids: input.masked_input_ids.clone(),
            padding_mask: input.padding_mask.clone(),
            token_type_ids: Some(input.token_type_ids.clone()),
        };
        let hidden = self.generator.electra.forward_by(masked, tape.into());
        let hidden = gather_positions(hidden, positions.clone());
        let generator_logits = self.generator.logits(hidden); // [batch, num_masked, vocab]
        let mlm_loss = mlm_loss(&input, generator_logits.clone()).mean();

        let is_chosen = input.masked_weights.clone().greater_scalar(0.0);
        let sampled_ids = sample(generator_logits.clone(), input.gumbel.clone());
        let corruption = corrupt(
            input.input_ids.clone(),
            positions,
            is_chosen.clone(),
            sampled_ids.clone(),
        );
        let Corruption {
            input_ids: corrupted_input_ids,
            replaced,
        } = corruption;
        let detection_logits = self.detect(&input, corrupted_input_ids.clone(), tape.into());
        let detection_loss = detection_loss(
            detection_logits.clone(),
            replaced.clone(),
            input.padding_mask,
        )
        .mean();
        PretrainingOutput {
            loss: mlm_loss.clone() + detection_loss.clone() * DETECTION_LOSS_WEIGHT,
            mlm_loss,
            detection_loss,
            generator_logits,
            sampled_ids: sampled_ids.mask_fill(is_chosen.bool_not(), 0),
            corrupted_input_ids,
            replaced,
            detection_logits,
        }
    }

    /// The discriminator's logits `[batch, length]` of a corrupted text.
    fn detect(
        &self,
        input: &PretrainingInput,
        corrupted_input_ids: Tensor<2, Int>,
        pass: Pass<'_>,
    ) -> Tensor<2> {
        let shared = &self.generator.electra.embeddings;
        let own = &self.discriminator;
        let segment = own.segment.as_ref().unwrap_or(&shared.segment);
        let token_type_ids = Some(input.token_type_ids.clone());
        let embeddings = shared.forward_with(segment, corrupted_input_ids, token_type_ids);
        let hidden = own
            .encoder
            .forward(embeddings, input.padding_mask.clone(), pass);
        own.head.forward(hidden)
    }
}

/// The generator's loss over the masked positions.
fn mlm_loss(input: &PretrainingInput, logits: Tensor<3>) -> WeightedSum {
    let targets = input
        .input_ids
        .clone()
        .gather(1, input.masked_positions.clone());
    let weights = input.masked_weights.clone().flatten(0, 1);
    cross_entropy(logits.flatten(0, 1), targets.flatten(0, 1), weights).nll
}

#[cfg(test)]
mod tests;
