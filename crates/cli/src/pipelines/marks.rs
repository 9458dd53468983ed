//! Stretches of a text, marked.

use std::ops::Range;

use owo_colors::{OwoColorize, Stream};

/// A stretch to mark.
pub struct Mark<'a> {
    /// In characters.
    pub characters: &'a Range<usize>,
    /// What stands before it.
    pub label: Option<&'a str>,
}

/// `text` with each stretch as `[stretch]` or `[label: stretch]`, coloured on a terminal. Stretches come in the order of
/// where they start; of one that overlaps the one before, what is left is marked.
pub fn marked<'a>(text: &str, marks: impl Iterator<Item = Mark<'a>>) -> String {
    let (mut rest, mut place, mut shown) = (text.chars(), 0, String::new());
    for Mark { characters, label } in marks {
        let start = characters.start.max(place);
        if start >= characters.end {
            continue;
        }
        shown.extend(rest.by_ref().take(start - place));
        let stretch: String = rest.by_ref().take(characters.end - start).collect();
        place = characters.end;
        let mark = match label {
            Some(label) => format!("[{label}: {stretch}]"),
            None => format!("[{stretch}]"),
        };
        let coloured = mark.if_supports_color(Stream::Stdout, |mark| mark.yellow());
        shown.push_str(&coloured.to_string());
    }
    shown.extend(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, marks: &[(Range<usize>, Option<&str>)]) -> String {
        let marks = marks.iter().map(|(characters, label)| Mark {
            characters,
            label: *label,
        });
        marked(text, marks)
    }

    #[test]
    fn marks_count_characters_and_not_bytes() {
        assert_eq!(
            shown("🙂 Éa שלום", &[(2..4, Some("PER")), (5..9, None)]),
            "🙂 [PER: Éa] [שלום]"
        );
        assert_eq!(shown("", &[]), "");
    }

    #[test]
    fn stretches_that_overlap_lose_no_character_and_repeat_none() {
        let marks = [
            (0..2, Some("A")),
            (0..2, Some("B")),
            (1..4, Some("C")),
            (4..4, None),
        ];
        assert_eq!(shown("abcdef", &marks), "[A: ab][C: cd]ef");
    }
}
