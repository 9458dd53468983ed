//! What this process may still take of the host's memory.

/// Bytes that are free on the machine, or that the process may still ask for under `ulimit -v` or
/// its control group, whichever is least; none where the system tells none of these as Linux does.
pub(crate) fn available_bytes() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let group = "/sys/fs/cgroup/memory";
    [
        free(&read("/proc/meminfo")),
        address_space(&read("/proc/self/limits"), &read("/proc/self/status")),
        left_of_group(
            &read(&format!("{group}.max")),
            &read(&format!("{group}.current")),
        ),
    ]
    .into_iter()
    .flatten()
    .min()
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

/// `memory.max` less `memory.current`, both in bytes (Linux's cgroup v2).
fn left_of_group(max: &str, current: &str) -> Option<u64> {
    let [max, current] = [max, current].map(|text| text.trim().parse::<u64>().ok());
    Some(max?.saturating_sub(current?))
}

#[cfg(test)]
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
        assert_eq!(left_of_group("1000\n", "400\n"), Some(600));
    }

    #[test]
    fn no_limit_is_no_number() {
        let limits = "Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(address_space(limits, "VmSize:\t 24 kB\n"), None);
        assert_eq!(left_of_group("max\n", "400\n"), None);
        assert_eq!(free(""), None);
    }
}
