//! A file system that a test can fill up or make read-only.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A small file system of its own; gone when dropped.
pub struct SmallDisk {
    /// Where it is mounted.
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, said on stderr, where file systems cannot be mounted: not as root, or not on Linux.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        fs::create_dir(&path).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self {
                path,
                _folder: folder,
            });
        }
        eprintln!("not tested: this user cannot mount file systems");
        None
    }

    /// Changes its mount options.
    pub fn remount(&self, options: &str) {
        let remounted = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.path)
            .status();
        assert!(remounted.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
    }
}
