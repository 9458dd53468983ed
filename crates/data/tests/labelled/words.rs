//! Words with a label each.

use crate::{complaint, good, gzip, records};
use lamplight_data::source::labelled::{self, LabelledWords};
use proptest::prelude::*;
use serde_json::json;

fn words(words: &[&str], labels: &[&str]) -> LabelledWords {
    LabelledWords {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
    }
}

#[test]
fn columns_are_words_and_labels_with_blank_lines_between_sentences() {
    let expected = [
        words(
            &["Anna", "lives", "in", "Graz"],
            &["B-PER", "O", "O", "B-LOC"],
        ),
        words(&["#"], &["O"]),
    ];
    let tabs = "\n\nAnna\tB-PER\nlives\tO\nin\tO\nGraz\tB-LOC\n\n \n#\tO";
    assert_eq!(good("a.conll", tabs, labelled::words), expected);
    assert_eq!(
        good("a.bio", tabs.replace('\n', "\r\n"), labelled::words),
        expected
    );
    let spaces = "-DOCSTART- -X- O O\n\nAnna NNP I-NP B-PER\nlives VBZ I-VP O\nin IN  I-PP   O\n\
                  Graz NNP I-NP B-LOC \n-DOCSTART- -X- O O\n# # O O\n\n";
    assert_eq!(good("a.txt", spaces, labelled::words), expected);
    // A word with a space in it.
    assert_eq!(
        good("a.tsv", "New York\tB-LOC\n", labelled::words),
        [words(&["New York"], &["B-LOC"])]
    );
    assert!(good("a.conll", "", labelled::words).is_empty());
}

#[test]
fn records_hold_words_and_labels_in_lists() {
    let lines = "{\"tokens\": [\"Anna\", \"lives\"], \"ner_tags\": [1, 0]}\n\
                 {\"tags\": [\"O\"], \"id\": 3, \"tokens\": [\"So\"]}\n";
    let expected = [
        words(&["Anna", "lives"], &["1", "0"]),
        words(&["So"], &["O"]),
    ];
    assert_eq!(good("a.jsonl", lines, labelled::words), expected);
}

#[test]
fn of_a_sentence_with_errors_the_first_is_told_and_the_next_one_is_read() {
    let mut bytes = b"a O\nb\nc\nd O\n\ne O\n\nf O\ng \xff O\nh\n\ni O\n".to_vec();
    let read = records("a.conll", &bytes, labelled::words).unwrap();
    assert_eq!(read.len(), 4);
    let expected = "a.conll:2: expected a word and its label, with a tab or a space between";
    assert_eq!(read[0].as_ref().unwrap_err(), expected);
    assert_eq!(read[1].as_ref().unwrap(), &words(&["e"], &["O"]));
    assert_eq!(read[2].as_ref().unwrap_err(), "a.conll:9: invalid UTF-8");
    assert_eq!(read[3].as_ref().unwrap(), &words(&["i"], &["O"]));

    // A damaged file is told of, not the sentence that it breaks off in.
    bytes = b"word O\n".repeat(1000);
    bytes.extend(b"bad\n");
    let mut bytes = gzip(&bytes);
    bytes.truncate(bytes.len() - 4);
    let read = records("a.conll.gz", &bytes, labelled::words).unwrap();
    assert_eq!(read.len(), 1);
    assert!(read[0].as_ref().unwrap_err().contains("damaged"));
}

#[test]
fn a_file_without_blank_lines_is_too_long_for_a_sentence() {
    let bytes = [&b"word O\n".repeat(200_000)[..], b"\nlast O\n"].concat();
    let read = records("a.conll", bytes, labelled::words).unwrap();
    assert_eq!(read.len(), 2);
    assert!(
        read[0]
            .as_ref()
            .unwrap_err()
            .ends_with("longer than 1048576 bytes")
    );
    assert!(read[1].is_ok());
}

#[test]
fn words_that_cannot_be_used_are_named() {
    let sentence = json!({ "tokens": ["a"], "tags": ["O"] });
    for (bad, expected) in [
        (
            json!({ "tokens": ["a", "b"], "tags": ["O"] }),
            "1 labels for 2 words",
        ),
        (json!({ "tokens": [], "tags": [] }), "no words"),
        (
            json!({ "tokens": ["a"] }),
            "no labels: none of tags, ner_tags",
        ),
        (
            json!({ "tokens": ["a"], "tags": "O" }),
            "\"tags\" is no list",
        ),
        (
            json!({ "tokens": ["a"], "tags": [null] }),
            "no label: \"tags\" is missing or null",
        ),
        (
            json!({ "tokens": ["a"], "tags": [-1] }),
            "no label: \"tags\" is -1",
        ),
        (
            json!({ "tokens": ["a", 1], "tags": ["O", "O"] }),
            "\"tokens\" is no list of strings",
        ),
        (json!({ "tags": ["O"] }), "\"tokens\" is no list of strings"),
    ] {
        let told = complaint(&sentence, &bad, labelled::words);
        assert_eq!(told, format!("a.jsonl:2: {expected}"));
    }
}

proptest! {
    #[test]
    fn written_sentences_come_back(
        sentences in prop::collection::vec(prop::collection::vec(("[a-zé#-]{1,5}", "[BIO-]{1,3}"), 1..5), 0..6),
        separator in prop::sample::select(vec!["\t", " ", "  ", "\tNN\t"]),
    ) {
        let line = |(word, label): &(String, String)| format!("{word}{separator}{label}\n");
        let written = |sentence: &Vec<_>| sentence.iter().map(line).collect::<String>() + "\n";
        let file: String = sentences.iter().map(written).collect();
        let expected: Vec<_> = sentences
            .into_iter()
            .map(|sentence| {
                let (words, labels) = sentence.into_iter().unzip();
                LabelledWords { words, labels }
            })
            .collect();
        prop_assert_eq!(good("a.conll", file, labelled::words), expected);
    }
}
