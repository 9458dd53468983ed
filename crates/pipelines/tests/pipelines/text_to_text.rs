use lamplight_pipelines::{PipelineError, Summarizer, TextToText, Translator};
use lamplight_t5::GenerationConfig;
use lamplight_testing::test_device;
use serde_json::json;

use crate::case::{changed, expected, folder, list, odd_texts, texts};

/// As the expected texts were made.
fn beams() -> GenerationConfig {
    let beams = GenerationConfig::beam(3).max_new_tokens(12);
    beams.no_repeat_ngram_size(1)
}

fn text_to_text() -> TextToText {
    TextToText::from_pretrained(&folder("t5"), &test_device()).unwrap()
}

#[test]
fn texts_are_those_that_transformers_generates() {
    let expected = expected("t5");
    let translator = Translator::from_pretrained(&folder("t5"), &test_device()).unwrap();
    let translator = translator.with_generation(beams()).unwrap();
    let found = translator.translate(&texts(&expected)).unwrap();
    assert_eq!(json!(found), expected["generated"]);
    let distinct: std::collections::BTreeSet<_> = found.iter().collect();
    assert!(
        distinct.len() > list(&expected["texts"]).len() / 2,
        "{found:?}"
    );
}

#[test]
fn a_prefix_stands_in_front_of_every_text() {
    let expected = expected("t5");
    let prefixed = text_to_text().with_prefix("translate English to German: ");
    let found = prefixed.with_generation(beams()).unwrap();
    let found = found.generate(&texts(&expected)).unwrap();
    assert_eq!(json!(found), expected["generated"]);
}

#[test]
fn odd_texts_have_answers_that_do_not_depend_on_the_batch_drawn_or_not() {
    let texts = odd_texts();
    for config in [
        beams(),
        GenerationConfig::sample().max_new_tokens(6).seed(7),
    ] {
        let model = text_to_text().with_generation(config.clone()).unwrap();
        let together = model.generate(&texts).unwrap();
        for (place, (text, together)) in texts.iter().zip(&together).enumerate() {
            let seed = 7 + place as u64;
            let model = text_to_text()
                .with_generation(config.clone().seed(seed))
                .unwrap();
            assert_eq!(&model.generate(&[text]).unwrap()[0], together, "{text:?}");
        }
    }
}

#[test]
fn each_text_has_as_many_answers_as_the_config_asks_for() {
    let config = beams().num_return_sequences(3);
    let model = text_to_text().with_generation(config).unwrap();
    let all = model.generate_all(&["the cat", "a dog"]).unwrap();
    let best = model.generate(&["the cat", "a dog"]).unwrap();
    for (all, best) in all.iter().zip(&best) {
        assert_eq!((all.len(), &all[0]), (3, best));
    }
}

#[test]
fn a_config_that_cannot_be_followed_is_refused() {
    let mut config = GenerationConfig::greedy();
    config.suppress_tokens = vec![1_000_000];
    let error = text_to_text().with_generation(config).unwrap_err();
    assert!(matches!(error, PipelineError::Generation(_)), "{error}");
}

#[test]
fn a_summarizer_has_the_prefix_and_the_generation_of_its_config() {
    let task = json!({ "prefix": "in short: ", "max_length": 7, "num_beams": 3, "no_repeat_ngram_size": 1 });
    let copy = changed("t5", |config| {
        config["task_specific_params"] = json!({ "summarization": task });
    });
    let text = ["Anna lives in an old house near the river."];
    let generation = GenerationConfig::beam(3)
        .max_length(7)
        .no_repeat_ngram_size(1);
    for (folder, prefix) in [
        (copy.path().to_owned(), "in short: "),
        (folder("t5"), "summarize: "),
    ] {
        let summarizer = Summarizer::from_pretrained(&folder, &test_device()).unwrap();
        let summarizer = match prefix {
            "summarize: " => summarizer.with_generation(generation.clone()).unwrap(),
            _ => summarizer,
        };
        let model = text_to_text().with_prefix(prefix);
        let model = model.with_generation(generation.clone()).unwrap();
        let summaries = summarizer.summarize(&text).unwrap();
        assert_eq!(summaries, model.generate(&text).unwrap());
    }
    assert!(
        Summarizer::from_pretrained(copy.path(), &test_device())
            .unwrap()
            .summarize(&odd_texts())
            .is_ok()
    );
}

#[test]
fn the_parameters_of_one_translation_are_not_those_of_another() {
    let german = json!({ "prefix": "translate English to German: ", "max_length": 3 });
    let copy = changed("t5", |config| {
        config["task_specific_params"] = json!({ "translation_en_to_de": german });
    });
    let translator = Translator::from_pretrained(copy.path(), &test_device()).unwrap();
    let model = |prefix, config| {
        let model = text_to_text().with_prefix(prefix);
        let model = model.with_generation(config).unwrap();
        model.generate(&["the cat sleeps"]).unwrap()
    };
    let short = model(
        "translate English to German: ",
        GenerationConfig::greedy().max_length(3),
    );
    assert_eq!(translator.translate(&["the cat sleeps"]).unwrap(), short);
    let french = translator.between("English", "fr").unwrap();
    let long = model("translate English to French: ", GenerationConfig::greedy());
    assert_eq!(french.translate(&["the cat sleeps"]).unwrap(), long);
    assert_ne!(short, long);
}

#[test]
fn a_language_without_a_known_name_is_refused() {
    let translator = Translator::from_pretrained(&folder("t5"), &test_device()).unwrap();
    let error = translator.between("en", "xx").unwrap_err();
    assert!(error.to_string().contains("`language` is xx"), "{error}");
}
