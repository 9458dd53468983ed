//! Contrastive search (Su et al. 2022, "A Contrastive Framework for Neural Text Generation"): of the
//! likeliest ids the one that is likely and whose hidden state is unlike those before it.

use burn::tensor::Tensor;

use super::output::{GeneratedSequence, Listener};
use super::sampling::Answer;
use super::scores::{Candidate, Normalizer, argmax, best_candidates};
use super::session::{Scores, Session, last_logits};
use crate::cache::row_indices;
use crate::{DecoderCache, DecoderStep};

/// An answer in the making.
struct Search {
    answer: Answer,
    /// The directions of the hidden states so far, one after the other.
    context: Vec<f32>,
}

/// The inputs that are not done yet, in the order of the cache.
struct Active {
    searches: Vec<usize>,
    cache: DecoderCache,
    /// Of the next id, `[active]`.
    scores: Scores,
}

/// Answers each input once.
pub(super) fn run(
    session: &Session<'_>,
    listener: &mut Listener<'_>,
) -> Vec<Vec<GeneratedSequence>> {
    let mut cache = session.encoded.start(session.model);
    let prompts: Vec<&[u32]> = session.inputs.prompts.iter().map(Vec::as_slice).collect();
    let first = session.step(&prompts, &mut cache);
    let context = directions(first.hidden);
    let contexts = context.chunks(context.len() / session.num_inputs());
    let mut searches: Vec<Search> = contexts
        .enumerate()
        .map(|(input, context)| Search {
            answer: Answer::new(session, input, 0),
            context: context.to_vec(),
        })
        .collect();
    let mut active = Active {
        searches: (0..searches.len()).collect(),
        cache,
        scores: Scores::read(last_logits(first.logits)),
    };
    while !active.searches.is_empty() {
        advance(session, &mut searches, &mut active, listener);
    }
    let answers = searches.into_iter();
    answers
        .map(|search| vec![search.answer.into_sequence(session)])
        .collect()
}

/// Continues every active answer by one id.
fn advance(
    session: &Session<'_>,
    searches: &mut [Search],
    active: &mut Active,
    listener: &mut Listener<'_>,
) {
    let alpha = session.config.penalty_alpha.unwrap_or_default() as f32;
    let Tried {
        candidates,
        num_each,
        logits,
        hidden,
    } = try_candidates(session, searches, active);
    let width = hidden.len() / candidates.len();
    let (mut kept_places, mut kept_rows) = (Vec::new(), Vec::new());
    for (place, candidates) in candidates.chunks(num_each).enumerate() {
        let first = place * num_each;
        let hidden = &hidden[first * width..][..num_each * width];
        let search = &mut searches[active.searches[place]];
        let best = search.best(candidates, hidden, alpha);
        let direction = &hidden[best * width..][..width];
        search.context.extend_from_slice(direction);
        let id = candidates[best].index as u32;
        let scores = active.scores.row(place);
        search.answer.note_score(id, scores, session);
        search.answer.push(id, session, listener);
        if search.answer.finish.is_none() {
            kept_places.push(place);
            kept_rows.push(first + best);
        }
    }
    let kept = kept_places.iter().map(|&place| active.searches[place]);
    active.searches = kept.collect();
    if !kept_rows.is_empty() {
        active.cache.select_inputs(&kept_places);
        active.cache.select_rows(&kept_rows);
        let rows = row_indices(&kept_rows, &logits.device());
        active.scores = Scores::read(last_logits(logits.select(0, rows)));
    }
}

/// The candidates of all active answers, `num_each` of each, and what the model makes of them.
struct Tried {
    candidates: Vec<Candidate>,
    num_each: usize,
    /// `[candidates, 1, vocab]`.
    logits: Tensor<3>,
    /// The direction of the hidden state of each candidate.
    hidden: Vec<f32>,
}

/// Tries the likeliest ids of each active answer, each as a row of its own.
fn try_candidates(session: &Session<'_>, searches: &[Search], active: &mut Active) -> Tried {
    let mut candidates = Vec::new();
    for (place, &row) in active.searches.iter().enumerate() {
        let scores = active.scores.rows_mut(place, 1);
        candidates.extend(propose(session, &searches[row].answer, scores));
    }
    let num_answers = active.searches.len();
    let num_each = candidates.len() / num_answers;
    let rows = (0..num_answers).flat_map(|place| std::iter::repeat_n(place, num_each));
    active.cache.select_rows(&rows.collect::<Vec<_>>());
    let ids: Vec<u32> = candidates
        .iter()
        .map(|candidate| candidate.index as u32)
        .collect();
    let rows: Vec<&[u32]> = ids.chunks(1).collect();
    let DecoderStep { logits, hidden } = session.step(&rows, &mut active.cache);
    Tried {
        candidates,
        num_each,
        logits,
        hidden: directions(hidden),
    }
}

/// Processes the scores of the next id and gives the likeliest with their probabilities.
fn propose(session: &Session<'_>, answer: &Answer, scores: &mut [f32]) -> Vec<Candidate> {
    session.process(answer.input, &[&answer.ids], &[], scores);
    let mut best = best_candidates(scores, session.config.top_k);
    let normalizer = Normalizer::of(scores);
    for candidate in &mut best {
        candidate.score = normalizer.log_probability(candidate.score).exp();
    }
    best
}

impl Search {
    /// The candidate with the best balance of probability and of unlikeness to all that is there.
    fn best(&self, candidates: &[Candidate], hidden: &[f32], alpha: f32) -> usize {
        let width = hidden.len() / candidates.len();
        let likeness = |direction: &[f32]| {
            let products = self.context.chunks(width).map(|past| dot(past, direction));
            products.fold(f32::NEG_INFINITY, f32::max)
        };
        let balances = candidates.iter().zip(hidden.chunks(width));
        let balances: Vec<f32> = balances
            .map(|(candidate, direction)| {
                (1.0 - alpha) * candidate.score - alpha * likeness(direction)
            })
            .collect();
        argmax(&balances)
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// Hidden states `[rows, positions, d_model]` scaled to length 1, on the host.
fn directions(hidden: Tensor<3>) -> Vec<f32> {
    let [_, _, width] = hidden.dims();
    let mut values: Vec<f32> = hidden.into_data().iter::<f32>().collect();
    for state in values.chunks_mut(width) {
        let length = dot(state, state).sqrt().max(f32::MIN_POSITIVE);
        state.iter_mut().for_each(|value| *value /= length);
    }
    values
}
