//! Beam search (Graves 2012; with the length penalty, stopping rules and n-best lists of Hugging
//! Face), greedy or by sampling without replacement.

use super::config::{EarlyStopping, LengthLimits};
use super::random::Random;
use super::scores::{Candidate, best_candidates};

/// Far below any sum of log-probabilities, and still finite.
const NEVER: f32 = -1e9;

/// What does not change from step to step.
#[derive(Debug, Clone)]
pub(super) struct BeamRules {
    pub num_beams: usize,
    /// Whether these beams are one of several groups. Groups finish as in transformers 4, which
    /// had them last: a text that is cut off at the limit waits for the end of the search, and may
    /// be beaten by any continuation of the last step, ended ones too.
    pub is_group: bool,
    pub length_penalty: f64,
    pub early_stopping: EarlyStopping,
    /// Ids that end a text.
    pub eos: Vec<u32>,
    pub limits: LengthLimits,
}

/// A text in the making.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    /// From the start id on.
    pub ids: Vec<u32>,
    /// Sum of the log-probabilities; of a finished one, divided by the length penalty.
    pub score: f32,
    /// The processed log-probability of each id after the prompt.
    pub token_scores: Vec<f32>,
}

/// The beams of one input: those that still run and the best that have finished.
#[derive(Debug)]
pub(super) struct Beams {
    pub running: Vec<Hypothesis>,
    finished: Vec<Finished>,
    /// Whether the running beams may still beat the finished ones.
    can_improve: bool,
    /// Whether no beam can be continued.
    is_exhausted: bool,
}

/// A finished hypothesis, or the place of one.
#[derive(Debug, Clone)]
struct Finished {
    score: f32,
    hypothesis: Option<Hypothesis>,
}

/// A way to continue one of the beams.
struct Continuation {
    score: f32,
    parent: usize,
    id: u32,
    token_score: f32,
    ends: bool,
}

impl Beams {
    /// All beams start from `prompt`; only the first counts, so that the first step spreads them.
    pub(super) fn new(prompt: &[u32], rules: &BeamRules) -> Self {
        let hypothesis = |beam| Hypothesis {
            ids: prompt.to_vec(),
            score: if beam == 0 { 0.0 } else { NEVER },
            token_scores: Vec::new(),
        };
        let unfinished = Finished {
            score: NEVER,
            hypothesis: None,
        };
        Self {
            running: (0..rules.num_beams).map(hypothesis).collect(),
            finished: vec![unfinished; rules.num_beams],
            can_improve: true,
            is_exhausted: false,
        }
    }

    /// Continues the beams by one id each, given the processed log-probabilities
    /// `[num_beams, vocab]` of the next one. Gives, for each beam that now runs, which of the
    /// former beams it continues.
    pub(super) fn advance(
        &mut self,
        log_probabilities: &[f32],
        rules: &BeamRules,
        random: Option<&mut Random>,
    ) -> Vec<usize> {
        let continuations = self.continuations(log_probabilities, rules, random);
        self.finish(&continuations, rules);
        let parents = self.run_on(&continuations, rules.num_beams);
        let all_end = continuations.iter().all(|next| next.ends);
        self.is_exhausted = all_end || self.length() >= rules.limits.max;
        let best = match rules.is_group {
            true => continuations[0].score,
            false => self.running[0].score,
        };
        self.can_improve &= self.may_beat_finished(best, rules);
        parents
    }

    /// Whether the list of finished hypotheses is final.
    pub(super) fn is_done(&self, rules: &BeamRules) -> bool {
        self.is_exhausted || self.is_settled(rules)
    }

    /// Whether nothing that follows may enter the list of finished hypotheses.
    pub(super) fn is_settled(&self, rules: &BeamRules) -> bool {
        let is_full = || self.finished.iter().all(|beam| beam.hypothesis.is_some());
        !self.can_improve || (rules.early_stopping == EarlyStopping::True && is_full())
    }

    /// The finished hypotheses, best first; where nothing could finish, the best that runs.
    pub(super) fn into_finished(mut self, rules: &BeamRules) -> Vec<Hypothesis> {
        if rules.is_group && !self.is_settled(rules) {
            let penalty = self.penalty(self.length(), rules);
            for mut hypothesis in std::mem::take(&mut self.running) {
                hypothesis.score /= penalty;
                self.add(hypothesis, rules);
            }
        }
        let finished = self.finished.into_iter().filter_map(|beam| beam.hypothesis);
        let finished: Vec<_> = finished.collect();
        if finished.is_empty() {
            return self.running.into_iter().take(1).collect();
        }
        finished
    }

