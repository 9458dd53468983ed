use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::loader::{QuestionEncoder, QuestionWindow};
use crate::objective::question_answering::WindowSettings;
use crate::source::labelled::{Answer, AskedQuestion};
use crate::{synthetic, tokenizer::train};

static TOKENIZER: LazyLock<Tokenizer> =
    LazyLock::new(|| train::word_piece(synthetic::english(100, 1), 300).unwrap());

fn encoder(max_length: usize) -> LabelledEncoder<'static> {
    LabelledEncoder {
        tokenizer: &TOKENIZER,
        max_length,
    }
}

fn text(first: &str, second: Option<&str>, label: Label) -> LabelledText {
    LabelledText {
        first: first.to_owned(),
        second: second.map(str::to_owned),
        label,
    }
}

fn class(name: &str) -> Label {
    Label::Class(name.to_owned())
}

fn ignored(_: usize, _: usize) {}

#[test]
fn texts_and_pairs_are_the_rows_of_the_tokenizer() {
    let texts = [
        text("the cat", None, class("no")),
        text("the cat", Some("a dog sleeps"), class("yes")),
    ];
    let names = LabelNames::of(["yes", "no"]);
    let (mut num_records, mut num_tokens) = (0, 0);
    let mut progress = |records, tokens| {
        num_records += records;
        num_tokens += tokens;
    };
    let examples = encoder(32).classes(&texts, &names, &mut progress).unwrap();
    let targets: Vec<u32> = examples.iter().map(|example| example.target).collect();
    assert_eq!(targets, [0, 1]);
    let ids = TOKENIZER.encode("the cat").unwrap();
    assert_eq!(examples[0].rows, [EncodedRow::of_one_text(ids)]);
    let pair = TOKENIZER
        .encode_pair("the cat", "a dog sleeps", 32)
        .unwrap();
    assert!(pair.token_type_ids.contains(&1));
    assert_eq!(num_records, 2);
    assert_eq!(num_tokens, examples[0].rows[0].ids.len() + pair.ids.len());
    assert_eq!(examples[1].rows, [pair]);
}

#[test]
fn values_are_numbers_however_they_are_written() {
    let texts = [
        text("a", None, Label::Value(2.5)),
        text("b", None, class("3")),
        text("c", None, class("0.25")),
    ];
    let examples = encoder(8).values(&texts, &mut ignored).unwrap();
    let values: Vec<f32> = examples.iter().map(|example| example.target).collect();
    assert_eq!(values, [2.5, 3.0, 0.25]);
    for label in [class("good"), class("nan"), Label::Value(f32::INFINITY)] {
        let told = format!("label \"{label}\": expected a number");
        let refused = encoder(8).values(&[text("a", None, label)], &mut ignored);
        assert_eq!(refused.unwrap_err().to_string(), told);
    }
}

#[test]
fn a_whole_value_is_the_class_of_its_number() {
    let names = LabelNames::of(["0", "1"]);
    let texts = [text("a", None, Label::Value(1.0))];
    let examples = encoder(8).classes(&texts, &names, &mut ignored).unwrap();
    assert_eq!(examples[0].target, 1);
}

#[test]
fn labels_that_have_no_id_and_rows_without_room_are_errors() {
    let names = LabelNames::of(["0"]);
    let texts = [text("a", None, class("7"))];
    let refused = encoder(8)
        .classes(&texts, &names, &mut ignored)
        .unwrap_err();
    assert_eq!(refused.to_string(), "label \"7\": expected one of 0");
    let texts = [text("a", None, class("0"))];
    let refused = encoder(1).classes(&texts, &names, &mut ignored);
    assert!(matches!(refused, Err(DataError::PairTooShort { .. })));
    let sentence = LabelledWords {
        words: vec!["a".to_owned()],
        labels: vec!["0".to_owned(), "0".to_owned()],
    };
    let refused = encoder(8).words(&[sentence], &names, &mut ignored);
    assert!(matches!(
        refused,
        Err(DataError::LabelCount {
            words: 1,
            labels: 2
        })
    ));
}

