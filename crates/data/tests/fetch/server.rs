//! A hub that a thread plays.

use lamplight_data::dataset::{FetchRequest, Hub};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const NAME: &str = "owner/pets";

/// What a request asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub path: String,
    pub range: Option<String>,
    pub token: Option<String>,
}

#[derive(Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Bytes of the body after which the connection ends.
    pub cut: Option<usize>,
}

/// A server of one thread; it lives as long as the process.
pub struct Server {
    pub endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                let mut log = log.lock().unwrap();
                let num_before = log.iter().filter(|asked| **asked == request).count();
                let reply = answer(&request, num_before);
                log.push(request);
                drop(log);
                write_answer(&mut stream, &reply);
            }
        });
        Self { endpoint, asked }
    }

    pub fn asked(&self, end: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        let ends = |asked: &&Asked| asked.path.ends_with(end);
        asked.iter().filter(ends).cloned().collect()
    }

    pub fn request(&self) -> FetchRequest {
        FetchRequest {
            hub: Hub::new(&self.endpoint, None),
            repository: format!("hub:{NAME}").parse().unwrap(),
            include: Vec::new(),
            sha256: BTreeMap::new(),
        }
    }
}

fn read_request(stream: &TcpStream) -> Asked {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let value = |name: &str| {
        headers.iter().find_map(|header| {
            let (key, value) = header.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    Asked {
        path,
        range: value("range"),
        token: value("authorization"),
    }
}

fn write_answer(stream: &mut TcpStream, answer: &Answer) {
    let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", answer.status);
    head += &format!("Content-Length: {}\r\n", answer.body.len());
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let end = answer.cut.unwrap_or(answer.body.len());
    // A client that has seen enough hangs up.
    let _ = stream.write_all(format!("{head}\r\n").as_bytes());
    let _ = stream.write_all(&answer.body[..end]);
}

pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status: 200,
        body: body.into(),
        ..Answer::default()
    }
}

pub fn status(status: u16) -> Answer {
    Answer {
        status,
        ..Answer::default()
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

pub fn large() -> Vec<u8> {
    (0..1_000_000_u32)
        .flat_map(|index| (index.wrapping_mul(2_654_435_761) >> 24).to_le_bytes())
        .collect()
}

/// An entry of a listing, of a large file.
pub fn entry(path: &str, bytes: &[u8]) -> serde_json::Value {
    let oid = sha256(bytes);
    json!({"type": "file", "path": path, "size": bytes.len(), "oid": &oid[..40],
        "lfs": {"oid": oid, "size": bytes.len(), "pointerSize": 130}})
}

fn listing() -> serde_json::Value {
    json!([
        {"type": "directory", "path": "data", "size": 0, "oid": "aa"},
        {"type": "file", "path": "README.md", "size": 5, "oid": "ab"},
        entry("data/large.bin", &large()),
        entry("data/other one.bin", b"other"),
        {"type": "file", "path": "data/empty.txt", "size": 0, "oid": "ac"},
    ])
}

/// What a hub says that works.
pub fn hub(asked: &Asked) -> Answer {
    let api = format!("/api/datasets/{NAME}");
    let resolve = format!("/datasets/{NAME}/resolve/{COMMIT}/");
    let path = asked.path.as_str();
    if path == format!("{api}/revision/main") {
        return ok(json!({ "sha": COMMIT }).to_string());
    }
    if path == format!("{api}/tree/{COMMIT}?recursive=true") {
        return ok(listing().to_string());
    }
    match path.strip_prefix(&resolve) {
        Some("README.md") => ok("hello"),
        Some("data/large.bin") => ranged(asked, large()),
        Some("data/other%20one.bin") => ranged(asked, b"other".to_vec()),
        Some("data/empty.txt") => ok(""),
        _ => status(404),
    }
}

pub fn ranged(asked: &Asked, bytes: Vec<u8>) -> Answer {
    let Some(range) = &asked.range else {
        return ok(bytes);
    };
    let start: usize = range
        .strip_prefix("bytes=")
        .unwrap()
        .trim_end_matches('-')
        .parse()
        .unwrap();
    let length = bytes.len();
    Answer {
        status: 206,
        headers: vec![(
            "Content-Range",
            format!("bytes {start}-{}/{length}", length - 1),
        )],
        body: bytes[start..].to_vec(),
        cut: None,
    }
}
