//! Which state does a journal lead to?

use std::sync::Arc;

use super::entry::{Entry, Said, definitions};
use super::frames::VERSION;
use super::frames::{Before, Damage, JournalError, Section, Sections, sections};
use crate::aggregate::OwnedEvent;
use crate::book::Book;
use crate::engine::keys::KnownKey;
use crate::engine::next::catalog;
use crate::engine::part::{PartError, StateParts};
use crate::engine::published::{Parts, Published, State};
use crate::engine::{Engine, EngineError, EngineSettings, Update};

/// The first format whose digests of updates are compared: before it, values were written otherwise.
const WITH_DIGESTS: u32 = 7;
/// The first format in which a state says how its usage is kept.
const WITH_USAGE_SETTINGS: u32 = 5;

/// What was read of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The version of the state that was rebuilt.
    pub version: u64,
    /// Records that were applied, the whole state that they begin with among them.
    pub records: usize,
    /// The first byte of the beginning that was used: 0, unless the journal was begun anew behind other records.
    pub from: usize,
    /// Where what was used ends: a record that is appended to the journal belongs there. [`Engine::resume`] sees to it.
    pub bytes: usize,
    /// What could not be read at the end, if something could not.
    pub damage: Option<Damage>,
    /// What could not be read before a later beginning, and is of no account for the state that this one leads to.
    pub skipped: Vec<Damage>,
}

/// A state that is rebuilt record by record.
struct Builder<'b> {
    settings: &'b Arc<EngineSettings>,
    /// The format of the section.
    format: u32,
    state: Option<Parts>,
    version: u64,
    keys: Vec<KnownKey>,
}

/// An engine in the state that a journal leads to, which has written nothing yet.
struct Rebuilt {
    engine: Engine,
    restored: Restored,
    /// What a section that is begun behind the bytes has before it.
    before: Before,
    format: u32,
}

impl Engine {
    /// An engine in the state that a journal leads to: the last one, or that of a version. Bit for bit what was published
    /// then, with the same versions and idempotency keys; the states before it are not remembered. Of a version that the
    /// journal does not reach, the last one, as [`Restored::version`] says.
    ///
    /// The schema, the kinds of event and how usage is kept are those of the journal, with every change that was made of them.
    ///
    /// `settings` are those of the engine that wrote the journal. Usage and how it is kept are those of the journal, whatever the settings say,
    /// but for what days its zone has, which they say by its name. A journal from before format 5 does not hold how usage is kept: then
    /// the settings say it, by usage without events. A journal in them is begun anew with the state that was rebuilt ([`JournalSink::begin`]); to
    /// go on with the old one, use [`Engine::resume`].
    ///
    /// Where a journal was begun anew, the last beginning counts; of a version, the last beginning at or before it.
    ///
    /// A damaged tail is named in [`Restored::damage`], and what stands before it is used. Damage is what does not match its
    /// checksum, and a record of another version than the next one.
    ///
    /// # Errors
    ///
    /// [`JournalError`]: the bytes are no journal, hold no state, or say what cannot be applied.
    ///
    /// # Complexity
    ///
    /// That of reading the last whole state, of applying all that comes after it to the book, and of working out once what is
    /// subscribed.
    ///
    /// [`JournalSink::begin`]: super::JournalSink::begin
    pub fn restore(
        settings: EngineSettings,
        bytes: &[u8],
        version: Option<u64>,
    ) -> Result<(Self, Restored), JournalError> {
        let rebuilt = rebuild(settings, bytes, version)?;
        rebuilt.engine.begin_journal(rebuilt.before).map_err(sink)?;
        Ok((rebuilt.engine, rebuilt.restored))
    }

