//! Text to ids and back: T5 (Unigram), ELECTRA (WordPiece) and ByT5 (bytes), with the ids of Hugging Face transformers.

mod bytes;
mod config;
mod folder;
mod frame;
mod pair;
mod sentence_piece;
mod soundness;
mod special;
mod stream;
mod t5;
pub mod train;
mod word_piece;
mod words;
mod written;

pub use special::SpecialTokens;
pub use stream::TextStream;

use crate::DataError;
use bytes::ByteTokenizer;
use config::Class;
use frame::Frame;
use soundness::guarded;
use words::SeenWords;

/// A tokenizer of one of the three families, read from a folder or trained.
///
/// ```
/// use lamplight_data::tokenizer::Tokenizer;
///
/// let tokenizer = Tokenizer::byt5();
/// let ids = tokenizer.encode("héllo <extra_id_0>")?;
/// assert_eq!(tokenizer.decode(&ids, true)?, "héllo ");
/// # Ok::<(), lamplight_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokenizer {
    model: Model,
    class: Class,
    special: SpecialTokens,
    sentinels: Vec<u32>,
    vocab_size: usize,
    /// Only where the pipeline treats each word by itself.
    seen_words: Option<SeenWords>,
    frame: Option<Frame>,
}

#[derive(Debug, Clone)]
enum Model {
    Subword(Box<tokenizers::Tokenizer>),
    Bytes(ByteTokenizer),
}

/// One text or two in one sequence, not padded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRow {
    /// Ids with the special tokens around the texts, `[tokens]`.
    pub ids: Vec<u32>,
    /// Per id the text it belongs to, 0 or 1, `[tokens]`; 0 throughout for T5 and ByT5.
    pub token_type_ids: Vec<u32>,
}

impl EncodedRow {
    /// A row of one text.
    pub fn of_one_text(ids: Vec<u32>) -> Self {
        Self {
            token_type_ids: vec![0; ids.len()],
            ids,
        }
    }
}

/// Ids with the place in the text each of them came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetEncoding {
    /// Ids with special tokens.
    pub ids: Vec<u32>,
    /// Per id the half-open range of characters; `(0, 0)` for a special token that was added.
    pub offsets: Vec<(usize, usize)>,
}

impl Tokenizer {
    /// The tokenizer of ByT5: byte `b` is id `b + 3`, then 125 sentinels. Needs no file.
    pub fn byt5() -> Self {
        let model = ByteTokenizer;
        Self {
            special: model.special(),
            sentinels: model.sentinels(),
            vocab_size: model.vocab_size(),
            model: Model::Bytes(model),
            class: Class::ByT5,
            seen_words: None,
            frame: None,
        }
    }

