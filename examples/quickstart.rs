//! The shortest way from rows to a total: a schema, a source, a book, a question.
//!
//! ```sh
//! cargo run --example quickstart
//! ```

use perennial::aggregate::{Operator, RollUp};
use perennial::engine::{Engine, EngineSettings};
use perennial::source::MemorySource;
use perennial::{AccountId, AccountRow, AsOf, Currency, Date, Money, Nesting, Schema, Scope};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What kinds of account there are, and what is known of each.
    let schema =
        Schema::builder().account_type("Company", Nesting::Free).contract_value(Currency::EUR).build()?;

    // Your storage stands behind the `Source` trait; this one holds its rows in memory.
    let (acme, emea) = (AccountId::new("acme")?, AccountId::new("acme-emea")?);
    let value = |text| Money::parse(text, Currency::EUR);
    let source = MemorySource::new()
        .account(AccountRow::new(acme.clone(), "Company").with("contract_value", value("800")?))
        .account(AccountRow::new(emea, "Company").under(acme).with("contract_value", value("1200.50")?));

    // Load it, as of a day. The report says what was found wrong, and what was done about it.
    let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    print!("{}", engine.load(&source)?);

    // Define, and ask in a scope.
    engine.define([RollUp::new("value", Operator::Sum("contract_value".into())).into()])?;
    let view = engine.published().view(&Scope::all())?;
    for account in view.accounts().accounts() {
        let value = view.value("value", account).map_or_else(|| "-".to_owned(), |value| value.to_string());
        println!("{:<20}{value:>14}", account.path());
    }
    Ok(())
}
