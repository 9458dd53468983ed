use super::{counting::within_32_bits, *};
use crate::synthetic;

fn vocabulary(tokenizer: &Tokenizer) -> Vec<String> {
    (0..tokenizer.vocab_size())
        .map(|id| tokenizer.token(id as u32).unwrap())
        .collect()
}

#[test]
fn the_same_texts_give_the_same_vocabulary() {
    let texts = synthetic::english(100, 3);
    for train in [word_piece::<&[String]>, unigram::<&[String]>] {
        let first = train(&texts, 300).unwrap();
        assert_eq!(vocabulary(&first), vocabulary(&train(&texts, 300).unwrap()));
    }
}

#[test]
fn word_piece_starts_with_its_special_tokens() {
    let tokenizer = word_piece(synthetic::english(50, 3), 200).unwrap();
    assert_eq!(
        vocabulary(&tokenizer)[..5],
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    );
    assert_eq!(tokenizer.vocab_size(), 200);
}

#[test]
fn unigram_ends_with_its_sentinels() {
    let tokenizer = unigram(synthetic::english(50, 3), 300).unwrap();
    let vocabulary = vocabulary(&tokenizer);
    assert_eq!(vocabulary[..3], ["<pad>", "</s>", "<unk>"]);
    assert_eq!(vocabulary.last().unwrap(), "<extra_id_0>");
    assert_eq!(tokenizer.num_sentinels(), 100);
    assert!(tokenizer.vocab_size() <= 300);
}

#[test]
fn common_words_become_one_piece() {
    let texts = synthetic::english(200, 3);
    let ids = word_piece(&texts, 400)
        .unwrap()
        .encode_ordinary("the in")
        .unwrap();
    assert_eq!(ids.len(), 2);
    let ids = unigram(&texts, 500)
        .unwrap()
        .encode_ordinary("the in")
        .unwrap();
    assert_eq!(ids.len(), 2);
}

#[test]
fn texts_without_words_and_sizes_without_room_are_errors() {
    let nothing = ["", " \n"];
    let training = |result: Result<Tokenizer, DataError>| {
        assert!(matches!(result, Err(DataError::TokenizerTraining { .. })));
    };
    training(word_piece(nothing, 100));
    training(unigram(nothing, 200));
    training(word_piece(["a word"], 5));
    training(unigram(["a word"], 103));
    training(unigram(["abcdefghijklmnopqrstuvwxyz"], 110));
}

/// Common words and, rarely, each of many letters of other alphabets.
fn texts_with_rare_letters() -> Vec<String> {
    let rare = ('\u{4e00}'..'\u{4e80}').map(|letter| letter.to_string());
    synthetic::english(1000, 3)
        .into_iter()
        .chain(rare)
        .collect()
}

#[test]
fn rare_letters_do_not_fill_the_vocabulary() {
    let texts = texts_with_rare_letters();
    for (family, vocab_size) in [(Family::WordPiece, 250), (Family::Unigram, 350)] {
        let counts = WordCounts::count(family, &texts).unwrap();
        let tokenizer = counts.train(vocab_size).unwrap();
        assert_eq!(tokenizer.vocab_size(), vocab_size);
        let pieces = vocabulary(&tokenizer);
        let num_long = pieces
            .iter()
            .filter(|piece| piece.trim_start_matches("##").chars().count() > 1)
            .count();
        assert!(num_long > vocab_size / 2, "{num_long} of {vocab_size}");
        let unknown = tokenizer.special().unk.unwrap();
        assert!(
            tokenizer
                .encode_ordinary("\u{4e7f}")
                .unwrap()
                .contains(&unknown)
        );
        assert!(
            !tokenizer
                .encode_ordinary("the dog")
                .unwrap()
                .contains(&unknown)
        );
    }
}

#[test]
fn the_size_asked_for_is_never_exceeded() {
    let texts = texts_with_rare_letters();
    for vocab_size in [7, 8, 20, 60, 104, 110, 150, 200, 400] {
        for train in [word_piece::<&[String]>, unigram::<&[String]>] {
            match train(&texts, vocab_size) {
                Ok(tokenizer) => assert!(tokenizer.vocab_size() <= vocab_size),
                Err(error) => assert!(matches!(error, DataError::TokenizerTraining { .. })),
            }
        }
    }
}

#[test]
fn too_small_a_unigram_vocabulary_names_the_size_it_needs() {
    let texts = ["abcdefghijklmnopqrstuvwxyz abc abz"];
    let message = unigram(texts, 110).unwrap_err().to_string();
    let needed: usize = message
        .split("ask for ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(unigram(texts, needed - 1).is_err());
    assert!(unigram(texts, needed).unwrap().vocab_size() <= needed);
}

#[test]
fn special_tokens_written_in_the_texts_stand_in_the_vocabulary_once() {
    let texts = ["a</s>b <extra_id_5>c", "x<pad>y</s>z", "d<extra_id_5>"].repeat(50);
    let pieces = vocabulary(&unigram(texts, 160).unwrap());
    let distinct: std::collections::BTreeSet<_> = pieces.iter().collect();
    assert_eq!(distinct.len(), pieces.len());
}

#[test]
fn counts_past_32_bits_shrink_by_one_factor() {
    let counts = [("the", 6_000_000_000), ("dog", 3_000_000_000), ("rare", 2)];
    let counts = counts.map(|(word, count)| (word.to_owned(), count));
    let shrunk = within_32_bits(counts.into());
    assert_eq!(shrunk.keys().collect::<Vec<_>>(), ["dog", "the"]);
    assert_eq!(shrunk["the"] / shrunk["dog"], 2);
    assert!(shrunk["the"] * 3 + shrunk["dog"] * 3 <= 1 << 31);
    assert_eq!(within_32_bits(shrunk.clone()), shrunk);
}

#[test]
fn counting_by_parts_gives_the_words_of_the_whole_texts() {
    let long = "\u{65e5}".repeat(40);
    let texts = [
        format!("The dog,the DOG. {long} \u{301}x"),
        "the  dog\r\nna\u{ef}ve".to_owned(),
    ];
    let counts = WordCounts::count(Family::WordPiece, &texts).unwrap();
    // the, dog, naive, x, the ideograph, comma, full stop
    assert_eq!(counts.num_distinct(), 7);
    let counts = WordCounts::count(Family::Unigram, &texts).unwrap();
    assert_eq!(counts.num_distinct(), 8);
}
