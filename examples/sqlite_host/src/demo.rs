//! Where does a book to play with come from?
//!
//! From the CRM data set of the library's tests: 85 accounts and 8,800 opportunities, of which 1,425 name no
//! account yet and are held. The library's example `book_of_business` has more of it.

use std::error::Error;
use std::path::{Path, PathBuf};

use perennial::Schema;
use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
use sqlite_host::{Host, Options};

const SCHEMA: &str = include_str!("../crm.schema.json");

/// The data set in a clone of the repository.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/crm-sales-opportunities")
}

/// Makes a database and fills it; answers with the report of the load.
pub fn make(database: &Path, data: &Path) -> Result<String, Box<dyn Error>> {
    let schema = Schema::from_json(SCHEMA)?;
    let file = |name: &str| CsvInput::path(data.join(name));
    let accounts = CsvTable::accounts(file("accounts.csv"))
        .column("id", "account")
        .column("name", "account")
        .column("account_type", Column::constant("Company"))
        .column("parent", "subsidiary_of")
        .column("sector", Column::from("sector").map([("technolgy", "technology")]))
        .column("revenue", Column::from("revenue").multiply_by_power_of_ten(6))
        .column("office_location", Column::from("office_location").map([("Philipines", "Philippines")]));
    let opportunities = CsvTable::child("opportunities", file("sales_pipeline.csv"))
        .column("id", "opportunity_id")
        .column("agent", "sales_agent")
        .column("product", Column::from("product").map([("GTXPro", "GTX Pro")]));
    let source = CsvSource::builder(&schema).table(accounts).table(opportunities).build()?;
    let host = Host::create(database, schema, Options::default())?;
    let report = host.import(&source)?;
    Ok(format!("{report}version {}\n", host.book().version()))
}
