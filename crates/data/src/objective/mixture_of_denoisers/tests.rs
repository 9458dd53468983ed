use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

fn modes() -> ModeTokens {
    ModeTokens {
        regular: vec![7],
        sequential: vec![8],
        extreme: vec![9, 9],
    }
}

#[test]
fn the_seven_denoisers_are_drawn_alike() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let modes = modes();
    let mixture = MixtureOfDenoisers::default();
    let parts: Vec<_> = mixture.parts(&modes).collect();
    assert_eq!(parts.len(), 7);
    let mut counts = [0; 7];
    for _ in 0..14_000 {
        let drawn = mixture.draw(&modes, &mut rng);
        let index = parts
            .iter()
            .position(|&(part, mode, _)| (part, mode) == drawn);
        counts[index.unwrap()] += 1;
    }
    assert!(
        counts.iter().all(|count| (1840..2160).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn a_denoiser_without_a_share_is_never_drawn_and_takes_no_room() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let modes = modes();
    let mixture = MixtureOfDenoisers {
        regular: 0.0,
        sequential: 0.3,
        extreme: 0.0,
    };
    for _ in 0..100 {
        let drawn = mixture.draw(&modes, &mut rng);
        assert_eq!(drawn, (Part::Sequential, &[8][..]));
    }
    let lengths = mixture.row_lengths(512, &modes).unwrap();
    let expected = Lengths {
        raw: 680,
        inputs: 512,
        targets: 171,
    };
    assert_eq!(lengths, expected);
    assert_eq!(mixture.num_sentinels(680), 0);
}

#[test]
fn texts_are_as_long_as_the_fullest_row_allows() {
    // Spans of 3 at 15 % shorten a text least: 511 tokens of input are left beside the mode token.
    let mixture = MixtureOfDenoisers::default();
    let lengths = mixture.row_lengths(512, &modes()).unwrap();
    let raw = REGULAR[0].row_lengths(511).unwrap().raw;
    let targets = EXTREME[0].targets_length(raw);
    assert_eq!(
        lengths,
        Lengths {
            raw,
            inputs: 512,
            targets
        }
    );
    assert_eq!(mixture.num_sentinels(raw), EXTREME[0].num_spans(raw));
}

#[test]
fn shares_out_of_range_are_errors() {
    for (regular, sequential, extreme) in [
        (-1.0, 1.0, 1.0),
        (f64::NAN, 1.0, 1.0),
        (0.0, 0.0, 0.0),
        (1.0, f64::INFINITY, 1.0),
        (f64::MAX, f64::MAX, 0.0),
    ] {
        let mixture = MixtureOfDenoisers {
            regular,
            sequential,
            extreme,
        };
        assert!(mixture.validate().is_err(), "{mixture:?}");
    }
    let mixture = MixtureOfDenoisers::default();
    assert!(mixture.row_lengths(4, &modes()).is_err());
    assert!(mixture.row_lengths(5, &modes()).is_ok());
}
