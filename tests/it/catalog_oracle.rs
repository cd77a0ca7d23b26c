//! Everything that a catalog and an engine come to, held to an oracle that takes one definition after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::definitions::{attribute, definitions, fiscal, moment, roll_up, segment};
use crate::common::{CHUNK_ROWS, Rows, as_of, config, forest, import, some_scope};
use perennial::aggregate::{
    Event, EventKind, Metric, Nulls, Operator, Over, Ranking, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{
    Catalog, Definition, DefinitionKind, DefinitionRef, History, MemoryHistory, PastValue, RunInputs,
};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::ExprValue;
use perennial::testkit::{OracleCatalog, OracleDerived, OracleEvent, OracleUsage, Random};
use perennial::{
    Account, AccountId, Attribute, AttributeType, Currency, Date, Decimal, ExchangeRate, ExchangeRates,
    Policy, Rates, Reach, Timestamp, Value, View,
};
use proptest::prelude::*;

/// The same events, to be read by the engine and by the oracle.
fn events(ids: &[&str], random: &mut Random) -> (Usage, OracleUsage) {
    let export = EventKind::new("export")
        .property(Attribute::new("format", AttributeType::Text))
        .measure(Attribute::new("rows", AttributeType::Int));
    let each = random.below(2) == 0;
    let export = if each { export.each() } else { export };
    let schema = UsageSchema::new([EventKind::new("login"), export]).unwrap();
    let (mut usage, mut oracle) = (Usage::new(schema, UsageSettings::new()), OracleUsage::new());
    if each {
        oracle.keep_each("export");
    }
    let today = as_of().date();
    let mut last = None;
    for _ in 0..random.below(90) {
        let account = ids[random.below(ids.len() as u64) as usize];
        let kind = ["login", "login", "export"][random.below(3) as usize];
        let day = today.plus_days(-(random.below(40) as i32)).unwrap();
        let user = ["", "ann", "bob", "cid"][random.below(4) as usize];
        // Now and then like the one before.
        let (account, kind, day, user) =
            last.filter(|_| random.below(4) == 0).unwrap_or((account, kind, day, user));
        last = Some((account, kind, day, user));
        let count = if random.below(3) == 0 { random.below(4) as u32 + 1 } else { 1 };
        let mut event = Event::on(kind, account, day).count(count);
        let (mut properties, mut measures) = (BTreeMap::new(), BTreeMap::new());
        if !user.is_empty() {
            event = event.user(user);
        }
        if kind == "export" && random.below(2) == 0 {
            let format = ["csv", "pdf"][random.below(2) as usize];
            properties.insert("format".to_owned(), Value::text(format));
            event = event.value("format", format);
        }
        if kind == "export" && random.below(3) > 0 {
            let rows = random.below(50) as i64 - 9;
            measures.insert("rows".to_owned(), Value::Int(rows));
            event = event.value("rows", rows);
        }
        usage.ingest([event], today).unwrap();
        oracle.add(OracleEvent {
            account: account.to_owned(),
            kind: kind.to_owned(),
            day,
            instant: Timestamp::start_of(day),
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            count,
            properties,
            measures,
        });
    }
    (usage, oracle)
}

/// What was recorded of some columns, of the accounts of some ids.
fn recorded(ids: &[&str], random: &mut Random) -> MemoryHistory {
    let mut past = MemoryHistory::new();
    for _ in 0..60 {
        let id = ids[random.below(ids.len() as u64) as usize];
        let on = as_of().date().plus_days(-3 - random.below(30) as i32).unwrap();
        let number = random.below(60) as i64 - 20;
        let (column, value) = match random.below(6) {
            5 => {
                let counts = [("poor", 2), ("good", number)];
                let counts = counts.map(|(of, count)| (of.into(), ExprValue::Int(count)));
                ("moods", ExprValue::Record(counts.into()))
            }
            4 => ("steady.band", ExprValue::Text(["high", "low"][random.below(2) as usize].into())),
            0 => ("seats", ExprValue::Int(number)),
            1 => ("seats_sum", ExprValue::Int(number)),
            2 => ("half", ExprValue::Double(number as f64 / 4.0)),
            _ => ("open_above", ExprValue::Bool(number > 0)),
        };
        past.record(id, column, on, Some(value).filter(|_| number != 0));
    }
    past
}

/// What a new definition may read.
struct Pool {
    numbers: Vec<String>,
    ordered: Vec<String>,
    scalars: Vec<String>,
    truths: Vec<String>,
    segments: Vec<String>,
}

impl Pool {
    fn new() -> Self {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let numbers = of(&[
            "seats",
            "score",
            "rate",
            "half",
            "above",
            "depth",
            "beneath",
            "around",
            "recent",
            "hours",
            "seats_before",
            "seats_sum",
            "rate_sum",
            "score_mean",
            "rate_most",
            "regions",
            "median",
            "big_below",
            "people",
            "place",
            "weekly_sum",
            "ticket_hours",
        ]);
        let others = of(&["since", "mood", "mood_least", "name", "day_of", "since_first"]);
        let ordered = [&numbers[..], &others[..]].concat();
        let scalars = [&ordered[..], &of(&["region", "active", "status", "often"])[..]].concat();
        let truths = of(&["active", "open_above"]);
        Self {
            numbers,
            ordered,
            scalars,
            truths,
            segments: of(&["big", "late", "nested", "crowded", "first", "gone"]),
        }
    }

    fn pick(from: &[String], random: &mut Random) -> String {
        from[random.below(from.len() as u64) as usize].clone()
    }

    fn question(&self, random: &mut Random) -> String {
        let number = Self::pick(&self.numbers, random);
        match random.below(6) {
            0 => Self::pick(&self.truths, random),
            1 => format!("inSegment(\"{}\")", Self::pick(&self.segments, random)),
            2 => format!("{number} > {}", Self::pick(&self.numbers, random)),
            3 => format!("has({number}) && !inSegment(\"{}\")", Self::pick(&self.segments, random)),
            4 => format!("{number} > {} || {}", random.below(30), Self::pick(&self.truths, random)),
            _ => format!("isTrue(parent.{number} <= {number})"),
        }
    }

    fn number(&self, random: &mut Random) -> String {
        let (a, b) = (Self::pick(&self.numbers, random), Self::pick(&self.numbers, random));
        match random.below(14) {
            0 | 1 => a,
            2 => format!("ratio({a}, {b})"),
            3 => format!("coalesce(parent.{a}, {b})"),
            4 => format!("children.sum(c, c.{a})"),
            5 => format!("subtree.count(x, x.{a} > {b})"),
            6 => format!("root.{a}"),
            7 => format!("{} ? 1 : 0", self.question(random)),
            8 => format!("metric(\"exported\").lastDays({}).max()", random.below(20) + 1),
            9 => format!("events(\"export\").prevDays({}, 3).sum(e, e.rows)", random.below(20) + 1),
            11 => format!(
                "metric(\"exported\").weekly().lastWeeks({}).sum().percentile({})",
                random.below(7) + 1,
                random.below(100) + 1
            ),
            12 => {
                let weeks = ["weekly()", "weekly(\"active\")"][random.below(2) as usize];
                format!("events(\"login\").{weeks}.distinct(e, e.user).median()")
            }
            10 => "events(\"any\").where(e, e.user != \"bob\").days()".to_owned(),
            _ => format!("descendants.max(d, d.{a}) - coalesce({b}, 0)"),
        }
    }

    fn operator(&self, random: &mut Random) -> Operator {
        let number = self.number(random).into();
        let ordered = Self::pick(&self.ordered, random).into();
        let scalar = Self::pick(&self.scalars, random).into();
        let k = random.below(4) as u32 + 1;
        match random.below(18) {
            0 => Operator::Count,
            1 | 2 => Operator::Sum(number),
            3 => Operator::Average(number),
            4 => Operator::Ratio { numerator: number, denominator: Self::pick(&self.numbers, random).into() },
            5 => Operator::WeightedAverage { of: number, weight: Self::pick(&self.numbers, random).into() },
            6 => Operator::Variance { of: number, sample: k == 1 },
            7 => Operator::Min(ordered),
            8 => Operator::Max(ordered),
            9 => Operator::Smallest { of: ordered, k },
            10 => Operator::Largest { of: ordered, k },
            11 => Operator::First { of: scalar, by: ordered },
            12 => Operator::Last { of: scalar, by: ordered },
            13 => Operator::Distinct(scalar),
            14 => {
                if k > 2 {
                    Operator::Mode(scalar)
                } else {
                    Operator::Top { of: scalar, k }
                }
            }
            15 => Operator::Percentile { of: ordered, hundredths: 2_500 * k as u16 },
            16 => Operator::Union("tags".into()),
            _ => Operator::Distribution(["mood", "region", "active", "seats > 20"][k as usize - 1].into()),
        }
    }

    fn roll_up(&self, name: &str, random: &mut Random) -> Definition {
        let mut of = match random.below(6) {
            0 => {
                let operators = [
                    Operator::Sum("row.hours * 2".into()),
                    Operator::Average("row.hours".into()),
                    Operator::Mode("row.title".into()),
                ];
                let over = roll_up(name, operators[random.below(3) as usize].clone());
                let over = over.over(Over::Table("tickets".into()));
                if random.below(2) == 0 { over.filter("row.hours > 4.0 || open_above") } else { over }
            }
            1 => {
                let operators = [
                    Operator::Count,
                    Operator::Distinct("row.user".into()),
                    Operator::Sum("row.rows".into()),
                    Operator::Max("row.rows".into()),
                    Operator::Mode("row.format".into()),
                    Operator::Percentile { of: "row.day".into(), hundredths: 5_000 },
                ];
                let last_days = Some(random.below(30) as u32 + 1).filter(|days| days % 3 > 0);
                let over = Over::Events { event: "export".into(), last_days };
                let of = roll_up(name, operators[random.below(6) as usize].clone()).over(over);
                if random.below(3) == 0 { of.filter("row.user != \"ann\"") } else { of }
            }
            _ => {
                let of = roll_up(name, self.operator(random));
                if random.below(2) == 0 { of.filter(&self.question(random)) } else { of }
            }
        };
        let reaches = [Reach::SelfOnly, Reach::Descendants, Reach::SelfAndDescendants, Reach::PreferSelf];
        if random.below(3) > 0 {
            of = of.reach(reaches[random.below(4) as usize]);
        }
        if random.below(4) == 0 {
            of = of.nulls(Nulls::Refuse);
        } else if matches!(of.operator(), Operator::First { .. } | Operator::Last { .. })
            && random.below(2) == 0
        {
            of = of.nulls(Nulls::Respect);
        }
        if random.below(4) == 0 {
            of = of.levels(["Company", "Team"]);
        }
        if random.below(4) == 0 {
            of = of.with_cancelled();
        }
        of.into()
    }

    /// A definition over those that are known, which others may read.
    fn definition(&mut self, name: &str, random: &mut Random) -> Definition {
        match random.below(10) {
            0 | 1 => {
                let of = attribute(name, &self.number(random));
                self.numbers.push(name.to_owned());
                of
            }
            2 => {
                let of = attribute(name, &self.question(random));
                self.truths.push(name.to_owned());
                of
            }
            3 | 4 => {
                let of = segment(name, &self.question(random));
                self.segments.push(name.to_owned());
                of
            }
            5 => {
                let mut of = Ranking::new(name, &Self::pick(&self.ordered, random));
                if random.below(2) == 0 {
                    of = of.among(&Self::pick(&self.scalars, random));
                }
                if random.below(3) == 0 {
                    of = of.with_cancelled();
                }
                if random.below(3) == 0 {
                    of = Ranking::new(name, "ratio(seats, 2)").at_least(3.0);
                }
                self.numbers.push(name.to_owned());
                of.into()
            }
            6 => {
                let of = ["seats", "seats_sum", "half"][random.below(3) as usize];
                self.numbers.push(name.to_owned());
                PastValue::new(name, of, random.below(12) as u32).into()
            }
            _ => self.roll_up(name, random),
        }
    }
}

/// How far the oracle may be off: it ranks exactly where buckets are counted, and reckons variances and weights in doubles.
fn tolerance(definition: &Definition) -> f64 {
    match definition {
        Definition::RollUp(of) => match of.operator() {
            Operator::ApproximatePercentile { .. } => 1.0 / 128.0,
            Operator::Variance { .. } | Operator::StandardDeviation { .. } => 1e-7,
            Operator::WeightedAverage { .. } => 1e-12,
            _ => 0.0,
        },
        _ => 0.0,
    }
}

fn near(found: &Option<ExprValue>, expected: &Option<ExprValue>, within: f64) -> bool {
    let number = |value: &Option<ExprValue>| match value {
        Some(ExprValue::Double(v)) => Some(*v),
        Some(ExprValue::Int(v)) => Some(*v as f64),
        Some(ExprValue::Decimal(v)) => Some(v.to_f64()),
        _ => None,
    };
    match (number(found), number(expected)) {
        (Some(a), Some(b)) if within > 0.0 => (a - b).abs() <= within * b.abs().max(1e-9),
        _ => found == expected,
    }
}

/// Definitions of the list, each in one of two ways, and some more that read them and each other. Those that mean nothing, since
/// what they read is of another type, are left out.
fn drawn(schema: &perennial::Schema, usage: &UsageSchema, random: &mut Random) -> Catalog {
    let list: Vec<Definition> = definitions(false)
        .into_iter()
        .zip(definitions(true))
        .map(|(one, other)| if random.below(2) == 0 { one } else { other })
        .collect();
    let of_list: BTreeSet<String> = list.iter().map(|of| of.name().to_owned()).collect();
    let mut all = list;
    all.push(Metric::new("exported", "events(\"export\").where(e, e.rows > 0).sum(e, e.rows)").into());
    let mut pool = Pool::new();
    for number in 0..24 {
        all.push(pool.definition(&format!("more_{number}"), random));
    }
    random.shuffle(&mut all);
    let schema = std::sync::Arc::new(schema.clone());
    loop {
        let errors = match Catalog::new(&schema, usage, all.iter().cloned()) {
            Ok(catalog) => return catalog,
            Err(errors) => errors,
        };
        let wrong: BTreeSet<&str> = errors.faults().iter().map(|fault| &*fault.definition.name).collect();
        assert!(wrong.iter().all(|name| !of_list.contains(*name)), "{errors}");
        all.retain(|of| !wrong.contains(of.name()));
    }
}

/// Rates to euros, of some days, years and currencies.
fn some_rates(today: Date, random: &mut Random) -> ExchangeRates {
    let mut rates = ExchangeRates::new();
    for _ in 0..random.below(9) {
        let from = [Currency::USD, Currency::JPY, Currency::GBP][random.below(3) as usize];
        let since = today.plus_days(-(random.below(40) as i32)).unwrap();
        let rate = Decimal::new(i128::from(random.below(99_999)) + 1, 4);
        let rate = match random.below(3) {
            0 => {
                let year = fiscal(random.below(5) as u8).year_of(today).unwrap_or(today);
                ExchangeRate::plan(from, Currency::EUR, year, rate)
            }
            _ => ExchangeRate::market(from, Currency::EUR, since, rate),
        };
        rates = rates.with([rate]).unwrap();
    }
    rates
}

fn holds(rows: &Rows, seed: u64, packing: usize) -> Result<(), TestCaseError> {
    let mut random = Random::new(seed);
    let (book, _) = rows.load(CHUNK_ROWS[packing], Policy::strict());
    let ids: Vec<&str> = rows.accounts.iter().map(|row| row.id.as_str()).collect();
    let (usage, oracle_usage) = events(&ids, &mut random);
    let history = recorded(&ids, &mut random);
    let scope = some_scope(&book, &ids, &mut random);
    let day = as_of().date().plus_days(random.below(3) as i32 - 1).unwrap();
    let as_of = moment(day, random.below(240) as u8);
    let as_of = if random.below(3) > 0 {
        let as_of = as_of.with_parameter("viewer", ["Acme", "Zed", "nobody"][random.below(3) as usize]);
        // A text is no limit.
        match random.below(3) {
            0 => as_of.with_parameter("limit", "ten"),
            _ => as_of.with_parameter("limit", random.below(90) as i64),
        }
    } else {
        as_of
    };
    let view = book.view(&scope, as_of).unwrap();
    let catalog = drawn(book.schema(), usage.schema(), &mut random);
    let oracle = OracleCatalog::new(catalog.names(), catalog.definitions()).unwrap();
    let known = some_rates(day, &mut random);
    let rates: Arc<dyn Rates> = Arc::new(known.clone());
    let slow = oracle.over(&view, &oracle_usage, Some(&history)).with_rates(&*rates);
    let of_view = usage.over(&view, catalog.metrics());
    let inputs = RunInputs::new().usage(&of_view).history(&history).rates(&rates);
    let derived = catalog.run_observed(&view, inputs, &()).unwrap();
    let by_catalog = |id: &DefinitionRef, account: Account<'_>| Said {
        value: derived.value(&id.name, account),
        counts: derived.counts(&id.name, account),
        is_member: derived.is_member(&id.name, account),
    };
    let wrong = differing(&catalog, &view, &slow, &by_catalog);
    prop_assert!(wrong.is_none(), "the catalog: {}", wrong.unwrap_or_default());
    // An engine that is told the same: of some definitions it keeps the answers, and the others it computes when they are asked.
    let settings = EngineSettings::new().chunk_rows(CHUNK_ROWS[packing]).usage(usage);
    // Half of the books are computed as large ones are.
    let settings = settings.together_from([0, 2_048][packing % 2]);
    let engine = Engine::new(book.schema().clone(), view.as_of().clone(), settings).unwrap();
    if random.below(2) == 0 {
        engine.replace(book.clone()).unwrap();
    }
    let all: Vec<AccountId> = ids.iter().map(|id| AccountId::new(*id).unwrap()).collect();
    import(&engine, &history, &all);
    let yesterday = engine.published().as_of().date().plus_days(-1).unwrap();
    for (account, column) in ids.iter().flat_map(|id| history.columns().map(move |column| (id, column))) {
        let of = |records: &dyn History| records.each(account, column, Date::MIN, yesterday);
        prop_assert_eq!(of(engine.published().records()), of(&history), "{} of {}", column, account);
        let last = |records: &dyn History| records.last(account, column, yesterday);
        prop_assert_eq!(last(engine.published().records()), last(&history), "{} of {}", column, account);
    }
    let kept = random.below(3);
    let update = catalog.order().fold(Update::new(), |update, id| {
        let update = update.define(catalog.definition(id).unwrap().clone());
        if random.below(3) < kept { update.unsubscribe(id.clone()) } else { update }
    });
    engine.apply(update.rates(known.iter().filter(|_| random.below(2) == 0))).unwrap();
    engine.replace(book).unwrap();
    engine.apply(Update::new().rates(known.iter())).unwrap();
    let live = engine.published().view_at(&scope, view.as_of()).unwrap();
    let by_engine = |id: &DefinitionRef, account: Account<'_>| {
        let account = live.account(account.id_str()).unwrap();
        Said {
            value: live.value(&id.name, account),
            counts: live.counts(&id.name, account),
            is_member: live.is_member(&id.name, account),
        }
    };
    let wrong = differing(&catalog, &view, &slow, &by_engine);
    prop_assert!(wrong.is_none(), "the engine: {}", wrong.unwrap_or_default());
    Ok(())
}

