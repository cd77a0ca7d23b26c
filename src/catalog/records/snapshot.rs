//! How do records stand in a journal? Feature `snapshot`.
//!
//! Accounts in the order of their ids, and of each column its days and one layer of all that is kept: the same records give the same bytes,
//! whatever their layers were. Reading believes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::Ids;
use super::layer::{Layer, Packing, Slot};
use super::{Closed, Column, Records};
use crate::book::{Format, Read, Reader, Section, SnapshotError, Writer};
use crate::expr::ExprValue;
use crate::model::{AccountId, Currency, Date};

/// A part of a snapshot of records.
#[derive(Debug, Clone, Copy)]
enum RecordSection {
    Accounts,
    Columns,
}

const FORMAT: Format<RecordSection, 2> = Format {
    magic: *b"\x8ePNR\r\n\x1a\n",
    version: 1,
    sections: [RecordSection::Accounts, RecordSection::Columns],
};

impl Section for RecordSection {
    fn tag(self) -> [u8; 4] {
        *match self {
            Self::Accounts => b"ACCT",
            Self::Columns => b"COLS",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Columns => "recorded columns",
        }
    }
}

/// The entries of a column, by the numbers that accounts have in the snapshot.
type Entries = Vec<(u32, i32, Slot)>;

impl Records {
    /// As bytes.
    pub(crate) fn to_snapshot(&self) -> Vec<u8> {
        let (accounts, columns) = self.numbered();
        FORMAT.assemble(self.heap_bytes(), |section, bytes| {
            let mut out = Writer(bytes);
            match section {
                RecordSection::Accounts => {
                    out.count(accounts.len());
                    accounts.iter().for_each(|account| out.text(account.as_str()));
                }
                RecordSection::Columns => {
                    out.count(self.columns.len());
                    for ((name, column), entries) in self.columns.iter().zip(&columns) {
                        out.text(name);
                        out.count(column.days.len());
                        for closed in &column.days {
                            out.i32(closed.day.days());
                            out.u8(closed.alone.into());
                        }
                        write(&mut out, &Packing::all(entries));
                    }
                }
            }
        })
    }

    /// The accounts that stand in a column, by id, and the entries of each column in order of account and day.
    fn numbered(&self) -> (Vec<AccountId>, Vec<Entries>) {
        let mut columns: Vec<Entries> = self.columns.values().map(|column| column.entries()).collect();
        let mut numbers: Vec<u32> = columns.iter().flatten().map(|(account, ..)| *account).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut known: Vec<(&AccountId, u32)> =
            numbers.iter().filter_map(|number| Some((self.ids.account(*number)?, *number))).collect();
        known.sort_unstable();
        let mut places = vec![u32::MAX; self.ids.len()];
        for (place, (_, number)) in (0_u32..).zip(&known) {
            if let Some(new) = places.get_mut(*number as usize) {
                *new = place;
            }
        }
        for entries in &mut columns {
            for (account, ..) in entries.iter_mut() {
                *account = places.get(*account as usize).copied().unwrap_or(u32::MAX);
            }
            entries.sort_by_key(|(account, on, _)| (*account, *on));
        }
        (known.into_iter().map(|(account, _)| account.clone()).collect(), columns)
    }

    /// What was written.
    ///
    /// # Errors
    ///
    /// What the bytes say that records cannot be.
    pub(crate) fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let [accounts, columns] = FORMAT.take_apart(bytes)?;
        let mut reader = Reader::new(accounts);
        let count = reader.count(8)?;
        let mut list: Vec<AccountId> = Vec::with_capacity(count);
        for _ in 0..count {
            let text = reader.text()?;
            let account = AccountId::new(text).map_err(|error| reader.fault(error.to_string()))?;
            if list.last().is_some_and(|last| *last >= account) {
                return Err(reader.fault("accounts are not in the order of their ids"));
            }
            list.push(account);
        }
        reader.finish()?;
        let mut ids = Ids::default();
        ids.add(list.iter());
        let mut reader = Reader::new(columns);
        let mut all: BTreeMap<Arc<str>, Arc<Column>> = BTreeMap::new();
        for _ in 0..reader.count(16)? {
            let name: Arc<str> = Arc::from(reader.text()?);
            let column = column(&mut reader, list.len())?;
            if all.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return Err(reader.fault("columns are not in the order of their names"));
            }
            all.insert(name, Arc::new(column));
        }
        reader.finish()?;
        Ok(Self { ids: Arc::new(ids), columns: Arc::new(all) })
    }
}

fn write(out: &mut Writer<'_>, layer: &Layer) {
    out.count(layer.len());
    out.u32s(layer.accounts.iter().copied());
    out.i32s(layer.on.iter().copied());
    out.0.extend(&layer.tags);
    out.u64s(layer.words.iter().copied());
    out.count(layer.units.len());
    for (currency, scale) in &layer.units {
        out.text(currency.as_ref().map_or("", Currency::code));
        out.u8(*scale);
    }
    out.count(layer.texts.len());
    layer.texts.iter().for_each(|text| out.text(text));
    out.count(layer.others.len());
    for value in &layer.others {
        // No map in it has keys that are no text.
        out.text(&serde_json::to_string(value).unwrap_or_default());
    }
}

