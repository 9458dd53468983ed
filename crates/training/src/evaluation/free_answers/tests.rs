use super::*;

fn question(task: &str, targets: &[&str]) -> Question {
    Question {
        task: task.to_owned(),
        input: String::new(),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
    }
}

/// Scores by name of answers, each given with its task and target.
fn scores(answered: &[(&str, &str, &str)], metrics: &[Metric]) -> BTreeMap<String, f64> {
    let questions: Vec<Question> = answered
        .iter()
        .map(|(task, target, _)| question(task, &[target]))
        .collect();
    let answers: Vec<String> = answered.iter().map(|answer| answer.2.to_owned()).collect();
    answer_scores(&questions, &answers, metrics)
        .into_iter()
        .collect()
}

/// The same with the task left out.
fn of_task(task: &str, answered: &[(&str, &str)]) -> BTreeMap<String, f64> {
    let answered: Vec<_> = answered.iter().map(|pair| (task, pair.0, pair.1)).collect();
    let scores = scores(&answered, &[]).into_iter();
    let ending = format!(".{task}");
    scores
        .filter_map(|(name, score)| Some((name.strip_suffix(&ending)?.to_owned(), score)))
        .collect()
}

#[test]
fn texts_are_scored_over_all_and_by_task() {
    let answered = [("a", "x", " x\n"), ("b", "y", "x"), ("b", "z", "z")];
    let found = scores(&answered, &[Metric::Chrf]);
    assert_eq!(found["exact_match"], 2.0 / 3.0);
    assert_eq!((found["exact_match.a"], found["exact_match.b"]), (1.0, 0.5));
    assert_eq!(found["chrf.a"], 100.0);
    assert!(
        found["chrf.b"] < found["chrf"] && found["chrf"] < 100.0,
        "{found:?}"
    );
    assert_eq!(found.len(), 6);
    let unnamed = scores(&[("", "x", "x")], &[]);
    assert_eq!(unnamed.keys().collect::<Vec<_>>(), ["exact_match"]);
    assert!(answer_scores(&[], &[], &[Metric::Bleu]).is_empty());
}

#[test]
fn every_right_answer_counts() {
    let questions = [question("", &["one two three four", "a b c d e"])];
    let answers = ["a b c d e".to_owned()];
    let metrics = [Metric::Bleu, Metric::Rouge, Metric::Squad];
    let found: BTreeMap<_, _> = answer_scores(&questions, &answers, &metrics)
        .into_iter()
        .collect();
    assert_eq!(found["exact_match"], 1.0);
    assert!((found["bleu"] - 100.0).abs() < 1e-9, "{found:?}");
    assert_eq!((found["rouge1"], found["rougeLsum"]), (1.0, 1.0));
    assert_eq!(
        (found["squad_exact_match"], found["squad_f1"]),
        (100.0, 100.0)
    );
}

