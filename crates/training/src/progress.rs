//! What a run tells the program around it. The library itself prints nothing.

use std::path::Path;

use crate::evaluation::Evaluation;
use crate::metrics::{History, StepMetrics};

/// What is done before the first step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// A tokenizer is trained.
    TrainingTokenizer,
    /// Texts are read and tokenised; `fraction` of their bytes are done.
    ReadingTexts {
        /// 0 to 1.
        fraction: f64,
        /// Tokens so far.
        num_tokens: u64,
    },
    /// A corpus is generated and tokenised.
    GeneratingTexts,
}

impl Stage {
    /// What hears of so many more of the records and of their tokens, and tells the stage that it is then.
    pub(crate) fn reading(
        num_records: usize,
        mut tell: impl FnMut(Self),
    ) -> impl FnMut(usize, usize) {
        let (mut num_read, mut num_tokens) = (0, 0);
        move |records, tokens: usize| {
            num_read += records;
            num_tokens += tokens as u64;
            tell(Self::ReadingTexts {
                fraction: num_read as f64 / num_records.max(1) as f64,
                num_tokens,
            });
        }
    }
}

/// A run that is about to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The recipe's name.
    pub name: String,
    /// Optimizer steps.
    pub num_steps: usize,
    /// Parameters that are trained.
    pub num_parameters: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Tokens of the training texts.
    pub num_tokens: usize,
}

/// Told of what happens in a run, on the thread that trains: be quick.
pub trait Observer {
    /// A stage before the first step goes on.
    fn preparing(&mut self, _stage: Stage) {}
    /// Everything is ready for the first step.
    fn started(&mut self, _plan: &Plan, _folder: &Path) {}
    /// The run goes on after this step, with what was measured up to it: it was resumed, or has gone
    /// back to a checkpoint.
    fn resumed(&mut self, _step: usize, _history: &History) {}
    /// A step is done and judged; steps count from one. The device may be at work on the next.
    fn stepped(&mut self, _step: usize) {}
    /// Metrics were read back from the device.
    fn logged(&mut self, _metrics: &StepMetrics) {}
    /// The held-out texts are being scored after this step.
    fn evaluating(&mut self, _step: usize) {}
    /// So many of all examples were scored; of a model alone, outside of a run.
    fn scored(&mut self, _num_scored: usize, _num_examples: usize) {}
    /// The held-out texts were scored after this step.
    fn evaluated(&mut self, _step: usize, _evaluation: &Evaluation) {}
    /// A checkpoint was written after this step.
    fn saved(&mut self, _step: usize, _checkpoint: &Path) {}
    /// Something is not as it should be, and training goes on.
    fn warned(&mut self, _message: &str) {}
    /// Whether the run shall end after this step, with a checkpoint.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// Tells several what happens, one after the other. The run ends when any of them wants it to.
pub struct Several<'a>(pub Vec<&'a mut dyn Observer>);

impl Observer for Several<'_> {
    fn preparing(&mut self, stage: Stage) {
        self.0.iter_mut().for_each(|one| one.preparing(stage));
    }

    fn started(&mut self, plan: &Plan, folder: &Path) {
        self.0.iter_mut().for_each(|one| one.started(plan, folder));
    }

    fn resumed(&mut self, step: usize, history: &History) {
        self.0.iter_mut().for_each(|one| one.resumed(step, history));
    }

    fn stepped(&mut self, step: usize) {
        self.0.iter_mut().for_each(|one| one.stepped(step));
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        self.0.iter_mut().for_each(|one| one.logged(metrics));
    }

    fn evaluating(&mut self, step: usize) {
        self.0.iter_mut().for_each(|one| one.evaluating(step));
    }

    fn scored(&mut self, num_scored: usize, num_examples: usize) {
        let several = self.0.iter_mut();
        several.for_each(|one| one.scored(num_scored, num_examples));
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        (self.0.iter_mut()).for_each(|one| one.evaluated(step, evaluation));
    }

    fn saved(&mut self, step: usize, checkpoint: &Path) {
        self.0
            .iter_mut()
            .for_each(|one| one.saved(step, checkpoint));
    }

    fn warned(&mut self, message: &str) {
        self.0.iter_mut().for_each(|one| one.warned(message));
    }

    fn is_interrupted(&self) -> bool {
        self.0.iter().any(|one| one.is_interrupted())
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard {
        events: Vec<String>,
        is_interrupted: bool,
    }

    impl Observer for Heard {
        fn preparing(&mut self, _stage: Stage) {
            self.events.push("preparing".to_owned());
        }
        fn started(&mut self, _plan: &Plan, _folder: &Path) {
            self.events.push("started".to_owned());
        }
        fn resumed(&mut self, step: usize, _history: &History) {
            self.events.push(format!("resumed {step}"));
        }
        fn stepped(&mut self, step: usize) {
            self.events.push(format!("stepped {step}"));
        }
        fn logged(&mut self, metrics: &StepMetrics) {
            self.events.push(format!("logged {}", metrics.step));
        }
        fn evaluating(&mut self, step: usize) {
            self.events.push(format!("evaluating {step}"));
        }
        fn scored(&mut self, num_scored: usize, num_examples: usize) {
            self.events
                .push(format!("scored {num_scored} of {num_examples}"));
        }
        fn evaluated(&mut self, step: usize, _evaluation: &Evaluation) {
            self.events.push(format!("evaluated {step}"));
        }
        fn saved(&mut self, step: usize, _checkpoint: &Path) {
            self.events.push(format!("saved {step}"));
        }
        fn warned(&mut self, message: &str) {
            self.events.push(message.to_owned());
        }
        fn is_interrupted(&self) -> bool {
            self.is_interrupted
        }
    }

    #[test]
    fn each_of_several_hears_every_event_and_any_ends_the_run() {
        let plan = Plan {
            name: "tiny".to_owned(),
            num_steps: 9,
            num_parameters: 1,
            vocab_size: 1,
            num_tokens: 1,
        };
        let (mut one, mut two) = (Heard::default(), Heard::default());
        two.is_interrupted = true;
        let mut several = Several(vec![&mut one, &mut two]);
        assert!(several.is_interrupted());
        several.preparing(Stage::GeneratingTexts);
        several.started(&plan, Path::new("run"));
        several.resumed(1, &History::default());
        several.stepped(2);
        several.logged(&StepMetrics::default());
        several.evaluating(3);
        several.scored(2, 5);
        several.evaluated(4, &Evaluation::default());
        several.saved(5, Path::new("step-5"));
        several.warned("beware");
        let expected = [
            "preparing",
            "started",
            "resumed 1",
            "stepped 2",
            "logged 0",
            "evaluating 3",
            "scored 2 of 5",
            "evaluated 4",
            "saved 5",
            "beware",
        ];
        assert_eq!(one.events, expected);
        assert_eq!(two.events, expected);
        assert!(!Several(vec![&mut one, &mut Silent]).is_interrupted());
    }
}
