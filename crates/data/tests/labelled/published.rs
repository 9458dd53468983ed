//! Data sets as they are published, where `LAMPLIGHT_DATA` (or a folder beside the project) has some in the layout of
//! classification, ner and qa with a README each, which says how many records a file has.

#![allow(clippy::print_stdout)]

use lamplight_data::{
    DataError,
    loader::{LabelNames, LabelledEncoder, LabelledLoader, LabelledSettings, QuestionEncoder},
    objective::question_answering::WindowSettings,
    source::labelled::{self, LabelledRecords, TextFields},
    tokenizer::Tokenizer,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The files below a folder of the published sets, with what the README beside each says of it.
fn files(kind: &str) -> Vec<(PathBuf, String)> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = env::var_os("LAMPLIGHT_DATA").map_or(beside, PathBuf::from);
    let readmes = glob::glob(&root.join(kind).join("*/README.md").to_string_lossy()).unwrap();
    let files: Vec<(PathBuf, String)> = readmes
        .map(Result::unwrap)
        .flat_map(|readme| {
            let text = fs::read_to_string(&readme).unwrap();
            let row = |row: &str| {
                let mut cells = row.split('|').skip(1).map(str::trim);
                let path = readme.with_file_name(cells.next()?);
                path.is_file()
                    .then(|| (path, cells.next().unwrap_or("").to_owned()))
            };
            text.lines().filter_map(row).collect::<Vec<_>>()
        })
        .collect();
    if files.is_empty() {
        println!("skipped: nothing in {}", root.join(kind).display());
    }
    files
}

/// The number in front of a word: 8551 of `8,551 records`.
fn number(what: &str, word: &str) -> usize {
    let counts = what
        .split(", ")
        .filter_map(|count| count.strip_suffix(word));
    let digits = counts.last().unwrap().replace(',', "");
    digits.trim().parse().unwrap()
}

fn all<T>(
    path: &Path,
    open: impl FnOnce(&Path) -> Result<LabelledRecords<T>, DataError>,
) -> Vec<T> {
    let records = open(path).unwrap().collect::<Result<Vec<_>, _>>();
    records.unwrap_or_else(|error| panic!("{error}"))
}

fn tokenizer() -> Tokenizer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/word_piece");
    Tokenizer::from_folder(&folder).unwrap()
}

#[test]
fn texts_become_batches_with_all_their_labels() {
    let tokenizer = tokenizer();
    let encoder = LabelledEncoder {
        tokenizer: &tokenizer,
        max_length: 128,
    };
    let settings = LabelledSettings {
        batch_size: 32,
        pad_id: tokenizer.special().pad,
    };
    for (path, what) in files("classification") {
        let texts = all(&path, |path| labelled::texts(path, &TextFields::default()));
        assert_eq!(texts.len(), number(&what, "records"), "{}", path.display());
        let values = encoder.values(&texts, &mut |_, _| {}).unwrap();
        assert!(
            values
                .iter()
                .all(|value| (0.0..=5.0).contains(&value.target))
        );
        let names = LabelNames::of(texts.iter().map(|text| text.label.to_string()));
        let classes = encoder.classes(&texts, &names, &mut |_, _| {}).unwrap();
        for (class, text) in classes.iter().zip(&texts) {
            assert_eq!(names.names()[class.target as usize], text.label.to_string());
        }
        let loader = LabelledLoader::new(Arc::new(classes), settings, 1).unwrap();
        let batches = loader.evaluation_batches(usize::MAX).unwrap();
        let num_rows: usize = batches.iter().map(|batch| batch.input.input_ids.rows).sum();
        assert_eq!(num_rows, texts.len());
        println!(
            "{}: {} classes of {num_rows}",
            path.display(),
            names.names().len()
        );
    }
}

#[test]
fn words_become_rows_with_their_labels() {
    let tokenizer = tokenizer();
    let encoder = LabelledEncoder {
        tokenizer: &tokenizer,
        max_length: 4096,
    };
    for (path, what) in files("ner") {
        let sentences = all(&path, labelled::words);
        assert_eq!(
            sentences.len(),
            number(&what, "sentences"),
            "{}",
            path.display()
        );
        let num_words: usize = sentences.iter().map(|sentence| sentence.words.len()).sum();
        assert_eq!(num_words, number(&what, "tokens"));
        let labels = sentences.iter().flat_map(|sentence| &sentence.labels);
        let names = LabelNames::of(labels);
        let is_tag =
            |name: &String| name == "O" || name.starts_with("B-") || name.starts_with("I-");
        assert!(names.names().iter().all(is_tag));
        let examples = encoder.words(&sentences, &names, &mut |_, _| {}).unwrap();
        let labels = examples
            .iter()
            .flat_map(|example| &example.target)
            .flatten();
        let num_labels = labels.count();
        // A word of control characters has no piece to bear its label.
        assert!(num_labels <= num_words && num_labels * 1000 > num_words * 999);
        println!("{}: {num_labels} labels of {num_words}", path.display());
    }
}

#[test]
fn windows_show_the_answers() {
    let tokenizer = tokenizer();
    let encoder = QuestionEncoder {
        tokenizer: &tokenizer,
        settings: WindowSettings {
            max_length: 384,
            ..WindowSettings::default()
        },
    };
    for (path, what) in files("qa") {
        let questions = all(&path, labelled::questions);
        assert_eq!(
            questions.len(),
            number(&what, "questions"),
            "{}",
            path.display()
        );
        let asked = &questions[..questions.len().min(1000)];
        let windows = encoder.windows(asked, &mut |_, _| {}).unwrap();
        let mut is_shown = vec![false; asked.len()];
        for found in windows.iter().filter(|found| found.window.answer != (0, 0)) {
            let question = &asked[found.question];
            let (first, last) = found.window.answer;
            let text = found.window.text(&question.context, first, last).unwrap();
            let answer = question.answers[0].text.trim();
            // Accents are stripped, and those at the end of a word are of no token.
            let mut ends = answer
                .char_indices()
                .rev()
                .map(|(end, _)| &answer[..end])
                .take(2);
            assert!(
                text.contains(answer) || ends.any(|start| text.contains(start)),
                "{}: {text} {answer}",
                question.id
            );
            is_shown[found.question] = true;
        }
        let num_shown = is_shown.into_iter().filter(|&is| is).count();
        assert!(num_shown * 100 > asked.len() * 99, "{num_shown}");
        println!(
            "{}: {num_shown} in {} windows",
            path.display(),
            windows.len()
        );
    }
}
