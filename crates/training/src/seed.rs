//! One seed for everything: the device is seeded anew at each micro-step, so that a step draws the
//! same whatever was drawn before it.

const INITIALISATION: u64 = 1;
const EVALUATION: u64 = 2;
const STEP: u64 = 3;

/// For drawing the first weights.
pub fn for_initialisation(seed: u64) -> u64 {
    hash(&[seed, INITIALISATION])
}

/// For what an evaluation draws, the same at each one.
pub fn for_evaluation(seed: u64) -> u64 {
    hash(&[seed, EVALUATION])
}

/// For dropout and sampling in one micro-step of one rank; all count from zero.
pub fn for_step(seed: u64, step: usize, micro_step: usize, rank: usize) -> u64 {
    hash(&[seed, STEP, step as u64, micro_step as u64, rank as u64])
}

/// SplitMix64 over the words (Steele et al. 2014): neighbouring words give unrelated seeds.
fn hash(words: &[u64]) -> u64 {
    words.iter().fold(0, |state, word| {
        let mut mixed = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_has_a_seed_of_its_own() {
        let mut seeds = vec![
            for_initialisation(0),
            for_evaluation(0),
            for_initialisation(1),
        ];
        for step in 0..50 {
            for (micro_step, rank) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                seeds.push(for_step(0, step, micro_step, rank));
            }
        }
        let count = seeds.len();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), count);
    }
}
