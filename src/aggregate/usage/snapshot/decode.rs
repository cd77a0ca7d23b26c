//! How does usage come out of bytes that may be anything?

use std::cmp::Ordering;
use std::sync::Arc;

use super::encode::{NARROW_TOTAL, NO_TOTAL, WHOLE_TOTAL, tag_of};
use super::{FORMAT, kinds, whats};
use crate::aggregate::usage::dictionary::Dictionary;
use crate::aggregate::usage::ids::EventIds;
use crate::aggregate::usage::store::{Arrival, Bucket, Key, NOBODY, ordered};
use crate::aggregate::usage::{EventKind, Usage, UsageSchema, UsageSettings};
use crate::book::{Part, Read, Reader, SnapshotError};
use crate::column::Strings;
use crate::fold::Sum;
use crate::model::{AccountId, Date, Timestamp};

pub(super) fn decode(schema: UsageSchema, settings: UsageSettings, bytes: &[u8]) -> Read<Usage> {
    let [declared, general, people, happened, accounts, buckets, ids] = FORMAT.take_apart(bytes)?;
    let mut reader = Reader::new(declared);
    kinds::check(&mut reader, &schema)?;
    reader.finish()?;
    let mut usage = Usage::new(schema, settings);
    read_general(&mut usage, general)?;
    let people = interned(people, &mut usage.people, "people")?;
    let happened = read_whats(&mut usage, happened)?;

    let mut reader = Reader::new(accounts);
    let numbers = texts(&mut reader, &mut usage.accounts, "accounts")?;
    let sizes = reader.u32s(numbers.len())?;
    reader.finish()?;
    let of = Numbers { people, happened };
    read_buckets(&mut usage, buckets, &of, numbers.into_iter().zip(sizes))?;
    read_ids(&mut usage, ids)?;
    Ok(usage)
}

/// The numbers of what is written by its place.
struct Numbers {
    people: Vec<u32>,
    happened: Vec<u32>,
}

fn read_general(usage: &mut Usage, part: Part<'_>) -> Read<()> {
    let mut reader = Reader::new(part);
    let (theirs, ours) = (reader.text()?, usage.settings.zone.name());
    if theirs != ours {
        let difference = format!("its days are those of the zone `{theirs}`, and the settings say `{ours}`");
        return Err(SnapshotError::OtherSchema { differences: vec![difference] });
    }
    usage.version = reader.u64()?;
    usage.dropped_events = reader.u64()?;
    let at = reader.at();
    let (is_kept, day) = (reader.u8()?, reader.i32()?);
    usage.kept_from = match (is_kept, Date::from_days(day)) {
        (0, _) if day == 0 => None,
        (1, Some(day)) => Some(day),
        _ => return Err(reader.fault_at(at, "no first day that is kept")),
    };
    usage.ids = EventIds::since(reader.i32()?);
    reader.finish()
}

fn interned(part: Part<'_>, dictionary: &mut Dictionary<Arc<str>>, what: &str) -> Read<Vec<u32>> {
    let mut reader = Reader::new(part);
    let numbers = texts(&mut reader, dictionary, what)?;
    reader.finish()?;
    Ok(numbers)
}

/// Texts in order, and the numbers that they get.
fn texts(reader: &mut Reader<'_>, dictionary: &mut Dictionary<Arc<str>>, what: &str) -> Read<Vec<u32>> {
    let at = reader.at();
    let texts = ids(reader)?;
    let mut numbers = Vec::with_capacity(texts.len());
    let mut last: Option<&str> = None;
    for text in (0..texts.len()).filter_map(|place| texts.get(place)) {
        if last.replace(text).is_some_and(|last| last >= text) {
            return Err(reader.fault_at(at, format!("{what} are not in order: `{text}`")));
        }
        let number = dictionary.intern(text, |text| Arc::from(text));
        numbers.push(number.ok_or_else(|| reader.fault_at(at, format!("too many {what}")))?);
    }
    Ok(numbers)
}

/// Texts that are ids.
fn ids(reader: &mut Reader<'_>) -> Read<Strings> {
    let at = reader.at();
    let count = reader.count(4)?;
    let texts = reader.strings(count)?;
    for text in (0..texts.len()).filter_map(|place| texts.get(place)) {
        AccountId::check(text).map_err(|error| reader.fault_at(at, format!("`{text}` is no id: {error}")))?;
    }
    Ok(texts)
}

fn read_whats(usage: &mut Usage, part: Part<'_>) -> Read<Vec<u32>> {
    let mut reader = Reader::new(part);
    let count = reader.count(4)?;
    let mut numbers = Vec::with_capacity(count);
    let mut last: Option<Vec<u8>> = None;
    for _ in 0..count {
        let at = reader.at();
        let what = whats::read(&mut reader, &usage.schema)?;
        let number = usage.whats.intern(&what, Clone::clone);
        numbers.push(number.ok_or_else(|| reader.fault_at(at, "too many different properties"))?);
        let bytes = whats::bytes_of(&what);
        if last.replace(bytes.clone()).is_some_and(|last| last >= bytes) {
            return Err(reader.fault_at(at, "what happened is not in order"));
        }
    }
    reader.finish()?;
    Ok(numbers)
}

