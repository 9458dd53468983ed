//! Results are those of the library, in JSON to the last digit.

use lamplight_layers::device::DeviceChoice;
use lamplight_pipelines::{
    Aggregation, AnswerSettings, Answerer, Classifier, Detector, Embedder, MaskFiller, SpanFiller,
    Summarizer, Tagger, Translator, ZeroShotClassifier,
};
use lamplight_t5::GenerationConfig;
use serde::Serialize;
use serde_json::{Value, json};

use super::texts::json_lines;
use super::{TEXTS, answers, ask, model};

/// The texts that are asked about.
fn asked() -> Vec<&'static str> {
    let texts = TEXTS.into_iter();
    texts.filter(|text| !text.trim().is_empty()).collect()
}

/// The results of a command for the texts that are not blank.
fn found(arguments: &str, model: &str, key: &str) -> Vec<Value> {
    let lines = answers(ask(arguments, model).arg("--json").arg("--").args(asked()));
    let lines = json_lines(&lines);
    lines.iter().map(|line| line[key].clone()).collect()
}

/// As it is written and read again.
fn as_json(results: &impl Serialize) -> Vec<Value> {
    serde_json::from_str(&serde_json::to_string(results).unwrap()).unwrap()
}

#[test]
fn labels_entities_and_vectors_are_those_of_the_library() {
    let device = DeviceChoice::default().open().unwrap();
    let texts = asked();
    for name in ["classify", "t5_classify", "rate", "topics"] {
        let classifier = Classifier::from_pretrained(&model(name), &device).unwrap();
        let labels = as_json(&classifier.classify(&texts).unwrap());
        assert_eq!(found("classify", name, "labels"), labels);
    }
    for name in ["tag", "t5_tag"] {
        let tagger = Tagger::from_pretrained(&model(name), &device).unwrap();
        let words = as_json(&tagger.tag(&texts).unwrap());
        assert_eq!(found("tag", name, "entities"), words);
        let tokens = tagger.aggregation(Aggregation::Simple).tag(&texts).unwrap();
        assert_eq!(
            found("tag --aggregation simple", name, "entities"),
            as_json(&tokens)
        );
    }
    for name in ["t5", "classify"] {
        let embedder = Embedder::from_pretrained(&model(name), &device).unwrap();
        let plain = as_json(&embedder.embed(&texts).unwrap());
        assert_eq!(found("embed --no-normalize", name, "embedding"), plain);
        let normalized = as_json(&embedder.normalized().embed(&texts).unwrap());
        assert_eq!(found("embed", name, "embedding"), normalized);
    }
}

#[test]
fn tokens_and_fillings_are_those_of_the_library() {
    let device = DeviceChoice::default().open().unwrap();
    let texts = asked();
    let detector = Detector::from_pretrained(&model("detect"), &device).unwrap();
    let expected = detector.detect(&texts).unwrap();
    let judged = |threshold: f32| {
        let mut judged = as_json(&expected);
        for (tokens, expected) in judged.iter_mut().zip(&expected) {
            for (token, expected) in tokens.as_array_mut().unwrap().iter_mut().zip(expected) {
                token["is_replaced"] = json!(expected.probability > threshold);
            }
        }
        judged
    };
    assert_eq!(found("detect", "detect", "tokens"), judged(0.5));
    assert_eq!(
        found("detect --threshold 0.6", "detect", "tokens"),
        judged(0.6)
    );

    let masked = ["The [MASK] cat sleeps.", "🙂 [MASK] שלום [MASK]"];
    let filler = MaskFiller::from_pretrained(&model("fill_mask"), &device).unwrap();
    let lines = answers(ask("fill-mask --json", "fill_mask").args(masked));
    let expected = as_json(&filler.fill(&masked).unwrap());
    let found: Vec<Value> = json_lines(&lines)
        .iter()
        .map(|line| line["fillings"].clone())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn answers_are_those_of_the_library_whether_the_question_is_an_option_or_a_field() {
    let device = DeviceChoice::default().open().unwrap();
    let settings = AnswerSettings {
        top_k: 3,
        ..AnswerSettings::default()
    };
    let answerer = Answerer::from_pretrained(&model("answer"), &device).unwrap();
    let answerer = answerer.with_settings(settings).unwrap();
    let pairs: Vec<_> = asked().into_iter().map(|text| ("Where?", text)).collect();
    let expected = as_json(&answerer.answer(&pairs).unwrap());
    let by_option = found("answer --question Where? --top-k 3", "answer", "answers");
    assert_eq!(by_option, expected);

    let record = |(question, context): &(&str, &str)| {
        format!("{}\n", json!({"question": question, "context": context}))
    };
    let records: String = pairs.iter().map(record).collect();
    let lines = answers(ask("answer --json --top-k 3", "answer").write_stdin(records));
    for (line, expected) in json_lines(&lines).iter().zip(&expected) {
        assert_eq!(
            (&line["answers"], &line["question"]),
            (expected, &json!("Where?"))
        );
    }
}

#[test]
fn pairs_are_read_from_two_fields() {
    let device = DeviceChoice::default().open().unwrap();
    let classifier = Classifier::from_pretrained(&model("classify"), &device).unwrap();
    let pairs = [
        ("the cat sleeps", "the dog runs"),
        ("where?", "in the garden 🙂"),
    ];
    let expected = as_json(&classifier.classify_pairs(&pairs).unwrap());
    let record = |(first, second): (&str, &str)| {
        format!("{}\n", json!({"text": first, "hypothesis": second}))
    };
    let records = pairs.map(record).concat();
    let mut command = ask("classify --json --pair-field hypothesis", "classify");
    let found = json_lines(&answers(command.write_stdin(records)));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(&found["labels"], expected);
    }
    let alone = as_json(&classifier.classify(&["the cat sleeps"]).unwrap());
    assert_ne!(alone[0], expected[0]);
}

