//! Where things lie when nobody says otherwise. As root under /var, since the own
//! PostgreSQL runs as another user, who can't enter /root; else in the user's folders.

use std::path::PathBuf;

use crate::db::embedded::cache_dir;

/// Folders by default.
pub(super) struct Dirs {
    /// For the database and keys.
    pub data: Option<PathBuf>,
    /// For downloaded programs.
    pub cache: Option<PathBuf>,
}

impl Dirs {
    pub(super) fn find(environment: &[(String, String)]) -> Self {
        let absolute = |name: &str| {
            environment
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| PathBuf::from(v))
                .filter(|p| p.is_absolute())
        };
        let home = absolute("HOME");
        let cache = cache_dir(absolute("XDG_CACHE_HOME").as_deref(), home.as_deref());
        let data = if nix::unistd::geteuid().is_root() {
            Some(PathBuf::from("/var/lib/deskhand"))
        } else {
            absolute("XDG_DATA_HOME")
                .or_else(|| home.map(|h| h.join(".local/share")))
                .map(|d| d.join("deskhand"))
        };
        Self { data, cache }
    }
}

/// A program that the system has.
pub(super) fn program(name: &str, environment: &[(String, String)]) -> Option<PathBuf> {
    let path = environment
        .iter()
        .find(|(n, _)| n == "PATH")
        .map(|(_, v)| v.as_str());
    std::env::split_paths(path.unwrap_or_default())
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The process's environment; names or values that aren't UTF-8 can't be ours.
#[expect(
    clippy::disallowed_methods,
    reason = "this is config, the one room that reads it"
)]
pub(super) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)))
        .collect()
}
