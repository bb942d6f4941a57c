//! The tar stream that pg_basebackup writes: plain files and folders, one after the other.
//! What else tar can hold (links, long names) isn't in it, and is refused.

use std::io::{self, Read};

const BLOCK: usize = 512;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative, of ordinary names only, without a slash at its end.
    pub path: String,
    pub kind: Kind,
    pub size: u64,
}

/// The entries in order. The body of a file must be read, or is skipped, before the next.
pub(super) struct Stream<R> {
    inner: R,
    /// Of the current body, with what fills its last block up.
    left: u64,
}

fn wrong(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}

impl<R: Read> Stream<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, left: 0 }
    }

    /// The next entry; none at the end, which is two empty blocks.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let skipped = io::copy(&mut self.inner.by_ref().take(self.left), &mut io::sink())?;
        if skipped < self.left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = 0;
        let mut block = [0_u8; BLOCK];
        self.inner.read_exact(&mut block)?;
        if block.iter().all(|b| *b == 0) {
            // What follows is only filling.
            io::copy(&mut self.inner, &mut io::sink())?;
            return Ok(None);
        }
        let entry = read(&block)?;
        self.left = entry.size.div_ceil(BLOCK as u64) * BLOCK as u64;
        Ok(Some(entry))
    }

    /// The bytes of the entry that came last.
    pub(super) fn body(&mut self, entry: &Entry) -> impl Read {
        Body {
            left: entry.size.min(self.left),
            stream: self,
        }
    }
}

struct Body<'a, R> {
    stream: &'a mut Stream<R>,
    left: u64,
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buf.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let got = self.stream.inner.read(&mut buf[..most])?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= got as u64;
        self.stream.left -= got as u64;
        Ok(got)
    }
}

fn read(block: &[u8; BLOCK]) -> io::Result<Entry> {
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(i, b)| {
            if (148..156).contains(&i) {
                u64::from(b' ')
            } else {
                u64::from(*b)
            }
        })
        .sum();
    if number(&block[148..156])? != sum {
        return Err(wrong("a header's check sum is wrong"));
    }
    let name = text(&block[..100])?;
    let prefix = text(&block[345..500])?;
    let path = if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    };
    let kind = match block[156] {
        b'0' | 0 => Kind::File,
        b'5' => Kind::Folder,
        b'1' | b'2' => {
            return Err(wrong(
                "there is a link in the cluster; tablespaces elsewhere can't be backed up this way",
            ));
        }
        _ => return Err(wrong("an entry of an unknown kind")),
    };
    let path = path.trim_end_matches('/').trim_start_matches("./").to_owned();
    if !is_plain(&path) {
        return Err(wrong("an entry's name leads elsewhere"));
    }
    let size = if kind == Kind::File {
        number(&block[124..136])?
    } else {
        0
    };
    Ok(Entry { path, kind, size })
}

/// Whether a path stays below where it is put.
pub(super) fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']))
}

fn text(field: &[u8]) -> io::Result<&str> {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).map_err(|_| wrong("a name isn't UTF-8"))
}

/// Octal digits, or for what these can't hold the number itself behind a mark.
fn number(field: &[u8]) -> io::Result<u64> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len() - 8);
        if high[0] != 0x80 || high[1..].iter().any(|b| *b != 0) {
            return Err(wrong("a size is too large"));
        }
        return Ok(low.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
    }
    let digits = text(field)?.trim();
    u64::from_str_radix(digits, 8).map_err(|_| wrong("a number isn't one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, kind: u8, size: &[u8]) -> Vec<u8> {
        let mut block = vec![0_u8; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..124 + size.len()].copy_from_slice(size);
        block[156] = kind;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    fn tar(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut all = parts.concat();
        all.extend([0; 2 * BLOCK]);
        all
    }

    #[test]
    fn files_and_folders_come_in_order() {
        let mut body = b"hello".to_vec();
        body.resize(BLOCK, 0);
        let all = tar(&[
            header("base/", b'5', b"00000000000"),
            header("base/1", b'0', b"00000000005"),
            body,
            header("PG_VERSION", b'0', b"00000000000"),
        ]);
        let mut stream = Stream::new(all.as_slice());
        assert_eq!(stream.next().unwrap().unwrap().kind, Kind::Folder);
        let file = stream.next().unwrap().unwrap();
        let mut read = String::new();
        stream.body(&file).read_to_string(&mut read).unwrap();
        assert_eq!((file.path.as_str(), read.as_str()), ("base/1", "hello"));
        // A body that nobody read is skipped.
        assert_eq!(stream.next().unwrap().unwrap().path, "PG_VERSION");
        assert!(stream.next().unwrap().is_none());
    }

    #[test]
    fn large_sizes_are_read() {
        let mut size = vec![0x80, 0, 0, 0];
        size.extend(9_000_000_000_u64.to_be_bytes());
        let block: [u8; BLOCK] = header("big", b'0', &size).try_into().unwrap();
        assert_eq!(read(&block).unwrap().size, 9_000_000_000);
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for (name, kind) in [
            ("../etc/passwd", b'0'),
            ("/etc/passwd", b'0'),
            ("a/../../b", b'0'),
            ("link", b'2'),
            ("link", b'1'),
            ("device", b'3'),
        ] {
            let all = tar(&[header(name, kind, b"00000000000")]);
            assert!(Stream::new(all.as_slice()).next().is_err(), "{name}");
        }
        // Cut off, and changed.
        let all = tar(&[header("a", b'0', b"00000000005")]);
        let mut cut = Stream::new(&all[..BLOCK]);
        cut.next().unwrap();
        assert!(cut.next().is_err());
        let mut bent = all;
        bent[0] = b'b';
        assert!(Stream::new(bent.as_slice()).next().is_err());
    }
}
