//! Virus scanning by clamd, where one is configured: the file is sent to it over a socket
//! (`INSTREAM`), and only its word that it found nothing lets the file through. When it is
//! away, nothing passes.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// The piece of a file that is sent at once, in bytes.
const PIECE: usize = 64 << 10;
/// An answer at most, in bytes.
const MOST_ANSWER: u64 = 4 << 10;
/// A finding's name at most, in characters.
const MOST_NAME: usize = 100;

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clamd {
    /// At an address and a port, or a name and a port.
    Tcp(String),
    /// At a socket of this machine.
    Unix(PathBuf),
}

impl std::str::FromStr for Clamd {
    type Err = ();

    /// `127.0.0.1:3310`, `clamd.internal:3310`, `/run/clamav/clamd.ctl` or the same after `unix:`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if path.starts_with('/') {
            return Ok(Self::Unix(path.into()));
        }
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let is_name = !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        let is_address = text.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok();
        match port.parse::<u16>() {
            Ok(1..) if is_name || is_address => Ok(Self::Tcp(text.to_owned())),
            _ => Err(()),
        }
    }
}

/// How files are scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who does it.
    pub clamd: Clamd,
    /// Time for one file, with connecting and waiting for the answer.
    pub time: Duration,
}

/// Nothing was found in a file. Only a scan says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clean(());

/// Why a file isn't taken in.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// There is something in it.
    #[error(
        "The virus scanner found {finding} in the file, so it wasn't taken in. Please check the computer that it \
         comes from."
    )]
    Infected {
        /// What the scanner calls it.
        finding: String,
    },
    /// Nobody can say whether there is.
    #[error(
        "The virus scanner couldn't check the file just now, so it isn't taken in yet; it will be tried again."
    )]
    Away {
        /// For the log.
        why: String,
    },
}

impl ScanError {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Infected { .. } => "infected",
            Self::Away { .. } => "scanner_away",
        }
    }

    /// What is the matter, for the operator.
    #[must_use]
    pub fn cause(&self) -> &str {
        match self {
            Self::Infected { finding } => finding,
            Self::Away { why } => why,
        }
    }

    /// Whether the same file would fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Infected { .. })
    }
}

/// Scans files.
#[derive(Debug, Clone)]
pub struct Scanner {
    settings: Settings,
}

impl Scanner {
    /// A scanner; it connects for each file anew.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Scans a content. What people aren't told of it stands in the log.
    ///
    /// # Errors
    /// See [`ScanError`].
    pub async fn scan(&self, bytes: &[u8]) -> Result<Clean, ScanError> {
        let answer = self.ask(b"zINSTREAM\0", Some(bytes)).await;
        let judged = answer.and_then(|a| verdict(&a));
        match &judged {
            Ok(Clean(())) => {}
            Err(ScanError::Infected { finding }) => {
                tracing::warn!(finding = finding.as_str(), "a file is infected");
            }
            Err(ScanError::Away { why }) => tracing::warn!(why = why.as_str(), "a file can't be scanned"),
        }
        judged
    }

    /// Asks whether it is there.
    ///
    /// # Errors
    /// When it isn't.
    pub async fn ping(&self) -> Result<(), ScanError> {
        match self.ask(b"zPING\0", None).await?.as_str() {
            "PONG" => Ok(()),
            other => Err(away(&format!("it answered {:?} to a ping", shortened(other)))),
        }
    }

    /// One command, and a content if it takes one; the answer.
    async fn ask(&self, command: &[u8], content: Option<&[u8]>) -> Result<String, ScanError> {
        let talk = async {
            match &self.settings.clamd {
                Clamd::Tcp(address) => {
                    let stream = TcpStream::connect(address).await.map_err(unreachable)?;
                    stream.set_nodelay(true).map_err(unreachable)?;
                    exchange(stream, command, content).await
                }
                Clamd::Unix(path) => {
                    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                    exchange(stream, command, content).await
                }
            }
        };
        tokio::time::timeout(self.settings.time, talk)
            .await
            .map_err(|_| away(&format!("no answer within {} s", self.settings.time.as_secs())))?
    }
}

