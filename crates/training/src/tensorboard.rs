//! Event files that TensorBoard reads.

mod event_file;

use std::path::Path;

use crate::TrainingError;
use crate::evaluation::Evaluation;
use crate::metrics::{History, StepMetrics};
use crate::progress::{Observer, Plan};
use event_file::{EventFile, START, Scalar, SessionLog, Summary, What};

/// Writes what is measured into the folder `tensorboard` of the run.
///
/// A file that cannot be written does not end the run: nothing more is written, and
/// [`TensorBoard::finish`] says why.
#[derive(Default)]
pub struct TensorBoard {
    events: Option<EventFile>,
    failure: Option<TrainingError>,
}

impl TensorBoard {
    /// Ends the file.
    ///
    /// # Errors
    /// The first failure to create or write it.
    pub fn finish(self) -> Result<(), TrainingError> {
        self.failure.map_or(Ok(()), Err)
    }

    fn write(&mut self, step: usize, what: What) {
        if let Some(events) = &mut self.events
            && let Err(error) = events.write(step, what)
        {
            self.failure = Some(error);
            self.events = None;
        }
    }

    fn write_scalars(&mut self, step: usize, scalars: impl Iterator<Item = (String, f64)>) {
        let value = scalars
            .map(|(tag, value)| Scalar {
                tag,
                simple_value: Some(value as f32),
            })
            .collect();
        self.write(step, What::Summary(Summary { value }));
    }
}

impl Observer for TensorBoard {
    fn started(&mut self, _plan: &Plan, folder: &Path) {
        match EventFile::create(&folder.join("tensorboard")) {
            Ok(events) => self.events = Some(events),
            Err(error) => self.failure = Some(error),
        }
    }

    fn resumed(&mut self, step: usize, _history: &History) {
        self.write(step + 1, What::SessionLog(SessionLog { status: START }));
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        let named = [
            ("training/loss", metrics.loss),
            ("training/gradient_norm", metrics.gradient_norm),
            ("training/learning_rate", metrics.learning_rate),
            ("training/num_skipped", metrics.num_skipped as f64),
            ("speed/tokens_per_second", metrics.tokens_per_second),
            ("speed/flops_per_second", metrics.flops_per_second),
        ];
        let terms = metrics.terms.iter();
        let scalars = (named.into_iter())
            .map(|(tag, value)| (tag.to_owned(), value))
            .chain(terms.map(|(name, value)| (format!("training/{name}"), *value)))
            .chain(
                (metrics.memory_bytes).map(|bytes| ("speed/memory_bytes".to_owned(), bytes as f64)),
            );
        self.write_scalars(metrics.step, scalars);
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        let scores = evaluation.scores.iter();
        let scalars =
            scores.map(|(name, value)| (format!("held_out/{}", name.replace('.', "/")), *value));
        self.write_scalars(step, scalars);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use prost::Message;

    use super::event_file::{Event, masked_checksum};
    use super::*;

    /// The messages of a file; every checksum is checked.
    fn messages(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let checksum = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(checksum(8), masked_checksum(&bytes[..8]));
            let message = &bytes[12..12 + length];
            assert_eq!(checksum(12 + length), masked_checksum(message));
            events.push(Event::decode(message).unwrap());
            bytes = &bytes[16 + length..];
        }
        events
    }

    #[test]
    fn what_a_run_tells_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::default();
        board.started(&plan(), folder.path());
        board.resumed(4, &History::default());
        board.logged(&StepMetrics {
            step: 5,
            loss: 0.0,
            memory_bytes: Some(2),
            terms: vec![("nll".to_owned(), 1.5)],
            ..StepMetrics::default()
        });
        let scores = vec![("exact_match.date".to_owned(), 0.25)];
        board.evaluated(
            5,
            &Evaluation {
                scores,
                examples: Vec::new(),
            },
        );
        board.finish().unwrap();
        let mut files = fs::read_dir(folder.path().join("tensorboard")).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(file.to_str().unwrap().contains("tfevents"));
        let events = messages(&fs::read(file).unwrap());
        assert_eq!(events.len(), 4);
        assert!(events.iter().all(|event| event.wall_time > 1e9));
        assert_eq!(events[1].step, 5);
        assert_eq!(scalar(&events[2], "training/loss"), Some(0.0));
        assert_eq!(scalar(&events[2], "training/nll"), Some(1.5));
        assert_eq!(scalar(&events[2], "speed/memory_bytes"), Some(2.0));
        assert_eq!(scalar(&events[3], "held_out/exact_match/date"), Some(0.25));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tensorboard"), "a file").unwrap();
        let mut board = TensorBoard::default();
        board.started(&plan(), folder.path());
        board.logged(&StepMetrics::default());
        let error = board.finish().unwrap_err().to_string();
        assert!(error.contains("tensorboard"), "{error}");
    }

    fn plan() -> Plan {
        Plan {
            name: "tiny".to_owned(),
            num_steps: 10,
            num_parameters: 1,
            vocab_size: 1,
            num_tokens: 1,
        }
    }

    fn scalar(event: &Event, tag: &str) -> Option<f32> {
        let Some(What::Summary(summary)) = &event.what else {
            return None;
        };
        let found = summary.value.iter().find(|value| value.tag == tag)?;
        found.simple_value
    }
}
