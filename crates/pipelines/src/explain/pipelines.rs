//! What each pipeline explains of its answers.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use lamplight_data::objective::question_answering::Window;
use lamplight_data::tokenizer::EncodedRow;
use lamplight_electra::{
    ElectraForSequenceClassification, ElectraForTokenClassification, ElectraModel,
};

use super::electra::ReadRow;
use super::{Explanation, SequenceExplainer};
use crate::answer::row;
use crate::batches::{Batch, host, host_rows};
use crate::reader::Reader;
use crate::scores::best;
use crate::{Answer, Answerer, Classifier, Detector, PipelineError, Tagger, TextToText};
use crate::{classify, tag};

/// Said where a model reads a text through several windows.
const BEGINNING: &str =
    "The text is longer than the model reads at once; the attention is that over its beginning.";

impl Classifier {
    /// The best class of a text, what each token adds to its logit, and where the layers looked.
    ///
    /// # Errors
    /// The tokenizer fails, or the model is a T5 with a classifier.
    pub fn explain(&self, text: &str) -> Result<Explanation, PipelineError> {
        let mut explanation = Explanation::of(&[text]);
        if self.reader.cuts(text)? {
            let note = "The text is longer than the model reads; its beginning counts.";
            explanation.notes.push(note.to_owned());
        }
        let row = self.reader.rows(&[text])?.remove(0);
        self.explain_row(explanation, &row)
    }

    /// The same of a pair of texts.
    ///
    /// # Errors
    /// As [`Self::explain`].
    pub fn explain_pair(&self, first: &str, second: &str) -> Result<Explanation, PipelineError> {
        let row = self.reader.pairs(&[(first, second)])?.remove(0);
        self.explain_row(Explanation::of(&[first, second]), &row)
    }

    /// That the model is one that is explained.
    ///
    /// # Errors
    /// It is a T5 with a classifier.
    pub fn check_explained(&self) -> Result<(), PipelineError> {
        self.explained().map(|_| ())
    }

    fn explained(&self) -> Result<&ElectraForSequenceClassification, PipelineError> {
        match &self.model {
            classify::Model::Electra(model) => Ok(model),
            classify::Model::T5(_) => Err(not_explained("Classifier")),
        }
    }

    fn explain_row(
        &self,
        mut explanation: Explanation,
        row: &EncodedRow,
    ) -> Result<Explanation, PipelineError> {
        let model = self.explained()?;
        let batch = Batch::new(std::slice::from_ref(row), vec![0], &self.device);
        let logits = host_rows(model.forward(batch.electra())).concat();
        let class = best(&logits, 1).first().copied().unwrap_or(0);
        let label = &self.labels[class];
        let scores = self.scoring.scores(logits);
        explanation.answer = format!("{label} {:.4}", scores[class]);
        let read = self.reader.read_row(model.backbone(), row, &self.device);
        let score = |logits: Tensor<2>| logits.narrow(1, class, 1).squeeze_dim::<1>(1);
        explanation.attribution = Some(read.attribution(
            format!("the logit of {label}"),
            model,
            |model| model.backbone(),
            |model, hidden| score(model.logits(hidden)),
        ));
        read.add_attention(&mut explanation);
        Ok(explanation)
    }
}

impl Detector {
    /// How replaced each token of a text seems, and where the layers looked.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn explain(&self, text: &str) -> Result<Explanation, PipelineError> {
        let tokens = self.detect(&[text])?.remove(0);
        let num_replaced = tokens
            .iter()
            .filter(|token| token.probability > 0.5)
            .count();
        let mut explanation = Explanation::of(&[text]);
        explanation.answer = match num_replaced {
            1 => "1 token seems replaced".to_owned(),
            num_replaced => format!("{num_replaced} tokens seem replaced"),
        };
        explanation.detected = Some(tokens);
        self.reader
            .add_attention(&mut explanation, self.model.backbone(), &self.device)?;
        Ok(explanation)
    }
}

impl Tagger {
    /// The entities of a text, and where the layers looked.
    ///
    /// # Errors
    /// The tokenizer fails, or the model is a T5 with a classifier.
    pub fn explain(&self, text: &str) -> Result<Explanation, PipelineError> {
        let model = self.explained()?;
        let entities = self.tag(&[text])?.remove(0).into_iter();
        let entities = entities.map(|entity| format!("{}: {}", entity.label, entity.text));
        let mut explanation = Explanation::of(&[text]);
        explanation.answer = match entities.collect::<Vec<_>>().join(" · ") {
            none if none.is_empty() => "no entities".to_owned(),
            entities => entities,
        };
        self.reader
            .add_attention(&mut explanation, model.backbone(), &self.device)?;
        Ok(explanation)
    }

