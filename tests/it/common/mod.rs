//! Books for tests: one schema with every kind of attribute, and forests made of plain bytes, so that
//! proptest can shrink them.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

pub mod cases;
pub mod definitions;
pub mod kinds;
pub mod sealed;
pub mod unrated;

pub use cases::config;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use perennial::aggregate::UsageSchema;
use perennial::catalog::{Catalog, MemoryHistory};
use perennial::engine::{Engine, Update};
use perennial::segment::Segment;
use perennial::source::MemorySource;
use perennial::testkit::Random;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Currency,
    Date, Decimal, EnumValues, LoadReport, Money, Nesting, Policy, Schema, Scope, StatusGroup,
    SystemAttribute, TableKind, Value, View, Weekday,
};

/// The directory of the library.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

pub const PRODUCTS: [&str; 3] = ["CRM", "Billing", "Support"];
pub const TYPES: [&str; 3] = ["Group", "Company", "Team"];
pub const CHUNK_ROWS: [u32; 6] = [1, 2, 3, 7, 64, 4_096];

/// Groups and companies stand under each other to any depth; teams have nothing below but products are
/// accounts of any type. `plan` is required of teams, `floor` fits only teams.
pub fn schema() -> Arc<Schema> {
    let mut builder = Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Company", Nesting::Free)
        .account_type("Team", Nesting::Ordered);
    for product in PRODUCTS {
        builder = builder.product(product);
    }
    let tickets = ChildTable::new("tickets", TableKind::Tickets)
        .column(Attribute::new("title", AttributeType::Text))
        .column(Attribute::new("hours", AttributeType::Decimal { scale: 1 }).required())
        .column(Attribute::new("open", AttributeType::Bool));
    let contracts = ChildTable::new("contracts", TableKind::Contracts)
        .column(Attribute::new("currency", AttributeType::Text))
        .column(Attribute::new("amount", AttributeType::MixedMoney { currency_column: "currency".into() }));
    let schema = builder
        .system(SystemAttribute::Name)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
        .attribute(Attribute::new("score", AttributeType::Decimal { scale: 2 }))
        .attribute(Attribute::new("rate", AttributeType::Double))
        .attribute(Attribute::new("since", AttributeType::Date))
        .attribute(Attribute::new("region", AttributeType::Enum(EnumValues::new(["EMEA", "APAC"]))))
        .attribute(Attribute::new("mood", AttributeType::Band(EnumValues::new(["poor", "good"]))))
        .attribute(Attribute::new("active", AttributeType::Bool))
        .attribute(Attribute::new("tags", AttributeType::List))
        .attribute(Attribute::new("plan", AttributeType::Text).required_at(["Team"]))
        .attribute(Attribute::new("floor", AttributeType::Int).applies_to(["Team"]))
        .status([
            ("trial", StatusGroup::Free),
            ("live", StatusGroup::Paying),
            ("gone", StatusGroup::Cancelled),
        ])
        .table(tickets)
        .table(contracts);
    Arc::new(schema.build().unwrap())
}

/// A catalog of nothing but segments.
pub fn portfolio(schema: &Arc<Schema>, segments: impl IntoIterator<Item = Segment>) -> Catalog {
    let segments = segments.into_iter().map(Into::into);
    Catalog::new(schema, &UsageSchema::default(), segments).unwrap()
}

/// All accounts of a book, or about three of four.
pub fn some_scope(book: &Book, ids: &[&str], random: &mut Random) -> Scope {
    match random.below(3) {
        0 => Scope::all(),
        _ => Scope::of(book.accounts(ids.iter().copied().filter(|_| random.below(4) > 0))),
    }
}

/// Days of the week, from Monday.
pub const WEEKDAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// A book of companies with seats alone, each with its parent, or `""` for none.
pub fn companies(of: &[(&str, &str)]) -> Book {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .build()
        .unwrap();
    let source = of.iter().fold(MemorySource::new(), |source, (name, parent)| {
        let row = AccountRow::new(id(name), "Company").with("seats", 10_i64);
        source.account(if parent.is_empty() { row } else { row.under(id(parent)) })
    });
    Book::load(schema, &source, &Policy::strict()).unwrap().0
}