    /// An engine in the last state that a journal leads to, which goes on with that journal: `settings` have the sink that keeps
    /// it, `bytes` are all that it has kept, and records that come now stand behind them, without a new beginning. A damaged
    /// tail is cut off first ([`JournalSink::resume`]).
    ///
    /// A journal of an older format is begun anew, in the format of this release ([`JournalSink::begin`]).
    ///
    /// # Errors
    ///
    /// As [`Engine::restore`], and [`JournalError::Sink`] with that of the sink.
    ///
    /// # Complexity
    ///
    /// As [`Engine::restore`].
    ///
    /// [`JournalSink::begin`]: super::JournalSink::begin
    /// [`JournalSink::resume`]: super::JournalSink::resume
    pub fn resume(settings: EngineSettings, bytes: &[u8]) -> Result<(Self, Restored), JournalError> {
        let Rebuilt { engine, restored, before, format } = rebuild(settings, bytes, None)?;
        if let Some(journal) = &engine.settings.journal {
            let kept = restored.bytes;
            journal
                .resume(kept as u64, bytes.len().saturating_sub(kept) as u64)
                .map_err(JournalError::Sink)?;
        }
        if format != VERSION {
            engine.begin_journal(before).map_err(sink)?;
        }
        Ok((engine, restored))
    }
}

fn sink(error: EngineError) -> JournalError {
    match error {
        EngineError::Journal(cause) => JournalError::Sink(cause),
        other => JournalError::Sink(other.into()),
    }
}

fn rebuild(settings: EngineSettings, bytes: &[u8], version: Option<u64>) -> Result<Rebuilt, JournalError> {
    let settings = Arc::new(settings);
    let (section, Sections { skipped, mut damage, before, .. }) = chosen(sections(bytes)?, version)?;
    let format = section.format;
    let mut builder = Builder { settings: &settings, format, state: None, version: 0, keys: Vec::new() };
    let (mut count, mut end) = (0, damage.as_ref().map_or(bytes.len(), |damage| damage.offset));
    for (offset, payload) in section.records {
        let (said, state) = Entry::read(payload, offset)?;
        if let Some(reason) = builder.objection(&said) {
            damage = Some(Damage { offset, bytes: bytes.len() - offset, reason });
            end = offset;
            break;
        }
        if version.is_some_and(|version| said.version() > version) {
            end = offset;
            break;
        }
        builder.take(said, state, offset)?;
        count += 1;
    }
    let Builder { state: Some(parts), version, keys, .. } = builder else {
        return Err(JournalError::NoState { damage });
    };
    let refused = |cause: EngineError| JournalError::Refused { version, cause: Box::new(cause) };
    let state = State::first(parts, version, &settings, &()).map_err(|error| refused(error.into()))?;
    let engine = Engine::of(Published(Arc::new(state)), settings.clone(), keys);
    let restored = Restored { version, records: count, from: section.offset, bytes: end, damage, skipped };
    Ok(Rebuilt { engine, restored, before, format })
}

/// The last section of a journal, or the last one that begins at or before a version; and the rest of what was found, with the
/// sections that do not begin as one should among what is damaged.
fn chosen(mut all: Sections<'_>, version: Option<u64>) -> Result<(Section<'_>, Sections<'_>), JournalError> {
    let mut best = None;
    let mut first = None;
    let found = std::mem::take(&mut all.whole);
    let ends: Vec<usize> = found.iter().skip(1).map(|section| section.offset).collect();
    for (place, section) in found.into_iter().enumerate() {
        let base = section.records.first().map(|(offset, payload)| Entry::read(payload, *offset));
        let base = base.transpose()?.map(|(said, _)| said);
        let Some(base) = base.filter(Said::is_base).map(|base| base.version()) else {
            let reason = "a head is not followed by a whole state".to_owned();
            let offset = section.offset;
            let damage = |end: usize| Damage { offset, bytes: end - offset, reason };
            match ends.get(place) {
                Some(end) => all.skipped.push(damage(*end)),
                None => {
                    let end =
                        all.damage.as_ref().map_or(all.before.end(), |damage| damage.offset + damage.bytes);
                    all.damage = Some(damage(end));
                }
            }
            continue;
        };
        first.get_or_insert(base);
        if version.is_none_or(|version| base <= version) {
            best = Some(section);
        }
    }
    all.skipped.sort_by_key(|damage| damage.offset);
    match (best, version, first) {
        (Some(section), ..) => Ok((section, all)),
        (None, Some(version), Some(first)) => Err(JournalError::BeforeFirst { version, first }),
        (None, ..) => Err(JournalError::NoState { damage: all.damage.or_else(|| all.skipped.pop()) }),
    }
}

