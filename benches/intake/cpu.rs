//! CPU time by the kernel's count, which other work on the machine doesn't change much.

use nix::sys::resource::{UsageWho, getrusage};

use crate::processes::{processes, ticks};

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
    let (ticks, all) = (ticks(), processes());
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