    /// The best continuations of all beams, enough of them that `num_beams` can run on even if
    /// each of the others ends its text.
    fn continuations(
        &self,
        log_probabilities: &[f32],
        rules: &BeamRules,
        random: Option<&mut Random>,
    ) -> Vec<Continuation> {
        let num_kept = rules.num_beams * (1 + rules.eos.len()).max(2);
        let vocab = log_probabilities.len() / rules.num_beams;
        let mut sums = log_probabilities.to_vec();
        for (row, beam) in sums.chunks_exact_mut(vocab).zip(&self.running) {
            row.iter_mut().for_each(|score| *score += beam.score);
        }
        let candidates = match random {
            Some(random) => random.without_replacement(&sums, num_kept),
            None => best_candidates(&sums, num_kept),
        };
        let at_limit = !rules.is_group && self.length() + 1 >= rules.limits.max;
        let continuation = |Candidate { index, score }| {
            let id = (index % vocab) as u32;
            Continuation {
                score,
                parent: index / vocab,
                id,
                token_score: log_probabilities[index],
                ends: at_limit || rules.eos.contains(&id),
            }
        };
        candidates.into_iter().map(continuation).collect()
    }

    fn length(&self) -> usize {
        self.running[0].ids.len()
    }

    /// Takes those of the first `num_beams` continuations that end into the list of the finished.
    fn finish(&mut self, continuations: &[Continuation], rules: &BeamRules) {
        if self.is_settled(rules) {
            return;
        }
        let penalty = self.penalty(self.length() + 1, rules);
        let among_the_best = continuations.iter().take(rules.num_beams);
        for next in among_the_best.filter(|next| next.ends) {
            let mut hypothesis = self.continued(next);
            hypothesis.score /= penalty;
            self.add(hypothesis, rules);
        }
    }

    /// Adds a finished hypothesis if it is among the best.
    fn add(&mut self, hypothesis: Hypothesis, rules: &BeamRules) {
        self.finished.push(Finished {
            score: hypothesis.score,
            hypothesis: Some(hypothesis),
        });
        // Stable, so that of equal ones the earlier stays in front.
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished.truncate(rules.num_beams);
    }

    /// What the score of a text of this length, the prompt included, is divided by.
    fn penalty(&self, length: usize, rules: &BeamRules) -> f32 {
        ((length - rules.limits.prompt) as f64).powf(rules.length_penalty) as f32
    }

    /// Goes on with the best continuations that do not end.
    fn run_on(&mut self, continuations: &[Continuation], num_beams: usize) -> Vec<usize> {
        let score = |next: &Continuation| next.score + if next.ends { NEVER } else { 0.0 };
        let mut order: Vec<&Continuation> = continuations.iter().collect();
        order.sort_by(|a, b| score(b).total_cmp(&score(a)));
        order.truncate(num_beams);
        let running = order.iter().map(|next| Hypothesis {
            score: score(next),
            ..self.continued(next)
        });
        self.running = running.collect();
        order.iter().map(|next| next.parent).collect()
    }

    fn continued(&self, next: &Continuation) -> Hypothesis {
        let mut hypothesis = self.running[next.parent].clone();
        hypothesis.ids.push(next.id);
        hypothesis.token_scores.push(next.token_score);
        hypothesis.score = next.score;
        hypothesis
    }

    /// Whether a text of this sum of log-probabilities may still end better than the worst finished
    /// one. With a length penalty this is a guess: that the text ends here, or under `never` as late
    /// as it can.
    fn may_beat_finished(&self, sum: f32, rules: &BeamRules) -> bool {
        let longest = rules.early_stopping == EarlyStopping::Never && rules.length_penalty > 0.0;
        let end = if longest {
            rules.limits.max
        } else {
            self.length()
        };
        let best = sum / self.penalty(end, rules);
        let worst = self.finished.iter().map(|beam| beam.score);
        let worst = worst.fold(f32::INFINITY, f32::min);
        let beats = |beam: &Finished| match beam.hypothesis {
            Some(_) => best > worst,
            None => best > NEVER,
        };
        self.finished.iter().any(beats)
    }
}
