//! The Hugging Face hub over HTTP: which files a data set or a model has, and their bytes.

use super::{
    HubRepository,
    repository::{Kind, is_path_within},
};
use crate::DataError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, de::DeserializeOwned};
use std::{env, time::Duration};
use ureq::{
    Agent, Body,
    http::{Response, StatusCode, header},
};

/// The longest answer of the API, in bytes.
const ANSWER_BYTES: u64 = 64 << 20;
/// The most pages of a listing, of a thousand files each.
const NUM_PAGES: usize = 10_000;
const TIMEOUT: Duration = Duration::from_secs(60);
/// What stands for itself in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where the hub is and who asks.
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    token: Option<String>,
    agent: Agent,
}

/// A file as the hub lists it.
#[derive(Debug, Clone)]
pub(super) struct HubFile {
    pub(super) path: String,
    /// In bytes.
    pub(super) size: u64,
    /// Git's name of the content.
    pub(super) oid: String,
    /// In hexadecimal, known of large files alone.
    pub(super) sha256: Option<String>,
}

/// A repository at a commit.
#[derive(Clone, Copy)]
pub(super) struct Snapshot<'a> {
    pub(super) repository: &'a HubRepository,
    pub(super) commit: &'a str,
}

/// Why a request failed.
pub(super) enum Failure {
    /// It may work when it is tried again.
    Passing(DataError),
    Lasting(DataError),
}

impl Failure {
    pub(super) fn into_error(self) -> DataError {
        match self {
            Self::Passing(error) | Self::Lasting(error) => error,
        }
    }
}

#[derive(Deserialize)]
struct Revision {
    sha: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    oid: String,
    size: u64,
}

impl Hub {
    /// The hub at an address such as `https://huggingface.co`, asked with an access token where there is one.
    pub fn new(endpoint: &str, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            .timeout_per_read(Some(TIMEOUT))
            .build();
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token,
            agent: config.into(),
        }
    }

    /// The hub that the environment names: `HF_ENDPOINT`, `https://huggingface.co` where that is not set, and `HF_TOKEN`.
    pub fn from_env() -> Self {
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let endpoint = set("HF_ENDPOINT");
        let endpoint = endpoint.as_deref().unwrap_or("https://huggingface.co");
        Self::new(
            endpoint,
            set("HF_TOKEN").map(|token| token.trim().to_owned()),
        )
    }

    /// The commit a revision is now.
    pub(super) fn commit(&self, repository: &HubRepository) -> Result<String, Failure> {
        let revision = encoded(repository.revision());
        let url = format!("{}/revision/{revision}", self.api(repository));
        let (revision, _) = self.json::<Revision>(&url)?;
        if !revision.sha.is_empty() && revision.sha.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(revision.sha);
        }
        Err(Failure::Lasting(fetch_error(
            &url,
            "the answer names no commit".to_owned(),
        )))
    }

    /// The files of a commit, in the hub's order.
    pub(super) fn files(&self, snapshot: Snapshot<'_>) -> Result<Vec<HubFile>, Failure> {
        let Snapshot { repository, commit } = snapshot;
        let first = format!("{}/tree/{commit}?recursive=true", self.api(repository));
        let mut next = Some(first.clone());
        let mut files = Vec::new();
        for _ in 0..NUM_PAGES {
            let Some(url) = next else {
                return Ok(files);
            };
            let (entries, link) = self.json::<Vec<Entry>>(&url)?;
            for entry in entries
                .into_iter()
                .filter(|entry| entry.kind != "directory")
            {
                files.push(file(repository, entry).map_err(Failure::Lasting)?);
            }
            next = link;
        }
        Err(Failure::Lasting(fetch_error(
            &first,
            format!("more than {NUM_PAGES} pages"),
        )))
    }

    /// A file's bytes from `start` on, if the server sends a part; else all of them.
    pub(super) fn open(
        &self,
        snapshot: Snapshot<'_>,
        path: &str,
        start: u64,
    ) -> Result<(String, Response<Body>), Failure> {
        let Snapshot { repository, commit } = snapshot;
        let path: Vec<String> = path.split('/').map(encoded).collect();
        let folder = match repository.kind() {
            Kind::DataSet => "/datasets",
            Kind::Model => "",
        };
        let (name, path) = (repository.name(), path.join("/"));
        let url = format!("{}{folder}/{name}/resolve/{commit}/{path}", self.endpoint);
        let range = (start > 0).then(|| format!("bytes={start}-"));
        let response = self.get(&url, range)?;
        Ok((url, response))
    }

    /// What the addresses of the API about a repository start with.
    fn api(&self, repository: &HubRepository) -> String {
        let kind = match repository.kind() {
            Kind::DataSet => "datasets",
            Kind::Model => "models",
        };
        format!("{}/api/{kind}/{}", self.endpoint, repository.name())
    }

    /// An answer of the API, and the address of its next page.
    fn json<T: DeserializeOwned>(&self, url: &str) -> Result<(T, Option<String>), Failure> {
        let mut response = self.get(url, None)?;
        let next = response
            .headers()
            .get(header::LINK)
            .and_then(|link| link.to_str().ok());
        let next = next
            .and_then(next_page)
            .map(|rest| format!("{}{rest}", self.endpoint));
        let body = response.body_mut().with_config().limit(ANSWER_BYTES);
        let bytes = body.read_to_vec().map_err(|error| failed(url, &error))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::Lasting(fetch_error(
                url,
                format!("the answer is not what the hub's API says: {error}"),
            ))
        })?;
        Ok((value, next))
    }

    fn get(&self, url: &str, range: Option<String>) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let response = request.call().map_err(|error| failed(url, &error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(response);
        }
        let reason = match status.as_u16() {
            401 | 403 => {
                "not allowed, or there is nothing of this name: look it up on the hub, accept its terms there and set HF_TOKEN to a token that may read it"
            }
            404 => "no such data set or model, revision or file",
            429 => "the hub is asked too often",
            _ => "the hub refused",
        };
        let error = fetch_error(url, format!("{status}: {reason}"));
        let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        Err(if may_pass {
            Failure::Passing(error)
        } else {
            Failure::Lasting(error)
        })
    }
}

pub(super) fn fetch_error(url: &str, reason: String) -> DataError {
    DataError::Fetch {
        url: url.to_owned(),
        reason,
    }
}

fn failed(url: &str, error: &ureq::Error) -> Failure {
    let said = fetch_error(url, error.to_string());
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Tls(_) => {
            Failure::Lasting(said)
        }
        _ => Failure::Passing(said),
    }
}

/// A segment of a path, as an address has it.
pub(super) fn encoded(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

/// Path and query of the next page in a `Link` header. The host is left out: a mirror names the one it mirrors, and the
/// token is for the endpoint alone.
fn next_page(link: &str) -> Option<&str> {
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let (url, _) = next.trim().strip_prefix('<')?.split_once('>')?;
    url.find("/api/").map(|start| &url[start..])
}

fn file(repository: &HubRepository, entry: Entry) -> Result<HubFile, DataError> {
    if !is_path_within(&entry.path) {
        return Err(DataError::UnsafePath {
            repository: repository.to_string(),
            path: entry.path,
        });
    }
    let size = entry.lfs.as_ref().map_or(entry.size, |large| large.size);
    Ok(HubFile {
        path: entry.path,
        size,
        oid: entry.oid,
        sha256: entry.lfs.map(|large| large.oid),
    })
}
