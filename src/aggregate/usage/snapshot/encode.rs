//! What of usage is written, and in which order?

use std::collections::HashMap;
use std::sync::Arc;

use super::{FORMAT, UsageSection, kinds, whats};
use crate::aggregate::usage::Usage;
use crate::aggregate::usage::dictionary::Dictionary;
use crate::aggregate::usage::store::{Bucket, Key, NOBODY, ordered};
use crate::book::Writer;
use crate::column::Strings;
use crate::fold::Sum;

/// How a total is written: not at all, in 64 bits, or as it is.
pub(super) const NO_TOTAL: u8 = 0;
pub(super) const NARROW_TOTAL: u8 = 1;
pub(super) const WHOLE_TOTAL: u8 = 2;

/// Things in the order in which they are written, and their places by number.
struct Ordered<T> {
    things: Vec<(T, u32)>,
    places: HashMap<u32, u32>,
}

impl<T: Ord> Ordered<T> {
    fn of(things: impl Iterator<Item = (u32, T)>) -> Self {
        let mut things: Vec<(T, u32)> = things.map(|(number, thing)| (thing, number)).collect();
        things.sort_unstable();
        let places = (0..).zip(&things).map(|(place, (_, number))| (*number, place)).collect();
        Self { things, places }
    }

    fn place(&self, number: u32) -> u32 {
        self.places.get(&number).copied().unwrap_or(NOBODY)
    }
}

fn texts(dictionary: &Dictionary<Arc<str>>) -> Ordered<&str> {
    Ordered::of(dictionary.iter().map(|(number, text)| (number, &**text)))
}

fn write_texts<'t>(out: &mut Writer<'_>, texts: impl ExactSizeIterator<Item = &'t str>) {
    out.count(texts.len());
    out.strings(&Strings::build(texts));
}

pub(super) fn encode(usage: &Usage) -> Vec<u8> {
    let (accounts, people) = (texts(&usage.accounts), texts(&usage.people));
    let happened = Ordered::of(usage.whats.iter().map(|(number, what)| (number, whats::bytes_of(what))));
    // What the accounts did, their numbers replaced by places, each in order.
    let mut rows: Vec<(Bucket, &[Sum])> = Vec::with_capacity(usage.buckets());
    let mut sizes: Vec<u32> = Vec::with_capacity(accounts.things.len());
    for (_, number) in &accounts.things {
        let first = rows.len();
        let spans =
            usage.store.account(*number).into_iter().flat_map(|account| account.spans(i32::MIN, i32::MAX));
        for (bucket, totals) in spans.flat_map(|span| span.rows(usage.schema.width)) {
            let Key { day, what, person } = bucket.key;
            let person = if person == NOBODY { NOBODY } else { people.place(person) };
            rows.push((Bucket { key: Key { day, what: happened.place(what), person }, ..*bucket }, totals));
        }
        let own = rows.get_mut(first..).unwrap_or_default();
        own.sort_unstable_by(|a, b| ordered((&a.0, a.1), (&b.0, b.1)));
        sizes.push(u32::try_from(own.len()).unwrap_or(u32::MAX));
    }
    FORMAT.assemble(usage.heap_bytes(), |section, bytes| {
        let mut out = Writer(bytes);
        match section {
            UsageSection::Kinds => kinds::write(&mut out, &usage.schema),
            UsageSection::Usage => {
                out.text(usage.settings.zone.name());
                out.u64(usage.version);
                out.u64(usage.dropped_events);
                out.u8(u8::from(usage.kept_from.is_some()));
                out.i32(usage.kept_from.map_or(0, |day| day.days()));
                out.i32(usage.ids.from());
            }
            UsageSection::People => write_texts(&mut out, people.things.iter().map(|(text, _)| *text)),
            UsageSection::Whats => {
                out.count(happened.things.len());
                happened.things.iter().for_each(|(bytes, _)| out.0.extend(bytes));
            }
            UsageSection::Accounts => {
                write_texts(&mut out, accounts.things.iter().map(|(text, _)| *text));
                out.u32s(sizes.iter().copied());
            }
            UsageSection::Buckets => {
                out.count(rows.len());
                out.i32s(rows.iter().map(|(bucket, _)| bucket.key.day));
                out.u32s(rows.iter().map(|(bucket, _)| bucket.key.what));
                out.u32s(rows.iter().map(|(bucket, _)| bucket.key.person));
                out.u64s(rows.iter().map(|(bucket, _)| bucket.count));
                out.i64s(rows.iter().map(|(bucket, _)| bucket.first));
                out.i64s(rows.iter().map(|(bucket, _)| bucket.last));
                rows.iter().flat_map(|(_, totals)| *totals).for_each(|total| write_total(&mut out, total));
            }
            UsageSection::Ids => {
                let mut ids: Vec<(i32, &str, u64)> = usage.ids.iter().collect();
                ids.sort_unstable();
                write_texts(&mut out, ids.iter().map(|(_, id, _)| *id));
                out.i32s(ids.iter().map(|(day, ..)| *day));
                out.u64s(ids.iter().map(|(.., print)| *print));
            }
        }
    })
}

/// How a total is written.
pub(super) fn tag_of(total: &Sum) -> u8 {
    if *total == Sum::default() {
        NO_TOTAL
    } else if total.narrow(total.rows).is_some() {
        NARROW_TOTAL
    } else {
        WHOLE_TOTAL
    }
}

fn write_total(out: &mut Writer<'_>, total: &Sum) {
    let tag = tag_of(total);
    out.u8(tag);
    if let Some(value) = total.narrow(total.rows).filter(|_| tag == NARROW_TOTAL) {
        out.i64(value);
        out.u64(total.rows);
    } else if tag == WHOLE_TOTAL {
        let (value, rows, carry, unfit) = total.parts();
        out.i128(value);
        out.u64(rows);
        out.i32(carry);
        out.u32(unfit);
    }
}
