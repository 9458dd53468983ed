//! Text while its ids are still being made.

use super::{Model, Tokenizer, bytes::ByteTokenizer, soundness::guarded, tokenization};
use crate::DataError;
use std::{mem, str};
use tokenizers::{Decoder, DecoderWrapper, Result as TokenizersResult};

/// Decodes ids one by one, at a cost that does not grow with their number; made by [`Tokenizer::stream`].
///
/// All pieces in a row are what [`Tokenizer::decode`] says of all ids. No piece ends within a character, and none is
/// taken back.
///
/// ```
/// use lamplight_data::tokenizer::Tokenizer;
///
/// let tokenizer = Tokenizer::byt5();
/// let mut stream = tokenizer.stream(true);
/// let ids = tokenizer.encode("né")?;
/// let pieces: Result<Vec<String>, _> = ids.into_iter().map(|id| stream.push(id)).collect();
/// assert_eq!(pieces?, ["n", "", "é", ""]);
/// assert_eq!(stream.finish()?, "");
/// # Ok::<(), lamplight_data::DataError>(())
/// ```
#[derive(Debug)]
pub struct TextStream<'a> {
    tokenizer: &'a Tokenizer,
    skip_special_tokens: bool,
    decoding: Decoding<'a>,
}

#[derive(Debug)]
enum Decoding<'a> {
    /// The decoder looks at each token by itself, and at whether it is the first.
    TokenByToken {
        model: &'a tokenizers::Tokenizer,
        is_first: bool,
    },
    /// ByT5; the bytes are the start of a character.
    Bytes {
        model: ByteTokenizer,
        unfinished: Vec<u8>,
    },
    /// Each token stands for bytes; those of the ids may end within a character.
    ByteLevel { unfinished: Vec<u32> },
    /// Any token may change the text of others.
    Whole { ids: Vec<u32> },
}

impl Tokenizer {
    /// Decodes ids one by one, without special tokens if asked to.
    ///
    /// The text of an id comes at once, or with the id that completes a character. Only where a `tokenizer.json` has
    /// a decoder of another kind than those of T5, ELECTRA and byte-level BPE does all text come at the end.
    pub fn stream(&self, skip_special_tokens: bool) -> TextStream<'_> {
        let decoding = match &self.model {
            Model::Bytes(model) => Decoding::Bytes {
                model: *model,
                unfinished: Vec::new(),
            },
            Model::Subword(model) => match model.get_decoder() {
                None | Some(DecoderWrapper::Metaspace(_) | DecoderWrapper::WordPiece(_)) => {
                    Decoding::TokenByToken {
                        model,
                        is_first: true,
                    }
                }
                Some(DecoderWrapper::ByteLevel(_)) => Decoding::ByteLevel {
                    unfinished: Vec::new(),
                },
                Some(_) => Decoding::Whole { ids: Vec::new() },
            },
        };
        TextStream {
            tokenizer: self,
            skip_special_tokens,
            decoding,
        }
    }
}

impl TextStream<'_> {
    /// The text that has become certain with `id`; often none.
    ///
    /// # Errors
    /// As [`Tokenizer::decode`].
    pub fn push(&mut self, id: u32) -> Result<String, DataError> {
        match &mut self.decoding {
            Decoding::TokenByToken { model, is_first } => {
                let token = model.id_to_token(id).filter(|token| {
                    let vocabulary = model.get_added_vocabulary();
                    !self.skip_special_tokens || !vocabulary.is_special_token(token)
                });
                let Some(token) = token else {
                    return Ok(String::new());
                };
                let is_first = mem::take(is_first);
                guarded(|| token_text(model.get_decoder(), token, is_first)).map_err(tokenization)
            }
            Decoding::Bytes { model, unfinished } => {
                model.append_bytes(id, self.skip_special_tokens, unfinished);
                Ok(take_characters(unfinished))
            }
            Decoding::ByteLevel { unfinished } => {
                unfinished.push(id);
                let text = self
                    .tokenizer
                    .decode(unfinished, self.skip_special_tokens)?;
                // What ends otherwise ends with a whole character.
                if text.ends_with(char::REPLACEMENT_CHARACTER) {
                    return Ok(String::new());
                }
                unfinished.clear();
                Ok(text)
            }
            Decoding::Whole { ids } => {
                ids.push(id);
                Ok(String::new())
            }
        }
    }

    /// The text that waited for more ids.
    ///
    /// # Errors
    /// As [`Tokenizer::decode`].
    pub fn finish(self) -> Result<String, DataError> {
        match self.decoding {
            // Half a character of ByT5 is no text.
            Decoding::TokenByToken { .. } | Decoding::Bytes { .. } => Ok(String::new()),
            Decoding::ByteLevel { unfinished: ids } | Decoding::Whole { ids } => {
                self.tokenizer.decode(&ids, self.skip_special_tokens)
            }
        }
    }
}

/// What `token` adds to a text.
fn token_text(
    decoder: Option<&DecoderWrapper>,
    token: String,
    is_first: bool,
) -> TokenizersResult<String> {
    let before = (!is_first).then(String::new);
    match decoder {
        Some(decoder) => {
            let texts = decoder.decode_chain(before.into_iter().chain([token]).collect())?;
            Ok(texts.into_iter().next_back().unwrap_or_default())
        }
        None if is_first => Ok(token),
        None => Ok(format!(" {token}")),
    }
}

/// The characters that `bytes` hold, of which the start of an unfinished one stays. What is not UTF-8 is dropped.
fn take_characters(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut unfinished = &[][..];
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        unfinished = chunk.invalid();
    }
    // Invalid bytes without a length are those that more bytes may complete.
    let is_start = str::from_utf8(unfinished).is_err_and(|error| error.error_len().is_none());
    *bytes = if is_start {
        unfinished.to_vec()
    } else {
        Vec::new()
    };
    text
}