#[test]
fn tasks_of_the_paper_have_their_own_metrics() {
    let cola = [
        ("acceptable", "acceptable"),
        ("unacceptable", "unacceptable"),
    ];
    assert_eq!(of_task("cola", &cola)["matthews"], 1.0);
    let found = of_task(
        "mrpc",
        &[
            ("equivalent", "equivalent"),
            ("not_equivalent", "equivalent"),
        ],
    );
    assert_eq!((found["accuracy"], found["f1"]), (0.5, 2.0 / 3.0));
    for task in [
        "sst2",
        "mnli",
        "qnli",
        "rte",
        "boolq",
        "copa",
        "wic",
        "super_glue_rte",
    ] {
        let labels = task.parse::<TextTask>().unwrap().labels();
        let found = of_task(task, &[(labels[0], labels[0]), (labels[1], labels[0])]);
        assert_eq!(found["accuracy"], 0.5, "{task}");
        assert_eq!(found.len(), 2, "{task}: {found:?}");
    }
    let found = of_task("stsb", &[("1.0", "0.2"), ("3.0", "2.0"), ("4.0", "2.2")]);
    assert!(found["spearman"] > 0.999, "{found:?}");
    assert!(found["pearson"] > 0.9, "{found:?}");
    let found = of_task(
        "squad",
        &[(" the U . S . ", "U . S ."), ("two words", "two")],
    );
    assert_eq!(found["exact_match"], 0.0);
    assert_eq!(found["squad_exact_match"], 50.0);
    assert!((found["squad_f1"] - 100.0 * (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-9);
    // Lines are sentences, so that their order does not count.
    let found = of_task("cnn_dailymail", &[("a b . c d .", "c d . a b .")]);
    assert_eq!(found["rougeLsum"], 1.0);
    assert_eq!(found["rougeL"], 0.5);
    // The paper's tokenizer parts what the default one leaves together.
    let german = of_task(
        "translation_en_de",
        &[("a b c d\u{20ac}", "a b c d \u{20ac}")],
    );
    assert!((german["bleu"] - 100.0).abs() < 1e-9, "{german:?}");
}

#[test]
fn an_answer_that_is_no_label_is_wrong() {
    let found = of_task("sst2", &[("positive", "positive"), ("negative", "film")]);
    assert_eq!(found["accuracy"], 0.5);
    // For F1 of two classes it is the other one: a false alarm where nothing was to be found.
    let found = of_task(
        "qqp",
        &[("duplicate", "duplicate"), ("not_duplicate", "no")],
    );
    assert_eq!((found["accuracy"], found["f1"]), (0.5, 2.0 / 3.0));
    let found = of_task("cola", &[("acceptable", "so"), ("unacceptable", "so")]);
    assert_eq!(found["matthews"], 0.0);
    // Of three classes each has its F1, also the one that never comes.
    let found = of_task("cb", &[("entailment", "entailment"), ("neutral", "maybe")]);
    assert_eq!(found["macro_f1"], 1.0 / 3.0);
    let found = of_task("stsb", &[("0.0", "none"), ("1.0", "1.0"), ("2.0", "2.0")]);
    assert!(found["spearman"] > 0.999, "{found:?}");
}

#[test]
fn hidden_labels_are_no_part_of_a_score() {
    let found = of_task(
        "rte",
        &[("entailment", "entailment"), ("<unk>", "entailment")],
    );
    assert_eq!((found["accuracy"], found["exact_match"]), (1.0, 0.5));
    let found = of_task("rte", &[("<unk>", "entailment")]);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["exact_match"]);
}

#[test]
fn classes_of_another_task_are_its_targets() {
    let answered = [
        ("own", "good", "good"),
        ("own", "bad", "so"),
        ("own", "bad", "bad"),
    ];
    let metrics = [
        Metric::Accuracy,
        Metric::F1,
        Metric::MacroF1,
        Metric::Matthews,
    ];
    let found = scores(&answered, &metrics);
    assert_eq!(found["accuracy.own"], 2.0 / 3.0);
    // Of `good`, the second by name; the answer that is none of them counts for it.
    assert_eq!(found["f1.own"], 2.0 / 3.0);
    assert_eq!(found["macro_f1.own"], (1.0 + 2.0 / 3.0) / 2.0);
    assert!(found["matthews.own"] > 0.0 && found["matthews.own"] < 1.0);
    let three = [("", "a", "a"), ("", "b", "b"), ("", "c", "c")];
    assert!(!scores(&three, &metrics).contains_key("f1"));
}

#[test]
fn every_score_has_a_known_name() {
    let metrics = Metric::ALL
        .into_iter()
        .filter(|metric| scores_answers(*metric));
    let metrics: Vec<Metric> = metrics.collect();
    let tasks = [
        "",
        "cola",
        "mrpc",
        "stsb",
        "cb",
        "squad",
        "cnn_dailymail",
        "translation_en_de",
    ];
    for task in tasks {
        let answered = [(task, "1", "1"), (task, "2", "1"), (task, "2", "2")];
        for name in scores(&answered, &metrics).keys() {
            let score = name.split('.').next().unwrap_or_default();
            assert!(ANSWER_SCORES.contains(&score), "{name}");
        }
    }
}
