//! What is said of answers: attributions that are complete, maps whose rows sum up to one, pages of any text.

use std::path::Path;

use lamplight_data::tokenizer::Tokenizer;
use lamplight_pipelines::explain::{
    Attribution, Explanation, MAX_GRADIENTS, SequenceExplainer, page,
};
use lamplight_pipelines::{
    Answerer, Classifier, Detector, PipelineError, Summarizer, Tagger, TextToText, Translator,
};
use lamplight_t5::{GenerationConfig, GenerationInput, T5Config, T5ForConditionalGeneration};
use lamplight_testing::{compiles_kernels, drawing, test_device};
use serde_json::{Value, json};

use crate::case::{assert_near, changed, folder, list, odd_texts};

const TEXT: &str = "Anna lives in an old house near the river.";
const QUESTION: &str = "Where does Anna live?";

fn classifier(name: &str) -> Classifier {
    Classifier::from_pretrained(&folder(name), &test_device()).unwrap()
}

fn answerer() -> Answerer {
    Answerer::from_pretrained(&folder("answer"), &test_device()).unwrap()
}

fn text_to_text(folder: &Path) -> TextToText {
    let model = TextToText::from_pretrained(folder, &test_device()).unwrap();
    let config = GenerationConfig {
        max_new_tokens: Some(5),
        ..model.generation().clone()
    };
    model.with_generation(config).unwrap()
}

/// Attributions of every pipeline that has them.
fn attributions() -> Vec<Attribution> {
    let explained = [
        classifier("classify").explain(TEXT),
        classifier("classify").explain_pair(TEXT, QUESTION),
        classifier("rate").explain(TEXT),
        classifier("topics").explain(TEXT),
        answerer().explain(QUESTION, TEXT),
        text_to_text(&folder("t5")).explain(TEXT),
    ];
    let all = explained.map(|explanation| explanation.unwrap().attribution.unwrap());
    // One of each family.
    let every = if compiles_kernels() { 5 } else { 1 };
    all.into_iter().step_by(every).collect()
}

#[test]
fn attributions_sum_up_to_the_difference_of_the_scores() {
    for attribution in attributions() {
        let Attribution {
            of, values, tokens, ..
        } = &attribution;
        let difference = attribution.difference();
        let off = (values.iter().sum::<f64>() - difference).abs();
        // The gradient of the T5 jumps, as its activation is ReLU.
        let close = match of.contains("log-probability") {
            true => 1e-2,
            false => 1e-3,
        };
        assert!(
            off <= close * difference.abs(),
            "{of}: {off} of {difference}"
        );
        assert!((off - attribution.error).abs() < 1e-9, "{of}: {off}");
        assert!(attribution.num_gradients <= MAX_GRADIENTS);
        assert_eq!(values.len(), tokens.len());
        // A model that looks at nothing would pass all of this.
        assert!(difference.abs() > 1e-2, "{of}: {difference}");
        let largest = values
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        assert!(largest > 1e-3, "{of}: {values:?}");
    }
}

/// By PyTorch, in 64 bits over 20 000 points of the path (`make_attributions.py`).
#[test]
fn attributions_are_those_of_transformers() {
    let (classifier, text_to_text) = (classifier("classify"), text_to_text(&folder("t5")));
    let classify = |text: &str| classifier.explain(text).unwrap();
    let generate = |text: &str| text_to_text.explain(text).unwrap();
    type Case<'a> = (&'a str, &'a dyn Fn(&str) -> Explanation, f64);
    let cases: [Case; 2] = [
        ("classify", &classify, 1e-4),
        // At most so many points, where the gradient jumps.
        ("t5", &generate, 5e-2),
    ];
    for (name, explain, close) in cases {
        let file = std::fs::read_to_string(folder(name).join("attributions.json")).unwrap();
        let expected: Value = serde_json::from_str(&file).unwrap();
        let num_texts = if compiles_kernels() { 1 } else { usize::MAX };
        for expected in list(&expected).iter().take(num_texts) {
            let text = expected["text"].as_str().unwrap();
            let explanation = explain(text);
            let answer = expected["answer"].as_str().unwrap();
            assert!(explanation.answer.starts_with(answer), "{text}");
            let found = explanation.attribution.unwrap();
            assert_eq!(json!(found.tokens), expected["tokens"], "{text}");
            let numbers =
                |key: &str| -> Vec<f64> { serde_json::from_value(expected[key].clone()).unwrap() };
            let values = numbers("values");
            let largest = values
                .iter()
                .fold(1e-3, |most: f64, value| most.max(value.abs()));
            for (found, expected) in found.values.iter().zip(&values) {
                let off = (found - expected).abs();
                assert!(off <= close * largest, "{text}: {found}, not {expected}");
            }
            assert_near(found.score as f32, &expected["score"], text);
            assert_near(
                found.baseline_score as f32,
                &expected["baseline_score"],
                text,
            );
        }
    }
}

