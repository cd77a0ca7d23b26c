//! How do the dirty files become a book?
//!
//! The mapping of the files, the policy that answers each fault, and a change for what no policy can know.
//! This is the part that a host writes.

use std::error::Error;

use perennial::adapter::csv::{
    Column, CsvInput, CsvSource, CsvSourceBuilder, CsvTable, LookupTable, UnmappedColumns, UnmatchedKey,
};
use perennial::aggregate::{Operator, Over, RollUp, RollUpErrors, RollUpPlan};
use perennial::{
    Account, AsOf, Attribute, AttributeType, Book, Change, ChildTable, Currency, Date, FaultKind, LoadReport,
    Nesting, ParentLink, Policy, PolicyError, Reach, Remedy, Schema, SchemaErrors, Scope, SystemAttribute,
    TableKind, View,
};

use crate::measured::data;

/// What is done about what is known to be wrong with these files; whatever else is wrong refuses the load.
pub const ANSWERS: [(FaultKind, Remedy, &str); 5] = [
    (FaultKind::SeveralParents, Remedy::Prefer, "under the smallest id; the others are links"),
    (FaultKind::LinkCycle, Remedy::Prefer, "kept among the links, where rings are allowed"),
    (FaultKind::Cycle, Remedy::Adopt, "broken at the smallest id, and mended below"),
    (FaultKind::ChildOfUnknownAccount, Remedy::Quarantine, "figures of companies that are not listed"),
    (FaultKind::InvalidValue, Remedy::Clear, "an amount that is not written as one is no amount"),
];

/// A loaded book and what is to be said about its load.
#[derive(Debug)]
pub struct Loaded {
    pub book: Book,
    pub report: LoadReport,
    /// Columns of the loaded files that nothing is read from.
    pub unread: Vec<UnmappedColumns>,
    /// Accounts that a ring had made roots, and the parent that each stands under now.
    pub mended: Vec<(String, String)>,
}

/// What is known of an entity, of its owners, and of the size of a company over time.
pub fn schema() -> Result<Schema, SchemaErrors> {
    let usd = AttributeType::Money(Currency::USD);
    let ownership = ChildTable::new("ownership", TableKind::Custom)
        .column(Attribute::new("owner", AttributeType::Text).required())
        .column(Attribute::new("as_of", AttributeType::Date).required())
        .column(Attribute::new("holders", AttributeType::List).required());
    let assets = ChildTable::new("assets", TableKind::Custom)
        .column(Attribute::new("quarter", AttributeType::Date).required())
        .column(Attribute::new("total_assets", usd.clone()));
    Schema::builder()
        .account_type("Entity", Nesting::Free)
        .system(SystemAttribute::Name)
        .attribute(Attribute::new("location", AttributeType::Text))
        .attribute(Attribute::new("entity_type", AttributeType::Text))
        .attribute(Attribute::new("listed_as_of", AttributeType::List))
        .attribute(Attribute::new("listing_rows", AttributeType::Int))
        .attribute(Attribute::new("total_assets", usd))
        .table(ownership)
        .table(assets)
        .build()
}

/// The mapping of the files.
pub fn source(schema: &Schema) -> Result<CsvSource, Box<dyn Error>> {
    let file = |name: &str| CsvInput::path(data("bank-hierarchies").join(name));
    // Of each top company, how many rows its published listing has: one for every path to an entity.
    let rows = LookupTable::new(file("holders.csv"), "holder_rssd", "rows").unmatched(UnmatchedKey::Missing);
    let entities = CsvTable::accounts(file("entities.csv"))
        .column("id", "rssd")
        .column("account_type", Column::constant("Entity"))
        // Some are in the listings of both dates.
        .column("listed_as_of", Column::from("listed_as_of").list_separator(" "))
        .column("listing_rows", Column::from("rssd").lookup(rows));
    let owners = || file("ownership_edges.csv");
    let links = CsvTable::links(owners()).column("id", "child_rssd").column("parent", "parent_rssd");
    let ownership = CsvTable::child("ownership", owners())
        .id_from(["child_rssd", "parent_rssd"], "-")
        .column("account", "child_rssd")
        .column("owner", "parent_rssd")
        .column("holders", Column::from("holders").list_separator(" "));
    let assets = CsvTable::child("assets", file("holder_total_assets_by_quarter.csv"))
        .id_from(["Id_Rssd", "yearqtr"], "-")
        .column("account", "Id_Rssd")
        .column("quarter", "yearqtr")
        .column("total_assets", Column::from("BHCK2170").multiply_by_power_of_ten(3));
    // Splits and sales of assets leave an institution that goes on.
    let part = Column::from("code").map([("1", "no"), ("9", "no"), ("50", "no"), ("5", "yes"), ("7", "yes")]);
    let mergers = CsvInput::path(data("bank-mergers").join("transformations.csv"));
    let successions = CsvTable::successions(mergers)
        .column("id", "predecessor_rssd")
        .column("successor", "successor_rssd")
        .column("on", "date")
        .column("part", part);
    let tables = [entities, links, ownership, assets, successions];
    let builder = tables.into_iter().fold(CsvSource::builder(schema), CsvSourceBuilder::table);
    Ok(builder.build()?)
}

