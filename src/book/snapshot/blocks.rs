//! How is one column of one chunk written and read?
//!
//! As it lies in memory: which rows have a value, then the values of one width side by side, or the texts.
//! What is read obeys the attribute, as every value in a book does: rulings S5, S37 and S39 of
//! `docs/semantics`.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::reader::{Read, Reader};
use super::writer::Writer;
use crate::column::{Bitmap, Block, Fixed, ListBlock, Storage, Strings, TextBlock};
use crate::model::limits::{MAX_DURATION_MICROS, MAX_INT, MAX_LIST_LENGTH, MAX_UNITS};
use crate::model::{Attribute, AttributeType, Date, EnumValues, Timestamp};

// No row has a value, every row has one, or a bitmap says which; texts may be coded.
const ABSENT: u8 = 0;
const FULL: u8 = 1;
const PARTIAL: u8 = 2;
const CODED_FULL: u8 = 3;
const CODED_PARTIAL: u8 = 4;

pub(super) fn write(out: &mut Writer<'_>, block: Option<&Block>) {
    match block {
        None => out.u8(ABSENT),
        Some(Block::Bool { values, valid }) => {
            validity(out, Some(valid).filter(|valid| !valid.is_full()), FULL, PARTIAL);
            out.bitmap(values);
        }
        Some(Block::I64(fixed)) => {
            validity(out, fixed.valid(), FULL, PARTIAL);
            out.i64s(fixed.values().iter().copied());
        }
        Some(Block::F64(fixed)) => {
            validity(out, fixed.valid(), FULL, PARTIAL);
            out.f64s(fixed.values().iter().copied());
        }
        Some(Block::I32(fixed)) => {
            validity(out, fixed.valid(), FULL, PARTIAL);
            out.i32s(fixed.values().iter().copied());
        }
        Some(Block::Code(fixed)) => {
            validity(out, fixed.valid(), FULL, PARTIAL);
            out.u16s(fixed.values().iter().copied());
        }
        Some(Block::Text(texts)) => write_texts(out, texts),
        Some(Block::List(lists)) => {
            let (ends, items, valid) = lists.parts();
            validity(out, Some(valid).filter(|valid| !valid.is_full()), FULL, PARTIAL);
            out.u32s(ends.iter().copied());
            match items {
                Some(items) => write_texts(out, items),
                None => out.u8(ABSENT),
            }
        }
    }
}

fn write_texts(out: &mut Writer<'_>, texts: &TextBlock) {
    match texts {
        TextBlock::Dictionary { codes, texts } => {
            validity(out, codes.valid(), CODED_FULL, CODED_PARTIAL);
            out.u16s(codes.values().iter().copied());
            out.count(texts.len());
            out.strings(texts);
        }
        TextBlock::Plain { texts, valid } => {
            validity(out, valid.as_ref(), FULL, PARTIAL);
            out.strings(texts);
        }
    }
}

fn validity(out: &mut Writer<'_>, valid: Option<&Bitmap>, full: u8, partial: u8) {
    out.u8(if valid.is_some() { partial } else { full });
    if let Some(valid) = valid {
        out.bitmap(valid);
    }
}

/// The values of an attribute for so many rows; `None` when there is none.
pub(super) fn read(reader: &mut Reader<'_>, attribute: &Attribute, rows: usize) -> Read<Option<Block>> {
    let at = reader.at();
    let form = reader.u8()?;
    if form == ABSENT {
        return Ok(None);
    }
    let mut column = Column { reader, attribute, rows, at };
    Ok(Some(match Storage::of(attribute.kind()) {
        Storage::Text => Block::Text(column.texts(form, rows)?),
        Storage::List => Block::List(column.lists(form)?),
        Storage::Bool => {
            let valid = column.valid(form, FULL, PARTIAL, rows)?.unwrap_or_else(|| Bitmap::ones(rows));
            let values = column.reader.bitmap(rows)?;
            if valid.is_empty() || !values.and(&valid.not()).is_empty() {
                return Err(column.fault("rows without a value have one"));
            }
            Block::Bool { values, valid }
        }
        Storage::I64 => {
            let range = range_of(attribute.kind());
            Block::I64(column.fixed(form, Reader::i64s, |value| range.contains(&value))?)
        }
        Storage::I32 => {
            let range = Date::MIN.days()..=Date::MAX.days();
            Block::I32(column.fixed(form, Reader::i32s, |value| range.contains(&value))?)
        }
        Storage::F64 => Block::F64(column.fixed(form, Reader::f64s, is_stored)?),
        Storage::Code => {
            let allowed = attribute.kind().values().map_or(0, EnumValues::len);
            Block::Code(column.fixed(form, Reader::u16s, |code| usize::from(code) < allowed)?)
        }
    }))
}

/// Whether a double may lie in a book.
pub(super) fn is_stored(value: f64) -> bool {
    value.is_finite() && value.to_bits() != (-0.0_f64).to_bits()
}

fn range_of(kind: &AttributeType) -> RangeInclusive<i64> {
    match kind {
        AttributeType::Int => -MAX_INT..=MAX_INT,
        AttributeType::Timestamp => {
            let day = 86_400_000_000;
            Timestamp::start_of(Date::MIN).micros()..=Timestamp::start_of(Date::MAX).micros() + day - 1
        }
        AttributeType::Duration => {
            let most = i64::try_from(MAX_DURATION_MICROS).unwrap_or(i64::MAX);
            -most..=most
        }
        _ => -MAX_UNITS..=MAX_UNITS,
    }
}

