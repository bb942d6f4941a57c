//! A small file of each kind, for the tests that read it whole, cut, and damaged.

use super::{docx, zipped};

/// A chart of lamps sold in May.
const CHART: &str = "<c:chartSpace xmlns:c=\"c\" xmlns:a=\"a\"><c:chart><c:title><a:t>Sold</a:t></c:title><c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache><c:pt idx=\"0\"><c:v>Lamps</c:v></c:pt></c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache><c:pt idx=\"0\"><c:v>May</c:v></c:pt></c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache><c:pt idx=\"0\"><c:v>12.0</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>";

/// Two slides: one with a title, and one without, of text boxes with these paragraphs.
pub fn pptx_of_boxes(boxes: &[&[&str]]) -> Vec<u8> {
    let paragraphs = |lines: &[&str]| {
        let lines = lines
            .iter()
            .map(|line| format!("<a:p><a:r><a:t>{line}</a:t></a:r></a:p>"));
        lines.collect::<String>()
    };
    let shape = |kind: &str, lines: &[&str]| {
        format!(
            "<p:sp><p:nvSpPr><p:nvPr>{kind}</p:nvPr></p:nvSpPr><p:txBody>{}</p:txBody></p:sp>",
            paragraphs(lines)
        )
    };
    let slide = |shapes: String| {
        format!("<p:sld xmlns:p=\"p\" xmlns:a=\"a\"><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>")
    };
    let first = slide(
        [
            shape("<p:ph type=\"title\"/>", &["Returns"]),
            shape("", &["Thirty days"]),
        ]
        .concat(),
    );
    let second = slide(boxes.iter().map(|lines| shape("", lines)).collect());
    let relations = "<Relationships><Relationship Id=\"a\" Type=\"x/slide\" Target=\"slides/s1.xml\"/>\
                     <Relationship Id=\"b\" Type=\"x/slide\" Target=\"slides/s2.xml\"/></Relationships>";
    let presentation = "<p:presentation xmlns:p=\"p\" xmlns:r=\"r\"><p:sldIdLst><p:sldId id=\"256\" r:id=\"a\"/><p:sldId id=\"257\" r:id=\"b\"/></p:sldIdLst></p:presentation>";
    zipped(&[
        ("ppt/presentation.xml", presentation.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", relations.as_bytes()),
        ("ppt/slides/s1.xml", first.as_bytes()),
        ("ppt/slides/s2.xml", second.as_bytes()),
    ])
}

/// Two slides and a hidden one, with a list, a table, a chart, a picture and notes.
pub fn pptx() -> Vec<u8> {
    let slide = |show: &str, shapes: &str| {
        format!(
            "<p:sld xmlns:p=\"p\" xmlns:a=\"a\" xmlns:r=\"r\" xmlns:c=\"c\"{show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
    };
    let paragraph = |text: &str| format!("<a:p><a:r><a:t>{text}</a:t></a:r></a:p>");
    let shape = |kind: &str, inside: &str| {
        format!("<p:sp><p:nvSpPr><p:nvPr>{kind}</p:nvPr></p:nvSpPr><p:txBody>{inside}</p:txBody></p:sp>")
    };
    let cell = |text: &str| format!("<a:tc><a:txBody>{}</a:txBody></a:tc>", paragraph(text));
    let first = slide(
        "",
        &[
            shape("<p:ph type=\"title\"/>", &paragraph("Returns &amp; refunds")),
            shape(
                "<p:ph idx=\"1\"/>",
                &[
                    paragraph("Thirty days"),
                    "<a:p><a:pPr lvl=\"1\"/><a:r><a:rPr><a:hlinkClick r:id=\"r9\"/></a:rPr><a:t>See our page</a:t></a:r></a:p>".to_owned(),
                ]
                .concat(),
            ),
            shape("<p:ph type=\"sldNum\"/>", &paragraph("17")),
            format!(
                "<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr>{}{}</a:tr><a:tr>{}{}</a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>",
                cell("Country"),
                cell("Cost"),
                cell("Austria"),
                cell("4.90")
            ),
            "<p:pic><p:nvPicPr><p:cNvPr descr=\"A lamp on an oak table\"/></p:nvPicPr></p:pic>".to_owned(),
        ]
        .concat(),
    );
    let second = slide(
        "",
        "<p:graphicFrame><a:graphic><a:graphicData><c:chart r:id=\"r1\"/></a:graphicData></a:graphic></p:graphicFrame>",
    );
    let hidden = slide(" show=\"0\"", &shape("", &paragraph("Margins")));
    let notes = slide("", &shape("<p:ph type=\"body\"/>", &paragraph("Say it twice.")));
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"x/{kind}\" Target=\"{target}\"/>")
    };
    let relations = |inside: &str| format!("<Relationships>{inside}</Relationships>");
    let main = relations(
        &[
            relation("a", "slide", "slides/s1.xml"),
            relation("b", "slide", "/ppt/slides/s2.xml"),
            relation("c", "slide", "slides/s3.xml"),
        ]
        .concat(),
    );
    let of_first = relations(
        &[
            relation("r8", "notesSlide", "../notes/n1.xml"),
            "<Relationship Id=\"r9\" Type=\"x/hyperlink\" Target=\"https://lumen-oak.example/returns\" TargetMode=\"External\"/>".to_owned(),
        ]
        .concat(),
    );
    let of_second = relations(&relation("r1", "chart", "../charts/c1.xml"));
    let presentation = "<p:presentation xmlns:p=\"p\" xmlns:r=\"r\"><p:sldIdLst><p:sldId id=\"256\" r:id=\"a\"/><p:sldId id=\"257\" r:id=\"b\"/><p:sldId id=\"258\" r:id=\"c\"/></p:sldIdLst></p:presentation>";
    zipped(&[
        ("ppt/presentation.xml", presentation.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", main.as_bytes()),
        ("ppt/slides/s1.xml", first.as_bytes()),
        ("ppt/slides/_rels/s1.xml.rels", of_first.as_bytes()),
        ("ppt/slides/s2.xml", second.as_bytes()),
        ("ppt/slides/_rels/s2.xml.rels", of_second.as_bytes()),
        ("ppt/slides/s3.xml", hidden.as_bytes()),
        ("ppt/notes/n1.xml", notes.as_bytes()),
        ("ppt/charts/c1.xml", CHART.as_bytes()),
    ])
}

/// A workbook whose first sheet has these rows, in XML.
pub fn xlsx_of(rows: &str, shared: &str) -> Vec<u8> {
    let sheet = format!(
        "<worksheet><cols><col min=\"4\" max=\"4\" hidden=\"1\"/></cols><sheetData>{rows}</sheetData></worksheet>"
    );
    let shared = format!("<sst>{shared}</sst>");
    let book = "<workbook xmlns:r=\"r\"><sheets><sheet name=\"Prices\" r:id=\"a\"/><sheet name=\"Costs\" state=\"hidden\" r:id=\"a\"/></sheets></workbook>";
    let styles = "<styleSheet><numFmts><numFmt numFmtId=\"170\" formatCode=\"0.00\\ &quot;€&quot;\"/></numFmts><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"170\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>";
    let relations = "<Relationships><Relationship Id=\"a\" Type=\"x/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"b\" Type=\"x/sharedStrings\" Target=\"sharedStrings.xml\"/><Relationship Id=\"c\" Type=\"x/styles\" Target=\"styles.xml\"/></Relationships>";
    zipped(&[
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/sharedStrings.xml", shared.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// A caption, a table with money and dates, a hidden column and a hidden row.
pub fn xlsx() -> Vec<u8> {
    xlsx_of(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>\
         <row r=\"2\"><c r=\"A2\" t=\"s\"><v>1</v></c><c r=\"B2\" t=\"inlineStr\"><is><t>Price</t></is></c><c r=\"C2\" t=\"str\"><f>x</f><v>Since</v></c><c r=\"D2\"><v>1</v></c></row>\
         <row r=\"3\"><c r=\"A3\" t=\"s\"><v>2</v></c><c r=\"B3\" s=\"1\"><v>49.9</v></c><c r=\"C3\" s=\"2\"><v>45292</v></c><c r=\"D3\"><v>20</v></c></row>\
         <row r=\"4\" hidden=\"1\"><c r=\"A4\" t=\"s\"><v>2</v></c></row>",
        "<si><t>Our prices</t></si><si><r><t>La</t></r><r><t>mp</t></r></si><si><t>Alba &lt;S&gt;</t></si>",
    )
}

/// A sheet that has a chart beside its cells, and one that is a chart.
pub fn xlsx_with_charts() -> Vec<u8> {
    let one = |kind: &str, target: &str| {
        format!(
            "<Relationships><Relationship Id=\"a\" Type=\"x/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    let book = "<workbook xmlns:r=\"r\"><sheets><sheet name=\"Lamps\" r:id=\"a\"/><sheet name=\"Year\" r:id=\"b\"/></sheets></workbook>";
    let relations = "<Relationships><Relationship Id=\"a\" Type=\"x/worksheet\" Target=\"worksheets/s1.xml\"/><Relationship Id=\"b\" Type=\"x/chartsheet\" Target=\"chartsheets/s2.xml\"/></Relationships>";
    let sheet = "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>Alba</t></is></c></row></sheetData></worksheet>";
    zipped(&[
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/s1.xml", sheet.as_bytes()),
        ("xl/chartsheets/s2.xml", b"<chartsheet/>"),
        (
            "xl/worksheets/_rels/s1.xml.rels",
            one("drawing", "../drawings/d1.xml").as_bytes(),
        ),
        (
            "xl/chartsheets/_rels/s2.xml.rels",
            one("drawing", "../drawings/d1.xml").as_bytes(),
        ),
        ("xl/drawings/d1.xml", b"<drawing/>"),
        (
            "xl/drawings/_rels/d1.xml.rels",
            one("chart", "../charts/c1.xml").as_bytes(),
        ),
        ("xl/charts/c1.xml", CHART.as_bytes()),
    ])
}

/// A text of this body.
pub fn odt_of(body: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content xmlns:office=\"o\" xmlns:text=\"t\" xmlns:table=\"b\" xmlns:style=\"s\" xmlns:fo=\"f\" xmlns:xlink=\"x\" xmlns:draw=\"d\"><office:automatic-styles><text:list-style style:name=\"L1\"><text:list-level-style-number text:level=\"1\" style:num-format=\"1\"/><text:list-level-style-bullet text:level=\"2\"/></text:list-style><style:style style:name=\"H\"><style:text-properties text:display=\"none\"/></style:style></office:automatic-styles><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    );
    zipped(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", content.as_bytes()),
    ])
}

/// A text with headings, lists, a table with a merged cell, a note, deleted and hidden text.
pub fn odt() -> Vec<u8> {
    odt_of(
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>\
         <text:p text:style-name=\"Title\">Wood care</text:p>\
         <text:h text:outline-level=\"1\">Oil</text:h>\
         <text:p>Oil it<text:s text:c=\"2\"/>twice a <text:span text:style-name=\"H\">secret </text:span><text:a xlink:href=\"https://lumen-oak.example/oil\">year</text:a>.<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>In spring.</text:p></text:note-body></text:note></text:p>\
         <text:list text:style-name=\"L1\"><text:list-item><text:p>sand</text:p><text:list><text:list-item><text:p>fine paper</text:p></text:list-item></text:list></text:list-item><text:list-item><text:p>oil</text:p></text:list-item></text:list>\
         <table:table><table:table-row><table:table-cell><text:p>Care</text:p></table:table-cell><table:table-cell><text:p>Rule</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell table:number-columns-spanned=\"2\"><text:p>Coasters</text:p></table:table-cell><table:covered-table-cell/></table:table-row></table:table>",
    )
}

/// A sheet with cells that repeat beyond all reason.
pub fn ods() -> Vec<u8> {
    let content = "<office:document-content xmlns:office=\"o\" xmlns:text=\"t\" xmlns:table=\"b\"><office:body><office:spreadsheet><table:table table:name=\"Prices\"><table:table-row><table:table-cell><text:p>Lamp</text:p></table:table-cell><table:table-cell><text:p>Price</text:p></table:table-cell><table:table-cell table:number-columns-repeated=\"16382\"/></table:table-row><table:table-row><table:table-cell><text:p>S</text:p></table:table-cell><table:table-cell office:value-type=\"currency\"><text:p>4,90 €</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated=\"1048574\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>";
    zipped(&[("content.xml", content.as_bytes())])
}

/// A book of two chapters, one of which the spine names twice, and one that leads out.
pub fn epub() -> Vec<u8> {
    let container = "<container><rootfiles><rootfile full-path=\"OEBPS/book.opf\"/></rootfiles></container>";
    let book = "<package xmlns:dc=\"d\"><metadata><dc:title>Lamp book</dc:title><dc:creator>Ada</dc:creator><dc:language>en</dc:language></metadata><manifest><item id=\"n\" href=\"nav.xhtml\" media-type=\"application/xhtml+xml\" properties=\"nav\"/><item id=\"b\" href=\"t/two%20.xhtml\" media-type=\"application/xhtml+xml\"/><item id=\"a\" href=\"t/one.xhtml\" media-type=\"application/xhtml+xml\"/><item id=\"x\" href=\"../../../../etc/passwd\" media-type=\"application/xhtml+xml\"/></manifest><spine><itemref idref=\"n\"/><itemref idref=\"b\"/><itemref idref=\"a\"/><itemref idref=\"b\"/><itemref idref=\"x\"/></spine></package>";
    let nav = "<html><body><nav><a href=\"t/one.xhtml\">Bulbs</a></nav></body></html>";
    let one = "<?xml version=\"1.0\"?><html><head><title/></head><body><p>E27 fits.</p></body></html>";
    let two = "<html><body><h1>Oak</h1><p>Oil it.</p></body></html>";
    zipped(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container.as_bytes()),
        ("OEBPS/book.opf", book.as_bytes()),
        ("OEBPS/nav.xhtml", nav.as_bytes()),
        ("OEBPS/t/one.xhtml", one.as_bytes()),
        ("OEBPS/t/two .xhtml", two.as_bytes()),
    ])
}

/// An e-mail with a table and a Word document in it.
pub fn email() -> Vec<u8> {
    use base64::Engine as _;
    let word = base64::engine::general_purpose::STANDARD
        .encode(docx("<w:p><w:r><w:t>Oil it twice.</w:t></w:r></w:p>"));
    format!(
        "From: Ada <ada@lumen-oak.example>\r\nTo: staff@lumen-oak.example\r\nSubject: Care\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease read this.\r\n--x\r\nContent-Type: application/octet-stream; name=\"care.docx\"\r\nContent-Disposition: attachment; filename=\"care.docx\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{word}\r\n--x--\r\n"
    )
    .into_bytes()
}

/// A short RTF document.
pub fn rtf() -> Vec<u8> {
    b"{\\rtf1\\ansi\\ansicpg1252{\\info{\\title Care}}\\pard Oil it tw\\'efce.\\par}".to_vec()
}

/// One of each kind, with its file name.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a.docx", docx("<w:p><w:r><w:t>text</w:t></w:r></w:p>")),
        ("a.pptx", pptx()),
        ("a.xlsx", xlsx()),
        ("a.odt", odt()),
        ("a.ods", ods()),
        ("a.epub", epub()),
        ("a.eml", email()),
        ("a.rtf", rtf()),
        ("a.csv", b"Lamp;Price\nS;4,90\nM;5,90\n".to_vec()),
    ]
}
