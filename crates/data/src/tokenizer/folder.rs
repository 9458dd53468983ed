//! Tokenizers in folders laid out as on the Hugging Face hub.

use super::{
    Model, SpecialTokens, Tokenizer,
    config::{Class, TokenizerConfig, invalid, model_is_byt5},
    frame::Frame,
    sentence_piece, soundness, special, t5, word_piece,
    words::{self, SeenWords},
    written,
};
use crate::DataError;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tokenizers::{ModelWrapper, NormalizerWrapper};

impl Tokenizer {
    /// Reads the tokenizer of a model's folder.
    ///
    /// Looked for, in this order: a `tokenizer_config.json` that names ByT5, `tokenizer.json`, `spiece.model` (T5's
    /// sentinels are added), `sentencepiece.model` (SentencePiece's own ids, no sentinels), `vocab.txt`, a
    /// `config.json` of ByT5's vocabulary.
    ///
    /// # Errors
    /// [`DataError::NoTokenizer`] lists what was looked for; [`DataError::InvalidTokenizer`], [`DataError::Read`] and
    /// [`DataError::InvalidUtf8`] name the file.
    pub fn from_folder(folder: &Path) -> Result<Self, DataError> {
        let reading = |source| DataError::Read {
            path: folder.to_owned(),
            source,
        };
        fs::read_dir(folder).map_err(reading)?;
        let config = TokenizerConfig::read(folder)?;
        let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        if config.class() == Some(Class::ByT5) {
            Ok(Self::byt5())
        } else if let Some(path) = file("tokenizer.json") {
            from_tokenizer_json(path, &config)
        } else if let Some(path) = file("spiece.model") {
            let model = sentence_piece::t5_tokenizer(&path, &config)?;
            Self::subword(model, Class::T5, &config, &path)
        } else if let Some(path) = file("sentencepiece.model") {
            let model = sentence_piece::plain_tokenizer(&path)?;
            Self::subword(model, Class::AsWritten, &config, &path)
        } else if let Some(path) = file("vocab.txt") {
            let model = word_piece::from_vocabulary(&path, &config)?;
            Self::subword(model, Class::Electra, &config, &path)
        } else if model_is_byt5(folder)? {
            Ok(Self::byt5())
        } else {
            Err(DataError::NoTokenizer {
                folder: folder.to_owned(),
            })
        }
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` (and `vocab.txt` for a WordPiece vocabulary without gaps)
    /// into `folder`, which is made if it does not exist. [`Tokenizer::from_folder`] and transformers read them back.
    ///
    /// # Errors
    /// [`DataError::Write`] naming the file.
    pub fn save(&self, folder: &Path) -> Result<(), DataError> {
        fs::create_dir_all(folder).map_err(|source| DataError::Write {
            path: folder.to_owned(),
            source,
        })?;
        for (name, bytes) in self.files(folder)? {
            write(&folder.join(name), &bytes)?;
        }
        Ok(())
    }

    /// SHA-256 of the files that [`Tokenizer::save`] writes: the same for tokenizers that give the same ids.
    ///
    /// # Errors
    /// As [`Tokenizer::save`], but for writing.
    pub fn sha256(&self) -> Result<String, DataError> {
        let mut hasher = Sha256::new();
        for (name, bytes) in self.files(Path::new(""))? {
            hasher.update(name);
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        Ok(format!("{:x}", hasher.finalize()))
    }

    /// Names and contents; `folder` is for messages.
    fn files(&self, folder: &Path) -> Result<Vec<(&'static str, Vec<u8>)>, DataError> {
        let mut files = Vec::new();
        if let Model::Subword(model) = &self.model {
            let name = "tokenizer.json";
            let text = model
                .to_string(true)
                .map_err(|error| invalid(&folder.join(name), error))?;
            files.push((name, text.into_bytes()));
            if matches!(model.get_model(), ModelWrapper::WordPiece(_)) {
                files.extend(self.vocabulary_lines().map(|lines| ("vocab.txt", lines)));
            }
        }
        let name = "tokenizer_config.json";
        let config = Value::Object(self.configuration());
        let text = serde_json::to_vec_pretty(&config)
            .map_err(|error| invalid(&folder.join(name), error))?;
        files.push((name, text));
        Ok(files)
    }

    pub(super) fn subword(
        mut model: tokenizers::Tokenizer,
        class: Class,
        config: &TokenizerConfig,
        path: &Path,
    ) -> Result<Self, DataError> {
        // Lengths are the caller's business, whatever the file was last used for.
        model
            .with_truncation(None)
            .map_err(|error| invalid(path, error))?;
        model.with_padding(None);
        let vocab_size = soundness::check(&model, path)?;
        let special = SpecialTokens::find(&model, config)
            .ok_or_else(|| invalid(path, "the vocabulary has no padding token"))?;
        Ok(Self {
            special,
            vocab_size,
            sentinels: special::sentinels(&model),
            seen_words: words::is_separable(&model).then(SeenWords::default),
            frame: Frame::find(&model),
            model: Model::Subword(Box::new(model)),
            class,
        })
    }

    /// A line for every id; none where an id has no token, which such a file cannot say.
    fn vocabulary_lines(&self) -> Option<Vec<u8>> {
        let ids = 0..u32::try_from(self.vocab_size).ok()?;
        let lines: Option<String> = ids.map(|id| Some(self.token(id)? + "\n")).collect();
        lines.map(String::into_bytes)
    }

    /// The contents of `tokenizer_config.json`.
    fn configuration(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("tokenizer_class".to_owned(), self.class.name().into());
        let special = &self.special;
        for (key, id) in [
            ("pad_token", Some(special.pad)),
            ("eos_token", special.eos),
            ("unk_token", special.unk),
            ("cls_token", special.cls),
            ("sep_token", special.sep),
            ("mask_token", special.mask),
        ] {
            if let Some(token) = id.and_then(|id| self.token(id)) {
                fields.insert(key.to_owned(), token.into());
            }
        }
        if let (Class::T5, Model::Subword(model)) = (self.class, &self.model) {
            let count = special::num_appended_sentinels(model);
            fields.insert("extra_ids".to_owned(), count.into());
        }
        if let Some(NormalizerWrapper::BertNormalizer(normalizer)) = self.normalizer() {
            fields.insert("do_lower_case".to_owned(), normalizer.lowercase.into());
        }
        fields
    }

    fn normalizer(&self) -> Option<&NormalizerWrapper> {
        match &self.model {
            Model::Subword(model) => model.get_normalizer(),
            Model::Bytes(_) => None,
        }
    }
}

fn from_tokenizer_json(path: PathBuf, config: &TokenizerConfig) -> Result<Tokenizer, DataError> {
    let model = written::parse(&path, &written::read(&path)?)?;
    let class = config.class().unwrap_or(match model.get_model() {
        ModelWrapper::Unigram(_) if !special::sentinels(&model).is_empty() => Class::T5,
        ModelWrapper::WordPiece(_) => Class::Electra,
        _ => Class::AsWritten,
    });
    let model = match model.get_model() {
        ModelWrapper::Unigram(unigram) if class == Class::T5 => {
            let charsmap = t5::charsmap(model.get_normalizer());
            let num_sentinels = special::num_appended_sentinels(&model);
            t5::pipeline(unigram.clone(), charsmap, num_sentinels)
                .map_err(|error| invalid(&path, error))?
        }
        _ => model,
    };
    Tokenizer::subword(model, class, config, &path)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    fs::write(path, bytes).map_err(|source| DataError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, contents) in files {
            fs::write(folder.path().join(name), contents).unwrap();
        }
        folder
    }

    fn error(files: &[(&str, &[u8])]) -> DataError {
        Tokenizer::from_folder(folder(files).path()).unwrap_err()
    }

    #[test]
    fn a_folder_without_a_tokenizer_says_what_was_looked_for() {
        let message = error(&[(
            "config.json",
            br#"{"model_type": "t5", "vocab_size": 32128}"#,
        )])
        .to_string();
        for name in ["tokenizer.json", "spiece.model", "vocab.txt", "config.json"] {
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Tokenizer::from_folder(Path::new("no/such/folder")).unwrap_err();
        assert!(matches!(error, DataError::Read { .. }));
        assert!(error.to_string().contains("no/such/folder"));
    }

    #[test]
    fn byt5_is_known_by_its_class_or_by_its_model() {
        for file in [
            (
                "tokenizer_config.json",
                &br#"{"tokenizer_class": "ByT5Tokenizer"}"#[..],
            ),
            ("config.json", br#"{"model_type": "t5", "vocab_size": 384}"#),
        ] {
            let tokenizer = Tokenizer::from_folder(folder(&[file]).path()).unwrap();
            assert_eq!(tokenizer.vocab_size(), 384);
        }
    }

    #[test]
    fn broken_files_are_named() {
        for (name, contents) in [
            ("tokenizer.json", &b"{}"[..]),
            ("tokenizer.json", b"not json"),
            ("spiece.model", b""),
            ("spiece.model", b"\x0a\xff\xff"),
            ("sentencepiece.model", b"text"),
            ("vocab.txt", b"[PAD]\n[UNK]\n"),
            ("vocab.txt", b"[PAD]\n\xff\n"),
            ("tokenizer_config.json", b"["),
        ] {
            let message = error(&[(name, contents)]).to_string();
            assert!(message.contains(name), "{name}: {message}");
        }
    }

    #[test]
    fn a_vocabulary_may_have_windows_line_breaks() {
        let vocabulary = b"[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\n";
        let tokenizer =
            Tokenizer::from_folder(folder(&[("vocab.txt", vocabulary)]).path()).unwrap();
        assert_eq!(tokenizer.encode("A").unwrap(), [2, 5, 3]);
    }

    #[test]
    fn the_configuration_decides_about_case() {
        let vocabulary = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\n";
        let config = br#"{"do_lower_case": false}"#;
        let folder = folder(&[("vocab.txt", vocabulary), ("tokenizer_config.json", config)]);
        let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
        assert_eq!(tokenizer.encode("A a").unwrap(), [2, 6, 5, 3]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = folder(&[("file", b"")]);
        let error = Tokenizer::byt5()
            .save(&folder.path().join("file/below"))
            .unwrap_err();
        assert!(matches!(error, DataError::Write { .. }));
    }
}
