//! A web server for tests, one page at a time: real HTTP, headers and all, down to single
//! bytes; keeps what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in small letters.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Page {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Written after the body, for as long as anybody reads.
    endless: Option<Vec<u8>>,
    /// Said to be so long, whatever the body is.
    length: Option<usize>,
    silent: bool,
}

impl Page {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            endless: None,
            length: None,
            silent: false,
        }
    }

    pub fn html(body: &str) -> Self {
        Self::new(200, body).with("content-type", "text/html; charset=utf-8")
    }

    pub fn moved(to: &str) -> Self {
        Self::new(301, "").with("location", to)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A header of it.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone())
    }

    /// Says another length than the body has.
    pub fn claiming(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// Goes on with this for ever.
    pub fn endless(mut self, piece: Vec<u8>) -> Self {
        self.endless = Some(piece);
        self
    }

    /// Takes the request and says nothing.
    pub fn silence() -> Self {
        let mut page = Self::new(200, "");
        page.silent = true;
        page
    }
}

/// A path, whom to tell when it is asked for, and what its answer waits for.
type Held = (String, oneshot::Sender<()>, oneshot::Receiver<()>);
type Rule = Box<dyn Fn(&Asked) -> Page + Send + Sync>;

#[derive(Default)]
struct Inner {
    rule: Mutex<Option<Rule>>,
    asked: Mutex<Vec<Asked>>,
    came: Notify,
    held: Mutex<Option<Held>>,
    connections: Mutex<usize>,
    hung_up: Notify,
}

/// The server.
pub struct WebServer {
    pub port: u16,
    inner: Arc<Inner>,
    stop: CancellationToken,
}

impl WebServer {
    /// With an answer to everything.
    pub async fn start(rule: impl Fn(&Asked) -> Page + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner::default());
        *inner.rule.lock().unwrap() = Some(Box::new(rule));
        let (shared, stop, tasks) = (Arc::clone(&inner), CancellationToken::new(), TaskTracker::new());
        let stopped = stop.clone();
        tasks.clone().spawn(async move {
            loop {
                let (stream, _) = tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => accepted.unwrap(),
                };
                *shared.connections.lock().unwrap() += 1;
                let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        // A client that leaves is part of the tests.
                        _ = serve(stream, &shared) => {}
                    }
                });
            }
        });
        Self { port, inner, stop }
    }

    /// Other answers from now on.
    pub fn now(&self, rule: impl Fn(&Asked) -> Page + Send + Sync + 'static) {
        *self.inner.rule.lock().unwrap() = Some(Box::new(rule));
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What was asked for since the last time.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.inner.asked.lock().unwrap())
    }

    /// Only the paths of it.
    pub fn take_paths(&self) -> Vec<String> {
        self.take_asked().into_iter().map(|a| a.path).collect()
    }

    /// Waits until this path was asked for.
    pub async fn until_asked(&self, path: &str) {
        let asked = async {
            loop {
                let came = self.inner.came.notified();
                if self.inner.asked.lock().unwrap().iter().any(|a| a.path == path) {
                    return;
                }
                came.await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), asked).await;
        assert!(waited.is_ok(), "nobody asks for {path}");
    }

    /// Holds the next answer to this path back; gives what says that it was asked for, and what
    /// lets it go.
    pub fn hold(&self, path: &str) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((tell, told), (go, wait)) = (oneshot::channel(), oneshot::channel());
        *self.inner.held.lock().unwrap() = Some((path.to_owned(), tell, wait));
        (told, go)
    }

    /// Ends the connections on which it takes requests and says nothing.
    pub fn hang_up(&self) {
        self.inner.hung_up.notify_waiters();
    }

    pub fn connections(&self) -> usize {
        *self.inner.connections.lock().unwrap()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(stream: TcpStream, inner: &Inner) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let mut asked = Asked {
            method: words.next().unwrap_or_default().to_owned(),
            path: words.next().unwrap_or_default().to_owned(),
            ..Asked::default()
        };
        loop {
            let mut line = String::new();
            read.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            asked.headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let length = asked.headers.get("content-length").and_then(|n| n.parse().ok());
        asked.body = vec![0; length.unwrap_or(0)];
        read.read_exact(&mut asked.body).await?;
        let page = (inner.rule.lock().unwrap().as_ref().unwrap())(&asked);
        let path = asked.path.clone();
        inner.asked.lock().unwrap().push(asked);
        inner.came.notify_waiters();
        let held = inner.held.lock().unwrap().take_if(|(held, ..)| *held == path);
        if let Some((_, tell, wait)) = held {
            let _ = tell.send(());
            let _ = wait.await;
        }
        if page.silent {
            inner.hung_up.notified().await;
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {} x\r\n", page.status);
        for (name, value) in &page.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let chunked = page.endless.is_some();
        let bodiless = matches!(page.status, 204 | 304);
        if chunked {
            head += "transfer-encoding: chunked\r\n";
        } else if !bodiless {
            head += &format!("content-length: {}\r\n", page.length.unwrap_or(page.body.len()));
        }
        write.write_all((head + "\r\n").as_bytes()).await?;
        if let Some(piece) = page.endless {
            let chunk = [
                format!("{:x}\r\n", piece.len()).as_bytes(),
                piece.as_slice(),
                b"\r\n",
            ]
            .concat();
            loop {
                write.write_all(&chunk).await?;
            }
        }
        if !bodiless {
            write.write_all(&page.body).await?;
        }
        if page.length.is_some_and(|n| n != page.body.len()) {
            return Ok(());
        }
    }
}
