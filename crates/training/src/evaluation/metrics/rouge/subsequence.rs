//! Longest common subsequences of words.

use std::collections::BTreeSet;

use crate::evaluation::metrics::multiset::count;

/// The length of a longest common subsequence.
pub(super) fn longest_common(right: &[String], predicted: &[String]) -> usize {
    let mut row = vec![0; predicted.len() + 1];
    for word in right {
        let mut diagonal = 0;
        for (column, other) in predicted.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = if word == other {
                diagonal + 1
            } else {
                above.max(row[column])
            };
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// How many words of the reference's sentences are in a longest common subsequence with any of the predicted sentences.
/// As in ROUGE 1.5.5, a word is not counted more often than it comes on either side.
pub(super) fn summary_level_hits(right: &[Vec<String>], predicted: &[Vec<String>]) -> usize {
    let mut left_in_right = count(right.iter().flatten());
    let mut left_in_predicted = count(predicted.iter().flatten());
    let mut hits = 0;
    for sentence in right {
        let matched = predicted
            .iter()
            .flat_map(|other| matched_positions(sentence, other));
        for position in matched.collect::<BTreeSet<_>>() {
            let word = &sentence[position];
            let left = (left_in_right.get_mut(word), left_in_predicted.get_mut(word));
            if let (Some(in_right @ 1..), Some(in_predicted @ 1..)) = left {
                *in_right -= 1;
                *in_predicted -= 1;
                hits += 1;
            }
        }
    }
    hits
}

/// Where the words of a longest common subsequence stand in the reference. Which of several it is decides the score, so
/// it is looked for from the end as the original does: a word of the reference is given up first.
fn matched_positions(right: &[String], predicted: &[String]) -> Vec<usize> {
    let width = predicted.len() + 1;
    let mut lengths = vec![0_u32; (right.len() + 1) * width];
    for (row, word) in right.iter().enumerate() {
        for (column, other) in predicted.iter().enumerate() {
            let at = row * width + column;
            lengths[at + width + 1] = if word == other {
                lengths[at] + 1
            } else {
                lengths[at + 1].max(lengths[at + width])
            };
        }
    }
    let (mut row, mut column) = (right.len(), predicted.len());
    let mut positions = Vec::new();
    while row > 0 && column > 0 {
        if right[row - 1] == predicted[column - 1] {
            (row, column) = (row - 1, column - 1);
            positions.push(row);
        } else if lengths[row * width + column - 1] > lengths[(row - 1) * width + column] {
            column -= 1;
        } else {
            row -= 1;
        }
    }
    positions
}
