//! What this process may still take of the host's memory.

use std::fs::read_to_string;
use std::path::Path;

/// Bytes that are free on the machine, or that the process may still ask for under `ulimit -v` or
/// its control groups, whichever is least; none where the system tells none of these as Linux does.
pub(crate) fn available_bytes() -> Option<u64> {
    let read = |path: &str| read_to_string(path).unwrap_or_default();
    let machine = free(&read("/proc/meminfo"));
    let process = address_space(&read("/proc/self/limits"), &read("/proc/self/status"));
    let groups = left_of_groups(Path::new("/sys/fs/cgroup"), &read("/proc/self/cgroup"));
    [machine, process, groups].into_iter().flatten().min()
}

/// `MemAvailable` of proc_meminfo(5).
fn free(meminfo: &str) -> Option<u64> {
    super::kibibytes(meminfo, "MemAvailable:")
}

/// What the limit on the address space leaves over what is taken of it already.
fn address_space(limits: &str, status: &str) -> Option<u64> {
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    let soft: u64 = limit.split_whitespace().next()?.parse().ok()?;
    Some(soft.saturating_sub(super::kibibytes(status, "VmSize:")?))
}

/// The least that the process's control group or one above it leaves (Linux's cgroup v2, mounted at
/// `root`); `membership` is `/proc/self/cgroup`.
fn left_of_groups(root: &Path, membership: &str) -> Option<u64> {
    let group = membership
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))?;
    let groups = Path::new(group).ancestors();
    groups
        .filter_map(|group| left_of_group(&root.join(group)))
        .min()
}

/// `memory.max` less what is in use. Pages of files that were read count as in use there, but make
/// room when somebody asks.
fn left_of_group(group: &Path) -> Option<u64> {
    let read = |name: &str| read_to_string(group.join(name)).ok();
    let [max, current] = ["memory.max", "memory.current"]
        .map(|name| read(name).and_then(|text| text.trim().parse::<u64>().ok()));
    let stat = read("memory.stat").unwrap_or_default();
    let pages = stat.lines().filter_map(|line| line.split_once(' '));
    let of_files = pages.filter(|(name, _)| matches!(*name, "active_file" | "inactive_file"));
    let reclaimable: u64 = of_files
        .filter_map(|(_, bytes)| bytes.parse::<u64>().ok())
        .sum();
    Some(max?.saturating_sub(current?.saturating_sub(reclaimable)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_read_in_its_own_unit() {
        assert_eq!(
            free("MemTotal: 9 kB\nMemAvailable:   4096 kB\n"),
            Some(4 << 20)
        );
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax address space  1048576  unlimited  bytes\n";
        assert_eq!(
            address_space(limits, "VmSize:\t  24 kB\n"),
            Some((1 << 20) - (24 << 10))
        );
    }

    #[test]
    fn no_limit_is_no_number() {
        let limits = "Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(address_space(limits, "VmSize:\t 24 kB\n"), None);
        assert_eq!(free(""), None);
    }

    #[test]
    fn a_control_group_leaves_what_it_or_one_above_allows_and_files_make_room() {
        let root = tempfile::tempdir().unwrap();
        let write = |group: &str, files: [(&str, &str); 3]| {
            let folder = root.path().join(group);
            std::fs::create_dir_all(&folder).unwrap();
            for (name, text) in files {
                std::fs::write(folder.join(format!("memory.{name}")), text).unwrap();
            }
        };
        let stat = "anon 100\nactive_file 200\ninactive_file 50\n";
        write(
            "job",
            [("max", "1000\n"), ("current", "400\n"), ("stat", stat)],
        );
        write(
            "job/step",
            [("max", "max\n"), ("current", "400\n"), ("stat", stat)],
        );
        assert_eq!(left_of_groups(root.path(), "0::/job/step\n"), Some(850));
        assert_eq!(left_of_groups(root.path(), "0::/other\n"), None);
        assert_eq!(left_of_groups(root.path(), "1:memory:/job\n"), None);
    }
}
