//! Sentences with their replaced words marked, and answers beside the right ones.

use std::fmt::Write as _;

use lamplight_pipelines::page::escape;

use crate::evaluation::{DetectedToken, Example};

/// The examples of an evaluation.
pub(super) fn html(examples: &[Example]) -> String {
    let mut sentences = String::new();
    let mut answers = String::new();
    for example in examples {
        match example {
            Example::Detection { tokens } => {
                let _ = write!(sentences, "<p class=\"sentence\">{}</p>", sentence(tokens));
            }
            Example::Answer {
                task,
                input,
                expected,
                predicted,
            } => {
                let class = if expected == predicted {
                    "right"
                } else {
                    "wrong"
                };
                let _ = write!(
                    answers,
                    "<tr><th>{}</th><td>{}</td><td class=\"{class}\">{}</td><td>{}</td></tr>",
                    escape(task),
                    escape(input),
                    escape(predicted),
                    escape(expected)
                );
            }
        }
    }
    let mut html = String::new();
    if !sentences.is_empty() {
        let _ = writeln!(
            html,
            "<h3>Which words did the generator replace?</h3>\
             <p class=\"about\"><mark class=\"caught\">found</mark> <mark class=\"missed\">missed</mark> \
             <mark class=\"alarm\">suspected wrongly</mark>; the original word stands small behind.</p>{sentences}"
        );
    }
    if !answers.is_empty() {
        let _ = writeln!(
            html,
            "<h3>Answers to inputs that were never trained on</h3>\
             <table><tr><th>task</th><th>input</th><th>answer</th><th>right answer</th></tr>{answers}</table>"
        );
    }
    html
}

fn sentence(tokens: &[DetectedToken]) -> String {
    let mut html = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 && !token.continues_word {
            html.push(' ');
        }
        let text = escape(&token.text);
        let class = match (token.is_suspected(), &token.original) {
            (true, Some(_)) => "caught",
            (false, Some(_)) => "missed",
            (true, None) => "alarm",
            (false, None) => {
                html.push_str(&text);
                continue;
            }
        };
        let percent = 100.0 * token.probability;
        let _ = write!(
            html,
            "<mark class=\"{class}\" title=\"replaced: {percent:.0} %\">{text}</mark>"
        );
        if let Some(original) = &token.original {
            let _ = write!(html, "<small>{}</small>", escape(original));
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_marks_what_was_found_and_missed_and_escapes_its_words() {
        let token = |text: &str, original: Option<&str>, probability| DetectedToken {
            text: text.to_owned(),
            continues_word: false,
            original: original.map(str::to_owned),
            probability,
        };
        let html = sentence(&[
            token("a", None, 0.1),
            token("<b>", Some("b"), 0.9),
            token("c", Some("d"), 0.2),
            token("e", None, 0.8),
        ]);
        assert!(html.starts_with(
            "a <mark class=\"caught\" title=\"replaced: 90 %\">&lt;b&gt;</mark><small>b</small>"
        ));
        assert!(
            html.contains("class=\"missed\"") && html.contains("class=\"alarm\""),
            "{html}"
        );
    }
}
