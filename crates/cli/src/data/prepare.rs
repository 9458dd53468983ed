//! `lamplight data prepare`

use std::io::{Write, stdout};
use std::process::ExitCode;

use lamplight_data::store::{Manifest, Preparation, Prepared};
use lamplight_data::tokenizer::Tokenizer;

use crate::arguments::PrepareArguments;
use crate::console::count;
use crate::console::progress::Progress;

/// Shards named one by one.
const NUM_NAMED: usize = 8;

/// Makes a store, or a share of it.
pub fn run(arguments: &PrepareArguments) -> anyhow::Result<ExitCode> {
    let tokenizer = Tokenizer::from_folder(&arguments.tokenizer)?;
    let files = arguments.documents.files(&arguments.files)?;
    let preparation = Preparation {
        files: &files,
        tokenizer: &tokenizer,
        folder: &arguments.output,
        share: arguments.shard,
        max_bad_fraction: arguments.documents.max_bad_fraction,
        shard_text_bytes: arguments.shard_size << 20,
    };
    let mut progress = Progress::new("preparing", &["tokens"]);
    let prepared = preparation.run(&mut |now| {
        progress.update(now.fraction(), &[now.tokens]);
    });
    progress.finish();
    let store = arguments.output.display();
    match prepared? {
        Prepared::Whole(manifest) => {
            let mut out = stdout().lock();
            writeln!(out, "{}", summary(&manifest))?;
            writeln!(out, "store  {store}")?;
        }
        Prepared::Waiting { missing } => {
            let named: Vec<String> = (missing.iter().take(NUM_NAMED))
                .map(usize::to_string)
                .collect();
            let more = if missing.len() > NUM_NAMED {
                ", ..."
            } else {
                ""
            };
            writeln!(
                stdout(),
                "this share is done; shards {}{more} are still missing in {store}",
                named.join(", ")
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a store holds, in a line.
pub fn summary(manifest: &Manifest) -> String {
    let counts = manifest.counts;
    let unusable = match counts.num_bad {
        0 => String::new(),
        bad => format!(" ({bad} more could not be used)"),
    };
    format!(
        "{} tokens in {} documents{unusable}, {} shards",
        count(manifest.num_tokens as f64),
        count((counts.num_documents - counts.num_bad) as f64),
        manifest.shards.len()
    )
}
