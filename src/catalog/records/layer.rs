//! What came out differently on some closed days: sorted, packed, and merged in layers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::expr::ExprValue;
use crate::model::{Currency, Date, Decimal};

/// What was recorded of an account on a day.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// Nothing: the account was not there.
    Absent,
    /// That it had no value.
    Missing,
    Value(ExprValue),
}

impl Slot {
    pub(super) fn of(value: Option<ExprValue>) -> Self {
        value.map_or(Self::Missing, Self::Value)
    }
}

/// Of two values of the same size one may have more digits.
pub(crate) fn is_same_record(one: &ExprValue, other: &ExprValue) -> bool {
    let digits = |value: &ExprValue| match value {
        ExprValue::Decimal(number) | ExprValue::Money(number, _) => Some(number.scale()),
        _ => None,
    };
    one == other && digits(one) == digits(other)
}

const ABSENT: u8 = 0;
const MISSING: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INT: u8 = 4;
const DOUBLE: u8 = 5;
const DATE: u8 = 6;
const TEXT: u8 = 7;
/// A value that is packed in no other way.
const OTHER: u8 = 8;
/// The first of the tags of numbers with a unit.
const UNITS: u8 = 9;

/// A currency, or none of a decimal; and the digits.
type Unit = (Option<Currency>, u8);

/// What differs from the day before, on some closed days that follow each other: in order of account, then of day. An entry takes 17
/// bytes, and a different text its own.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) first: Date,
    /// How many closed days it is of.
    pub(super) days: usize,
    pub(super) accounts: Vec<u32>,
    pub(super) on: Vec<i32>,
    pub(super) tags: Vec<u8>,
    pub(super) words: Vec<u64>,
    pub(super) units: Vec<Unit>,
    pub(super) texts: Vec<Arc<str>>,
    pub(super) others: Vec<ExprValue>,
}

/// A layer that is made.
pub(super) struct Packing {
    layer: Layer,
    known: HashMap<Arc<str>, u64>,
}

impl Packing {
    fn new(first: Date, days: usize, entries: usize) -> Self {
        let layer = Layer {
            first,
            days,
            accounts: Vec::with_capacity(entries),
            on: Vec::with_capacity(entries),
            tags: Vec::with_capacity(entries),
            words: Vec::with_capacity(entries),
            units: Vec::new(),
            texts: Vec::new(),
            others: Vec::new(),
        };
        Self { layer, known: HashMap::new() }
    }

    /// Entries that are in order.
    #[cfg(feature = "snapshot")]
    pub(super) fn all(entries: &[(u32, i32, Slot)]) -> Layer {
        let mut packing = Self::new(Date::MIN, 0, entries.len());
        for (account, on, slot) in entries {
            packing.push(*account, *on, slot);
        }
        packing.layer
    }

    fn push(&mut self, account: u32, on: i32, slot: &Slot) {
        let (tag, word) = self.packed(slot);
        let layer = &mut self.layer;
        layer.accounts.push(account);
        layer.on.push(on);
        layer.tags.push(tag);
        layer.words.push(word);
    }

    fn packed(&mut self, slot: &Slot) -> (u8, u64) {
        let value = match slot {
            Slot::Absent => return (ABSENT, 0),
            Slot::Missing => return (MISSING, 0),
            Slot::Value(value) => value,
        };
        match value {
            ExprValue::Bool(is) => return (if *is { TRUE } else { FALSE }, 0),
            ExprValue::Int(int) => return (INT, int.cast_unsigned()),
            ExprValue::Double(double) => return (DOUBLE, double.to_bits()),
            ExprValue::Date(date) => return (DATE, i64::from(date.days()).cast_unsigned()),
            ExprValue::Text(text) => {
                let next = self.layer.texts.len() as u64;
                let word = *self.known.entry(text.clone()).or_insert(next);
                if word == next {
                    self.layer.texts.push(text.clone());
                }
                return (TEXT, word);
            }
            ExprValue::Decimal(number) => {
                if let Some(packed) = self.number(*number, None) {
                    return packed;
                }
            }
            ExprValue::Money(number, currency) => {
                if let Some(packed) = self.number(*number, Some(*currency)) {
                    return packed;
                }
            }
            _ => {}
        }
        self.layer.others.push(value.clone());
        (OTHER, self.layer.others.len() as u64 - 1)
    }

    fn number(&mut self, number: Decimal, currency: Option<Currency>) -> Option<(u8, u64)> {
        let word = i64::try_from(number.units()).ok()?.cast_unsigned();
        let unit = (currency, number.scale());
        let units = &mut self.layer.units;
        let at = units.iter().position(|known| *known == unit).unwrap_or(units.len());
        let tag = u8::try_from(at).ok()?.checked_add(UNITS)?;
        if at == units.len() {
            units.push(unit);
        }
        Some((tag, word))
    }
}

impl Layer {
    /// What differs on one day, in order of account.
    pub(super) fn of_day(day: Date, entries: &[(u32, Slot)]) -> Self {
        let mut packing = Packing::new(day, 1, entries.len());
        for (account, slot) in entries {
            packing.push(*account, day.days(), slot);
        }
        packing.layer
    }