fn column(reader: &mut Reader<'_>, accounts: usize) -> Read<Column> {
    let count = reader.count(5)?;
    let mut days: Vec<Closed> = Vec::with_capacity(count);
    for _ in 0..count {
        let (day, alone) = (Date::from_days(reader.i32()?), reader.u8()?);
        let day = day.ok_or_else(|| reader.fault("a day is outside the calendar"))?;
        if alone > 1 || days.last().is_some_and(|last| last.day >= day) {
            return Err(reader.fault("days are not in order"));
        }
        days.push(Closed { day, alone: alone == 1 });
    }
    let count = reader.count(17)?;
    let (accounts_of, on) = (reader.u32s(count)?, reader.i32s(count)?);
    let (tags, words) = (reader.bytes(count)?.to_vec(), reader.u64s(count)?);
    let mut units = Vec::new();
    for _ in 0..reader.count(9)? {
        let (code, scale) = (reader.text()?, reader.u8()?);
        let currency = match code {
            "" => None,
            code => Some(code.parse().map_err(|_| reader.fault(format!("there is no currency {code:?}")))?),
        };
        units.push((currency, scale));
    }
    let mut texts: Vec<Arc<str>> = Vec::new();
    for _ in 0..reader.count(8)? {
        texts.push(Arc::from(reader.text()?));
    }
    let mut others: Vec<ExprValue> = Vec::new();
    for _ in 0..reader.count(8)? {
        let value = serde_json::from_str(reader.text()?);
        others.push(value.map_err(|error| reader.fault(error.to_string()))?);
    }
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return if count == 0 { Ok(Column::default()) } else { Err(reader.fault("it has no days")) };
    };
    let (first, last) = (first.day, last.day.days());
    let layer =
        Layer { first, days: days.len(), accounts: accounts_of, on, tags, words, units, texts, others };
    let is_whole = layer.entries().count() == count;
    let in_order = layer.accounts.iter().zip(&layer.on).is_sorted_by(|a, b| a < b);
    let is_known = layer.accounts.iter().all(|account| (*account as usize) < accounts)
        && layer.on.iter().all(|on| *on >= first.days() && *on <= last);
    if is_whole && in_order && is_known {
        Ok(Column { days, layers: vec![Arc::new(layer)] })
    } else {
        Err(reader.fault("records are none, or not in order"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{History, RecordedColumn, RecordedDay};
    use crate::model::{Decimal, Timestamp};

    fn day(number: i32) -> Date {
        Date::new(2026, 1, 31).unwrap().plus_days(number).unwrap()
    }

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    fn values() -> Vec<Option<ExprValue>> {
        let text = |text: &str| ExprValue::Text(text.into());
        vec![
            None,
            Some(ExprValue::Bool(true)),
            Some(ExprValue::Int(-3)),
            Some(ExprValue::Double(0.1)),
            Some(ExprValue::Date(day(3))),
            Some(ExprValue::Timestamp(Timestamp::start_of(day(1)))),
            Some(ExprValue::Decimal(Decimal::new(1_250, 3))),
            Some(ExprValue::Decimal(Decimal::new(i128::from(u64::MAX), 2))),
            Some(ExprValue::Money(Decimal::new(-99, 2), Currency::EUR)),
            Some(ExprValue::Money(Decimal::new(99, 0), Currency::JPY)),
            Some(text("b")),
            Some(text("")),
            Some(ExprValue::List([text("x"), text("y")].into())),
            Some(ExprValue::Record([("won".into(), ExprValue::Int(2))].into())),
        ]
    }

    fn records() -> Records {
        let mut records = Records::new();
        for (number, value) in (0_i32..).zip(values()) {
            let mut column = RecordedColumn::new("x", number % 3 > 0);
            column.changed = vec![(id("a"), value.clone()), (id(&format!("z{number}")), value)];
            if number > 4 {
                column.absent = vec![id(&format!("z{}", number - 1))];
            }
            let columns = vec![column, RecordedColumn::new("y", true)];
            records = records.with(&[RecordedDay { day: day(number * 2), columns }]).unwrap();
        }
        records
    }

    #[test]
    fn every_kind_of_value_comes_back_and_is_found() {
        let records = records();
        let again = Records::from_snapshot(&records.to_snapshot()).unwrap();
        assert_eq!(again.to_days(), records.to_days());
        assert_eq!(again.to_snapshot(), records.to_snapshot());
        for (number, value) in (0_i32..).zip(values()) {
            for records in [&records, &again] {
                assert_eq!(records.on("a", "x", day(number * 2)), Some(value.clone()));
                assert_eq!(
                    records.last("a", "x", day(number * 2 + 1)),
                    Some((day(number * 2), value.clone()))
                );
                let hidden = number % 3 == 0;
                let in_scope = records.in_scope().last("a", "x", day(number * 2));
                assert_eq!(in_scope.is_some_and(|(on, _)| on == day(number * 2)), !hidden);
            }
        }
        assert_eq!(again.days("y").count(), values().len());
    }

    #[test]
    fn no_bytes_panic_and_none_that_are_changed_are_read() {
        let bytes = records().to_snapshot();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(Records::from_snapshot(&changed).is_err(), "{at}");
            assert!(Records::from_snapshot(&bytes[..at]).is_err(), "{at}");
        }
        // With checksums that fit, what is read is believed no more.
        let mut read = 0;
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] = changed[at].wrapping_add(1 + u8::try_from(at % 7).unwrap());
            let parts = FORMAT.take_apart(&bytes).unwrap();
            let sections = parts.map(|(_, start, own)| changed[start..start + own.len()].to_vec());
            let mut sections = sections.into_iter();
            let sealed = FORMAT.assemble(bytes.len(), |_, out| out.extend(sections.next().unwrap()));
            if let Ok(records) = Records::from_snapshot(&sealed) {
                let _ = (records.to_days(), records.last("a", "x", day(99)));
                read += 1;
            }
        }
        assert!(read > 0 && read < bytes.len());
    }
}
