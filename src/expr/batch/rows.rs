//! What do expressions give for the rows of one chunk?
//!
//! Comparisons, arithmetic and tests of text run over whole columns, 64 rows to a word of truth; dictionaries are
//! asked once for each text, not for each row. What has no such form is evaluated row by row, only for rows whose
//! answer is still open. Both say the same: the meaning of every operation stands in `scalar`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::columns::{
    Validity, against, among, bits_of, bits_ref, masked, rescaled, single, stored, valid_of, validity,
};
use super::flat::Flat;
use super::masks::{Masks, bits};
use super::numbers::{Numbers, Side, Valid, Values, narrow_against};
use super::program::{Bound, Program, is_deep};
use crate::book::{Chunk, TableBlock};
use crate::column::{Block, TextBlock};
use crate::expr::eval::{Eval, Slots};
use crate::expr::term::{Cell, Comparison, Conversion, Op, TermId};
use crate::expr::types::Type;
use crate::expr::value::{Val, power};
use crate::expr::{exchange, scalar};
use crate::fold::converted;
use crate::model::{Date, Rates, limits};
use crate::tree::NO_PRODUCT;

/// Beyond every number that a column stores in 64 bits.
const STORED: i64 = 1 << 60;

/// What was derived before, by term.
pub(super) type Derived<'c> = HashMap<TermId, &'c Flat>;

/// Rows side by side: the accounts of a chunk, or the rows of one of its child tables.
pub(super) struct Rows<'c> {
    pub(super) program: &'c Program,
    pub(super) chunk: &'c Chunk,
    /// The table, where rows of one are asked.
    pub(super) table: Option<&'c TableBlock>,
    #[expect(clippy::struct_field_names, reason = "how many there are")]
    pub(super) rows: usize,
    pub(super) derived: &'c Derived<'c>,
    /// The row of the derived answers at which these rows begin.
    pub(super) base: usize,
    pub(super) rates: Option<&'c dyn Rates>,
    pub(super) kept: RefCell<HashMap<TermId, Rc<Masks>>>,
}