#[test]
fn words_bear_their_classes_at_their_first_pieces() {
    let sentence = LabelledWords {
        words: ["the", "zyx", "cat"].map(str::to_owned).to_vec(),
        labels: ["O", "B", "O"].map(str::to_owned).to_vec(),
    };
    let names = LabelNames::of(["O", "B"]);
    let examples = encoder(32).words(std::slice::from_ref(&sentence), &names, &mut ignored);
    let Labelled { rows, target } = examples.unwrap().swap_remove(0);
    assert_eq!(rows[0].ids.len(), target.len());
    assert_eq!((target[0], target[1], target[2]), (None, Some(1), Some(0)));
    let classes: Vec<u32> = target.into_iter().flatten().collect();
    assert_eq!(classes, [1, 0, 1]);
    // A cut row keeps as many labels as it has ids.
    let examples = encoder(4).words(&[sentence], &names, &mut ignored).unwrap();
    assert_eq!(
        (examples[0].rows[0].ids.len(), examples[0].target.len()),
        (4, 4)
    );
}

#[test]
fn each_choice_is_a_row_behind_its_context() {
    let record = Choices {
        context: "the cat".to_owned(),
        choices: ["sleeps", "a dog", "a"].map(str::to_owned).to_vec(),
        label: 2,
    };
    let examples = encoder(16).choices(&[record], &mut ignored).unwrap();
    assert_eq!(examples[0].target, 2);
    let row = |choice| TOKENIZER.encode_pair("the cat", choice, 16).unwrap();
    assert_eq!(examples[0].rows, ["sleeps", "a dog", "a"].map(row));
}

fn question(context: &str, answer: Option<(usize, &str)>) -> AskedQuestion {
    let answer = answer.map(|(start, text)| Answer {
        start,
        text: text.to_owned(),
    });
    AskedQuestion {
        id: "a".to_owned(),
        question: "who sleeps".to_owned(),
        context: context.into(),
        is_impossible: answer.is_none(),
        answers: answer.into_iter().collect(),
    }
}

#[test]
fn every_window_is_an_example_and_knows_its_question() {
    let long = format!("{} zyx", "the cat sleeps ".repeat(20));
    let questions = [
        question("the cat sleeps", Some((4, "cat"))),
        question("", None),
        question(&long, Some((301, "zyx"))),
    ];
    let encoder = QuestionEncoder {
        tokenizer: &TOKENIZER,
        settings: WindowSettings {
            max_length: 40,
            max_question_length: 8,
            doc_stride: 10,
        },
    };
    let windows = encoder.windows(&questions, &mut ignored).unwrap();
    let owners: Vec<usize> = windows.iter().map(|window| window.question).collect();
    let num_windows = owners.len() - 1;
    assert!(num_windows > 1);
    assert_eq!(owners, [vec![0], vec![2; num_windows]].concat());
    let shown = |QuestionWindow { question, window }: &QuestionWindow| {
        let (first, last) = window.answer;
        let context = &questions[*question].context;
        window.text(context, first, last).map(str::to_owned)
    };
    let answers: Vec<_> = windows.iter().map(shown).collect();
    assert_eq!(answers[0].as_deref(), Some("cat"));
    assert_eq!(answers[1], None);
    assert_eq!(answers[num_windows].as_deref(), Some("zyx"));

    let of_windows = windows
        .into_iter()
        .map(|found| Labelled::of_window(found.window, questions[found.question].is_impossible));
    let mut heard = (0, 0);
    let mut progress = |questions, tokens| heard = (questions, tokens);
    let examples = encoder.examples(&questions, &mut progress).unwrap();
    assert_eq!(examples, of_windows.collect::<Vec<_>>());
    let num_tokens = examples
        .iter()
        .map(|example| example.rows[0].ids.len())
        .sum();
    assert_eq!(heard, (3, num_tokens));
}

proptest! {
    #[test]
    fn one_text_is_the_row_of_a_pair_without_a_second(text in "[a-z .]{0,60}", max_length in 2..30_usize) {
        let labelled = [LabelledText { first: text.clone(), second: None, label: class("0") }];
        let names = LabelNames::of(["0"]);
        let examples = encoder(max_length).classes(&labelled, &names, &mut ignored).unwrap();
        let row = TOKENIZER.encode_pair(&text, "", max_length).unwrap();
        prop_assert_eq!(&examples[0].rows, &[row]);
    }
}
