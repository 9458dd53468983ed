//! SentencePiece's own model files: a protocol buffer of which five fields are needed.

use super::{
    config::{TokenizerConfig, invalid},
    special::sentinel_name,
    t5,
    written::{self, MAX_PIECE_BYTES, check_charsmap},
};
use crate::DataError;
use prost::Message;
use std::{collections::HashSet, path::Path};
use tokenizers::{
    AddedToken, NormalizerWrapper,
    models::unigram::Unigram,
    normalizers::{Precompiled, Replace, Sequence, Strip, replace::ReplacePattern},
};

/// `ModelProto` of SentencePiece.
#[derive(Clone, PartialEq, Message)]
struct ModelFile {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    trainer: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<NormalizerSpec>,
}

#[derive(Clone, PartialEq, Message)]
struct Piece {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(float, optional, tag = "2")]
    score: Option<f32>,
    #[prost(int32, optional, tag = "3", default = "1")]
    kind: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct TrainerSpec {
    #[prost(int32, optional, tag = "3", default = "1")]
    model_type: Option<i32>,
    #[prost(bool, optional, tag = "35")]
    byte_fallback: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
struct NormalizerSpec {
    #[prost(bytes = "vec", optional, tag = "2")]
    charsmap: Option<Vec<u8>>,
}

/// Kinds of pieces that text is not matched with as it stands.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const UNIGRAM: i32 = 1;

/// Put behind the name of a piece that no text may match; the character map removes it from every text.
const UNMATCHABLE: char = '\0';

pub(super) fn unmatchable(name: &str) -> String {
    format!("{name}{UNMATCHABLE}")
}

/// A piece as a reader should see it.
pub(super) fn visible(piece: String) -> String {
    match piece.strip_suffix(UNMATCHABLE) {
        Some(name) => name.to_owned(),
        None => piece,
    }
}

/// `spiece.model`, the name transformers gives it: a T5 tokenizer with sentinels behind the pieces.
pub(super) fn t5_tokenizer(
    path: &Path,
    config: &TokenizerConfig,
) -> Result<tokenizers::Tokenizer, DataError> {
    let file = ModelFile::read(path)?;
    let charsmap = file.charsmap(path)?;
    let num_sentinels = config.extra_ids()?;
    let sentinels: HashSet<String> = (0..num_sentinels).map(sentinel_name).collect();
    if let Some(piece) = file
        .pieces
        .iter()
        .find(|piece| sentinels.contains(piece.text()))
    {
        let reason = "is a piece already; say \"extra_ids\": 0 in tokenizer_config.json";
        return Err(invalid(path, format!("{:?} {reason}", piece.text())));
    }
    let pieces = file
        .pieces
        .iter()
        .map(|piece| (piece.text().to_owned(), piece.score()));
    let pieces = t5::with_sentinels(
        pieces
            .map(|(text, score)| (text, f64::from(score)))
            .collect(),
        num_sentinels,
    );
    let unigram =
        Unigram::from(pieces, file.unknown(), false).map_err(|error| invalid(path, error))?;
    let mut model =
        t5::pipeline(unigram, charsmap, num_sentinels).map_err(|error| invalid(path, error))?;
    let user_defined = file
        .pieces
        .iter()
        .filter(|piece| piece.kind() == USER_DEFINED);
    let added = user_defined.map(|piece| AddedToken::from(piece.text(), false).normalized(false));
    model
        .add_tokens(added)
        .map_err(|error| invalid(path, error))?;
    Ok(model)
}

/// `sentencepiece.model`, the name the library itself gives it: its ids and nothing else. Control pieces written in a
/// text are ordinary characters, and there are no sentinels.
pub(super) fn plain_tokenizer(path: &Path) -> Result<tokenizers::Tokenizer, DataError> {
    let file = ModelFile::read(path)?;
    let broken = |error: tokenizers::Error| invalid(path, error);
    let byte_fallback = file
        .trainer
        .as_ref()
        .is_some_and(TrainerSpec::byte_fallback);
    let unigram =
        Unigram::from(file.plain_pieces(), file.unknown(), byte_fallback).map_err(broken)?;
    let mut model = tokenizers::Tokenizer::new(unigram);
    let spaces = ReplacePattern::Regex(" {2,}".to_owned());
    let mut normalizers: Vec<NormalizerWrapper> = Vec::new();
    normalizers.extend(file.charsmap(path)?.map(Into::into));
    normalizers.push(Strip::new(true, true).into());
    normalizers.push(Replace::new(spaces, " ").map_err(broken)?.into());
    model
        .with_normalizer(Some(Sequence::new(normalizers)))
        .map_err(broken)?;
    model.with_pre_tokenizer(Some(t5::metaspace()));
    model.with_decoder(Some(t5::metaspace()));
    Ok(model)
}

impl ModelFile {
    fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = written::read(path)?;
        let file = Self::decode(bytes.as_slice()).map_err(|error| invalid(path, error))?;
        if file.pieces.is_empty() {
            return Err(invalid(path, "holds no SentencePiece pieces"));
        }
        let mut seen = HashSet::new();
        for piece in &file.pieces {
            let text = piece.text();
            let reason = if !piece.score().is_finite() {
                "has a score that is not finite"
            } else if text.is_empty() || text.len() > MAX_PIECE_BYTES {
                "is empty or longer than 1024 bytes"
            } else if !seen.insert(text) {
                "stands there twice"
            } else {
                continue;
            };
            let text: String = text.chars().take(40).collect();
            return Err(invalid(path, format!("the piece {text:?} {reason}")));
        }
        match file.trainer.as_ref().map(TrainerSpec::model_type) {
            None | Some(UNIGRAM) => Ok(file),
            Some(other) => Err(invalid(
                path,
                format!("SentencePiece model type {other}; only Unigram (1) is supported"),
            )),
        }
    }

    fn unknown(&self) -> Option<usize> {
        self.pieces.iter().position(|piece| piece.kind() == UNKNOWN)
    }

    fn charsmap(&self, path: &Path) -> Result<Option<Precompiled>, DataError> {
        let bytes = self
            .normalizer
            .as_ref()
            .map_or(&[][..], NormalizerSpec::charsmap);
        if bytes.is_empty() {
            return Ok(None);
        }
        check_charsmap(bytes).map_err(|reason| invalid(path, reason))?;
        Precompiled::from(bytes)
            .map(Some)
            .map_err(|error| invalid(path, error))
    }

    fn plain_pieces(&self) -> Vec<(String, f64)> {
        let named = self.pieces.iter().map(|piece| {
            let text = piece.text();
            let matchable = !matches!(piece.kind(), UNKNOWN | CONTROL | UNUSED);
            let name = if matchable {
                text.to_owned()
            } else {
                unmatchable(text)
            };
            (name, f64::from(piece.score()))
        });
        named.collect()
    }
}
