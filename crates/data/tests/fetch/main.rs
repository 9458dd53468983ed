//! Fetching from a hub that a thread of the test plays.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod models;
mod server;

use lamplight_data::{
    DataError,
    dataset::{FetchRequest, FilesManifest, Hub, Manifest, fetch},
};
use serde_json::json;
use server::{Asked, COMMIT, NAME, Server, entry, hub, large, ok, ranged, sha256, status};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn fetched(server: &Server, folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    fetch(&server.request(), folder, &mut |_| {})
}

/// The hidden file of `folder` that grows.
fn partial(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .into_iter()
        .find(|path| path.to_str().unwrap().ends_with(".partial"))
}

#[test]
fn every_file_is_fetched_and_recorded() {
    let server = Server::start(|asked, _| hub(asked));
    let folder = TempDir::new().unwrap();
    let mut reports = Vec::new();
    let mut progress = |progress: lamplight_data::dataset::FetchProgress<'_>| {
        reports.push((
            progress.file.to_owned(),
            progress.bytes_done,
            progress.bytes_total,
        ));
    };
    let paths = fetch(&server.request(), folder.path(), &mut progress).unwrap();
    let names = [
        "README.md",
        "data/large.bin",
        "data/other one.bin",
        "data/empty.txt",
    ];
    assert_eq!(paths, names.map(|name| folder.path().join(name)));
    assert_eq!(fs::read(&paths[1]).unwrap(), large());
    assert_eq!(fs::read(&paths[2]).unwrap(), b"other");
    let total = 5 + 4_000_000 + 5;
    assert!(reports.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    assert_eq!(
        reports.last().unwrap(),
        &("data/empty.txt".to_owned(), total, total)
    );
    assert_eq!(partial(&folder.path().join("data")), None);
    let lock = fs::read_to_string(folder.path().join("dataset.lock.toml")).unwrap();
    for part in [COMMIT, NAME, &sha256(&large()), &sha256(b"hello")] {
        assert!(lock.contains(part), "{lock}");
    }
    let num_asked = server.asked("").len();
    assert_eq!(fetched(&server, folder.path()).unwrap(), paths);
    // Another listing of the same commit, and nothing else.
    assert_eq!(server.asked("").len(), num_asked + 1);
}

#[test]
fn a_fetch_goes_on_from_the_middle_of_a_file() {
    let server = Server::start(|asked, num_before| {
        let mut answer = hub(asked);
        if asked.path.ends_with("large.bin") && asked.range.is_none() && num_before == 0 {
            answer.cut = Some(1_500_000);
        }
        answer
    });
    let folder = TempDir::new().unwrap();
    let paths = fetched(&server, folder.path()).unwrap();
    assert_eq!(fs::read(&paths[1]).unwrap(), large());
    let ranges: Vec<_> = server
        .asked("large.bin")
        .into_iter()
        .map(|asked| asked.range)
        .collect();
    assert_eq!(ranges, [None, Some("bytes=1500000-".to_owned())]);
}

#[test]
fn a_fetch_that_was_killed_goes_on_where_it_was() {
    let broken = Server::start(|asked, _| {
        let mut answer = hub(asked);
        if asked.path.ends_with("large.bin") {
            answer.body.truncate(1_500_000);
            if asked.range.is_some() {
                answer = status(404);
            }
        }
        answer
    });
    let folder = TempDir::new().unwrap();
    assert!(fetched(&broken, folder.path()).is_err());
    assert!(!folder.path().join("data/large.bin").exists());
    let grown = partial(&folder.path().join("data")).unwrap();
    assert_eq!(fs::metadata(grown).unwrap().len(), 1_500_000);
    let server = Server::start(|asked, _| hub(asked));
    let paths = fetched(&server, folder.path()).unwrap();
    assert_eq!(fs::read(&paths[1]).unwrap(), large());
    assert_eq!(
        server.asked("large.bin")[0].range.as_deref(),
        Some("bytes=1500000-")
    );
    assert!(server.asked("README.md").is_empty());
}

#[test]
fn a_server_that_knows_no_ranges_is_read_from_the_start() {
    let server = Server::start(|asked, _| {
        let mut asked = asked.clone();
        asked.range = None;
        hub(&asked)
    });
    let folder = TempDir::new().unwrap();
    let oid = &sha256(&large())[..16];
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(
        folder.path().join(format!("data/.large.bin.{oid}.partial")),
        b"the start",
    )
    .unwrap();
    let paths = fetched(&server, folder.path()).unwrap();
    assert_eq!(fs::read(&paths[1]).unwrap(), large());
    assert_eq!(
        server.asked("large.bin")[0].range.as_deref(),
        Some("bytes=9-")
    );
}