impl Builder<'_> {
    /// Why a record cannot be the next one; `None` where it can. A record that was lost, stands twice or elsewhere would lead
    /// to a state that was never published.
    fn objection(&self, said: &Said) -> Option<String> {
        self.state.as_ref()?;
        if matches!(said, Said::State { begins: Some(true), .. }) {
            return Some("a beginning has no head before it".to_owned());
        }
        let (found, last) = (said.first_version(), self.version);
        let mut follows = last.checked_add(1) == Some(found);
        if let Said::Branch { updates, .. } = said {
            let versions = updates.iter().map(|update| match update {
                Said::Update { version, .. } => Some(*version),
                _ => None,
            });
            follows &= versions.eq((found..=said.version()).map(Some)) && !updates.is_empty();
        }
        (!follows).then(|| format!("a record of version {found} follows version {last}"))
    }

    fn take(&mut self, said: Said, state: &[u8], offset: usize) -> Result<(), JournalError> {
        let version = said.version();
        let refused = |cause: EngineError| JournalError::Refused { version, cause: Box::new(cause) };
        match said {
            Said::State {
                begins,
                moment,
                definitions: document,
                subscribed,
                keys,
                digests,
                book,
                usage,
                parts,
                events,
                usage_settings,
                ..
            } => {
                let cut_off = || JournalError::Malformed { offset, reason: "its book is cut off".to_owned() };
                let (book, left) = split(book, state).ok_or_else(cut_off)?;
                let book = Book::from_own_snapshot(book)?;
                let definitions = definitions(&document, &self.settings.kinds, offset)?;
                let before = self.state.take().map(|parts| parts.beside);
                let mut beside = before.unwrap_or_else(|| self.settings.first_parts());
                if self.format < WITH_USAGE_SETTINGS {
                    if let Some(events) = events.filter(|events| beside.events() != Some(events)) {
                        beside.begin_usage(events, None);
                    }
                } else if begins != Some(false) {
                    // All of it is of the journal, with nothing that the host gave.
                    let kept = usage_settings.map(|written| {
                        let zone = self.settings.zone_of_usage(&written.zone);
                        let zone = zone.ok_or_else(|| JournalError::UnknownZone(written.zone.to_string()))?;
                        Ok::<_, JournalError>(written.in_zone(zone))
                    });
                    beside.usage = None;
                    if let Some((events, kept)) = events.zip(kept.transpose()?) {
                        beside.begin_usage(events, Some(kept));
                    }
                }
                restore_parts(&mut beside, (parts, usage), left, (offset, version))?;
                let of = (book.schema(), beside.usage.as_ref());
                let catalog = catalog(of.0, of.1, self.settings, definitions).map_err(refused)?;
                let as_of = moment.to_as_of(&*self.settings.zones)?;
                let subscribed = Arc::new(subscribed);
                self.state = Some(Parts { book, beside, catalog, as_of, subscribed });
                self.keys = KnownKey::all(keys, digests);
            }
            Said::Update {
                schema,
                change,
                renamed,
                defined,
                removed,
                exactly,
                subscribed,
                unsubscribed,
                moment,
                steps,
                key,
                content,
                ..
            } => {
                let parts = self.state.as_mut().ok_or(JournalError::NoState { damage: None })?;
                let defined = match &defined {
                    Some(document) => definitions(document, &self.settings.kinds, offset)?,
                    None => Vec::new(),
                };
                let moment = moment.map(|moment| moment.to_as_of(&*self.settings.zones)).transpose()?;
                let update = Update {
                    schema,
                    change,
                    renamed,
                    defined,
                    removed,
                    exactly,
                    subscribed,
                    unsubscribed,
                    moment,
                    steps,
                    close_days: Vec::new(),
                    expected: None,
                    key: None,
                };
                parts.update(&update, self.settings).map_err(refused)?;
                let content = content.filter(|_| self.format >= WITH_DIGESTS);
                self.keys.extend(key.map(|key| KnownKey { key, version, content }));
            }
            Said::Branch { updates, .. } => {
                for update in updates {
                    // No branch is of branches: the versions of updates were looked at.
                    self.take(update, state, offset)?;
                }
            }
            Said::Events { today, events, .. } => {
                let parts = self.state.as_mut().ok_or(JournalError::NoState { damage: None })?;
                let usage = parts.beside.usage.as_mut().ok_or_else(|| refused(EngineError::NoUsage))?;
                let taken = usage.ingest(events.iter().map(OwnedEvent::event), today);
                taken.map_err(|error| refused(error.into()))?;
            }
        }
        self.version = version;
        Ok(())
    }
}

