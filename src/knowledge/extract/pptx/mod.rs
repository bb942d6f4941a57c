//! PowerPoint presentations: each slide under its title, with its lists, tables, the
//! numbers of its charts, what its pictures are said to show, and its notes. Hidden slides,
//! comments and what stands on every slide stay out.

mod slide;

use self::slide::Slide;
use super::escape::escape;
use super::office::{self, Properties};
use super::package::Package;
use super::writer::{Writer, one_line};
use crate::knowledge::unfit::Unfit;

/// Slides at most.
const MOST_SLIDES: usize = 5000;

/// A presentation as it was read.
#[derive(Debug)]
pub struct Presentation {
    /// What it says about itself; its title is the first slide's where it says none.
    pub properties: Properties,
    /// Markdown, not yet in its normal form.
    pub markdown: String,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// Reads a presentation.
///
/// # Errors
/// When it is damaged, locked, or holds more than is taken in.
pub fn read(bytes: &[u8]) -> Result<Presentation, Unfit> {
    let package = Package::open(bytes)?;
    let main = office::main_part(&package, "ppt/presentation.xml")?;
    let relations = office::relations(&package, &main)?;
    let root = package.part(&main)?.ok_or(Unfit::Corrupt)?;
    let mut out = Writer::default();
    let (mut first_title, mut hidden, mut broken, mut read) = (None, 0, Vec::new(), 0);
    let ids = root
        .child("sldIdLst")
        .map(|l| l.all("sldId").collect::<Vec<_>>())
        .unwrap_or_default();
    if ids.len() > MOST_SLIDES {
        return Err(Unfit::TooManyPages { limit: MOST_SLIDES });
    }
    for (i, id) in ids.into_iter().enumerate() {
        let number = i + 1;
        // A slide's own id and its relation's have the same local name.
        let part = id.attrs_named("id").find_map(|id| office::target(&relations, id));
        let slide = match part.map(|part| Slide::open(&package, part)) {
            Some(Ok(Some(slide))) => slide,
            None | Some(Ok(None) | Err(Unfit::Corrupt)) => {
                broken.push(number);
                continue;
            }
            Some(Err(unfit)) => return Err(unfit),
        };
        read += 1;
        if slide.is_hidden() {
            hidden += 1;
            continue;
        }
        let title = slide.title();
        if first_title.is_none() {
            first_title = title.clone();
        }
        let mut body = Writer::default();
        slide.write(&package, &mut body)?;
        let body = body.finish()?;
        if title.is_some() || !body.is_empty() {
            let heading = title.map_or_else(|| format!("Slide {number}"), |t| escape(&one_line(&t)));
            out.heading(2, &heading);
            out.block(&body);
        }
        out.check()?;
    }
    if read == 0 && !broken.is_empty() {
        return Err(Unfit::Corrupt);
    }
    let mut properties = Properties::read(&package);
    properties.title = properties.title.or(first_title);
    let mut warnings = Vec::new();
    match hidden {
        0 => {}
        1 => warnings.push("A hidden slide was left out.".to_owned()),
        n => warnings.push(format!("{n} hidden slides were left out.")),
    }
    if !broken.is_empty() {
        let shown: Vec<String> = broken.iter().take(10).map(usize::to_string).collect();
        warnings.push(format!("Damaged slides were left out: {}.", shown.join(", ")));
    }
    Ok(Presentation {
        properties,
        markdown: out.finish()?,
        warnings,
    })
}
