//! A presentation: each slide under its title, with its notes.

use super::styles::Styles;
use super::text::Body;
use crate::knowledge::extract::escape::escape;
use crate::knowledge::extract::writer::{Writer, one_line};
use crate::knowledge::extract::xml::Node;
use crate::knowledge::unfit::Unfit;

/// Writes all slides. Gives the first one's title, and what was left out.
///
/// # Errors
/// When they say more than is taken in.
pub fn write(
    slides: &Node,
    styles: &Styles,
    out: &mut Writer,
) -> Result<(Option<String>, Vec<String>), Unfit> {
    let (mut first, mut hidden) = (None, 0);
    for (i, page) in slides.all("page").enumerate() {
        if styles.is_hidden(page.attr("style-name")) {
            hidden += 1;
            continue;
        }
        let title = title(page);
        first = first.or_else(|| title.clone());
        let mut inside = Writer::default();
        let mut body = Body::new(styles, &mut inside);
        shapes(page, &mut body)?;
        body.notes()?;
        if let Some(notes) = page.child("notes") {
            let mut spoken = Vec::new();
            note_lines(notes, &mut body, &mut spoken);
            if let Some(first) = spoken.first_mut() {
                *first = format!("Notes: {first}");
            }
            spoken.iter().for_each(|line| body.out().paragraph(line));
        }
        let inside = inside.finish()?;
        if title.is_some() || !inside.is_empty() {
            out.heading(
                2,
                &title.map_or_else(|| format!("Slide {}", i + 1), |t| escape(&t)),
            );
            out.block(&inside);
            out.check()?;
        }
    }
    let warnings = match hidden {
        0 => Vec::new(),
        1 => vec!["A hidden slide was left out.".to_owned()],
        n => vec![format!("{n} hidden slides were left out.")],
    };
    Ok((first, warnings))
}

fn title(page: &Node) -> Option<String> {
    let frame = page.all("frame").find(|f| f.attr("class") == Some("title"))?;
    let lines: Vec<String> = frame
        .child("text-box")?
        .children
        .iter()
        .map(|p| one_line(&p.all_text()))
        .filter(|l| !l.is_empty())
        .collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

fn shapes<'a>(node: &'a Node, body: &mut Body<'a, '_>) -> Result<(), Unfit> {
    for shape in &node.children {
        match (shape.name.as_str(), shape.attr("class")) {
            (_, Some("title" | "footer" | "header" | "date-time" | "page-number")) => {}
            ("g", _) => shapes(shape, body)?,
            ("frame", _) => match (shape.child("text-box"), shape.child("table")) {
                (Some(text), _) => body.blocks(text)?,
                (None, Some(table)) => super::table::write(table, body)?,
                (None, None) => {}
            },
            ("custom-shape" | "rect" | "ellipse" | "polygon" | "path" | "line" | "connector", _) => {
                body.blocks(shape)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn note_lines<'a>(notes: &'a Node, body: &mut Body<'a, '_>, lines: &mut Vec<String>) {
    for frame in notes.all("frame").filter(|f| f.attr("class") == Some("notes")) {
        for part in frame.child("text-box").iter().flat_map(|b| &b.children) {
            let text = body.flat_block(part);
            if !text.is_empty() {
                lines.push(text);
            }
        }
    }
}
