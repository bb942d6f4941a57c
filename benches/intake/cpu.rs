//! CPU time by the kernel's count, which other work on the machine doesn't change much.

use std::fs;

use nix::sys::resource::{UsageWho, getrusage};

/// Seconds on a core that this process used, or those that it waited for.
pub fn used(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|t| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6)
        .sum()
}

/// Seconds on a core.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// Of a process itself.
    pub own: f64,
    /// Of all that it started: its PostgreSQL.
    pub others: f64,
}

impl Cpu {
    pub fn all(self) -> f64 {
        self.own + self.others
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            own: self.own - before.own,
            others: self.others - before.others,
        }
    }
}

/// What a process and its family have used so far. One that has ended counts with the one that
/// waited for it.
pub fn of_family(pid: i32) -> Cpu {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .unwrap()
        .unwrap() as f64;
    let all: Vec<Process> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(read)
        .collect();
    let mut cpu = Cpu::default();
    let mut family = vec![pid];
    while let Some(member) = family.pop() {
        for process in &all {
            if process.pid == member && member == pid {
                cpu.own += process.own / ticks;
            } else if process.pid == member {
                cpu.others += (process.own + process.ended) / ticks;
            }
            if process.parent == member {
                family.push(process.pid);
            }
        }
    }
    cpu
}

struct Process {
    pid: i32,
    parent: i32,
    own: f64,
    ended: f64,
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
