//! What the process holds in the host's memory, what it may still take, and what a run will need.

mod available;
mod footprint;

pub(crate) use available::available_bytes;
pub(crate) use footprint::{Footprint, Rows, electra, electra_encoder, t5};

/// Bytes of this process that are resident in the host's memory; none where the system does not
/// tell it as Linux does (`VmRSS`, proc_pid_status(5)).
pub fn resident_bytes() -> Option<u64> {
    of_this_process("VmRSS:")
}

/// The most that was resident since the start of the process or the last [`forget_peak`] (`VmHWM`).
pub fn peak_resident_bytes() -> Option<u64> {
    of_this_process("VmHWM:")
}

/// Lets [`peak_resident_bytes`] begin anew (proc_pid_clear_refs(5)); does nothing where the system
/// has no such thing.
pub fn forget_peak() {
    // Without it a later peak is the highest of all, which is still true.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn of_this_process(name: &str) -> Option<u64> {
    kibibytes(&std::fs::read_to_string("/proc/self/status").ok()?, name)
}

/// The value of a line of Linux's `NAME: NUMBER kB`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_kibibytes() {
        let status = "Name:\tlamplight\nVmHWM:\t    9000 kB\nVmRSS:\t    8192 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(8 << 20));
        assert_eq!(kibibytes("Name:\tlamplight\n", "VmRSS:"), None);
        assert_eq!(kibibytes("VmRSS:\tmany kB\n", "VmRSS:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_at_least_a_mebibyte() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
