//! Which attributes does the kit fill?

use std::sync::Arc;

use super::harness::{Capabilities, Capability};
use crate::{
    Attribute, AttributeType, ChildTable, Currency, EnumValues, Nesting, Schema, TableKind, ValueKind,
};

/// The schema of the kit: an attribute for every kind of value that a storage holds, the same again as
/// columns of the child table `tickets`, and mixed money in the child table `invoices`.
///
/// ```
/// use perennial::ValueKind;
/// use perennial::testkit::conformance::{Capabilities, Capability, schema};
///
/// let without_lists = Capabilities::all().without(Capability::Kind(ValueKind::List));
/// assert!(schema(&Capabilities::all()).attribute("tags").is_some());
/// assert!(schema(&without_lists).attribute("tags").is_none());
/// ```
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "every name below is fixed; a doc example builds the schema")]
pub fn schema(capabilities: &Capabilities) -> Arc<Schema> {
    let mut builder = Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Company", Nesting::Free)
        .account_type("Équipe", Nesting::Ordered)
        .product("CRM")
        .product("Über Billing");
    let mut tickets = ChildTable::new("tickets", TableKind::Tickets);
    for (name, kind) in kinds() {
        if capabilities.holds(Capability::Kind(kind.kind())) {
            let attribute = Attribute::new(name, kind);
            builder = builder.attribute(attribute.clone());
            tickets = tickets.column(attribute);
        }
    }
    if capabilities.holds(Capability::ChildTables) {
        builder = builder.table(tickets);
        let kinds = [ValueKind::Text, ValueKind::Money].map(Capability::Kind);
        if kinds.into_iter().chain([Capability::MixedMoney]).all(|need| capabilities.holds(need)) {
            let amount = AttributeType::MixedMoney { currency_column: "currency".into() };
            let invoices = ChildTable::new("invoices", TableKind::Custom)
                .column(Attribute::new("currency", AttributeType::Text))
                .column(Attribute::new("amount", amount));
            builder = builder.table(invoices);
        }
    }
    #[expect(clippy::expect_used, reason = "every name above is fixed; a doc example builds the schema")]
    Arc::new(builder.build().expect("the schema is in order"))
}

fn kinds() -> [(&'static str, AttributeType); 14] {
    [
        ("active", AttributeType::Bool),
        ("seats", AttributeType::Int),
        ("score", AttributeType::Decimal { scale: 2 }),
        ("margin", AttributeType::Decimal { scale: 9 }),
        ("arr", AttributeType::Money(Currency::USD)),
        ("fees", AttributeType::Money(Currency::JPY)),
        ("growth", AttributeType::Double),
        ("notes", AttributeType::Text),
        ("since", AttributeType::Date),
        ("seen", AttributeType::Timestamp),
        ("took", AttributeType::Duration),
        (
            "region",
            AttributeType::Enum(EnumValues::new(["EMEA", "Asia & \"Pacific\"", "Amérique, Sud", "emea"])),
        ),
        ("mood", AttributeType::Band(EnumValues::new(["poor", "fair", "good"]))),
        ("tags", AttributeType::List),
    ]
}
