//! `lamplight data fetch`

use std::collections::BTreeMap;
use std::fs;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use lamplight_data::dataset::{FetchRequest, FilesManifest, Hub, MANIFEST, fetch};
use lamplight_data::{DataError, atomic_file};

use crate::arguments::FetchArguments;
use crate::console::progress::Progress;

/// Downloads a data set, or goes on with it.
pub fn run(arguments: &FetchArguments) -> anyhow::Result<ExitCode> {
    let output = &arguments.output;
    let manifest = match arguments.dataset.starts_with("hub:") {
        true => None,
        false => Some(FilesManifest::read(Path::new(&arguments.dataset))?),
    };
    let request = request(arguments, manifest.as_ref())?;
    let mut progress = Progress::new("fetching", &["bytes"]);
    let fetched = fetch(&request, output, &mut |now| {
        let fraction = now.bytes_done as f64 / now.bytes_total.max(1) as f64;
        progress.update(fraction, &[now.bytes_done]);
    });
    progress.finish();
    let files = fetched?;
    let mut out = stdout().lock();
    writeln!(out, "{} files, every checksum right", files.len())?;
    if manifest.is_some() {
        // So that the folder stands for the data set wherever one is named.
        let path = Path::new(&arguments.dataset);
        let text = fs::read(path).map_err(|source| DataError::Read {
            path: path.to_owned(),
            source,
        })?;
        atomic_file::write(&output.join(MANIFEST), &text)?;
        writeln!(out, "data set  {}", output.display())?;
    } else {
        for file in files {
            writeln!(out, "{}", file.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn request(
    arguments: &FetchArguments,
    manifest: Option<&FilesManifest>,
) -> anyhow::Result<FetchRequest> {
    let Some(manifest) = manifest else {
        return Ok(FetchRequest {
            hub: Hub::from_env(),
            repository: arguments.dataset.parse()?,
            include: arguments.include.clone(),
            sha256: BTreeMap::new(),
        });
    };
    if !arguments.include.is_empty() {
        anyhow::bail!(
            "--include is for hub:OWNER/NAME; {} names its files",
            manifest.name
        )
    }
    let request = FetchRequest::of_manifest(manifest, Hub::from_env())?;
    request.ok_or_else(|| anyhow::anyhow!("{} names no repository of the hub", manifest.name))
}
