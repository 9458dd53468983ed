//! Models of the hub in a cache.

use super::server::{Answer, Asked, COMMIT, Server, entry, ok, ranged, status};
use lamplight_data::DataError;
use lamplight_data::dataset::{Hub, HubRepository, ModelCache};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const CONFIG: &str = "{\"model_type\": \"t5\"}";

/// A hub with one model, of these files with their names for content.
fn hub(asked: &Asked, names: &[&str]) -> Answer {
    let path = asked.path.as_str();
    let api = "/api/models/owner/t5";
    if path == format!("{api}/revision/main") || path == format!("{api}/revision/v1") {
        return ok(json!({ "sha": COMMIT }).to_string());
    }
    let file = |name: &&str| match *name {
        "config.json" => {
            json!({"type": "file", "path": name, "size": CONFIG.len(), "oid": "ab"})
        }
        name => entry(name, name.as_bytes()),
    };
    if path == format!("{api}/tree/{COMMIT}?recursive=true") {
        return ok(json!(names.iter().map(file).collect::<Vec<_>>()).to_string());
    }
    match path.strip_prefix(&format!("/owner/t5/resolve/{COMMIT}/")) {
        Some("config.json") => ok(CONFIG),
        Some(name) if names.contains(&name) => ranged(asked, name.as_bytes().to_vec()),
        _ => status(404),
    }
}

fn server(names: &'static [&'static str]) -> Server {
    Server::start(move |asked, _| hub(asked, names))
}

fn cache(server: &Server, folder: &Path) -> ModelCache {
    ModelCache {
        hub: Hub::new(&server.endpoint, None),
        folder: folder.to_owned(),
    }
}

fn fetched(cache: &ModelCache, model: &str) -> Result<PathBuf, DataError> {
    cache.fetch(&HubRepository::model(model)?, &mut |_| {})
}

/// The names in a folder but for hidden ones and the lock.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| !name.starts_with('.') && name != "dataset.lock.toml")
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_model_is_fetched_once_and_then_needs_no_hub() {
    let server = server(&[
        "config.json",
        "model.safetensors",
        "pytorch_model.bin",
        "tf_model.h5",
        "spiece.model",
        "onnx/model.safetensors",
        "generation_config.json",
    ]);
    let folder = TempDir::new().unwrap();
    let cache = cache(&server, folder.path());
    let model = fetched(&cache, "owner/t5").unwrap();
    assert_eq!(model, folder.path().join("owner/t5/main"));
    let wanted = [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "spiece.model",
    ];
    assert_eq!(names(&model), wanted);
    assert_eq!(
        fs::read(model.join("spiece.model")).unwrap(),
        b"spiece.model"
    );
    let num_asked = server.asked("").len();
    assert_eq!(fetched(&cache, "owner/t5@main").unwrap(), model);
    assert_eq!(server.asked("").len(), num_asked);
    // Another revision has a folder of its own.
    let other = fetched(&cache, "owner/t5@v1").unwrap();
    assert_eq!(other, folder.path().join("owner/t5/v1"));
    let request = HubRepository::model("owner/t5@refs/pr/1").unwrap();
    let name = "owner/t5/refs%2Fpr%2F1";
    assert_eq!(cache.folder_of(&request), folder.path().join(name));
    // What somebody has cut off is fetched anew.
    fs::write(model.join("model.safetensors"), b"mod").unwrap();
    fetched(&cache, "owner/t5").unwrap();
    assert_eq!(
        fs::read(model.join("model.safetensors")).unwrap(),
        b"model.safetensors"
    );
}

#[test]
fn shards_come_with_their_index_and_pytorch_only_where_there_is_nothing_else() {
    for (files, wanted) in [
        (
            &[
                "config.json",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
                "pytorch_model.bin",
            ][..],
            &[
                "config.json",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
            ][..],
        ),
        (
            &["config.json", "flax_model.msgpack", "pytorch_model.bin"],
            &["config.json", "pytorch_model.bin"],
        ),
    ] {
        let server = server(files);
        let folder = TempDir::new().unwrap();
        let model = fetched(&cache(&server, folder.path()), "owner/t5").unwrap();
        assert_eq!(names(&model), wanted);
    }
}

#[test]
fn what_is_no_model_is_refused_before_anything_is_fetched() {
    for (files, missing) in [
        (&["model.safetensors"][..], "config.json"),
        (&["config.json", "flax_model.msgpack"], "weights"),
    ] {
        let server = server(files);
        let folder = TempDir::new().unwrap();
        let error = fetched(&cache(&server, folder.path()), "owner/t5").unwrap_err();
        assert!(matches!(error, DataError::NotAModel { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.contains(missing) && message.contains("owner/t5"),
            "{message}"
        );
        assert_eq!(server.asked("").len(), 2);
    }
}

#[test]
fn a_model_that_is_not_there_is_an_error_that_says_so() {
    let server = server(&["config.json", "model.safetensors"]);
    let folder = TempDir::new().unwrap();
    let error = fetched(&cache(&server, folder.path()), "owner/t6").unwrap_err();
    assert!(
        error.to_string().contains("no such data set or model"),
        "{error}"
    );
}
