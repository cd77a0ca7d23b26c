//! What is a function given?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::InputType;
use crate::define::{Checking, DefinitionFault, Input, Named, RecordWanted, Renames};
use crate::expr::{Checked, Of};
use crate::model::hint;

/// What is read of an account for a [`CustomKind`](super::CustomKind).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "input",
    rename_all = "snake_case",
    deny_unknown_fields,
    expecting = "an input such as {\"value\": \"arr\"}"
)]
#[non_exhaustive]
pub enum CustomInput {
    /// The value of an expression.
    Value(Arc<str>),
    /// The rows of a child table in the order of their ids: of each the values of expressions such as `row.amount`.
    Rows {
        /// The table.
        table: Arc<str>,
        /// The expressions.
        columns: Vec<Arc<str>>,
    },
    /// The rows of the events of a kind, in the order of their days and on one day in that of their values: of each the values of
    /// expressions such as `row.plan` or `row.day`. A row counts events that are alike (`row.count`): a property is that of each,
    /// a measure their total.
    Events {
        /// The kind of event.
        event: Arc<str>,
        /// Only of the last so many days, today among them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_days: Option<u32>,
        /// The expressions.
        columns: Vec<Arc<str>>,
    },
    /// The value that a column had so many days ago: that of the last record on that day or before it.
    Ago {
        /// The column.
        column: Arc<str>,
        /// How many days ago.
        days: u32,
    },
    /// The last record of a column before today, with its day.
    Last {
        /// The column; one of the definition itself as well.
        column: Arc<str>,
        /// Only of so many days before today.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<u32>,
    },
    /// All records of a column in so many days before today, in order.
    Each {
        /// The column; one of the definition itself as well.
        column: Arc<str>,
        /// How many days.
        days: u32,
    },
}

impl CustomInput {
    /// The value of an expression.
    #[must_use]
    pub fn value(expression: &str) -> Self {
        Self::Value(Arc::from(expression))
    }

    /// The rows of a child table.
    #[must_use]
    pub fn rows(table: &str, columns: &[&str]) -> Self {
        Self::Rows { table: Arc::from(table), columns: columns.iter().map(|text| Arc::from(*text)).collect() }
    }

    /// The rows of the events of a kind in the last days, today among them.
    #[must_use]
    pub fn events(event: &str, last_days: u32, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|text| Arc::from(*text)).collect();
        Self::Events { event: Arc::from(event), last_days: Some(last_days), columns }
    }

    /// The value that a column had so many days ago.
    #[must_use]
    pub fn ago(column: &str, days: u32) -> Self {
        Self::Ago { column: Arc::from(column), days }
    }

    /// The last record of a column before today.
    #[must_use]
    pub fn last(column: &str) -> Self {
        Self::Last { column: Arc::from(column), within: None }
    }

    /// The records of a column in so many days before today.
    #[must_use]
    pub fn each(column: &str, days: u32) -> Self {
        Self::Each { column: Arc::from(column), days }
    }

    /// Its expressions.
    pub(super) fn texts(&self) -> &[Arc<str>] {
        match self {
            Self::Value(text) => std::slice::from_ref(text),
            Self::Rows { columns, .. } | Self::Events { columns, .. } => columns,
            Self::Ago { .. } | Self::Last { .. } | Self::Each { .. } => &[],
        }
    }

    pub(super) fn texts_mut(&mut self) -> &mut [Arc<str>] {
        match self {
            Self::Value(text) => std::slice::from_mut(text),
            Self::Rows { columns, .. } | Self::Events { columns, .. } => columns,
            Self::Ago { .. } | Self::Last { .. } | Self::Each { .. } => &mut [],
        }
    }

    /// The column whose records are read.
    pub(super) const fn column(&self) -> Option<&Arc<str>> {
        match self {
            Self::Ago { column, .. } | Self::Last { column, .. } | Self::Each { column, .. } => Some(column),
            Self::Value(_) | Self::Rows { .. } | Self::Events { .. } => None,
        }
    }

    /// Puts other names in the places of those that it has without an expression.
    pub(super) fn rename(&mut self, renames: &Renames<'_>) {
        match self {
            Self::Value(_) => {}
            Self::Rows { table, .. } => renames.name(table, Named::Table),
            Self::Events { event, .. } => renames.name(event, Named::Event),
            Self::Ago { column, .. } | Self::Last { column, .. } | Self::Each { column, .. } => {
                renames.name(column, Named::Column);
            }
        }
    }
}

