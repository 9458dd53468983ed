//! `cargo xtask llvm`: the distribution's LLVM in the place where the build of the CUDA backend looks for its own.
//!
//! A build dependency of Burn's CUDA backend downloads a prebuilt LLVM from a release page unless it finds one in the
//! user's data folder. Where only package registries can be reached, this puts a folder there that links to the
//! distribution's.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// The package that downloads, and whose version names the folder.
const BUNDLER: &str = "tracel-llvm-bundler";
/// Versions whose C interface the backend builds against, best first.
const VERSIONS: [u32; 2] = [23, 22];
const PACKAGES: &str = "llvm-22-dev libz3-dev libzstd-dev libxml2-dev zlib1g-dev";
/// Tells the build that the folder is complete.
const SENTINEL: &str = ".tracel-llvm-installed";

/// Makes the folder; one that is complete stays as it is.
pub fn run(shell: &Shell) -> Result<()> {
    let lock = shell.read_file("Cargo.lock")?;
    let version = locked_version(&lock)?;
    let folder = data_folder()?.join(format!("tracel/tracel-llvm-{version}"));
    if folder.join(SENTINEL).exists() {
        println!("LLVM is there: {}", folder.display());
        return Ok(());
    }
    let Some(config) = VERSIONS
        .map(|version| format!("llvm-config-{version}"))
        .into_iter()
        .find(|program| cmd!(shell, "{program} --version").quiet().read().is_ok())
    else {
        bail!("no LLVM {VERSIONS:?} is installed; on Debian: apt-get install {PACKAGES}");
    };
    let prefix = PathBuf::from(cmd!(shell, "{config} --prefix").quiet().read()?);
    fill(&folder, &prefix)?;
    println!("LLVM in {} is now {}", folder.display(), prefix.display());
    Ok(())
}

/// The version of the package in a lock file.
fn locked_version(lock: &str) -> Result<&str> {
    let mut lines = lock.lines();
    lines.find(|line| *line == format!("name = \"{BUNDLER}\""));
    let version = lines.next().and_then(|line| {
        let version = line.strip_prefix("version = \"")?;
        version.strip_suffix('"')
    });
    version.with_context(|| format!("Cargo.lock has no {BUNDLER}"))
}

fn data_folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("XDG_DATA_HOME").filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder));
    }
    let home = env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".local/share"))
}

/// The sentinel is written last, so that a folder that was left half made is made again.
fn fill(folder: &Path, prefix: &Path) -> Result<()> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
    for part in ["lib", "include", "share"] {
        let link = folder.join(part);
        if link.is_symlink() {
            fs::remove_file(&link)?;
        }
        link_folder(&prefix.join(part), &link)
            .with_context(|| format!("cannot make {}", link.display()))?;
    }
    let script = bin.join("llvm-config");
    fs::write(&script, config_script(prefix))?;
    make_executable(&script)?;
    fs::write(folder.join(SENTINEL), "")?;
    Ok(())
}

/// Answers like the real program, but names system libraries without their paths, which the build cannot read, and leaves
/// out Polly, whose libraries are a package of their own.
fn config_script(prefix: &Path) -> String {
    let real = prefix.join("bin/llvm-config");
    format!(
        "#!/bin/sh\nset -e\nfound=$('{}' \"$@\")\nprintf '%s\\n' \"$found\" | \
         sed -E 's#/[^ ]*/lib([A-Za-z0-9_+]+)\\.(so|a)#-l\\1#g; s#-lPolly[A-Za-z]*##g'\n",
        real.display()
    )
}

#[cfg(unix)]
fn link_folder(original: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(original, link)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn link_folder(_original: &Path, _link: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package() {
        let lock = "[[package]]\nname = \"tracel-llvm-bundler\"\nversion = \"23.1.0-4\"\n";
        assert_eq!(locked_version(lock).unwrap(), "23.1.0-4");
        assert!(locked_version("[[package]]\nname = \"x\"\n").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_answers_with_libraries_that_can_be_linked() {
        let folder = env::temp_dir().join(format!("lamplight-llvm-{}", std::process::id()));
        let prefix = folder.join("real");
        fs::create_dir_all(prefix.join("bin")).unwrap();
        let real = prefix.join("bin/llvm-config");
        let answer = "-lrt /usr/lib/x86_64-linux-gnu/libz3.so -lPollyISL -lLLVMCore -lz";
        fs::write(&real, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        make_executable(&real).unwrap();
        for _ in 0..2 {
            fill(&folder.join("bundle"), &prefix).unwrap();
        }
        let shell = Shell::new().unwrap();
        let config = folder.join("bundle/bin/llvm-config");
        let found = cmd!(shell, "{config} --libs").quiet().read().unwrap();
        let found: Vec<&str> = found.split_whitespace().collect();
        assert_eq!(found, ["-lrt", "-lz3", "-lLLVMCore", "-lz"]);
        assert!(folder.join("bundle").join(SENTINEL).exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
