//! Sitemaps: lists of a site's pages, and lists of such lists; packed or not.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use quick_xml::Reader;
use quick_xml::events::Event;

/// The most bytes, unpacked, that the protocol allows.
pub const MOST: u64 = 50 << 20;
/// The most entries that it allows.
const ENTRIES: usize = 50_000;

/// One page of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub url: String,
    /// When it has changed, as it is written there.
    pub changed: Option<String>,
}

/// A sitemap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sitemap {
    /// Pages.
    pub pages: Vec<Entry>,
    /// Further sitemaps.
    pub sitemaps: Vec<String>,
}

/// Reads one; none when it is something else. Of one that breaks off, what came before.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Sitemap> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        // What is damaged or too long ends there.
        let _ = MultiGzDecoder::new(bytes).take(MOST).read_to_end(&mut unpacked);
        return parse(&unpacked);
    }
    parse(bytes)
}

fn parse(bytes: &[u8]) -> Option<Sitemap> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().check_end_names = false;
    let mut sitemap = Sitemap::default();
    let mut of_sitemaps = None;
    let mut entry = Entry::default();
    // The element whose text is read; those of other namespaces have the same local names
    // (`image:loc`), so the prefix counts.
    let mut inside = String::new();
    let mut said = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let name = tag.name().as_ref().to_owned();
                match of_sitemaps {
                    None if name == "urlset" => of_sitemaps = Some(false),
                    None if name == "sitemapindex" => of_sitemaps = Some(true),
                    None => return None,
                    Some(_) => {}
                }
                inside = name;
                said.clear();
            }
            Ok(Event::Text(part)) if said.len() < 4096 => {
                said.push_str(&part);
            }
            Ok(Event::CData(part)) if said.len() < 4096 => {
                said.push_str(&part);
            }
            Ok(Event::GeneralRef(name)) => said.push_str(match name.as_ref() {
                "amp" => "&",
                "lt" => "<",
                "gt" => ">",
                "apos" => "'",
                "quot" => "\"",
                "#38" | "#x26" => "&",
                _ => "",
            }),
            Ok(Event::End(tag)) => {
                let name = tag.name().as_ref().to_owned();
                if name == inside {
                    match name.as_str() {
                        "loc" => said.trim().clone_into(&mut entry.url),
                        "lastmod" => entry.changed = Some(said.trim().to_owned()).filter(|t| t.len() <= 40),
                        _ => {}
                    }
                }
                inside.clear();
                if matches!(name.as_str(), "url" | "sitemap") {
                    let whole = std::mem::take(&mut entry);
                    match of_sitemaps {
                        _ if whole.url.is_empty() => {}
                        Some(true) => sitemap.sitemaps.push(whole.url),
                        _ => sitemap.pages.push(whole),
                    }
                    if sitemap.pages.len() + sitemap.sitemaps.len() >= ENTRIES {
                        break;
                    }
                }
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    of_sitemaps.map(|_| sitemap)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const PAGES: &str = "<?xml version='1.0'?><?xml-stylesheet href='x'?><!-- c -->\n\
        <urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\n\
        <url><loc> https://a/1?x=1&amp;y=2 </loc><lastmod>2026-11-01</lastmod><image:image><image:loc>https://a/i</image:loc></image:image></url>\
        <url><loc><![CDATA[https://a/2]]></loc></url><url><lastmod>x</lastmod></url></urlset>";

    #[test]
    fn pages_and_lists_of_lists_are_read() {
        let read_pages = read(PAGES.as_bytes()).unwrap();
        let pages: Vec<_> = read_pages
            .pages
            .iter()
            .map(|e| (e.url.as_str(), e.changed.as_deref()))
            .collect();
        assert_eq!(
            pages,
            [("https://a/1?x=1&y=2", Some("2026-11-01")), ("https://a/2", None)]
        );
        let index =
            read(b"<sitemapindex><sitemap><loc>https://a/s1.xml</loc></sitemap></sitemapindex>").unwrap();
        assert_eq!(
            (index.sitemaps, index.pages),
            (vec!["https://a/s1.xml".to_owned()], vec![])
        );
        assert_eq!(read(b"<html><a href=x></html>"), None);
        assert_eq!(read(b"just text"), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn packed_broken_and_hostile_ones_do_no_harm() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(PAGES.as_bytes()).unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(read(&packed).unwrap().pages.len(), 2);
        let cut = PAGES.find("</url>").unwrap() + 20;
        assert_eq!(read(&PAGES.as_bytes()[..cut]).unwrap().pages.len(), 1);
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><urlset><url><loc>https://a/&b;</loc></url></urlset>";
        assert_eq!(read(bomb.as_bytes()).unwrap().pages[0].url, "https://a/");
        let many = format!(
            "<urlset>{}</urlset>",
            "<url><loc>https://a/</loc></url>".repeat(60_000)
        );
        assert_eq!(read(many.as_bytes()).unwrap().pages.len(), ENTRIES);
        let deep = "<urlset>".to_owned() + &"<a>".repeat(200_000);
        assert!(read(deep.as_bytes()).is_some());
    }
}
