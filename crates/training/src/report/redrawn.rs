//! The page of a run that goes on.

use std::path::Path;

use super::write;
use crate::evaluation::Evaluation;
use crate::metrics::{History, StepMetrics};
use crate::progress::Observer;
use crate::run::RunSummary;

/// Draws the report anew at each evaluation. A page that cannot be written does not end the run: the
/// next evaluation tries again, and who writes the last page hears why it fails.
pub(crate) struct RedrawnReport {
    run: RunSummary,
}

impl RedrawnReport {
    /// For a run that has not begun: its history is filled here.
    pub(crate) fn new(run: RunSummary) -> Self {
        Self { run }
    }
}

impl Observer for RedrawnReport {
    fn resumed(&mut self, step: usize, history: &History) {
        self.run.num_steps = step;
        self.run.history = history.clone();
    }

    fn stepped(&mut self, step: usize) {
        self.run.num_steps = step;
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        self.run.history.steps.push(metrics.clone());
    }

    fn saved(&mut self, _step: usize, checkpoint: &Path) {
        self.run.checkpoint = checkpoint.to_owned();
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        let evaluations = &mut self.run.history.evaluations;
        evaluations.push((step, evaluation.clone()));
        let _ = write(&self.run.folder.report(), std::slice::from_ref(&self.run));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::evaluation::Example;
    use crate::recipe::Recipe;
    use crate::run_folder::RunFolder;

    fn metrics(step: usize) -> StepMetrics {
        StepMetrics {
            step,
            loss: 2.0,
            num_skipped: step as u64,
            ..StepMetrics::default()
        }
    }

    fn evaluation(predicted: &str) -> Evaluation {
        let answer = Example::Answer {
            task: "date".to_owned(),
            input: "today".to_owned(),
            expected: "now".to_owned(),
            predicted: predicted.to_owned(),
        };
        Evaluation {
            scores: vec![("exact_match".to_owned(), 0.5)],
            examples: vec![answer],
        }
    }

    #[test]
    fn the_page_follows_the_run_from_evaluation_to_evaluation() {
        let parent = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&parent.path().join("run")).unwrap();
        let (name, recipe) = Recipe::load("quickstart_t5", &[]).unwrap();
        let mut report = RedrawnReport::new(RunSummary {
            name,
            recipe,
            folder: folder.clone(),
            checkpoint: PathBuf::new(),
            history: History::default(),
            num_parameters: 7,
            num_steps: 0,
        });
        let page = || fs::read_to_string(folder.report()).unwrap_or_default();
        report.stepped(3);
        report.logged(&metrics(3));
        assert_eq!(page(), "");
        report.evaluated(3, &evaluation("an answer"));
        assert!(page().contains("3 of 450") && page().contains("an answer"));
        assert!(page().contains("Skipped steps so far") && !page().contains("Model:"));
        report.saved(4, &folder.checkpoints().path(4));
        report.stepped(6);
        report.evaluated(6, &evaluation("another one"));
        assert!(page().contains("6 of 450") && page().contains("another one"));
        assert!(page().contains("step-4") && page().ends_with("</html>\n"));
    }
}
