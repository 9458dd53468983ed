//! `lamplight fill-mask`

use std::num::NonZeroUsize;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use lamplight_pipelines::{Family, Filling, MaskFiller, PipelineError, SpanFiller};

use super::{GENERATION_WINDOW_BYTES, Job, TextPipeline, texts};
use crate::texts::inputs::Input;
use crate::texts::{TextArguments, model_folder};

/// What is filled.
pub(super) const MASK: &str = "[MASK]";

/// `fill-mask`
#[derive(Debug, Args)]
pub struct FillMaskArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// Fillings of each mask by an ELECTRA, best first [default: 1; with --json 5]
    #[arg(long, value_name = "K")]
    pub top_k: Option<NonZeroUsize>,
}

/// Fills each [MASK] of each text; with a T5 each sentinel.
pub fn run(arguments: &FillMaskArguments) -> anyhow::Result<ExitCode> {
    let mut job = Job::new(&arguments.texts, "filling");
    // What comes out is as wide as the vocabulary.
    job.window_bytes = GENERATION_WINDOW_BYTES;
    let model = &arguments.texts.model;
    model_folder::check(model)?;
    if Family::of_folder(model)? == Some(Family::T5) {
        if arguments.top_k.is_some() {
            bail!("--top-k is for an ELECTRA; a T5 fills all places of a text at once");
        }
        return job.run(|folder, device| Ok(SpanFiller::from_pretrained(folder, device)?));
    }
    let default_top_k = if job.is_json { 5 } else { 1 };
    let top_k = arguments.top_k.map_or(default_top_k, usize::from);
    job.run(|folder, device| Ok(MaskFiller::from_pretrained(folder, device)?.top_k(top_k)))
}

impl TextPipeline for MaskFiller {
    const KEY: &'static str = "fillings";
    /// Of each mask.
    type Answer = Vec<Vec<Filling>>;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<Vec<Vec<Filling>>>, PipelineError> {
        self.fill(&texts(inputs))
    }

    /// The filled texts, a tab between each two. Of several masks each is filled by itself, and the text
    /// stays as it was given around them.
    fn line(&self, input: &Input, masks: &Vec<Vec<Filling>>) -> String {
        if let [fillings] = masks.as_slice() {
            let filled = fillings.iter().map(|filling| filling.text.as_str());
            return filled.collect::<Vec<_>>().join("\t");
        }
        let num_ranks = masks.first().map_or(0, Vec::len);
        let filled = (0..num_ranks).map(|rank| {
            let tokens = masks.iter().map(|fillings| fillings[rank].token.as_str());
            filled(&input.text, tokens)
        });
        filled.collect::<Vec<_>>().join("\t")
    }
}

/// `text` with tokens in the places of its masks.
fn filled<'a>(text: &str, mut tokens: impl Iterator<Item = &'a str>) -> String {
    let mut parts = text.split(MASK);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        filled.push_str(tokens.next().unwrap_or(MASK));
        filled.push_str(part);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_where_the_masks_were() {
        let fill = |text: &str| filled(text, ["Anna", "Paris"].into_iter());
        assert_eq!(fill("[MASK] lives in [MASK]."), "Anna lives in Paris.");
        assert_eq!(fill("[MASK][MASK][MASK]"), "AnnaParis[MASK]");
        assert_eq!(fill("no mask"), "no mask");
    }
}
