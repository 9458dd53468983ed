//! Explanations as one page, with nothing to fetch: words in colours, and maps that a short script draws.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{AttentionMaps, Attribution, Explanation};
use crate::DetectedToken;
use crate::page::{document, escape};

/// The title of the page, by which it is known.
pub const EXPLANATION_TITLE: &str = "Explanations";

/// More texts make no page that a browser likes to show.
pub const MAX_EXPLAINED: usize = 20;

const SCRIPT: &str = include_str!("page.js");

/// The page of the first of `num_texts` texts.
pub fn page(explanations: &[Explanation], num_texts: usize) -> String {
    let mut sections = String::new();
    if num_texts == 0 {
        sections.push_str("<p class=\"about\">There were no texts.</p>\n");
    } else if explanations.len() < num_texts {
        let num_explained = explanations.len();
        let _ = writeln!(
            sections,
            "<p class=\"about\">The first {num_explained} of {num_texts} texts.</p>"
        );
    }
    for (place, explanation) in explanations.iter().enumerate() {
        sections.push_str(&section(explanation, place == 0));
    }
    let _ = writeln!(sections, "<script>{SCRIPT}</script>");
    document(EXPLANATION_TITLE, &sections)
}

/// `is_open` says whether the first maps are drawn at once.
fn section(explanation: &Explanation, is_open: bool) -> String {
    let mut html = format!("<section>\n<h2>{}</h2>\n", shown(&explanation.answer));
    for text in &explanation.texts {
        let _ = writeln!(
            html,
            "<p class=\"about sentence\" dir=\"auto\">{}</p>",
            shown(text)
        );
    }
    for note in &explanation.notes {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(&visible(note)));
    }
    if let Some(tokens) = &explanation.detected {
        let text = explanation.texts.concat();
        html.push_str(&detected(&text, tokens));
    }
    if let Some(attribution) = &explanation.attribution {
        html.push_str(&attributed(attribution));
    }
    for (place, maps) in explanation.attentions.iter().enumerate() {
        html.push_str(&attention(maps, is_open && place == 0));
    }
    html.push_str("</section>\n");
    html
}

/// The text with how replaced each token seems.
fn detected(text: &str, tokens: &[DetectedToken]) -> String {
    let mut html = "<h3>How replaced each token seems</h3>\n<p class=\"about\">The darker, the likelier to be \
                    replaced; above 50 % underlined. The number shows under the pointer.</p>\n\
                    <p class=\"sentence\" dir=\"auto\">"
        .to_owned();
    let (mut rest, mut place) = (text.chars(), 0);
    for token in tokens {
        let start = token.characters.start.max(place);
        if start >= token.characters.end {
            continue;
        }
        let between: String = rest.by_ref().take(start - place).collect();
        let word: String = rest.by_ref().take(token.characters.end - start).collect();
        place = token.characters.end;
        let class = match token.probability > 0.5 {
            true => "suspect replaced",
            false => "suspect",
        };
        let _ = write!(
            html,
            "{}<mark class=\"{class}\" style=\"--share:{:.3}\" title=\"{:.1} %\">{}</mark>",
            escape(&visible(&between)),
            token.probability,
            100.0 * token.probability,
            escape(&visible(&word)),
        );
    }
    let after: String = rest.collect();
    let _ = writeln!(html, "{}</p>", escape(&visible(&after)));
    html
}

/// The tokens with what each adds to the score.
fn attributed(attribution: &Attribution) -> String {
    let of = escape(&visible(&attribution.of));
    let baseline = escape(&visible(&attribution.baseline));
    let mut html = format!(
        "<h3>What each token adds</h3>\n\
         <p class=\"about\">Integrated gradients of {of}, against the same input with {baseline} in place of each word: \
         <span class=\"token for\" style=\"--share:1\">for it</span> \
         <span class=\"token against\" style=\"--share:1\">against it</span></p>\n<p class=\"tokens\" dir=\"auto\">"
    );
    let values = attribution.values.iter();
    let largest = values
        .map(|value| value.abs())
        .fold(f64::MIN_POSITIVE, f64::max);
    for (token, &value) in attribution.tokens.iter().zip(&attribution.values) {
        let class = if value < 0.0 { "against" } else { "for" };
        let _ = write!(
            html,
            "<span class=\"token {class}\" style=\"--share:{:.3}\" title=\"{value:+.6}\">{}<small>{value:+.2}</small></span>",
            value.abs() / largest,
            shown(token),
        );
    }
    html.push_str("</p>\n<dl class=\"facts\">");
    for (name, value) in facts(attribution) {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>\n");
    html
}

fn facts(attribution: &Attribution) -> [(&'static str, String); 6] {
    let sum: f64 = attribution.values.iter().sum();
    let is_reached = attribution.error <= attribution.tolerance;
    let reached = if is_reached { "" } else { ", not reached" };
    let (error, tolerance) = (attribution.error, attribution.tolerance);
    [
        ("score", format!("{:.4}", attribution.score)),
        (
            "score without the words",
            format!("{:.4}", attribution.baseline_score),
        ),
        ("difference", format!("{:.4}", attribution.difference())),
        ("sum of the tokens", format!("{sum:.4}")),
        (
            "error of the sum",
            format!("{error:.6} (aim {tolerance:.4}{reached})"),
        ),
        ("gradients", attribution.num_gradients.to_string()),
    ]
}

/// Data for the script, and where it draws.
fn attention(maps: &AttentionMaps, is_open: bool) -> String {
    let data = json!({
        "queries": names(&maps.queries),
        "keys": names(&maps.keys),
        "layers": maps.layers.iter().map(|heads| all_coded(heads)).collect::<Vec<_>>(),
        "layerMeans": all_coded(&maps.layer_means()),
        "mean": coded(&maps.mean()),
    });
    // Nothing that an HTML parser could take for markup.
    let data = data.to_string().replace('<', "\\u003c");
    let open = if is_open { " open" } else { "" };
    format!(
        "<details class=\"attention\"{open}><summary>Attention of {}</summary>\n\
         <noscript>The maps are drawn by a script in this page.</noscript>\n\
         <script type=\"application/json\">{data}</script>\n</details>\n",
        escape(&maps.of)
    )
}

fn names(tokens: &[String]) -> Vec<String> {
    tokens.iter().map(|token| visible(token)).collect()
}

fn all_coded(maps: &[Vec<f32>]) -> Vec<Value> {
    maps.iter().map(|map| coded(map)).collect()
}

/// A byte for each weight: its square root, so that small ones are told apart, too.
fn coded(map: &[f32]) -> Value {
    let bytes: Vec<u8> = map
        .iter()
        .map(|weight| (255.0 * weight.clamp(0.0, 1.0).sqrt()).round() as u8)
        .collect();
    base64::encode(bytes).into()
}

/// Text by itself, whichever way it runs.
fn shown(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(&visible(text)))
}

/// The same with pictures of control characters, which HTML does not allow.
fn visible(text: &str) -> String {
    let pictured = text.chars().map(|char| match char {
        '\0'..='\u{1f}' => {
            char::from_u32(0x2400 + u32::from(char)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\u{7f}' => '␡',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        char => char,
    });
    pictured.collect()
}

#[cfg(test)]
mod tests;
