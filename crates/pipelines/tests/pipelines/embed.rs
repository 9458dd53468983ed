use lamplight_pipelines::Embedder;
use lamplight_testing::test_device;

use crate::case::{assert_near, expected, folder, list, odd_texts, texts, tolerance};

fn embedder(name: &str) -> Embedder {
    Embedder::from_pretrained(&folder(name), &test_device()).unwrap()
}

#[test]
fn embeddings_are_the_means_of_what_feature_extraction_gives() {
    for name in ["detect", "t5"] {
        let expected = expected(name);
        let vectors = embedder(name).embed(&texts(&expected)).unwrap();
        let wanted = list(&expected["embeddings"]);
        assert_eq!(vectors.len(), wanted.len());
        for (vector, wanted) in vectors.iter().zip(wanted) {
            assert_eq!(vector.len(), list(wanted).len());
            for (&found, wanted) in vector.iter().zip(list(wanted)) {
                assert_near(found, wanted, name);
            }
        }
    }
}

#[test]
fn normalized_embeddings_have_length_one_and_the_same_direction() {
    let text = ["the old cat"];
    let plain = embedder("t5").embed(&text).unwrap().remove(0);
    let normalized = embedder("t5").normalized().embed(&text).unwrap().remove(0);
    let length = |vector: &[f32]| vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!((length(&normalized) - 1.0).abs() < tolerance());
    let norm = length(&plain);
    for (plain, normalized) in plain.iter().zip(&normalized) {
        assert!((plain / norm - normalized).abs() < tolerance());
    }
}

#[test]
fn odd_texts_have_embeddings_that_do_not_depend_on_the_batch() {
    for name in ["detect", "t5"] {
        let embedder = embedder(name);
        let texts = odd_texts();
        let together = embedder.embed(&texts).unwrap();
        for (text, together) in texts.iter().zip(&together) {
            let alone = embedder.embed(&[text]).unwrap().remove(0);
            for (alone, together) in alone.iter().zip(together) {
                assert!((alone - together).abs() < tolerance(), "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn no_texts_have_no_embeddings() {
    assert!(embedder("t5").embed::<&str>(&[]).unwrap().is_empty());
}

#[test]
fn of_a_long_text_the_beginning_counts_with_the_token_that_ends_it() {
    // 96 tokens of ELECTRA, two of them special, and 512 of T5 with its end.
    for (name, num_words) in [("detect", 94), ("t5", 511)] {
        let texts = [num_words - 1, num_words, 900].map(|num_words| "cat ".repeat(num_words));
        let vectors = embedder(name).embed(&texts).unwrap();
        let off = |one: &[f32], other: &[f32]| {
            let pairs = one.iter().zip(other);
            pairs
                .map(|(one, other)| (one - other).abs())
                .fold(0.0, f32::max)
        };
        assert!(off(&vectors[1], &vectors[2]) < tolerance(), "{name}");
        assert!(off(&vectors[0], &vectors[2]) > tolerance(), "{name}");
    }
}
