use super::*;

/// What breaks pages: markup, quotes, text from right to left, emoji, control characters.
const ODD: &str =
    "<script>alert(\"1\")</script> 'quoted' & שלום \u{202e}abc 🙂 \u{0}\u{1b}\u{7f}\u{85}";

fn maps(token: &str) -> AttentionMaps {
    AttentionMaps {
        of: "the encoder".to_owned(),
        queries: vec![token.to_owned(), "a".to_owned()],
        keys: vec![token.to_owned(), "a".to_owned()],
        layers: vec![vec![vec![1.0, 0.0, 0.25, 0.75]; 3]; 2],
    }
}

fn attribution(token: &str) -> Attribution {
    Attribution {
        of: format!("the logit of {token}"),
        tokens: vec![token.to_owned(), "a".to_owned()],
        values: vec![1.5, -0.5],
        baseline: "[MASK]".to_owned(),
        score: 3.0,
        baseline_score: 2.0,
        error: 1e-4,
        tolerance: 1e-3,
        num_gradients: 32,
    }
}

fn explanation(text: &str) -> Explanation {
    Explanation {
        texts: vec![text.to_owned()],
        answer: text.to_owned(),
        attribution: Some(attribution(text)),
        detected: Some(vec![DetectedToken {
            text: text.chars().take(8).collect(),
            characters: 0..8,
            probability: 0.75,
        }]),
        attentions: vec![maps(text)],
        notes: vec![text.to_owned()],
    }
}

#[test]
fn everything_that_is_known_stands_on_the_page() {
    let html = page(&[explanation("the cat sleeps")], 1);
    for part in [
        "<title>Explanations · Lamplight</title>",
        "<h2><bdi>the cat sleeps</bdi></h2>",
        "<mark class=\"suspect replaced\" style=\"--share:0.750\" title=\"75.0 %\">the cat </mark>sleeps</p>",
        "<span class=\"token for\" style=\"--share:1.000\" title=\"+1.500000\"><bdi>the cat sleeps</bdi><small>+1.50</small></span>",
        "<span class=\"token against\" style=\"--share:0.333\" title=\"-0.500000\"><bdi>a</bdi><small>-0.50</small></span>",
        "<dt>difference</dt><dd>1.0000</dd>",
        "<dt>error of the sum</dt><dd>0.000100 (aim 0.0010)</dd>",
        "<p class=\"note\">the cat sleeps</p>",
        "<details class=\"attention\" open><summary>Attention of the encoder</summary>",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
    assert!(html.ends_with("</html>\n") && !html.contains("The first"));
}

#[test]
fn an_error_above_the_aim_is_said() {
    let mut coarse = explanation("a");
    coarse.attribution = Some(Attribution {
        error: 0.5,
        ..attribution("a")
    });
    assert!(page(&[coarse], 1).contains("0.500000 (aim 0.0010, not reached)"));
}

#[test]
fn nothing_in_a_text_becomes_markup_or_script() {
    let html = page(&[explanation(ODD)], 1);
    assert_eq!(html.matches("<script").count(), 2, "{html}");
    assert!(!html.contains("alert(\"1\")") && !html.contains("<script>alert"));
    let is_forbidden = |char: char| char.is_control() && char != '\n';
    assert!(!html.contains(is_forbidden));
    for part in ["␀␛␡\u{fffd}", "שלום", "🙂", "&#39;quoted&#39; &amp;"] {
        assert!(html.contains(part), "{part}\n{html}");
    }
}

#[test]
fn the_script_gets_its_data_as_they_are() {
    let html = page(&[explanation(ODD)], 1);
    let start = html.split("<script type=\"application/json\">").nth(1);
    let data = start
        .and_then(|rest| rest.split("</script>").next())
        .unwrap_or_default();
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    assert_eq!(data["queries"][0], visible(ODD));
    let layers = data["layers"].as_array().map(Vec::len);
    assert_eq!(
        (layers, data["layers"][0].as_array().map(Vec::len)),
        (Some(2), Some(3))
    );
    let weights = |code: &Value| base64::decode(code.as_str().unwrap_or_default());
    // The square roots of 1, 0, 1/4 and 3/4.
    assert_eq!(weights(&data["layers"][1][2]), Ok(vec![255, 0, 128, 221]));
    assert_eq!(weights(&data["mean"]), Ok(vec![255, 0, 128, 221]));
}

#[test]
fn nothing_is_fetched() {
    let html = page(&[explanation("a")], 1);
    for part in [
        "http:", "https:", "src=", "url(", "@import", "<link", "fetch(",
    ] {
        assert!(!html.contains(part), "{part}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn a_page_of_some_texts_says_so() {
    let html = page(&[explanation("a"), explanation("b")], 7);
    assert!(html.contains("The first 2 of 7 texts."));
    // Maps below the first are drawn when they are opened.
    assert_eq!(
        html.matches("<details class=\"attention\" open>").count(),
        1
    );
    assert_eq!(html.matches("<details class=\"attention\">").count(), 1);
}
