//! Which addresses the program may connect to when a site's content names the host: public
//! ones. Names of this machine and its network lead to what isn't meant for the outside,
//! above all the cloud's metadata services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};

/// How far an address may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// By anybody.
    Public,
    /// On this machine or network: where an operator names host and port.
    Private,
    /// By nobody: metadata services, several receivers, addresses that are none.
    Never,
}

/// A network of IPv4 and how far it may be reached (IANA's special-purpose registry).
static V4: LazyLock<Vec<(Ipv4Net, Reach)>> = LazyLock::new(|| {
    nets(&[
        // "This network": Linux takes 0.0.0.0 for the machine itself.
        ("0.0.0.0/8", Reach::Never),
        ("10.0.0.0/8", Reach::Private),
        // Carriers' shared space; some clouds keep services of theirs there.
        ("100.64.0.0/10", Reach::Private),
        // Alibaba's metadata service, inside the space above.
        ("100.100.100.200/32", Reach::Never),
        ("127.0.0.0/8", Reach::Private),
        // Link-local, and there the metadata services of most clouds.
        ("169.254.0.0/16", Reach::Never),
        ("172.16.0.0/12", Reach::Private),
        ("192.0.0.0/24", Reach::Never),
        ("192.0.2.0/24", Reach::Never),
        ("192.88.99.0/24", Reach::Never),
        ("192.168.0.0/16", Reach::Private),
        ("198.18.0.0/15", Reach::Private),
        ("198.51.100.0/24", Reach::Never),
        ("203.0.113.0/24", Reach::Never),
        ("224.0.0.0/4", Reach::Never),
        ("240.0.0.0/4", Reach::Never),
        // Azure's "wire server", which hands out a machine's settings.
        ("168.63.129.16/32", Reach::Never),
    ])
});

/// The same of IPv6; what holds an address of IPv4 is judged by that one before.
static V6: LazyLock<Vec<(Ipv6Net, Reach)>> = LazyLock::new(|| {
    nets(&[
        ("::/128", Reach::Never),
        ("::1/128", Reach::Private),
        // Translation of addresses inside one network.
        ("64:ff9b:1::/48", Reach::Never),
        ("100::/64", Reach::Never),
        // Protocols' own, Teredo among them.
        ("2001::/23", Reach::Never),
        ("2001:db8::/32", Reach::Never),
        // 6to4, given up.
        ("2002::/16", Reach::Never),
        ("3fff::/20", Reach::Never),
        ("5f00::/16", Reach::Never),
        ("fc00::/7", Reach::Private),
        // AWS's metadata service over IPv6, inside the space above.
        ("fd00:ec2::254/128", Reach::Never),
        ("fe80::/10", Reach::Never),
        // Site-local, given up.
        ("fec0::/10", Reach::Never),
        ("ff00::/8", Reach::Never),
    ])
});

fn nets<N: std::str::FromStr>(table: &[(&str, Reach)]) -> Vec<(N, Reach)> {
    // The tables are ours; a test reads every line of them.
    let parsed = table.iter().map(|(net, reach)| Some((net.parse().ok()?, *reach)));
    parsed.flatten().collect()
}

/// How far this address may be reached; of several networks the strictest counts.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => inside(v6).map_or_else(|| of_v6(v6), of_v4),
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    strictest(
        V4.iter()
            .filter(|(net, _)| net.contains(&address))
            .map(|(_, r)| *r),
    )
}

fn of_v6(address: Ipv6Addr) -> Reach {
    let first = address.segments()[0];
    let found = strictest(
        V6.iter()
            .filter(|(net, _)| net.contains(&address))
            .map(|(_, r)| *r),
    );
    // Outside of 2000::/3 nothing is given out to the public.
    if found == Reach::Public && first & 0xe000 != 0x2000 {
        return Reach::Never;
    }
    found
}

fn strictest(found: impl Iterator<Item = Reach>) -> Reach {
    found.fold(Reach::Public, |strictest, reach| match (strictest, reach) {
        (Reach::Never, _) | (_, Reach::Never) => Reach::Never,
        (Reach::Private, _) | (_, Reach::Private) => Reach::Private,
        _ => Reach::Public,
    })
}

/// The address of IPv4 that one of IPv6 stands for: mapped (`::ffff:a.b.c.d`), compatible
/// (`::a.b.c.d`), or translated by NAT64 (`64:ff9b::a.b.c.d`).
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let prefix = &s[..6];
    let holds = match prefix {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] | [0, 0, 0, 0, 0xffff, 0] => true,
        // `::` and `::1` are no addresses of IPv4.
        [0, 0, 0, 0, 0, 0] => s[6] != 0 || s[7] > 1,
        _ => false,
    };
    let [a, b] = s[6].to_be_bytes();
    let [c, d] = s[7].to_be_bytes();
    holds.then(|| Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn every_line_of_the_tables_is_read() {
        assert_eq!((V4.len(), V6.len()), (17, 14));
    }

    #[test]
    fn only_public_addresses_are_reached() {
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "172.32.0.1",
            "2606:4700::1111",
            "64:ff9b::1.1.1.1",
        ] {
            assert_eq!(of(public), Reach::Public, "{public}");
        }
        for private in [
            "127.0.0.1",
            "127.255.255.254",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::192.168.0.1",
            "::ffff:0:10.0.0.1",
        ] {
            assert_eq!(of(private), Reach::Private, "{private}");
        }
        for never in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001::1",
            "64:ff9b:1::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "4000::1",
        ] {
            assert_eq!(of(never), Reach::Never, "{never}");
        }
    }
}
