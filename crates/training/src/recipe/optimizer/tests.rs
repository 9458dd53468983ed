#![allow(clippy::unwrap_used)]

use crate::recipe::Recipe;

fn error(overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    Recipe::load("quickstart_t5", &overrides)
        .unwrap_err()
        .to_string()
}

#[test]
fn keys_of_another_kind_are_refused() {
    for (kind, key, value) in [
        ("adafactor", "betas", "[0.9, 0.99]"),
        ("adafactor", "momentum", "0.9"),
        ("sgd", "epsilon", "1e-6"),
        ("adamw", "beta1", "0.9"),
        ("adamw_scaled", "scale_parameter", "true"),
        ("electra_adam", "muon_ratio", "original"),
        ("muon", "min_dim_size_to_factor", "16"),
        ("muon", "clip_threshold", "1.0"),
        ("sgd", "decay_exponent", "0.8"),
        ("adamw", "layer_decay_gap", "true"),
    ] {
        let kind = format!("optimizer.kind={kind}");
        let error = error(&[&kind, &format!("optimizer.{key}={value}")]);
        assert!(
            error.contains(&format!("`optimizer.{key}` is not read")),
            "{error}"
        );
    }
}

#[test]
fn absurd_values_are_refused_by_key() {
    for (kind, key, value) in [
        ("adamw", "learning_rate", "0"),
        ("adamw", "learning_rate", "1e-60"),
        ("adamw", "layer_decay", "0"),
        ("adamw", "layer_decay", "1.1"),
        ("adamw", "layer_decay", "nan"),
        ("sgd", "momentum", "1"),
        ("adafactor", "beta1", "1.0"),
        ("adafactor", "clip_threshold", "0"),
        ("adafactor", "decay_exponent", "-0.8"),
        ("adafactor", "min_dim_size_to_factor", "0"),
    ] {
        let kind = format!("optimizer.kind={kind}");
        let error = error(&[&kind, &format!("optimizer.{key}={value}")]);
        assert!(error.contains(&format!("`optimizer.{key}` is")), "{error}");
    }
}

#[test]
fn groups_survive_being_saved() {
    let groups = "optimizer.groups=[{ pattern = \"^shared\\\\.\", learning_rate_factor = 0.5 }, \
        { pattern = \"wi\", weight_decay = 0.1 }]";
    let (_, recipe) = Recipe::load("quickstart_t5", &[groups.to_owned()]).unwrap();
    assert_eq!(recipe.optimizer.groups[0].pattern, "^shared\\.");
    let text = recipe.to_toml().unwrap();
    assert_eq!(Recipe::from_toml(&text, "saved", &[]).unwrap(), recipe);
}

#[test]
fn groups_are_checked_by_key() {
    for (group, expected) in [
        (
            "{ pattern = \"(\", weight_decay = 0.1 }",
            "a regular expression",
        ),
        ("{ pattern = \"wi\" }", "given with learning_rate_factor"),
        (
            "{ pattern = \"wi\", learning_rate_factor = 0.0 }",
            "`optimizer.groups.learning_rate_factor` is 0",
        ),
        (
            "{ pattern = \"wi\", weight_decay = -1.0 }",
            "`optimizer.groups.weight_decay` is -1",
        ),
    ] {
        let error = error(&[&format!("optimizer.groups=[{group}]")]);
        assert!(error.contains(expected), "{error}");
    }
}