/// What is wrong with an input, and in which of its columns, if it is in one.
pub(super) type InputFault = (Option<usize>, DefinitionFault);

impl CustomInput {
    pub(super) fn compile(&self, checking: &Checking<'_>) -> Result<(Input, InputType), Vec<InputFault>> {
        let record = |column: &Arc<str>, wanted: RecordWanted| {
            let kind = checking.recorded(column).map_err(|fault| vec![(None, fault)])?;
            let given = match wanted {
                RecordWanted::Ago(_) | RecordWanted::On(_) => InputType::Value(kind.clone()),
                RecordWanted::Last(_) | RecordWanted::Each(_) => InputType::Records(kind.clone()),
            };
            Ok((Input::Record { column: column.clone(), kind, wanted }, given))
        };
        match self {
            Self::Value(text) => {
                let checked = checking.expression(text).map_err(|fault| vec![(None, fault)])?;
                let kind = checked.kind().clone();
                Ok((Input::Value(Box::new(checked)), InputType::Value(kind)))
            }
            Self::Rows { table, .. } if !checking.names.has_table(table) => {
                let mut all: Vec<String> = Vec::new();
                checking.names.each_table(&mut |name| all.push(name.to_owned()));
                let hint = hint(table, all.iter().map(String::as_str));
                let fault = DefinitionFault::Other(format!("there is no child table `{table}`{hint}"));
                Err(vec![(None, fault)])
            }
            Self::Rows { table, columns } => {
                let (found, kinds) = columns_of(Of::Table(table), columns, checking)?;
                Ok((Input::Rows(table.clone(), found), kinds))
            }
            Self::Events { event, .. } if !checking.names.has_event(event) => {
                let mut all: Vec<String> = Vec::new();
                checking.names.each_event(&mut |name| all.push(name.to_owned()));
                let hint = hint(event, all.iter().map(String::as_str));
                let fault = DefinitionFault::Other(format!("there is no event `{event}`{hint}"));
                Err(vec![(None, fault)])
            }
            Self::Events { last_days: Some(0), .. } => {
                Err(vec![(None, DefinitionFault::Other("a window has a day at least".to_owned()))])
            }
            Self::Events { event, last_days, columns } => {
                let (columns, kinds) = columns_of(Of::Event(event), columns, checking)?;
                Ok((Input::Events { event: event.clone(), last_days: *last_days, columns }, kinds))
            }
            Self::Ago { column, days } => record(column, RecordWanted::Ago(*days)),
            Self::Last { column, within } => record(column, RecordWanted::Last(*within)),
            Self::Each { column, days } => record(column, RecordWanted::Each(*days)),
        }
    }
}

/// Expressions over rows, and the type of these.
fn columns_of(
    of: Of<'_>,
    columns: &[Arc<str>],
    checking: &Checking<'_>,
) -> Result<(Vec<Checked>, InputType), Vec<InputFault>> {
    let checker = checking.checker();
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for (place, text) in columns.iter().enumerate() {
        match checker.check_rows(of, text, false) {
            Ok(column) => found.push(column),
            Err(errors) => faults.push((Some(place), DefinitionFault::Expression(errors))),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let kinds = found.iter().map(|checked: &Checked| checked.kind().clone()).collect();
    Ok((found, InputType::Rows(kinds)))
}