    /// Ids of `text` with special tokens: `.. </s>` for T5 and ByT5, `[CLS] .. [SEP]` for ELECTRA.
    ///
    /// Special tokens written out in the text (`<extra_id_0>`, `[MASK]`) are recognised, as transformers does.
    ///
    /// # Errors
    /// [`DataError::Tokenization`] if the tokenizer fails over this text, as those of damaged files may.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        self.ids(text, true)
    }

    /// Ids of `text` alone, with nothing added around them.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_ordinary(&self, text: &str) -> Result<Vec<u32>, DataError> {
        self.ids(text, false)
    }

    /// Ids of `text` with special tokens, each with its range of characters in `text`.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_with_offsets(&self, text: &str) -> Result<OffsetEncoding, DataError> {
        match &self.model {
            Model::Bytes(model) => Ok(model.encode_with_offsets(text)),
            Model::Subword(model) => {
                let encoding =
                    guarded(|| model.encode_char_offsets(text, true)).map_err(tokenization)?;
                Ok(OffsetEncoding {
                    ids: encoding.get_ids().to_vec(),
                    offsets: encoding.get_offsets().to_vec(),
                })
            }
        }
    }

    /// Two texts as one sequence of at most `max_length` ids; where they do not fit, the longer one is cut first.
    /// As in transformers, an empty second text gives the sequence of the first alone, except for ByT5.
    ///
    /// # Errors
    /// [`DataError::PairTooShort`] if `max_length` does not hold the special tokens, else as [`Tokenizer::encode`].
    pub fn encode_pair(
        &self,
        first: &str,
        second: &str,
        max_length: usize,
    ) -> Result<EncodedRow, DataError> {
        match &self.model {
            Model::Bytes(model) => pair::encode_bytes(model, first, second, max_length),
            Model::Subword(model) => pair::encode_subwords(model, first, second, max_length),
        }
    }

    /// The text of `ids`. Ids past the vocabulary (a model's padded rows) stand for nothing and are left out;
    /// bytes of ByT5 that are not UTF-8 are dropped.
    ///
    /// # Errors
    /// [`DataError::Tokenization`] if the decoder fails.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, DataError> {
        match &self.model {
            Model::Bytes(model) => Ok(model.decode(ids, skip_special_tokens)),
            Model::Subword(model) => {
                guarded(|| model.decode(ids, skip_special_tokens)).map_err(tokenization)
            }
        }
    }

    /// The piece behind `id` as the vocabulary writes it (`▁the`, `##ing`, `<extra_id_0>`), or none past its end.
    pub fn token(&self, id: u32) -> Option<String> {
        match &self.model {
            Model::Bytes(model) => model.token(id),
            Model::Subword(model) => model.id_to_token(id).map(sentence_piece::visible),
        }
    }

    /// One past the highest id, sentinels included: the rows a model needs, also where ids between have no token.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The ids of the special tokens.
    pub fn special(&self) -> &SpecialTokens {
        &self.special
    }

    /// The id of `<extra_id_index>`, or none where the vocabulary has no such sentinel.
    pub fn sentinel(&self, index: usize) -> Option<u32> {
        self.sentinels.get(index).copied()
    }

    /// How many sentinels there are: `<extra_id_0>` to `<extra_id_{n-1}>`.
    pub fn num_sentinels(&self) -> usize {
        self.sentinels.len()
    }

    fn ids(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, DataError> {
        match &self.model {
            Model::Bytes(model) if add_special_tokens => Ok(model.with_eos(model.encode(text))),
            Model::Bytes(model) => Ok(model.encode(text)),
            Model::Subword(model) => {
                let frame = self.frame.as_ref().filter(|_| add_special_tokens);
                if let Some(seen) = &self.seen_words
                    && frame.is_some() == add_special_tokens
                {
                    let ids = seen.encode(model, text).map_err(tokenization)?;
                    return Ok(match frame {
                        Some(frame) => frame.around(ids),
                        None => ids,
                    });
                }
                let encoding = guarded(|| model.encode_fast(text, add_special_tokens))
                    .map_err(tokenization)?;
                Ok(encoding.get_ids().to_vec())
            }
        }
    }
}

