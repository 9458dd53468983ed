//! A fingerprint of token ids, so that a run can tell whether it goes on over the same texts.

use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// SHA-256 over sequences of ids and their lengths, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of these sequences in their order.
    pub fn of<S: AsRef<[u32]>>(sequences: impl Iterator<Item = S>) -> Self {
        use sha2::Digest as _;
        let mut hasher = Sha256::new();
        let mut bytes = Vec::new();
        for sequence in sequences {
            let ids = sequence.as_ref();
            bytes.clear();
            bytes.extend((ids.len() as u64).to_le_bytes());
            bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
            hasher.update(&bytes);
        }
        Self(format!("{:x}", hasher.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_where_a_sequence_ends_both_count() {
        let digest = |sequences: &[&[u32]]| Digest::of(sequences.iter());
        assert_eq!(digest(&[&[1, 2], &[3]]), digest(&[&[1, 2], &[3]]));
        assert_ne!(digest(&[&[1, 2], &[3]]), digest(&[&[1], &[2, 3]]));
        assert_ne!(digest(&[&[1, 2]]), digest(&[&[2, 1]]));
    }
}
