//! The product's own binary in a process of its own, with its own data folder: for what a
//! kill, a full disk or a second start shows.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::postgres;

/// A server may take this long to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server that carries a turn on takes its time on a busy machine; where a visitor's patience isn't
/// what is looked at, its clocks don't end the turn before.
pub const PATIENT: [(&str, &str); 5] = [
    ("DESKHAND_AGENT_PLAN_MS", "60000"),
    ("DESKHAND_AGENT_TOOL_MS", "60000"),
    ("DESKHAND_AGENT_FIRST_MS", "120000"),
    ("DESKHAND_AGENT_STALL_MS", "60000"),
    ("DESKHAND_AGENT_TURN_MS", "240000"),
];

/// A data folder, and the environment that the binary gets with it.
pub struct Home {
    pub dir: PathBuf,
}

impl Home {
    pub fn new(name: &str) -> Self {
        Self {
            dir: postgres::folder(name),
        }
    }

    /// The binary with only this environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
        command
            .args(arguments)
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            // Most of what these tests are about needs no model; who needs one says so.
            .env("DESKHAND_EMBEDDINGS_MODEL", "none")
            .env("HOME", &self.dir)
            .env("DESKHAND_DATA_DIR", self.dir.join("data"))
            .env("DESKHAND_PG_DIR", postgres::pg_dir())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must work, and gives its output as JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{arguments:?} gives no JSON ({e}): {said}"))
    }

    /// Starts a server on a free port and waits until it is ready.
    pub fn serve(&self, environment: &[(&str, &str)]) -> Running {
        self.serve_with(&[], environment)
    }

    /// The same with more arguments.
    pub fn serve_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        self.start(arguments, environment)
            .unwrap_or_else(|said| panic!("the server doesn't start:\n{said}"))
    }

    /// The same; what it said when it ended instead.
    pub fn try_serve(&self, environment: &[(&str, &str)]) -> Result<Running, String> {
        self.start(&[], environment)
    }

    fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Running, String> {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let (start, mut said) = (Instant::now(), String::new());
        loop {
            match told.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    let ready = line
                        .split("ready: ")
                        .nth(1)
                        .and_then(|l| l.split_whitespace().next());
                    if let Some(base) = ready {
                        return Ok(Running {
                            child,
                            base: base.to_owned(),
                            first: said,
                            said: told,
                        });
                    }
                    said.push_str(&line);
                    said.push('\n');
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let _ = child.wait();
                    return Err(said);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if start.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("not ready in time\n{said}"));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The server process's PostgreSQL, by its pid file.
    pub fn postmaster(&self) -> Option<i32> {
        find(&self.dir.join("data"), "postmaster.pid")
            .and_then(|path| std::fs::read_to_string(path).ok())
            .and_then(|text| text.lines().next()?.trim().parse().ok())
    }
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if entry.file_name() == name {
            return Some(path);
        }
        // The cluster's folder is two levels down at most; its own folders are many.
        if path.is_dir()
            && path.components().count() < dir.components().count() + 2
            && let Some(found) = find(&path, name)
        {
            return Some(found);
        }
    }
    None
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A server process.
pub struct Running {
    pub child: Child,
    pub base: String,
    /// What it said until it was ready.
    first: String,
    // What it says later is taken from the pipe, lest it stop writing.
    said: mpsc::Receiver<String>,
}

impl Running {
    /// kill -9
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and its exit.
    pub fn stop(mut self) -> std::process::ExitStatus {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap()
    }

    /// SIGTERM, and all that it ever said.
    pub fn stop_and_hear(mut self) -> String {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
        let mut said = std::mem::take(&mut self.first);
        // Ends with the pipe.
        for line in self.said.iter() {
            said.push_str(&line);
            said.push('\n');
        }
        said
    }

    /// Waits until it has died by itself.
    pub fn wait(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
