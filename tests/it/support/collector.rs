//! A collector of traces for tests: a real HTTP server that keeps what it is sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// One request: its head in lower case, and its body.
pub type Sent = (String, Vec<u8>);

/// The collector.
pub struct Collector {
    pub endpoint: String,
    got: Arc<Mutex<Vec<Sent>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (keep, stopped, tracker) = (Arc::clone(&got), stop.clone(), tasks.clone());
        tasks.spawn(async move {
            while let Some(accepted) = stopped.run_until_cancelled(listener.accept()).await {
                let (stream, keep, stopped) = (accepted.unwrap().0, Arc::clone(&keep), stopped.clone());
                tracker.spawn(async move { stopped.run_until_cancelled(serve(stream, &keep)).await });
            }
        });
        Self {
            endpoint,
            got,
            stop,
            tasks,
        }
    }

    /// Stops, and gives what came.
    pub async fn finish(self) -> Vec<Sent> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.got.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, keep: &Mutex<Vec<Sent>>) -> std::io::Result<()> {
    let (mut bytes, mut piece) = (Vec::new(), [0_u8; 16_384]);
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut piece).await? {
                0 => return Ok(()),
                n => bytes.extend_from_slice(&piece[..n]),
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let length: usize = text
            .lines()
            .find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        while bytes.len() < head + length {
            match stream.read(&mut piece).await? {
                0 => return Ok(()),
                n => bytes.extend_from_slice(&piece[..n]),
            }
        }
        let rest = bytes.split_off(head + length);
        let body = bytes.split_off(head);
        bytes = rest;
        keep.lock().unwrap().push((text, body));
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
            )
            .await?;
    }
}
