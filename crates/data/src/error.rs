//! What can go wrong between a file of text and a batch.

use std::{
    any::Any,
    io,
    path::{Path, PathBuf},
};

use crate::source::TextFile;

/// Every failure of this crate. Variants name the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The stream broke off inside a compressed file: truncated or damaged.
    #[error("{} is damaged or truncated after line {line}: {source}", path.display())]
    Damaged {
        /// The compressed file.
        path: PathBuf,
        /// Whole lines that could be read before the damage.
        line: u64,
        /// What the decompressor said.
        source: io::Error,
    },
    /// A line is not UTF-8.
    #[error("{}:{line}: invalid UTF-8", path.display())]
    InvalidUtf8 {
        /// The file.
        path: PathBuf,
        /// Line, counted from one.
        line: u64,
    },
    /// A line of a JSON Lines file is not JSON.
    #[error("{}:{line}: invalid JSON: {source}", path.display())]
    InvalidJson {
        /// The file.
        path: PathBuf,
        /// Line, counted from one.
        line: u64,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A record has no string in the field of the text.
    #[error("{}:{line}: no string field \"{field}\"", path.display())]
    MissingText {
        /// The file.
        path: PathBuf,
        /// Line, of a Parquet file row, counted from one.
        line: u64,
        /// The field.
        field: String,
    },
    /// A record is no input with its target.
    #[error("{}:{line}: not an input with its target: {reason}", path.display())]
    InvalidPair {
        /// The file.
        path: PathBuf,
        /// Line, counted from one.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A labelled record cannot be used.
    #[error("{}:{line}: {reason}", path.display())]
    InvalidRecord {
        /// The file.
        path: PathBuf,
        /// Line it starts at, of a Parquet file row, counted from one.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A question of a SQuAD file cannot be used.
    #[error("{}: question {id}: {reason}", path.display())]
    InvalidQuestion {
        /// The file.
        path: PathBuf,
        /// What the file calls the question.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line, or a block of plain text, is longer than a reader accepts.
    #[error("{}:{line}: longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Line, counted from one.
        line: u64,
        /// The longest line or block accepted, in bytes.
        limit: usize,
    },
    /// A path or a pattern names no file.
    #[error("no file matches \"{}\"", pattern.display())]
    NoFiles {
        /// The path or pattern as given.
        pattern: PathBuf,
    },
    /// A pattern is not a valid glob.
    #[error("invalid pattern {}: {source}", pattern.display())]
    InvalidPattern {
        /// The pattern as given.
        pattern: PathBuf,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// A folder holds none of the files a tokenizer can be read from.
    #[error(
        "no tokenizer in {}: looked for tokenizer.json, spiece.model, sentencepiece.model, vocab.txt, \
         and for ByT5 named in tokenizer_config.json or config.json",
        folder.display()
    )]
    NoTokenizer {
        /// The folder.
        folder: PathBuf,
    },
    /// A tokenizer's file cannot be used.
    #[error("{}: {reason}", path.display())]
    InvalidTokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Tokenising or detokenising a text failed.
    #[error("tokenization failed: {source}")]
    Tokenization {
        /// What the tokenizer said.
        source: tokenizers::Error,
    },
    /// A pair cannot be cut to a length that does not even hold its special tokens.
    #[error(
        "a maximum length of {max_length} does not hold the {num_special} special tokens of a pair"
    )]
    PairTooShort {
        /// The length asked for.
        max_length: usize,
        /// Special tokens around a pair.
        num_special: usize,
    },
    /// A tokenizer could not be trained.
    #[error("cannot train a tokenizer: {reason}")]
    TokenizerTraining {
        /// What is wrong with the texts or the size asked for.
        reason: String,
    },
    /// A document of a file cannot be used.
    #[error("{}:{line}: {source}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Line the document starts at, counted from one.
        line: u64,
        /// What is wrong with it.
        source: Box<DataError>,
    },
    /// Too many records of some files cannot be used.
    #[error("{bad} of {total} documents cannot be used; the first: {first}")]
    TooManyBadDocuments {
        /// Documents that cannot be used.
        bad: u64,
        /// Documents in all, those without text not counted.
        total: u64,
        /// What is wrong with the first.
        first: Box<DataError>,
    },
    /// The files of a corpus hold no text.
    #[error("no text in {} (the first of {num_files} files read)", path.display())]
    NoText {
        /// The first file.
        path: PathBuf,
        /// Number of files.
        num_files: usize,
    },
    /// A corpus does not hold enough for one example.
    #[error("the corpus is too small: it does not hold one example")]
    EmptyCorpus,
    /// An example has no tokens on one of its sides.
    #[error("example {index} (counted from zero) has an empty input or target")]
    EmptyExample {
        /// Place of the example.
        index: usize,
    },
    /// The parts of an example do not correspond, or not to those of the others.
    #[error("example {index} (counted from zero): {reason}")]
    InvalidExample {
        /// Place of the example.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An id has no row in the vocabulary.
    #[error("token id {id} is past the vocabulary of {vocab_size} ids")]
    IdPastVocabulary {
        /// The id.
        id: u32,
        /// One past the highest id allowed.
        vocab_size: usize,
    },
    /// A text has too few tokens for the objective.
    #[error("a text of {tokens} tokens cannot be corrupted: 2 are needed")]
    TextTooShort {
        /// Tokens of the text.
        tokens: usize,
    },
    /// The tokenizer has fewer sentinels than a text has spans.
    #[error(
        "the objective needs {spans} sentinels and the tokenizer has {sentinels}: \
         shorten the inputs, lower noise_density or raise mean_span_length"
    )]
    NotEnoughSentinels {
        /// Spans of the text.
        spans: usize,
        /// Sentinels of the tokenizer.
        sentinels: usize,
    },
    /// The tokenizer lacks a token that the objective needs.
    #[error("the tokenizer has no {token} token")]
    MissingSpecialToken {
        /// The token.
        token: &'static str,
    },
    /// A setting of an objective or a loader is out of range.
    #[error("{key} = {value}: expected {expected}")]
    InvalidSetting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The system gave no thread.
    #[error("cannot start a thread: {source}")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// A thread of a loader panicked.
    #[error("the loader panicked at {place}: {message}")]
    LoaderPanicked {
        /// The panic's message.
        message: String,
        /// What was being read.
        place: String,
    },
    /// A loader gave no batch for too long.
    #[error("the loader gave no batch for {seconds} s: it hangs at {place}")]
    LoaderStalled {
        /// How long the reader waited.
        seconds: f64,
        /// What was being read.
        place: String,
    },
    /// A file or folder of a prepared store cannot be used.
    #[error("{}: {reason}", path.display())]
    InvalidStore {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// A document is too long for its examples to be listed.
    #[error("a document of {tokens} tokens is too long: 4294967295 at most")]
    DocumentTooLong {
        /// Tokens of the document.
        tokens: usize,
    },
    /// A record lacks what a task's text is made of.
    #[error("the record has no field \"{field}\", which the task {task} needs")]
    MissingField {
        /// The task.
        task: String,
        /// The field.
        field: &'static str,
    },
    /// A field of a record does not hold what a task's text is made of.
    #[error("task {task}: {field} = {value}: expected {expected}")]
    InvalidField {
        /// The task.
        task: String,
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it should.
        expected: String,
    },
    /// A name is none of the tasks'.
    #[error("unknown task \"{name}\": expected one of {expected}")]
    UnknownTask {
        /// The name.
        name: String,
        /// The names there are.
        expected: String,
    },
    /// Words and their labels do not correspond.
    #[error("{labels} labels for {words} words")]
    LabelCount {
        /// Number of words.
        words: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A label is none that can be learnt or scored here.
    #[error("label \"{label}\": expected {expected}")]
    UnexpectedLabel {
        /// The label.
        label: String,
        /// What it should be.
        expected: String,
    },
    /// Two classes have one name.
    #[error("two classes are called \"{name}\"")]
    RepeatedLabelName {
        /// The name.
        name: String,
    },
    /// A text has a NUL character in it.
    #[error("{}:{line}: a NUL character: is this text, and in UTF-8?", path.display())]
    HoldsNul {
        /// The file.
        path: PathBuf,
        /// Line, of a Parquet file row, counted from one.
        line: u64,
    },
    /// A row of CSV or TSV has more or fewer fields than the header.
    #[error("{}:{line}: {found} fields, the header has {expected}", path.display())]
    WrongFieldCount {
        /// The file.
        path: PathBuf,
        /// Line the row starts at, counted from one.
        line: u64,
        /// Fields of the header.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// A file of columns lacks one that is asked for.
    #[error("{} has no column \"{column}\"; it has: {columns}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// Those that are there.
        columns: String,
    },
    /// A column is of a kind that cannot be read.
    #[error("{}: column \"{column}\": {reason}", path.display())]
    UnreadableColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A format was left out of this build.
    #[error("{}: built without the feature \"{feature}\" of lamplight-data, which reads it", path.display())]
    MissingFeature {
        /// The file.
        path: PathBuf,
        /// The feature of the crate.
        feature: &'static str,
    },
    /// The manifest of a data set, or the lock beside its files, cannot be used.
    #[error("{}: {reason}", path.display())]
    InvalidManifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it, with the place.
        reason: String,
    },
    /// A data set has no such split.
    #[error("the data set {dataset} has no split \"{split}\"; it has: {splits}")]
    NoSplit {
        /// Name of the data set.
        dataset: String,
        /// The split asked for.
        split: String,
        /// Those that are there.
        splits: String,
    },
    /// A file of a data set is not the one that the manifest, the hub or an earlier fetch describes.
    #[error("{}: expected SHA-256 {expected}, found {found}", path.display())]
    WrongChecksum {
        /// The file.
        path: PathBuf,
        /// SHA-256 in hexadecimal as it should be.
        expected: String,
        /// As it is.
        found: String,
    },
    /// What should name a data set or a model on the hub does not.
    #[error(
        "\"{name}\": expected hub:OWNER/NAME for a data set or OWNER/NAME for a model, also with @REVISION"
    )]
    InvalidRepository {
        /// The name as given.
        name: String,
    },
    /// A repository of the hub holds no model that can be read here.
    #[error("{repository} has no {missing}, so it is no model that can be read here")]
    NotAModel {
        /// The repository.
        repository: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// There is nowhere to keep what is fetched.
    #[error("there is no folder for models of the hub: set XDG_CACHE_HOME or HOME")]
    NoCacheFolder,
    /// A repository lists a file that would be written outside its folder.
    #[error("{repository} lists \"{path}\", which is no path inside a folder: nothing was fetched")]
    UnsafePath {
        /// The repository.
        repository: String,
        /// The path.
        path: String,
    },
    /// The hub could not be asked, or did not answer as it should.
    #[error("{url}: {reason}")]
    Fetch {
        /// What was asked for.
        url: String,
        /// What went wrong, and the way out where there is one.
        reason: String,
    },
}

impl DataError {
    /// That these files hold no text.
    pub fn no_text(files: &[TextFile]) -> Self {
        let path = files.first().map(|file| file.path.clone());
        Self::NoText {
            path: path.unwrap_or_default(),
            num_files: files.len(),
        }
    }

    /// What the system said when a file or folder was to be written.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