/// So many bytes, and what is behind them.
fn split(bytes: u64, of: &[u8]) -> Option<(&[u8], &[u8])> {
    of.split_at_checked(usize::try_from(bytes).ok()?)
}

/// Reads the parts of a state behind its book: those that are listed, or, as formats 1 and 2 had it, usage alone.
fn restore_parts(
    beside: &mut StateParts,
    (parts, usage): (Vec<(String, u64)>, bool),
    mut left: &[u8],
    (offset, version): (usize, u64),
) -> Result<(), JournalError> {
    let malformed = |reason: String| JournalError::Malformed { offset, reason };
    let mut restore = |name: &str, bytes: &[u8]| {
        beside.restore(name, bytes).map_err(|error| match error {
            PartError::Snapshot("usage", error) => JournalError::Usage(error),
            PartError::Snapshot(part, error) => malformed(format!("its {part} cannot be restored: {error}")),
            PartError::Refused(cause) => JournalError::Refused { version, cause: Box::new(cause) },
            PartError::Malformed(reason) => malformed(reason),
        })
    };
    for (name, bytes) in parts {
        let (part, behind) =
            split(bytes, left).ok_or_else(|| malformed(format!("its {name} are cut off")))?;
        restore(&name, part)?;
        left = behind;
    }
    if usage { restore("usage", left) } else { Ok(()) }
}

