//! What does the book of the torture look like?
//!
//! Every kind of value, several parents, and rows that are at fault from the start: parents and accounts that
//! do not exist yet, child rows that name none.

use std::error::Error;
use std::sync::Arc;

use perennial::source::MemorySource;
use perennial::testkit::Random;
use perennial::{
    AccountId, AccountRow, Attribute, AttributeType, ChildId, ChildRow, ChildTable, Currency, Date, Decimal,
    Duration, EnumValues, Money, Nesting, Schema, SchemaErrors, TableKind, Timestamp, Value,
};

use super::{ANCHOR, EDITED};

pub const TYPES: [&str; 3] = ["Group", "Company", "Site"];
pub const ATTRIBUTES: [&str; 12] =
    ["name", "flag", "seats", "score", "arr", "growth", "since", "seen", "took", "plan", "mood", "tags"];
const CURRENCIES: [Currency; 3] = [Currency::EUR, Currency::USD, Currency::JPY];

pub fn schema() -> Result<Schema, SchemaErrors> {
    let tickets = ChildTable::new("tickets", TableKind::Tickets)
        .column(Attribute::new("title", AttributeType::Text).required())
        .column(Attribute::new("weight", AttributeType::Decimal { scale: 3 }));
    let amount = AttributeType::MixedMoney { currency_column: Arc::from("currency") };
    let invoices = ChildTable::new("invoices", TableKind::Custom)
        .column(Attribute::new("currency", AttributeType::Text))
        .column(Attribute::new("amount", amount));
    Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Company", Nesting::Free)
        .account_type("Site", Nesting::Ordered)
        .product("CRM")
        .product("Billing")
        .attribute(Attribute::new("serial", AttributeType::Int))
        .attribute(Attribute::new("edits", AttributeType::Int))
        .attribute(Attribute::new("name", AttributeType::Text))
        .attribute(Attribute::new("flag", AttributeType::Bool))
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("score", AttributeType::Decimal { scale: 2 }))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("growth", AttributeType::Double))
        .attribute(Attribute::new("since", AttributeType::Date))
        .attribute(Attribute::new("seen", AttributeType::Timestamp))
        .attribute(Attribute::new("took", AttributeType::Duration))
        .attribute(Attribute::new("plan", AttributeType::Enum(EnumValues::new(["basic", "pro", "Pro"]))))
        .attribute(Attribute::new("mood", AttributeType::Band(EnumValues::new(["poor", "fair", "good"]))))
        .attribute(Attribute::new("tags", AttributeType::List))
        .table(tickets)
        .table(invoices)
        .build()
}

/// The rows that a new database begins with.
pub fn rows(random: &mut Random) -> Result<MemorySource, Box<dyn Error>> {
    let mut source = MemorySource::new()
        .account(AccountRow::new(AccountId::new(ANCHOR)?, "Group").with("serial", 0_i64))
        .account(AccountRow::new(AccountId::new(EDITED)?, "Group").with("edits", 0_i64));
    for number in 0..120_u64 {
        let mut row = AccountRow::new(AccountId::new(format!("a{number}"))?, kind(random));
        // Under one before it, at the top, or under one that is not there yet.
        row = match random.below(8) {
            0 => row,
            1 => row.under(ghost(random)?),
            2 => row.under(before(random, number)?).under(before(random, number)?),
            _ => row.under(before(random, number)?),
        };
        for attribute in ATTRIBUTES {
            if random.below(2) == 0 {
                row = row.with_value(attribute, value(random, attribute));
            }
        }
        source = source.account(row);
    }
    for number in 0..200_u64 {
        let account = if random.below(10) == 0 { ghost(random)? } else { before(random, 120)? };
        let (table, mut row) = child(random, ChildId::new(format!("c{number}"))?, account);
        if random.below(20) == 0 {
            row.account = None;
        }
        source = source.child(table, row);
    }
    Ok(source)
}

/// The id of an account that may come one day.
pub fn ghost(random: &mut Random) -> Result<AccountId, perennial::IdError> {
    AccountId::new(format!("ghost{}", random.below(6)))
}

fn before(random: &mut Random, number: u64) -> Result<AccountId, perennial::IdError> {
    AccountId::new(match random.below(number + 1) {
        0 => ANCHOR.to_owned(),
        other => format!("a{}", other - 1),
    })
}

pub fn kind(random: &mut Random) -> &'static str {
    // Mostly of one type, so that most accounts may stand under most others.
    match random.below(10) {
        0 => "Group",
        1 => "Site",
        _ => "Company",
    }
}

/// A row of one of the child tables.
pub fn child(random: &mut Random, id: ChildId, account: AccountId) -> (&'static str, ChildRow) {
    let row = ChildRow::new(id, account);
    if random.below(2) == 0 {
        let row = row.with("title", text(random).as_str()).with("weight", decimal(random, 3));
        ("tickets", row)
    } else {
        let money = mixed(random);
        ("invoices", row.with("currency", money.currency().code()).with("amount", money))
    }
}

/// A value that an attribute or column accepts.
pub fn value(random: &mut Random, attribute: &str) -> Value {
    let number = i64::try_from(random.below(2_000_000)).unwrap_or(0) - 1_000_000;
    match attribute {
        "flag" => Value::Bool(number > 0),
        "seats" => Value::Int(number),
        "score" => Value::Decimal(decimal(random, 2)),
        "arr" => Value::Money(Money::from_minor(i128::from(number), Currency::EUR)),
        // All bits of the fraction, so that one that is lost on the way shows.
        "growth" => Value::Double(random.unit() * 1e3 - 500.0),
        "since" => {
            Value::Date(Date::from_days(i32::try_from(number / 100).unwrap_or(0)).unwrap_or(Date::MIN))
        }
        "seen" => Timestamp::from_micros(number * 1_000_003).map_or(Value::Bool(false), Value::Timestamp),
        "took" => Value::Duration(Duration::from_micros(number)),
        "plan" => Value::text(pick(random, &["basic", "pro", "Pro"])),
        "mood" => Value::text(pick(random, &["poor", "fair", "good"])),
        "tags" => Value::list(
            (0..random.below(4)).map(|_| pick(random, &["", "a", "b\"c", "é,;"])).collect::<Vec<_>>(),
        ),
        _ => Value::text(&text(random)),
    }
}

pub fn text(random: &mut Random) -> String {
    match random.below(5) {
        0 => String::new(),
        1 => "it's \"quoted\"; \n -- é 世界".to_owned(),
        _ => format!("text {}", random.below(1_000)),
    }
}

fn decimal(random: &mut Random, scale: u8) -> Decimal {
    Decimal::new(i128::from(random.below(1_000_000)) - 500_000, scale)
}

pub fn mixed(random: &mut Random) -> Money {
    let currency = pick(random, &CURRENCIES);
    Money::from_minor(i128::from(random.below(100_000)), currency)
}

#[expect(clippy::indexing_slicing, reason = "`below` is below the length, and no list here is empty")]
pub fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[usize::try_from(random.below(from.len() as u64)).unwrap_or(0)]
}

trait WithValue {
    fn with_value(self, attribute: &str, value: Value) -> Self;
}

impl WithValue for AccountRow {
    fn with_value(mut self, attribute: &str, value: Value) -> Self {
        self.values.push((Arc::from(attribute), value));
        self
    }
}