    /// That the model is one that is explained.
    ///
    /// # Errors
    /// It is a T5 with a classifier.
    pub fn check_explained(&self) -> Result<(), PipelineError> {
        self.explained().map(|_| ())
    }

    fn explained(&self) -> Result<&ElectraForTokenClassification, PipelineError> {
        match &self.model {
            tag::Model::Electra(model) => Ok(model),
            tag::Model::T5(_) => Err(not_explained("Tagger")),
        }
    }
}

impl Answerer {
    /// The best answer to a question in a text, what each token adds to the logits of its first and last one, and where the
    /// layers looked, both in the window where these logits are largest.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn explain(&self, question: &str, context: &str) -> Result<Explanation, PipelineError> {
        let answer = self.answer(&[(question, context)])?.remove(0);
        let mut explanation = Explanation::of(&[question, context]);
        let windows = self.windows(question, context)?;
        let answer = answer.into_iter().next();
        let found = answer.as_ref().and_then(|answer| {
            let places = windows.iter().filter_map(|window| {
                let (first, last) = places(window, answer)?;
                Some((self.span_logit(window, first, last), window, first, last))
            });
            places.max_by(|(one, ..), (other, ..)| one.total_cmp(other))
        });
        let Some((_, window, first, last)) = found else {
            explanation.answer = "no answer".to_owned();
            return Ok(explanation);
        };
        explanation.answer = answer.map(|answer| answer.text).unwrap_or_default();
        if windows.len() > 1 {
            let note = format!(
                "The context was read through {} windows; this is the one with the answer.",
                windows.len()
            );
            explanation.notes.push(note);
        }
        let row = row(window);
        let read = (self.reader).read_row(self.model.backbone(), &row, &self.device);
        explanation.attribution = Some(read.attribution(
            "the logits of the first and the last token of the answer".to_owned(),
            &self.model,
            |model| model.backbone(),
            |model, hidden| model.span_logit(hidden, first, last),
        ));
        read.add_attention(&mut explanation);
        Ok(explanation)
    }

    /// The logits of an answer's first and last token together.
    fn span_logit(&self, window: &Window, first: usize, last: usize) -> f32 {
        let batch = Batch::new(&[row(window)], vec![0], &self.device);
        let hidden = self.model.backbone().forward(batch.electra());
        host(self.model.span_logit(hidden, first, last))[0]
    }
}

impl TextToText {
    /// The best answer to a text, what each token of the text adds to its log-probability, and where the layers looked.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub fn explain(&self, text: &str) -> Result<Explanation, PipelineError> {
        let answers = self.sequences(&[text])?.remove(0);
        let row = self.rows(&[text])?.remove(0);
        let Some(answer) = answers.first() else {
            return Ok(Explanation::of(&[text]));
        };
        let explainer = SequenceExplainer {
            model: &self.model,
            tokenizer: &self.reader.tokenizer,
            generation: &self.generation,
            device: &self.device,
        };
        explainer.explain(text, &row.ids, answer)
    }
}

impl Explanation {
    fn of(texts: &[&str]) -> Self {
        Self {
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            ..Self::default()
        }
    }
}

impl Reader {
    fn read_row<'a>(
        &'a self,
        backbone: &'a ElectraModel,
        row: &'a EncodedRow,
        device: &'a Device,
    ) -> ReadRow<'a> {
        ReadRow {
            tokenizer: &self.tokenizer,
            backbone,
            row,
            device,
        }
    }

    /// Whether a text has more tokens than the model reads at once.
    fn cuts(&self, text: &str) -> Result<bool, PipelineError> {
        Ok(self.tokenizer.encode(text)?.len() > self.max_length)
    }

    /// Adds where the layers of a model looked in a text, or in its beginning.
    fn add_attention(
        &self,
        explanation: &mut Explanation,
        backbone: &ElectraModel,
        device: &Device,
    ) -> Result<(), PipelineError> {
        let text = explanation.texts.concat();
        if self.cuts(&text)? {
            explanation.notes.push(BEGINNING.to_owned());
        }
        let row = self.rows(&[text])?.remove(0);
        self.read_row(backbone, &row, device)
            .add_attention(explanation);
        Ok(())
    }
}

fn not_explained(pipeline: &'static str) -> PipelineError {
    PipelineError::NotExplained { pipeline }
}

/// Where a window has the first and the last token of an answer; that is `[CLS]` where there is none.
fn places(window: &Window, answer: &Answer) -> Option<(usize, usize)> {
    let Range { start, end } = answer.characters;
    if answer.text.is_empty() {
        return Some((0, 0));
    }
    let first = window.offsets.iter().position(|offset| offset.0 == start)?;
    let last = window.offsets.iter().rposition(|offset| offset.1 == end)?;
    (first <= last).then(|| (window.context_start + first, window.context_start + last))
}
