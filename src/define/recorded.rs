//! Which columns are recorded day by day?

use std::sync::Arc;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Checking, Compiled, Define, DefinitionFault, Form, Kind, Named, Namespace, Renames, json};
use crate::aggregate::version::named;
use crate::model::{Faults, JsonFault, Place, read};

/// Columns that an engine records when a day is over, and for how many days: attributes and derived columns alike. Past values
/// ([`PastValue`](crate::catalog::PastValue)) and kinds of the host's own read what was recorded.
///
/// ```
/// use perennial::catalog::{DefinitionKind, DefinitionRef, PastValue, Recorded};
/// use perennial::engine::{Engine, EngineSettings, Update};
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new().account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64));
/// let monday = Date::new(2026, 1, 26)?;
/// let engine = Engine::new(schema, AsOf::date_utc(monday), EngineSettings::new())?;
/// engine.load(&source)?;
/// engine.define([
///     Recorded::new("daily", ["seats"], 400).into(),
///     PastValue::new("seats_yesterday", "seats", 1).into(),
/// ])?;
///
/// // The first update of Tuesday closes Monday, as it was.
/// let tuesday = AsOf::date_utc(Date::new(2026, 1, 27)?);
/// let applied = engine.apply(Update::from(Change::new().set(&acme, "seats", 45_i64)).moment(tuesday))?;
/// assert_eq!(applied.closed[0].day, monday);
/// let view = engine.published().view(&Scope::all())?;
/// let yesterday = view.value("seats_yesterday", view.account("acme").ok_or("not there")?);
/// assert_eq!(yesterday.ok_or("missing")?.to_string(), "30");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    name: Arc<str>,
    columns: Vec<Arc<str>>,
    keep_days: u32,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    version: u64,
}

named!(Recorded);

impl Recorded {
    /// The columns of some names, each kept for so many days: on a day, those of so many days before it are known.
    #[must_use]
    pub fn new<'c>(name: &str, columns: impl IntoIterator<Item = &'c str>, keep_days: u32) -> Self {
        let columns = columns.into_iter().map(Arc::from).collect();
        Self { name: Arc::from(name), columns, keep_days, version: 1 }
    }

    /// The columns that are recorded.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &**column)
    }

    /// For how many days.
    #[must_use]
    pub const fn keep_days(&self) -> u32 {
        self.keep_days
    }
}

impl Define for Recorded {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expressions(&self, _: &mut dyn FnMut(&str)) {}

    fn columns(&self, each: &mut dyn FnMut(&str)) {
        self.columns.iter().for_each(|column| each(column));
    }

    fn set_name(&mut self, name: &Arc<str>) {
        self.name = name.clone();
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        self.columns.iter_mut().for_each(|column| renames.name(column, Named::Column));
    }

    fn canonical_text(&self) -> String {
        format!("recorded {:?} {}", self.columns, self.keep_days)
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let mut faults = Vec::new();
        let mut columns: IndexSet<Arc<str>> = IndexSet::new();
        for column in &self.columns {
            if let Err(fault) = checking.recorded(column) {
                faults.push(fault);
            } else if !columns.insert(column.clone()) {
                faults.push(DefinitionFault::Other(format!("duplicate column `{column}`")));
            }
        }
        if self.columns.is_empty() {
            faults.push(DefinitionFault::Other("it records no column".to_owned()));
        }
        if self.keep_days == 0 {
            faults.push(DefinitionFault::Other("it keeps no day".to_owned()));
        }
        if faults.is_empty() {
            let columns = columns.into_iter().collect();
            Ok(Compiled { outputs: Vec::new(), form: Form::Recorded(columns) })
        } else {
            Err(faults)
        }
    }

    fn to_json(&self) -> Json {
        json(self)
    }
}

impl Kind for Recorded {
    const CODE: &'static str = "recorded";
    const WORD: &'static str = "daily record";
    const LIST: &'static str = "recorded";
    const NAMESPACE: Namespace = Namespace::Records;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        read(json, &place, faults)
    }
}
