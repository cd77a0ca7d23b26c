//! What does a list on a screen show?
//!
//! A query says which accounts, in which order, which columns, and how many at a time; every part of it is an
//! expression, so that a column may be reckoned and the order may be that of a roll-up. Rulings S71 to S74 of
//! [`docs::semantics`](crate::docs::semantics).

mod document;
mod groups;
mod histogram;
mod keys;
mod page;
mod search;

use std::fmt;
use std::sync::Arc;

pub use self::document::QUERY_VERSION;
pub use self::groups::{Group, GroupBy, GroupError, Groups, MAX_GROUPS, Measure, MeasureKind};
pub use self::histogram::{Bin, Histogram, MAX_BINS};
pub use self::page::{AskError, CheckedQuery, Cursor, Page, PageRow};
use crate::expr::{Ast, ExprErrors, ExprValue};
use crate::model::{At, Faults, JsonFault};
use crate::segment::cancelled::Counted;

/// Accounts on one page, where a query does not say how many.
pub const PAGE: usize = 50;
/// Accounts on one page, at most.
pub const MAX_PAGE: usize = 10_000;
/// Columns and keys of order of one query, at most of each.
pub const MAX_COLUMNS: usize = 200;

/// Which accounts, in which order, with which columns.
///
/// ```
/// use perennial::expr::Checker;
/// use perennial::segment::Query;
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("name", AttributeType::Text))
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let row = |id, name, seats: i64| {
///     let row = AccountRow::new(AccountId::new(id)?, "Company").with("name", name).with("seats", seats);
///     Ok::<_, perennial::IdError>(row)
/// };
/// let source = MemorySource::new()
///     .account(row("a", "Acme", 300)?)
///     .account(row("b", "Acme EU", 20)?)
///     .account(row("c", "Wayne", 40)?);
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
///
/// let query = Query::new().filter("seats > 10")?.sort("seats", true)?.column("seats", "seats")?.limit(2);
/// let query = query.check(&Checker::new(&**book.schema()))?;
/// let page = query.run(&view, None)?;
/// assert_eq!(page.total, 3);
/// assert_eq!(page.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
/// let next = query.run(&view, page.next.as_ref())?;
/// assert_eq!(next.rows[0].id.as_str(), "b");
/// assert!(next.next.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub(super) filter: Option<Ast>,
    pub(super) search: Option<Arc<str>>,
    pub(super) sort: Vec<SortKey>,
    pub(super) columns: Vec<Column>,
    pub(super) limit: usize,
    pub(super) counted: Counted,
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SortKey {
    /// What accounts are put in order by.
    pub by: Ast,
    /// The greatest first? Accounts without a value stand last either way.
    pub descending: bool,
}

/// One column of a page.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// What stands above it.
    pub label: Arc<str>,
    /// What it shows of each account.
    pub value: Ast,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            filter: None,
            search: None,
            sort: Vec::new(),
            columns: Vec::new(),
            limit: PAGE,
            counted: Counted::Current,
        }
    }
}

impl Query {
    /// Every account, by id, without columns, [`PAGE`] at a time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only accounts for which the answer is yes.
    ///
    /// # Errors
    ///
    /// What is wrong with the text; so for the others.
    pub fn filter(self, text: &str) -> Result<Self, ExprErrors> {
        Ok(self.filter_by(Ast::parse(text)?))
    }

    /// Only accounts for which the answer is yes.
    #[must_use]
    pub fn filter_by(mut self, filter: Ast) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Only accounts whose id or name holds this text, whatever its case. Without a key of order those that are it come
    /// first, then those that begin with it.
    #[must_use]
    pub fn search(mut self, text: &str) -> Self {
        self.search = Some(Arc::from(text)).filter(|text: &Arc<str>| !text.is_empty());
        self
    }

    /// A further key of order; of equal ones the next decides, and the id at last.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn sort(self, text: &str, descending: bool) -> Result<Self, ExprErrors> {
        Ok(self.sort_by(Ast::parse(text)?, descending))
    }

    /// A further key of order.
    #[must_use]
    pub fn sort_by(mut self, by: Ast, descending: bool) -> Self {
        self.sort.push(SortKey { by, descending });
        self
    }

    /// A further column.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn column(self, label: &str, text: &str) -> Result<Self, ExprErrors> {
        Ok(self.column_of(label, Ast::parse(text)?))
    }

    /// A further column.
    #[must_use]
    pub fn column_of(mut self, label: &str, value: Ast) -> Self {
        self.columns.push(Column { label: Arc::from(label), value });
        self
    }

    /// How many accounts a page has, at least 1 and at most [`MAX_PAGE`].
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.clamp(1, MAX_PAGE);
        self
    }

    /// With cancelled accounts in the total of its pages. They match, and stand among the rows, either way.
    #[must_use]
    pub const fn with_cancelled(mut self) -> Self {
        self.counted = Counted::WithCancelled;
        self
    }

    /// Which accounts.
    #[must_use]
    pub const fn filter_expression(&self) -> Option<&Ast> {
        self.filter.as_ref()
    }

    /// The keys of order.
    #[must_use]
    pub fn sort_keys(&self) -> &[SortKey] {
        &self.sort
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many accounts a page has.
    #[must_use]
    pub const fn page_limit(&self) -> usize {
        self.limit
    }
}

/// Everything that is wrong with a query.
pub type QueryErrors = Faults<QueryFault>;

/// One fault of a query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QueryFault {
    /// Where: a JSON pointer into its document, such as `/sort/0/by`.
    pub path: String,
    /// What is wrong.
    pub kind: QueryFaultKind,
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum QueryFaultKind {
    /// An expression.
    Expression(ExprErrors),
    /// Something else, in words.
    Other(String),
}

impl From<JsonFault> for QueryFault {
    fn from(fault: JsonFault) -> Self {
        Self { path: fault.path, kind: QueryFaultKind::Other(fault.kind.to_string()) }
    }
}

impl fmt::Display for QueryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            QueryFaultKind::Expression(errors) => write!(f, "at `{}`:\n{errors}", self.path),
            QueryFaultKind::Other(message) => write!(f, "{}{message}", At(&self.path)),
        }
    }
}

/// A value of a column or key, as JSON.
pub(super) type Shown = Option<ExprValue>;