#[test]
fn wrong_content_is_refused_and_not_kept() {
    let server = Server::start(|asked, _| {
        let mut answer = hub(asked);
        if asked.path.ends_with("large.bin") {
            answer.body[77] ^= 1;
        }
        answer
    });
    let folder = TempDir::new().unwrap();
    let error = fetched(&server, folder.path()).unwrap_err();
    assert!(matches!(error, DataError::WrongChecksum { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("large.bin") && message.contains(&sha256(&large())),
        "{message}"
    );
    assert!(!folder.path().join("data/large.bin").exists());
    assert_eq!(partial(&folder.path().join("data")), None);
}

#[test]
fn a_file_longer_than_listed_is_refused() {
    let server = Server::start(|asked, _| {
        let mut answer = hub(asked);
        if asked.path.ends_with("README.md") {
            answer.body.push(b'!');
        }
        answer
    });
    let folder = TempDir::new().unwrap();
    let error = fetched(&server, folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("README.md") && error.contains("more bytes than were listed"),
        "{error}"
    );
    assert!(!folder.path().join("README.md").exists());
}

#[test]
fn what_is_not_there_is_said_at_once() {
    let server = Server::start(|asked, _| hub(asked));
    let folder = TempDir::new().unwrap();
    let mut request = server.request();
    request.repository = "hub:owner/none".parse().unwrap();
    let error = fetch(&request, folder.path(), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("owner/none") && error.contains("404"),
        "{error}"
    );
    assert_eq!(server.asked("").len(), 1);
    let closed = Server::start(|_, _| status(401));
    let error = fetched(&closed, folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("401") && error.contains("HF_TOKEN"),
        "{error}"
    );
}

#[test]
fn a_passing_failure_is_tried_again() {
    let server = Server::start(|asked, num_before| {
        if num_before == 0 && asked.path.contains("/tree/") {
            return status(503);
        }
        hub(asked)
    });
    let folder = TempDir::new().unwrap();
    assert_eq!(fetched(&server, folder.path()).unwrap().len(), 4);
}

#[test]
fn a_path_out_of_the_folder_is_refused_before_anything_is_fetched() {
    for path in ["../../x", "/etc/x", "data/../../x", "a\\..\\x", "C:/x"] {
        let server = Server::start(move |asked, _| {
            if asked.path.contains("/tree/") {
                return ok(json!([entry("a.txt", b"a"), entry(path, b"b")]).to_string());
            }
            hub(asked)
        });
        let folder = TempDir::new().unwrap();
        let error = fetched(&server, folder.path()).unwrap_err();
        assert!(matches!(error, DataError::UnsafePath { .. }), "{error}");
        assert!(error.to_string().contains(path), "{error}");
        assert!(server.asked("a.txt").is_empty());
    }
}

#[test]
fn a_listing_goes_on_over_its_pages_with_the_token_for_the_endpoint_alone() {
    let server = Server::start(|asked, _| {
        if asked.path.ends_with("?recursive=true") {
            let mut answer = ok(json!([entry("a.txt", b"a")]).to_string());
            let next = format!(
                "<https://elsewhere.example/api/datasets/{NAME}/tree/{COMMIT}?cursor=2>; rel=\"next\""
            );
            answer.headers.push(("Link", next));
            return answer;
        }
        match asked.path.rsplit('/').next() {
            Some("a.txt") => ok("a"),
            Some("b.txt") => ok("b"),
            _ if asked.path.ends_with("?cursor=2") => ok(json!([entry("b.txt", b"b")]).to_string()),
            _ => hub(asked),
        }
    });
    let folder = TempDir::new().unwrap();
    let mut request = server.request();
    request.hub = Hub::new(&server.endpoint, Some("secret".to_owned()));
    assert_eq!(
        fetch(&request, folder.path(), &mut |_| {}).unwrap().len(),
        2
    );
    let tokens: Vec<_> = server
        .asked("")
        .into_iter()
        .map(|asked| asked.token)
        .collect();
    assert_eq!(tokens, vec![Some("Bearer secret".to_owned()); 5]);
}

#[test]
fn a_redirect_keeps_the_range_and_not_the_token() {
    let store = Server::start(|asked, _| ranged(asked, large()));
    let target = format!("{}/stored", store.endpoint);
    let server = Server::start(move |asked, _| {
        if asked.path.ends_with("large.bin") {
            let mut answer = status(302);
            answer.headers.push(("Location", target.clone()));
            return answer;
        }
        hub(asked)
    });
    let folder = TempDir::new().unwrap();
    let oid = &sha256(&large())[..16];
    fs::create_dir(folder.path().join("data")).unwrap();
    let grown = folder.path().join(format!("data/.large.bin.{oid}.partial"));
    fs::write(grown, &large()[..1000]).unwrap();
    let mut request = server.request();
    request.hub = Hub::new(&server.endpoint, Some("secret".to_owned()));
    request.include = vec!["data/large.bin".to_owned()];
    let paths = fetch(&request, folder.path(), &mut |_| {}).unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), large());
    let expected = Asked {
        path: "/stored".to_owned(),
        range: Some("bytes=1000-".to_owned()),
        token: None,
    };
    assert_eq!(store.asked(""), [expected]);
}

