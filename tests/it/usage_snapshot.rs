//! Usage as bytes: what is restored is the same usage, and nothing else is taken for one.

use std::collections::BTreeMap;

use crate::common::config;
use crate::common::sealed::{Part, sealed, sections};
use perennial::aggregate::{Event, EventKind, Metrics, Usage, UsageSchema, UsageSettings};
use perennial::expr::{Checker, ExprPlan, ExprValue};
use perennial::source::MemorySource;
use perennial::testkit::Random;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Currency, Date, Decimal, EnumValues,
    FixedZone, Money, Nesting, Policy, Schema, Scope, SnapshotError, Timestamp, Value,
};
use proptest::prelude::*;

const MAGIC: [u8; 8] = *b"\x8ePNU\r\n\x1a\n";
const ACCOUNTS: [&str; 4] = ["a", "b", "c", "d"];

fn today() -> Date {
    Date::new(2026, 3, 31).unwrap()
}

fn kinds() -> [EventKind; 2] {
    [
        EventKind::new("export")
            .module("Reports")
            .property(Attribute::new("format", AttributeType::Text))
            .property(Attribute::new("plan", AttributeType::Enum(EnumValues::new(["free", "pro"]))))
            .property(Attribute::new("due", AttributeType::Date))
            .property(Attribute::new("rate", AttributeType::Decimal { scale: 2 }))
            .property(Attribute::new("ratio", AttributeType::Double))
            .property(Attribute::new("dry", AttributeType::Bool))
            .measure(Attribute::new("rows", AttributeType::Int))
            .measure(Attribute::new("cost", AttributeType::Money(Currency::EUR)))
            .measure(Attribute::new("secs", AttributeType::Double)),
        EventKind::new("login"),
    ]
}

fn schema() -> UsageSchema {
    UsageSchema::new(kinds()).unwrap()
}

fn settings() -> UsageSettings {
    UsageSettings::new().zone(FixedZone::east("CET", 60)).keep_days(40).ids_for_days(20)
}

fn restored(usage: &Usage) -> Usage {
    Usage::from_snapshot(schema(), settings(), &usage.to_snapshot()).unwrap()
}

