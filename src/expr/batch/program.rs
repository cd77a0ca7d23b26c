//! In which form are expressions run over a book?
//!
//! The terms of all expressions together, so that what several ask is asked once; days resolved for the moment of
//! the view; what is asked of another account moved to that account; terms of a conjunction in the order of what
//! they cost.

use std::collections::HashMap;
use std::sync::Arc;

use crate::expr::term::{Cell, Conversion, Op, SlotOf, TermId, Terms};
use crate::expr::types::Type;
use crate::model::{AsOf, Schema};

/// Where a slot is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// An attribute of accounts.
    Attribute(usize),
    /// A column of a child table.
    Column(usize),
    /// The account type.
    Kind,
    /// The product.
    Product,
    /// Nothing of a book: always missing.
    Nothing,
}

/// Expressions, ready to be run over a view.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) terms: Arc<Terms>,
    pub(super) roots: Vec<TermId>,
    pub(super) bound: Arc<[Bound]>,
    /// How many terms ask each term; what several ask is kept.
    pub(super) asked: Vec<u32>,
    /// Does a term ask, at any depth, for what is derived before rows are evaluated?
    pub(super) deep: Vec<bool>,
    /// Does a term read an account or row around the one that it is asked of?
    pub(super) outer: Vec<bool>,
}

impl Program {
    pub(super) fn new(terms: &Terms, roots: &[TermId], as_of: &AsOf, schema: &Schema) -> Self {
        let (terms, roots) = terms.as_of(as_of, roots);
        let (terms, roots) = hoisted(&terms, &roots);
        let (terms, roots) = terms.pruned(&roots);
        let (terms, roots) = ordered(&terms, &roots);
        Self::of(&terms, &roots, schema)
    }

    /// The same with the terms of each conjunction as they are written.
    pub(super) fn as_written(terms: &Terms, roots: &[TermId], as_of: &AsOf, schema: &Schema) -> Self {
        let (terms, roots) = terms.as_of(as_of, roots);
        let (terms, roots) = hoisted(&terms, &roots);
        Self::of(&terms, &roots, schema)
    }

    fn of(terms: &Terms, roots: &[TermId], schema: &Schema) -> Self {
        let (mut terms, roots) = terms.clone().pruned(roots);
        let bound: Arc<[Bound]> = terms.slots.iter().map(|slot| bind(schema, &slot.of, &slot.name)).collect();
        // What the book does not have is supplied for the whole view.
        for op in &mut terms.ops {
            if let Op::Slot(slot) = op {
                let of_account =
                    terms.slots.get(*slot as usize).is_some_and(|slot| slot.of == SlotOf::Account);
                if of_account && bound.get(*slot as usize) == Some(&Bound::Nothing) {
                    *op = Op::Supplied(*slot);
                }
            }
        }
        let mut asked = vec![0_u32; terms.ops.len()];
        let mut deep = vec![false; terms.ops.len()];
        // How many accounts around each term reads, or rows.
        let mut free = vec![0_u32; terms.ops.len()];
        for (at, op) in terms.ops.iter().enumerate() {
            let mut below = matches!(op, Op::Outer(_)) || is_deep(op);
            let mut around = 0;
            for part in op.parts() {
                if let Some(asked) = asked.get_mut(part.index()) {
                    *asked += 1;
                }
                below |= deep.get(part.index()) == Some(&true);
                around = around.max(free.get(part.index()).copied().unwrap_or(0));
            }
            if let (Some(deep), Some(free)) = (deep.get_mut(at), free.get_mut(at)) {
                *deep = below;
                *free = match op {
                    Op::Outer(_) => around.saturating_add(1),
                    // Of what the lambda reads around it, the nearest is the account or row that asks.
                    Op::Gather { asker, .. } => around.saturating_sub(1).max(asker.around),
                    _ => around,
                };
            }
        }
        for root in &roots {
            if let Some(asked) = asked.get_mut(root.index()) {
                *asked += 1;
            }
        }
        let outer = free.into_iter().map(|around| around > 0).collect();
        Self { terms: Arc::new(terms), roots, bound, asked, deep, outer }
    }
}

/// Is an operation worked out for the whole view before rows are evaluated?
pub(super) const fn is_deep(op: &Op) -> bool {
    matches!(
        op,
        Op::Outer(_)
            | Op::At(..)
            | Op::Gather { .. }
            | Op::Under { .. }
            | Op::Owns(_)
            | Op::Level
            | Op::AccountId
            | Op::InSegment(_)
            | Op::Supplied(_)
            | Op::Usage(..)
    )
}

pub(super) fn bind(schema: &Schema, of: &SlotOf, name: &str) -> Bound {
    match of {
        SlotOf::Account => match (schema.attribute(name), name) {
            (Some(attribute), _) => Bound::Attribute(attribute.index()),
            (None, "account_type") => Bound::Kind,
            (None, "product") => Bound::Product,
            (None, _) => Bound::Nothing,
        },
        SlotOf::Table(table) => {
            let table = schema.table(table).and_then(|table| schema.table_at(table));
            let column = table.and_then(|table| table.column_id(name));
            column.map_or(Bound::Nothing, |column| Bound::Column(column.index()))
        }
        SlotOf::Event(_) => Bound::Nothing,
    }
}

