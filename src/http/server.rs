//! The listener: connections with TCP_NODELAY, a bound on how long a request's head may
//! take, and a stop that lets requests end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use futures::FutureExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// A request's head must have arrived by then.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Connections at once; one more waits to be accepted.
const CONNECTIONS: usize = 20_000;

/// Serves until `stop`; then takes no more connections, and waits at most `drain` for
/// requests under way.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken, drain: Duration) {
    let tasks = TaskTracker::new();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        // Not a layer of its own: that would copy all routes for each connection.
        let service = router.clone().map_request(move |mut r: hyper::Request<_>| {
            r.extensions_mut().insert(ConnectInfo(peer));
            r.map(axum::body::Body::new)
        });
        let connection =
            builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection.into_owned());
        // Not an async block: that would hold room for the connection twice, for as long as it
        // is open.
        tasks.spawn(connection.map(move |ended| {
            drop(place);
            if let Err(error) = ended {
                // Clients leave in the middle all the time.
                tracing::debug!(%error, "a connection ended early");
            }
        }));
    }
    drop(listener);
    tasks.close();
    let ended = async {
        graceful.shutdown().await;
        tasks.wait().await;
    };
    if tokio::time::timeout(drain, ended).await.is_err() {
        tracing::warn!(
            left = tasks.len(),
            "connections were still open at the end of the drain time"
        );
    }
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Without it, small writes wait for the client's delayed ACK (about 40 ms).
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY can't be set");
            }
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection can't be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
