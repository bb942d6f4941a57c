//! How much memory there is for this process and its children: the machine's, or less
//! where a container has a limit.

use std::fs;

/// In megabytes; 0 when it can't be told.
pub(super) fn megabytes() -> u64 {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let machine = total(&read("/proc/meminfo")).unwrap_or(0);
    // A process in a container sees its own control group as the root.
    let limits = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .map(|path| read(path).trim().parse::<u64>().ok());
    let bytes = limits.into_iter().flatten().fold(machine << 10, u64::min);
    bytes >> 20
}

/// The kilobytes that `/proc/meminfo` says.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory() {
        assert_eq!(
            total("MemTotal:       24576000 kB\nMemFree: 1 kB\n"),
            Some(24_576_000)
        );
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(megabytes() > 0);
    }
}
