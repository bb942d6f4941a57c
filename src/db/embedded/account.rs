//! Under whom the server runs. PostgreSQL refuses root, so root hands it to an
//! unprivileged account, which then needs a way to the program and to the folder.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, User};

use super::EmbeddedError;

/// Tried in this order when root makes a new cluster.
const UNPRIVILEGED: [&str; 2] = ["deskhand", "nobody"];

/// The account of the server's processes.
#[derive(Debug, Clone)]
pub(super) struct Account {
    uid: Uid,
    gid: Gid,
    /// Whether it is another one than ours.
    switch: bool,
}

impl Account {
    /// Our own, or as root the cluster's owner, or for a new cluster the first
    /// unprivileged account there is.
    pub(super) fn choose(cluster: &Path) -> Result<Self, EmbeddedError> {
        let us = nix::unistd::geteuid();
        let owner = fs::symlink_metadata(cluster)
            .ok()
            .map(|meta| Uid::from_raw(meta.uid()));
        let foreign = |owner, wanted| EmbeddedError::ForeignOwner {
            path: cluster.to_owned(),
            owner: name(owner),
            wanted: name(wanted),
        };
        if !us.is_root() {
            return match owner {
                Some(owner) if owner != us => Err(foreign(owner, us)),
                _ => Ok(Self {
                    uid: us,
                    gid: nix::unistd::getegid(),
                    switch: false,
                }),
            };
        }
        let new_clusters = UNPRIVILEGED
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten());
        let user = match owner {
            Some(owner) if owner.is_root() => {
                return Err(foreign(owner, new_clusters.ok_or(EmbeddedError::NoAccount)?.uid));
            }
            // initdb and the server look their own name up.
            Some(owner) => User::from_uid(owner).ok().flatten(),
            None => new_clusters,
        };
        let user = user.ok_or(EmbeddedError::NoAccount)?;
        Ok(Self {
            uid: user.uid,
            gid: user.gid,
            switch: true,
        })
    }

    pub(super) fn name(&self) -> String {
        name(self.uid)
    }

    /// Makes `command` run under this account, with an environment of its own: nothing of
    /// ours (keys, `PG…` variables) reaches the server, whose account may be shared.
    pub(super) fn apply(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        command.current_dir("/");
        if self.switch {
            // The standard library drops the supplementary groups along with root.
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
    }

    /// Makes a folder that only this account can look into.
    pub(super) fn make_private_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)?;
        if self.switch {
            chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))?;
        }
        Ok(())
    }

    /// Hands a file or folder that we made over to this account.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        if self.switch {
            chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))?;
        }
        Ok(())
    }

    /// Whether `path` is a folder (no link) of this account, closed to all others.
    pub(super) fn has_private_dir(&self, path: &Path) -> bool {
        fs::symlink_metadata(path)
            .is_ok_and(|meta| meta.is_dir() && meta.uid() == self.uid.as_raw() && meta.mode() & 0o077 == 0)
    }

    /// The first folder on the way to `path`, itself included when it is one, that the
    /// permission bits close to another account than ours.
    pub(super) fn closed_folder<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        if !self.switch {
            return None;
        }
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        way.into_iter().find(|dir| {
            fs::metadata(dir).is_ok_and(|meta| {
                let needed = if meta.uid() == self.uid.as_raw() {
                    0o100
                } else if meta.gid() == self.gid.as_raw() {
                    0o010
                } else {
                    0o001
                };
                meta.is_dir() && meta.mode() & needed == 0
            })
        })
    }
}

fn name(uid: Uid) -> String {
    User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name)
}
