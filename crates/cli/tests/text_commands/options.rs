//! What stands in lines of text, options, and inputs that are more than one window.

use lamplight_layers::device::DeviceChoice;
use lamplight_pipelines::{Detector, MaskFiller, Summarizer, Tagger};
use lamplight_t5::GenerationConfig;

use super::texts::json_lines;
use super::{TEXTS, answers, ask, model};

#[test]
fn labels_stand_before_their_scores_best_first() {
    let text = "Anna lives in Paris, and Peter works near Berlin!";
    let best = answers(ask("classify", "classify").arg(text));
    assert_eq!(best, "good\t0.4296\n");
    let three = answers(ask("classify --top-k 3", "classify").arg(text));
    assert_eq!(three, "good\t0.4296\tneutral\t0.3181\tbad\t0.2523\n");
    let json = answers(ask("classify --json --top-k 2", "classify").arg(text));
    assert_eq!(json_lines(&json)[0]["labels"].as_array().unwrap().len(), 2);
}

/// Each stretch of characters in brackets, the others as they are.
fn bracketed(text: &str, marks: &[(usize, usize, String)]) -> String {
    let mut shown: Vec<String> = text.chars().map(String::from).collect();
    for (start, end, label) in marks {
        shown[*start].insert_str(0, &format!("[{label}"));
        shown[*end - 1].push(']');
    }
    shown.concat()
}

#[test]
fn entities_and_replaced_tokens_are_marked_in_the_text() {
    let device = DeviceChoice::default().open().unwrap();
    let text = TEXTS[2];
    let tagger = Tagger::from_pretrained(&model("tag"), &device).unwrap();
    let entities = tagger.tag(&[text]).unwrap().remove(0);
    let marks = entities.into_iter().map(|entity| {
        let label = format!("{}: ", entity.label);
        (entity.characters.start, entity.characters.end, label)
    });
    let expected = bracketed(text, &marks.collect::<Vec<_>>());
    assert_ne!(expected, text);
    assert_eq!(
        answers(ask("tag", "tag").arg(text)),
        format!("{expected}\n")
    );

    let detector = Detector::from_pretrained(&model("detect"), &device).unwrap();
    let tokens = detector.detect(&[text]).unwrap().remove(0);
    let marked = |threshold: f32| {
        let above = tokens.iter().filter(|token| token.probability > threshold);
        let marks =
            above.map(|token| (token.characters.start, token.characters.end, String::new()));
        format!("{}\n", bracketed(text, &marks.collect::<Vec<_>>()))
    };
    assert_eq!(answers(ask("detect", "detect").arg(text)), marked(0.5));
    assert!(marked(0.5) != marked(0.0) && marked(0.0) != marked(1.0));
    for (threshold, expected) in [("0", marked(0.0)), ("1", marked(1.0))] {
        let arguments = format!("detect --threshold {threshold}");
        assert_eq!(answers(ask(&arguments, "detect").arg(text)), expected);
    }
    // As on a terminal.
    let coloured = answers(ask("detect", "detect").env("FORCE_COLOR", "1").arg(text));
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    assert!(!marked(0.5).contains('\u{1b}'));
}

#[test]
fn masks_are_filled_in_the_text() {
    let device = DeviceChoice::default().open().unwrap();
    let filler = MaskFiller::from_pretrained(&model("fill_mask"), &device).unwrap();
    let one = "The [MASK] cat sleeps.";
    let best = filler.fill(&[one]).unwrap().remove(0).remove(0);
    let found = answers(ask("fill-mask --top-k 2", "fill_mask").arg(one));
    assert_eq!(found, format!("{}\t{}\n", best[0].text, best[1].text));

    let several = "[MASK] lives in [MASK], near the river 🙂";
    let masks = filler.fill(&[several]).unwrap().remove(0);
    let [first, second] = [0, 1].map(|mask: usize| &masks[mask][0].token);
    let found = answers(ask("fill-mask", "fill_mask").write_stdin(format!("\n{several}\n")));
    assert_eq!(
        found,
        format!("\n{first} lives in {second}, near the river 🙂\n")
    );
}

#[test]
fn line_breaks_of_an_input_do_not_break_its_line() {
    let found = answers(ask("detect --threshold 1", "detect").arg("Anna\r\nsings"));
    assert_eq!(found, "Anna  sings\n");
}

#[test]
fn draws_go_on_from_window_to_window() {
    let device = DeviceChoice::default().open().unwrap();
    let summarizer = Summarizer::from_pretrained(&model("t5"), &device).unwrap();
    let config = GenerationConfig {
        do_sample: true,
        max_new_tokens: Some(3),
        seed: 5,
        ..summarizer.generation().clone()
    };
    let texts = vec!["the old cat sleeps near Berlin."; 600];
    let summarizer = summarizer.with_generation(config).unwrap();
    let expected = summarizer.summarize(&texts).unwrap();
    let arguments = "summarize --json --max-new-tokens 3 --set do_sample=true --set seed=5";
    // Blank lines are not counted.
    let lines = answers(ask(arguments, "t5").write_stdin(texts.join("\n\n")));
    let lines = json_lines(&lines);
    let found: Vec<_> = lines.iter().step_by(2).collect();
    assert_eq!(found.len(), texts.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found["outputs"][0]["text"], expected.as_str());
    }
    assert!(expected.iter().any(|text| *text != expected[0]));
}

#[test]
fn answers_do_not_depend_on_the_window() {
    let texts = [TEXTS[0], TEXTS[5]].repeat(1000);
    let found = answers(ask("classify", "classify").write_stdin(texts.join("\n")));
    let two = answers(ask("classify", "classify").args(&texts[..2]));
    assert_eq!(found, two.repeat(1000));
}
