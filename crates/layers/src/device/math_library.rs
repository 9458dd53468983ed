//! Where CUDA's mathematical functions are.
//!
//! The CUDA backend compiles kernels on the machine that runs them, and links what has no instruction of its own, such as
//! the exponential function, from a file of the toolkit. It looks in these places alone, and without the file panics at
//! the first kernel.

use std::env;
use std::path::{Path, PathBuf};

/// The file, below the folder of a toolkit.
const FILE: &str = "nvvm/libdevice/libdevice.10.bc";
/// The variable that names the folder, before all others.
const VARIABLE: &str = "CUDA_PATH";
/// The folders of toolkits that distributions and NVIDIA's installer make.
const FOLDERS: [&str; 4] = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr"];

/// Where the file is looked for and is not; `None` where it is.
pub(super) fn missing() -> Option<Vec<PathBuf>> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    missing_below(match &named {
        Some(folder) => vec![folder],
        None => FOLDERS.iter().map(Path::new).collect(),
    })
}

fn missing_below(folders: Vec<&Path>) -> Option<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = folders.iter().map(|folder| folder.join(FILE)).collect();
    (!paths.iter().any(|path| path.is_file())).then_some(paths)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_counts_in_any_of_the_folders() {
        let folder = env::temp_dir().join(format!("lamplight-libdevice-{}", std::process::id()));
        let (empty, full) = (folder.join("empty"), folder.join("full"));
        let file = full.join(FILE);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        assert_eq!(missing_below(vec![&empty, &full]), None);
        assert_eq!(missing_below(vec![&empty]), Some(vec![empty.join(FILE)]));
        fs::remove_dir_all(folder).unwrap();
    }
}
