//! Entities as `conlleval` finds them.

use std::collections::BTreeSet;

use super::Entity;

/// The entities of sequences of tags, each split into its first character and the rest. The sequences are read as one,
/// with a token outside of entities behind each: what is known of tags that break the rules goes on over it.
pub(super) fn entities<'a>(sequences: &[Vec<(char, &'a str)>]) -> BTreeSet<Entity<'a>> {
    let mut found = BTreeSet::new();
    let (mut previous, mut first) = (('O', ""), 0);
    let tags = sequences.iter().flat_map(|tags| {
        let tags = tags.iter().map(|(prefix, rest)| (*prefix, kind(rest)));
        tags.chain([('O', "_")])
    });
    for (position, tag) in tags.enumerate() {
        if ends_between(previous, tag) {
            found.insert(Entity {
                kind: previous.1,
                first,
                last: position.saturating_sub(1),
            });
        }
        if starts_between(previous, tag) {
            first = position;
        }
        previous = tag;
    }
    found
}

/// The type in what follows the first character, behind the first hyphen.
fn kind(rest: &str) -> &str {
    match rest.split_once('-').map_or(rest, |(_, kind)| kind) {
        "" => "_",
        kind => kind,
    }
}

/// Whether an entity ends with the first of two neighbours.
fn ends_between(previous: (char, &str), tag: (char, &str)) -> bool {
    match (previous.0, tag.0) {
        ('E' | 'S', _) | ('B' | 'I', 'B' | 'S' | 'O') => true,
        ('O' | '.', _) => false,
        _ => previous.1 != tag.1,
    }
}

/// Whether an entity starts with the second of two neighbours.
fn starts_between(previous: (char, &str), tag: (char, &str)) -> bool {
    match (previous.0, tag.0) {
        (_, 'B' | 'S') | ('E' | 'S' | 'O', 'E' | 'I') => true,
        (_, 'O' | '.') => false,
        _ => previous.1 != tag.1,
    }
}