/// A shorter journal that leads to the same state: that state as a whole, its book and its usage. Earlier states can not be
/// rebuilt from it. Of a journal with a damaged tail, that of what stands before it.
///
/// `settings` are those of [`Engine::restore`].
///
/// # Errors
///
/// As [`Engine::restore`].
pub fn compact(settings: EngineSettings, bytes: &[u8]) -> Result<Vec<u8>, JournalError> {
    let settings = settings.without_journal();
    let (engine, _) = Engine::restore(settings, bytes, None)?;
    let writer = engine.writer();
    Ok(engine.section(&writer, Before::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::MemoryJournal;
    use crate::engine::journal::{head, record};
    use crate::model::{
        AccountId, AccountRow, AsOf, Attribute, AttributeType, Date, FixedZone, Nesting, Schema,
    };
    use crate::source::MemorySource;
    use crate::{Change, Scope, Value};

    fn schema() -> Arc<Schema> {
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("seats", AttributeType::Int));
        Arc::new(schema.build().unwrap())
    }

    fn seats(engine: &Engine) -> Option<Value> {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.account("a").and_then(|a| a.value("seats"))
    }

    fn set(seats: i64) -> Change {
        Change::new().set(&AccountId::new("a").unwrap(), "seats", seats)
    }

    /// A journal as format 1 had it: a shorter head, and states that do not say whether a section begins with them, but whether usage
    /// follows.
    fn first_format(bytes: &[u8]) -> Vec<u8> {
        let found = sections(bytes).unwrap();
        let mut old = Vec::new();
        for section in found.whole {
            old.extend(b"PERJ\x01\0\0\0");
            for (offset, payload) in section.records {
                let (_, state) = Entry::read(payload, offset).unwrap();
                let said = String::from_utf8(payload[8..payload.len() - state.len()].to_vec()).unwrap();
                let said = said.replace("\"begins\":true,", "").replace("\"begins\":false,", "");
                let said = with_usage(&said);
                let length = (said.len() as u64).to_le_bytes();
                record(&mut old, &[&length, said.as_bytes(), state].concat());
            }
        }
        old
    }

    /// The last section of a journal with the head of another format, each record written otherwise.
    fn in_format(format: u8, bytes: &[u8], other: impl Fn(&str) -> String) -> Vec<u8> {
        let mut old = head(Before::default());
        old[4] = format;
        let at = old.len() - 4;
        let sum = crc32fast::hash(&old[..at]).to_le_bytes();
        old[at..].copy_from_slice(&sum);
        for (offset, payload) in sections(bytes).unwrap().whole.pop().unwrap().records {
            let (_, state) = Entry::read(payload, offset).unwrap();
            let said = other(std::str::from_utf8(&payload[8..payload.len() - state.len()]).unwrap());
            let length = (said.len() as u64).to_le_bytes();
            record(&mut old, &[&length, said.as_bytes(), state].concat());
        }
        old
    }

    /// A state as formats before 4 wrote it: without the kinds of event.
    fn without_events(said: &str) -> String {
        let Some(at) = said.find(",\"events\":[") else { return said.to_owned() };
        let end = at + said[at..].find(",\"moment\":").unwrap();
        format!("{}{}", &said[..at], &said[end..])
    }

    /// A state as format 4 wrote it: without how usage is kept.
    fn without_settings(said: &str) -> String {
        let Some(at) = said.find(",\"usage_settings\":{") else { return said.to_owned() };
        let end = at + said[at..].find(",\"moment\":").unwrap();
        format!("{}{}", &said[..at], &said[end..])
    }

    /// A state as formats 1 and 2 wrote it: usage is the one part that may follow.
    fn with_usage(said: &str) -> String {
        if !said.starts_with("{\"state\"") {
            return said.to_owned();
        }
        let said = &*without_events(said);
        let Some(at) = said.find(",\"parts\":[[\"usage\",") else {
            return said.replace(",\"moment\":", ",\"usage\":false,\"moment\":");
        };
        let end = at + said[at..].find("]]").unwrap() + 2;
        format!("{},\"usage\":true{}", &said[..at], &said[end..])
    }

    #[test]
    fn a_journal_of_an_older_format_takes_of_the_settings_what_it_does_not_hold() {
        use crate::aggregate::{Event, EventKind, Usage, UsageSchema, UsageSettings};
        let schema_of_usage = UsageSchema::new([EventKind::new("login")]).unwrap();
        let kept = UsageSettings::new().keep_days(7).ids_for_days(3).zone(FixedZone::east("Here", 60));
        let usage = || Usage::new(schema_of_usage.clone(), kept.clone());
        let day = Date::new(2026, 1, 31).unwrap();
        let journal = MemoryJournal::new();
        let settings = EngineSettings::new().usage(usage()).journal(journal.clone());
        let engine = Engine::new(schema(), AsOf::date_utc(day), settings).unwrap();
        engine.ingest([Event::on("login", "a", day), Event::on("login", "b", day)]).unwrap();
        engine.compact_journal().unwrap();
        let bytes = journal.bytes();
        for format in [2, 3, 4] {
            let old = in_format(format, &bytes, |said| {
                let said = match format {
                    2 => with_usage(said),
                    3 => without_events(said),
                    _ => without_settings(said),
                };
                assert_eq!(said.contains("\"usage\":true"), format == 2, "{said}");
                assert_eq!(said.contains("\"events\":["), format == 4, "{said}");
                assert!(!said.contains("usage_settings"), "{said}");
                said
            });
            let settings = EngineSettings::new().usage(usage());
            let (again, restored) = Engine::restore(settings, &old, None).unwrap();
            assert_eq!((restored.version, restored.damage), (1, None));
            let of = |engine: &Engine| engine.published().usage().unwrap().to_snapshot();
            assert_eq!(of(&again), of(&engine));
            assert_eq!(again.published().usage().unwrap().settings(), &kept);
        }
        // Since format 5 the journal holds them, but no rules of zones.
        let (again, _) = Engine::restore(EngineSettings::new().usage(usage()), &bytes, None).unwrap();
        assert_eq!(again.published().usage().unwrap().settings(), &kept);
        let error = Engine::restore(EngineSettings::new(), &bytes, None).unwrap_err();
        assert_eq!(error.to_string(), "the zone `Here` is not known: give it with `EngineSettings::zones`");
    }

    #[test]
    fn keys_of_format_6_are_known_and_not_compared() {
        let journal = MemoryJournal::new();
        let as_of = AsOf::date_utc(Date::new(2026, 1, 31).unwrap());
        let engine = Engine::new(schema(), as_of, EngineSettings::new().journal(journal.clone())).unwrap();
        engine
            .load(&MemorySource::new().account(AccountRow::new(AccountId::new("a").unwrap(), "Company")))
            .unwrap();
        let keyed = |seats: i64| Update::from(set(seats)).once("monday");
        engine.apply(keyed(1)).unwrap();
        // As a record of an update, and in a whole state.
        let journal_of_updates = journal.bytes();
        engine.compact_journal().unwrap();
        let bytes = journal.bytes();
        let old = in_format(6, &bytes, |said| {
            assert!(said.contains(",\"digests\":["), "{said}");
            said.replace(",\"digests\":[", ",\"contents\":[")
        });
        let restored = |bytes: &[u8]| Engine::restore(EngineSettings::new(), bytes, None).unwrap().0;
        let updates = in_format(6, &journal_of_updates, str::to_owned);
        restored(&updates).apply(keyed(2)).unwrap();
        assert!(matches!(
            restored(&journal_of_updates).apply(keyed(2)),
            Err(EngineError::OtherContent { .. })
        ));
        assert!(matches!(restored(&bytes).apply(keyed(2)), Err(EngineError::OtherContent { .. })));
        let engine = restored(&old);
        engine.apply(keyed(2)).unwrap();
        assert_eq!(seats(&engine), Some(Value::Int(1)));
    }

    #[test]
    fn a_journal_of_format_1_is_read_and_gone_on_with_in_format_5() {
        let journal = MemoryJournal::new();
        let settings = || EngineSettings::new().journal(journal.clone());
        let as_of = AsOf::date_utc(Date::new(2026, 1, 31).unwrap());
        let engine = Engine::new(schema(), as_of, settings()).unwrap();
        let row = AccountRow::new(AccountId::new("a").unwrap(), "Company");
        engine.load(&MemorySource::new().account(row)).unwrap();
        engine.apply(set(1)).unwrap();
        // Whoever restored with the same sink had a second head in the same bytes, and lost what came behind it.
        let (engine, _) = Engine::restore(settings(), &journal.bytes(), None).unwrap();
        engine.apply(set(2)).unwrap();
        let old = first_format(&journal.bytes());
        assert!(old.len() < journal.bytes().len());

        let journal = MemoryJournal::from(old.clone());
        let settings = EngineSettings::new().journal(journal.clone());
        let (engine, restored) = Engine::resume(settings, &old).unwrap();
        assert_eq!((restored.version, restored.damage, seats(&engine)), (3, None, Some(Value::Int(2))));
        engine.apply(set(3)).unwrap();
        let bytes = journal.bytes();
        let (again, restored) = Engine::restore(EngineSettings::new(), &bytes, None).unwrap();
        assert_eq!((restored.version, restored.from), (4, old.len()));
        assert_eq!(seats(&again), Some(Value::Int(3)));
        // What does not follow was damage in format 1 as well.
        let records = sections(&old).unwrap().whole.pop().unwrap().records;
        let cut = records.last().unwrap().0;
        let twice = [&old[..], &old[cut..]].concat();
        let (_, restored) = Engine::restore(EngineSettings::new(), &twice, None).unwrap();
        assert_eq!(restored.damage.unwrap().reason, "a record of version 3 follows version 3");
    }

    #[test]
    fn a_journal_of_a_newer_format_is_refused_by_its_version() {
        let mut bytes = super::super::head(Before::default());
        bytes[4] = 9;
        let error = Engine::restore(EngineSettings::new(), &bytes, None).unwrap_err();
        assert_eq!(error.to_string(), "the journal is in format 9 and this release reads format 7");
    }
}