/// How a slot lies in memory.
enum Column<'c> {
    Block(&'c Block),
    Codes(&'c [u16]),
    Nothing,
}

impl<'c> Rows<'c> {
    fn column(&self, slot: u32) -> Column<'c> {
        let block = |block: Option<&'c std::sync::Arc<Block>>| {
            block.map_or(Column::Nothing, |block| Column::Block(block))
        };
        match (self.program.bound.get(slot as usize), self.table) {
            (Some(Bound::Attribute(attribute)), None) => block(self.chunk.column(*attribute)),
            (Some(Bound::Column(column)), Some(table)) => {
                block(table.columns.get(*column).and_then(Option::as_ref))
            }
            (Some(Bound::Kind), None) => Column::Codes(self.chunk.shape.kinds()),
            // A chunk without any product keeps no list of them.
            (Some(Bound::Product), None) => match self.chunk.shape.products() {
                [] => Column::Nothing,
                codes => Column::Codes(codes),
            },
            _ => Column::Nothing,
        }
    }

    fn kind(&self, slot: u32) -> Option<&'c Type> {
        self.program.terms.slots.get(slot as usize).map(|slot| &slot.kind)
    }

    fn op(&self, id: TermId) -> &'c Op {
        self.program.terms.op(id)
    }

    fn eval(&self, row: usize) -> Eval<'c, OneRow<'_, 'c>> {
        Eval { terms: &self.program.terms, slots: OneRow { rows: self, row } }
    }

    // --- truth ------------------------------------------------------------------------------------

    /// The answers to a yes/no term.
    pub(super) fn masks(&self, id: TermId) -> Rc<Masks> {
        self.masks_of(id, None)
    }

    /// The answers to a yes/no term, for the rows that are wanted; others may have any.
    fn masks_of(&self, id: TermId, wanted: Option<&[u64]>) -> Rc<Masks> {
        if let Some(kept) = self.kept.borrow().get(&id) {
            return kept.clone();
        }
        // What several terms ask is answered for all rows, and kept.
        let shared = self.program.asked.get(id.index()).is_some_and(|asked| *asked > 1);
        let masks = Rc::new(self.answered(id, if shared { None } else { wanted }));
        if shared {
            self.kept.borrow_mut().insert(id, masks.clone());
        }
        masks
    }

    fn answered(&self, id: TermId, wanted: Option<&[u64]>) -> Masks {
        let rows = self.rows;
        let fast = match self.op(id) {
            Op::Const(Cell::Bool(truth)) => Some(Masks::all(rows, Some(*truth))),
            Op::Const(_) => Some(Masks::missing(rows)),
            Op::Slot(slot) => match self.column(*slot) {
                Column::Block(Block::Bool { values, valid }) => {
                    Some(Masks::of(values.words().to_vec(), Some(valid.words()), rows))
                }
                Column::Nothing => Some(Masks::missing(rows)),
                _ => None,
            },
            Op::Not(of) => Some(Rc::unwrap_or_clone(self.masks_of(*of, wanted)).not()),
            Op::And(all) => Some(self.junction(all, true, wanted)),
            Op::Or(all) => Some(self.junction(all, false, wanted)),
            Op::If(test, then, otherwise) => {
                let test = self.masks_of(*test, wanted);
                let (then, otherwise) = (self.masks_of(*then, wanted), self.masks_of(*otherwise, wanted));
                Some(Masks::chosen(&test, &then, &otherwise))
            }
            Op::Guarded { guard, of } => {
                let (guard, of) = (self.masks_of(*guard, wanted), self.masks_of(*of, wanted));
                Some(Masks::chosen(&guard, &Masks::missing(rows), &of))
            }
            Op::Coalesce(all) => match (all.split_first(), all.len()) {
                (Some((first, _)), 2) => match all.last().map(|last| self.op(*last)) {
                    Some(Op::Const(Cell::Bool(missing))) => {
                        Some(Rc::unwrap_or_clone(self.masks_of(*first, wanted)).settled(*missing))
                    }
                    _ => None,
                },
                _ => None,
            },
            Op::Has(of) => self.has(*of),
            Op::Compare(comparison, a, b) => self.compared(*comparison, *a, *b),
            Op::IsNot(a, b) if self.program.terms.constant(*b).is_some_and(|cell| *cell != Cell::Missing) => {
                self.compared(Comparison::NotEqual, *a, *b).map(|masks| masks.settled(true))
            }
            Op::OneOf(of, constants) => self.one_of(*of, constants),
            Op::Text(test, a, b) => match (self.op(*a), self.op(*b)) {
                (Op::Slot(slot), Op::Const(Cell::Text(part))) => {
                    self.text(*slot, wanted, |text| scalar::text_test(*test, text, part))
                }
                _ => None,
            },
            Op::Like(of, parts) => match self.op(*of) {
                Op::Slot(slot) => self.text(*slot, wanted, |text| scalar::like(text, parts)),
                _ => None,
            },
            op if is_deep(op) => match self.derived.get(&id) {
                Some(Flat::Truth(truths)) => {
                    let own = truths.get(self.base..self.base + rows).unwrap_or_default();
                    let yes = bits(own, |truth| truth == Some(true));
                    let valid = bits(own, |truth| truth.is_some());
                    Some(Masks::of(yes, Some(&valid), rows))
                }
                _ => Some(Masks::missing(rows)),
            },
            _ => None,
        };
        fast.unwrap_or_else(|| Masks::by_row(rows, wanted, |row| self.eval(row).truth_of(id)))
    }

    fn junction(&self, all: &[TermId], and: bool, wanted: Option<&[u64]>) -> Masks {
        let Some((first, rest)) = all.split_first() else { return Masks::all(self.rows, Some(and)) };
        let mut masks = Rc::unwrap_or_clone(self.masks_of(*first, wanted));
        for term in rest {
            // Rows that are decided need no more answers.
            let decided = if and { &masks.no } else { &masks.yes };
            let open: Vec<u64> = match wanted {
                None => decided.iter().map(|word| !word).collect(),
                Some(wanted) => {
                    decided.iter().zip(wanted).map(|(decided, wanted)| !decided & wanted).collect()
                }
            };
            let spare = self.rows % 64;
            let last = open.len().saturating_sub(1);
            let open_row = |(at, word): (usize, &u64)| {
                if at == last && spare > 0 { word & ((1 << spare) - 1) != 0 } else { *word != 0 }
            };
            if !open.iter().enumerate().any(open_row) {
                break;
            }
            let other = self.masks_of(*term, Some(&open));
            if and { masks.and(&other) } else { masks.or(&other) }
        }
        masks
    }

    fn has(&self, of: TermId) -> Option<Masks> {
        let rows = self.rows;
        match self.op(of) {
            Op::Slot(slot) => Some(match self.column(*slot) {
                Column::Nothing => Masks::all(rows, Some(false)),
                Column::Codes(codes) => Masks::of(bits(codes, |code| code != NO_PRODUCT), None, rows),
                Column::Block(block) => match validity(block) {
                    Validity::All => Masks::all(rows, Some(true)),
                    Validity::Bits(valid) => Masks::of(valid.words().to_vec(), None, rows),
                    Validity::Rows => Masks::by_row(rows, None, |row| Some(block.get(row).is_some())),
                },
            }),
            Op::And(_) | Op::Or(_) | Op::Not(_) | Op::Compare(..) | Op::OneOf(..) => {
                Some(self.masks(of).known())
            }
            Op::Exchange { .. } => Some(match self.numbers(of)?.valid {
                Valid::All => Masks::all(rows, Some(true)),
                Valid::Some(valid) => Masks::of(valid.into_owned(), None, rows),
            }),
            _ => None,
        }
    }

    fn compared(&self, comparison: Comparison, a: TermId, b: TermId) -> Option<Masks> {
        let rows = self.rows;
        if let Some(constant) = self.program.terms.constant(b) {
            if *constant == Cell::Missing {
                return Some(Masks::missing(rows));
            }
            match (self.op(a), constant) {
                (Op::Slot(slot), Cell::Text(text)) => {
                    return self.text(*slot, None, |own| comparison.holds(own.cmp(&**text)));
                }
                (Op::Slot(slot), constant) => {
                    if let Some(masks) = self.stored(*slot, comparison, constant) {
                        return Some(masks);
                    }
                }
                (
                    Op::Convert(Conversion::Rescale(by) | Conversion::IntToWide(by), inner),
                    Cell::Wide(units),
                ) => {
                    if let (Op::Slot(slot), Some((comparison, bound))) =
                        (self.op(*inner), rescaled(comparison, *units, *by))
                    {
                        return match bound {
                            Some(bound) => self.stored(*slot, comparison, &Cell::Wide(bound)),
                            None => None,
                        };
                    }
                }
                _ => {}
            }
        }
        let (left, right) = (self.numbers(a)?, self.numbers(b)?);
        left.compare(comparison, &right, rows)
    }

    /// A stored column compared with a constant.
    fn stored(&self, slot: u32, comparison: Comparison, constant: &Cell) -> Option<Masks> {
        let rows = self.rows;
        let whole = match constant {
            Cell::Int(int) => Some(*int),
            // Beyond 64 bits every stored number lies on one side.
            Cell::Wide(units) => {
                Some(i64::try_from(*units).unwrap_or(if *units < 0 { i64::MIN } else { i64::MAX }))
            }
            _ => None,
        };
        match (self.column(slot), whole, constant) {
            (Column::Nothing, ..) => Some(Masks::missing(rows)),
            (Column::Codes(codes), Some(whole), _) => {
                let yes = against(codes, comparison, whole);
                let valid = bits(codes, |code| code != NO_PRODUCT);
                Some(Masks::of(yes, Some(&valid), rows))
            }
            (Column::Block(Block::I64(fixed)), Some(whole), _) => {
                // Every stored number is far below: whole numbers 2^53, units 10^15, instants and lengths 2^58.
                let one = whole.clamp(-STORED, STORED);
                Some(masked(narrow_against(fixed.values(), comparison, one), fixed, rows))
            }
            (Column::Block(Block::I32(fixed)), Some(whole), _) => {
                Some(masked(against(fixed.values(), comparison, whole), fixed, rows))
            }
            (Column::Block(Block::Code(fixed)), Some(whole), _) => {
                Some(masked(against(fixed.values(), comparison, whole), fixed, rows))
            }
            (Column::Block(Block::F64(fixed)), _, Cell::Double(double)) => {
                Some(masked(bits_of(fixed.values(), comparison, double.get()), fixed, rows))
            }
            _ => None,
        }
    }

    fn one_of(&self, of: TermId, constants: &[Cell]) -> Option<Masks> {
        let rows = self.rows;
        let Op::Slot(slot) = self.op(of) else { return None };
        match self.column(*slot) {
            Column::Nothing => Some(Masks::missing(rows)),
            Column::Codes(codes) => {
                let yes = among(codes, constants);
                let valid = bits(codes, |code| code != NO_PRODUCT);
                Some(Masks::of(yes, Some(&valid), rows))
            }
            Column::Block(Block::Code(fixed)) => Some(masked(among(fixed.values(), constants), fixed, rows)),
            Column::Block(Block::Text(_)) => self.text(*slot, None, |text| {
                constants.iter().any(|cell| matches!(cell, Cell::Text(known) if **known == *text))
            }),
            Column::Block(Block::I64(fixed)) => {
                let wanted = constants.iter().map(|cell| match cell {
                    Cell::Int(int) => Some(*int),
                    Cell::Wide(units) => i64::try_from(*units).ok(),
                    _ => None,
                });
                let wanted: Vec<i64> = wanted.flatten().collect();
                let few = wanted.len() <= 8;
                let yes = bits(fixed.values(), |value| {
                    if few { wanted.contains(&value) } else { wanted.binary_search(&value).is_ok() }
                });
                Some(masked(yes, fixed, rows))
            }
            Column::Block(_) => None,
        }
    }

    /// A test of a text column: once for each text of a dictionary.
    fn text(&self, slot: u32, wanted: Option<&[u64]>, test: impl Fn(&str) -> bool) -> Option<Masks> {
        let rows = self.rows;
        match self.column(slot) {
            Column::Nothing => Some(Masks::missing(rows)),
            Column::Block(Block::Text(TextBlock::Dictionary { codes, texts })) => {
                let table: Vec<bool> =
                    (0..texts.len()).map(|place| texts.get(place).is_some_and(&test)).collect();
                let yes = match single(&table) {
                    None => vec![0; rows.div_ceil(64)],
                    Some(Some(only)) => bits(codes.values(), |code| code == only),
                    Some(None) => {
                        bits(codes.values(), |code| table.get(usize::from(code)).copied().unwrap_or(false))
                    }
                };
                Some(masked(yes, codes, rows))
            }
            Column::Block(Block::Text(plain)) => {
                Some(Masks::by_row(rows, wanted, |row| plain.get(row).map(&test)))
            }
            _ => None,
        }
    }

    // --- numbers ----------------------------------------------------------------------------------

    /// The numbers of a term, where it can be reckoned column by column.
    fn numbers(&self, id: TermId) -> Option<Numbers<'c>> {
        let rows = self.rows;
        Some(match self.op(id) {
            Op::Const(Cell::Int(int)) => {
                Numbers::new(Values::Int(Side::One(*int)), Valid::All).within(int.unsigned_abs())
            }
            Op::Const(Cell::Wide(units)) => {
                let bound = u64::try_from(units.unsigned_abs()).unwrap_or(u64::MAX);
                Numbers::new(Values::Wide(Side::One(*units)), Valid::All).within(bound)
            }
            Op::Const(Cell::Double(double)) => {
                Numbers::new(Values::Double(Side::One(double.get())), Valid::All)
            }
            Op::Slot(slot) => return self.slot_numbers(*slot),
            Op::Convert(conversion, of) => {
                let of = self.numbers(*of)?;
                let values = match (conversion, &of.values) {
                    #[expect(clippy::cast_precision_loss, reason = "the nearest double is meant")]
                    (Conversion::IntToDouble, Values::Int(side)) => {
                        Values::Double(side.map(|int| int as f64))
                    }
                    #[expect(clippy::cast_precision_loss, reason = "the nearest double is meant")]
                    (Conversion::WideToDouble(scale), Values::Units(side)) if of.bound() <= 1 << 53 => {
                        // Both are exact, so that the quotient is the nearest double.
                        let one = power(*scale) as f64;
                        Values::Double(side.map(|units| units as f64 / one))
                    }
                    (Conversion::WideToDouble(scale), Values::Units(side)) => {
                        Values::Double(side.map(|units| scalar::wide_to_double(units.into(), *scale)))
                    }
                    (Conversion::WideToDouble(scale), Values::Wide(side)) => {
                        Values::Double(side.map(|units| scalar::wide_to_double(units, *scale)))
                    }
                    // 64 bits by at most 10^18 stay within 128.
                    (Conversion::IntToWide(by), Values::Int(side))
                    | (Conversion::Rescale(by), Values::Units(side)) => {
                        let by = power(*by);
                        let bound = u64::try_from(by).ok().and_then(|by| of.bound().checked_mul(by));
                        let bound = bound.filter(|bound| *bound <= i64::MAX.unsigned_abs());
                        if let (Some(bound), Ok(by)) = (bound, i64::try_from(by)) {
                            let values = Values::Units(side.map(|int| int.wrapping_mul(by)));
                            return Some(Numbers::new(values, of.valid).within(bound));
                        }
                        Values::Wide(side.map(|int| i128::from(int) * by))
                    }
                    _ => return None,
                };
                Numbers::new(values, of.valid)
            }
            Op::IntMath(op, a, b) | Op::WideMath(op, a, b) | Op::DoubleMath(op, a, b) => {
                self.numbers(*a)?.math(*op, &self.numbers(*b)?, rows)?
            }
            Op::DayMath(op, a, b) => {
                self.numbers(*a)?.ints(&self.numbers(*b)?, rows, |a, b| scalar::day_math(*op, a, b))?
            }
            Op::MonthsAfter(a, b) => {
                self.numbers(*a)?.ints(&self.numbers(*b)?, rows, scalar::months_after)?
            }
            Op::DaysBetween(a, b) => self.numbers(*a)?.ints(&self.numbers(*b)?, rows, i64::checked_sub)?,
            // All amounts of one currency at the rate of one day.
            Op::Exchange { what, amount, currency: None, day } => {
                let on = match self.op(*day) {
                    Op::Const(Cell::Int(day)) => Date::from_days(i32::try_from(*day).ok()?)?,
                    _ => return None,
                };
                let (from, digits) = what.from?;
                let rate = exchange::rate((from, what.to), on, what.kind, self.rates?)?;
                let convert = |units| converted((units, digits), rate, what.digits);
                self.numbers(*amount)?.each_wide(rows, convert)?
            }
            op if is_deep(op) => {
                let own = |len: usize| self.base..len.min(self.base + rows);
                macro_rules! side {
                    ($values:expr, $variant:ident, $zero:expr) => {{
                        let own = $values.get(own($values.len())).unwrap_or_default();
                        let valid = bits_ref(own, |value| value.is_some());
                        let values = own.iter().map(|value| value.unwrap_or($zero)).collect();
                        Numbers::new(Values::$variant(Side::Rows(values)), Valid::Some(Cow::Owned(valid)))
                    }};
                }
                match self.derived.get(&id)? {
                    Flat::Int(values) => side!(values, Int, 0),
                    Flat::Wide(values) => side!(values, Wide, 0),
                    Flat::Double(values) => side!(values, Double, 0.0),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    fn slot_numbers(&self, slot: u32) -> Option<Numbers<'c>> {
        let Column::Block(block) = self.column(slot) else { return None };
        Some(match block {
            Block::I64(fixed) => {
                let side = Side::Rows(Cow::Borrowed(fixed.values()));
                // A load takes no larger ones in.
                match self.kind(slot) {
                    Some(Type::Decimal { .. } | Type::Money { .. }) => {
                        Numbers::new(Values::Units(side), valid_of(fixed))
                            .within(limits::MAX_UNITS.unsigned_abs())
                    }
                    Some(Type::Int) => Numbers::new(Values::Int(side), valid_of(fixed))
                        .within(limits::MAX_INT.unsigned_abs()),
                    _ => Numbers::new(Values::Int(side), valid_of(fixed)),
                }
            }
            Block::F64(fixed) => {
                Numbers::new(Values::Double(Side::Rows(Cow::Borrowed(fixed.values()))), valid_of(fixed))
            }
            Block::I32(fixed) => {
                let wide = fixed.values().iter().map(|value| i64::from(*value)).collect();
                Numbers::new(Values::Int(Side::Rows(wide)), valid_of(fixed))
            }
            Block::Code(fixed) => {
                let wide = fixed.values().iter().map(|value| i64::from(*value)).collect();
                Numbers::new(Values::Int(Side::Rows(wide)), valid_of(fixed))
            }
            _ => return None,
        })
    }

    // --- any value --------------------------------------------------------------------------------

    /// The answers to a term for all rows.
    pub(super) fn flat(&self, id: TermId) -> Flat {
        if self.is_truth(id) {
            let masks = self.masks(id);
            return Flat::Truth((0..masks.rows()).map(|row| masks.get(row)).collect());
        }
        macro_rules! flat {
            ($variant:ident, $side:expr, $valid:expr, $of:expr) => {{
                let known = |row: usize| {
                    let bit =
                        |words: &[u64]| words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1);
                    $valid.words().is_none_or(bit)
                };
                let values = (0..self.rows).map(|row| $side.get(row).filter(|_| known(row)).map($of));
                Flat::$variant(values.collect())
            }};
        }
        match self.numbers(id) {
            Some(Numbers { values: Values::Int(side), valid, .. }) => flat!(Int, side, valid, |value| value),
            Some(Numbers { values: Values::Units(side), valid, .. }) => flat!(Wide, side, valid, i128::from),
            Some(Numbers { values: Values::Wide(side), valid, .. }) => {
                flat!(Wide, side, valid, |value| value)
            }
            Some(Numbers { values: Values::Double(side), valid, .. }) => {
                flat!(Double, side, valid, |value| value)
            }
            None => {
                let cells = (0..self.rows).map(|row| self.eval(row).value(id).to_cell());
                Flat::of_cells(cells.map(|cell| cell.unwrap_or(Cell::Missing)).collect())
            }
        }
    }

    /// Is a term certain to be a yes/no question?
    fn is_truth(&self, id: TermId) -> bool {
        match self.op(id) {
            Op::Slot(slot) => self.kind(*slot) == Some(&Type::Bool),
            Op::And(_)
            | Op::Or(_)
            | Op::Not(_)
            | Op::Compare(..)
            | Op::OneOf(..)
            | Op::Has(_)
            | Op::IsNot(..)
            | Op::InList(..)
            | Op::Text(..)
            | Op::Like(..)
            | Op::Holds { .. } => true,
            _ => false,
        }
    }
}

/// The values of one row.
pub(super) struct OneRow<'r, 'c> {
    rows: &'r Rows<'c>,
    row: usize,
}

impl<'c> Slots<'c> for OneRow<'_, 'c> {
    fn slot(&self, slot: u32) -> Val<'c> {
        let row = self.row;
        match self.rows.column(slot) {
            Column::Nothing => Val::Missing,
            Column::Codes(codes) => {
                Val::int(codes.get(row).filter(|code| **code != NO_PRODUCT).map(|code| i64::from(*code)))
            }
            Column::Block(block) => stored(block, row, self.rows.kind(slot)),
        }
    }

    fn derived(&self, id: TermId) -> Val<'c> {
        self.rows.derived.get(&id).map_or(Val::Missing, |flat| flat.val(self.rows.base + self.row))
    }

    fn rates(&self) -> Option<&dyn Rates> {
        self.rows.rates
    }
}
