//! Word's equations as TeX, inline or as a paragraph of their own: the form in which
//! language models and readers know formulas as text.

use crate::knowledge::extract::xml::Node;

/// What an equation says.
pub fn tex(node: &Node) -> String {
    let written = children(node);
    written.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn children(node: &Node) -> String {
    node.children.iter().map(one).collect()
}

fn part(node: &Node, name: &str) -> String {
    node.child(name)
        .map(children)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn one(node: &Node) -> String {
    let property = |of: &str, name: &str| {
        node.child(of)
            .and_then(|p| p.child(name))
            .map(|c| c.attr("val").unwrap_or_default().to_owned())
    };
    match node.name.as_str() {
        "t" => node.all_text().chars().map(symbol).collect(),
        "f" => match property("fPr", "type").as_deref() {
            Some("noBar") => format!("\\binom{{{}}}{{{}}}", part(node, "num"), part(node, "den")),
            _ => format!("\\frac{{{}}}{{{}}}", part(node, "num"), part(node, "den")),
        },
        "sSup" => format!("{}^{{{}}}", part(node, "e"), part(node, "sup")),
        "sSub" => format!("{}_{{{}}}", part(node, "e"), part(node, "sub")),
        "sSubSup" => format!(
            "{}_{{{}}}^{{{}}}",
            part(node, "e"),
            part(node, "sub"),
            part(node, "sup")
        ),
        "sPre" => format!(
            "{{}}_{{{}}}^{{{}}}{}",
            part(node, "sub"),
            part(node, "sup"),
            part(node, "e")
        ),
        "rad" => match part(node, "deg").as_str() {
            "" => format!("\\sqrt{{{}}}", part(node, "e")),
            degree => format!("\\sqrt[{degree}]{{{}}}", part(node, "e")),
        },
        "nary" => {
            let sign = property("naryPr", "chr").unwrap_or_else(|| "∫".to_owned());
            let mut out: String = sign.chars().map(symbol).collect();
            out.truncate(out.trim_end().len());
            for (mark, name) in [('_', "sub"), ('^', "sup")] {
                let limit = part(node, name);
                if !limit.is_empty() {
                    out.push_str(&format!("{mark}{{{limit}}}"));
                }
            }
            format!("{out} {}", part(node, "e"))
        }
        "d" => {
            let sign = |name: &str, usual: &str| property("dPr", name).unwrap_or_else(|| usual.to_owned());
            let (open, close, between) = (sign("begChr", "("), sign("endChr", ")"), sign("sepChr", "|"));
            let inner: Vec<String> = node.all("e").map(|e| children(e).trim().to_owned()).collect();
            let fence = |s: &str| match s {
                "" => ".".to_owned(),
                "{" | "}" => format!("\\{s}"),
                other => other.to_owned(),
            };
            format!(
                "\\left{}{}\\right{}",
                fence(&open),
                inner.join(&between),
                fence(&close)
            )
        }
        "func" => {
            let name = part(node, "fName");
            let known = [
                "sin", "cos", "tan", "log", "ln", "exp", "lim", "max", "min", "cot", "sec", "csc",
            ];
            let name = if known.contains(&name.as_str()) {
                format!("\\{name}")
            } else {
                name
            };
            format!("{name}({})", part(node, "e"))
        }
        "limLow" => format!("{}_{{{}}}", part(node, "e"), part(node, "lim")),
        "limUpp" => format!("{}^{{{}}}", part(node, "e"), part(node, "lim")),
        "acc" => {
            let name = match property("accPr", "chr").as_deref() {
                Some("\u{303}" | "~") => "tilde",
                Some("\u{304}" | "\u{305}" | "¯") => "bar",
                Some("\u{307}" | "˙") => "dot",
                Some("\u{20d7}" | "→") => "vec",
                _ => "hat",
            };
            format!("\\{name}{{{}}}", part(node, "e"))
        }
        "bar" => format!("\\overline{{{}}}", part(node, "e")),
        "m" => {
            let rows: Vec<String> = node
                .all("mr")
                .map(|row| {
                    let cells: Vec<String> = row.all("e").map(|e| children(e).trim().to_owned()).collect();
                    cells.join(" & ")
                })
                .collect();
            format!("\\begin{{matrix}}{}\\end{{matrix}}", rows.join(" \\\\ "))
        }
        "eqArr" => node
            .all("e")
            .map(|e| children(e).trim().to_owned())
            .collect::<Vec<_>>()
            .join(" \\\\ "),
        // Properties say how it looks.
        name if name.ends_with("Pr") => String::new(),
        _ => children(node),
    }
}

/// A character in TeX.
fn symbol(c: char) -> String {
    let name = match c {
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' => "delta",
        'ε' | 'ϵ' => "epsilon",
        'ζ' => "zeta",
        'η' => "eta",
        'θ' => "theta",
        'κ' => "kappa",
        'λ' => "lambda",
        'μ' | 'µ' => "mu",
        'ν' => "nu",
        'ξ' => "xi",
        'π' => "pi",
        'ρ' => "rho",
        'σ' => "sigma",
        'τ' => "tau",
        'φ' | 'ϕ' => "phi",
        'χ' => "chi",
        'ψ' => "psi",
        'ω' => "omega",
        'Γ' => "Gamma",
        'Δ' => "Delta",
        'Θ' => "Theta",
        'Λ' => "Lambda",
        'Π' => "Pi",
        'Σ' => "Sigma",
        'Φ' => "Phi",
        'Ψ' => "Psi",
        'Ω' => "Omega",
        '×' => "times",
        '·' | '⋅' => "cdot",
        '÷' => "div",
        '±' => "pm",
        '∓' => "mp",
        '∞' => "infty",
        '≤' => "leq",
        '≥' => "geq",
        '≠' => "neq",
        '≈' => "approx",
        '→' => "rightarrow",
        '∑' => "sum",
        '∏' => "prod",
        '∫' => "int",
        '∂' => "partial",
        '∇' => "nabla",
        '∈' => "in",
        '…' => "ldots",
        '⋯' => "cdots",
        '°' => "degree",
        '{' | '}' | '%' | '#' | '&' | '$' => return format!("\\{c}"),
        '−' => return "-".to_owned(),
        _ => return c.to_string(),
    };
    format!(" \\{name} ")
}
