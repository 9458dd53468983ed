//! Entities found by tags, as seqeval 1.2 scores them.

mod conll;
mod scheme;

pub use scheme::Scheme;

use std::collections::{BTreeMap, BTreeSet};

use super::error::check_lengths;
use super::{F1Score, MetricError};

/// How tags become entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityMode {
    /// As the script `conlleval` of the CoNLL shared tasks does, seqeval's default: for IOB1, IOB2 and IOBES alike,
    /// and for tags that break their rules.
    Conll,
    /// By the rules of a scheme; what breaks them is no entity. seqeval's `mode="strict"`.
    Strict(Scheme),
}

/// The score of a type of entities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EntityScore {
    /// Precision, recall and F1.
    pub score: F1Score,
    /// How many entities the references have.
    pub num_references: usize,
}

/// Scores of entities. One is right where its type, its first and its last token are.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityScores {
    /// Over the entities of all types together.
    pub micro: EntityScore,
    /// By type, those of predictions and of references.
    pub types: BTreeMap<String, EntityScore>,
}

/// Scores the tags of sequences. All scores are 0 where there are no entities.
///
/// # Errors
/// There are no sequences, not as many references or one that has not as many tags, an empty tag, or in strict mode a
/// tag that is none of the scheme.
pub fn entity_f1(
    predictions: &[Vec<String>],
    references: &[Vec<String>],
    mode: EntityMode,
) -> Result<EntityScores, MetricError> {
    check_lengths(predictions.len(), references.len(), 1)?;
    let lengths = predictions
        .iter()
        .map(Vec::len)
        .zip(references.iter().map(Vec::len));
    if let Some((index, (predictions, references))) = lengths
        .enumerate()
        .find(|(_, (predicted, right))| predicted != right)
    {
        return Err(MetricError::TagLengths {
            index,
            predictions,
            references,
        });
    }
    let predicted = entities(predictions, mode)?;
    let right = entities(references, mode)?;
    let mut types = BTreeMap::<String, Counts>::new();
    for entity in &predicted {
        let counts = types.entry(entity.kind.to_owned()).or_default();
        counts.num_predicted += 1;
        counts.num_right += usize::from(right.contains(entity));
    }
    for entity in right {
        types
            .entry(entity.kind.to_owned())
            .or_default()
            .num_references += 1;
    }
    let micro = types
        .values()
        .fold(Counts::default(), |sum, counts| Counts {
            num_right: sum.num_right + counts.num_right,
            num_predicted: sum.num_predicted + counts.num_predicted,
            num_references: sum.num_references + counts.num_references,
        });
    Ok(EntityScores {
        micro: micro.score(),
        types: types
            .into_iter()
            .map(|(kind, counts)| (kind, counts.score()))
            .collect(),
    })
}

/// An entity by its type and the positions of its first and last token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entity<'a> {
    kind: &'a str,
    first: usize,
    last: usize,
}

/// The entities of all sequences, their positions counted through, with one between sequences.
fn entities(
    sequences: &[Vec<String>],
    mode: EntityMode,
) -> Result<BTreeSet<Entity<'_>>, MetricError> {
    let mut split = Vec::with_capacity(sequences.len());
    for (index, tags) in sequences.iter().enumerate() {
        let tags = tags.iter().map(|tag| match tag.chars().next() {
            None => Err(MetricError::EmptyTag { index }),
            Some(prefix) => match mode {
                EntityMode::Strict(scheme) if !scheme.allows(prefix) => {
                    let tag = tag.clone();
                    Err(MetricError::ForeignTag { index, tag, scheme })
                }
                _ => Ok((prefix, &tag[prefix.len_utf8()..])),
            },
        });
        split.push(tags.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(match mode {
        EntityMode::Conll => conll::entities(&split),
        EntityMode::Strict(scheme) => scheme.entities(&split),
    })
}

#[derive(Default)]
struct Counts {
    num_right: usize,
    num_predicted: usize,
    num_references: usize,
}

impl Counts {
    fn score(&self) -> EntityScore {
        EntityScore {
            score: F1Score::new(self.num_right, self.num_predicted, self.num_references),
            num_references: self.num_references,
        }
    }
}
