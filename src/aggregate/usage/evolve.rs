//! What is usage under other kinds of event?

use std::sync::Arc;

use super::Usage;
use super::dictionary::{Dictionary, number};
use super::store::{Arrival, Bucket, Key, Store, ordered};
use super::what::{What, cell_of};
use crate::expr::Cell;
use crate::fold::Sum;
use crate::model::{
    Attribute, AttributeType, Date, Decimal, Duration, EventKind, EventMove, EventsMigration, FieldMove,
    Money, Timestamp, Value, retyped,
};

impl Usage {
    /// The same events under other kinds: those of a kind that is gone go with it; properties and measures go over one by one. A property
    /// that does not fit its new type is missing, a measure of another type begins anew, and events that are alike from now on are
    /// counted together, where their kind does not keep each row. An id that is remembered counts once, whatever comes with it.
    ///
    /// # Complexity
    ///
    /// Where kinds are only added or renamed: O(1). Else that of all buckets.
    pub(crate) fn migrated(&self, migration: &EventsMigration) -> Self {
        let EventsMigration { schema, kinds } = migration;
        let mut next = Self { schema: schema.clone(), ..self.clone() };
        let words = |kind: &EventKind| (kind.module.clone(), kind.action.clone());
        if !self.schema.kinds().map(words).eq(schema.kinds().take(self.schema.kinds().len()).map(words)) {
            next.ids = self.ids.without_prints();
        }
        if schema.width == self.schema.width && self.is_in_place(migration) {
            return next;
        }
        // By the number of each old kind: its new number.
        let mut numbers: Vec<Option<u16>> = vec![None; self.schema.kinds().len()];
        for (now, moved) in (0_u16..).zip(kinds) {
            if let Some(place) = moved.before.and_then(|before| numbers.get_mut(before)) {
                *place = Some(now);
            }
        }
        // Whatever comes again says so in other words.
        next.ids = self.ids.without_prints();
        next.whats = Dictionary::new();
        next.store = Store::new();
        let mut arrivals: Vec<Arrival> = Vec::with_capacity(self.store.buckets());
        for (part, place, usage) in self.store.accounts() {
            let Some(account) = number(part, place) else { continue };
            for (bucket, totals) in
                usage.spans(i32::MIN, i32::MAX).flat_map(|span| span.rows(self.schema.width))
            {
                let Some(what) = self.whats.get(bucket.key.what) else { continue };
                let Some(kind) = numbers.get(usize::from(what.kind)).copied().flatten() else { continue };
                let Some(of) = Kinds::of(self, migration, what.kind, kind) else { continue };
                let Some(number) = next.whats.intern(&of.what(what, kind), Clone::clone) else { continue };
                let key = Key { what: number, ..bucket.key };
                arrivals.push(Arrival {
                    account,
                    bucket: Bucket { key, each: of.new.is_each(), ..*bucket },
                    totals: of.totals(totals),
                });
            }
        }
        arrivals.sort_by(|a, b| a.account.cmp(&b.account).then_with(|| ordered(a.row(), b.row())));
        next.store.add(&arrivals, schema.width);
        next
    }

    /// Has every kind its number, with the properties and measures that it had?
    fn is_in_place(&self, migration: &EventsMigration) -> bool {
        let same = |moves: &[FieldMove],
                    old: &mut dyn ExactSizeIterator<Item = &Attribute>,
                    new: &mut dyn Iterator<Item = &Attribute>| {
            moves.len() == old.len()
                && moves.iter().enumerate().zip(old.zip(new)).all(|((at, moved), (old, new))| {
                    moved.before == Some(at) && moved.values.is_empty() && old.kind() == new.kind()
                })
        };
        let known = self.schema.kinds().len();
        migration.kinds.len() >= known
            && migration.kinds.iter().enumerate().zip(migration.schema.kinds()).all(|((at, moved), new)| {
                let Some(old) = self.schema.kinds().nth(at) else { return moved.before.is_none() };
                moved.before == Some(at)
                    && old.is_each() == new.is_each()
                    && same(&moved.properties, &mut old.properties(), &mut new.properties())
                    && same(&moved.measures, &mut old.measures(), &mut new.measures())
            })
    }
}

/// A kind of event, now and before.
struct Kinds<'k> {
    old: &'k EventKind,
    new: &'k EventKind,
    moved: &'k EventMove,
}

impl<'k> Kinds<'k> {
    fn of(usage: &'k Usage, migration: &'k EventsMigration, old: u16, new: u16) -> Option<Self> {
        Some(Self {
            old: usage.schema.at(old)?,
            new: migration.schema.at(new)?,
            moved: migration.kinds.get(usize::from(new))?,
        })
    }

    fn what(&self, what: &What, kind: u16) -> What {
        let properties = self.new.properties().zip(&self.moved.properties).map(|(now, moved)| {
            let cell = || {
                let at = moved.before?;
                let (before, cell) = (self.old.properties().nth(at)?, what.properties.get(at)?);
                if before.kind() == now.kind() && moved.values.is_empty() {
                    return Some(cell.clone());
                }
                let value = match value_of(cell, before.kind())? {
                    Value::Text(text) => match moved.values.get(&text) {
                        Some(now) => Value::Text(now.clone()?),
                        None => Value::Text(text),
                    },
                    value => value,
                };
                Some(cell_of(&retyped(&value, now).ok()?, now))
            };
            cell().unwrap_or(Cell::Missing)
        });
        What {
            kind,
            module: what.module.clone(),
            action: what.action.clone(),
            properties: properties.collect(),
        }
    }

    fn totals(&self, totals: &[Sum]) -> Box<[Sum]> {
        let total = |(now, moved): (&Attribute, &FieldMove)| {
            let at = moved.before?;
            let before = self.old.measures().nth(at)?;
            totals.get(at).copied().filter(|_| before.kind() == now.kind())
        };
        self.new.measures().zip(&self.moved.measures).map(|of| total(of).unwrap_or_default()).collect()
    }
}

/// The value that a property holds; one of a closed set as its text.
fn value_of(cell: &Cell, kind: &AttributeType) -> Option<Value> {
    Some(match (cell, kind) {
        (Cell::Bool(value), _) => Value::Bool(*value),
        (Cell::Int(code), AttributeType::Enum(values) | AttributeType::Band(values)) => {
            Value::Text(values.text(u16::try_from(*code).ok()?)?.clone())
        }
        (Cell::Int(days), AttributeType::Date) => Value::Date(Date::from_days(i32::try_from(*days).ok()?)?),
        (Cell::Int(micros), AttributeType::Timestamp) => Value::Timestamp(Timestamp::from_micros(*micros)?),
        (Cell::Int(micros), AttributeType::Duration) => Value::Duration(Duration::from_micros(*micros)),
        (Cell::Int(value), _) => Value::Int(*value),
        (Cell::Wide(units), AttributeType::Decimal { scale }) => Value::Decimal(Decimal::new(*units, *scale)),
        (Cell::Wide(minor), AttributeType::Money(currency)) => {
            Value::Money(Money::from_minor(*minor, *currency))
        }
        (Cell::Double(value), _) => Value::Double(value.get()),
        (Cell::Text(text), _) => Value::Text(Arc::clone(text)),
        _ => return None,
    })
}
