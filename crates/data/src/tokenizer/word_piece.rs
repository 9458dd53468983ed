//! ELECTRA's WordPiece with BERT's normalisation (Devlin et al. 2019).

use super::{
    config::{TokenizerConfig, invalid},
    written,
};
use crate::DataError;
use serde_json::json;
use std::{collections::HashMap, path::Path};
use tokenizers::{
    AddedToken, Result as TokenizersResult, decoders::wordpiece::WordPiece as WordPieceDecoder,
    models::wordpiece::WordPiece, normalizers::BertNormalizer,
    pre_tokenizers::bert::BertPreTokenizer, processors::template::TemplateProcessing,
};

pub(super) const PAD: &str = "[PAD]";
pub(super) const UNK: &str = "[UNK]";
pub(super) const CLS: &str = "[CLS]";
pub(super) const SEP: &str = "[SEP]";
pub(super) const MASK: &str = "[MASK]";
/// Start of a piece that continues a word.
pub(super) const CONTINUATION: &str = "##";

/// A tokenizer over `vocab.txt`: one token a line, the line's number its id.
pub(super) fn from_vocabulary(
    path: &Path,
    config: &TokenizerConfig,
) -> Result<tokenizers::Tokenizer, DataError> {
    let bytes = written::read(path)?;
    let vocabulary = parse(path, &bytes)?;
    for name in [PAD, UNK, CLS, SEP, MASK] {
        if !vocabulary.contains(&name) {
            return Err(invalid(path, format!("the vocabulary has no {name}")));
        }
    }
    let mut model =
        tokenizers::Tokenizer::new(model(&vocabulary).map_err(|error| invalid(path, error))?);
    let lower_case = config.flag("do_lower_case").unwrap_or(true);
    let chinese = config.flag("tokenize_chinese_chars").unwrap_or(true);
    let accents = config.flag("strip_accents");
    pipeline(
        &mut model,
        BertNormalizer::new(true, chinese, accents, lower_case),
    )
    .map_err(|error| invalid(path, error))?;
    Ok(model)
}

/// The builder wants a map type that is not ours to name, so the model is read from the form it is saved in.
fn model(vocabulary: &[&str]) -> serde_json::Result<WordPiece> {
    let ids: HashMap<&str, usize> = vocabulary
        .iter()
        .enumerate()
        .map(|(id, token)| (*token, id))
        .collect();
    let saved = json!({
        "type": "WordPiece",
        "unk_token": UNK,
        "continuing_subword_prefix": CONTINUATION,
        "max_input_chars_per_word": 100,
        "vocab": ids,
    });
    serde_json::from_str(&saved.to_string())
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Vec<&'a str>, DataError> {
    let mut vocabulary = Vec::new();
    let mut lines = HashMap::new();
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for (line, bytes) in (1_u64..).zip(text.split(|&byte| byte == b'\n')) {
        let token = std::str::from_utf8(bytes).map_err(|_| DataError::InvalidUtf8 {
            path: path.to_owned(),
            line,
        })?;
        let token = token.strip_suffix('\r').unwrap_or(token);
        if let Some(first) = lines.insert(token, line) {
            return Err(invalid(
                path,
                format!("{token:?} stands on lines {first} and {line}"),
            ));
        }
        vocabulary.push(token);
    }
    Ok(vocabulary)
}

/// Everything around the model: normaliser, word splitting, decoder and, once the vocabulary has them, special tokens.
pub(super) fn pipeline(
    model: &mut tokenizers::Tokenizer,
    normalizer: BertNormalizer,
) -> TokenizersResult<()> {
    model.with_normalizer(Some(normalizer))?;
    model.with_pre_tokenizer(Some(BertPreTokenizer));
    model.with_decoder(Some(WordPieceDecoder::new(CONTINUATION.to_owned(), true)));
    model
        .add_special_tokens([PAD, UNK, CLS, SEP, MASK].map(|name| AddedToken::from(name, true)))?;
    if let (Some(cls), Some(sep)) = (model.token_to_id(CLS), model.token_to_id(SEP)) {
        let template = TemplateProcessing::builder()
            .try_single(format!("{CLS}:0 $A:0 {SEP}:0"))?
            .try_pair(format!("{CLS}:0 $A:0 {SEP}:0 $B:1 {SEP}:1"))?
            .special_tokens(vec![(CLS, cls), (SEP, sep)])
            .build()?;
        model.with_post_processor(Some(template));
    }
    Ok(())
}
