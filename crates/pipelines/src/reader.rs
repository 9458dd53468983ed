//! Texts to rows of ids that the model has room for.

use lamplight_data::tokenizer::{EncodedRow, OffsetEncoding, Tokenizer};

use crate::PipelineError;

/// A tokenizer, and how much of a text the model reads.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub tokenizer: Tokenizer,
    /// Tokens of a row, special ones included.
    pub max_length: usize,
    /// Rows of the table of token types; none where the model has no such table.
    pub num_token_types: Option<usize>,
}

/// The tokens of a text, and the special ones that stand around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Framed {
    pub front: Vec<u32>,
    /// `[tokens]`
    pub ids: Vec<u32>,
    /// The characters that each token came from, `[tokens]`.
    pub offsets: Vec<(usize, usize)>,
    pub back: Vec<u32>,
}

impl Reader {
    /// The rows of `texts`; what the model has no room for is cut off.
    pub fn rows<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<EncodedRow>, PipelineError> {
        let rows = texts.iter().enumerate().map(|(text, content)| {
            let ids = self.tokenizer.encode(content.as_ref())?;
            self.checked(EncodedRow::of_one_text(self.cut(ids)), text)
        });
        rows.collect()
    }

    /// The rows of texts that belong together two by two; the longer text of a pair is cut first.
    pub fn pairs<A, B>(&self, pairs: &[(A, B)]) -> Result<Vec<EncodedRow>, PipelineError>
    where
        A: AsRef<str>,
        B: AsRef<str>,
    {
        let rows = pairs.iter().enumerate().map(|(text, (first, second))| {
            let (first, second) = (first.as_ref(), second.as_ref());
            let pair = self.tokenizer.encode_pair(first, second, self.max_length)?;
            self.checked(pair, text)
        });
        rows.collect()
    }

    /// The tokens of a text, apart from those that the tokenizer puts around them.
    pub fn framed(&self, content: &str) -> Result<Framed, PipelineError> {
        let OffsetEncoding { ids, offsets } = self.tokenizer.encode_with_offsets(content)?;
        let special = self.tokenizer.special();
        let is_added = |place: usize, expected: Option<u32>| {
            expected.is_some_and(|id| ids.get(place) == Some(&id)) && offsets[place] == (0, 0)
        };
        let start = usize::from(is_added(0, special.cls));
        let last = ids.len().saturating_sub(1).max(start);
        let is_end = is_added(last, special.sep) || is_added(last, special.eos);
        let end = ids.len() - usize::from(is_end);
        Ok(Framed {
            front: ids[..start].to_vec(),
            ids: ids[start..end].to_vec(),
            offsets: offsets[start..end].to_vec(),
            back: ids[end..].to_vec(),
        })
    }

    /// The row if the model can read it.
    pub fn checked(&self, row: EncodedRow, text: usize) -> Result<EncodedRow, PipelineError> {
        let (num_tokens, max_length) = (row.ids.len(), self.max_length);
        if num_tokens == 0 {
            return Err(PipelineError::NoTokens { text });
        }
        if num_tokens > max_length {
            return Err(PipelineError::TooLong {
                text,
                num_tokens,
                max_length,
            });
        }
        let token_type = row.token_type_ids.iter().copied().max().unwrap_or(0);
        match self.num_token_types {
            Some(num_token_types) if token_type as usize >= num_token_types => {
                Err(PipelineError::TokenType {
                    text,
                    token_type,
                    num_token_types,
                })
            }
            _ => Ok(row),
        }
    }

    /// The beginning of `ids`, with the special token that ends them.
    fn cut(&self, mut ids: Vec<u32>) -> Vec<u32> {
        if ids.len() <= self.max_length {
            return ids;
        }
        let special = self.tokenizer.special();
        let is_end = |id: &u32| [special.sep, special.eos].contains(&Some(*id));
        let end = ids.pop().filter(is_end);
        ids.truncate(self.max_length - usize::from(end.is_some()));
        ids.extend(end);
        ids
    }
}