/// Asks another account the whole question, where only its value was fetched: `parent.name == "x"` becomes the
/// parent's answer to `name == "x"`, so that no text is carried from row to row.
fn hoisted(terms: &Terms, roots: &[TermId]) -> (Terms, Vec<TermId>) {
    let mut there = terms.beside();
    let mut places: Vec<TermId> = Vec::with_capacity(terms.ops.len());
    for op in &terms.ops {
        let op = super::super::resolve::moved(op, &places);
        let id = match lifted(&there, &op) {
            Some((carrier, inner)) => {
                let inner = there.add(inner);
                there.add(match carrier {
                    Op::At(place, _) => Op::At(place, inner),
                    _ => Op::Outer(inner),
                })
            }
            None => there.add(op),
        };
        places.push(id);
    }
    let roots = roots.iter().map(|root| super::super::resolve::place(&places, *root)).collect();
    (there, roots)
}

/// What is fetched, and the operation on it, of an operation whose operands all come from one other account and
/// which has no answer where one of them is missing.
fn lifted(terms: &Terms, op: &Op) -> Option<(Op, Op)> {
    let strict = matches!(
        op,
        Op::Field(..)
            | Op::Item(..)
            | Op::Convert(..)
            | Op::Not(_)
            | Op::Compare(..)
            | Op::OneOf(..)
            | Op::InList(..)
            | Op::IntMath(..)
            | Op::WideMath(..)
            | Op::DoubleMath(..)
            | Op::WideByDouble(..)
            | Op::DayMath(..)
            | Op::DaysBetween(..)
            | Op::MonthsAfter(..)
            | Op::InstantMath(..)
            | Op::DurationMath(..)
            | Op::TimeBetween(..)
            | Op::Negate(_)
            | Op::Join(..)
            | Op::Text(..)
            | Op::Like(..)
            | Op::Lower(_)
            | Op::Upper(_)
            | Op::Size(_)
            | Op::Rounding(..)
            | Op::WideRounding(..)
            | Op::Part(..)
            | Op::Exchange { .. }
            | Op::Holds { .. }
    );
    let mut carrier: Option<Op> = None;
    for part in op.parts().into_iter().filter(|_| strict) {
        let found = match terms.op(part) {
            Op::Const(_) => continue,
            Op::At(place, _) => Op::At(place.clone(), TermId::NONE),
            Op::Outer(_) => Op::Outer(TermId::NONE),
            _ => return None,
        };
        match &carrier {
            Some(known) if *known != found => return None,
            _ => carrier = Some(found),
        }
    }
    let carrier = carrier?;
    let mut inner = op.clone();
    inner.each_part(&mut |part| {
        if let Op::At(_, of) | Op::Outer(of) = terms.op(*part) {
            *part = *of;
        }
    });
    Some((carrier, inner))
}

/// Puts the cheap and the selective tests of each junction first.
fn ordered(terms: &Terms, roots: &[TermId]) -> (Terms, Vec<TermId>) {
    let mut there = terms.beside();
    let mut places: Vec<TermId> = Vec::with_capacity(terms.ops.len());
    let mut costs: HashMap<TermId, u32> = HashMap::new();
    for op in &terms.ops {
        let mut op = super::super::resolve::moved(op, &places);
        if let Op::And(all) | Op::Or(all) = &mut op {
            let cost = |id: &TermId| costs.get(id).copied().unwrap_or(0);
            // Stable: of equal cost, as written.
            all.sort_by_key(cost);
        }
        let below: u32 =
            op.parts().iter().map(|part| costs.get(part).copied().unwrap_or(0)).fold(0, u32::saturating_add);
        let cost = own_cost(&there, &op).saturating_add(below);
        let id = there.add(op);
        costs.insert(id, cost);
        places.push(id);
    }
    let roots = roots.iter().map(|root| super::super::resolve::place(&places, *root)).collect();
    (there, roots)
}

/// About how many nanoseconds a row, in tenths.
fn own_cost(terms: &Terms, op: &Op) -> u32 {
    match op {
        Op::Const(_) | Op::Moment(_) | Op::Element(_) => 0,
        Op::Slot(_) | Op::And(_) | Op::Or(_) | Op::Not(_) | Op::Has(_) => 1,
        // What was derived before is a look-up.
        op if is_deep(op) => 5,
        Op::Compare(_, a, _) | Op::IsNot(a, _) | Op::OneOf(a, _) => {
            let text = matches!(terms.op(*a), Op::Slot(slot) if is_text(terms, *slot));
            if text { 10 } else { 5 }
        }
        Op::Convert(conversion, _) => match conversion {
            Conversion::IntToDouble | Conversion::IntToWide(_) | Conversion::Rescale(_) => 5,
            Conversion::WideToDouble(_) => 10,
            _ => 300,
        },
        Op::IntMath(..) | Op::DoubleMath(..) | Op::WideMath(..) | Op::Negate(_) => 10,
        Op::MonthsAfter(..) => 100,
        Op::Text(_, a, b)
            if matches!((terms.op(*a), terms.op(*b)), (Op::Slot(_), Op::Const(Cell::Text(_)))) =>
        {
            100
        }
        _ => 300,
    }
}

fn is_text(terms: &Terms, slot: u32) -> bool {
    terms.slots.get(slot as usize).is_some_and(|slot| slot.kind == Type::Text)
}
