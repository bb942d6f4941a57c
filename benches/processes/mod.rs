//! Processes as the kernel counts them: whose child each is, and its CPU time.

use std::fs;

/// A process, its times in the kernel's [`ticks`].
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// Its own.
    pub own: f64,
    /// Of its children that have ended.
    pub ended: f64,
}

/// The kernel's units of CPU time in a second.
pub fn ticks() -> f64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .unwrap()
        .unwrap() as f64
}

/// All processes that there are.
pub fn processes() -> Vec<Process> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(read)
        .collect()
}

fn read(entry: fs::DirEntry) -> Option<Process> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
    // The name may hold anything; the state comes after it, then numbers.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let number = |n: usize| fields.get(n)?.parse::<f64>().ok();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        own: number(11)? + number(12)?,
        ended: number(13)? + number(14)?,
    })
}
