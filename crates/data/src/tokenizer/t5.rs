//! The pipeline of a T5 tokenizer around its Unigram model.

use super::special::sentinel_name;
use tokenizers::{
    AddedToken, NormalizerWrapper, PreTokenizerWrapper, Result,
    models::unigram::Unigram,
    normalizers::Precompiled,
    pre_tokenizers::{
        metaspace::{Metaspace, PrependScheme},
        sequence::Sequence,
        whitespace::WhitespaceSplit,
    },
    processors::template::TemplateProcessing,
};

/// Sentinels of T5 (Raffel et al. 2020, section 3.1.4).
pub(super) const NUM_SENTINELS: usize = 100;
pub(super) const PAD: &str = "<pad>";
pub(super) const EOS: &str = "</s>";
pub(super) const UNK: &str = "<unk>";
/// The mark SentencePiece puts where a space stood.
const WORD_START: char = '▁';

/// Pieces with sentinels after them, numbered downward so that `<extra_id_0>` is the highest id.
pub(super) fn with_sentinels(
    mut pieces: Vec<(String, f64)>,
    num_sentinels: usize,
) -> Vec<(String, f64)> {
    let names = (0..num_sentinels).rev().map(sentinel_name);
    pieces.extend(names.map(|name| (name, 0.0)));
    pieces
}

/// A T5 tokenizer over `unigram`, as transformers 5 builds it whatever pipeline a tokenizer.json declares: words are
/// split at white space, each starts with the mark, also right behind a sentinel.
pub(super) fn pipeline(
    unigram: Unigram,
    charsmap: Option<Precompiled>,
    num_sentinels: usize,
) -> Result<tokenizers::Tokenizer> {
    let mut model = tokenizers::Tokenizer::new(unigram);
    model.with_normalizer(charsmap)?;
    let words = PreTokenizerWrapper::WhitespaceSplit(WhitespaceSplit);
    let marks = PreTokenizerWrapper::Metaspace(metaspace());
    model.with_pre_tokenizer(Some(Sequence::new(vec![words, marks])));
    model.with_decoder(Some(metaspace()));
    let sentinels = (0..num_sentinels).map(sentinel_name);
    let specials = [PAD, EOS, UNK]
        .map(str::to_owned)
        .into_iter()
        .chain(sentinels);
    model.add_special_tokens(specials.map(|name| AddedToken::from(name, true)))?;
    append_eos(&mut model)?;
    Ok(model)
}

/// `A </s>` and `A </s> B </s>`, where the vocabulary has an end of sequence.
pub(super) fn append_eos(model: &mut tokenizers::Tokenizer) -> Result<()> {
    if let Some(eos) = model.token_to_id(EOS) {
        let template = TemplateProcessing::builder()
            .try_single(format!("$A:0 {EOS}:0"))?
            .try_pair(format!("$A:0 {EOS}:0 $B:0 {EOS}:0"))?
            .special_tokens(vec![(EOS, eos)])
            .build()?;
        model.with_post_processor(Some(template));
    }
    Ok(())
}

pub(super) fn metaspace() -> Metaspace {
    Metaspace::new(WORD_START, PrependScheme::Always, true)
}

/// The SentencePiece character map inside a normalizer, the one part of it that transformers keeps.
pub(super) fn charsmap(normalizer: Option<&NormalizerWrapper>) -> Option<Precompiled> {
    match normalizer? {
        NormalizerWrapper::Precompiled(charsmap) => Some(charsmap.clone()),
        NormalizerWrapper::Sequence(sequence) => sequence
            .as_ref()
            .iter()
            .find_map(|normalizer| charsmap(Some(normalizer))),
        _ => None,
    }
}