    /// Its days and those of a later one. Of what holds on a day before `from`, only the last is kept.
    pub(super) fn followed_by(&self, later: &Self, from: i32) -> Self {
        let mut packing = Packing::new(self.first, self.days + later.days, self.len() + later.len());
        let (mut own, mut other) = (0, 0);
        loop {
            let of_own = self.accounts.get(own);
            let of_other = later.accounts.get(other);
            let takes_own = match (of_own, of_other) {
                (None, None) => break,
                (Some(a), Some(b)) => a <= b,
                (of_own, _) => of_own.is_some(),
            };
            let next = if takes_own { (own + 1, other) } else { (own, other + 1) };
            let (layer, at) = if takes_own { (self, own) } else { (later, other) };
            let follows = |layer: &Self, at: usize, account: u32| {
                layer.accounts.get(at) == Some(&account) && layer.on.get(at).is_some_and(|on| *on <= from)
            };
            if let (Some(account), Some(on), Some(slot)) =
                (layer.accounts.get(at), layer.on.get(at), layer.slot(at))
                // Another one of the account holds by then.
                && !follows(self, next.0, *account)
                && !follows(later, next.1, *account)
            {
                packing.push(*account, *on, &slot);
            }
            (own, other) = next;
        }
        packing.layer
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// The same with another value, or none, in the place of each.
    pub(super) fn converted(&self, convert: &dyn Fn(ExprValue) -> Option<ExprValue>) -> Self {
        let mut packing = Packing::new(self.first, self.days, self.accounts.len());
        for (account, on, slot) in self.entries() {
            let slot = match slot {
                Slot::Value(value) => Slot::of(convert(value)),
                slot => slot,
            };
            packing.push(account, on, &slot);
        }
        packing.layer
    }

    /// Bytes on the heap, texts and lists by their handles.
    pub(super) fn heap_bytes(&self) -> usize {
        self.len() * 17
            + self.texts.len() * size_of::<Arc<str>>()
            + self.others.len() * size_of::<ExprValue>()
            + self.units.len() * size_of::<Unit>()
    }

    pub(super) fn slot(&self, at: usize) -> Option<Slot> {
        let (tag, word) = (*self.tags.get(at)?, *self.words.get(at)?);
        let place = usize::try_from(word);
        Some(Slot::Value(match tag {
            ABSENT => return Some(Slot::Absent),
            MISSING => return Some(Slot::Missing),
            FALSE => ExprValue::Bool(false),
            TRUE => ExprValue::Bool(true),
            INT => ExprValue::Int(word.cast_signed()),
            // Bits that come back from elsewhere may be anything.
            DOUBLE => {
                let double = f64::from_bits(word);
                ExprValue::Double(
                    Some(double).filter(|double| double.is_finite() && word != (-0.0_f64).to_bits())?,
                )
            }
            DATE => ExprValue::Date(Date::from_days(i32::try_from(word.cast_signed()).ok()?)?),
            TEXT => ExprValue::Text(self.texts.get(place.ok()?)?.clone()),
            OTHER => self.others.get(place.ok()?)?.clone(),
            tag => {
                let (currency, scale) = *self.units.get(usize::from(tag - UNITS))?;
                let number = Decimal::new(word.cast_signed().into(), scale);
                match currency {
                    Some(currency) => ExprValue::Money(number, currency),
                    None => ExprValue::Decimal(number),
                }
            }
        }))
    }

    /// The last entry of an account on a day or before it.
    ///
    /// # Complexity
    ///
    /// Logarithmic.
    pub(super) fn last(&self, account: u32, on: i32) -> Option<(i32, Slot)> {
        let start = self.accounts.partition_point(|own| *own < account);
        let end = start + self.accounts.get(start..)?.partition_point(|own| *own == account);
        let at = start + self.on.get(start..end)?.partition_point(|own| *own <= on);
        let at = at.checked_sub(1).filter(|at| *at >= start)?;
        Some((*self.on.get(at)?, self.slot(at)?))
    }

    /// All entries, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u32, i32, Slot)> {
        (0..self.len()).filter_map(|at| Some((*self.accounts.get(at)?, *self.on.get(at)?, self.slot(at)?)))
    }

    /// The place of the last entry of each account, in order.
    pub(super) fn latest(&self) -> impl Iterator<Item = (u32, usize)> {
        let ends = (0..self.len()).filter(|at| self.accounts.get(*at) != self.accounts.get(at + 1));
        ends.filter_map(|at| Some((*self.accounts.get(at)?, at)))
    }

    /// Was the account there?
    pub(super) fn is_there(&self, at: usize) -> bool {
        self.tags.get(at).is_some_and(|tag| *tag != ABSENT)
    }

    /// Is an entry that of a value, in all its digits?
    pub(super) fn is(&self, at: usize, value: Option<&ExprValue>) -> bool {
        let (Some(tag), Some(word)) = (self.tags.get(at), self.words.get(at)) else { return false };
        let Some(value) = value else { return *tag == MISSING };
        // What most columns are made of is compared as it is packed.
        match (*tag, value) {
            (INT, ExprValue::Int(int)) => *word == int.cast_unsigned(),
            (DOUBLE, ExprValue::Double(double)) => *word == double.to_bits(),
            (tag, ExprValue::Decimal(number)) if tag >= UNITS => {
                self.is_number((tag, *word), (None, *number))
            }
            (tag, ExprValue::Money(number, currency)) if tag >= UNITS => {
                self.is_number((tag, *word), (Some(*currency), *number))
            }
            _ => matches!(self.slot(at), Some(Slot::Value(own)) if is_same_record(&own, value)),
        }
    }

    fn is_number(&self, (tag, word): (u8, u64), (currency, number): (Option<Currency>, Decimal)) -> bool {
        self.units.get(usize::from(tag - UNITS)) == Some(&(currency, number.scale()))
            && i128::from(word.cast_signed()) == number.units()
    }
}
