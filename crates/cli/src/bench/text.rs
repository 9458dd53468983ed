//! Work on the host, before a model is asked.

use lamplight_data::objective::span_corruption::SpanCorruption;
use lamplight_data::synthetic;
use lamplight_data::tokenizer::train::unigram;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::forward::id;
use super::measure::Case;

const NUM_DOCUMENTS: usize = 4000;
const VOCAB_SIZE: usize = 1000;
const SEED: u64 = 1;

/// Ids of generated English, a document at a time.
pub fn tokenize() -> anyhow::Result<Case> {
    let texts = synthetic::english(NUM_DOCUMENTS, SEED);
    let tokenizer = unigram(texts.iter(), VOCAB_SIZE)?;
    let count = |text: &String| Ok(tokenizer.encode(text)?.len());
    let counts: anyhow::Result<Vec<usize>> = texts.iter().map(count).collect();
    let num_tokens: usize = counts?.iter().sum();
    let run = move || {
        for text in &texts {
            std::hint::black_box(tokenizer.encode(text)?);
        }
        Ok(())
    };
    Ok(Case {
        num_tokens: Some(num_tokens as f64),
        ..Case::new(run)
    })
}

const NUM_PIECES: usize = 1000;
/// Makes 512 inputs and 114 targets (Raffel et al. 2020, section 3.1.4).
const PIECE_LENGTH: usize = 568;
const T5_VOCAB_SIZE: usize = 32000;
const FIRST_SENTINEL: u32 = 32099;

/// Inputs and targets of pieces of random ids.
pub fn span_corruption() -> Case {
    let piece: Vec<u32> = (0..PIECE_LENGTH)
        .map(|place| id(place, T5_VOCAB_SIZE) as u32)
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let objective = SpanCorruption::default();
    let sentinel = |index: usize| Some(FIRST_SENTINEL - index as u32);
    let run = move || {
        for _ in 0..NUM_PIECES {
            std::hint::black_box(objective.apply(&piece, sentinel, 1, &mut rng)?);
        }
        Ok(())
    };
    Case {
        num_tokens: Some((NUM_PIECES * PIECE_LENGTH) as f64),
        ..Case::new(run)
    }
}