#[test]
fn texts_are_written_as_the_library_does_with_the_same_generation_config() {
    let device = DeviceChoice::default().open().unwrap();
    let texts = asked();
    let outputs = |texts: Vec<String>| {
        let outputs = texts.into_iter().map(|text| json!([{"text": text}]));
        outputs.collect::<Vec<_>>()
    };
    let summarizer = Summarizer::from_pretrained(&model("t5"), &device).unwrap();
    let plain = outputs(summarizer.summarize(&texts).unwrap());
    assert_eq!(found("summarize", "t5", "outputs"), plain);
    let config = GenerationConfig {
        max_new_tokens: Some(5),
        no_repeat_ngram_size: 1,
        ..summarizer.generation().clone()
    };
    let short = summarizer.with_generation(config).unwrap();
    let short = outputs(short.summarize(&texts).unwrap());
    let arguments = "summarize --max-new-tokens 5 --set no_repeat_ngram_size=1";
    assert_eq!(found(arguments, "t5", "outputs"), short);
    assert_ne!(short, plain);

    let translator = Translator::from_pretrained(&model("t5"), &device).unwrap();
    let translator = translator.between("fr", "Romanian").unwrap();
    let config = GenerationConfig {
        num_beams: 2,
        ..translator.generation().clone()
    };
    let translator = translator.with_generation(config).unwrap();
    let expected = outputs(translator.translate(&texts).unwrap());
    let arguments = "translate --from French --to ro --num-beams 2";
    assert_eq!(found(arguments, "t5", "outputs"), expected);
}

#[test]
fn a_t5_fills_sentinels_or_masks_as_the_library_does() {
    let device = DeviceChoice::default().open().unwrap();
    let filler = SpanFiller::from_pretrained(&model("t5"), &device).unwrap();
    let blanks = [
        "Anna <extra_id_0> in Berlin, near <extra_id_1>.",
        "The <extra_id_0>",
    ];
    let expected = filler.fill(&blanks).unwrap();
    let found = found_in(ask("fill-mask --json", "t5").args(blanks), "filled");
    assert_eq!(found, as_json(&expected));
    let masked = "Anna [MASK] in Berlin, near [MASK].";
    let line = answers(ask("fill-mask", "t5").arg(masked));
    assert_eq!(line, format!("{}\n", expected[0].text.replace('\n', " ")));
}

#[test]
fn labels_of_ones_own_are_scored_as_the_library_does() {
    let device = DeviceChoice::default().open().unwrap();
    let classifier = ZeroShotClassifier::from_pretrained(&model("t5"), &device).unwrap();
    let (texts, labels) = (asked(), ["river", "a house", "cat"]);
    let expected = classifier.classify(&texts, &labels).unwrap();
    let mut command = ask("classify --json", "t5");
    command
        .args(["--labels", "river, a house,cat"])
        .args(&texts);
    assert_eq!(found_in(&mut command, "labels"), as_json(&expected));

    let prompt = "sst2 sentence: {text}";
    let asking = classifier.with_prompt(prompt).unwrap();
    let best = asking.classify(&[texts[0]], &labels).unwrap().remove(0);
    let mut command = ask("classify", "t5");
    command.args([
        "--labels",
        "river,a house,cat",
        "--prompt",
        prompt,
        texts[0],
    ]);
    let line = format!("{}\t{:.4}\n", best[0].label, best[0].score);
    assert_eq!(answers(&mut command), line);
}

/// The values of a key in the lines that a command writes.
fn found_in(command: &mut assert_cmd::Command, key: &str) -> Vec<Value> {
    let lines = json_lines(&answers(command));
    lines.iter().map(|line| line[key].clone()).collect()
}
