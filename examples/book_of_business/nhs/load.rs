//! How do level columns become a book?
//!
//! The levels from the top down, each with the column that names its accounts, and the policy. This is the part
//! that a host writes.

use std::error::Error;

use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable, LookupTable, UnmatchedKey};
use perennial::aggregate::{Operator, RollUp, RollUpErrors, RollUpPlan};
use perennial::source::{Level, LevelColumns};
use perennial::{
    Attribute, AttributeType, Book, EnumValues, FaultKind, LoadReport, Nesting, Policy, Remedy, Schema,
    SchemaErrors, SystemAttribute,
};

use crate::measured::data;

/// Account types from the top down, the columns of their codes and names, and what they are called in figures.
pub const LEVELS: [(&str, &str, &str, &str); 4] = [
    ("Region", "COMM_REGION_CODE", "COMM_REGION_NAME", "region"),
    ("System", "STP_CODE", "STP_NAME", "stp"),
    ("Group", "CCG_CODE", "CCG_NAME", "ccg"),
    ("Network", "PCN_CODE", "PCN_NAME", "pcn"),
];

/// Codes that stand for no network: `Unallocated`, in 34 groups at once.
pub const PLACEHOLDERS: [&str; 1] = ["U"];

/// A loaded book and what is to be said about its load.
#[derive(Debug)]
pub struct Loaded {
    pub book: Book,
    pub report: LoadReport,
}

/// What is known of an organisation.
pub fn schema() -> Result<Schema, SchemaErrors> {
    let security = EnumValues::new([
        "Not Published",
        "Standards Not Met",
        "Approaching Standards",
        "Standards Met",
        "Standards Exceeded",
    ]);
    let types = LEVELS.iter().map(|(name, ..)| *name).chain(["Practice"]);
    types
        .fold(Schema::builder(), |schema, name| schema.account_type(name, Nesting::Ordered))
        .system(SystemAttribute::Name)
        .attribute(Attribute::new("postcode", AttributeType::Text))
        .attribute(Attribute::new("commissioner", AttributeType::Text))
        .attribute(Attribute::new("security", AttributeType::Band(security)))
        .build()
}

/// The mapping of the files: a row is a practice, and its columns are the levels above it.
pub fn source(schema: &Schema, placeholders: &[&str]) -> Result<LevelColumns<CsvSource>, Box<dyn Error>> {
    let file = |name: &str| CsvInput::path(data("nhs-organisations").join(name));
    let status = LookupTable::new(file("security_toolkit_status_2022-02-08.csv"), "Code", "Short.Status");
    let mut practices = CsvTable::accounts(file("practice_map_2022-01.csv"))
        .column("id", "PRACTICE_CODE")
        .column("account_type", Column::constant("Practice"))
        .column("name", "PRACTICE_NAME")
        .column("postcode", "PRACTICE_POSTCODE")
        .column("commissioner", "CCG_CODE")
        .text("status", Column::from("CCG_CODE").lookup(status.unmatched(UnmatchedKey::Missing)));
    for (_, code, name, _) in LEVELS {
        practices = practices.text(code, code).text(name, name);
    }
    let rows = CsvSource::builder(schema).table(practices).build()?;
    let levels = LEVELS.map(|(kind, code, name, _)| {
        let level = Level::new(kind, code).value("name", name);
        match kind {
            "Group" => level.value("security", "status"),
            "Network" => placeholders.iter().fold(level, |level, code| level.placeholder(code)),
            _ => level,
        }
    });
    Ok(LevelColumns::new(rows, levels))
}

/// Strict, but for networks that stand in two groups: they are under the one of the smaller code.
pub fn load(placeholders: &[&str]) -> Result<Loaded, Box<dyn Error>> {
    let schema = schema()?;
    let source = source(&schema, placeholders)?;
    let policy = Policy::strict().with(FaultKind::SeveralParents, Remedy::Prefer)?;
    let (book, report) = Book::load(schema, &source, &policy)?;
    Ok(Loaded { book, report })
}

/// Practices, which have postcodes where nothing else has, and groups by how well they keep data safe.
pub fn totals(book: &Book) -> Result<RollUpPlan, RollUpErrors> {
    let roll_ups = [
        RollUp::new("practices", Operator::Count).filter("has(postcode)"),
        RollUp::new("groups_by_security", Operator::Distribution("security".into())),
    ];
    RollUpPlan::new(book.schema(), &**book.schema(), roll_ups)
}
