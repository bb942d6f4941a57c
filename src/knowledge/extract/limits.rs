//! What a process that reads a foreign file may use. Set from inside, before the first
//! byte of the file is looked at; what it starts inherits them.

use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

/// Open files: the pipes, and what poppler needs for its fonts.
const FILES: u64 = 64;

/// Gives up what reading doesn't need, for good.
///
/// `memory` is in bytes, beyond what the process has mapped already. `parent` is who waits for the
/// result: without it the process ends.
///
/// # Errors
/// When the system refuses, or the parent is gone.
pub fn lower(memory: u64, parent: i32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have gone before the line above.
    if getppid() != Pid::from_raw(parent) {
        return Err(io::Error::other("the parent is gone"));
    }
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES)?;
    let space = mapped()?.saturating_add(memory);
    setrlimit(Resource::RLIMIT_AS, space, space)?;
    Ok(())
}

/// Ends the process, and what it starts, after so many seconds of processor time.
///
/// # Errors
/// When the system refuses.
pub fn allow_once(seconds: u64) -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CPU, seconds, seconds + 1)?;
    Ok(())
}

/// Ends the process after so many more seconds of processor time, unless they are allowed again
/// before.
///
/// # Errors
/// When the system refuses.
pub fn allow(seconds: u64) -> io::Result<()> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let used = usage.user_time().tv_sec() + usage.system_time().tv_sec();
    let end = u64::try_from(used).unwrap_or(0).saturating_add(seconds);
    let (_, most) = getrlimit(Resource::RLIMIT_CPU)?;
    setrlimit(Resource::RLIMIT_CPU, end.min(most), most)?;
    Ok(())
}

/// The address space that is in use, in bytes: the program itself, mostly.
fn mapped() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| io::Error::other("/proc/self/statm has another form"))?;
    Ok(pages.saturating_mul(4096))
}
