use burn::tensor::{Bool, Int, Tensor};
use lamplight_data::tokenizer::Tokenizer;
use lamplight_pipelines::{FilledText, PipelineError, SpanFiller};
use lamplight_t5::{GenerationConfig, GenerationInput, T5ForConditionalGeneration};
use lamplight_testing::test_device;

use crate::case::{folder, odd_texts};

fn filler(config: GenerationConfig) -> SpanFiller {
    let filler = SpanFiller::from_pretrained(&folder("t5"), &test_device()).unwrap();
    filler.with_generation(config).unwrap()
}

/// A config after which a model answers with these pieces and nothing else.
fn only(pieces: &[&str]) -> GenerationConfig {
    let tokenizer = Tokenizer::from_folder(&folder("t5")).unwrap();
    let ids = pieces
        .iter()
        .map(|piece| tokenizer.encode_ordinary(piece).unwrap());
    let ids: Vec<u32> = ids.flatten().collect();
    let all = 0..tokenizer.vocab_size() as u32;
    let mut config = GenerationConfig::greedy()
        .max_new_tokens(ids.len())
        .no_repeat_ngram_size(1);
    config.suppress_tokens = all.filter(|id| !ids.contains(id)).collect();
    config
}

#[test]
fn spans_stand_in_the_places_of_their_blanks() {
    let text = "Anna <extra_id_0> in Berlin, near <extra_id_1>.";
    let config = only(&[
        "<extra_id_0>",
        "<extra_id_1>",
        "cat",
        "river",
        "<extra_id_2>",
    ]);
    let FilledText {
        spans,
        text: filled,
    } = filler(config.clone()).fill(&[text]).unwrap().remove(0);

    // The model's own answer, put in by hand.
    let device = test_device();
    let tokenizer = Tokenizer::from_folder(&folder("t5")).unwrap();
    let ids: Vec<i64> = tokenizer
        .encode(text)
        .unwrap()
        .into_iter()
        .map(i64::from)
        .collect();
    let mask = Tensor::<1, Bool>::from_data(vec![false; ids.len()].as_slice(), &device).unsqueeze();
    let input_ids = Tensor::<1, Int>::from_data(ids.as_slice(), &device).unsqueeze();
    let model = T5ForConditionalGeneration::from_pretrained(&folder("t5"), &device).unwrap();
    let answer = model
        .generate(GenerationInput::new(input_ids, mask), &config)
        .unwrap();
    let answer = tokenizer.decode(&answer[0][0].ids, false).unwrap();
    let mut expected = text.to_owned();
    for (number, span) in spans.iter().enumerate() {
        let sentinel = format!("<extra_id_{number}>");
        let said = answer
            .split_once(&sentinel)
            .map(|(_, rest)| rest.split("<extra_id_").next().unwrap());
        assert_eq!(span.as_deref(), said.map(str::trim), "{answer}");
        expected = expected.replace(&sentinel, said.map_or(&sentinel, |said| said.trim()));
    }
    assert_eq!(filled, expected);
    assert!(
        spans.iter().flatten().any(|span| !span.is_empty()),
        "{answer}"
    );
}

#[test]
fn odd_texts_are_filled_whatever_is_in_the_batch() {
    let filler = filler(GenerationConfig::greedy().max_new_tokens(6));
    let texts = odd_texts()
        .into_iter()
        .map(|text| format!("{text}<extra_id_0>"));
    let texts: Vec<_> = texts.collect();
    let together = filler.fill(&texts).unwrap();
    for (text, together) in texts.iter().zip(&together) {
        assert_eq!(&filler.fill(&[text]).unwrap()[0], together, "{text:?}");
        assert_eq!(together.spans.len(), text.matches("<extra_id_0>").count());
    }
}

#[test]
fn a_text_without_a_blank_is_refused_by_its_number() {
    for text in ["", "  ", "no blank", "<extra_id_99999>"] {
        let filler = filler(GenerationConfig::greedy());
        let error = filler.fill(&["<extra_id_0>", text]).unwrap_err();
        assert!(
            matches!(error, PipelineError::NoBlank { text: 1, .. }),
            "{error}"
        );
    }
}
