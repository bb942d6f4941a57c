//! The data folder and the lock on it. The lock is the kernel's (`flock`), so that it
//! vanishes with its process, however that ends; the file only tells who holds it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Access, EmbeddedError, processes};

/// The data folder by its absolute, resolved path.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder when it is missing. Others may pass through it (the server's
    /// account has to, when that isn't ours) but not list it.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let failed = |doing| {
            move |source| EmbeddedError::Folder {
                doing,
                path: data_dir.to_owned(),
                source,
            }
        };
        if !data_dir.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o711)
                .create(data_dir)
                .map_err(failed("make"))?;
        }
        data_dir.canonicalize().map(Self).map_err(failed("read"))
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.0
    }

    /// PostgreSQL's own folder.
    pub(super) fn cluster(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// Where a new cluster is made before it is renamed into place.
    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.0.join("postgres.new")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("postgres.log")
    }

    /// The socket's folder as long as its path is short enough.
    pub(super) fn socket(&self) -> PathBuf {
        self.0.join("postgres.socket")
    }
}

/// Who holds the folder, as it says itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) pid: u32,
    pub(super) access: Access,
}

/// The right to run a server on the folder, for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(File);

pub(super) enum Taken {
    Free(Lock),
    /// By somebody; `None` while they haven't written their name yet.
    Held(Option<Holder>),
}

impl Lock {
    pub(super) fn try_take(folder: &Folder, access: Access) -> Result<Taken, EmbeddedError> {
        let path = folder.data_dir().join("postgres.lock");
        let failed = |doing| {
            let path = path.clone();
            move |source| EmbeddedError::Folder { doing, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("write"))?;
        match file.try_lock() {
            Ok(()) => {
                hand_to_folders_owner(&path);
                // Only for messages: a full disk must not keep the server down.
                let word = match access {
                    Access::Own => "own",
                    Access::Attach => "attach",
                };
                let said = file
                    .set_len(0)
                    .and_then(|()| writeln!(file, "{word} {}", std::process::id()));
                if let Err(error) = said {
                    tracing::warn!(%error, "can't note this process in the data folder's lock file");
                }
                Ok(Taken::Free(Self(file)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                // A line of a few bytes; whatever else is in the file says nothing to us.
                let read = file.take(64).read_to_string(&mut said);
                Ok(Taken::Held(read.ok().and_then(|_| parse_holder(&said))))
            }
            Err(TryLockError::Error(source)) => Err(failed("lock")(source)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // So that the next one isn't taken for us before it has written its name.
        let _ = self.0.set_len(0);
    }
}

fn parse_holder(said: &str) -> Option<Holder> {
    let (word, pid) = said.trim_end().split_once(' ')?;
    let access = match word {
        "own" => Access::Own,
        "attach" => Access::Attach,
        _ => return None,
    };
    let pid = pid.parse().ok()?;
    // A name left behind by a killed process, before the new holder overwrites it.
    processes::exists(pid).then_some(Holder { pid, access })
}

/// When root works in somebody's folder, what it makes there must stay theirs.
pub(super) fn hand_to_folders_owner(path: &Path) {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let handed: io::Result<()> = (|| {
        let folder = path.parent().ok_or(io::ErrorKind::NotFound)?.metadata()?;
        if folder.uid() != fs::symlink_metadata(path)?.uid() {
            std::os::unix::fs::lchown(path, Some(folder.uid()), Some(folder.gid()))?;
        }
        Ok(())
    })();
    if let Err(error) = handed {
        tracing::warn!(path = %path.display(), %error, "can't hand the file to its folder's owner");
    }
}
