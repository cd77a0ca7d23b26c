//! Which definition of one state is which of another, where some got other names in between?
//!
//! Each state knows the renames that led to it. Where those of one state begin with those of the other, as they do on the way of one engine and
//! on branches of it, the rest is what happened in between; else names are compared as they are.

use std::sync::Arc;

use crate::catalog::{DefinitionKind, DefinitionRef};

/// A definition by its names in two states: it is told by that of the state after. Before, it has none where the name was that of another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Compared {
    pub(super) after: DefinitionRef,
    pub(super) before: Option<DefinitionRef>,
}

impl Compared {
    /// A column of the state before, by the name that it has in the state after.
    pub(super) fn renamed(&self, column: &Arc<str>) -> Arc<str> {
        let before = self.before.as_ref().filter(|before| **before != self.after);
        let below = before.and_then(|before| column.strip_prefix(&*before.name));
        below.map_or_else(|| column.clone(), |below| Arc::from(format!("{}{below}", self.after.name)))
    }
}

/// The definitions that have another name in the state after than in the state before.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    /// Before and after.
    pairs: Vec<(DefinitionRef, DefinitionRef)>,
}

impl Lineage {
    pub(super) fn between(
        from: &[(DefinitionRef, DefinitionRef)],
        to: &[(DefinitionRef, DefinitionRef)],
    ) -> Self {
        if let Some(since) = to.strip_prefix(from) {
            return Self::of_steps(since);
        }
        let Some(since) = from.strip_prefix(to) else { return Self::default() };
        let Self { pairs } = Self::of_steps(since);
        Self { pairs: pairs.into_iter().map(|(before, after)| (after, before)).collect() }
    }

    fn of_steps(steps: &[(DefinitionRef, DefinitionRef)]) -> Self {
        let mut pairs: Vec<(DefinitionRef, DefinitionRef)> = Vec::new();
        for (was, is) in steps {
            if let Some((_, after)) = pairs.iter_mut().find(|(_, after)| after == was) {
                *after = is.clone();
            } else if !pairs.iter().any(|(before, _)| before == was) {
                // Else it has the name of one that was renamed before, and is another definition.
                pairs.push((was.clone(), is.clone()));
            }
        }
        pairs.retain(|(before, after)| before != after);
        Self { pairs }
    }

    /// The definitions that have another name, before and after.
    pub(super) fn pairs(&self) -> &[(DefinitionRef, DefinitionRef)] {
        &self.pairs
    }

    /// The name in the other state of a column of a definition, in the state after or before.
    pub(super) fn column_elsewhere(&self, column: &str, is_after: bool) -> Arc<str> {
        let columns = self.pairs.iter().filter(|(id, _)| !matches!(id.kind, DefinitionKind::Segment));
        let mut other = columns.filter_map(|(before, after)| {
            let (here, there) = if is_after { (after, before) } else { (before, after) };
            let below = column.strip_prefix(&*here.name)?;
            (below.is_empty() || below.starts_with('.')).then(|| format!("{}{below}", there.name))
        });
        Arc::from(other.next().as_deref().unwrap_or(column))
    }

    /// A definition of the state after.
    pub(super) fn of(&self, id: &DefinitionRef) -> Compared {
        if let Some((before, after)) = self.pairs.iter().find(|(_, after)| after == id) {
            return Compared { before: Some(before.clone()), after: after.clone() };
        }
        let is_renamed = self.pairs.iter().any(|(before, _)| before == id);
        Compared { before: Some(id.clone()).filter(|_| !is_renamed), after: id.clone() }
    }

    /// A definition of the state before; `None` where it is gone, and another one has its name now.
    pub(super) fn of_before(&self, id: &DefinitionRef) -> Option<Compared> {
        let after = match self.pairs.iter().find(|(before, _)| before == id) {
            Some((_, after)) => after,
            None if self.pairs.iter().any(|(_, after)| after == id) => return None,
            None => id,
        };
        Some(Compared { before: Some(id.clone()), after: after.clone() })
    }
}
