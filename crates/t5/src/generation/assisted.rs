//! Assisted decoding (Leviathan et al. 2023, "Fast Inference from Transformers via Speculative
//! Decoding"): a smaller model guesses the next ids, the larger one checks all of them in one step.
//! The answers are those of the larger one alone, or draws from its probabilities.

use super::config::AssistantTokensSchedule;
use super::output::{GeneratedSequence, Listener};
use super::processors::softmax;
use super::random::Random;
use super::sampling::Answer;
use super::scores::Normalizer;
use super::session::{Encoded, Scores, Session, last_logits, step};
use crate::{DecoderCache, T5ForConditionalGeneration};

/// Answers each input once, one after the other.
pub(super) fn run(
    session: &Session<'_>,
    assistant: &T5ForConditionalGeneration,
    listener: &mut Listener<'_>,
) -> Vec<Vec<GeneratedSequence>> {
    let inputs = Encoded::new(assistant, &session.inputs);
    let config = session.config;
    let mut num_guesses = config.num_assistant_tokens;
    let mut sequences = Vec::with_capacity(session.num_inputs());
    for input in 0..session.num_inputs() {
        if config.num_assistant_tokens_schedule == AssistantTokensSchedule::HeuristicTransient {
            num_guesses = config.num_assistant_tokens;
        }
        let mut pair = Pair {
            session,
            assistant,
            cache: session.encoded.start_one(session.model, input),
            assistant_cache: inputs.start_one(assistant, input),
            answer: Answer::new(session, input, 0),
        };
        while pair.answer.finish.is_none() {
            let guesses = pair.guess(num_guesses);
            let num_right = pair.check(&guesses, listener);
            num_guesses = match config.num_assistant_tokens_schedule {
                AssistantTokensSchedule::Constant => num_guesses,
                _ if num_right == guesses.len() => num_guesses + 2,
                _ => (num_guesses - 1).max(1),
            };
        }
        sequences.push(vec![pair.answer.into_sequence(session)]);
    }
    sequences
}

/// The two models on one answer.
struct Pair<'a> {
    session: &'a Session<'a>,
    assistant: &'a T5ForConditionalGeneration,
    cache: DecoderCache,
    assistant_cache: DecoderCache,
    answer: Answer,
}

/// An id that the assistant expects.
struct Guess {
    id: u32,
    /// The processed scores that it was chosen by.
    scores: Vec<f32>,
}

impl Pair<'_> {
    /// What the assistant expects next: up to `num_guesses` ids, fewer where it gets unsure, and
    /// leaving room for the one that the larger model adds.
    fn guess(&mut self, num_guesses: usize) -> Vec<Guess> {
        let session = self.session;
        let threshold = session.config.assistant_confidence_threshold as f32;
        let mut ids = self.answer.ids.clone();
        let room = session.limits.max.saturating_sub(ids.len() + 1);
        let mut guesses = Vec::new();
        while guesses.len() < num_guesses.min(room) {
            let new = &ids[self.assistant_cache.length()..];
            let logits = step(self.assistant, &[new], &mut self.assistant_cache).logits;
            let mut scores = Scores::read(last_logits(logits));
            let scores = scores.rows_mut(0, 1);
            session.process(self.answer.input, &[&ids], &[], scores);
            let id = self.answer.choose(scores);
            let is_unsure =
                Normalizer::of(scores).log_probability(scores[id as usize]) < threshold.ln();
            ids.push(id);
            guesses.push(Guess {
                id,
                scores: scores.to_vec(),
            });
            if is_unsure || session.ends(id) {
                break;
            }
        }
        guesses
    }

    /// Takes the guesses up to the first that the larger model does not choose, and then the one
    /// that it chooses. Gives how many guesses were right.
    fn check(&mut self, guesses: &[Guess], listener: &mut Listener<'_>) -> usize {
        let session = self.session;
        let mut new = self.answer.ids[self.cache.length()..].to_vec();
        let num_pending = new.len();
        new.extend(guesses.iter().map(|guess| guess.id));
        let logits = session.step(&[&new], &mut self.cache).logits;
        let checked = logits.narrow(1, num_pending - 1, guesses.len() + 1);
        let mut scores = Scores::read(checked.squeeze_dim(0));
        let mut num_right = 0;
        for place in 0..=guesses.len() {
            let guess = guesses.get(place);
            let row = scores.rows_mut(place, 1);
            session.process(self.answer.input, &[&self.answer.ids], &[], row);
            let id = choose(&mut self.answer, row, guess);
            self.answer.note_score(id, row, session);
            self.answer.push(id, session, listener);
            let was_right = guess.is_some_and(|guess| guess.id == id);
            num_right += usize::from(was_right);
            if !was_right || self.answer.finish.is_some() {
                break;
            }
        }
        // The last id is not in the past yet.
        let num_certain = self.answer.ids.len() - 1;
        self.cache.truncate(num_certain);
        self.assistant_cache.truncate(num_certain);
        num_right
    }
}

/// The id by the processed `scores` of the larger model where the assistant guessed `guess`.
fn choose(answer: &mut Answer, scores: &[f32], guess: Option<&Guess>) -> u32 {
    match (&mut answer.random, guess) {
        (Some(random), Some(guess)) => correct(guess, scores, random),
        _ => answer.choose(scores),
    }
}

/// The guess with a probability that makes it a draw from the larger model, otherwise a draw from
/// what the larger model finds likelier than the assistant does (Leviathan et al. 2023, algorithm 1).
fn correct(guess: &Guess, scores: &[f32], random: &mut Random) -> u32 {
    let (wanted, guessed) = (softmax(scores), softmax(&guess.scores));
    let id = guess.id as usize;
    if random.uniform() as f32 * guessed[id] < wanted[id] {
        return guess.id;
    }
    let excess = wanted.iter().zip(&guessed);
    random.weighted(excess.map(|(wanted, guessed)| f64::from(wanted - guessed).max(0.0))) as u32
}