/// What a row says, so that it can be told twice.
#[derive(Debug, Clone)]
struct Row {
    kind: &'static str,
    account: &'static str,
    day: Date,
    instant: Option<Timestamp>,
    id: Option<String>,
    user: Option<&'static str>,
    action: Option<&'static str>,
    count: u32,
    values: Vec<(&'static str, Value)>,
}

impl Row {
    fn random(random: &mut Random) -> Self {
        let mut pick = |of: &[&'static str]| of[random.below(of.len() as u64) as usize];
        let (kind, account) = (pick(&["export", "login"]), pick(&ACCOUNTS));
        let (user, action) = (pick(&["ann", "bob", ""]), pick(&["make", "send", ""]));
        let (format, plan) = (pick(&["csv", "pdf", ""]), pick(&["free", "pro", ""]));
        let day = today().plus_days(-(random.below(50) as i32)).unwrap();
        let second = random.below(80_000) as i64;
        let instant = Timestamp::from_micros(Timestamp::start_of(day).micros() + second * 1_000_000).unwrap();
        let mut values = Vec::new();
        if kind == "export" {
            let due = today().plus_days(random.below(3) as i32).unwrap();
            let all = [
                ("format", Value::text(format)),
                ("plan", Value::Enum(plan.into())),
                ("due", Value::Date(due)),
                ("rate", Value::Decimal(Decimal::new(i128::from(random.below(3)), 2))),
                ("ratio", Value::Double(random.below(3) as f64 / 2.0)),
                ("dry", Value::Bool(random.below(2) == 0)),
                ("rows", Value::Int(random.below(9) as i64 - 2)),
                ("cost", Value::Money(Money::from_minor(i128::from(random.below(999)), Currency::EUR))),
                ("secs", Value::Double(random.below(64) as f64 / 4.0 - 4.0)),
            ];
            let given = |(name, _): &(&str, Value)| match *name {
                "format" => !format.is_empty(),
                "plan" => !plan.is_empty(),
                _ => true,
            };
            values.extend(all.into_iter().filter(given).filter(|_| random.below(3) > 0));
        }
        Self {
            kind,
            account,
            day,
            instant: (random.below(3) > 0).then_some(instant),
            id: (random.below(2) == 0).then(|| format!("e{}", random.below(30))),
            user: Some(user).filter(|user| !user.is_empty()),
            action: Some(action).filter(|action| !action.is_empty()),
            count: 1 + random.below(3) as u32,
            values,
        }
    }

    fn event(&self) -> Event<'_> {
        let mut event = match self.instant {
            Some(instant) => Event::at(self.kind, self.account, instant),
            None => Event::on(self.kind, self.account, self.day),
        };
        if let Some(id) = &self.id {
            event = event.id(id);
        }
        if let Some(user) = self.user {
            event = event.user(user);
        }
        if let Some(action) = self.action {
            event = event.action(action);
        }
        let values = self.values.iter();
        values.fold(event.count(self.count), |event, (name, value)| event.value(name, value.clone()))
    }
}

fn rows(random: &mut Random, count: u64) -> Vec<Row> {
    (0..random.below(count + 1)).map(|_| Row::random(random)).collect()
}

/// Every kind of reading, for each account.
fn readings(usage: &Usage) -> Vec<Option<ExprValue>> {
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let source = ACCOUNTS.iter().fold(MemorySource::new(), |source, id| {
        source.account(AccountRow::new(AccountId::new(*id).unwrap(), "Company"))
    });
    let book = Book::load(schema, &source, &Policy::strict()).unwrap().0;
    let zone = FixedZone::east("CET", 60);
    let as_of = AsOf::at(Timestamp::start_of(today())).with_zone(zone);
    let view = book.view(&Scope::all(), as_of).unwrap();
    let metrics = Metrics::none();
    let names = usage.names(&**book.schema(), &metrics);
    let checker = Checker::new(&names);
    let checked = [
        "events(\"any\").lastDays(30).count()",
        "events(\"export\").lastDays(90).distinct(e, e.user)",
        "events(\"export\").where(e, e.format == \"csv\").lastDays(90).sum(e, e.rows)",
        "events(\"export\").where(e, e.plan == \"pro\").lastDays(90).avg(e, e.cost)",
        "events(\"export\").where(e, e.rate > 0.0 && e.dry == false).lastDays(90).sum(e, e.secs)",
        "events(\"any\").where(e, e.action == \"send\").lastDays(90).days()",
        "events(\"any\").lastDays(90).last()",
        "events(\"any\").lastDays(90).first()",
    ]
    .map(|text| checker.check(text).unwrap_or_else(|errors| panic!("{text}: {errors}")));
    let plan = ExprPlan::new(&checked);
    let seen = usage.over(&view, &metrics);
    let answers = plan.run(&seen).unwrap();
    let accounts = view.accounts().flat_map(|account| (0..checked.len()).map(move |at| (at, account)));
    accounts.map(|(at, account)| answers.value(at, account)).collect()
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn restored_usage_is_the_same_and_goes_on_alike(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let mut usage = Usage::new(schema(), settings());
        // Another one gets the same rows in another order, and so other numbers.
        let mut other = Usage::new(schema(), settings());
        for back in [3, 2, 0] {
            let day = today().plus_days(-back).unwrap();
            let mut batch = rows(&mut random, 60);
            // Which of two rows of one id is counted depends on their order.
            let mut seen = std::collections::HashSet::new();
            batch.retain(|row| row.id.as_ref().is_none_or(|id| seen.insert(id.clone())));
            usage.ingest(batch.iter().map(Row::event), day).unwrap();
            random.shuffle(&mut batch);
            other.ingest(batch.iter().map(Row::event), day).unwrap();
        }
        let bytes = usage.to_snapshot();
        prop_assert_eq!(&other.to_snapshot(), &bytes);
        let mut again = restored(&usage);
        prop_assert_eq!(&again.to_snapshot(), &bytes);
        prop_assert_eq!(readings(&again), readings(&usage));
        let counts = |usage: &Usage| {
            (usage.version(), usage.accounts(), usage.people(), usage.buckets(), usage.remembered_ids(),
             usage.kept_from(), usage.dropped_events())
        };
        prop_assert_eq!(counts(&again), counts(&usage));
        for forward in [0, 1, 30] {
            let (day, batch) = (today().plus_days(forward).unwrap(), rows(&mut random, 40));
            let reports = [&mut usage, &mut again].map(|usage| usage.ingest(batch.iter().map(Row::event), day));
            prop_assert_eq!(&reports[0], &reports[1]);
            prop_assert_eq!(again.to_snapshot(), usage.to_snapshot());
        }
    }
}

/// Usage with something in every part.
fn something_of_everything() -> Usage {
    let mut random = Random::new(5);
    let mut usage = Usage::new(schema(), settings());
    for back in [3, 0] {
        let batch: Vec<Row> = (0..30).map(|_| Row::random(&mut random)).collect();
        usage.ingest(batch.iter().map(Row::event), today().plus_days(-back).unwrap()).unwrap();
    }
    assert!(usage.kept_from().is_some() && usage.remembered_ids() > 2 && usage.people() == 2);
    usage
}

#[test]
fn nothing_comes_back_as_nothing() {
    let usage = Usage::new(schema(), settings());
    let again = restored(&usage);
    assert_eq!((again.buckets(), again.version(), again.kept_from()), (0, 0, None));
    assert_eq!(again.to_snapshot(), usage.to_snapshot());
}

#[test]
fn bytes_that_are_cut_off_or_changed_are_refused() {
    let bytes = something_of_everything().to_snapshot();
    for end in 0..bytes.len() {
        assert!(Usage::from_snapshot(schema(), settings(), &bytes[..end]).is_err(), "cut off at {end}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        assert!(Usage::from_snapshot(schema(), settings(), &changed).is_err(), "changed at {at}");
    }
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let book = Book::load(schema, &MemorySource::new(), &Policy::strict()).unwrap().0.to_snapshot();
    let refused = Usage::from_snapshot(self::schema(), settings(), &book).unwrap_err();
    assert_eq!(refused, SnapshotError::NotASnapshot);
}

/// Every byte of every part, changed in the ways most likely to pass.
#[test]
fn every_byte_changed_behind_its_checksum_is_refused_or_usage() {
    let parts = sections(&something_of_everything().to_snapshot());
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for section in 0..parts.len() {
        for at in 0..parts[section].1.len() {
            for change in [1_u8, 128] {
                let mut parts: Vec<Part> = parts.clone();
                let own = &mut parts[section].1;
                own[at] = own[at].wrapping_add(change);
                let bytes = sealed(MAGIC, &parts);
                match Usage::from_snapshot(schema(), settings(), &bytes) {
                    Ok(mut taken) => {
                        *told.entry("usage".to_owned()).or_default() += 1;
                        assert!(taken.to_snapshot() == bytes, "section {section}, byte {at}");
                        readings(&taken);
                        let next =
                            Event::on("export", "a", today()).id("e1").user("ann").value("rows", i64::MAX);
                        let _ = taken.ingest([next], today());
                    }
                    Err(SnapshotError::Malformed { section, reason, .. }) => {
                        let kind: String = reason.chars().filter(|c| !c.is_ascii_digit()).take(20).collect();
                        *told.entry(format!("{section}: {kind}")).or_default() += 1;
                    }
                    Err(SnapshotError::OtherSchema { .. }) => assert!(section < 2),
                    Err(error) => panic!("section {section}, byte {at}: {error}"),
                }
            }
        }
    }
    assert!(told["usage"] > 50 && told.len() > 15, "{told:#?}");
}

#[test]
fn other_kinds_of_event_are_refused_with_what_differs() {
    let bytes = something_of_everything().to_snapshot();
    let refused = |kinds: Vec<EventKind>, settings| {
        Usage::from_snapshot(UsageSchema::new(kinds).unwrap(), settings, &bytes).unwrap_err().to_string()
    };
    let [export, login] = kinds();
    let text = refused(vec![EventKind::new("export"), EventKind::new("api_call")], settings());
    assert_eq!(
        text,
        "the snapshot is of another schema: event `export` is declared otherwise; event `login` is in the \
         snapshot only; event `api_call` is not in the snapshot"
    );
    let text = refused(vec![login.clone(), export.clone()], settings());
    assert_eq!(text, "the snapshot is of another schema: the order of its events differs");
    let text = refused(kinds().to_vec(), UsageSettings::new());
    let zone = "its days are those of the zone `CET`, and the settings say `UTC`";
    assert_eq!(text, format!("the snapshot is of another schema: {zone}"));
    // Labels, and how long is kept, may change.
    let labelled = UsageSchema::new([export.label("Exports"), login.description("Somebody came")]).unwrap();
    let longer = settings().keep_days(400).ids_for_days(3);
    assert!(Usage::from_snapshot(labelled, longer, &bytes).is_ok());
}
