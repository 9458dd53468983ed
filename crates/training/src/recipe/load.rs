//! From a preset or a file, and overrides, to a checked recipe.

use std::path::Path;

use serde::Deserialize;

use super::{Recipe, RecipeError, presets, suggestion};

impl Recipe {
    /// Loads a preset by name or a file by its path (which ends in `.toml`), applies overrides of
    /// the form `section.key=value` in their order and checks the result. Also gives the recipe's
    /// name: the preset's, or the file's without ending.
    ///
    /// # Errors
    /// No such preset or file, an unknown key, a value of another type or out of range; the error
    /// names the key, and the line or the override it stands in.
    pub fn load(name_or_path: &str, overrides: &[String]) -> Result<(String, Self), RecipeError> {
        let (name, origin, text) = find(name_or_path)?;
        let recipe = Self::from_toml(&text, &origin, overrides)?;
        Ok((name, recipe))
    }

    /// Parses TOML text; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn from_toml(text: &str, origin: &str, overrides: &[String]) -> Result<Self, RecipeError> {
        let located = |error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = 1 + text.as_bytes()[..start]
                .iter()
                .filter(|b| **b == b'\n')
                .count();
            refusal(format!("{origin}:{line}"), &error)
        };
        let mut recipe: Self = toml::from_str(text).map_err(located)?;
        let mut table: toml::Table = toml::from_str(text).map_err(located)?;
        for text in overrides {
            apply(&mut table, text)?;
            recipe = Self::deserialize(table.clone())
                .map_err(|error| refusal(format!("--set {text}"), &error))?;
        }
        recipe.check()?;
        Ok(recipe)
    }

    /// The recipe as TOML, every default written out.
    ///
    /// # Errors
    /// A value that TOML cannot hold.
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        toml::to_string_pretty(self).map_err(|error| RecipeError::Invalid {
            origin: "the resolved recipe".to_owned(),
            reason: error.to_string(),
        })
    }
}

fn find(name_or_path: &str) -> Result<(String, String, String), RecipeError> {
    if let Some(preset) = presets().iter().find(|preset| preset.name == name_or_path) {
        let origin = format!("preset {}", preset.name);
        return Ok((preset.name.to_owned(), origin, preset.text.to_owned()));
    }
    let path = Path::new(name_or_path);
    if path.extension().is_none_or(|extension| extension != "toml") {
        let names: Vec<_> = presets().iter().map(|preset| preset.name).collect();
        return Err(RecipeError::UnknownPreset {
            name: name_or_path.to_owned(),
            hint: suggestion::nearest(name_or_path, &names)
                .map_or_else(String::new, |name| format!("; did you mean `{name}`?")),
            known: names.join(", "),
        });
    }
    let text = std::fs::read_to_string(path).map_err(|source| RecipeError::Read {
        path: path.to_owned(),
        source,
    })?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok((stem.into_owned(), name_or_path.to_owned(), text))
}

/// Sets one `section.key=value` in the table. The value is TOML; a bare word is taken as a string.
fn apply(table: &mut toml::Table, text: &str) -> Result<(), RecipeError> {
    let invalid = |reason: &str| RecipeError::Invalid {
        origin: format!("--set {text}"),
        reason: reason.to_owned(),
    };
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| invalid("an override has the form section.key=value"))?;
    let keys: Vec<&str> = path.trim().split('.').collect();
    if keys.iter().any(|key| key.is_empty()) {
        return Err(invalid("an override has the form section.key=value"));
    }
    let value = value.trim();
    let value = match value.parse::<toml::Value>() {
        Ok(value) => value,
        Err(_) if is_bare_word(value) => toml::Value::String(value.to_owned()),
        Err(error) => return Err(invalid(error.message())),
    };
    let Some((last, sections)) = keys.split_last() else {
        return Err(invalid("an override has the form section.key=value"));
    };
    let mut table = table;
    for section in sections {
        table = table
            .entry(*section)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| invalid(&format!("`{section}` is a value, not a section")))?;
    }
    table.insert((*last).to_owned(), value);
    Ok(())
}

fn is_bare_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic)
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Turns serde's "unknown field" message into one with a suggestion.
fn refusal(origin: String, error: &toml::de::Error) -> RecipeError {
    let message = error.message();
    if message.starts_with("unknown field") {
        let mut quoted = message.split('`').skip(1).step_by(2);
        let key = quoted.next().unwrap_or_default();
        let candidates: Vec<&str> = quoted.collect();
        return RecipeError::UnknownKey {
            origin,
            key: key.to_owned(),
            hint: suggestion::clause(key, &candidates),
        };
    }
    RecipeError::Invalid {
        origin,
        reason: message.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn quickstart(overrides: &[&str]) -> Result<Recipe, RecipeError> {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        Recipe::load("quickstart_t5", &overrides).map(|(_, recipe)| recipe)
    }

    #[test]
    fn every_preset_loads_and_survives_being_saved() {
        for preset in presets() {
            let (_, recipe) = Recipe::load(preset.name, &[]).unwrap();
            let text = recipe.to_toml().unwrap();
            assert_eq!(
                Recipe::from_toml(&text, "saved", &[]).unwrap(),
                recipe,
                "{}",
                preset.name
            );
        }
    }

    #[test]
    fn override_takes_numbers_words_and_tables() {
        let recipe = quickstart(&[
            "training.steps=7",
            "schedule.kind=constant",
            "optimizer.learning_rate = 1e-2",
            "optimizer.betas=[0.8, 0.9]",
            "checkpoints.best_score=exact_match.plural",
            "data.train_tokenizer={ kind = \"unigram\", vocab_size = 300 }",
        ])
        .unwrap();
        assert_eq!(recipe.training.steps, 7);
        assert_eq!(
            recipe.schedule.kind,
            crate::schedule::ScheduleKind::Constant
        );
        assert_eq!(recipe.optimizer.learning_rate, 1e-2);
        assert_eq!(recipe.optimizer.betas, Some([0.8, 0.9]));
        let score = recipe.checkpoints.best_score.as_deref();
        assert_eq!(score, Some("exact_match.plural"));
        assert_eq!(recipe.data.train_tokenizer.unwrap().vocab_size, 300);
    }

    #[test]
    fn unknown_key_names_the_line_and_what_it_could_have_meant() {
        let text = presets()[0].text.replace("learning_rate", "lerning_rate");
        let line = 1 + text
            .lines()
            .position(|l| l.starts_with("lerning_rate"))
            .unwrap();
        let error = Recipe::from_toml(&text, "mine.toml", &[])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("mine.toml:{line}:")), "{error}");
        assert!(error.contains("`lerning_rate`"), "{error}");
        assert!(error.contains("did you mean `learning_rate`?"), "{error}");
    }

    #[test]
    fn bad_overrides_name_themselves() {
        for (text, expected) in [
            ("training.stepz=5", "did you mean `steps`?"),
            ("training.steps=many", "invalid type"),
            ("training.steps=-5", "invalid value"),
            ("training.steps", "section.key=value"),
            ("=5", "section.key=value"),
            ("training.steps.deep=5", "is a value, not a section"),
            ("training.seed=\"a\nb\"", "--set"),
        ] {
            let error = quickstart(&[text]).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn missing_preset_lists_the_known_ones() {
        let error = Recipe::load("electra_smal", &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean `electra_small`?"), "{error}");
        assert!(error.contains("t5_v1_1_base"), "{error}");
        let error = Recipe::load("no/such.toml", &[]).unwrap_err().to_string();
        assert!(error.contains("no/such.toml"), "{error}");
    }
}
