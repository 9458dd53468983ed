//! From `[model.config]` of a recipe to a model's config.

use std::path::Path;

use lamplight_electra::ElectraConfig;
use lamplight_layers::config::ConfigError;
use lamplight_t5::T5Config;
use serde::ser::Error;
use serde_json::{Map, Value};

use crate::TrainingError;
use crate::recipe::{Family, ModelSettings, Recipe, RecipeError, suggestion};

/// The T5 that the recipe describes.
///
/// # Errors
/// A value that no T5 can have.
pub fn t5_config(model: &ModelSettings) -> Result<T5Config, TrainingError> {
    Ok(T5Config::from_json(&json(model)?.to_string())?)
}

/// The discriminator that the recipe describes.
///
/// # Errors
/// A value that no ELECTRA can have.
pub fn electra_config(model: &ModelSettings) -> Result<ElectraConfig, TrainingError> {
    Ok(ElectraConfig::from_json(&json(model)?.to_string())?)
}

/// Checks values and keys before any work. A `config.json` of others may hold keys that mean nothing
/// here; a recipe is written for this program, so there such a key is an error.
///
/// # Errors
/// A value that no such model can have, or a key that the model never reads.
pub fn check(recipe: &Recipe) -> Result<(), TrainingError> {
    let mut model = recipe.model.clone();
    // Left out until the tokenizer is known.
    let placeholder = toml::Value::Integer(1 << 16);
    model.config.entry("vocab_size").or_insert(placeholder);
    let (unknown, known) = match model.family {
        Family::T5 => (
            t5_config(&model)?.extra,
            serde_json::to_value(T5Config::default()),
        ),
        Family::Electra => {
            let config = electra_config(&model)?;
            check_length(recipe.data.inputs_length, config.max_position_embeddings)?;
            (config.extra, serde_json::to_value(ElectraConfig::default()))
        }
    };
    let known = known.map_err(ConfigError::from)?;
    let known: Vec<&str> = (known.as_object().into_iter().flat_map(Map::keys))
        .map(String::as_str)
        .collect();
    match unknown.keys().next() {
        None => Ok(()),
        Some(key) => Err(TrainingError::Recipe(RecipeError::UnknownKey {
            origin: "[model.config]".to_owned(),
            key: key.clone(),
            hint: suggestion::clause(key, &known),
        })),
    }
}

/// The `[model.config]` of the model in a folder.
///
/// # Errors
/// The folder has no config of this family.
pub fn of_folder(folder: &Path, family: Family) -> Result<toml::Table, TrainingError> {
    let path = folder.join("config.json");
    let (config, extra) = match family {
        Family::T5 => {
            let config = T5Config::from_file(&path)?;
            (serde_json::to_value(&config), config.extra)
        }
        Family::Electra => {
            let config = ElectraConfig::from_file(&path)?;
            (serde_json::to_value(&config), config.extra)
        }
    };
    let mut config = config.map_err(ConfigError::from)?;
    if let Some(keys) = config.as_object_mut() {
        keys.retain(|key, value| !value.is_null() && !extra.contains_key(key));
    }
    let table = toml::Table::try_from(config);
    table.map_err(|error| ConfigError::from(serde_json::Error::custom(error)).into())
}

fn check_length(length: usize, num_positions: usize) -> Result<(), RecipeError> {
    if length <= num_positions {
        return Ok(());
    }
    Err(RecipeError::Value {
        key: "data.inputs_length".to_owned(),
        value: length.to_string(),
        expected: format!("at most model.config.max_position_embeddings, {num_positions}"),
    })
}

fn json(model: &ModelSettings) -> Result<Value, TrainingError> {
    Ok(serde_json::to_value(&model.config).map_err(ConfigError::from)?)
}
