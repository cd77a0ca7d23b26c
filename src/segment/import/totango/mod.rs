//! Queries of the Totango Search API.
//!
//! Terms are a list that is to hold as a whole, with `or` terms inside; each says its type, and with it what its values
//! are. Only some are published; the others are read from what clients send. Keys that mean nothing here are passed
//! over where they cannot change which accounts match, and are faults elsewhere.

mod dates;
mod envelope;
mod fields;
mod terms;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ImportFault, NeededName};
use crate::expr::Ast;
use crate::model::DocumentVersion;
use crate::segment::Query;

/// What a query of the Search API asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TotangoTarget {
    /// Accounts.
    Accounts,
    /// Users of accounts: rows of a child table.
    Users,
    /// People of the team that works on accounts.
    TeamUsers,
    /// Rows of collections.
    Collections,
    /// How many accounts have each health.
    HealthDistribution,
}

/// A query of the Search API, read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TotangoQuery {
    pub(super) v: DocumentVersion,
    /// What it asks for.
    pub target: TotangoTarget,
    /// Which accounts; of a query for users, those with such users: `users.exists(u, ..)`.
    pub expression: Ast,
    /// Of a query for users or rows: which rows, as `table.exists(row, ..)` for
    /// [`RowFilter::of`](crate::segment::RowFilter::of).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Ast>,
    /// The columns, in their order; of rows, as names of the row.
    pub columns: Vec<TotangoColumn>,
    /// What the accounts are put in order by, and whether the greatest stands first.
    #[serde(with = "crate::model::pairs::order_by", default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<(Ast, bool)>,
    /// How many are asked for, at most.
    pub count: usize,
    /// How many are passed over: a number of records, of pages for collections and events.
    pub offset: usize,
    /// The names that it reads, each once.
    pub names: Vec<NeededName>,
    /// What is worth a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<ImportFault>,
}

/// A column of a query of the Search API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TotangoColumn {
    /// What stands above it, as written.
    pub label: Arc<str>,
    /// What it shows.
    pub value: Ast,
    /// Does it show the account of a row, rather than the row?
    #[serde(default)]
    pub of_account: bool,
}

impl TotangoQuery {
    /// The query as one of ours, for accounts; the first page is what Totango calls offset 0. Of a query for users, the
    /// accounts that have such users.
    #[must_use]
    pub fn to_query(&self) -> Query {
        let mut query = Query::new().filter_by(self.expression.clone()).limit(self.count);
        let of_accounts = |column: &&TotangoColumn| self.rows.is_none() || column.of_account;
        for column in self.columns.iter().filter(of_accounts) {
            query = query.column_of(&column.label, column.value.clone());
        }
        if let Some((by, descending)) = &self.sort {
            query = query.sort_by(by.clone(), *descending);
        }
        query
    }
}
