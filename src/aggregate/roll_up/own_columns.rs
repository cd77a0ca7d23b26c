//! Which columns do the rows of a roll-up have themselves?

use super::definition::Over;
use crate::expr::{Ast, Node, NodeId, written_name};
use crate::model::{Attribute, ChildTable, Schema};

/// The columns of the rows of a roll-up.
pub(super) enum OwnColumns<'s> {
    Accounts(&'s Schema),
    Table(&'s ChildTable),
}

impl<'s> OwnColumns<'s> {
    pub(super) fn of(over: &Over, schema: &'s Schema) -> Option<Self> {
        match over {
            Over::Accounts => Some(Self::Accounts(schema)),
            Over::Table(table) => schema.table_at(schema.table(table)?).map(Self::Table),
            Over::Events { .. } => None,
        }
    }

    /// The name of a column of the row itself, as a node writes it.
    pub(super) fn name(&self, ast: &Ast, node: NodeId) -> Option<String> {
        let Node::Path(names) = ast.node(node) else { return None };
        match self {
            Self::Accounts(_) => Some(names.join(".")),
            Self::Table(_) => {
                let (row, name) = names.split_first()?;
                (**row == *"row").then(|| name.join("."))
            }
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&'s Attribute> {
        match self {
            Self::Accounts(schema) => schema.attribute_at(schema.attribute(name)?),
            Self::Table(table) => table.column_at(table.column_id(name)?),
        }
    }

    /// A column of the row itself.
    pub(super) fn plain(&self, ast: &Ast, node: NodeId) -> Option<&'s Attribute> {
        self.column(&self.name(ast, node)?)
    }

    /// Are the rows accounts?
    pub(super) const fn are_of_accounts(&self) -> bool {
        matches!(self, Self::Accounts(_))
    }

    /// A column, as an expression over a row writes it.
    pub(super) fn written(&self, name: &str) -> String {
        let name = written_name(name);
        if self.are_of_accounts() { name } else { format!("row.{name}") }
    }
}
