//! The value of a column some days ago.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    Checking, Compiled, Define, DefinitionFault, Form, Input, Kind, Named, Namespace, Output, RecordWanted,
    Renames, RowForm, json,
};
use crate::aggregate::version::named;
use crate::model::{Faults, JsonFault, Place, read};

/// The value that a column had some days ago, from what the host recorded ([`History`](crate::catalog::History)). Beside the column
/// itself it makes a trend: `change(score, score_30d_ago)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastValue {
    name: Arc<str>,
    of: Arc<str>,
    days_ago: u32,
    /// That very day, and no day before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exact: bool,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    version: u64,
}

named!(PastValue);

impl PastValue {
    /// The value of an attribute, or of another column, so many days before that of the question.
    #[must_use]
    pub fn new(name: &str, of: &str, days_ago: u32) -> Self {
        Self { name: Arc::from(name), of: Arc::from(of), days_ago, exact: false, version: 1 }
    }

    /// What was recorded on that very day: missing where that day was not closed. Else it is the last record on that day or before it.
    #[must_use]
    pub const fn on_that_day(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Is it that of the very day?
    #[must_use]
    pub const fn is_on_that_day(&self) -> bool {
        self.exact
    }

    /// Whose value it was.
    #[must_use]
    pub fn of(&self) -> &str {
        &self.of
    }

    /// How many days ago.
    #[must_use]
    pub const fn days_ago(&self) -> u32 {
        self.days_ago
    }
}

impl Define for PastValue {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expressions(&self, _: &mut dyn FnMut(&str)) {}

    fn columns(&self, each: &mut dyn FnMut(&str)) {
        each(&self.of);
    }

    fn set_name(&mut self, name: &Arc<str>) {
        self.name = name.clone();
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        renames.name(&mut self.of, Named::Column);
    }

    fn canonical_text(&self) -> String {
        format!("past {} {} {}", self.of, self.days_ago, self.exact)
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let kind = checking.recorded(&self.of).map_err(|fault| vec![fault])?;
        let wanted =
            if self.exact { RecordWanted::On(self.days_ago) } else { RecordWanted::Ago(self.days_ago) };
        let input = Input::Record { column: self.of.clone(), kind: kind.clone(), wanted };
        let form = Form::Row(RowForm::input(input));
        Ok(Compiled { outputs: vec![Output::column(kind)], form })
    }

    fn to_json(&self) -> Json {
        json(self)
    }
}

impl Kind for PastValue {
    const CODE: &'static str = "past";
    const WORD: &'static str = "past value";
    const LIST: &'static str = "past";
    const NAMESPACE: Namespace = Namespace::Columns;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        read(json, &place, faults)
    }
}
