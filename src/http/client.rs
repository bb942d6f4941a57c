//! Where a request comes from, for counting guesses: the other end of the connection, or, where that
//! is a proxy on this machine or its own network, what the proxy says. What the client itself claims is
//! never taken: of several addresses the last that isn't a proxy's is the one that a proxy has added.

use std::net::IpAddr;

use axum::http::HeaderMap;

const FORWARDED: &str = "x-forwarded-for";

/// The client's address; none where a near proxy doesn't tell it: all visitors would be one.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    if !is_near(peer) {
        return Some(peer);
    }
    let told: Vec<&str> = headers
        .get_all(FORWARDED)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    // Near ones are further proxies.
    told.into_iter()
        .rev()
        .map_while(|a| a.trim().parse::<IpAddr>().ok())
        .map(|a| a.to_canonical())
        .find(|a| !is_near(*a))
}

/// On this machine, or on a network of its owner's.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_a_near_proxys_own_word_counts() {
        let of = |peer: &str, told: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in told {
                headers.append(FORWARDED, HeaderValue::from_static(value));
            }
            super::of(peer.parse().unwrap(), &headers).map_or_else(String::new, |a| a.to_string())
        };
        assert_eq!(of("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(of("127.0.0.1", &["1.2.3.4, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("10.0.0.2", &["1.2.3.4", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("::1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(
            of("127.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.7"]),
            "198.51.100.1"
        );
        assert_eq!(of("127.0.0.1", &["1.2.3.4, unknown"]), "");
        assert_eq!(of("127.0.0.1", &[]), "");
        assert_eq!(of("::ffff:203.0.113.9", &[]), "203.0.113.9");
    }
}
