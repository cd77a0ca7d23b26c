//! The data set: accounts, subscriptions and their usage, laid over a tree, and what contradicts itself in it.
//!
//! The data has no hierarchy and names nobody, so two things are laid over it: companies stand under their industry and
//! country, and each use is given to one of as many people as the company has seats, by a hash of the id of the use. The
//! subscriptions of a company to one plan are one product account.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::path::PathBuf;

use perennial::aggregate::{Event, EventKind, Usage, UsageReport, UsageSchema, UsageSettings};
use perennial::source::MemorySource;
use perennial::{AccountId, AccountRow, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema};

pub const PLANS: [&str; 3] = ["Basic", "Pro", "Enterprise"];

/// What the data says against itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contradictions {
    pub rows: usize,
    pub before_start: usize,
    pub after_end: usize,
    pub churned_by_event: usize,
    pub churned_by_flag: usize,
    pub churned_by_both: usize,
}

pub struct Loaded {
    pub book: Book,
    pub usage: Usage,
    pub report: UsageReport,
    pub contradictions: Contradictions,
    pub today: Date,
}

type Rows = Vec<HashMap<String, String>>;

fn read(name: &str) -> Result<Rows, Box<dyn Error>> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data/ravenstack-saas", name].iter().collect();
    let mut reader = csv::Reader::from_path(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rows: Result<Rows, _> = reader.deserialize().collect();
    Ok(rows?)
}

fn cell<'r>(row: &'r HashMap<String, String>, column: &str) -> Result<&'r str, String> {
    row.get(column).map(String::as_str).ok_or_else(|| format!("there is no column `{column}`"))
}

pub fn load() -> Result<Loaded, Box<dyn Error>> {
    let (accounts, subscriptions) = (read("ravenstack_accounts.csv")?, read("ravenstack_subscriptions.csv")?);
    let (uses, churned) = (read("ravenstack_feature_usage.csv")?, read("ravenstack_churn_events.csv")?);
    let book = book(&accounts, &subscriptions)?;
    let (usage, report, today) = usage(&accounts, &subscriptions, &uses)?;
    let contradictions = contradictions(&accounts, &subscriptions, &uses, &churned)?;
    Ok(Loaded { book, usage, report, contradictions, today })
}

fn schema() -> Result<Schema, Box<dyn Error>> {
    let mut builder = Schema::builder();
    for level in ["Portfolio", "Industry", "Family", "Company", "Subscription"] {
        builder = builder.account_type(level, Nesting::Ordered);
    }
    for plan in PLANS {
        builder = builder.product(plan);
    }
    let schema = builder.attribute(Attribute::new("title", AttributeType::Text));
    Ok(schema.attribute(Attribute::new("seats", AttributeType::Int)).build()?)
}

fn book(accounts: &Rows, subscriptions: &Rows) -> Result<Book, Box<dyn Error>> {
    let mut source = MemorySource::new();
    source = source
        .account(AccountRow::new(AccountId::new("RavenStack")?, "Portfolio").with("title", "RavenStack"));
    let mut above: BTreeSet<(String, Option<String>)> = BTreeSet::new();
    for row in accounts {
        let (industry, country) = (cell(row, "industry")?, cell(row, "country")?);
        if above.insert((industry.to_owned(), None)) {
            let row = AccountRow::new(AccountId::new(industry)?, "Industry").with("title", industry);
            source = source.account(row.under(AccountId::new("RavenStack")?));
        }
        let family = format!("{industry} {country}");
        if above.insert((industry.to_owned(), Some(country.to_owned()))) {
            let row =
                AccountRow::new(AccountId::new(family.as_str())?, "Family").with("title", family.as_str());
            source = source.account(row.under(AccountId::new(industry)?));
        }
        let company = AccountRow::new(AccountId::new(cell(row, "account_id")?)?, "Company")
            .with("title", cell(row, "account_name")?)
            .with("seats", cell(row, "seats")?.parse::<i64>()?)
            .under(AccountId::new(family)?);
        source = source.account(company);
    }
    let mut products: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in subscriptions {
        products.insert((cell(row, "account_id")?, cell(row, "plan_tier")?));
    }
    for (company, plan) in products {
        let row =
            AccountRow::new(AccountId::new(product_account(company, plan))?, "Subscription").product(plan);
        source = source.account(row.under(AccountId::new(company)?));
    }
    Ok(Book::load(schema()?, &source, &Policy::strict())?.0)
}

