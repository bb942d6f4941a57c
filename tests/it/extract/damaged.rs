//! Files that were cut, or of which bytes were changed: each ends as text or with a reason.

use deskhand::knowledge::extract::reader::{ReadError, Reader};

use super::samples;
use crate::support::knowledge::reading;

const CODES: [&str; 7] = [
    "encrypted",
    "corrupt",
    "empty",
    "unsupported_type",
    "too_large",
    "too_slow",
    "too_much_memory",
];

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

/// A file cut, with bytes changed, with a piece twice, or with a piece gone.
fn damaged(file: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = dice.below(file.len());
    let length = dice.below(64.min(file.len() - at)) + 1;
    match dice.below(4) {
        0 => file.truncate(at),
        1 => {
            for _ in 0..=dice.below(8) {
                let place = dice.below(file.len());
                file[place] ^= 1 << dice.below(8);
            }
        }
        2 => {
            let piece = file[at..at + length].to_vec();
            file.splice(at..at, piece);
        }
        _ => drop(file.drain(at..at + length)),
    }
    file
}

#[tokio::test]
async fn damaged_files_end_as_text_or_with_a_reason() {
    let reader = Reader::new(reading());
    let mut dice = Dice(0x5eed_1a3b_0a4c_11ed);
    let mut work = Vec::new();
    for (name, file) in samples::all() {
        for _ in 0..24 {
            work.push((name, damaged(&file, &mut dice)));
        }
    }
    let (mut texts, mut reasons) = (0, 0);
    for (name, file) in work {
        match reader.read(&file, name).await {
            Ok(_) => texts += 1,
            Err(ReadError::Unfit(unfit)) => {
                assert!(CODES.contains(&unfit.code()), "{name}: {unfit:?}");
                reasons += 1;
            }
            Err(other) => panic!("{name}: {other}"),
        }
    }
    println!("{texts} as text, {reasons} with a reason");
    assert!(texts > 0 && reasons > 0);
}

#[tokio::test]
async fn parts_that_are_damaged_inside_a_whole_archive_are_too() {
    let reader = Reader::new(reading());
    let mut dice = Dice(0xfeed_beef_cafe_0001);
    for (name, file) in samples::all() {
        let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(&file)) else {
            continue;
        };
        let parts: Vec<(String, Vec<u8>)> = (0..archive.len())
            .map(|i| {
                let mut part = archive.by_index(i).unwrap();
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
                (part.name().to_owned(), bytes)
            })
            .collect();
        for _ in 0..24 {
            let hit = dice.below(parts.len());
            let changed: Vec<(&str, Vec<u8>)> = parts
                .iter()
                .enumerate()
                .map(|(i, (name, bytes))| {
                    let bytes = if i == hit && !bytes.is_empty() {
                        damaged(bytes, &mut dice)
                    } else {
                        bytes.clone()
                    };
                    (name.as_str(), bytes)
                })
                .collect();
            let parts: Vec<(&str, &[u8])> = changed.iter().map(|(n, b)| (*n, b.as_slice())).collect();
            match reader.read(&super::zipped(&parts), name).await {
                Ok(_) => {}
                Err(ReadError::Unfit(unfit)) => assert!(CODES.contains(&unfit.code()), "{name}: {unfit:?}"),
                Err(other) => panic!("{name}: {other}"),
            }
        }
    }
}