fn manifest(split: &str) -> FilesManifest {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pets.toml");
    let head = format!("name = \"pets\"\nwhat = \"\"\nlicence = \"CC0-1.0\"\nhub = \"{NAME}\"\n");
    fs::write(
        &path,
        format!("{head}[[splits.train]]\n{split}\n[fields]\ntext = \"text\"\n"),
    )
    .unwrap();
    match Manifest::read(&path).unwrap() {
        Manifest::Files(manifest) => manifest,
        Manifest::Generated(_) => panic!("a manifest of files"),
    }
}

#[test]
fn a_manifest_fetches_its_files_and_verifies_them_later() {
    let server = Server::start(|asked, _| hub(asked));
    let manifest = manifest("path = \"data/*.bin\"");
    let request = FetchRequest::of_manifest(&manifest, Hub::new(&server.endpoint, None))
        .unwrap()
        .unwrap();
    let folder = TempDir::new().unwrap();
    let paths = fetch(&request, folder.path(), &mut |_| {}).unwrap();
    assert_eq!(paths.len(), 2);
    assert_eq!(manifest.files(folder.path(), "train").unwrap(), paths);
    assert_eq!(manifest.verify(folder.path()).unwrap(), 2);
    fs::write(&paths[1], b"othet").unwrap();
    assert!(matches!(
        manifest.verify(folder.path()),
        Err(DataError::WrongChecksum { .. })
    ));
}

#[test]
fn a_manifest_that_expects_another_file_is_told_before_the_download() {
    let server = Server::start(|asked, _| hub(asked));
    let wrong = sha256(b"another");
    let manifest = manifest(&format!("path = \"data/large.bin\"\nsha256 = \"{wrong}\""));
    let request = FetchRequest::of_manifest(&manifest, Hub::new(&server.endpoint, None))
        .unwrap()
        .unwrap();
    let folder = TempDir::new().unwrap();
    let error = fetch(&request, folder.path(), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&wrong) && error.contains(&sha256(&large())),
        "{error}"
    );
    assert!(server.asked("large.bin").is_empty());
}

#[test]
fn a_pattern_without_a_file_and_a_folder_of_another_data_set_are_errors() {
    let server = Server::start(|asked, _| hub(asked));
    let folder = TempDir::new().unwrap();
    let mut request = server.request();
    request.include = vec!["*.parquet".to_owned()];
    let error = fetch(&request, folder.path(), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("hub:owner/pets@main/*.parquet"), "{error}");
    fetched(&server, folder.path()).unwrap();
    request.repository = "hub:owner/pets@other".parse().unwrap();
    let error = fetch(&request, folder.path(), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("dataset.lock.toml") && error.contains("hub:owner/pets@main"),
        "{error}"
    );
}

#[test]
fn a_file_with_the_right_content_is_not_fetched_again() {
    let server = Server::start(|asked, _| hub(asked));
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/large.bin"), large()).unwrap();
    fs::write(folder.path().join("data/other one.bin"), b"wrong").unwrap();
    let paths = fetched(&server, folder.path()).unwrap();
    assert!(server.asked("large.bin").is_empty());
    assert_eq!(fs::read(&paths[2]).unwrap(), b"other");
}
