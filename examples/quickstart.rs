//! From rows to answers that stay current: a schema, a source, definitions, a question, a change.
//!
//! ```sh
//! cargo run --example quickstart
//! ```
//!
//! The companies are made up.

use perennial::aggregate::{Operator, RollUp};
use perennial::catalog::DefinitionRef;
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::{Columns, ExplainLimits};
use perennial::segment::Segment;
use perennial::source::MemorySource;
use perennial::{AccountId, AccountRow, AsOf, Change, Currency, Date, Money, Nesting, Schema, Scope};

/// Accounts with their parents, and what their contracts are worth in a year.
const ACCOUNTS: [(&str, Option<&str>, &str); 6] = [
    ("acme", None, "18000"),
    ("acme-emea", Some("acme"), "1200.50"),
    ("acme-france", Some("acme-emea"), "34500"),
    ("acme-spain", Some("acme-emea"), "8750"),
    ("globex", None, "21000"),
    ("globex-uk", Some("globex"), "640"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What kinds of account there are, and what is known of each.
    let schema =
        Schema::builder().account_type("Company", Nesting::Free).contract_value(Currency::EUR).build()?;

    // Your storage stands behind the `Source` trait; this one holds its rows in memory.
    let mut source = MemorySource::new();
    for (id, parent, value) in ACCOUNTS {
        let row = AccountRow::new(AccountId::new(id)?, "Company")
            .with("contract_value", Money::parse(value, Currency::EUR)?);
        source = source.account(match parent {
            Some(parent) => row.under(AccountId::new(parent)?),
            None => row,
        });
    }

    // Load it, as of a day. The report says what was found wrong, and what was done about it.
    let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    println!("{}", engine.load(&source)?);

    // Define what an account is worth with all below it, and which accounts are large.
    let total = RollUp::new("total", Operator::Sum("contract_value".into()));
    let large = Segment::parse("large", "total > 50000")?;
    let watched = [DefinitionRef::roll_up("total"), DefinitionRef::segment("large")];
    let update = Update::new().define(total).define(large);
    engine.apply(watched.into_iter().fold(update, Update::subscribe))?;

    // Ask, in a scope.
    let view = engine.published().view(&Scope::all())?;
    println!("{:<36} {:>16} {:>16} {:>6}", "account", "own value", "with all below", "large");
    for account in view.accounts().accounts() {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let own = shown(account.value("contract_value").map(|value| format!("{value:#}")));
        let total = shown(view.value("total", account).map(|value| format!("{value:#}")));
        let is_large = if view.is_member("large", account) { "yes" } else { "no" };
        println!("{:<36} {own:>16} {total:>16} {is_large:>6}", account.path());
    }

    println!("\nWhy is acme large?");
    let acme = view.account("acme").ok_or("there is no account `acme`")?;
    let why = Columns::from(&view).explain("large", acme, &ExplainLimits::default());
    println!("{:#}", why.ok_or("there is no segment `large`")??);

    // A change computes again what it touches, and says what differs for whom.
    println!("France renews for less:");
    let less = Money::parse("12000", Currency::EUR)?;
    let applied = engine.apply(Change::new().set(&AccountId::new("acme-france")?, "contract_value", less))?;
    println!("{:#}", applied.delta.report(&Scope::all())?);
    Ok(())
}
