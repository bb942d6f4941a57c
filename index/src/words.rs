//! A language's postings: for each lexeme the passages that have it, in order of their
//! places, four bytes each.

use std::collections::HashMap;

use crate::bits::Bits;

/// The place in the upper 24 bits, how often in the lower eight.
pub(crate) type Posting = u32;

pub(crate) const MOST_PLACES: u32 = 1 << 24;

#[inline(always)]
pub(crate) fn place(posting: Posting) -> u32 {
    posting >> 8
}

#[inline(always)]
pub(crate) fn often(posting: Posting) -> u8 {
    (posting & 0xff) as u8
}

/// One language's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Language {
    pub name: Box<str>,
    pub chunks: i64,
    pub total_length: i64,
    lexemes: HashMap<Box<str>, u32>,
    lists: Vec<Vec<Posting>>,
    /// The bytes of lexemes and of lists, about.
    bytes: usize,
}

/// What a lexeme takes beside its text: an entry of the table and a list's head.
const LEXEME: usize = 72;

impl Language {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    pub fn add(&mut self, lexeme: &str, place: u32, often: u8) {
        let number = match self.lexemes.get(lexeme) {
            Some(number) => *number as usize,
            None => {
                let number = self.lists.len();
                self.lexemes
                    .insert(lexeme.into(), u32::try_from(number).unwrap_or(u32::MAX));
                self.lists.push(Vec::new());
                self.bytes += LEXEME + lexeme.len();
                number
            }
        };
        let list = &mut self.lists[number];
        let before = list.capacity();
        if list.len() == before {
            // A quarter more, not twice as many: most of a large site's memory is here.
            list.reserve_exact((before / 4).max(2));
        }
        list.push(place << 8 | u32::from(often));
        self.bytes += size_of::<Posting>() * (list.capacity() - before);
    }

    pub fn postings(&self, lexeme: &str) -> &[Posting] {
        let number = self.lexemes.get(lexeme);
        number.map_or(&[], |number| &self.lists[*number as usize])
    }

    /// In how many of these passages it is.
    pub fn df(&self, lexeme: &str, alive: &Bits, any_dead: bool) -> i64 {
        let list = self.postings(lexeme);
        let n = if any_dead {
            list.iter().filter(|p| alive.contains(place(**p))).count()
        } else {
            list.len()
        };
        i64::try_from(n).unwrap_or(i64::MAX)
    }

    /// Gives passages their new places; those that have none any more are left out. The new
    /// places must be in the order of the old ones.
    pub fn move_to(&mut self, places: &[Option<u32>]) {
        for list in &mut self.lists {
            let moved = list.iter().filter_map(|p| {
                let new = places.get(place(*p) as usize).copied().flatten()?;
                Some(new << 8 | u32::from(often(*p)))
            });
            *list = moved.collect();
            list.shrink_to_fit();
        }
        let lists = &self.lists;
        self.lexemes
            .retain(|_, number| !lists[*number as usize].is_empty());
        let mut kept = Vec::with_capacity(self.lexemes.len());
        for number in self.lexemes.values_mut() {
            let list = std::mem::take(&mut self.lists[*number as usize]);
            *number = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            kept.push(list);
        }
        self.lists = kept;
        let of_lists: usize = self
            .lists
            .iter()
            .map(|l| size_of::<Posting>() * l.capacity())
            .sum();
        let of_lexemes: usize = self.lexemes.keys().map(|l| LEXEME + l.len()).sum();
        self.bytes = of_lists + of_lexemes;
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
