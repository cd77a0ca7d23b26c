//! Which rows hang on an account?

use std::sync::Arc;

use indexmap::IndexMap;

use super::attribute::Line;
use super::{Attribute, ColumnId};

/// What a child table is about. The kind lets later layers find the contracts or the users without
/// knowing the host's name for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TableKind {
    /// People of the customer.
    Users,
    /// Contract or subscription lines.
    Contracts,
    /// Deals.
    Opportunities,
    /// Usage rows; kept in blocks of their own.
    Events,
    /// Support tickets.
    Tickets,
    /// Whatever else the host has.
    Custom,
}

impl TableKind {
    /// Every kind with its word in schema documents.
    pub(super) const WORDS: [(Self, &'static str); 6] = [
        (Self::Users, "users"),
        (Self::Contracts, "contracts"),
        (Self::Opportunities, "opportunities"),
        (Self::Events, "events"),
        (Self::Tickets, "tickets"),
        (Self::Custom, "custom"),
    ];
}

/// Rows that belong to an account: its users, contracts, deals, tickets, or what the host declares.
///
/// Every row has a [`ChildId`](super::ChildId), unique in the table, and the id of its account; the
/// columns come on top.
#[derive(Debug, Clone)]
pub struct ChildTable {
    pub(super) name: Arc<str>,
    pub(super) kind: TableKind,
    pub(super) label: Option<Arc<str>>,
    pub(super) columns: IndexMap<Arc<str>, Attribute>,
    // Names given twice, kept so that the schema can report them.
    pub(super) repeated: Vec<Arc<str>>,
    pub(super) line: Line,
}

/// The same columns in the same order.
impl PartialEq for ChildTable {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, kind, label, columns, repeated, line: _ } = self;
        *name == other.name
            && *kind == other.kind
            && *label == other.label
            && columns.iter().eq(&other.columns)
            && *repeated == other.repeated
    }
}

impl Eq for ChildTable {}

impl ChildTable {
    /// A table without columns.
    #[must_use]
    pub fn new(name: &str, kind: TableKind) -> Self {
        let (columns, repeated, line) = (IndexMap::new(), Vec::new(), Line::default());
        Self { name: Arc::from(name), kind, label: None, columns, repeated, line }
    }

    /// With a label for screens.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(Arc::from(label));
        self
    }

    /// With one more column.
    #[must_use]
    pub fn column(mut self, column: Attribute) -> Self {
        if self.columns.contains_key(&column.name) {
            self.repeated.push(column.name);
        } else {
            self.columns.insert(Arc::clone(&column.name), column);
        }
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> TableKind {
        self.kind
    }

    /// Its label, or its name where it has none.
    #[must_use]
    pub fn display_label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    pub(crate) const fn line(&self) -> &Line {
        &self.line
    }

    /// Its columns in declared order.
    #[must_use]
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.columns.values()
    }

    /// The place of a column by name.
    #[must_use]
    pub fn column_id(&self, name: &str) -> Option<ColumnId> {
        self.columns.get_index_of(name).map(ColumnId::new)
    }

    /// A column by place.
    #[must_use]
    pub fn column_at(&self, id: ColumnId) -> Option<&Attribute> {
        self.columns.get_index(id.index()).map(|(_, column)| column)
    }
}
