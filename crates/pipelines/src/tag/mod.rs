mod entities;

use std::ops::Range;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use lamplight_electra::ElectraForTokenClassification;
use lamplight_t5::T5ForTokenClassification;
use serde::Serialize;

use crate::PipelineError;
use crate::batches::Batch;
use crate::characters::Characters;
use crate::model_folder::{Family, ModelFolder, Wanted};
use crate::reader::Reader;
use crate::scores::{best, softmax};
use crate::windows::ScoredTokens;
use entities::{Tagged, entities};

const WANTED: [Wanted; 2] = [
    Wanted {
        family: Family::T5,
        architecture: "T5ForTokenClassification",
        head: "classifier.",
    },
    Wanted {
        family: Family::Electra,
        architecture: "ElectraForTokenClassification",
        head: "classifier.weight",
    },
];

/// Finds entities in texts: stretches that a model tags alike, `B-PER I-PER` or `PER PER`.
///
/// ```
/// use lamplight_pipelines::Tagger;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_tag");
/// # let device = lamplight_testing::test_device();
/// let tagger = Tagger::from_pretrained(folder.as_ref(), &device)?;
/// let text = "Anna lives in Berlin.";
/// for entity in tagger.tag(&[text])?.remove(0) {
///     let characters = entity.characters;
///     let shown: String = text.chars().skip(characters.start).take(characters.len()).collect();
///     assert_eq!(shown, entity.text);
/// }
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tagger {
    pub(crate) model: Model,
    pub(crate) reader: Reader,
    pub(crate) device: Device,
    labels: Vec<String>,
    aggregation: Aggregation,
}

#[derive(Debug, Clone)]
pub(crate) enum Model {
    T5(Box<T5ForTokenClassification>),
    Electra(Box<ElectraForTokenClassification>),
}

/// How the tags of tokens become those of entities; transformers' `aggregation_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregation {
    /// Each token has its own tag, also inside a word.
    Simple,
    /// A word has the tag of its first token.
    #[default]
    First,
}

/// A stretch of a text under one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entity {
    /// The tag without `B-` and `I-`.
    pub label: String,
    /// As the text has it.
    pub text: String,
    /// Where the text has it, in characters.
    #[serde(flatten)]
    pub characters: Range<usize>,
    /// The mean probability of the tags it is made from.
    pub score: f32,
}

impl Tagger {
    /// Reads a token classifier with its tokenizer.
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let found = ModelFolder::open(folder, "Tagger", &WANTED)?;
        let model = match found.family {
            Family::T5 => {
                let model = T5ForTokenClassification::from_pretrained(folder, device)?;
                Model::T5(Box::new(model))
            }
            Family::Electra => {
                let model = ElectraForTokenClassification::from_pretrained(folder, device)?;
                Model::Electra(Box::new(model))
            }
        };
        Ok(Self {
            model,
            labels: found.labels(folder)?,
            reader: found.reader,
            device: device.clone(),
            aggregation: Aggregation::default(),
        })
    }

    /// How entities are made; [`Aggregation::First`] where it is not said.
    #[must_use]
    pub fn aggregation(self, aggregation: Aggregation) -> Self {
        Self {
            aggregation,
            ..self
        }
    }

    /// The entities of each text, in order; what is tagged `O` is none. A text longer than the model
    /// reads is read through windows that overlap by half.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn tag<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Vec<Entity>>, PipelineError> {
        let scored = self
            .reader
            .token_scores(&self.device, texts, |batch| self.logits(batch))?;
        let answers = texts.iter().zip(scored).map(|(text, scored)| {
            let characters = Characters::of(text.as_ref());
            let tagged = self.tagged(&characters, &scored);
            entities(&tagged, &characters)
        });
        Ok(answers.collect())
    }

    /// `[rows, length, classes]`.
    fn logits(&self, batch: Batch) -> Tensor<3> {
        match &self.model {
            Model::T5(model) => model.forward(batch.input_ids, batch.padding_mask),
            Model::Electra(model) => model.forward(batch.electra()),
        }
    }

    /// What entities are made from: tokens or words.
    fn tagged<'a>(&'a self, text: &Characters<'_>, scored: &ScoredTokens) -> Vec<Tagged<'a>> {
        let mut tagged: Vec<Tagged<'a>> = Vec::with_capacity(scored.ids.len());
        for (token, logits) in scored.scores.iter().enumerate() {
            let (start, end) = scored.offsets[token];
            if let Some(word) = tagged.last_mut()
                && self.aggregation == Aggregation::First
                && self.is_inside_word(text, scored, token)
            {
                word.characters.end = end;
                continue;
            }
            let probabilities = softmax(logits);
            let class = best(&probabilities, 1).first().copied().unwrap_or(0);
            tagged.push(Tagged {
                tag: &self.labels[class],
                score: probabilities[class],
                characters: start..end,
            });
        }
        tagged
    }

    /// Whether a token goes on with a word, as transformers finds out: WordPiece writes such a token
    /// longer than the text has it (`##ing`), unless it is unknown; elsewhere it is one with no space
    /// before it.
    fn is_inside_word(&self, text: &Characters<'_>, scored: &ScoredTokens, token: usize) -> bool {
        let (start, end) = scored.offsets[token];
        let tokenizer = &self.reader.tokenizer;
        let id = scored.ids[token];
        if tokenizer.special().unk == Some(id) {
            return false;
        }
        match &self.model {
            Model::T5(_) => start > 0 && !text.slice(start - 1..start + 1).contains(' '),
            Model::Electra(_) => {
                let piece = tokenizer.token(id).unwrap_or_default();
                piece.chars().count() != end - start
            }
        }
    }
}
