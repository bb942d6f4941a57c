//! Finds the PostgreSQL to run: the one that is named, else the newest in the cache
//! folder that `./dev setup` fills.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::EmbeddedError;

/// deskhand's cache folder. Root's is outside of its home, which is closed to the account
/// that runs PostgreSQL. `None` for an ordinary user without a home.
#[must_use]
pub fn cache_dir(xdg_cache_home: Option<&Path>, home: Option<&Path>) -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some(PathBuf::from("/var/cache/deskhand"));
    }
    // The XDG rules: a relative path counts as unset.
    let xdg = xdg_cache_home.filter(|p| p.is_absolute()).map(Path::to_owned);
    xdg.or_else(|| home.map(|h| h.join(".cache")))
        .map(|c| c.join("deskhand"))
}

/// The PostgreSQL installation to use: `configured`, else the newest
/// `postgresql-VERSION…` in `cache`.
///
/// # Errors
/// [`EmbeddedError::BadInstallation`] or [`EmbeddedError::NoInstallation`].
pub fn find_pg_dir(configured: Option<&Path>, cache: &Path) -> Result<PathBuf, EmbeddedError> {
    if let Some(dir) = configured {
        return match missing_program(dir) {
            None => Ok(dir.to_owned()),
            Some(name) => Err(EmbeddedError::BadInstallation {
                dir: dir.to_owned(),
                problem: format!("bin/{name} is missing or not executable"),
            }),
        };
    }
    let mut found: Vec<(Vec<u32>, PathBuf)> = Vec::new();
    for unpacked in folders_in(cache) {
        let Some(name) = unpacked.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        let Some(rest) = name.strip_prefix("postgresql-") else {
            continue;
        };
        let version = rest.split('-').next().unwrap_or_default();
        let version: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        // The wheel holds `PACKAGE/pginstallNN`; its libraries are found relative to that.
        let inner = folders_in(&unpacked)
            .into_iter()
            .flat_map(|package| folders_in(&package));
        for dir in std::iter::once(unpacked.clone()).chain(inner) {
            if missing_program(&dir).is_none() {
                found.push((version.clone(), dir));
            }
        }
    }
    found
        .into_iter()
        .max()
        .map(|(_, dir)| dir)
        .ok_or_else(|| EmbeddedError::NoInstallation {
            cache: cache.to_owned(),
        })
}

fn missing_program(dir: &Path) -> Option<&'static str> {
    ["postgres", "initdb"].into_iter().find(|name| {
        !fs::metadata(dir.join("bin").join(name))
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// The folders directly in `dir`; none when it can't be read, as a cache that isn't there.
fn folders_in(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}
