//! Where things lie when nobody says otherwise. As root under /var, since the own
//! PostgreSQL runs as another user, who can't enter /root; else in the user's folders.

use std::path::PathBuf;

/// Folders by default.
pub(super) struct Dirs {
    /// For the database and keys.
    pub data: Option<PathBuf>,
    /// For downloaded programs.
    pub cache: Option<PathBuf>,
}

impl Dirs {
    pub(super) fn find(environment: &[(String, String)]) -> Self {
        if nix::unistd::geteuid().is_root() {
            return Self {
                data: Some(PathBuf::from("/var/lib/deskhand")),
                cache: Some(PathBuf::from("/var/cache/deskhand")),
            };
        }
        let absolute = |name: &str| {
            environment
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| PathBuf::from(v))
                .filter(|p| p.is_absolute())
        };
        let home = absolute("HOME");
        let under = |xdg: &str, rest: &str| {
            absolute(xdg)
                .or_else(|| home.as_ref().map(|h| h.join(rest)))
                .map(|p| p.join("deskhand"))
        };
        Self {
            data: under("XDG_DATA_HOME", ".local/share"),
            cache: under("XDG_CACHE_HOME", ".cache"),
        }
    }
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