/// Says the command, sends the content in pieces, each after its length, and reads the answer.
async fn exchange<S: AsyncRead + AsyncWrite>(
    stream: S,
    command: &[u8],
    content: Option<&[u8]>,
) -> Result<String, ScanError> {
    let (mut from, mut to) = tokio::io::split(stream);
    let say = async {
        to.write_all(command).await?;
        if let Some(content) = content {
            // At the end a piece of no length.
            for piece in content.chunks(PIECE).chain([&[][..]]) {
                to.write_all(&u32::try_from(piece.len()).unwrap_or(0).to_be_bytes())
                    .await?;
                to.write_all(piece).await?;
            }
        }
        to.flush().await
    };
    let hear = async {
        let mut answer = Vec::new();
        let heard = (&mut from).take(MOST_ANSWER).read_to_end(&mut answer).await;
        (answer, heard)
    };
    // It may answer and hang up before it has heard everything, for example of a file that
    // is larger than it takes: then the answer counts, not the broken pipe.
    let (said, (answer, heard)) = tokio::join!(say, hear);
    let answer = String::from_utf8_lossy(&answer)
        .trim_matches(['\0', '\n', ' '])
        .to_owned();
    if answer.is_empty() {
        return Err(match said.and(heard) {
            Err(e) => away(&format!("it hung up: {e}")),
            Ok(_) => away("it hung up without an answer"),
        });
    }
    Ok(answer)
}

/// What the answer to a content means. Only one says that nothing was found.
fn verdict(answer: &str) -> Result<Clean, ScanError> {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if said == "OK" {
        return Ok(Clean(()));
    }
    if let Some(finding) = said.strip_suffix(" FOUND") {
        return Err(ScanError::Infected {
            finding: shortened(finding),
        });
    }
    if said.contains("size limit exceeded") {
        return Err(away(
            "the file is larger than clamd's StreamMaxLength; raise it to 25M or more",
        ));
    }
    Err(away(&format!("it answered {:?}", shortened(said))))
}

/// Its words, as far as they are fit to be shown.
fn shortened(said: &str) -> String {
    let plain = said.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    plain.take(MOST_NAME).collect()
}

fn unreachable(error: std::io::Error) -> ScanError {
    away(&format!("it can't be reached: {error}"))
}

fn away(why: &str) -> ScanError {
    ScanError::Away { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_answer_lets_a_file_through() {
        assert!(verdict("stream: OK").is_ok());
        for (answer, code) in [
            ("stream: Eicar-Signature FOUND", "infected"),
            ("INSTREAM size limit exceeded. ERROR", "scanner_away"),
            ("stream: OK but", "scanner_away"),
            ("", "scanner_away"),
            ("UNKNOWN COMMAND", "scanner_away"),
        ] {
            assert_eq!(verdict(answer).unwrap_err().code(), code, "{answer}");
        }
        let long = format!("stream: \u{1b}[31m{} FOUND", "x".repeat(5000));
        let said = verdict(&long).unwrap_err().to_string();
        assert!(said.len() < 300 && !said.contains('\u{1b}'), "{said}");
    }

    #[test]
    fn an_address_or_a_socket_says_where_it_is() {
        for good in [
            "127.0.0.1:3310",
            "[::1]:3310",
            "clamd.internal:3310",
            "/run/clamd.ctl",
            "unix:/run/c",
        ] {
            assert!(good.parse::<Clamd>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "3310",
            ":3310",
            "host:",
            "host:0",
            "host:99999",
            "a b:1",
            "http://x:1",
        ] {
            assert!(bad.parse::<Clamd>().is_err(), "{bad}");
        }
    }
}
