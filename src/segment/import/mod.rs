//! How do queries of other tools become expressions?
//!
//! Each import reads everything or says, for every place that it cannot express, where and why; what it gives never
//! matches more or fewer accounts than the query says, apart from what a note tells. Rulings S75 and S76 of
//! [`docs::semantics`](crate::docs::semantics); the tables of what becomes what stand in
//! [`docs::imports`](crate::docs::imports).

mod date_literal;
mod export;
mod json_logic;
mod kinds;
mod literals;
mod reader;
mod rule_builder;
mod totango;

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use self::export::export_react_querybuilder;
pub use self::totango::{TotangoColumn, TotangoQuery, TotangoTarget};
use crate::expr::{Ast, ExprLimits, Names};
use crate::model::{At, DocumentVersion, Faults, JsonFault};

/// Faults and notes that an import tells at most; further ones are counted.
pub const MAX_IMPORT_FAULTS: usize = 100;

/// Reads queries of other tools.
///
/// ```
/// use perennial::segment::Importer;
///
/// let query = Importer::parse(r#"{ "combinator": "and", "rules": [
///     { "field": "Region L1", "operator": "in", "value": ["EMEA", "APAC"] },
///     { "field": "seats", "operator": "between", "value": "10,30" }
/// ] }"#)?;
/// let imported = Importer::new().rename("Region L1", "region").react_querybuilder(&query)?;
/// assert_eq!(
///     imported.expression.to_string(),
///     r#"region in ["EMEA", "APAC"] && (seats >= 10 && seats <= 30)"#
/// );
/// assert_eq!(imported.names.iter().map(|name| &*name.name).collect::<Vec<_>>(), ["region", "seats"]);
///
/// let broken = Importer::parse(r#"{ "combinator": "and", "rules": [{ "field": "seats", "operator": "like", "value": 1 }] }"#)?;
/// let errors = Importer::new().react_querybuilder(&broken).unwrap_err();
/// assert_eq!(errors.to_string(), "at `/rules/0/operator`: there is no operator `like` here");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Importer<'n> {
    names: Option<&'n dyn Names>,
    renames: IndexMap<String, String>,
    limits: ExprLimits,
    keeps_value_order: bool,
}

impl fmt::Debug for Importer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Importer")
            .field("renames", &self.renames)
            .field("limits", &self.limits)
            .field("keeps_value_order", &self.keeps_value_order)
            .finish_non_exhaustive()
    }
}

impl<'n> Importer<'n> {
    /// An importer that knows no names: values have the types that they are written with.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names whose types decide what a value means: `"2026-01-31"` is a day where the attribute holds days. A name that
    /// is not among them is no fault; it is listed as all are.
    #[must_use]
    pub fn with_names(mut self, names: &'n dyn Names) -> Self {
        self.names = Some(names);
        self
    }

    /// Limits of the host.
    #[must_use]
    pub fn with_limits(mut self, limits: ExprLimits) -> Self {
        self.limits = limits;
        self
    }

    /// A name of the other tool that is another here.
    #[must_use]
    pub fn rename(mut self, theirs: &str, ours: &str) -> Self {
        self.renames.insert(theirs.to_owned(), ours.to_owned());
        self
    }

    /// As queries of react-querybuilder are meant that are formatted with its `preserveValueOrder`: the ends of `between`
    /// stay where they are, so that `[100, 0]` matches nobody. Otherwise numbers that are turned round are put in order.
    #[must_use]
    pub const fn preserve_value_order(mut self) -> Self {
        self.keeps_value_order = true;
        self
    }

    /// Reads JSON, and says what is wrong with it in words where it was written by hand.
    ///
    /// # Errors
    ///
    /// Where the text stops being JSON, with the likely reason.
    ///
    /// ```
    /// use perennial::segment::Importer;
    ///
    /// let error = Importer::parse("{\"metric\"\"sum__contract_value\"}").unwrap_err();
    /// assert_eq!(error.to_string(), "document is not JSON at line 1, column 10: a colon is missing after a name");
    /// ```
    pub fn parse(text: &str) -> Result<Json, ImportErrors> {
        reader::parse(text)
    }
}

/// A query of another tool as an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Imported {
    pub(super) v: DocumentVersion,
    /// What it asks.
    pub expression: Ast,
    /// The names that it reads, in the order of the query, each once.
    pub names: Vec<NeededName>,
    /// What is meant a little differently there, or is worth a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<ImportFault>,
}

/// A name that an imported query reads, and that a schema must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NeededName {
    /// The name, as the expression has it.
    pub name: Arc<str>,
    /// The child table that it is a column of; of accounts where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Arc<str>>,
    /// What the query takes its values to be.
    pub kind: NeededKind,
    /// Where it is read first: a JSON pointer.
    pub path: String,
}

/// What a query takes the values of a name to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeededKind {
    /// It does not tell.
    Any,
    /// Texts, or values of an enumeration.
    Text,
    /// Numbers or money.
    Number,
    /// Days.
    Date,
    /// Instants.
    Timestamp,
    /// True or false.
    Bool,
    /// Lists of texts.
    List,
    /// It is the id of a saved segment, which is asked by `inSegment`.
    Segment,
}

/// Everything that a query says and an expression cannot.
pub type ImportErrors = Faults<ImportFault>;

/// One place of a query, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}{message}", At(path))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ImportFault {
    /// Where: a JSON pointer; empty for the query as a whole, and for a text that is not JSON.
    pub path: String,
    /// What, in words.
    pub message: String,
}

impl ImportFault {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl From<JsonFault> for ImportFault {
    fn from(fault: JsonFault) -> Self {
        Self::new(fault.path, fault.kind.to_string())
    }
}
