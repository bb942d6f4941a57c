//! Names to addresses, each one checked. The connection is made to the addresses that this
//! gives and to no others, so a name can't lead elsewhere between check and use.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::{Reach, reach};

/// Look-ups at once; one that the system takes long over holds a thread.
const AT_ONCE: usize = 32;

/// What knows the addresses of names.
pub trait Lookup: Send + Sync {
    /// The addresses of a host.
    fn addresses(&self, host: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// The system's: its hosts file and its name servers, as every other program on the machine
/// sees them.
pub struct SystemLookup(Arc<Semaphore>);

impl Default for SystemLookup {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Lookup for SystemLookup {
    fn addresses(&self, host: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let slots = Arc::clone(&self.0);
        Box::pin(async move {
            let slot = slots.acquire_owned().await.map_err(std::io::Error::other)?;
            // The call can't be stopped: its slot is free when it ends, not when its caller
            // has given up.
            let looked = tokio::task::spawn_blocking(move || {
                let _slot = slot;
                let found = std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), 0))?;
                Ok(found.map(|a| a.ip()).collect())
            });
            looked.await.map_err(std::io::Error::other)?
        })
    }
}

/// Why a name gave no address to connect to.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It has none.
    Unknown,
    /// One of them isn't for us.
    Address,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the name has no address",
            Self::Address => "the name leads to an address that isn't public",
        })
    }
}

impl Error for Unusable {}

/// Gives the HTTP client addresses that may be connected to.
pub(super) struct Guard {
    pub lookup: Arc<dyn Lookup>,
    /// Whether the operator has named the host as one of the own network.
    pub private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let looked = self.lookup.addresses(name.as_str().to_owned());
        let private = self.private;
        Box::pin(async move {
            let found = looked.await.map_err(|_| Unusable::Unknown)?;
            if found.is_empty() {
                return Err(Unusable::Unknown.into());
            }
            // A name with one bad address among good ones is a trap, or will be one.
            if !found.iter().all(|a| permitted(*a, private)) {
                return Err(Unusable::Address.into());
            }
            let addresses = found.into_iter().map(|a| SocketAddr::new(a, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Whether an address may be connected to.
pub(super) fn permitted(address: IpAddr, private: bool) -> bool {
    match reach(address) {
        Reach::Public => true,
        Reach::Private => private,
        Reach::Never => false,
    }
}
