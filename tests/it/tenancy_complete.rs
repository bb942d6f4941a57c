//! Reads the source of `db/` for functions that take a site's transaction, and fails for
//! one that no test calls under the wrong site.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_function_is_called_under_the_wrong_site() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join("tests/it").join(name)).unwrap();
    let mut tests = read("tenancy_queries.rs")
        + &read("tenancy_vectors.rs")
        + &read("tenancy_turns.rs")
        + &read("tenancy_hands.rs")
        + &read("tenancy_intake.rs")
        + &read("tenancy_mail.rs")
        + &read("tenancy_tools.rs")
        + &read("tenancy_persons.rs")
        + &read("tenancy_tickets.rs")
        + &read("tenancy_crawl.rs")
        + &read("tenancy_bridge.rs")
        + &read("tenancy_retention.rs")
        + &read("tenancy_connections.rs");
    tests.retain(|c| !c.is_whitespace());
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    for file in walkdir::WalkDir::new(root.join("src/db"))
        .into_iter()
        .map(Result::unwrap)
    {
        let path = file.path().to_string_lossy().into_owned();
        if !path.ends_with(".rs") || path.contains("embedded") {
            continue;
        }
        let inside = path.split("src/db/").nth(1).unwrap();
        let module = inside.split(['/', '.']).next().unwrap();
        let source: syn::File = syn::parse_file(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
        for item in source.items {
            let syn::Item::Fn(f) = item else { continue };
            let takes_tx = f.sig.inputs.iter().any(|i| {
                matches!(i, syn::FnArg::Typed(t) if matches!(&*t.ty, syn::Type::Reference(r)
                    if matches!(&*r.elem, syn::Type::Path(p) if p.path.segments.last().is_some_and(|s| s.ident == "SiteTx"))))
            });
            if takes_tx && matches!(f.vis, syn::Visibility::Public(_)) {
                seen += 1;
                let call = format!("{module}::{}(tx", f.sig.ident);
                if !tests.contains(&call) {
                    missing.insert(call);
                }
            }
        }
    }
    assert!(seen > 65, "only {seen} functions were found");
    assert!(missing.is_empty(), "not called under the wrong site: {missing:?}");
}