fn read_buckets(
    usage: &mut Usage,
    part: Part<'_>,
    of: &Numbers,
    accounts: impl Iterator<Item = (u32, u32)>,
) -> Read<()> {
    let mut reader = Reader::new(part);
    let at = reader.at();
    let width = usage.schema.width;
    let count = reader.count(36 + width)?;
    let (days, happened) = (reader.i32s(count)?, reader.u32s(count)?);
    let (people, counts) = (reader.u32s(count)?, reader.u64s(count)?);
    let (first, last) = (reader.i64s(count)?, reader.i64s(count)?);
    let keys = days.into_iter().zip(happened).zip(people);
    let mut rows = keys.zip(counts).zip(first.into_iter().zip(last));
    let kept_from = usage.kept_from.unwrap_or(Date::MIN);
    for (account, size) in accounts {
        let mut arrivals = Vec::new();
        let mut before: Option<Arrival> = None;
        for ((((day, what), person), count), (first, last)) in rows.by_ref().take(size as usize) {
            let place = (day, what, person);
            let written = Key { day, what, person };
            let what = of.happened.get(what as usize).copied();
            let person =
                if person == NOBODY { Some(NOBODY) } else { of.people.get(person as usize).copied() };
            let is_kept = Date::from_days(day).is_some_and(|day| day >= kept_from);
            let instants = Timestamp::from_micros(first).zip(Timestamp::from_micros(last));
            let in_order = instants.is_some_and(|(first, last)| first <= last);
            let (Some(what), Some(person), true, true, true) = (what, person, is_kept, in_order, count > 0)
            else {
                return Err(reader.fault_at(at, format!("there is no such day, event or person: {place:?}")));
            };
            let totals = (0..width).map(|_| read_total(&mut reader)).collect::<Read<Box<[Sum]>>>()?;
            let each = usage.whats.get(what).and_then(|what| usage.schema.at(what.kind));
            let each = each.is_some_and(EventKind::is_each);
            // As it is written, by places; numbers may be in another order.
            let bucket = Bucket { key: written, count, first, last, each };
            let row = Arrival { account, bucket, totals };
            let is_behind = before.as_ref().is_none_or(|before| match ordered(before.row(), row.row()) {
                Ordering::Less => true,
                Ordering::Equal => each,
                Ordering::Greater => false,
            });
            if !is_behind {
                return Err(reader.fault_at(at, "what an account did is not in order"));
            }
            let bucket = Bucket { key: Key { day, what, person }, ..bucket };
            arrivals.push(Arrival { account, bucket, totals: row.totals.clone() });
            before = Some(row);
        }
        if arrivals.len() != size as usize {
            return Err(reader.fault_at(at, "an account did more than follows"));
        }
        arrivals.sort_unstable_by(|a, b| ordered(a.row(), b.row()));
        usage.store.add(&arrivals, width);
    }
    if rows.next().is_some() {
        return Err(reader.fault_at(at, "more follows than the accounts did"));
    }
    reader.finish()
}

fn read_total(reader: &mut Reader<'_>) -> Read<Sum> {
    let at = reader.at();
    let tag = reader.u8()?;
    let total = match tag {
        NO_TOTAL => Sum::default(),
        NARROW_TOTAL => {
            let value = reader.i64()?;
            Sum::over(value.into(), reader.u64()?)
        }
        WHOLE_TOTAL => {
            let (value, rows) = (reader.i128()?, reader.u64()?);
            Sum::from_parts((value, rows, reader.i32()?, reader.u32()?))
        }
        other => return Err(reader.fault_at(at, format!("there is no kind of total {other}"))),
    };
    // A total is written in one way.
    if tag == tag_of(&total) { Ok(total) } else { Err(reader.fault_at(at, "a total is written at length")) }
}

fn read_ids(usage: &mut Usage, part: Part<'_>) -> Read<()> {
    let mut reader = Reader::new(part);
    let at = reader.at();
    let ids = ids(&mut reader)?;
    let (days, prints) = (reader.i32s(ids.len())?, reader.u64s(ids.len())?);
    let mut last = None;
    for ((place, day), print) in days.into_iter().enumerate().zip(prints) {
        let Some(id) = ids.get(place) else { continue };
        if last.replace((day, id)).is_some_and(|last| last >= (day, id)) {
            return Err(reader.fault_at(at, "ids of events are not in order"));
        }
        if Date::from_days(day).is_none() || day < usage.ids.from() {
            return Err(reader.fault_at(at, format!("the event `{id}` is of a day that is not remembered")));
        }
        usage.ids.remember(id, day, print);
        if usage.ids.len() != place + 1 {
            return Err(reader.fault_at(at, format!("the event `{id}` stands twice")));
        }
    }
    reader.finish()
}