#[test]
fn a_smooth_t5_is_attributed_as_closely() {
    let device = test_device();
    let copy = changed("t5", |config| {
        config["feed_forward_proj"] = json!("gated-gelu");
        config["initializer_factor"] = json!(1.0);
    });
    let config = T5Config::from_file(&copy.path().join("config.json")).unwrap();
    {
        let _drawing = drawing();
        device.seed(3);
        let model = T5ForConditionalGeneration::new(&config, &device);
        model.save_pretrained(copy.path()).unwrap();
    }
    let attribution = text_to_text(copy.path())
        .explain(TEXT)
        .unwrap()
        .attribution
        .unwrap();
    let difference = attribution.difference();
    assert!(difference.abs() > 0.01, "{attribution:?}");
    assert!(
        attribution.error < 1e-3 * difference.abs().max(0.1),
        "{attribution:?}"
    );
}

#[test]
fn special_tokens_stay_in_the_baseline_and_get_nothing() {
    for attribution in attributions() {
        for (token, value) in attribution.tokens.iter().zip(&attribution.values) {
            let is_special = ["[CLS]", "[SEP]", "</s>"].contains(&token.as_str());
            assert!(!is_special || *value == 0.0, "{token}: {value}");
        }
        let expected = match attribution.of.contains("log-probability") {
            true => "<pad>",
            false => "[MASK]",
        };
        assert_eq!(attribution.baseline, expected);
    }
}

#[test]
fn the_score_of_a_regression_is_its_value() {
    let rater = classifier("rate");
    let value = rater.classify(&[TEXT]).unwrap()[0][0].score;
    let score = rater.explain(TEXT).unwrap().attribution.unwrap().score;
    assert!((f64::from(value) - score).abs() < 1e-4, "{value} {score}");
}

#[test]
fn the_score_of_an_answer_in_words_is_what_its_choice_was_worth() {
    let device = test_device();
    let model = T5ForConditionalGeneration::from_pretrained(&folder("t5"), &device).unwrap();
    let tokenizer = Tokenizer::from_folder(&folder("t5")).unwrap();
    for max_new_tokens in [1, 6, 30] {
        let generation = GenerationConfig {
            output_scores: true,
            max_new_tokens: Some(max_new_tokens),
            ..GenerationConfig::default()
        };
        let ids = tokenizer.encode(TEXT).unwrap();
        let row: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let row = burn::tensor::TensorData::new(row, [1, ids.len()]);
        let input = GenerationInput::new(
            burn::tensor::Tensor::from_data(row, &device),
            burn::tensor::Tensor::full([1, ids.len()], false, &device),
        );
        let answer = model
            .generate(input, &generation)
            .unwrap()
            .remove(0)
            .remove(0);
        let explainer = SequenceExplainer {
            model: &model,
            tokenizer: &tokenizer,
            generation: &generation,
            device: &device,
        };
        let explanation = explainer.explain(TEXT, &ids, &answer).unwrap();
        let (score, expected) = (
            explanation.attribution.unwrap().score,
            answer.score.unwrap(),
        );
        assert!(
            (score - f64::from(expected)).abs() < 1e-3,
            "{score} {expected}"
        );
        let long = explainer.explain(TEXT, &[5; 513], &answer).unwrap();
        assert!(long.notes.concat().contains("513 tokens") && long.attribution.is_none());
        let num_chosen = answer.token_scores.unwrap().len();
        let [cross, encoder, decoder] = &explanation.attentions[..] else {
            panic!("three stacks")
        };
        let sizes = [cross, encoder, decoder].map(|maps| (maps.queries.len(), maps.keys.len()));
        assert_eq!(
            sizes,
            [
                (num_chosen, ids.len()),
                (ids.len(), ids.len()),
                (num_chosen, num_chosen)
            ]
        );
    }
}

#[test]
fn dropout_is_out() {
    let explained = |probability: f64| {
        let copy = changed("classify", |config| {
            for key in ["hidden_dropout_prob", "attention_probs_dropout_prob"] {
                config[key] = json!(probability);
            }
        });
        let classifier = Classifier::from_pretrained(copy.path(), &test_device()).unwrap();
        classifier.explain(TEXT).unwrap().attribution.unwrap()
    };
    assert_eq!(explained(0.5), explained(0.0));
}

