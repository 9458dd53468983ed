//! The model that answers, with its tokenizer.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::bail;
use burn::tensor::Device;
use lamplight_data::batch::Seq2SeqBatch;
use lamplight_data::loader::truncated;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_pipelines::explain::{Explanation, SequenceExplainer};
use lamplight_t5::{
    GeneratedSequence, GenerationConfig, GenerationInput, Generator, NewId, T5Config,
    T5ForConditionalGeneration,
};
use lamplight_training::feed;

use super::arguments::GenerateArguments;
use super::output::Answer;
use crate::interrupt;
use crate::texts::inputs::Input;
use crate::texts::model_folder;

/// Answers texts.
pub struct Responder {
    tokenizer: Tokenizer,
    generator: Generator,
    model: T5ForConditionalGeneration,
    generation: GenerationConfig,
    device: Device,
    vocab_size: usize,
    prefix: String,
    max_input_length: usize,
    with_ids: bool,
    /// Answers to each input.
    pub num_answers: usize,
}

/// An input as the model reads it.
pub struct Query {
    /// What was read.
    pub input: Input,
    /// None where there is nothing to answer.
    pub ids: Vec<u32>,
    /// Counted from zero.
    pub number: usize,
}

impl Responder {
    /// Loads what the arguments name, the weights last.
    pub fn load(arguments: &GenerateArguments) -> anyhow::Result<Self> {
        let folder = &arguments.texts.model;
        let device = arguments.texts.device.open()?;
        let config = arguments.generation_config()?;
        let num_answers = config.num_return_sequences;
        if arguments.stream && num_answers > 1 {
            bail!("--stream writes one answer to each input; leave out num_return_sequences");
        }
        let tokenizer = Tokenizer::from_folder(folder).map_err(model_folder::tokenizer_error)?;
        let dtype = arguments.weights.dtype;
        dtype.check(&device)?;
        let load = |folder: &Path| T5ForConditionalGeneration::from_pretrained(folder, &device);
        let model = load(folder)?;
        let mut generator = Generator::new(&dtype.of_t5(&model)?, config.clone())?;
        if let Some(folder) = &arguments.assistant {
            generator = generator.with_assistant(&dtype.of_t5(&load(folder)?)?)?;
        }
        Ok(Self {
            tokenizer,
            generator,
            vocab_size: model.config().vocab_size,
            model,
            generation: config,
            device,
            prefix: arguments.prefix.clone(),
            max_input_length: (arguments.max_input_length).map_or(usize::MAX, usize::from),
            with_ids: arguments.scores,
            num_answers,
        })
    }

    /// The `number`-th input, counted from zero, whose draws follow from that and not from what else
    /// is in its batch. A blank text is not asked about.
    pub fn query(&self, input: Input, number: usize) -> anyhow::Result<Query> {
        let mut ids = Vec::new();
        if !input.is_blank() {
            let text = format!("{}{}", self.prefix, input.text);
            ids = truncated(&self.tokenizer.encode(&text)?, self.max_input_length);
        }
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.vocab_size) {
            bail!(
                "input {} has the id {id}, and the vocabulary of the model ends at {}: \
                 the tokenizer in its folder is not its own",
                number + 1,
                self.vocab_size - 1
            );
        }
        Ok(Query { input, ids, number })
    }

    /// The answers to each of some queries that are not blank, best first.
    pub fn sequences(&self, queries: &[&Query]) -> anyhow::Result<Vec<Vec<GeneratedSequence>>> {
        Ok(self.generator.generate(self.input(queries)?)?)
    }

    /// The same in words.
    pub fn answers(&self, sequences: Vec<GeneratedSequence>) -> anyhow::Result<Vec<Answer>> {
        let answers = sequences.into_iter().map(|sequence| {
            let text = self.tokenizer.decode(&sequence.ids, true)?;
            Ok(Answer::new(text, sequence, self.with_ids))
        });
        answers.collect()
    }

    /// Why an answer is as it is.
    pub fn explain(
        &self,
        query: &Query,
        answer: &GeneratedSequence,
    ) -> anyhow::Result<Explanation> {
        let explainer = SequenceExplainer {
            model: &self.model,
            tokenizer: &self.tokenizer,
            generation: &self.generation,
            device: &self.device,
        };
        Ok(explainer.explain(&query.input.text, &query.ids, answer)?)
    }

    /// Answers a query that is not blank piece by piece, and gives how many ids there were. Ends early
    /// when the program shall end.
    pub fn stream(
        &self,
        query: &Query,
        mut write: impl FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let mut text = self.tokenizer.stream(true);
        let (mut num_ids, mut failure) = (0, None);
        let mut listener = |new: NewId| {
            num_ids += 1;
            let written = text.push(new.id).map_err(anyhow::Error::from);
            failure = written.and_then(|piece| write(&piece)).err();
            match failure.is_some() || interrupt::is_requested() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        self.generator
            .stream(self.input(&[query])?, &mut listener)?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        write(&text.finish()?)?;
        Ok(num_ids)
    }

    fn input(&self, queries: &[&Query]) -> anyhow::Result<GenerationInput> {
        let pairs: Vec<(&[u32], [u32; 0])> =
            queries.iter().map(|query| (&query.ids[..], [])).collect();
        let source = pairs.iter().map(|(ids, _)| ids.len()).max().unwrap_or(1);
        let batch = Seq2SeqBatch::from_pairs(&pairs, source, 1);
        let seed = |query: &&Query| self.generation.seed.wrapping_add(query.number as u64);
        Ok(GenerationInput {
            seeds: Some(queries.iter().map(seed).collect()),
            ..GenerationInput::new(
                feed::ids(&batch.encoder_input_ids, self.vocab_size, &self.device)?,
                feed::mask(&batch.encoder_padding_mask, &self.device),
            )
        })
    }
}

/// That a folder holds a T5, as far as its config says.
pub fn check_folder(folder: &Path) -> anyhow::Result<()> {
    model_folder::check(folder)?;
    // Before the tokenizer: that of an ELECTRA would do.
    T5Config::from_file(&folder.join("config.json"))?;
    Ok(())
}
