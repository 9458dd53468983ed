//! Where pages may be written.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};

/// Only a page with this title, which an earlier call has written, may be replaced; `option` names another place.
pub fn refuse_other_files(path: &Path, title: &str, option: &str) -> anyhow::Result<()> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
        Ok(bytes) => {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]).into_owned();
            if head.contains(&format!("<title>{title}")) {
                return Ok(());
            }
            bail!(
                "{} exists and is no page of this command; choose another {option}",
                path.display()
            )
        }
    }
}
