//! How does the CRM become a book?
//!
//! The schema, the mapping of the files and the policy, all in code: this is the part that a host writes.
//! The schema says what the business knows; the mapping says how these files spell it; the policy says
//! what is done about rows that do not fit.

use std::error::Error;
use std::path::Path;

use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable, LookupTable, UnmappedColumns};
use perennial::aggregate::{Operator, Over, RollUp, RollUpErrors, RollUpPlan};
use perennial::{
    Attribute, AttributeType, Book, ChildTable, Currency, EnumValues, FaultKind, LoadReport, Nesting, Policy,
    Reach, Remedy, Schema, SchemaErrors, SystemAttribute, TableKind,
};

/// As `products.csv` spells them. A product that is not here cannot slip in: it is no value of the column.
pub const PRODUCTS: [&str; 7] =
    ["GTX Basic", "GTX Pro", "MG Special", "MG Advanced", "GTX Plus Pro", "GTX Plus Basic", "GTK 500"];

/// What the mapping does beyond taking columns over, in words for the load report.
pub const MAPPED: [(&str, &str); 5] = [
    ("accounts.csv", "account is id and name, subsidiary_of the parent; revenue in millions of USD"),
    ("accounts.csv", "`technolgy` reads as technology, `Philipines` as Philippines"),
    ("sales_pipeline.csv", "opportunities, each under the account that it names; close_value in USD"),
    ("sales_pipeline.csv", "product `GTXPro` is GTX Pro, the spelling of products.csv"),
    ("products.csv", "sales_price is the list_price of each opportunity, looked up by product"),
];

/// What else the data set holds: the mapping names no use for it.
pub const UNUSED: [(&str, &str); 3] = [
    ("products.csv", "series of products"),
    ("sales_teams.csv", "managers and regions of agents"),
    ("data_dictionary.csv", "documentation"),
];

/// A loaded book and what is to be said about its load.
#[derive(Debug)]
pub struct Loaded {
    pub book: Book,
    pub report: LoadReport,
    /// Columns of the loaded files that nothing is read from.
    pub unread: Vec<UnmappedColumns>,
}

/// What the sales team knows of an account and of its deals.
pub fn schema() -> Result<Schema, SchemaErrors> {
    let usd = AttributeType::Money(Currency::USD);
    let sectors = [
        "employment",
        "entertainment",
        "finance",
        "marketing",
        "medical",
        "retail",
        "services",
        "software",
        "technology",
        "telecommunications",
    ];
    let products = AttributeType::Enum(EnumValues::new(PRODUCTS));
    let stages = AttributeType::Enum(EnumValues::new(["Prospecting", "Engaging", "Won", "Lost"]));
    let opportunities = ChildTable::new("opportunities", TableKind::Opportunities)
        .column(Attribute::new("agent", AttributeType::Text).required())
        .column(Attribute::new("product", products).required())
        .column(Attribute::new("deal_stage", stages).required())
        .column(Attribute::new("engage_date", AttributeType::Date))
        .column(Attribute::new("close_date", AttributeType::Date))
        .column(Attribute::new("close_value", usd.clone()))
        .column(Attribute::new("list_price", usd.clone()).required());
    let schema = PRODUCTS.iter().fold(Schema::builder(), |schema, product| schema.product(product));
    schema
        .account_type("Company", Nesting::Free)
        .system(SystemAttribute::Name)
        .attribute(Attribute::new("sector", AttributeType::Enum(EnumValues::new(sectors))))
        .attribute(Attribute::new("year_established", AttributeType::Int))
        .attribute(Attribute::new("revenue", usd))
        .attribute(Attribute::new("employees", AttributeType::Int))
        .attribute(Attribute::new("office_location", AttributeType::Text))
        .table(opportunities)
        .build()
}

/// Loads the book from the files of a directory.
pub fn load(data: &Path) -> Result<Loaded, Box<dyn Error>> {
    let schema = schema()?;
    let file = |name: &str| CsvInput::path(data.join(name));
    // Names are the keys of this CRM. Columns that the schema calls by the same name map themselves.
    let accounts = CsvTable::accounts(file("accounts.csv"))
        .column("id", "account")
        .column("name", "account")
        .column("account_type", Column::constant("Company"))
        .column("parent", "subsidiary_of")
        .column("sector", Column::from("sector").map([("technolgy", "technology")]))
        .column("revenue", Column::from("revenue").multiply_by_power_of_ten(6))
        .column("office_location", Column::from("office_location").map([("Philipines", "Philippines")]));
    let product = || Column::from("product").map([("GTXPro", "GTX Pro")]);
    let prices = LookupTable::new(file("products.csv"), "product", "sales_price");
    let opportunities = CsvTable::child("opportunities", file("sales_pipeline.csv"))
        .column("id", "opportunity_id")
        .column("agent", "sales_agent")
        .column("product", product())
        .column("list_price", product().lookup(prices));
    let source = CsvSource::builder(&schema).table(accounts).table(opportunities).build()?;
    // Whatever is wrong refuses the load, but for what is known: deals that no account is named for yet.
    let policy = Policy::strict().with(FaultKind::ChildWithoutAccount, Remedy::Quarantine)?;
    let (book, report) = Book::load(schema, &source, &policy)?;
    Ok(Loaded { book, report, unread: source.unmapped().to_vec() })
}

/// The figures of this example, for an account itself or with everything below it.
pub fn figures(book: &Book, reach: Reach) -> Result<RollUpPlan, RollUpErrors> {
    let deals = |name: &str, operator: Operator, stages: &str| {
        let filter = format!("row.deal_stage in [{stages}]");
        RollUp::new(name, operator).over(Over::Table("opportunities".into())).filter(&filter).reach(reach)
    };
    let (won, lost, open) = (r#""Won""#, r#""Lost""#, r#""Engaging", "Prospecting""#);
    let roll_ups = [
        deals("won_value", Operator::Sum("row.close_value".into()), won),
        // An open deal has no value yet; the list price stands in for it.
        deals("open_value", Operator::Sum("row.list_price".into()), open),
        deals("won", Operator::Count, won),
        deals("lost", Operator::Count, lost),
        deals("open", Operator::Count, open),
        // Owned is what was won.
        deals("owned", Operator::Distribution("row.product".into()), won),
    ];
    RollUpPlan::new(book.schema(), &**book.schema(), roll_ups)
}