/// Strict, but for what is known of these files.
pub fn policy() -> Result<Policy, PolicyError> {
    ANSWERS.into_iter().try_fold(Policy::strict(), |policy, (fault, remedy, _)| policy.with(fault, remedy))
}

/// Loads the files, mends the rings, and gives each company its latest total assets.
pub fn load() -> Result<Loaded, Box<dyn Error>> {
    let schema = schema()?;
    let source = source(&schema)?;
    let (book, report) = Book::load(schema, &source, &policy()?)?;
    // What the links leave of the owners' file, the child table reads.
    let unread =
        source.unmapped().iter().filter(|file| &*file.file != "ownership_edges.csv").cloned().collect();
    let (change, mended) = mend(&everything(&book)?);
    let (book, _) = book.apply(&change)?;
    let (book, _) = book.apply(&latest_assets(&book)?)?;
    Ok(Loaded { book, report, unread, mended })
}

/// Where a ring made an account a root, a parent outside the ring comes first.
pub fn mend(view: &View) -> (Change, Vec<(String, String)>) {
    let (mut change, mut mended) = (Change::new(), Vec::new());
    for root in view.root_accounts().into_iter().filter(|root| root.adopted() == Some(FaultKind::Cycle)) {
        let outside: Vec<Account<'_>> =
            root.extra_parents().into_iter().filter(|parent| !parent.is_under(root)).collect();
        let Some(first) = outside.first() else { continue };
        let mut parents = root.declared_parents();
        for ParentLink { rank, parent } in &mut parents {
            *rank = u32::from(!outside.iter().any(|other| other.id() == *parent));
        }
        change = change.declare_parents(&root.id(), parents);
        mended.push((root.id().to_string(), first.id().to_string()));
    }
    (change, mended)
}

// The last figure by quarter becomes a value of the account, which can be rolled up.
fn latest_assets(book: &Book) -> Result<Change, Box<dyn Error>> {
    let view = everything(book)?;
    let last = Operator::Last { of: "row.total_assets".into(), by: "row.quarter".into() };
    let latest = RollUp::new("latest", last).over(Over::Table("assets".into())).reach(Reach::SelfOnly);
    let latest = RollUpPlan::new(book.schema(), &**book.schema(), [latest])?.run(&view);
    let found = view.accounts().filter_map(|account| {
        let money = latest.value("latest", account)?.as_money()?;
        Some((account.id(), money))
    });
    Ok(found.fold(Change::new(), |change, (id, money)| change.set(&id, "total_assets", money)))
}

/// A view of the whole book; its moment plays no part in what is read.
pub fn everything(book: &Book) -> Result<View, Box<dyn Error>> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(Date::MIN))?)
}

/// Each entity and each figure counted once, at every company above.
pub fn totals(book: &Book) -> Result<RollUpPlan, RollUpErrors> {
    let roll_ups = [
        RollUp::new("entities", Operator::Count),
        RollUp::new("assets", Operator::Sum("total_assets".into())),
        RollUp::new("listed", Operator::Sum("listing_rows".into())),
    ];
    RollUpPlan::new(book.schema(), &**book.schema(), roll_ups)
}
