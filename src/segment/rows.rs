//! Which users, contracts or deals of the accounts?

use std::fmt;
use std::sync::Arc;

use serde_json::json;

use super::AskError;
use crate::book::{Account, ChildEntry};
use crate::expr::{
    Ast, Checked, Checker, Columns, ExprErrors, ExprLimits, MacroKind, Names, RowExpr, WIRE_VERSION,
    WireErrors,
};
use crate::set::AccountSet;

/// A yes/no question of the rows of a child table: users of accounts, their contracts, their deals. It may read the
/// account of the row, and what is derived for it.
///
/// ```
/// use perennial::segment::RowFilter;
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Date, Nesting,
///     Policy, Schema, Scope, TableKind,
/// };
///
/// let users = ChildTable::new("users", TableKind::Users).column(Attribute::new("role", AttributeType::Text));
/// let schema = Schema::builder().account_type("Company", Nesting::Free).table(users).build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company"))
///     .child("users", ChildRow::new(ChildId::new("ann")?, acme.clone()).with("role", "Admin"))
///     .child("users", ChildRow::new(ChildId::new("bob")?, acme).with("role", "Reader"));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
///
/// let admins = RowFilter::new(&**book.schema(), "users", "u", "u.role == \"Admin\" && account_type == \"Company\"")?;
/// let found = admins.rows(&view, &view.visible())?;
/// assert_eq!(found.iter().map(|row| row.id().to_string()).collect::<Vec<_>>(), ["ann"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RowFilter {
    table: Arc<str>,
    checked: Checked,
}

/// A question of rows that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFilterError {
    /// The question itself.
    #[error(transparent)]
    Expression(#[from] ExprErrors),
    /// The name of the table or of the row.
    #[error(transparent)]
    Names(#[from] WireErrors),
    /// It is asked of the rows of no child table.
    #[error("a question of rows is `table.exists(row, ..)`, `table` being a child table")]
    NoRows,
}

impl RowFilter {
    /// A question, in which `variable` is the row and bare names are those of its account.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in the text `table.exists(variable, question)`.
    pub fn new(
        names: &dyn Names,
        table: &str,
        variable: &str,
        question: &str,
    ) -> Result<Self, RowFilterError> {
        let question = Ast::parse(question)?.to_json();
        let body = question.get("expr").cloned().unwrap_or_default();
        let whole = json!({ "v": WIRE_VERSION, "expr": { "op": "exists", "over": table, "var": variable, "body": body } });
        Self::of(&Checker::new(names), Ast::from_json(&whole, &ExprLimits::default())?)
    }

    /// A question as `table.exists(variable, question)`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn of(checker: &Checker<'_>, ast: Ast) -> Result<Self, RowFilterError> {
        let checked = checker.check_ast_predicate(ast)?;
        match checked.rows_asked(MacroKind::Exists) {
            Some(table) => Ok(Self { table: Arc::from(table), checked }),
            None => Err(RowFilterError::NoRows),
        }
    }

    /// The child table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// As `table.exists(variable, question)`: which accounts have such a row.
    #[must_use]
    pub const fn accounts(&self) -> &Checked {
        &self.checked
    }

    /// The rows of the visible accounts of a set for which the answer is yes, in the order of the tree, those of an
    /// account by id.
    ///
    /// # Errors
    ///
    /// What the columns do not have, and a set of another layout of the book.
    ///
    /// # Complexity
    ///
    /// Linear in the rows of the accounts; in the accounts of the view for their order.
    pub fn rows<'v>(
        &self,
        columns: impl Into<Columns<'v>>,
        accounts: &AccountSet,
    ) -> Result<Vec<ChildEntry<'v>>, AskError> {
        let columns = columns.into();
        let view = columns.view();
        let accounts = view.visible().intersection(accounts)?;
        let asked = RowExpr::new(&self.checked, columns)?;
        let mut found = Vec::new();
        let mut ask = |account: Account<'v>| {
            for row in account.child_rows(&self.table) {
                if asked.matches(&row) {
                    found.push(row);
                }
            }
        };
        view.accounts().filter(|account| accounts.contains(account.place())).for_each(&mut ask);
        Ok(found)
    }
}

impl fmt::Display for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.checked.fmt(f)
    }
}