/// What is said of an account by a name.
struct Said {
    value: Option<ExprValue>,
    counts: Option<(u64, u64)>,
    is_member: bool,
}

/// The first answer that is not that of the oracle.
fn differing(
    catalog: &Catalog,
    view: &View,
    slow: &OracleDerived<'_>,
    said: &dyn Fn(&DefinitionRef, Account<'_>) -> Said,
) -> Option<String> {
    for id in catalog.order() {
        let definition = catalog.definition(id).unwrap();
        let (name, within) = (&*id.name, tolerance(definition));
        for account in view.accounts() {
            let found = said(id, account);
            let same = match id.kind {
                DefinitionKind::Metric => true,
                DefinitionKind::Segment => found.is_member == slow.is_member(name, account),
                _ => {
                    near(&found.value, &slow.value(name, account), within)
                        && found.counts == slow.counts(name, account)
                }
            };
            if !same {
                return Some(format!(
                    "{id} of {}: {:?} {:?} {}, not {:?} {:?} {}\n{definition:?}",
                    account.id_str(),
                    found.value,
                    found.counts,
                    found.is_member,
                    slow.value(name, account),
                    slow.counts(name, account),
                    slow.is_member(name, account),
                ));
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(config(32))]

    #[test]
    fn a_catalog_and_an_engine_come_to_what_the_oracle_says(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..28),
        seed in any::<u64>(),
        packing in 0_usize..6,
    ) {
        holds(&forest(&seeds).shuffled(seed), seed, packing)?;
    }
}
