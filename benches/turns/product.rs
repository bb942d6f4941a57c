//! The product as it is delivered: the release binary with a PostgreSQL of its own on a
//! folder of its own; and what the kernel says of its processes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deskhand::db::embedded::{self, Access, EmbeddedSettings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

use crate::processes::{processes, ticks};

/// How long a start and a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where everything of a run is.
pub struct Home {
    binary: PathBuf,
    dir: PathBuf,
    pg_dir: PathBuf,
}

/// A server that runs.
pub struct Running {
    child: Child,
    pub base: String,
}

/// Seconds on a core.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    pub server: f64,
    pub database: f64,
}

impl Home {
    /// With this provider; `embeddings` as the setting `embeddings.model` takes it.
    pub fn new(binary: PathBuf, dir: PathBuf, provider: &str, embeddings: Option<&str>) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let (xdg, home) = (variable("XDG_CACHE_HOME"), variable("HOME"));
        let cache = embedded::cache_dir(xdg.as_deref(), home.as_deref()).unwrap_or_default();
        let pg_dir = embedded::find_pg_dir(variable("DESKHAND_PG_DIR").as_deref(), &cache)
            .unwrap_or_else(|e| panic!("{e}"));
        let embeddings = embeddings.map_or(String::new(), |m| format!("[embeddings]\nmodel = \"{m}\"\n"));
        let config = format!(
            "data_dir = {:?}\n[server]\nlisten = \"127.0.0.1:0\"\n{embeddings}[provider]\nbase_url = \"{provider}\"\n\
             model = \"bench\"\napi_key = \"bench\"\nfree = true\n",
            dir.join("data")
        );
        fs::write(dir.join("deskhand.toml"), config).unwrap();
        Self { binary, dir, pg_dir }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(&self.dir)
            .env("DESKHAND_PG_DIR", &self.pg_dir);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("DESKHAND_") && name != "DESKHAND_PG_DIR" || name.starts_with("DATABASE_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Takes a folder into the demo's knowledge base; gives what the tool says.
    pub fn ingest(&self, folder: &Path) -> Value {
        let folder = folder.to_string_lossy();
        let arguments = [
            "ingest",
            "--site",
            "demo",
            "--url-prefix",
            "/kb/",
            "--json",
            &folder,
        ];
        let output = self.command(&arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts it and waits until it is ready.
    pub fn serve(&self) -> Running {
        let mut child = self
            .command(&["serve"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let base = loop {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("it ended:\n{said}"))
                .unwrap();
            let ready = line
                .split("ready: ")
                .nth(1)
                .and_then(|l| l.split_whitespace().next());
            if let Some(base) = ready {
                break base.to_owned();
            }
            said.push_str(&line);
            said.push('\n');
        };
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("  server: {line}");
            }
        });
        Running { child, base }
    }

    /// A superuser's connection to its database.
    pub async fn superuser(&self) -> PgConnection {
        let settings = EmbeddedSettings {
            data_dir: self.dir.join("data"),
            pg_dir: self.pg_dir.clone(),
            durable: true,
            wait_for_lock: Duration::from_secs(5),
        };
        let server = embedded::open(&settings, Access::Attach).await.unwrap();
        let options: PgConnectOptions = server.url("postgres", "deskhand").parse().unwrap();
        options.connect().await.unwrap()
    }
}

impl Running {
    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// What the server and its PostgreSQL have used so far. A process that has ended counts
    /// with the one that waited for it.
    pub fn cpu(&self) -> Cpu {
        let all = processes();
        let ticks = ticks();
        let mut cpu = Cpu::default();
        let mut family = vec![self.pid()];
        while let Some(parent) = family.pop() {
            for process in &all {
                if process.pid == parent && process.pid == self.pid() {
                    cpu.server += process.own / ticks;
                } else if process.pid == parent {
                    cpu.database += (process.own + process.ended) / ticks;
                }
                if process.parent == parent {
                    family.push(process.pid);
                }
            }
        }
        cpu
    }

    /// Its memory in bytes, shared pages by their share.
    pub fn memory(&self) -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid())).unwrap();
        let pss = rollup.lines().find_map(|l| l.strip_prefix("Pss:")).unwrap();
        pss.trim().split(' ').next().unwrap().parse::<u64>().unwrap() << 10
    }

    pub fn stop(mut self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it doesn't stop");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A run that panics leaves no server; PostgreSQL ends with its parent.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds on a core of a process and of all that it started.
pub fn family_cpu(pid: i32) -> f64 {
    let ticks = ticks();
    let all = processes();
    let mut family = vec![pid];
    let mut cpu = 0.0;
    while let Some(member) = family.pop() {
        for process in &all {
            if process.pid == member {
                cpu += (process.own + process.ended) / ticks;
            }
            if process.parent == member {
                family.push(process.pid);
            }
        }
    }
    cpu
}
