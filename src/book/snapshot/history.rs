//! How is the history of mergers and splits written and read?
//!
//! Link by link in their order, a column for each field. Rulings S50 and S51 of `docs/semantics`.

use std::collections::HashSet;

use super::format::Part;
use super::reader::{Read, Reader};
use super::writer::Writer;
use crate::book::Successions;
use crate::column::{Bitmap, Strings};
use crate::model::{AccountId, Date, Succession};

pub(super) fn write(out: &mut Writer<'_>, history: &Successions) {
    let links = history.links();
    out.count(links.len());
    out.strings(&Strings::build(links.iter().map(|link| link.account.as_str())));
    out.strings(&Strings::build(links.iter().map(|link| link.successor.as_str())));
    out.i32s(links.iter().map(|link| link.on.days()));
    out.u32s(links.iter().map(|link| link.rank));
    out.bitmap(&Bitmap::from_fn(links.len(), |place| links.get(place).is_some_and(|link| link.part)));
}

pub(super) fn read(part: Part<'_>) -> Read<Successions> {
    let mut reader = Reader::new(part);
    // Two ends of texts, a day and a rank.
    let count = reader.count(16)?;
    let accounts = read_ids(&mut reader, count)?;
    let successors = read_ids(&mut reader, count)?;
    let (days, ranks) = (reader.i32s(count)?, reader.u32s(count)?);
    let parts = reader.bitmap(count)?;
    reader.finish()?;
    let mut links: Vec<Succession> = Vec::with_capacity(count);
    for (place, ((account, successor), (day, rank))) in
        accounts.into_iter().zip(successors).zip(days.into_iter().zip(ranks)).enumerate()
    {
        let on = Date::from_days(day).ok_or_else(|| reader.fault(format!("there is no day {day}")))?;
        let link = Succession { account, on, part: parts.get(place), rank, successor };
        if link.account == link.successor {
            return Err(reader.fault(format!("`{}` succeeds itself", link.account)));
        }
        if links.last().is_some_and(|last| *last >= link) {
            return Err(reader.fault(format!("a succession of `{}` is out of order", link.account)));
        }
        links.push(link);
    }
    let mut stated = HashSet::new();
    if let Some(link) = links.iter().find(|link| !stated.insert((&link.account, &link.successor, link.on))) {
        return Err(reader.fault(format!("`{}` succeeds `{}` twice on a day", link.successor, link.account)));
    }
    if let Some(link) = Successions::same_day_rings(&links).first().and_then(|ring| ring.first()) {
        return Err(reader.fault(format!("`{}` ends in a ring on one day", link.account)));
    }
    Ok(Successions::default().edited(&links, &[]))
}

fn read_ids(reader: &mut Reader<'_>, count: usize) -> Read<Vec<AccountId>> {
    let texts = reader.strings(count)?;
    let id = |text: &str| AccountId::new(text).map_err(|error| reader.fault(error.to_string()));
    (0..count).filter_map(|place| texts.get(place)).map(id).collect()
}
