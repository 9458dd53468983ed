//! From tags to entities.

use std::ops::Range;

use super::Entity;
use crate::characters::Characters;

/// The tag of what is no entity.
const OUTSIDE: &str = "O";

/// A token or a word with its likeliest tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tagged<'a> {
    pub tag: &'a str,
    pub score: f32,
    pub characters: Range<usize>,
}

/// A tag's label, and whether it begins an entity; one without `B-` or `I-` goes on with the last.
fn parts(tag: &str) -> (bool, &str) {
    match (tag.strip_prefix("B-"), tag.strip_prefix("I-")) {
        (Some(label), _) => (true, label),
        (_, Some(label)) => (false, label),
        _ => (false, tag),
    }
}

/// The entities that neighbours with the same label make; `B-` begins a new one.
pub(super) fn entities(tagged: &[Tagged<'_>], text: &Characters<'_>) -> Vec<Entity> {
    let goes_on = |last: &Tagged<'_>, next: &Tagged<'_>| {
        let ((_, label), (begins, next_label)) = (parts(last.tag), parts(next.tag));
        label == next_label && !begins
    };
    let groups = tagged.chunk_by(goes_on);
    groups.filter_map(|group| entity(group, text)).collect()
}

fn entity(group: &[Tagged<'_>], text: &Characters<'_>) -> Option<Entity> {
    let (first, last) = (group.first()?, group.last()?);
    let (_, label) = parts(first.tag);
    if label == OUTSIDE {
        return None;
    }
    let total: f64 = group.iter().map(|tagged| f64::from(tagged.score)).sum();
    let characters = first.characters.start..last.characters.end;
    Some(Entity {
        label: label.to_owned(),
        text: text.slice(characters.clone()).to_owned(),
        score: (total / group.len() as f64) as f32,
        characters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tags: &[&str]) -> Vec<(String, Range<usize>)> {
        let text = "abcdefgh";
        let tagged: Vec<_> = tags
            .iter()
            .enumerate()
            .map(|(place, tag)| Tagged {
                tag,
                score: 0.5,
                characters: place..place + 1,
            })
            .collect();
        let entities = entities(&tagged, &Characters::of(text)).into_iter();
        entities
            .map(|entity| (entity.label, entity.characters))
            .collect()
    }

    #[test]
    fn a_begin_tag_starts_a_new_entity_and_another_label_ends_one() {
        let tags = ["B-PER", "I-PER", "B-PER", "O", "I-LOC", "LOC", "I-PER"];
        let expected = [("PER", 0..2), ("PER", 2..3), ("LOC", 4..6), ("PER", 6..7)];
        assert_eq!(
            found(&tags),
            expected.map(|(label, at)| (label.to_owned(), at))
        );
    }

    #[test]
    fn outside_there_is_nothing() {
        assert_eq!(found(&["O", "O"]), []);
        assert_eq!(found(&[]), []);
    }
}
