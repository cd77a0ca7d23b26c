//! Which other accounts does an answer depend on, seen from the account that asks?

use crate::expr::term::{Op, Over, Place, TermId, Terms, Walk};

/// How far an answer sees: an account at most so many steps above or below may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sight {
    pub(crate) up: u32,
    pub(crate) down: u32,
    /// Both in turn: who is seen stands neither on the way up nor below.
    pub(crate) across: bool,
    /// It depends on where an account stands in its tree.
    pub(crate) stands: bool,
}

impl Sight {
    /// As far as the tree goes.
    pub(crate) const ANY: u32 = u32::MAX;

    /// Of some terms together.
    pub(crate) fn of(terms: &Terms, roots: &[TermId]) -> Self {
        // By term: from the account that it is asked of, then from each of those around it. A term stands after its parts.
        let mut known: Vec<Vec<Self>> = Vec::with_capacity(terms.ops.len());
        for op in &terms.ops {
            let mut seen: Vec<Self> = vec![Self::default()];
            for part in op.parts() {
                let part = known.get(part.index()).map(Vec::as_slice).unwrap_or_default();
                for (around, sight) in part.iter().enumerate() {
                    see(&mut seen, around, *sight);
                }
            }
            match op {
                Op::Outer(_) => seen.insert(0, Self::default()),
                Op::At(place, _) => {
                    if let Some(here) = seen.first_mut() {
                        *here = here.seen_from(up(place), 0);
                    }
                }
                Op::Gather { asker, over, .. } => {
                    // What is seen from each that is gathered is seen from the one who asks.
                    let inner = seen.remove(0);
                    let mut inner = match over {
                        Over::Walk(walk) => {
                            let (up, down, across) = reach(*walk);
                            let there = inner.seen_from(up, down);
                            Self { across: there.across || across, ..there }
                        }
                        Over::Table(_) => inner,
                    };
                    for place in asker.places.iter().rev() {
                        inner = inner.seen_from(up(place), 0);
                    }
                    see(&mut seen, asker.around as usize, inner);
                }
                Op::Owns(_) => see(&mut seen, 0, Self { down: Self::ANY, ..Self::default() }),
                Op::Level | Op::Under { .. } => see(&mut seen, 0, Self { stands: true, ..Self::default() }),
                _ => {}
            }
            known.push(seen);
        }
        let own = roots.iter().filter_map(|root| known.get(root.index()));
        own.flatten().fold(Self::default(), |all, sight| all.and(*sight))
    }

    /// May a row read so many accounts that rows are read together, and not one by one?
    pub(crate) fn is_far(self) -> bool {
        self.across || self.down == Self::ANY || self.looks_far_up()
    }

    /// Does it look at more than a few accounts above?
    pub(crate) const fn looks_far_up(self) -> bool {
        self.up == Self::ANY || self.stands
    }

    /// As far as either.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            up: self.up.max(other.up),
            down: self.down.max(other.down),
            across: self.across || other.across,
            stands: self.stands || other.stands,
        }
    }

    /// What is seen from an account that asks others, so many steps up or down.
    fn seen_from(self, up: u32, down: u32) -> Self {
        Self {
            up: self.up.saturating_add(up),
            down: self.down.saturating_add(down),
            across: self.across || (up > 0 && self.down > 0) || (down > 0 && self.up > 0),
            ..self
        }
    }
}

/// Adds what is seen from an account so many steps around.
fn see(seen: &mut Vec<Sight>, around: usize, sight: Sight) {
    if seen.len() <= around {
        seen.resize(around + 1, Sight::default());
    }
    if let Some(known) = seen.get_mut(around) {
        *known = known.and(sight);
    }
}

const fn up(place: &Place) -> u32 {
    match place {
        Place::Parent => 1,
        Place::Root | Place::AtType(_) | Place::AtLevel(_) => Sight::ANY,
    }
}

/// Steps up, steps down, and whether elsewhere.
const fn reach(walk: Walk) -> (u32, u32, bool) {
    match walk {
        Walk::Ancestors | Walk::Lineage => (Sight::ANY, 0, false),
        Walk::Children => (0, 1, false),
        Walk::Descendants | Walk::Subtree => (0, Sight::ANY, false),
        Walk::Siblings => (0, 0, true),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::expr::{Checker, RowPlan};
    use crate::model::{Attribute, AttributeType, ChildTable, Nesting, Schema, TableKind};

    fn sight(text: &str) -> Sight {
        let schema: Arc<Schema> = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("seats", AttributeType::Int))
            .table(
                ChildTable::new("contracts", TableKind::Contracts)
                    .column(Attribute::new("seats", AttributeType::Int)),
            )
            .build()
            .map(Arc::new)
            .unwrap();
        let checked = Checker::new(&*schema).check(text).unwrap();
        RowPlan::new(None, &schema, &*schema, &[], &[&checked]).unwrap().sight()
    }

    #[test]
    fn it_is_told_how_far_an_expression_sees() {
        let any = Sight::ANY;
        let straight = |up, down| Sight { up, down, across: false, stands: false };
        for (text, wanted) in [
            ("seats > 3", straight(0, 0)),
            ("parent.seats - seats", straight(1, 0)),
            ("parent.parent.seats", straight(2, 0)),
            ("root.seats", straight(any, 0)),
            ("lineage.exists(a, a.seats > 3)", straight(any, 0)),
            ("children.sum(c, c.seats)", straight(0, 1)),
            ("children.exists(c, c.seats > seats)", straight(0, 1)),
            ("children.exists(c, c.children.exists(d, d.seats > 3))", straight(0, 2)),
            ("subtree.sum(a, a.seats)", straight(0, any)),
            ("parent.seats + children.sum(c, c.seats)", straight(1, 1)),
            ("level > 2", Sight { stands: true, ..straight(0, 0) }),
            // What is read of an account further out is seen from there.
            ("children.exists(c, c.children.exists(d, d.seats > seats))", straight(0, 2)),
            ("children.exists(c, c.children.exists(d, d.seats > parent.seats))", straight(1, 2)),
            ("parent.contracts.exists(x, x.seats > seats)", straight(1, 0)),
            ("contracts.exists(x, contracts.exists(y, y.seats > x.seats))", straight(0, 0)),
            ("children.exists(c, contracts.exists(y, y.seats > c.seats))", straight(0, 1)),
        ] {
            assert_eq!(sight(text), wanted, "{text}");
        }
        for text in [
            "parent.children.sum(c, c.seats)",
            "root.subtree.count()",
            "children.exists(c, c.parent.seats > 3)",
            "children.exists(c, c.seats > parent.seats)",
            "siblings.exists(s, s.seats > 3)",
        ] {
            let seen = sight(text);
            let asks_around = text.contains("> parent");
            assert!(seen.across || asks_around && seen.up == 1 && seen.down == 1, "{text}: {seen:?}");
        }
    }
}