fn product_account(company: &str, plan: &str) -> String {
    format!("{company}/{plan}")
}

fn usage(
    accounts: &Rows,
    subscriptions: &Rows,
    uses: &Rows,
) -> Result<(Usage, UsageReport, Date), Box<dyn Error>> {
    let feature = EventKind::new("feature")
        .action("use")
        .property(Attribute::new("feature", AttributeType::Text))
        .property(Attribute::new("beta", AttributeType::Bool))
        .measure(Attribute::new("seconds", AttributeType::Int))
        .measure(Attribute::new("errors", AttributeType::Int));
    // Two years of ids are remembered, so that every id that is used twice is found.
    let settings = UsageSettings::new().ids_for_days(1_000);
    let mut usage = Usage::new(UsageSchema::new([feature])?, settings);
    let mut seats: HashMap<&str, u64> = HashMap::new();
    for row in accounts {
        seats.insert(cell(row, "account_id")?, cell(row, "seats")?.parse()?);
    }
    let mut bought: HashMap<&str, (&str, &str)> = HashMap::new();
    for row in subscriptions {
        bought.insert(cell(row, "subscription_id")?, (cell(row, "account_id")?, cell(row, "plan_tier")?));
    }
    let mut texts: Vec<(String, String)> = Vec::with_capacity(uses.len());
    let mut today = Date::MIN;
    for row in uses {
        let subscription = cell(row, "subscription_id")?;
        let (company, plan) =
            bought.get(subscription).ok_or_else(|| format!("no subscription {subscription}"))?;
        let person = hash(cell(row, "usage_id")?) % seats.get(company).copied().unwrap_or(1).max(1);
        texts.push((product_account(company, plan), format!("{company}#{person}")));
        today = today.max(cell(row, "usage_date")?.parse()?);
    }
    let mut events: Vec<Event<'_>> = Vec::with_capacity(uses.len());
    for (row, (account, person)) in uses.iter().zip(&texts) {
        let plan = account.rsplit('/').next().unwrap_or_default();
        let event = Event::on("feature", account, cell(row, "usage_date")?.parse()?)
            .id(cell(row, "usage_id")?)
            .user(person)
            .module(plan)
            .count(cell(row, "usage_count")?.parse()?)
            .value("feature", cell(row, "feature_name")?)
            .value("beta", cell(row, "is_beta_feature")? == "True")
            .value("seconds", cell(row, "usage_duration_secs")?.parse::<i64>()?)
            .value("errors", cell(row, "error_count")?.parse::<i64>()?);
        events.push(event);
    }
    let report = usage.ingest(events, today)?;
    Ok((usage, report, today))
}

/// FNV-1a: the same person for the same id, everywhere.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn contradictions(
    accounts: &Rows,
    subscriptions: &Rows,
    uses: &Rows,
    churned: &Rows,
) -> Result<Contradictions, Box<dyn Error>> {
    let mut found = Contradictions { rows: uses.len(), ..Contradictions::default() };
    let mut spans: BTreeMap<&str, (Date, Option<Date>)> = BTreeMap::new();
    for row in subscriptions {
        let end = cell(row, "end_date")?;
        let end = if end.is_empty() { None } else { Some(end.parse()?) };
        spans.insert(cell(row, "subscription_id")?, (cell(row, "start_date")?.parse()?, end));
    }
    for row in uses {
        let day: Date = cell(row, "usage_date")?.parse()?;
        if let Some((start, end)) = spans.get(cell(row, "subscription_id")?) {
            found.before_start += usize::from(day < *start);
            found.after_end += usize::from(end.is_some_and(|end| day > end));
        }
    }
    let mut events: BTreeSet<&str> = BTreeSet::new();
    for row in churned {
        events.insert(cell(row, "account_id")?);
    }
    for row in accounts {
        let (event, flag) = (events.contains(cell(row, "account_id")?), cell(row, "churn_flag")? == "True");
        found.churned_by_event += usize::from(event);
        found.churned_by_flag += usize::from(flag);
        found.churned_by_both += usize::from(event && flag);
    }
    Ok(found)
}
