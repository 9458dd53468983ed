//! What a `tokenizer.json` may not say, checked before anything is built from it.
//!
//! The `tokenizers` crate takes the last of two equal tokens, numbers added tokens as it sees fit whatever id they
//! state, lets a pattern run for hours, and overflows the stack over one long piece.

use super::config::invalid;
use crate::DataError;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use std::{collections::HashSet, fmt, fs, io::Read, path::Path};

/// The largest real ones take 30 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Far more than any piece of a real vocabulary; the trie of pieces is as deep as the longest and dropped recursively.
pub(super) const MAX_PIECE_BYTES: usize = 1024;

/// The parts of the file that are checked.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(rename = "model")]
    _model: Model,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default, rename = "vocab")]
    _vocabulary: DistinctTokens,
}

/// Reads a whole file of a tokenizer.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let reading = |source| DataError::Read {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(reading)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(reading)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(invalid(
            path,
            format!("larger than the {MAX_FILE_BYTES} bytes that a tokenizer may have"),
        ));
    }
    Ok(bytes)
}

/// The tokenizer that the file describes.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<tokenizers::Tokenizer, DataError> {
    let broken = |error: serde_json::Error| invalid(path, error);
    let written: Written = serde_json::from_slice(bytes).map_err(broken)?;
    for part in [
        &written.normalizer,
        &written.pre_tokenizer,
        &written.decoder,
    ] {
        check_steps(part).map_err(|reason| invalid(path, reason))?;
    }
    let model = tokenizers::Tokenizer::from_bytes(bytes).map_err(|error| invalid(path, error))?;
    for AddedToken { id, content } in &written.added_tokens {
        let Some(given) = model.token_to_id(content).filter(|given| given != id) else {
            continue;
        };
        let reason = match model.id_to_token(*id) {
            Some(owner) => format!("which is that of {owner:?}"),
            None => format!("but would get {given}, as ids go on behind the vocabulary"),
        };
        return Err(invalid(
            path,
            format!("the added token {content:?} has id {id}, {reason}"),
        ));
    }
    Ok(model)
}

/// Looks through the steps of a pipeline, however they are nested.
fn check_steps(part: &Value) -> Result<(), String> {
    match part {
        Value::Object(fields) => {
            fields
                .iter()
                .try_for_each(|(key, value)| match (key.as_str(), value) {
                    ("Regex", Value::String(pattern)) => check_pattern(pattern),
                    ("precompiled_charsmap", Value::String(charsmap)) => {
                        let bytes = base64::decode(charsmap)
                            .map_err(|error| format!("the character map: {error}"))?;
                        check_charsmap(&bytes)
                    }
                    _ => check_steps(value),
                })
        }
        Value::Array(items) => items.iter().try_for_each(check_steps),
        _ => Ok(()),
    }
}

/// The map starts with the size of a table, for which as much memory is taken as it says.
pub(super) fn check_charsmap(bytes: &[u8]) -> Result<(), String> {
    let size = bytes
        .first_chunk()
        .map(|size| u32::from_le_bytes(*size) as usize);
    match size.filter(|size| *size <= bytes.len()) {
        Some(_) => Ok(()),
        None => Err("the character map is cut short".to_owned()),
    }
}

/// Patterns with look-around or back-references are searched by trying, in a time that no text's length bounds; and
/// where the search is given up, the rest of the text is silently left whole. Without these every search is linear.
fn check_pattern(pattern: &str) -> Result<(), String> {
    match regex::Regex::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "a pattern cannot be searched in linear time: {error}"
        )),
    }
}

/// A vocabulary of any model, of which only the tokens are looked at: a map from token to id, or a list of tokens with
/// scores. No token stands in it twice.
#[derive(Default)]
struct DistinctTokens {
    seen: HashSet<String>,
}

impl DistinctTokens {
    fn insert<E: Error>(&mut self, token: String) -> Result<(), E> {
        if token.len() > MAX_PIECE_BYTES {
            let length = token.len();
            return Err(E::custom(format!(
                "a token of {length} bytes; at most {MAX_PIECE_BYTES} are accepted"
            )));
        }
        match self.seen.replace(token) {
            Some(token) => Err(E::custom(format!(
                "the token {token:?} stands in the vocabulary twice"
            ))),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for DistinctTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tokens(DistinctTokens);

        impl<'de> Visitor<'de> for Tokens {
            type Value = DistinctTokens;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of tokens to ids, or a list of tokens with scores")
            }

            fn visit_map<A: MapAccess<'de>>(
                mut self,
                mut map: A,
            ) -> Result<DistinctTokens, A::Error> {
                while let Some((token, IgnoredAny)) = map.next_entry()? {
                    self.0.insert(token)?;
                }
                Ok(self.0)
            }

            fn visit_seq<A: SeqAccess<'de>>(
                mut self,
                mut list: A,
            ) -> Result<DistinctTokens, A::Error> {
                while let Some((token, IgnoredAny)) = list.next_element()? {
                    self.0.insert(token)?;
                }
                Ok(self.0)
            }
        }

        deserializer.deserialize_any(Tokens(Self::default()))
    }
}
