//! An answer's body on its way to disk: unpacked, counted, hashed, and stopped at a bound
//! before it fills anything.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;

use flate2::write::{MultiGzDecoder, ZlibDecoder};
use sha2::{Digest, Sha256};

use super::error::Reason;

/// What was fetched, in a file without a name: it is gone when it is closed, also when the
/// program is killed.
#[derive(Debug)]
pub struct Body {
    /// Open at its beginning.
    pub file: File,
    /// In bytes.
    pub len: u64,
    /// Of the content.
    pub sha256: [u8; 32],
}

impl Body {
    /// The whole content; its length has been bounded by the fetcher.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn read(self) -> io::Result<Vec<u8>> {
        let read = tokio::task::spawn_blocking(move || {
            let mut file = self.file;
            let mut bytes = Vec::with_capacity(usize::try_from(self.len).unwrap_or_default());
            io::Read::read_to_end(&mut file, &mut bytes)?;
            Ok(bytes)
        });
        read.await.map_err(io::Error::other)?
    }
}

/// Takes the pieces of a body.
pub(super) struct Spool {
    writer: Writer,
    /// Bytes from the network, which are bounded as the unpacked ones are.
    received: u64,
    most: u64,
}

enum Writer {
    Plain(Sink),
    Gzip(MultiGzDecoder<Sink>),
    Deflate(ZlibDecoder<Sink>),
}

struct Sink {
    file: File,
    hash: Sha256,
    len: u64,
    most: u64,
    full: bool,
    failed: bool,
}

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.len + piece.len() as u64 > self.most {
            self.full = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        if let Err(error) = self.file.write_all(piece) {
            tracing::error!(%error, "can't write what is fetched to disk");
            self.failed = true;
            return Err(error);
        }
        self.hash.update(piece);
        self.len += piece.len() as u64;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Spool {
    /// Into a file in this folder, of `most` bytes; packed as `Content-Encoding` says.
    pub(super) fn open(folder: &Path, encoding: &str, most: u64) -> Result<Self, Reason> {
        let file = tempfile::tempfile_in(folder).map_err(|error| {
            tracing::error!(%error, folder = %folder.display(), "can't make a temporary file");
            Reason::Disk
        })?;
        let sink = Sink {
            file,
            hash: Sha256::new(),
            len: 0,
            most,
            full: false,
            failed: false,
        };
        let writer = match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" | "none" => Writer::Plain(sink),
            "gzip" | "x-gzip" => Writer::Gzip(MultiGzDecoder::new(sink)),
            "deflate" => Writer::Deflate(ZlibDecoder::new(sink)),
            _ => return Err(Reason::Encoding),
        };
        Ok(Self {
            writer,
            received: 0,
            most,
        })
    }

    /// The next piece. Blocks for as long as unpacking and the disk take.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), Reason> {
        self.received += piece.len() as u64;
        if self.received > self.most {
            return Err(Reason::TooLarge(self.most));
        }
        let written = match &mut self.writer {
            Writer::Plain(w) => w.write_all(piece),
            Writer::Gzip(w) => w.write_all(piece),
            Writer::Deflate(w) => w.write_all(piece),
        };
        written.map_err(|_| self.fault())
    }

    /// After the last piece.
    pub(super) fn finish(mut self) -> Result<Body, Reason> {
        let ended = match &mut self.writer {
            Writer::Plain(_) => Ok(()),
            // Nothing at all is an empty body, however it is said to be packed.
            _ if self.received == 0 => Ok(()),
            Writer::Gzip(w) => w.try_finish(),
            Writer::Deflate(w) => w.try_finish(),
        };
        ended.map_err(|_| self.fault())?;
        let sink = self.sink();
        let file = sink.file.try_clone().and_then(|mut f| f.rewind().map(|()| f));
        Ok(Body {
            file: file.map_err(|_| Reason::Disk)?,
            len: sink.len,
            sha256: std::mem::take(&mut sink.hash).finalize().into(),
        })
    }

    fn sink(&mut self) -> &mut Sink {
        match &mut self.writer {
            Writer::Plain(sink) => sink,
            Writer::Gzip(w) => w.get_mut(),
            Writer::Deflate(w) => w.get_mut(),
        }
    }

    fn fault(&mut self) -> Reason {
        let most = self.most;
        let sink = self.sink();
        match (sink.full, sink.failed) {
            (true, _) => Reason::TooLarge(most),
            (_, true) => Reason::Disk,
            _ => Reason::Encoding,
        }
    }
}
