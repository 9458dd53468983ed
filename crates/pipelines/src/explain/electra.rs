//! What is asked of an ELECTRA, whichever head it has.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use lamplight_data::tokenizer::{EncodedRow, SpecialTokens, Tokenizer};
use lamplight_electra::{ElectraInput, ElectraModel};
use lamplight_layers::Trace;
use lamplight_layers::block::Pass;

use super::attention::{AttentionMaps, MapSizes};
use super::integrated_gradients::{Path, integrated_gradients};
use super::{Attributed, Attribution, Explanation, accuracy};
use crate::batches::Batch;

/// Tokens whose gradients are taken together, all points of the path counted.
const MAX_TOKENS: usize = 1024;

/// A row that a model has read.
#[derive(Debug)]
pub(super) struct ReadRow<'a> {
    pub tokenizer: &'a Tokenizer,
    pub backbone: &'a ElectraModel,
    pub row: &'a EncodedRow,
    pub device: &'a Device,
}

impl ReadRow<'_> {
    /// Adds where the encoder looked.
    pub fn add_attention(&self, explanation: &mut Explanation) {
        let of = "the encoder";
        let config = self.backbone.config();
        let length = self.row.ids.len();
        let sizes = MapSizes {
            num_layers: config.num_hidden_layers,
            num_heads: config.num_attention_heads,
            num_queries: length,
            num_keys: length,
        };
        if let Some(objection) = sizes.objection(of) {
            explanation.notes.push(objection);
            return;
        }
        let mut trace = Trace::default();
        let input = self.input(&self.row.ids);
        self.backbone.forward_by(input, Pass::Traced(&mut trace));
        let maps = trace.self_attentions.into_iter();
        let maps = maps.map(|map| map.squeeze_dim(0)).collect();
        let tokens = self.tokens();
        let names = [tokens.clone(), tokens];
        explanation
            .attentions
            .push(AttentionMaps::read(of, names, maps));
    }

    /// Shares out the score that `score` makes of hidden states `[rows, length, hidden_size]`, `[rows]`. It gets the model
    /// with gradients and without dropout, whose base `backbone` gives.
    pub fn attribution<M: Module>(
        &self,
        of: String,
        model: &M,
        backbone: impl Fn(&M) -> &ElectraModel,
        score: impl Fn(&M, Tensor<3>) -> Tensor<1>,
    ) -> Attribution {
        let model = model.clone().freeze().train();
        let words = |ids: &[u32]| self.backbone.embed(self.input(ids)).words;
        let (baseline_id, baseline_ids) = self.baseline();
        let path = Path {
            baseline: words(&baseline_ids),
            input: words(&self.row.ids),
        };
        let length = self.row.ids.len();
        let of_one = self.backbone.embed(self.input(&self.row.ids));
        let integral = integrated_gradients(&path, &accuracy(length, MAX_TOKENS), |words| {
            let [rows, _, _] = words.dims();
            let mut input = of_one.clone();
            input.padding_mask = input.padding_mask.repeat_dim(0, rows).autodiff();
            input.token_type_ids = input.token_type_ids.repeat_dim(0, rows).autodiff();
            input.words = words;
            score(
                &model,
                backbone(&model).forward_embedded(input, Pass::Plain),
            )
        });
        let attributed = Attributed {
            of,
            tokens: self.tokens(),
            baseline: token(self.tokenizer, baseline_id),
        };
        attributed.by(integral)
    }

    /// `[MASK]` in place of everything but `[CLS]` and `[SEP]`. The generator has learned its embedding, which
    /// pre-training shares with the discriminator, as the one of a word that is not known; that of `[PAD]` is never
    /// attended to, so that it stays as it was drawn.
    fn baseline(&self) -> (u32, Vec<u32>) {
        let SpecialTokens {
            mask,
            pad,
            cls,
            sep,
            ..
        } = *self.tokenizer.special();
        let baseline = mask.unwrap_or(pad);
        let ids = self.row.ids.iter().map(|&id| {
            let is_kept = [cls, sep].contains(&Some(id));
            if is_kept { id } else { baseline }
        });
        (baseline, ids.collect())
    }

    /// The row with other ids.
    fn input(&self, ids: &[u32]) -> ElectraInput {
        let row = EncodedRow {
            ids: ids.to_vec(),
            token_type_ids: self.row.token_type_ids.clone(),
        };
        Batch::new(&[row], vec![0], self.device).electra()
    }

    fn tokens(&self) -> Vec<String> {
        tokens(self.tokenizer, &self.row.ids)
    }
}

/// The tokens as the vocabulary writes them.
pub(super) fn tokens(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    ids.iter().map(|&id| token(tokenizer, id)).collect()
}

fn token(tokenizer: &Tokenizer, id: u32) -> String {
    tokenizer.token(id).unwrap_or_else(|| format!("id {id}"))
}
