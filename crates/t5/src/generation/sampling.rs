//! One id after the other: the best, or one that is drawn (Holtzman et al. 2020 tell why to draw).

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use super::output::{FinishReason, GeneratedSequence, Listener, NewId};
use super::random::Random;
use super::scores::{Normalizer, argmax};
use super::session::{Scores, Session, last_logits};

/// An answer in the making.
#[derive(Debug)]
pub(super) struct Answer {
    pub input: usize,
    pub number: usize,
    /// From the start id on.
    pub ids: Vec<u32>,
    /// What it draws from; none for the best id each time.
    pub random: Option<Random>,
    /// Of each id after the prompt, if they are asked for.
    pub token_scores: Vec<f32>,
    pub finish: Option<FinishReason>,
}

impl Answer {
    pub(super) fn new(session: &Session<'_>, input: usize, number: usize) -> Self {
        let random = || session.random(input, number);
        Self {
            input,
            number,
            ids: session.inputs.prompts[input].clone(),
            random: session.config.do_sample.then(random),
            token_scores: Vec::new(),
            finish: None,
        }
    }

    /// Chooses an id by its processed scores.
    pub(super) fn choose(&mut self, scores: &[f32]) -> u32 {
        let index = match &mut self.random {
            Some(random) => random.sample(scores),
            None => argmax(scores),
        };
        index as u32
    }

    /// Takes the next id.
    pub(super) fn push(&mut self, id: u32, session: &Session<'_>, listener: &mut Listener<'_>) {
        if session.ends(id) {
            self.finish = Some(FinishReason::EndOfText);
            return;
        }
        self.ids.push(id);
        let new = NewId {
            input: self.input,
            answer: self.number,
            id,
        };
        if listener(new) == ControlFlow::Break(()) {
            self.finish = Some(FinishReason::Stopped);
        } else if self.ids.len() >= session.limits.max {
            self.finish = Some(FinishReason::MaxLength);
        }
    }

    /// Notes the score of an id if it is asked for.
    pub(super) fn note_score(&mut self, id: u32, scores: &[f32], session: &Session<'_>) {
        if session.config.output_scores {
            self.token_scores
                .push(Normalizer::of(scores).log_probability(scores[id as usize]));
        }
    }

    pub(super) fn into_sequence(self, session: &Session<'_>) -> GeneratedSequence {
        let token_scores = session.config.output_scores.then_some(self.token_scores);
        GeneratedSequence {
            ids: self.ids[session.limits.prompt..].to_vec(),
            score: token_scores.as_ref().map(|scores| scores.iter().sum()),
            token_scores,
            finish_reason: self.finish.unwrap_or(FinishReason::MaxLength),
            attentions: None,
        }
    }
}

/// Answers each input `num_return_sequences` times.
pub(super) fn run(
    session: &Session<'_>,
    listener: &mut Listener<'_>,
) -> Vec<Vec<GeneratedSequence>> {
    let num_answers = session.config.num_return_sequences;
    let num_inputs = session.num_inputs();
    let numbers = (0..num_inputs).flat_map(|input| (0..num_answers).map(move |n| (input, n)));
    let mut answers: Vec<Answer> = numbers
        .map(|(input, number)| Answer::new(session, input, number))
        .collect();
    finish(session, &mut answers, listener);
    let sequences = answers.into_iter();
    let mut sequences = sequences.map(|answer| answer.into_sequence(session));
    (0..num_inputs)
        .map(|_| sequences.by_ref().take(num_answers).collect())
        .collect()
}

/// Continues all answers to their ends.
fn finish(session: &Session<'_>, answers: &mut [Answer], listener: &mut Listener<'_>) {
    let mut cache = session.encoded.start(session.model);
    if answers.len() > session.num_inputs() {
        let inputs: Vec<usize> = answers.iter().map(|answer| answer.input).collect();
        cache.select_inputs(&inputs);
    }
    let mut active: Vec<usize> = (0..answers.len()).collect();
    loop {
        let num_seen = cache.length();
        let new: Vec<&[u32]> = active
            .iter()
            .map(|&row| &answers[row].ids[num_seen..])
            .collect();
        let logits = session.step(&new, &mut cache).logits;
        let ids = choose(session, answers, &active, last_logits(logits));
        for (&row, id) in active.iter().zip(ids) {
            answers[row].push(id, session, listener);
        }
        // Rows that are done stop costing.
        let kept: Vec<usize> = (0..active.len())
            .filter(|&place| answers[active[place]].finish.is_none())
            .collect();
        if kept.is_empty() {
            break;
        }
        if kept.len() < active.len() {
            active = kept.iter().map(|&place| active[place]).collect();
            cache.select_rows(&kept);
            cache.select_inputs(&kept);
        }
    }
}

/// The next id of each active answer, given the logits `[active, vocab]`.
fn choose(
    session: &Session<'_>,
    answers: &mut [Answer],
    active: &[usize],
    logits: Tensor<2>,
) -> Vec<u32> {
    let config = session.config;
    if session.processors.is_empty() && !config.do_sample && !config.output_scores {
        return logits.argmax(1).into_data().iter::<u32>().collect();
    }
    let mut scores = Scores::read(logits);
    let choose = |(place, &row): (usize, &usize)| {
        let answer = &mut answers[row];
        let scores = scores.rows_mut(place, 1);
        session.process(answer.input, &[&answer.ids], &[], scores);
        let id = answer.choose(scores);
        answer.note_score(id, scores, session);
        id
    };
    active.iter().enumerate().map(choose).collect()
}