pub fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

pub fn child(text: &str) -> ChildId {
    ChildId::new(text).unwrap()
}

pub fn as_of() -> AsOf {
    AsOf::date_utc(Date::new(2026, 1, 31).unwrap())
}

pub fn view(book: &Book) -> View {
    book.view(&Scope::all(), as_of()).unwrap()
}

/// Rows as a host declares them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub accounts: Vec<AccountRow>,
    pub children: Vec<(&'static str, ChildRow)>,
}

impl Rows {
    pub fn source(&self) -> MemorySource {
        let mut source = MemorySource::new().accounts(self.accounts.iter().cloned()).batch_rows(7);
        for (table, row) in &self.children {
            source = source.child(table, row.clone());
        }
        source
    }

    pub fn shuffled(&self, seed: u64) -> Self {
        let mut rows = self.clone();
        let mut random = Random::new(seed);
        random.shuffle(&mut rows.accounts);
        random.shuffle(&mut rows.children);
        rows
    }

    pub fn load(&self, chunk_rows: u32, policy: Policy) -> (Book, LoadReport) {
        let builder = Book::builder(schema()).policy(policy).chunk_rows(chunk_rows);
        let (book, report) = builder.load(&self.source()).unwrap();
        book.verify().unwrap();
        (book, report)
    }
}

/// A value of an attribute from two bytes; `None` where the attribute does not exist.
pub fn value_of(attribute: &str, byte: u8) -> Option<Value> {
    let small = i64::from(byte);
    Some(match attribute {
        "name" | "plan" => Value::text(["", "Acme", "Über", "Zed"][usize::from(byte) % 4]),
        "seats" | "floor" => Value::Int(small - 100),
        "arr" => Value::Money(Money::from_minor(i128::from(small) * 1_001, Currency::USD)),
        "score" => Value::Decimal(Decimal::new(i128::from(small) - 50, 2)),
        "rate" => Value::Double(f64::from(byte) / 3.0),
        "since" => Value::Date(Date::from_days(20_000 + i32::from(byte)).unwrap()),
        "region" => Value::Enum(["EMEA", "APAC"][usize::from(byte) % 2].into()),
        "mood" => {
            let rank = u16::from(byte % 2);
            Value::Band { rank, text: ["poor", "good"][usize::from(rank)].into() }
        }
        "active" => Value::Bool(byte.is_multiple_of(2)),
        "status" => Value::Enum(["gone", "live", "trial"][usize::from(byte) % 3].into()),
        "tags" => Value::list(["x", "yy", ""].into_iter().take(usize::from(byte) % 4)),
        _ => return None,
    })
}

pub const ATTRIBUTES: [&str; 11] =
    ["name", "seats", "arr", "score", "rate", "since", "region", "mood", "active", "tags", "status"];

/// An id whose order has nothing to do with the number.
pub fn id_of(number: usize) -> AccountId {
    let mixed = (number * 167 + 13) % 256;
    id(&format!("{mixed:02x}-{number}"))
}

