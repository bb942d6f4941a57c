//! The product as it is delivered, with a PostgreSQL of its own on a folder of its own;
//! server and database on the first core where a rate is measured.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use deskhand::db::embedded::{self, Access, EmbeddedSettings};
use deskhand::domain::ids::SiteId;
use deskhand::domain::keys::{DerivedKey, Purpose, RootSecret};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

use crate::cpu::{self, Cpu};

/// Where everything of a run is.
pub struct Home {
    binary: PathBuf,
    pub dir: PathBuf,
    pub pg_dir: PathBuf,
}

/// A site as its plugin knows it.
pub struct Site {
    pub id: SiteId,
    pub key: DerivedKey,
}

/// A server that runs.
pub struct Running {
    child: Child,
    pub base: String,
}

impl Home {
    pub fn new(binary: PathBuf, dir: PathBuf) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let (xdg, home) = (variable("XDG_CACHE_HOME"), variable("HOME"));
        let cache = embedded::cache_dir(xdg.as_deref(), home.as_deref()).unwrap_or_default();
        let pg_dir = embedded::find_pg_dir(variable("DESKHAND_PG_DIR").as_deref(), &cache)
            .unwrap_or_else(|e| panic!("{e}"));
        let config = format!(
            "data_dir = {:?}\n[server]\nlisten = \"127.0.0.1:0\"\ndemo = false\n",
            dir.join("data")
        );
        fs::write(dir.join("deskhand.toml"), config).unwrap();
        Self { binary, dir, pg_dir }
    }

    /// On these cores: a list as `taskset -c` takes it.
    fn command(&self, cores: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("taskset");
        command
            .args(["-c", cores])
            .arg(&self.binary)
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

    /// Runs a command to its end.
    pub fn run(&self, cores: &str, arguments: &[&str]) -> Output {
        let output = self.command(cores, arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Makes a site.
    pub fn site(&self) -> Site {
        let arguments = ["site", "add", "https://shop.example", "--slug", "shop", "--json"];
        let added: Value = serde_json::from_slice(&self.run("0", &arguments).stdout).unwrap();
        let id = SiteId(added["site_id"].as_str().unwrap().parse().unwrap());
        let secret = hex::decode(added["secret"].as_str().unwrap()).unwrap();
        let root = RootSecret::new(secret.try_into().unwrap());
        Site {
            id,
            key: root.derive(id, Purpose::Webhook),
        }
    }

    /// Starts the server, without a worker, and waits until it is ready.
    pub fn serve(&self) -> Running {
        let mut child = self
            .command("0", &["serve", "--no-worker"])
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

    /// A login to its database, which a server has started.
    pub async fn url(&self, user: &str) -> String {
        let settings = EmbeddedSettings {
            data_dir: self.dir.join("data"),
            pg_dir: self.pg_dir.clone(),
            durable: true,
            wait_for_lock: Duration::from_secs(30),
        };
        let server = embedded::open(&settings, Access::Attach).await.unwrap();
        server.url(user, "deskhand")
    }

    /// A superuser's connection to its database.
    pub async fn superuser(&self) -> PgConnection {
        let options: PgConnectOptions = self.url("postgres").await.parse().unwrap();
        options.connect().await.unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Running {
    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// What the server and its PostgreSQL have used so far.
    pub fn cpu(&self) -> Cpu {
        cpu::of_family(self.pid())
    }

    /// SIGTERM, and its end.
    pub fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        assert!(self.child.wait().unwrap().success());
    }

    /// kill -9; its database goes with it.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }
}

/// Of the last minute and the last five.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// pgbench on the second core: transactions a second of this script.
pub fn pgbench(home: &Home, url: &str, site: SiteId, script: &Path, clients: usize, seconds: u64) -> f64 {
    let output = Command::new("taskset")
        .args(["-c", "1"])
        .arg(home.pg_dir.join("bin/pgbench"))
        .args(["-n", "-M", "prepared", "-j", "1"])
        .args(["-c", &clients.to_string(), "-T", &seconds.to_string()])
        .arg("-f")
        .arg(script)
        .arg(url)
        .env("PGOPTIONS", format!("-c deskhand.site={site}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said.lines()
        .find_map(|l| l.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{said}"))
}
