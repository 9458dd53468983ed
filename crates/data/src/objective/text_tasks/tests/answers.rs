//! Tasks whose target is a text of its own.

use super::*;

#[test]
fn record_gives_one_example_per_answer() {
    let mut record = json!({
        "passage": "It burns\n@highlight\nAnn lit it.\n@highlight\nBo left",
        "query": "@placeholder lit it.",
        "entities": ["Ann", "Bo"],
        "answers": ["Ann", "Bo"],
    });
    let input = "record query: @placeholder lit it. entities: Ann, Bo \
                 passage: It burns. Ann lit it. Bo left";
    check(
        TextTask::Record,
        record.clone(),
        &[(input, "Ann"), (input, "Bo")],
    );
    for pair in pairs(TextTask::Record, record.clone()).unwrap() {
        assert_eq!(pair.references(), ["Ann", "Bo"]);
    }
    record["answers"] = json!([]);
    check(TextTask::Record, record, &[(input, "<unk>")]);
}

#[test]
fn pronouns_stand_between_asterisks() {
    let mut record = json!({
        "text": "Mia asked Ann if she could stay .",
        "span1_text": "Ann", "span2_text": "she", "span2_index": 4, "label": 1,
    });
    let input = "wsc: Mia asked Ann if *she* could stay .";
    check(TextTask::Wsc, record.clone(), &[(input, "Ann")]);
    record["label"] = json!(0);
    check(TextTask::Wsc, record.clone(), &[]);
    record["label"] = json!(-1);
    check(TextTask::Wsc, record.clone(), &[(input, "<unk>")]);
    record["span2_index"] = json!(5);
    let error = pairs(TextTask::Wsc, record).unwrap_err().to_string();
    assert!(
        error.contains("span2_index = 5") && error.contains("\"she\""),
        "{error}"
    );
}

#[test]
fn a_pronoun_is_found_behind_its_index_and_in_front_of_punctuation() {
    let record = json!({
        "text": "Tom called Bo . \"Good for him,\" said Ann .",
        "span1_text": "Bo", "span2_text": "him", "span2_index": 5, "label": true,
    });
    check(
        TextTask::Wsc,
        record,
        &[("wsc: Tom called Bo . \"Good for *him* ,\" said Ann .", "Bo")],
    );
}

#[test]
fn definite_pronouns_take_the_form_of_wsc() {
    let mut record = json!({
        "sentence": "The helpers met her, and the cat saw he. Then he left.",
        "pronoun": "he", "candidates": ["The cat", "The helper"], "label": 1,
    });
    check(
        TextTask::Dpr,
        record.clone(),
        &[(
            "wsc: The helpers met her, and the cat saw *he*. Then he left.",
            "The helper",
        )],
    );
    record["label"] = json!(2);
    assert!(pairs(TextTask::Dpr, record).is_err());
}

#[test]
fn the_pronoun_of_wnli_is_where_the_hypothesis_differs() {
    for (premise, hypothesis, input, referent) in [
        (
            "The lamp burned the moth. It was hot.",
            "The lamp was hot.",
            "wsc: The lamp burned the moth. *It* was hot.",
            "The lamp",
        ),
        (
            "Ann lent Mia a coat since she was cold, and left.",
            "Mia was cold, and left.",
            "wsc: Ann lent Mia a coat since *she* was cold, and left.",
            "Mia",
        ),
        (
            "The box fell on Tom and the chair broke it.",
            "The chair broke the old box.",
            "wsc: The box fell on Tom and the chair broke *it* .",
            "the old box",
        ),
        (
            "Tom told Bo that his lamp was lit, but she saw it first.",
            "Bo's lamp was lit",
            "wsc: Tom told Bo that *his* lamp was lit, but she saw it first.",
            "Bo",
        ),
    ] {
        let mut record = json!({ "sentence1": premise, "sentence2": hypothesis, "label": 1 });
        check(TextTask::Wnli, record.clone(), &[(input, referent)]);
        record["label"] = json!(0);
        check(TextTask::Wnli, record.clone(), &[]);
        record["label"] = json!(-1);
        check(TextTask::Wnli, record, &[(input, "<unk>")]);
    }
    for (premise, hypothesis, field) in [
        ("No such word.", "The word.", "sentence1"),
        ("He is.", "Other words.", "sentence2"),
    ] {
        let record = json!({ "sentence1": premise, "sentence2": hypothesis, "label": 1 });
        let error = pairs(TextTask::Wnli, record).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn squad_has_spaces_round_punctuation() {
    let expected = (
        "question: Who lit it ? context: Ann ' s lamp ( no_1 ) : \u{e9} 3 . 5 . ",
        " $ 5 , 000 ",
    );
    let text = "$5,000\n";
    for answers in [
        json!({ "text": [text, "other"], "answer_start": [1, 2] }),
        json!([{ "text": text, "answer_start": 1 }]),
        json!([text]),
    ] {
        let record = json!({
            "question": "Who lit  it?",
            "context": "Ann's lamp (no_1):\u{e9}\t3.5.",
            "answers": answers,
        });
        check(TextTask::Squad, record, &[expected]);
    }
    let record = json!({ "question": "q", "context": "c", "answers": ["b", "a.", "b"] });
    let [pair] = &pairs(TextTask::Squad, record).unwrap()[..] else {
        panic!("one example for one question");
    };
    assert_eq!(pair.target, "b");
    assert_eq!(pair.references(), ["b", "a . ", "b"]);
    let record = json!({ "question": "q", "context": "c", "answers": { "text": [] } });
    assert!(pairs(TextTask::Squad, record).is_err());
}

#[test]
fn articles_are_summarized_and_sentences_translated() {
    check(
        TextTask::CnnDailyMail,
        json!({ "article": "Long.", "highlights": "Short ." }),
        &[("summarize: Long.", "Short .")],
    );
    let record = json!({ "de": "Das Haus.", "en": "A house." });
    let to_german = TextTask::Translation {
        from: Language::English,
        to: Language::German,
    };
    let expected = [("translate English to German: A house.", "Das Haus.")];
    check(to_german, record.clone(), &expected);
    check(to_german, json!({ "translation": record }), &expected);
    let to_french = TextTask::Translation {
        from: Language::Romanian,
        to: Language::French,
    };
    check(
        to_french,
        json!({ "ro": "O cas\u{103}.", "fr": "Une maison." }),
        &[("translate Romanian to French: O cas\u{103}.", "Une maison.")],
    );
}