fn tokenization(source: tokenizers::Error) -> DataError {
    DataError::Tokenization { source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::synthetic;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static UNIGRAM: LazyLock<Tokenizer> =
        LazyLock::new(|| train::unigram(synthetic::english(100, 1), 400).unwrap());
    static WORD_PIECE: LazyLock<Tokenizer> =
        LazyLock::new(|| train::word_piece(synthetic::english(100, 1), 400).unwrap());

    #[test]
    fn sentinels_of_byt5_count_upward_and_those_of_t5_downward() {
        let byt5 = Tokenizer::byt5();
        assert_eq!(
            [byt5.sentinel(0), byt5.sentinel(124), byt5.sentinel(125)],
            [Some(259), Some(383), None]
        );
        let highest = u32::try_from(UNIGRAM.vocab_size()).unwrap() - 1;
        assert_eq!(
            [UNIGRAM.sentinel(0), UNIGRAM.sentinel(99)],
            [Some(highest), Some(highest - 99)]
        );
        assert_eq!(UNIGRAM.sentinel(100), None);
        assert_eq!(WORD_PIECE.sentinel(0), None);
    }

    #[test]
    fn special_tokens_stand_where_the_families_have_them() {
        let SpecialTokens { pad, eos, unk, .. } = *UNIGRAM.special();
        assert_eq!((pad, eos, unk), (0, Some(1), Some(2)));
        let SpecialTokens {
            pad,
            unk,
            cls,
            sep,
            mask,
            eos,
        } = *WORD_PIECE.special();
        assert_eq!(
            (pad, unk, cls, sep, mask, eos),
            (0, Some(1), Some(2), Some(3), Some(4), None)
        );
    }

    #[test]
    fn special_tokens_are_added_only_on_request() {
        assert_eq!(Tokenizer::byt5().encode("a").unwrap(), [100, 1]);
        assert_eq!(Tokenizer::byt5().encode_ordinary("a").unwrap(), [100]);
        for tokenizer in [&*UNIGRAM, &*WORD_PIECE] {
            let (whole, ordinary) = (
                tokenizer.encode("the dog").unwrap(),
                tokenizer.encode_ordinary("the dog").unwrap(),
            );
            assert!(whole.len() > ordinary.len());
            assert!(
                whole
                    .windows(ordinary.len())
                    .any(|window| window == ordinary)
            );
        }
    }

    #[test]
    fn ids_past_the_vocabulary_stand_for_nothing() {
        for tokenizer in [&*UNIGRAM, &*WORD_PIECE, &Tokenizer::byt5()] {
            let size = u32::try_from(tokenizer.vocab_size()).unwrap();
            assert_eq!(tokenizer.decode(&[size, u32::MAX], false).unwrap(), "");
            assert_eq!(tokenizer.token(size), None);
            assert!(tokenizer.token(size - 1).is_some());
        }
    }

    #[test]
    fn a_pair_too_short_for_its_special_tokens_is_an_error() {
        for tokenizer in [&*UNIGRAM, &*WORD_PIECE, &Tokenizer::byt5()] {
            assert!(matches!(
                tokenizer.encode_pair("a", "b", 1),
                Err(DataError::PairTooShort { max_length: 1, .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(text in "[^<]*") {
            let byt5 = Tokenizer::byt5();
            let ids = byt5.encode(&text).unwrap();
            prop_assert_eq!(byt5.decode(&ids, true).unwrap(), text);
        }

        #[test]
        fn byte_offsets_cover_every_character_in_order(text in "([a-zä€<> ]|</s>|<extra_id_[0-9]>){0,12}") {
            let encoding = Tokenizer::byt5().encode_with_offsets(&text).unwrap();
            prop_assert_eq!(&encoding.ids, &Tokenizer::byt5().encode(&text).unwrap());
            prop_assert_eq!(encoding.ids.len(), encoding.offsets.len());
            let num_characters = text.chars().count();
            prop_assert!(encoding.offsets.iter().all(|&(start, end)| start <= end && end <= num_characters));
        }

        #[test]
        fn known_words_come_back_through_unigram(words in prop::collection::vec("[a-eg-ik-pr-w]{1,8}", 1..10)) {
            let text = words.join(" ");
            let ids = UNIGRAM.encode(&text).unwrap();
            prop_assume!(!ids.contains(&2));
            prop_assert_eq!(UNIGRAM.decode(&ids, true).unwrap(), text);
        }

        #[test]
        fn any_text_has_ids_below_the_vocabulary_size(text in any::<String>()) {
            for tokenizer in [&*UNIGRAM, &*WORD_PIECE, &Tokenizer::byt5()] {
                let ids = tokenizer.encode(&text).unwrap();
                prop_assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
                tokenizer.decode(&ids, false).unwrap();
            }
        }

        #[test]
        fn pairs_never_exceed_their_length(first in "[a-z ]{0,60}", second in "[a-z ]{0,60}", length in 3..40_usize) {
            for tokenizer in [&*UNIGRAM, &*WORD_PIECE, &Tokenizer::byt5()] {
                let pair = tokenizer.encode_pair(&first, &second, length).unwrap();
                prop_assert!(pair.ids.len() <= length);
                prop_assert_eq!(pair.ids.len(), pair.token_type_ids.len());
            }
        }
    }
}
