//! What the process holds in the host's memory.

/// Bytes of this process that are resident in the host's memory; none where the system does not
/// tell it as Linux does (`VmRSS`, proc_pid_status(5)).
pub fn resident_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_kibibytes() {
        let status = "Name:\tlamplight\nVmHWM:\t    9000 kB\nVmRSS:\t    8192 kB\n";
        assert_eq!(parse(status), Some(8 << 20));
        assert_eq!(parse("Name:\tlamplight\n"), None);
        assert_eq!(parse("VmRSS:\tmany kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_at_least_a_mebibyte() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
