//! What is a definition checked against?

use super::fault::DefinitionFault;
use crate::expr::{Checked, Checker, ExprLimits, Names, Of, Type};
use crate::model::{Schema, Zones, hint};

/// What the check of a definition knows.
#[derive(Clone, Copy)]
pub(crate) struct Checking<'c> {
    pub(crate) names: &'c dyn Names,
    pub(crate) schema: &'c Schema,
    pub(crate) zones: &'c dyn Zones,
    pub(crate) limits: &'c ExprLimits,
    /// The names without definitions: metrics read no others.
    pub(crate) bare: &'c dyn Names,
    /// The type of a column that is declared, whether the definition that declares it is valid or not.
    pub(crate) declared: &'c dyn Fn(&str) -> Option<Type>,
}

impl Checking<'_> {
    pub(crate) fn checker(&self) -> Checker<'_> {
        Checker::new(self.names).with_zones(self.zones).with_limits(self.limits.clone())
    }

    /// An expression of accounts.
    pub(crate) fn expression(&self, text: &str) -> Result<Checked, DefinitionFault> {
        self.checker().check(text).map_err(DefinitionFault::Expression)
    }

    /// The type of a column of which earlier days are read.
    pub(crate) fn recorded(&self, column: &str) -> Result<Type, DefinitionFault> {
        if let Some(kind) = (self.declared)(column) {
            return Ok(kind);
        }
        if let Some(name) = self.names.name(Of::Account, column) {
            return Ok(name.kind().clone());
        }
        let mut all: Vec<String> = Vec::new();
        self.names.each(Of::Account, &mut |name| all.push(name.to_owned()));
        let hint = hint(column, all.iter().map(String::as_str));
        Err(DefinitionFault::Other(format!("there is no attribute `{column}`{hint}")))
    }
}
