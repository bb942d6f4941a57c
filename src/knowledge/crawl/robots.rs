//! robots.txt (RFC 9309): what a server asks crawlers to leave alone, and how often it
//! wants to be asked at most.

use std::time::Duration;

/// As much as is read of one.
pub const MOST: u64 = 500 << 10;
/// The name that groups of rules are for.
pub const TOKEN: &str = "deskhand";
/// Rules that are kept.
const RULES: usize = 10_000;
/// The longest `Crawl-delay` that is heeded; more would be a ban, which has a line of its own.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The rules for us.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Robots {
    rules: Vec<Rule>,
    /// Between two requests.
    pub delay: Option<Duration>,
    /// Sitemaps that it names, for everybody.
    pub sitemaps: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    allow: bool,
    pattern: String,
}

#[derive(Default)]
struct Group {
    ours: bool,
    everybodys: bool,
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

impl Robots {
    /// Reads one. Lines that are none are left out, as the RFC asks for.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let text = text.trim_start_matches('\u{feff}');
        let mut groups: Vec<Group> = Vec::new();
        let mut sitemaps = Vec::new();
        let (mut naming, mut kept) = (false, 0);
        for line in text.split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if !naming {
                        groups.push(Group::default());
                    }
                    naming = true;
                    if let Some(group) = groups.last_mut() {
                        let name = value.split('/').next().unwrap_or_default().trim();
                        group.ours |= name.eq_ignore_ascii_case(TOKEN);
                        group.everybodys |= name == "*";
                    }
                }
                "allow" | "disallow" => {
                    naming = false;
                    // An empty one says nothing.
                    if let Some(group) = groups.last_mut().filter(|_| !value.is_empty() && kept < RULES) {
                        kept += 1;
                        group.rules.push(Rule {
                            allow: key == "allow",
                            pattern: normalised(value),
                        });
                    }
                }
                "crawl-delay" => {
                    naming = false;
                    let delay = value.parse::<f64>().ok().filter(|d| d.is_finite() && *d >= 0.0);
                    if let (Some(group), Some(delay)) = (groups.last_mut(), delay) {
                        let delay = delay.min(LONGEST_DELAY.as_secs_f64());
                        group.delay = Some(Duration::from_secs_f64(delay));
                    }
                }
                "sitemap" if sitemaps.len() < 100 => sitemaps.push(value.to_owned()),
                _ => {}
            }
        }
        // The groups for our name, if there are any, else those for everybody.
        let ours = groups.iter().any(|g| g.ours);
        let mut robots = Self {
            sitemaps,
            ..Self::default()
        };
        for group in groups {
            let counts = if ours { group.ours } else { group.everybodys };
            if counts {
                robots.rules.extend(group.rules);
                robots.delay = robots.delay.max(group.delay);
            }
        }
        robots
    }

    /// Whether a path, with its query, may be fetched: the longest rule that fits decides,
    /// and of two as long the one that allows.
    #[must_use]
    pub fn allows(&self, path: &str) -> bool {
        let path = normalised(path);
        if path == "/robots.txt" {
            return true;
        }
        let fitting = self.rules.iter().filter(|r| fits(&r.pattern, &path));
        fitting
            .max_by_key(|r| (r.pattern.len(), r.allow))
            .is_none_or(|r| r.allow)
    }
}

/// Whether a pattern fits the beginning of a path; `*` stands for anything, `$` at the end
/// for the path's end.
#[must_use]
pub fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, to_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    if pieces.is_empty() {
        return !to_end || rest.is_empty();
    }
    // The last piece is looked for at the end, all before it at their first place.
    let last = if to_end { pieces.pop() } else { None };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    last.is_none_or(|last| rest.ends_with(last))
}

/// Both sides in one form: what needs no escape is written plainly, escapes in capitals,
/// everything outside of ASCII escaped.
#[must_use]
pub fn normalised(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(bytes.len());
    let escape = |out: &mut String, byte: u8| out.push_str(&format!("%{byte:02X}"));
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|h| std::str::from_utf8(h).ok());
        let escaped = hex
            .filter(|h| byte == b'%' && h.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match escaped {
            Some(b) if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') => {
                out.push(char::from(b));
            }
            Some(b) => escape(&mut out, b),
            None if byte.is_ascii() => out.push(char::from(byte)),
            None => escape(&mut out, byte),
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(robots: &str, path: &str) -> bool {
        Robots::parse(robots.as_bytes()).allows(path)
    }

    #[test]
    fn the_longest_rule_decides() {
        let robots = "user-agent: *\nallow: /a/b\ndisallow: /a\nallow: /p$\ndisallow: /p\ndisallow: /*.pdf$\ndisallow: /q?x=\n";
        for (path, allowed) in [
            ("/", true),
            ("/a", false),
            ("/ax", false),
            ("/a/b/c", true),
            ("/p", true),
            ("/p/x", false),
            ("/x/y.pdf", false),
            ("/x/y.pdf?z", true),
            ("/q?x=1", false),
            ("/q?y=1", true),
            ("/robots.txt", true),
        ] {
            assert_eq!(allows(robots, path), allowed, "{path}");
        }
        assert!(allows("user-agent: *\ndisallow: /x\nallow: /x", "/x"));
        assert!(allows("user-agent: *\ndisallow:", "/x"));
        assert!(!allows("user-agent: *\ndisallow: /", "/x"));
        assert!(allows("", "/x") && allows("\0\u{1}disallow: /", "/x"));
    }

    #[test]
    fn groups_for_our_name_go_before_those_for_everybody() {
        let robots = "User-Agent: other\nDisallow: /\n\nuser-agent: x\nUSER-AGENT: DeskHand/1.0\ndisallow: /mine # why\ncrawl-delay: 2.5\n\nuser-agent: *\ndisallow: /all\nuser-agent: deskhand\ndisallow: /also\nSitemap: https://a/s.xml";
        let read = Robots::parse(robots.as_bytes());
        assert!(!read.allows("/mine") && !read.allows("/also/x") && read.allows("/all"));
        assert_eq!(read.delay, Some(Duration::from_millis(2500)));
        assert_eq!(read.sitemaps, ["https://a/s.xml"]);
        assert!(allows("user-agent: deskhander\ndisallow: /", "/x"));
        let slow = Robots::parse(b"user-agent: *\ncrawl-delay: 9999");
        assert_eq!(slow.delay, Some(LONGEST_DELAY));
    }

    #[test]
    fn escapes_are_compared_in_one_form() {
        for (rule, path) in [
            ("/caf%c3%a9", "/café"),
            ("/café", "/caf%C3%A9"),
            ("/%7euser", "/~user"),
            ("/a%2fb", "/a%2Fb"),
        ] {
            assert!(
                !allows(&format!("user-agent: *\ndisallow: {rule}"), path),
                "{rule} {path}"
            );
        }
        assert!(allows("user-agent: *\ndisallow: /a%2fb", "/a/b"));
        assert_eq!(normalised("100%"), "100%");
    }

    #[test]
    fn wildcards_take_anything() {
        for (pattern, path, fit) in [
            ("/a*c", "/abbc/d", true),
            ("/a*c$", "/abbc/d", false),
            ("/a*b*$", "/axb", true),
            ("*", "/", true),
            ("/*/x/*/y", "/1/x/2/z", false),
            ("/*ab$", "/abab", true),
            ("/ab*ab$", "/ab", false),
            ("$", "", true),
        ] {
            assert_eq!(fits(pattern, path), fit, "{pattern} {path}");
        }
    }
}