type Explain = Box<dyn Fn(&str) -> Explanation>;

/// Every pipeline, as a function of a text or of a pair of the same one twice.
fn all() -> [Explain; 6] {
    let device = test_device();
    let classifier = classifier("classify");
    let of_pairs = classifier.clone();
    let detector = Detector::from_pretrained(&folder("detect"), &device).unwrap();
    let tagger = Tagger::from_pretrained(&folder("tag"), &device).unwrap();
    let (answerer, text_to_text) = (answerer(), text_to_text(&folder("t5")));
    [
        Box::new(move |text| classifier.explain(text).unwrap()),
        Box::new(move |text| of_pairs.explain_pair(text, text).unwrap()),
        Box::new(move |text| detector.explain(text).unwrap()),
        Box::new(move |text| tagger.explain(text).unwrap()),
        Box::new(move |text| answerer.explain(text, text).unwrap()),
        Box::new(move |text| text_to_text.explain(text).unwrap()),
    ]
}

#[test]
fn rows_of_attention_sum_up_to_one() {
    for explanation in all().map(|explain| explain(TEXT)) {
        assert!(!explanation.attentions.is_empty(), "{explanation:?}");
        for maps in &explanation.attentions {
            let num_keys = maps.keys.len();
            let means = [maps.layer_means(), vec![maps.mean()]].concat();
            for map in maps.layers.concat().iter().chain(&means) {
                assert_eq!(map.len(), maps.queries.len() * num_keys);
                for row in map.chunks(num_keys) {
                    let sum: f32 = row.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-4, "{}: {sum}", maps.of);
                }
            }
        }
    }
}

#[test]
fn any_text_makes_a_page() {
    let all = all();
    // What is long is slow, and tested below.
    let is_short = |text: &String| text.len() < 1000;
    let num_texts = if compiles_kernels() { 1 } else { usize::MAX };
    for text in odd_texts().into_iter().filter(is_short).take(num_texts) {
        let explanations: Vec<_> = all.iter().map(|explain| explain(&text)).collect();
        let html = page(&explanations, explanations.len());
        assert!(html.ends_with("</html>\n"), "{text:?}");
        let num_maps: usize = explanations.iter().map(|one| one.attentions.len()).sum();
        assert_eq!(html.matches("<details").count(), num_maps);
        assert!(!html.contains(|char: char| char.is_control() && char != '\n'));
    }
}

#[test]
fn a_long_text_is_explained_as_far_as_it_is_read_and_says_so() {
    if compiles_kernels() {
        return;
    }
    let text = "the old cat sleeps near Berlin. ".repeat(20);
    let parts = [
        "its beginning counts",
        "",
        "over its beginning",
        "over its beginning",
        "windows",
    ];
    for (explain, part) in all().iter().zip(parts) {
        let explanation = explain(&text);
        let notes = explanation.notes.concat();
        assert!(notes.contains(part), "{part}: {notes}");
        assert!(!explanation.attentions.is_empty());
    }
}

#[test]
fn summaries_and_translations_are_those_that_the_pipeline_gives() {
    let device = test_device();
    let short = |config: &GenerationConfig| GenerationConfig {
        max_new_tokens: Some(4),
        ..config.clone()
    };
    let summarizer = Summarizer::from_pretrained(&folder("t5"), &device).unwrap();
    let config = short(summarizer.generation());
    let summarizer = summarizer.with_generation(config).unwrap();
    let explanation = summarizer.explain(TEXT).unwrap();
    assert_eq!(
        explanation.answer,
        summarizer.summarize(&[TEXT]).unwrap()[0]
    );

    let translator = Translator::from_pretrained(&folder("t5"), &device).unwrap();
    let config = short(translator.generation());
    let translator = translator.with_generation(config).unwrap();
    let explanation = translator.explain(TEXT).unwrap();
    assert_eq!(
        explanation.answer,
        translator.translate(&[TEXT]).unwrap()[0]
    );
}

#[test]
fn a_t5_with_a_classifier_is_not_explained() {
    let device = test_device();
    let tagger = Tagger::from_pretrained(&folder("t5_tag"), &device).unwrap();
    let refusals = [
        classifier("t5_classify").explain(TEXT).err(),
        classifier("t5_classify").check_explained().err(),
        tagger.explain(TEXT).err(),
        tagger.check_explained().err(),
    ];
    for refusal in refusals {
        assert!(
            matches!(refusal, Some(PipelineError::NotExplained { .. })),
            "{refusal:?}"
        );
    }
    assert!(classifier("classify").check_explained().is_ok());
}
