use std::path::Path;

use burn::tensor::Device;
use lamplight_t5::GenerationConfig;
use serde::Serialize;

use crate::PipelineError;
use crate::text_to_text::TextToText;

/// Fills the blanks `<extra_id_0>`, `<extra_id_1>` .. of a text, as T5 was pre-trained to (Raffel et al. 2020,
/// section 3.1.4).
///
/// ```
/// use lamplight_pipelines::SpanFiller;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_t5");
/// # let device = lamplight_testing::test_device();
/// let filler = SpanFiller::from_pretrained(folder.as_ref(), &device)?;
/// let filled = filler.fill(&["Anna <extra_id_0> in Berlin, near <extra_id_1>."])?;
/// println!("{}: {:?}", filled[0].text, filled[0].spans);
/// # assert_eq!(filled[0].spans.len(), 2);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SpanFiller {
    model: TextToText,
    /// The ids of the sentinels.
    sentinels: Vec<u32>,
}

/// A text with its blanks filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilledText {
    /// What fills each blank, in the order of the text; none where the model said nothing of it.
    pub spans: Vec<Option<String>>,
    /// The text with them; a blank that the model said nothing of stays.
    pub text: String,
}

impl SpanFiller {
    /// Reads a T5 with its tokenizer.
    ///
    /// # Errors
    /// As [`TextToText::from_pretrained`].
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let (model, _) = TextToText::open(folder, "SpanFiller", device)?;
        let sentinels = model.sentinels();
        Ok(Self { model, sentinels })
    }

    /// How spans are generated.
    ///
    /// # Errors
    /// The config cannot be followed.
    pub fn with_generation(self, generation: GenerationConfig) -> Result<Self, PipelineError> {
        let model = self.model.with_generation(generation)?;
        Ok(Self { model, ..self })
    }

    /// Each text with its blanks filled. Of a text longer than the model reads, the beginning counts.
    ///
    /// # Errors
    /// [`PipelineError::NoBlank`] for a text without a blank, or the tokenizer fails.
    pub fn fill<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<FilledText>, PipelineError> {
        let blanks = texts
            .iter()
            .map(|text| blanks(text.as_ref(), self.sentinels.len()));
        let blanks: Vec<_> = blanks.collect();
        if let Some(text) = blanks.iter().position(Vec::is_empty) {
            let blank = "<extra_id_0>";
            return Err(PipelineError::NoBlank { text, blank });
        }
        let answers = self.model.sequences(texts)?;
        let texts = texts.iter().zip(blanks).zip(answers);
        let texts = texts.map(|((text, blanks), answers)| {
            let ids = answers.first().map_or(&[][..], |answer| &answer.ids);
            let spans = blanks.iter().map(|blank| self.span(ids, blank.sentinel));
            let spans = spans.collect::<Result<Vec<_>, _>>()?;
            Ok(FilledText {
                text: filled(text.as_ref(), &blanks, &spans),
                spans,
            })
        });
        texts.collect()
    }

    /// What an answer says of this sentinel.
    fn span(&self, ids: &[u32], sentinel: usize) -> Result<Option<String>, PipelineError> {
        let Some(ids) = behind(ids, self.sentinels[sentinel], &self.sentinels) else {
            return Ok(None);
        };
        let span = self.model.decode(ids)?;
        Ok(Some(span.trim().to_owned()))
    }
}

/// What stands between a sentinel and the next; none where it is missing.
fn behind<'a>(ids: &'a [u32], sentinel: u32, sentinels: &[u32]) -> Option<&'a [u32]> {
    let at = ids.iter().position(|id| *id == sentinel)?;
    let rest = &ids[at + 1..];
    let end = rest.iter().position(|id| sentinels.contains(id));
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// A sentinel in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Blank {
    /// Its number.
    sentinel: usize,
    /// Its bytes.
    start: usize,
    end: usize,
}

/// The first `num_sentinels` sentinels where a text has them.
fn blanks(text: &str, num_sentinels: usize) -> Vec<Blank> {
    let found = text
        .match_indices("<extra_id_")
        .filter_map(|(start, name)| {
            let digits = text[start + name.len()..].split_once('>')?.0;
            let sentinel: usize = digits.parse().ok()?;
            // Compared as a whole: neither "007" nor "+7" is a sentinel's number.
            let is_plain = digits == sentinel.to_string() && sentinel < num_sentinels;
            let end = start + name.len() + digits.len() + 1;
            is_plain.then_some(Blank {
                sentinel,
                start,
                end,
            })
        });
    found.collect()
}

fn filled(text: &str, blanks: &[Blank], spans: &[Option<String>]) -> String {
    let (mut filled, mut from) = (String::new(), 0);
    for (blank, span) in blanks.iter().zip(spans) {
        filled.push_str(&text[from..blank.start]);
        filled.push_str(span.as_deref().unwrap_or(&text[blank.start..blank.end]));
        from = blank.end;
    }
    filled.push_str(&text[from..]);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_found_by_their_whole_names() {
        let text = "é <extra_id_1> <extra_id_007> <extra_id_> <extra_id_9> <extra_id_0><extra_id_";
        let found: Vec<_> = blanks(text, 9).iter().map(|blank| blank.sentinel).collect();
        assert_eq!(found, [1, 0]);
    }

    #[test]
    fn a_span_ends_at_the_next_sentinel_or_with_the_answer() {
        let (ids, sentinels) = ([99, 5, 6, 97, 98, 7], [99, 98, 97]);
        let spans = sentinels.map(|sentinel| behind(&ids, sentinel, &sentinels));
        assert_eq!(spans, [Some(&[5, 6][..]), Some(&[7][..]), Some(&[][..])]);
        assert_eq!(behind(&[5, 6], 99, &sentinels), None);
    }

    #[test]
    fn a_blank_without_a_span_stays() {
        let text = "a <extra_id_0> c <extra_id_1>!";
        let spans = [Some("b".to_owned()), None];
        assert_eq!(
            filled(text, &blanks(text, 9), &spans),
            "a b c <extra_id_1>!"
        );
    }
}
