use std::ops::ControlFlow;
use std::sync::Arc;

use burn::module::Module;

use super::output::Listener;
use super::prepared::Prepared;
use super::processors::{
    AllowedTokens, AllowedTokensFn, LogitsProcessor, ProcessorListInput, processors,
};
use super::session::{Encoded, Session};
use super::{
    GeneratedSequence, GenerationConfig, GenerationError, GenerationInput, NewId, Strategy,
    assisted, attentions, beam_search, contrastive, sampling,
};
use crate::T5ForConditionalGeneration;

/// A model, and how it answers.
///
/// ```no_run
/// # use lamplight_t5::{GenerationConfig, GenerationInput, Generator, T5ForConditionalGeneration};
/// # fn answer(model: &T5ForConditionalGeneration, input: GenerationInput)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let config = GenerationConfig::beam(4).max_new_tokens(64).num_return_sequences(2);
/// let answers = Generator::new(model, config)?.generate(input)?;
/// let best: &[u32] = &answers[0][0].ids;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Generator {
    model: T5ForConditionalGeneration,
    config: GenerationConfig,
    assistant: Option<T5ForConditionalGeneration>,
    processors: Vec<Arc<dyn LogitsProcessor>>,
    allowed_tokens: Option<AllowedTokens>,
}

impl Generator {
    /// Answers by `config`; where it says nothing about special ids, with those of the model.
    ///
    /// # Errors
    /// The config cannot be followed.
    pub fn new(
        model: &T5ForConditionalGeneration,
        config: GenerationConfig,
    ) -> Result<Self, GenerationError> {
        config.validate()?;
        config.validate_ids(model.config().vocab_size)?;
        Ok(Self {
            model: model.valid(),
            config,
            assistant: None,
            processors: Vec::new(),
            allowed_tokens: None,
        })
    }

    /// Lets a smaller model of the same vocabulary guess ahead, which changes no answer and may
    /// save time. One input after the other is answered, once.
    ///
    /// # Errors
    /// The vocabularies differ in size, or the config asks for beams, contrastive search or more
    /// than one answer.
    pub fn with_assistant(
        mut self,
        assistant: &T5ForConditionalGeneration,
    ) -> Result<Self, GenerationError> {
        let [ours, theirs] = [&self.model, assistant].map(|model| model.config().vocab_size);
        if ours != theirs {
            return Err(GenerationError::Vocabularies { ours, theirs });
        }
        let strategy = self.config.strategy();
        let num_return_sequences = self.config.num_return_sequences;
        if num_return_sequences > 1 || !matches!(strategy, Strategy::Greedy | Strategy::Sampling) {
            return Err(GenerationError::Unassisted {
                strategy,
                num_return_sequences,
            });
        }
        self.assistant = Some(assistant.valid());
        Ok(self)
    }

    /// Changes the scores of the next id, too: after what the config asks for, and before what
    /// belongs to sampling.
    pub fn with_processor(mut self, processor: Arc<dyn LogitsProcessor>) -> Self {
        self.processors.push(processor);
        self
    }

    /// Lets only those ids come next that a function of the input's number and of the ids so far
    /// names.
    pub fn with_allowed_tokens(mut self, allowed_tokens: AllowedTokensFn) -> Self {
        self.allowed_tokens = Some(AllowedTokens {
            allowed_tokens,
            eos_token_ids: self.eos(),
        });
        self
    }

    /// The answers to each input, best first.
    ///
    /// # Errors
    /// The input does not fit: shapes, ids outside of the vocabulary, or no room after the prompt.
    pub fn generate(
        &self,
        input: GenerationInput,
    ) -> Result<Vec<Vec<GeneratedSequence>>, GenerationError> {
        self.answer(input, &mut |_| ControlFlow::Continue(()))
    }

    /// [`Self::generate`] that hands on each id as it is chosen; where `listener` breaks, that
    /// answer ends.
    ///
    /// # Errors
    /// As there; or the config asks for beams, of which nobody knows before the end which wins.
    pub fn stream(
        &self,
        input: GenerationInput,
        listener: &mut dyn FnMut(NewId) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<GeneratedSequence>>, GenerationError> {
        if self.config.num_beams > 1 {
            return Err(GenerationError::StreamedBeams(self.config.num_beams));
        }
        self.answer(input, listener)
    }

    /// The ids that end a text.
    fn eos(&self) -> Vec<u32> {
        match self.config.eos_token_id.as_slice() {
            [] => vec![self.model.config().eos_token_id],
            ids => ids.to_vec(),
        }
    }

    fn answer(
        &self,
        input: GenerationInput,
        listener: &mut Listener<'_>,
    ) -> Result<Vec<Vec<GeneratedSequence>>, GenerationError> {
        let [num_inputs, _] = input.input_ids.dims();
        if num_inputs == 0 {
            return Ok(Vec::new());
        }
        let inputs = Prepared::new(&self.model, &self.config, input)?;
        let limits = self.config.length_limits(inputs.prompts[0].len())?;
        let eos = self.eos();
        let list = ProcessorListInput {
            config: &self.config,
            limits,
            eos_token_ids: &eos,
            allowed_tokens: self
                .allowed_tokens
                .as_ref()
                .map(|allowed| allowed.allowed_tokens.clone()),
            custom: &self.processors,
        };
        let session = Session {
            model: &self.model,
            config: &self.config,
            processors: processors(&list),
            encoded: Encoded::new(&self.model, &inputs),
            inputs,
            limits,
            eos,
        };
        let mut answers = match (&self.assistant, self.config.strategy()) {
            (Some(assistant), _) => assisted::run(&session, assistant, listener),
            (None, Strategy::Greedy | Strategy::Sampling) => sampling::run(&session, listener),
            (None, Strategy::Contrastive) => contrastive::run(&session, listener),
            (None, _) => beam_search::run(&session),
        };
        if self.config.output_attentions {
            attentions::attach(&session, &mut answers);
        }
        Ok(answers)
    }
}

impl T5ForConditionalGeneration {
    /// The answers to each input, best first; see [`Generator`] for more than a config can say.
    ///
    /// # Errors
    /// The config cannot be followed, or the input does not fit.
    pub fn generate(
        &self,
        input: GenerationInput,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<GeneratedSequence>>, GenerationError> {
        Generator::new(self, config.clone())?.generate(input)
    }
}
