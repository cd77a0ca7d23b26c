//! What must be known before an expression has an answer, and of whom?

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::expr::term::{Op, Over, Place, SlotOf, Terms, Walk};

/// Whose rows an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Whose {
    /// Those of the account itself.
    #[default]
    Own,
    /// Those of accounts of its tree.
    Tree,
    /// Those of any account of the view.
    Book,
}

/// What expressions read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says of one thing whether it is read")]
pub(crate) struct Needs {
    /// Attributes, and columns beside the book, by name.
    pub(crate) names: BTreeSet<Arc<str>>,
    /// Child tables.
    pub(crate) tables: BTreeSet<Arc<str>>,
    /// Metrics, whose own expressions are read as well.
    pub(crate) metrics: BTreeSet<Arc<str>>,
    /// The account type, the product or the status.
    pub(crate) standing: bool,
    pub(crate) usage: bool,
    /// The moment of the question.
    pub(crate) moment: bool,
    /// Rates of exchange.
    pub(crate) rates: bool,
    pub(crate) whose: Whose,
}

impl Needs {
    pub(crate) fn of(terms: &Terms) -> Self {
        let mut needs = Self::default();
        for op in &terms.ops {
            needs.read(op, terms);
        }
        needs
    }

    /// With what others need.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.names.extend(other.names);
        self.tables.extend(other.tables);
        self.metrics.extend(other.metrics);
        self.standing |= other.standing;
        self.usage |= other.usage;
        self.moment |= other.moment;
        self.rates |= other.rates;
        self.whose = self.whose.max(other.whose);
        self
    }

    fn read(&mut self, op: &Op, terms: &Terms) {
        // The nearest account of a type may differ after an account changed its type.
        self.standing |= op.places().iter().any(|place| matches!(place, Place::AtType(_)));
        match op {
            Op::Slot(slot) | Op::Supplied(slot) => {
                let Some(slot) = terms.slots.get(*slot as usize) else { return };
                match &slot.of {
                    SlotOf::Account => {
                        self.names.insert(slot.name.clone());
                    }
                    SlotOf::Table(table) => {
                        self.tables.insert(table.clone());
                    }
                    SlotOf::Event(_) => self.usage = true,
                }
            }
            Op::Moment(_) | Op::StartOfDay(..) | Op::DayOf(_) => self.moment = true,
            Op::Exchange { .. } => self.rates = true,
            Op::Usage(_, usage, _) => {
                if usage.is_metric {
                    self.metrics.insert(usage.name.clone());
                }
                // A window that is not written ends today.
                self.usage = true;
                self.moment = true;
            }
            Op::Owns(_) => {
                self.standing = true;
                self.whose = self.whose.max(Whose::Tree);
            }
            Op::Gather { asker, over: Over::Table(table), .. } => {
                self.tables.insert(table.clone());
                if !asker.is_here() {
                    self.whose = self.whose.max(Whose::Tree);
                }
            }
            // Roots are siblings too, of whatever tree.
            Op::Gather { over: Over::Walk(Walk::Siblings), .. } => self.whose = Whose::Book,
            Op::Gather { .. } | Op::At(..) | Op::Level | Op::Under { .. } => {
                self.whose = self.whose.max(Whose::Tree);
            }
            _ => {}
        }
    }
}
