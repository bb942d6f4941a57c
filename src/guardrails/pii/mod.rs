//! SHIM
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind { Email, Phone, Card, Iban, Ip, NationalId }
#[derive(Debug)]
pub struct Span { pub start: usize, pub end: usize, pub kind: Kind }
pub fn find(_: &str) -> Vec<Span> { vec![] }
#[derive(Default, Clone, Debug)]
pub struct Placeholders;
impl Placeholders {
    pub fn from_entries(_: impl IntoIterator<Item=(String,String)>) -> Self { Self }
    pub fn mask(&mut self, t: &str) -> String { t.to_owned() }
    pub fn reveal(&self, t: &str) -> String { t.to_owned() }
    pub fn take_new(&mut self) -> Vec<(String, String)> { vec![] }
}
