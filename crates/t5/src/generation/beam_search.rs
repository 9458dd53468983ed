//! Beam search over a batch: the beams of all inputs go through the decoder together. In a diverse
//! search (Vijayakumar et al. 2016) the beams of an input are split into groups, each a search of
//! its own, that avoid the ids which the groups before them have just taken.

use super::beams::{BeamRules, Beams, Hypothesis};
use super::output::{FinishReason, GeneratedSequence};
use super::random::Random;
use super::session::{Scores, Session, log_probabilities};

/// The best `num_return_sequences` answers to each input, best first.
pub(super) fn run(session: &Session<'_>) -> Vec<Vec<GeneratedSequence>> {
    let rules = rules(session);
    let num_beams = session.config.num_beams;
    let mut searches: Vec<Search> = (0..session.num_inputs())
        .map(|input| Search::new(session, input, &rules))
        .collect();
    let mut active: Vec<usize> = (0..searches.len()).collect();
    let mut cache = session.encoded.start(session.model);
    loop {
        let num_seen = cache.length();
        let running = active.iter().flat_map(|&input| searches[input].running());
        let new: Vec<&[u32]> = running.map(|beam| &beam.ids[num_seen..]).collect();
        let logits = session.step(&new, &mut cache).logits;
        let mut scores = Scores::read(log_probabilities(logits));
        let mut parents = Vec::with_capacity(new.len());
        let mut kept = Vec::with_capacity(active.len());
        for (place, &input) in active.iter().enumerate() {
            let first = place * num_beams;
            let search = &mut searches[input];
            let rows = search.advance(session, &rules, scores.rows_mut(first, num_beams));
            if !search.is_done(&rules) {
                kept.push(place);
                parents.extend(rows.into_iter().map(|parent| first + parent));
            }
        }
        if kept.is_empty() {
            break;
        }
        if kept.len() < active.len() {
            active = kept.iter().map(|&place| active[place]).collect();
            cache.select_inputs(&kept);
        }
        cache.select_rows(&parents);
    }
    let answers = searches.into_iter();
    answers
        .map(|search| search.into_sequences(session, &rules))
        .collect()
}

fn rules(session: &Session<'_>) -> BeamRules {
    let config = session.config;
    BeamRules {
        num_beams: config.num_beams / config.num_beam_groups,
        is_group: config.num_beam_groups > 1,
        length_penalty: config.length_penalty,
        early_stopping: config.early_stopping,
        eos: session.eos.clone(),
        limits: session.limits,
    }
}

/// The search for the answers to one input.
#[derive(Debug)]
struct Search {
    input: usize,
    groups: Vec<Beams>,
    random: Option<Random>,
}

impl Search {
    fn new(session: &Session<'_>, input: usize, rules: &BeamRules) -> Self {
        let group = |_| Beams::new(&session.inputs.prompts[input], rules);
        Self {
            input,
            groups: (0..session.config.num_beam_groups).map(group).collect(),
            random: session.config.do_sample.then(|| session.random(input, 0)),
        }
    }

    fn running(&self) -> impl Iterator<Item = &Hypothesis> {
        self.groups.iter().flat_map(|group| &group.running)
    }

    fn is_done(&self, rules: &BeamRules) -> bool {
        self.groups.iter().all(|group| group.is_done(rules))
    }

    /// Continues every beam, given the log-probabilities `[num_beams, vocab]` of its next id. Gives
    /// for each beam that now runs which of the former beams it continues.
    fn advance(
        &mut self,
        session: &Session<'_>,
        rules: &BeamRules,
        scores: &mut [f32],
    ) -> Vec<usize> {
        let group_size = rules.num_beams;
        let num_scores = scores.len() / self.groups.len();
        let mut taken = Vec::new();
        let mut parents = Vec::with_capacity(group_size * self.groups.len());
        for (index, group) in self.groups.iter_mut().enumerate() {
            let scores = &mut scores[index * num_scores..][..num_scores];
            let prefixes: Vec<&[u32]> = group
                .running
                .iter()
                .map(|beam| beam.ids.as_slice())
                .collect();
            session.process(self.input, &prefixes, &taken, scores);
            let was_settled = group.is_settled(rules);
            let rows = group.advance(scores, rules, self.random.as_mut());
            parents.extend(rows.into_iter().map(|parent| index * group_size + parent));
            match was_settled {
                // Such a group goes on with padding in transformers, which counts, too.
                true => taken.extend(std::iter::repeat_n(session.padding_id(), group_size)),
                false => taken.extend(group.running.iter().filter_map(|beam| beam.ids.last())),
            }
        }
        parents
    }

    /// The best answers of all groups, best first.
    fn into_sequences(self, session: &Session<'_>, rules: &BeamRules) -> Vec<GeneratedSequence> {
        let groups = self.groups.into_iter();
        let finished = groups.flat_map(|group| group.into_finished(rules));
        let mut finished: Vec<Hypothesis> = finished.collect();
        finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        finished.truncate(session.config.num_return_sequences);
        let sequences = finished.into_iter();
        sequences
            .map(|hypothesis| sequence(hypothesis, session))
            .collect()
    }
}

fn sequence(mut hypothesis: Hypothesis, session: &Session<'_>) -> GeneratedSequence {
    let mut ids = hypothesis.ids.split_off(session.limits.prompt);
    let ended = ids.pop_if(|id| session.ends(*id)).is_some();
    GeneratedSequence {
        ids,
        score: Some(hypothesis.score),
        token_scores: Some(hypothesis.token_scores),
        finish_reason: if ended {
            FinishReason::EndOfText
        } else {
            FinishReason::MaxLength
        },
        attentions: None,
    }
}
