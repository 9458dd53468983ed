//! `--explain`: a page beside the answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use lamplight_data::atomic_file;
use lamplight_pipelines::explain::{EXPLANATION_TITLE, Explanation, MAX_EXPLAINED, page};

use crate::interrupt;
use crate::pages::refuse_other_files;

/// Whether answers are explained.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Write a page, too, that explains the answers to the first 20 texts: which tokens count, and where the layers looked
    #[arg(long, value_name = "PAGE.html")]
    pub explain: Option<PathBuf>,
}

/// What will stand on the page.
#[derive(Debug)]
pub struct Explanations<'a> {
    path: &'a Path,
    /// By the number of the text.
    explained: BTreeMap<usize, Explanation>,
    /// Explained or not.
    num_texts: usize,
}

impl<'a> Explanations<'a> {
    /// For a page at `path`, which may be written as far as can be told.
    pub fn at(path: &'a Path) -> anyhow::Result<Self> {
        let folder = path.parent().unwrap_or(path);
        if !folder.as_os_str().is_empty() && !folder.is_dir() {
            bail!("--explain: {} is no folder", folder.display());
        }
        refuse_other_files(path, EXPLANATION_TITLE, "--explain")?;
        Ok(Self {
            path,
            explained: BTreeMap::new(),
            num_texts: 0,
        })
    }

    /// Adds the `number`-th text, counted from zero, if it is one of the first.
    pub fn add(
        &mut self,
        number: usize,
        explain: impl FnOnce() -> anyhow::Result<Explanation>,
    ) -> anyhow::Result<()> {
        self.num_texts += 1;
        if number < MAX_EXPLAINED && !interrupt::is_requested() {
            self.explained.insert(number, explain()?);
        }
        Ok(())
    }

    /// Writes the page.
    pub fn write(self) -> anyhow::Result<()> {
        let explained: Vec<Explanation> = self.explained.into_values().collect();
        let page = page(&explained, self.num_texts);
        Ok(atomic_file::write(self.path, page.as_bytes())?)
    }
}
