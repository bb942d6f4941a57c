//! A program as our child, started by a thread that lives as long as it does: the kernel
//! can then end the one when the other is killed. The thread keeps the end of what the
//! program says, and its process id can't come to mean another process while we hold it.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use super::log::{self, Tail};

/// A running program. Dropping it asks the program to end (SIGINT).
#[derive(Debug)]
pub(super) struct Child {
    process: Arc<Process>,
    exit: watch::Receiver<Option<ExitStatus>>,
    said: Tail,
}

#[derive(Debug)]
struct Process {
    pid: Pid,
    /// Set in the moment in which the process id becomes free for somebody else.
    reaped: Mutex<bool>,
}

/// What happens to the program when this process is killed.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnOurDeath(pub(super) Signal);

impl Child {
    /// Starts `command`. What it says goes to `log`, where one is named; `after` runs when
    /// it has ended, before anybody learns of it.
    pub(super) async fn spawn(
        mut command: Command,
        on_our_death: OnOurDeath,
        log: Option<PathBuf>,
        after: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        command.stdin(Stdio::null());
        die_with_parent(&mut command, on_our_death.0);
        let said = Tail::default();
        let (exit_sender, exit) = watch::channel(None);
        let (started_sender, started) = oneshot::channel();
        let watcher = Watcher {
            exit: exit_sender,
            said: said.clone(),
            log,
        };
        std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || watcher.run(command, started_sender, after))?;
        // The thread answers before anything that could end it.
        let process = started
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self { process, exit, said })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid.as_raw().cast_unsigned()
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Its last lines.
    pub(super) fn said(&self) -> String {
        self.said.text()
    }

    /// Resolves when it has ended, with its last lines.
    pub(super) fn ended(&self) -> impl Future<Output = (ExitStatus, String)> + Send + 'static + use<> {
        let (mut exit, said) = (self.exit.clone(), self.said.clone());
        async move {
            match exit.wait_for(Option::is_some).await.map(|status| *status) {
                Ok(Some(status)) => (status, said.text()),
                // The thread always sends before it ends.
                Ok(None) | Err(_) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.signal(Signal::SIGINT);
    }
}

impl Process {
    fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // An unreaped child of ours exists, if only as a zombie, so this can't miss.
            let _ = kill(self.pid, signal);
        }
    }
}

/// The thread, the parent in the kernel's eyes.
struct Watcher {
    exit: watch::Sender<Option<ExitStatus>>,
    said: Tail,
    log: Option<PathBuf>,
}

impl Watcher {
    fn run(
        self,
        mut command: Command,
        started: oneshot::Sender<io::Result<Arc<Process>>>,
        after: impl FnOnce(),
    ) {
        let spawned = (|| {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            command.spawn().map(|child| (child, reader))
        })();
        // It holds the pipe's writing end, without whose closing the reader sees no end.
        drop(command);
        let (mut child, reader) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let copied = log::follow(reader, self.log, self.said);
        let process = Arc::new(Process {
            pid: Pid::from_raw(child.id().cast_signed()),
            reaped: Mutex::new(false),
        });
        if started.send(Ok(Arc::clone(&process))).is_err() {
            // Nobody waits for it any more.
            process.signal(Signal::SIGINT);
        }
        // WNOWAIT leaves it unreaped, so that its process id stays its own until we say so.
        while waitid(Id::Pid(process.pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {
        }
        let status = {
            let mut reaped = process.reaped.lock().unwrap_or_else(PoisonError::into_inner);
            *reaped = true;
            child.wait()
        };
        if let Ok(copied) = copied {
            copied.wait(Duration::from_millis(500));
        }
        after();
        // wait() fails only for a child that somebody else reaped; then nobody knows.
        self.exit.send_replace(Some(status.unwrap_or_default()));
    }
}

/// Lets the kernel send `signal` to the command's process when the *thread* that starts it
/// ends, as all threads do when this process is killed.
#[expect(unsafe_code, reason = "a hook between fork and exec can't be had otherwise")]
fn die_with_parent(command: &mut Command, signal: Signal) {
    let parent = Pid::this();
    let hook = move || {
        nix::sys::prctl::set_pdeathsig(signal)?;
        if nix::unistd::getppid() != parent {
            // It was killed before the kernel knew of our wish.
            return Err(io::Error::from(Errno::ESRCH));
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe functions may run: the hook
    // makes two plain system calls (prctl, getppid) and neither allocates nor locks; an
    // io::Error made from an error number doesn't allocate either.
    unsafe {
        command.pre_exec(hook);
    }
}