/// Rows of a forest without faults, parents before children; see [`Rows::shuffled`].
pub fn forest(seeds: &[[u8; 5]]) -> Rows {
    let mut rows = Rows::default();
    let mut kinds: Vec<usize> = Vec::new();
    let mut owned: HashSet<(Option<usize>, usize)> = HashSet::new();
    let mut is_product: Vec<bool> = Vec::new();
    for (number, [above, kind, product, values, child_rows]) in seeds.iter().enumerate() {
        // One account in eight is a root; the others hang under one that may have children.
        let open: Vec<usize> = (0..number).filter(|n| kinds[*n] < 2 && !is_product[*n]).collect();
        let above = usize::from(*above);
        let parent =
            if above % 8 == 0 || open.is_empty() { None } else { Some(open[above / 8 % open.len()]) };
        let kind = parent.map_or(usize::from(*kind) % 2, |p| (usize::from(*kind) % 3).max(kinds[p]));
        let mut row = AccountRow::new(id_of(number), TYPES[kind]);
        if let Some(parent) = parent {
            row = row.under(id_of(parent));
        }
        let product = usize::from(*product) % 6;
        let owns = product < 3 && parent.is_some() && owned.insert((parent, product));
        if owns {
            row = row.product(PRODUCTS[product]);
        }
        for (place, attribute) in ATTRIBUTES.into_iter().enumerate() {
            if (usize::from(*values) + place * 3) % 5 < 2 {
                let value = value_of(attribute, values.wrapping_mul(31).wrapping_add(place as u8)).unwrap();
                row = row.with(attribute, value);
            }
        }
        if kind == 2 {
            row = row.with("plan", "basic");
        }
        kinds.push(kind);
        is_product.push(owns);
        for child_row in 0..child_rows % 4 {
            let (table, row) = child_row_of(&id_of(number), number * 4 + usize::from(child_row), *child_rows);
            rows.children.push((table, row));
        }
        rows.accounts.push(row);
    }
    rows
}

/// A child row for an account.
pub fn child_row_of(account: &AccountId, number: usize, byte: u8) -> (&'static str, ChildRow) {
    let mixed = (number * 89 + 5) % 256;
    let row = ChildRow::new(child(&format!("{mixed:02x}c{number}")), account.clone());
    if byte.is_multiple_of(3) {
        let currency = if byte.is_multiple_of(2) { Currency::USD } else { Currency::EUR };
        let amount = Money::from_minor(i128::from(byte) * 77, currency);
        ("contracts", row.with("currency", currency.code()).with("amount", amount))
    } else {
        let row = row.with("hours", Decimal::new(i128::from(byte), 1));
        ("tickets", if byte.is_multiple_of(5) { row.with("title", "late") } else { row })
    }
}

/// Everything that packing must not show: the walk with levels, paths, values and child rows, as text.
pub fn answers(view: &View) -> Vec<String> {
    let rows = view.accounts().map(|account| {
        let values: BTreeMap<&str, Value> = view
            .schema()
            .attributes()
            .filter_map(|attribute| Some((attribute.name(), account.value(attribute.name())?)))
            .collect();
        let children: Vec<String> = view
            .schema()
            .tables()
            .flat_map(|table| {
                account.child_rows(table.name()).map(move |row| {
                    let values: Vec<Option<Value>> = table.columns().map(|c| row.value(c.name())).collect();
                    format!("{row:?} {values:?}")
                })
            })
            .collect();
        let (kind, product) = (account.account_type(), account.product());
        let parent = account.parent().map(|p| p.id());
        let ids = |accounts: Vec<perennial::Account<'_>>| -> Vec<AccountId> {
            accounts.iter().map(perennial::Account::id).collect()
        };
        let (extra, linked) = (ids(account.extra_parents()), ids(account.extra_children()));
        format!(
            "{account:?} {kind} {product:?} under {parent:?} level {} at {} {:?} {extra:?} {linked:?} {values:?} {children:?}",
            account.level(),
            account.path(),
            account.adopted(),
        )
    });
    rows.collect()
}

/// Takes in what was recorded before the day of an engine, of which the host knows that it was read of the account alone.
pub fn import(engine: &Engine, past: &MemoryHistory, ids: &[AccountId]) {
    let state = engine.published();
    let today = state.as_of().date();
    let days = (today.plus_days(-60).unwrap(), today.plus_days(-1).unwrap());
    let columns: Vec<&str> = past.columns().collect();
    let days = state.import(past, &columns, ids, days).into_iter().map(|mut day| {
        day.columns.iter_mut().for_each(|column| column.alone = true);
        day
    });
    engine.apply(Update::new().records(days)).unwrap();
}
