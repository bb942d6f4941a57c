//! A site of about a thousand passages: a shop's products, what is said of each, and a
//! question to each passage. The same every time.

use std::fmt::Write;
use std::path::Path;

const KINDS: [&str; 20] = [
    "desk lamp",
    "floor lamp",
    "wall shelf",
    "coffee table",
    "bar stool",
    "oak bench",
    "bread board",
    "coat rack",
    "mirror",
    "picture frame",
    "wall clock",
    "book end",
    "pendant lamp",
    "wine rack",
    "plant stand",
    "bedside table",
    "garden chair",
    "tool box",
    "tea tray",
    "umbrella stand",
];
const MAKES: [&str; 24] = [
    "Aspen", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Grove", "Harbour", "Indigo", "Juniper", "Kestrel",
    "Linden", "Meadow", "Nordic", "Orchard", "Pebble", "Quarry", "River", "Saffron", "Thistle", "Upland",
    "Valley", "Willow", "Yarrow",
];
const PLACES: [&str; 7] = [
    "Austria", "Germany", "Denmark", "Poland", "Portugal", "Slovenia", "Sweden",
];
const FINISHES: [&str; 6] = [
    "linseed oil",
    "hard wax",
    "clear varnish",
    "powder coating",
    "beeswax",
    "soap",
];
const CLOTHS: [&str; 5] = [
    "dry cotton cloth",
    "damp linen cloth",
    "soft brush",
    "microfibre cloth",
    "dry sponge",
];

/// What is said of each product, and how it is asked for.
const TOPICS: [(&str, &str); 4] = [
    ("Delivery", "How many working days does delivery of the {} take?"),
    ("Returns", "How long can I send the {} back?"),
    ("Care", "How do I clean the {}?"),
    ("Warranty", "How many years of warranty does the {} have?"),
];

/// How many products there are.
const PRODUCTS: usize = KINDS.len() * MAKES.len();

/// How many different questions there are.
pub const QUESTIONS: usize = PRODUCTS * TOPICS.len();

fn product(n: usize) -> String {
    format!(
        "{} {}",
        MAKES[n % MAKES.len()],
        KINDS[n / MAKES.len() % KINDS.len()]
    )
}

/// The n-th question; neighbours ask for different products.
pub fn question(n: usize) -> String {
    let topic = TOPICS[n / PRODUCTS % TOPICS.len()].1;
    topic.replace("{}", &product(n % PRODUCTS))
}

/// Writes the documents into a folder.
pub fn write(folder: &Path) {
    for n in 0..PRODUCTS {
        std::fs::write(folder.join(format!("product-{n}.md")), document(n)).unwrap();
    }
}

fn document(n: usize) -> String {
    let name = product(n);
    let [days, weeks, years] = [2 + n % 9, 2 + n % 5, 2 + n % 7];
    let (place, finish, cloth) = (PLACES[n % 7], FINISHES[n % 6], CLOTHS[n % 5]);
    let fee = 3 + n % 8;
    let mut text = format!("# {name}\n");
    let sections = [
        format!(
            "Delivery of the {name} takes {days} working days after payment. Parcels leave our workshop in {place} on \
             weekdays before noon. A parcel that is too large for a letter box is handed to a neighbour or kept at \
             the nearest pick-up point for a week. Delivery to an island costs €{fee}.50 more. You get a message with \
             a tracking link as soon as the parcel has left. Assembly at your home can be booked with the order, and \
             the fitters call one day before they come. Somebody has to be at home and the way to the room has to be \
             free."
        ),
        format!(
            "You can send the {name} back within {weeks} weeks of delivery. The parts must be complete and without \
             traces of use beyond trying them out. Pack it in the box that it came in, or in one of the same size. \
             A label for the way back costs €{fee}.90 and is sent by e-mail within a day. The money is paid back by \
             the means that you paid with, once the parcel has been checked. What was made to your own measure is \
             kept, unless it has a fault."
        ),
        format!(
            "Clean the {name} with a {cloth} about once a month. Its surface has a coat of {finish} that water and \
             weak soap don't harm. Wipe spilled drinks off at once, and never use scouring powder or anything with \
             alcohol. Fresh {finish} can be put on after a few years with a lint-free rag along the grain. Let it dry \
             overnight with a window open. Sunlight changes the colour of the wood over the years, which is no fault."
        ),
        format!(
            "The warranty of the {name} lasts {years} years from the day of purchase. It covers faults of material \
             and of making, the joints and the screws among them. Wear, scratches and damage by water are not \
             covered. Send us the number of the order and two pictures of the fault, and we answer within three \
             working days. Spare parts are kept for ten years after the last one was made in {place}."
        ),
    ];
    for ((topic, _), section) in TOPICS.iter().zip(sections) {
        let _ = write!(text, "\n## {topic}\n\n{section}\n");
    }
    text
}
