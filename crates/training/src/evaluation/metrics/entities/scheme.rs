//! Entities by the rules of a scheme.

use std::collections::BTreeSet;
use std::fmt;

use super::Entity;

/// A way to tag the tokens of entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// An entity begins with B, and goes on with I.
    Iob2,
    /// An entity ends with E, and has I before.
    Ioe2,
    /// An entity begins with B, goes on with I and ends with E, or is an S.
    Iobes,
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Iob2 => "IOB2",
            Self::Ioe2 => "IOE2",
            Self::Iobes => "IOBES",
        })
    }
}

impl Scheme {
    /// Whether tags of the scheme start like this.
    pub(super) fn allows(self, prefix: char) -> bool {
        match self {
            Self::Iob2 => matches!(prefix, 'I' | 'O' | 'B'),
            Self::Ioe2 => matches!(prefix, 'I' | 'O' | 'E'),
            Self::Iobes => matches!(prefix, 'I' | 'O' | 'B' | 'E' | 'S'),
        }
    }

    /// The entities of sequences of tags, each split into its first character, which the scheme allows, and the rest.
    pub(super) fn entities<'a>(self, sequences: &[Vec<(char, &'a str)>]) -> BTreeSet<Entity<'a>> {
        let mut found = BTreeSet::new();
        let mut before = 0;
        for tags in sequences {
            let tags: Vec<_> = tags
                .iter()
                .map(|(prefix, rest)| (*prefix, kind(rest)))
                .collect();
            found.extend(self.spans(&tags).into_iter().map(|(first, end)| Entity {
                kind: tags[first].1,
                first: before + first,
                last: before + end - 1,
            }));
            before += tags.len() + 1;
        }
        found
    }

    /// Where the entities of a sequence start, and behind what they end.
    fn spans(self, tags: &[(char, &str)]) -> Vec<(usize, usize)> {
        let at = |position: usize| tags.get(position).copied().unwrap_or(('O', "_"));
        let mut spans = Vec::new();
        let (mut position, mut previous) = (0, ('O', "_"));
        while position < tags.len() {
            let first = position;
            position += 1;
            if self.starts(previous, at(first)) {
                while self.continues(at(position - 1), at(position)) {
                    position += 1;
                }
                if self.ends(at(position - 1), at(position)) {
                    spans.push((first, position));
                }
            }
            previous = at(position - 1);
        }
        spans
    }

    fn starts(self, previous: (char, &str), tag: (char, &str)) -> bool {
        match self {
            Self::Iob2 => tag.0 == 'B',
            Self::Iobes => matches!(tag.0, 'B' | 'S'),
            Self::Ioe2 => match (previous.0, tag.0) {
                ('O' | 'E', 'I' | 'E') => true,
                ('I', 'I' | 'E') => previous.1 != tag.1,
                _ => false,
            },
        }
    }

    fn continues(self, previous: (char, &str), tag: (char, &str)) -> bool {
        previous.1 == tag.1
            && match self {
                Self::Iob2 => matches!((previous.0, tag.0), ('B' | 'I', 'I')),
                Self::Ioe2 => matches!((previous.0, tag.0), ('I', 'I' | 'E')),
                Self::Iobes => matches!((previous.0, tag.0), ('B' | 'I', 'I' | 'E')),
            }
    }

    /// Whether an entity is whole where it goes on no further.
    fn ends(self, previous: (char, &str), tag: (char, &str)) -> bool {
        match self {
            Self::Iob2 => match (previous.0, tag.0) {
                ('B' | 'I', 'O' | 'B') => true,
                ('B' | 'I', 'I') => previous.1 != tag.1,
                _ => false,
            },
            Self::Ioe2 => previous.0 == 'E',
            Self::Iobes => matches!(previous.0, 'S' | 'E'),
        }
    }
}

/// The type in what follows the first character, without hyphens around it.
fn kind(rest: &str) -> &str {
    match rest.trim_matches('-') {
        "" => "_",
        kind => kind,
    }
}
