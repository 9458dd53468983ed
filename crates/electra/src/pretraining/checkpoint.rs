use std::path::Path;

use burn::tensor::{Device, Tensor};
use lamplight_layers::pretrained::PretrainedError;

use super::{Discriminator, ElectraPretraining};
use crate::embeddings::{Embeddings, SegmentEmbedding};
use crate::{ElectraForMaskedLM, ElectraForPreTraining};

impl ElectraPretraining {
    /// Reads `generator/` and `discriminator/` in a folder. What they share is what they agree
    /// in: the token type table and the norm are shared where they are equal.
    ///
    /// # Errors
    /// Either cannot be read as [`ElectraForMaskedLM::from_pretrained`] and
    /// [`ElectraForPreTraining::from_pretrained`] say, or their word or position embeddings
    /// differ, so that they were not trained together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PretrainedError> {
        let generator = ElectraForMaskedLM::from_pretrained(&folder.join("generator"), device)?;
        let discriminator = folder.join("discriminator");
        let discriminator = ElectraForPreTraining::from_pretrained(&discriminator, device)?;
        let config = discriminator.config().clone();
        let ElectraForPreTraining { electra, head } = discriminator;
        let ours = &generator.electra.embeddings;
        let Embeddings {
            word,
            position,
            segment,
            ..
        } = electra.embeddings;
        let word_agrees = is_equal(&ours.word.weight.val(), &word.weight.val());
        if !(word_agrees && is_equal(&ours.position.weight.val(), &position.weight.val())) {
            return Err(PretrainedError::Damaged {
                path: folder.to_owned(),
                reason: "the word or position embeddings of generator and discriminator differ"
                    .to_owned(),
            });
        }
        let segment = (!shares_segment(&ours.segment, &segment)).then_some(segment);
        let discriminator = Discriminator {
            segment,
            encoder: electra.encoder,
            head,
            config,
        };
        Ok(Self {
            generator,
            discriminator,
        })
    }

    /// Writes both models into `generator/` and `discriminator/` of a folder, each complete.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn save_pretrained(&self, folder: &Path) -> Result<(), PretrainedError> {
        self.generator.save_pretrained(&folder.join("generator"))?;
        self.discriminator()
            .save_pretrained(&folder.join("discriminator"))
    }
}

fn shares_segment(generator: &SegmentEmbedding, discriminator: &SegmentEmbedding) -> bool {
    is_equal(&generator.norm.beta.val(), &discriminator.norm.beta.val())
        && is_equal(&generator.norm.gamma.val(), &discriminator.norm.gamma.val())
        && is_equal(
            &generator.token_type.weight.val(),
            &discriminator.token_type.weight.val(),
        )
}

fn is_equal<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> bool {
    a.dims() == b.dims() && a.to_data() == b.to_data()
}