// A column that is being read.
struct Column<'r, 'b> {
    reader: &'r mut Reader<'b>,
    attribute: &'r Attribute,
    rows: usize,
    at: usize,
}

impl<'b> Column<'_, 'b> {
    fn fault(&self, reason: &str) -> super::SnapshotError {
        self.reader.fault_at(self.at, format!("`{}`: {reason}", self.attribute.name()))
    }

    // Which rows have a value; `None`: all.
    fn valid(&mut self, form: u8, full: u8, partial: u8, rows: usize) -> Read<Option<Bitmap>> {
        if form == partial {
            let valid = self.reader.bitmap(rows)?;
            if valid.is_full() {
                return Err(self.fault("a row is said to have no value, and every one has"));
            }
            return Ok(Some(valid));
        }
        if form == full { Ok(None) } else { Err(self.fault(&format!("there is no form {form} of a column"))) }
    }

    fn fixed<T: Copy + Default + PartialEq>(
        &mut self,
        form: u8,
        values: impl Fn(&mut Reader<'b>, usize) -> Read<Vec<T>>,
        fits: impl Fn(T) -> bool,
    ) -> Read<Fixed<T>> {
        let valid = self.valid(form, FULL, PARTIAL, self.rows)?;
        let values = values(self.reader, self.rows)?;
        // Rows without a value hold a zero, which fits wherever any value does. No early end, so that many
        // values are looked at at a time.
        if !values.iter().fold(true, |all, value| all & fits(*value)) {
            let row = values.iter().position(|value| !fits(*value)).unwrap_or_default();
            return Err(self.fault(&format!("the value of row {row} does not fit")));
        }
        Fixed::from_parts(values, valid).ok_or_else(|| self.fault("rows without a value have one"))
    }

    fn texts(&mut self, form: u8, rows: usize) -> Read<TextBlock> {
        if form == CODED_FULL || form == CODED_PARTIAL {
            return self.coded(form, rows);
        }
        let valid = self.valid(form, FULL, PARTIAL, rows)?;
        let texts = self.reader.strings(rows)?;
        self.check_texts(&texts)?;
        let missing = valid.as_ref().map(Bitmap::not);
        let cleared = |row: u32| texts.get(row as usize).is_some_and(str::is_empty);
        let none = valid.as_ref().is_some_and(Bitmap::is_empty) || rows == 0;
        if none || !missing.iter().flat_map(Bitmap::rows).all(cleared) {
            return Err(self.fault("rows without a value have one"));
        }
        Ok(TextBlock::Plain { texts, valid })
    }

    // Codes in the order in which they first occur, so that the same texts are coded in one way only.
    fn coded(&mut self, form: u8, rows: usize) -> Read<TextBlock> {
        let valid = self.valid(form, CODED_FULL, CODED_PARTIAL, rows)?;
        let codes = self.reader.u16s(rows)?;
        let codes =
            Fixed::from_parts(codes, valid).ok_or_else(|| self.fault("rows without a value have one"))?;
        let count = self.reader.count(4)?;
        let texts = self.reader.strings(count)?;
        self.check_texts(&texts)?;
        let mut next = 0;
        for row in 0..rows {
            match codes.get(row).map(usize::from) {
                Some(code) if code > next => return Err(self.fault("texts are not coded as they occur")),
                Some(code) if code == next => next += 1,
                _ => {}
            }
        }
        let distinct: HashSet<&str> = (0..count).filter_map(|place| texts.get(place)).collect();
        if next != count || distinct.len() != count || count > (rows / 2).max(1) {
            return Err(self.fault("the texts are not those that are coded"));
        }
        Ok(TextBlock::Dictionary { codes, texts })
    }

    fn check_texts(&self, texts: &Strings) -> Read<()> {
        let all = || (0..texts.len()).filter_map(|place| texts.get(place));
        // The longest one answers for the length of all.
        let longest = all().max_by_key(|text| text.len()).unwrap_or_default();
        let no_nul = !texts.joined().as_bytes().contains(&0);
        if no_nul && self.attribute.check_text(longest).is_ok() {
            return Ok(());
        }
        match all().find_map(|text| self.attribute.check_text(text).err()) {
            Some(kind) => Err(self.fault(&kind.to_string())),
            None => Ok(()),
        }
    }

    fn lists(&mut self, form: u8) -> Read<ListBlock> {
        let rows = self.rows;
        let valid = self.valid(form, FULL, PARTIAL, rows)?.unwrap_or_else(|| Bitmap::ones(rows));
        let ends = self.reader.u32s(rows)?;
        let form = self.reader.u8()?;
        let items = match ends.last() {
            Some(elements) if form != ABSENT => Some(self.texts(form, *elements as usize)?),
            _ => None,
        };
        let starts = std::iter::once(&0).chain(&ends);
        let length = |(start, end): (&u32, &u32)| end.saturating_sub(*start) as usize;
        if starts.zip(&ends).map(length).any(|length| length > MAX_LIST_LENGTH) {
            return Err(self.fault("a list is too long"));
        }
        ListBlock::from_parts(ends, items, valid)
            .ok_or_else(|| self.fault("lists do not end one after the other"))
    }
}
