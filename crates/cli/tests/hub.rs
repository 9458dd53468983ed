//! Models of a hub that a thread of the test plays, as somebody names them.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
#![allow(dead_code, reason = "the hub of other tests knows more")]

mod process;
#[path = "../../data/tests/fetch/server.rs"]
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use process::{fail, succeed};
use serde_json::json;
use server::{Answer, Asked, COMMIT, Server, entry, ok, ranged, status};

const NAME: &str = "owner/tiny-t5";

/// The files of a tiny T5 with its tokenizer.
fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testing/reference/pipelines_t5");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// A hub with that model, for those who have the token.
fn hub(asked: &Asked, files: &[(String, Vec<u8>)]) -> Answer {
    if asked.token.as_deref() != Some("Bearer secret") {
        return status(401);
    }
    let path = asked.path.as_str();
    let api = format!("/api/models/{NAME}");
    if path == format!("{api}/revision/main") {
        return ok(json!({ "sha": COMMIT }).to_string());
    }
    if path == format!("{api}/tree/{COMMIT}?recursive=true") {
        let entries = files.iter().map(|(name, bytes)| entry(name, bytes));
        return ok(json!(entries.collect::<Vec<_>>()).to_string());
    }
    let name = path.strip_prefix(&format!("/{NAME}/resolve/{COMMIT}/"));
    let file = files.iter().find(|(known, _)| Some(known.as_str()) == name);
    file.map_or_else(|| status(404), |(_, bytes)| ranged(asked, bytes.clone()))
}

fn server() -> Server {
    let files = files();
    Server::start(move |asked, _| hub(asked, &files))
}

/// The program in a folder of its own, asking this hub.
fn lamplight(folder: &Path, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = process::lamplight("");
    command
        .args(arguments)
        .current_dir(folder)
        .env("HF_ENDPOINT", endpoint)
        .env("HF_TOKEN", "secret")
        .env("XDG_CACHE_HOME", folder.join("cache"));
    command
}

fn cached(folder: &Path) -> PathBuf {
    folder
        .join("cache/lamplight/models")
        .join(NAME)
        .join("main")
}

#[test]
fn a_model_of_the_hub_is_fetched_once_and_answers_as_its_folder_does() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server());
    let folder = folder.path();
    let ask = |endpoint: &str, model: &str| {
        let arguments = ["embed", "--model", model, "A house."];
        succeed(&mut lamplight(folder, endpoint, &arguments)).stdout
    };
    let fetched = ask(&server.endpoint, NAME);
    assert!(!fetched.is_empty());
    let num_asked = server.asked("").len();
    // The second time there is no hub at all.
    assert_eq!(ask("http://127.0.0.1:1", &format!("{NAME}@main")), fetched);
    assert_eq!(
        ask("http://127.0.0.1:1", cached(folder).to_str().unwrap()),
        fetched
    );
    assert_eq!(server.asked("").len(), num_asked);

    let data = folder.join("pairs.jsonl");
    fs::write(&data, "{\"input\": \"a\", \"target\": \"b\"}\n").unwrap();
    let arguments = [
        "evaluate",
        "--model",
        NAME,
        "--data",
        data.to_str().unwrap(),
    ];
    succeed(&mut lamplight(folder, "http://127.0.0.1:1", &arguments));
}

#[test]
fn what_the_hub_does_not_give_is_an_error_that_says_what_to_do() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server());
    let folder = folder.path();
    let arguments = ["embed", "--model", NAME, "A house."];
    let mut without_token = lamplight(folder, &server.endpoint, &arguments);
    without_token.env_remove("HF_TOKEN");
    let error = fail(&mut without_token, 2);
    for part in [NAME, "HF_TOKEN", "name a folder"] {
        assert!(error.contains(part), "{error}");
    }

    let arguments = ["embed", "--model", "owner/other", "A house."];
    let error = fail(&mut lamplight(folder, &server.endpoint, &arguments), 2);
    assert!(
        error.contains("owner/other") && error.contains("404"),
        "{error}"
    );
}

#[test]
fn a_misspelt_path_does_not_go_to_the_hub() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server());
    let folder = folder.path();
    fs::create_dir(folder.join("runs")).unwrap();
    for model in ["runs/t5", "./owner/tiny-t5", "owner/tiny-t5/", "tiny-t5"] {
        let arguments = ["embed", "--model", model, "A house."];
        let error = fail(&mut lamplight(folder, &server.endpoint, &arguments), 2);
        assert!(error.contains("is no folder"), "{model}: {error}");
    }
    assert!(server.asked("").is_empty());
}
