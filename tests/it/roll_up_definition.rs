//! Roll-ups: every operator is that of the oracle, whatever the packing, the scope, the reach,
//! and however partial results are grouped and merged.

use crate::common::{CHUNK_ROWS, as_of, config, forest, some_scope};
use perennial::aggregate::{Nulls, Operator, Over, Partial, RollUp, RollUpAnswers, RollUpPlan};
use perennial::expr::{Checker, ExprValue};
use perennial::testkit::{OracleDefinition, OracleExpr, OracleRow, Random, shown};
use perennial::{Account, AccountId, Book, Change, Policy, Reach, Scope, Value, View};
use proptest::prelude::*;

const REACHES: [Reach; 4] =
    [Reach::SelfOnly, Reach::Descendants, Reach::SelfAndDescendants, Reach::PreferSelf];
const NUMBERS: [&str; 4] = ["seats", "arr", "score", "rate"];
const ORDERED: [&str; 7] = ["seats", "arr", "score", "rate", "since", "mood", "name"];
const SCALARS: [&str; 8] = ["seats", "score", "rate", "since", "mood", "name", "region", "active"];

/// An operator over attributes, with the attributes that it reads.
fn random_operator(random: &mut Random, prefix: &str, of: [&[&str]; 3]) -> (Operator, [String; 2]) {
    let pick = |random: &mut Random, of: &[&str]| of[random.below(of.len() as u64) as usize].to_owned();
    let [numbers, ordered, scalars] = of;
    let k = random.below(4) as u32 + 1;
    let hundredths = [1, 2_500, 5_000, 9_000, 10_000][random.below(5) as usize];
    let sample = random.below(2) == 0;
    let (number, order, scalar) = (pick(random, numbers), pick(random, ordered), pick(random, scalars));
    let (other, by) = (pick(random, numbers), pick(random, ordered));
    let text = |name: &str| -> std::sync::Arc<str> { format!("{prefix}{name}").into() };
    let plain = |name: &str| name != "arr";
    let one = |name: &str| [name.to_owned(), String::new()];
    match random.below(20) {
        0 => (Operator::Count, one("")),
        1 => (Operator::Sum(text(&number)), one(&number)),
        2 => (Operator::Average(text(&number)), one(&number)),
        3 if plain(&number) == plain(&other) => {
            (Operator::Ratio { numerator: text(&number), denominator: text(&other) }, [number, other])
        }
        4 if plain(&other) && numbers.len() > 1 => {
            // What is read is the product.
            let operator = Operator::WeightedAverage { of: text(&number), weight: text(&other) };
            (operator, [format!("{number}*{other}"), other])
        }
        5 if plain(&number) => (Operator::Variance { of: text(&number), sample }, one(&number)),
        6 if plain(&number) => (Operator::StandardDeviation { of: text(&number), sample }, one(&number)),
        7 => (Operator::Min(text(&order)), one(&order)),
        8 => (Operator::Max(text(&order)), one(&order)),
        9 => (Operator::Smallest { of: text(&order), k }, one(&order)),
        10 => (Operator::Largest { of: text(&order), k }, one(&order)),
        11 => (Operator::First { of: text(&scalar), by: text(&by) }, [scalar, by]),
        12 => (Operator::Last { of: text(&scalar), by: text(&by) }, [scalar, by]),
        13 => (Operator::Mode(text(&scalar)), one(&scalar)),
        14 => (Operator::Top { of: text(&scalar), k }, one(&scalar)),
        15 => (Operator::Percentile { of: text(&order), hundredths }, one(&order)),
        16 if plain(&number) => {
            (Operator::ApproximatePercentile { of: text(&number), hundredths }, one(&number))
        }
        17 if scalars.contains(&"region") => {
            if sample {
                (Operator::Union(text("tags")), one("tags"))
            } else {
                (Operator::Share { of: text("region"), value: "EMEA".into() }, one("region"))
            }
        }
        18 => {
            let of = if scalars.contains(&"region") { ["mood", "region", "active"] } else { ["open"; 3] };
            let of = pick(random, &of);
            (Operator::Distribution(text(&of)), one(&of))
        }
        _ => (Operator::Distinct(text(&scalar)), one(&scalar)),
    }
}

/// The order of bands and enumerations is that of their declaration.
fn coded(name: &str, value: &Value) -> ExprValue {
    match (name, value) {
        ("mood", Value::Band { rank, .. }) => ExprValue::Int(i64::from(*rank)),
        ("region", Value::Enum(text)) => {
            ExprValue::Int(["EMEA", "APAC"].iter().position(|own| **own == **text).unwrap() as i64)
        }
        (_, value) => shown(value),
    }
}

fn decoded(name: &str, value: ExprValue) -> ExprValue {
    let of = |code: i64| match name {
        "mood" => ExprValue::Text(["poor", "good"][code as usize].into()),
        _ => ExprValue::Text(["EMEA", "APAC"][code as usize].into()),
    };
    match value {
        ExprValue::Int(code) if ["mood", "region"].contains(&name) => of(code),
        ExprValue::List(items) => {
            ExprValue::List(items.iter().map(|item| decoded(name, item.clone())).collect())
        }
        // The oracle counts what comes, by its code.
        ExprValue::Record(counts) => {
            let texts: [(&str, &str); 2] = match name {
                "mood" => [("0", "poor"), ("1", "good")],
                "region" => [("0", "EMEA"), ("1", "APAC")],
                _ => [("false", "false"), ("true", "true")],
            };
            let count = |(code, text): (&str, &str)| {
                let found = counts.iter().find(|(known, _)| **known == *code);
                (text.into(), found.map_or(ExprValue::Int(0), |(_, count)| count.clone()))
            };
            ExprValue::Record(texts.into_iter().map(count).collect())
        }
        value => value,
    }
}

fn near(found: &Option<ExprValue>, expected: &Option<ExprValue>, within: f64) -> bool {
    match (found, expected) {
        (Some(ExprValue::Double(a)), Some(b)) => {
            let b = match b {
                ExprValue::Int(v) => *v as f64,
                ExprValue::Decimal(v) => v.to_f64(),
                ExprValue::Double(v) => *v,
                other => panic!("{other}"),
            };
            (a - b).abs() <= within * b.abs().max(1e-9)
        }
        (a, b) => a == b,
    }
}

struct Case {
    definition: RollUp,
    oracle: OracleDefinition,
    columns: [String; 2],
    /// A column, the values that pass, and how the filter says so.
    filters: Vec<(&'static str, Vec<Value>, &'static str)>,
    table: bool,
}

fn random_case(random: &mut Random, number: usize) -> Case {
    let table = random.below(4) == 0;
    let (operator, columns) = if table {
        random_operator(
            random,
            "row.",
            [&["hours"], &["hours", "title", "open"], &["hours", "title", "open"]],
        )
    } else {
        random_operator(random, "", [&NUMBERS, &ORDERED, &SCALARS])
    };
    let reach = REACHES[random.below(4) as usize];
    let nulls = match random.below(4) {
        0 => Nulls::Refuse,
        1 | 2 if matches!(operator, Operator::First { .. } | Operator::Last { .. }) => Nulls::Respect,
        _ => Nulls::Skip,
    };
    let mut filters: Vec<(&'static str, Vec<Value>, &'static str)> = Vec::new();
    for _ in 0..random.below(3) {
        let text = |texts: &[&str]| texts.iter().map(|text| Value::text(text)).collect();
        let of_enum = |texts: &[&str]| texts.iter().map(|text| Value::Enum((*text).into())).collect();
        let good = vec![Value::Band { text: "good".into(), rank: 1 }];
        filters.push(match (table, random.below(if table { 2 } else { 8 })) {
            (false, 0) => ("active", vec![Value::Bool(true)], "active == true"),
            (false, 1) => ("active", vec![Value::Bool(true)], "active"),
            (false, 2) => ("region", of_enum(&["EMEA"]), "region == \"EMEA\""),
            (false, 3) => ("region", of_enum(&["EMEA", "APAC"]), "region in [\"EMEA\", \"APAC\"]"),
            (false, 4) => ("mood", good, "mood == \"good\""),
            (false, 5) => ("account_type", text(&["Company"]), "account_type == \"Company\""),
            (false, 6) => ("product", text(&["CRM", "Billing"]), "product in [\"CRM\", \"Billing\"]"),
            (false, _) => ("name", text(&["Acme"]), "name == \"Acme\""),
            (true, 0) => ("open", vec![Value::Bool(true)], "row.open"),
            (true, _) => ("title", text(&["late"]), "row.title == \"late\""),
        });
    }
    let with_cancelled = random.below(3) == 0;
    let mut definition = RollUp::new(&format!("r{number}"), operator.clone()).reach(reach).nulls(nulls);
    if table {
        definition = definition.over(Over::Table("tickets".into()));
    }
    if !filters.is_empty() {
        let texts: Vec<&str> = filters.iter().map(|(.., text)| *text).collect();
        definition = definition.filter(&texts.join(" && "));
    }
    if with_cancelled {
        definition = definition.with_cancelled();
    }
    let oracle = OracleDefinition { operator, reach, nulls, with_cancelled };
    Case { definition, oracle, columns, filters, table }
}

impl Case {
    fn rows(&self, view: &View, account: Account<'_>) -> Vec<OracleRow> {
        let of = |value: &dyn Fn(&str) -> Option<Value>| -> Option<OracleRow> {
            let passes = |name: &str, wanted: &[Value]| value(name).is_some_and(|own| wanted.contains(&own));
            if !self.filters.iter().all(|(name, wanted, _)| passes(name, wanted)) {
                return None;
            }
            let read = |name: &str| match name.split_once('*') {
                None => value(name).map(|value| coded(name, &value)),
                // The product of a value and its weight, by the oracle of expressions.
                Some((name, weight)) => product(view, account, name, weight),
            };
            Some((read(&self.columns[0]), read(&self.columns[1])))
        };
        if self.table {
            account.child_rows("tickets").filter_map(|row| of(&|name| row.value(name))).collect()
        } else {
            let value = |name: &str| match name {
                "account_type" => Some(Value::text(account.account_type())),
                "product" => account.product().map(Value::text),
                name => account.value(name),
            };
            of(&value).into_iter().collect()
        }
    }
}

fn product(view: &View, account: Account<'_>, name: &str, weight: &str) -> Option<ExprValue> {
    let checked = Checker::new(&**view.schema()).check(&format!("({name}) * ({weight})")).unwrap();
    OracleExpr::new(&checked).value(account)
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn every_operator_is_that_of_the_oracle(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        seed in any::<u64>(),
        packing in 0_usize..6,
    ) {
        let mut random = Random::new(seed);
        let rows = forest(&seeds).shuffled(seed);
        let (book, _) = rows.load(CHUNK_ROWS[packing], Policy::strict());
        let ids: Vec<&str> = rows.accounts.iter().map(|row| row.id.as_str()).collect();
        let scope = some_scope(&book, &ids, &mut random);
        let view = book.view(&scope, as_of()).unwrap();
        let cases: Vec<Case> = (0..12).map(|number| random_case(&mut random, number)).collect();
        let definitions = cases.iter().map(|case| case.definition.clone());
        let plan = RollUpPlan::new(book.schema(), &**book.schema(), definitions).unwrap();
        let answers = plan.run(&view);
        for case in &cases {
            let name = case.definition.name();
            for account in view.accounts() {
                let mut expected = case.oracle.evaluate(&view, account, &|account| case.rows(&view, account));
                let is_number = matches!(case.oracle.operator, Operator::Distinct(_) | Operator::Share { .. });
                expected.value = match expected.value {
                    Some(value) if !is_number => Some(decoded(&case.columns[0], value)),
                    value => value,
                };
                // By code, EMEA is the first.
                if let Operator::Share { .. } = case.oracle.operator {
                    let emea = case.oracle.evaluate(&view, account, &|account| {
                        case.rows(&view, account).into_iter().map(|row| (row.0.map(|v| decoded("region", v)), row.1)).collect()
                    });
                    expected.value = emea.value;
                }
                let found = answers.value(name, account);
                let within = match &case.oracle.operator {
                    Operator::ApproximatePercentile { .. } => 1.0 / 128.0,
                    // Of doubles the oracle is about right.
                    Operator::Variance { .. } | Operator::StandardDeviation { .. }
                        if case.columns[0] == "rate" =>
                    {
                        1e-7
                    }
                    Operator::WeightedAverage { .. } => 1e-12,
                    _ => 0.0,
                };
                prop_assert!(
                    near(&found, &expected.value, within),
                    "{:?} at {}: {:?}, not {:?}", case.definition, account.id_str(), found, expected.value
                );
                prop_assert_eq!(answers.counted(name, account), expected.counted, "{:?}", case.definition);
                prop_assert_eq!(answers.skipped(name, account), expected.skipped, "{:?}", case.definition);
                // The same from states that are merged.
                let partial = plan.partial(name, account, None).unwrap();
                prop_assert_eq!(&partial.value(), &found, "{:?} at {}", case.definition, account.id_str());
            }
        }
        // Partial results of the accounts by themselves, merged in any order and grouping.
        for case in &cases {
            let definition = case.definition.clone().reach(Reach::SelfOnly);
            let own = RollUpPlan::new(book.schema(), &**book.schema(), [definition]).unwrap();
            let all = case.definition.clone().reach(Reach::SelfAndDescendants);
            let all = RollUpPlan::new(book.schema(), &**book.schema(), [all]).unwrap();
            let name = case.definition.name();
            let whole = all.run(&view);
            for top in view.accounts().take(3) {
                let mut parts: Vec<Partial> =
                    top.subtree().map(|account| own.partial(name, account, None).unwrap()).collect();
                while parts.len() > 1 {
                    let part = parts.swap_remove(random.below(parts.len() as u64) as usize);
                    let into = random.below(parts.len() as u64) as usize;
                    parts[into].merge(&part).unwrap();
                }
                prop_assert_eq!(parts[0].value(), whole.value(name, top), "{:?}", case.definition);
                prop_assert_eq!(parts[0].skipped(), whole.skipped(name, top));
            }
        }
    }
}

/// Whatever changed, and whatever was there before.
fn edited(book: &Book, random: &mut Random) -> Book {
    let view = crate::common::view(book);
    let ids: Vec<AccountId> = view.accounts().map(|account| account.id()).collect();
    if ids.is_empty() {
        return book.clone();
    }
    let pick = |random: &mut Random| ids[random.below(ids.len() as u64) as usize].clone();
    let of = pick(random);
    let change = match random.below(6) {
        0 => Change::new().set(&of, "seats", random.below(90) as i64),
        1 => Change::new().clear(&of, "seats").clear(&of, "score"),
        2 => Change::new().set(&of, "status", ["gone", "live"][random.below(2) as usize]),
        3 => Change::new().move_under(&of, &pick(random)),
        4 => Change::new().remove(&of),
        _ => Change::new().set(&of, "region", Value::text("APAC")).set(&of, "active", random.below(2) == 0),
    };
    // A change that makes no tree is refused, and the book stays.
    book.apply(&change).map_or_else(|_| book.clone(), |(next, _)| next)
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn a_refresh_is_a_run(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 2..40),
        seed in any::<u64>(),
        packing in 0_usize..6,
    ) {
        let mut random = Random::new(seed);
        let (mut book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::lenient());
        let cases: Vec<Case> = (0..12).map(|number| random_case(&mut random, number)).collect();
        let plan = |cases: &[Case]| {
            let definitions = cases.iter().map(|case| case.definition.clone());
            RollUpPlan::new(book.schema(), &**book.schema(), definitions).unwrap()
        };
        let (plan, other) = (plan(&cases), plan(&cases[..6]));
        let mut before = match random.below(3) {
            // Of another plan nothing is taken over.
            0 => other.run(&crate::common::view(&book)),
            _ => plan.run(&crate::common::view(&book)),
        };
        for _ in 0..6 {
            book = edited(&book, &mut random);
            let all = crate::common::view(&book);
            let ids: Vec<String> = all.accounts().map(|account| account.id_str().to_owned()).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let scope = some_scope(&book, &ids, &mut random);
            let view = book.view(&scope, as_of()).unwrap();
            let (kept, fresh) = (plan.refresh(&view, &before), plan.run(&view));
            for account in view.accounts() {
                for case in &cases {
                    let name = case.definition.name();
                    let said = |of: &RollUpAnswers| {
                        (of.value(name, account), of.counted(name, account), of.skipped(name, account))
                    };
                    prop_assert_eq!(said(&kept), said(&fresh), "{:?}", case.definition);
                }
            }
            before = kept;
        }
    }
}

// --- Over events ----------------------------------------------------------------------------------

mod over_events {
    use std::collections::{BTreeMap, BTreeSet};

    use perennial::aggregate::{
        ANY_EVENT, Event, EventKind, Metrics, Nulls, Operator, Over, RollUp, RollUpPlan, Usage, UsageSchema,
        UsageSettings,
    };
    use perennial::expr::ExprValue;
    use perennial::testkit::{OracleDefinition, OracleRow, Random};
    use perennial::{Account, Attribute, AttributeType, Date, Policy, Reach};
    use proptest::prelude::*;

    use crate::common::{as_of, config, forest, view};

    #[derive(Debug, Clone)]
    struct Sent {
        account: String,
        day: Date,
        user: Option<String>,
        count: u32,
        pages: Option<i64>,
        rows: Option<i64>,
    }

    /// The rows of an operator over the events themselves: of an event each property, and of a row of several the total of
    /// its measure once.
    fn each(sent: &[Sent], of: &dyn Fn(&Sent, bool) -> OracleRow) -> Vec<OracleRow> {
        sent.iter().flat_map(|sent| (0..sent.count).map(move |event| of(sent, event == 0))).collect()
    }

    fn whole(value: Option<i64>) -> Option<ExprValue> {
        value.map(ExprValue::Int)
    }

    /// What an operator comes to over a list, by the oracle.
    fn listed(operator: Operator, rows: &[OracleRow]) -> Option<ExprValue> {
        let (reach, nulls) = (Reach::SelfOnly, Nulls::Skip);
        OracleDefinition { operator, reach, nulls, with_cancelled: false }.of_rows(rows).value
    }

    fn within<'v>(reach: Reach, top: Account<'v>, own: &dyn Fn(Account<'v>) -> bool) -> Vec<Account<'v>> {
        match reach {
            Reach::SelfOnly => vec![top],
            Reach::Descendants => top.descendants().collect(),
            Reach::SelfAndDescendants => top.subtree().collect(),
            Reach::PreferSelf => {
                let (mut found, mut left) = (Vec::new(), vec![top]);
                while let Some(next) = left.pop() {
                    if own(next) { found.push(next) } else { left.extend(next.children()) }
                }
                found
            }
        }
    }

    /// Operators that take each event, and those that mix what each has with totals.
    fn over_pages() -> impl Iterator<Item = (&'static str, Operator)> {
        let ratio = |a: &str, b: &str| Operator::Ratio { numerator: a.into(), denominator: b.into() };
        let weighted = |a: &str, b: &str| Operator::WeightedAverage { of: a.into(), weight: b.into() };
        let pages = || std::sync::Arc::<str>::from("row.pages");
        let (rows, own) = ("row.rows", "row.pages");
        [
            ("pages per row", ratio(own, rows)),
            ("rows per page", ratio(rows, own)),
            ("pages by rows", weighted(own, rows)),
            ("rows by pages", weighted(rows, own)),
            ("median day", Operator::Percentile { of: "row.day".into(), hundredths: 5_000 }),
            ("second", Operator::Smallest { of: pages(), k: 2 }),
            ("third", Operator::Largest { of: pages(), k: 3 }),
            ("share", Operator::Percentile { of: pages(), hundredths: 9_000 }),
            ("variance", Operator::Variance { of: pages(), sample: false }),
            ("sampled", Operator::Variance { of: pages(), sample: true }),
            ("spread", Operator::StandardDeviation { of: pages(), sample: false }),
        ]
        .into_iter()
    }

    proptest! {
        #![proptest_config(config(48))]

        /// People are counted once across accounts and days, events as often as they were, measures by their totals.
        #[test]
        fn roll_ups_over_events_are_those_of_a_list(
            seeds in prop::collection::vec(any::<[u8; 5]>(), 1..30),
            seed in any::<u64>(),
            rows in 0_usize..80,
        ) {
            let mut random = Random::new(seed);
            let book = forest(&seeds).load(7, Policy::strict()).0;
            let view = view(&book);
            let today = as_of().date();
            let ids: Vec<&str> = view.accounts().map(|account| account.id_str()).collect();
            let sent: Vec<Sent> = (0..rows).map(|_| Sent {
                account: ids[random.below(ids.len() as u64) as usize].to_owned(),
                day: today.plus_days(-(random.below(20) as i32)).unwrap(),
                user: (random.below(4) > 0).then(|| ["ann", "bob", "cid", "dan"][random.below(4) as usize].to_owned()),
                count: random.below(3) as u32 + 1,
                pages: (random.below(4) > 0).then(|| random.below(4) as i64),
                rows: (random.below(3) > 0).then(|| random.below(50) as i64),
            }).collect();
            let schema = UsageSchema::new([
                EventKind::new("export").property(Attribute::new("pages", AttributeType::Int)).measure(Attribute::new("rows", AttributeType::Int)),
            ]).unwrap();
            let mut usage = Usage::new(schema, UsageSettings::new());
            let events = sent.iter().map(|of| {
                let mut event = Event::on("export", &of.account, of.day).count(of.count);
                if let Some(user) = &of.user {
                    event = event.user(user);
                }
                if let Some(pages) = of.pages {
                    event = event.value("pages", pages);
                }
                of.rows.map_or(event.clone(), |rows| event.value("rows", rows))
            });
            usage.ingest(events, today).unwrap();

            let metrics = Metrics::none();
            let names = usage.names(&**book.schema(), &metrics);
            let usage = usage.over(&view, &metrics);
            for reach in super::REACHES {
                let of = |name: &str, operator: Operator, event: &str| {
                    let over = Over::Events { event: event.into(), last_days: Some(14) };
                    RollUp::new(name, operator).over(over).reach(reach)
                };
                let plan = RollUpPlan::new(book.schema(), &names, [
                    of("events", Operator::Count, "export"),
                    of("people", Operator::Distinct("row.user".into()), ANY_EVENT),
                    of("days", Operator::Distinct("row.day".into()), ANY_EVENT),
                    of("sum", Operator::Sum("row.rows".into()), "export"),
                    of("mean", Operator::Average("row.rows".into()), "export"),
                    of("busiest", Operator::Max("row.rows".into()), "export").filter("row.user != \"bob\""),
                    of("top", Operator::Mode("row.user".into()), "export"),
                ].into_iter().chain(over_pages().map(|(name, operator)| of(name, operator, "export")))).unwrap();
                let answers = plan.run_with(&usage);
                let first = today.plus_days(-13).unwrap();
                for account in view.accounts() {
                    let read = |counts: &dyn Fn(&Sent) -> bool| {
                        let own = |account: Account<'_>| {
                            let current = !account.is_cancelled();
                            sent.iter().any(|of| {
                                current && of.account == account.id_str() && of.day >= first && counts(of)
                            })
                        };
                        let names: BTreeSet<String> =
                            within(reach, account, &own).iter().filter(|account| !account.is_cancelled()).map(|account| account.id_str().to_owned()).collect();
                        sent.iter().filter(move |of| names.contains(&of.account) && of.day >= first && counts(of)).cloned().collect::<Vec<_>>()
                    };
                    let shown = |name: &str| answers.value(name, account);
                    let int = |count: usize| Some(ExprValue::Int(count as i64));
                    let all = read(&|_| true);
                    prop_assert_eq!(shown("events"), int(all.iter().map(|of| of.count as usize).sum()));
                    let people = read(&|of| of.user.is_some());
                    let users: BTreeSet<_> = people.iter().filter_map(|of| of.user.clone()).collect();
                    prop_assert_eq!(shown("people"), int(users.len()));
                    prop_assert_eq!(shown("days"), int(all.iter().map(|of| of.day).collect::<BTreeSet<_>>().len()));
                    // A bucket has a total where one of its events has the measure.
                    let measured = read(&|of| of.rows.is_some());
                    let sum: i64 = measured.iter().filter_map(|of| of.rows).sum();
                    prop_assert_eq!(shown("sum"), Some(ExprValue::Int(sum)));
                    let count: u32 = measured.iter().map(|of| of.count).sum();
                    let mean = (count > 0).then(|| ExprValue::Double(sum as f64 / f64::from(count)));
                    prop_assert_eq!(shown("mean"), mean);
                    let both = read(&|of| of.rows.is_some() && of.pages.is_some());
                    let paged = read(&|of| of.pages.is_some());
                    for (name, operator) in over_pages() {
                        let once = |value: Option<i64>, first: bool| if first { value } else { Some(0) };
                        let product = |of: &Sent| Some(of.rows? * of.pages?);
                        let rows = match name {
                            "pages per row" => each(&both, &|of, first| (whole(of.pages), whole(once(of.rows, first)))),
                            "rows per page" => each(&both, &|of, first| (whole(once(of.rows, first)), whole(of.pages))),
                            "pages by rows" => {
                                each(&both, &|of, first| (whole(once(product(of), first)), whole(once(of.rows, first))))
                            }
                            "rows by pages" => each(&both, &|of, first| (whole(once(product(of), first)), whole(of.pages))),
                            "median day" => each(&all, &|of, _| (Some(ExprValue::Date(of.day)), None)),
                            _ => each(&paged, &|of, _| (whole(of.pages), None)),
                        };
                        prop_assert_eq!(shown(name), listed(operator, &rows), "{} at {}", name, account.id_str());
                    }
                    let mut totals: BTreeMap<(String, Date, Option<String>, Option<i64>), i64> = BTreeMap::new();
                    for of in read(&|of| of.rows.is_some() && of.user.as_deref().is_some_and(|user| user != "bob")) {
                        *totals.entry((of.account, of.day, of.user, of.pages)).or_default() += of.rows.unwrap();
                    }
                    prop_assert_eq!(shown("busiest"), totals.values().max().map(|most| ExprValue::Int(*most)));
                    let mut often: BTreeMap<String, u32> = BTreeMap::new();
                    for of in &people {
                        *often.entry(of.user.clone().unwrap()).or_default() += of.count;
                    }
                    let most = often.values().max();
                    let top = often.iter().find(|(_, count)| Some(*count) == most);
                    prop_assert_eq!(shown("top"), top.map(|(user, _)| ExprValue::Text(user.as_str().into())));
                }
            }
        }
    }
}

#[test]
fn a_ratio_over_events_takes_totals_whole_and_properties_of_each() {
    use crate::common::view;
    use perennial::aggregate::{Event, EventKind, Metrics, Usage, UsageSchema, UsageSettings};
    use perennial::{Attribute, AttributeType};

    let book = forest(&[[0; 5]]).load(7, Policy::strict()).0;
    let view = view(&book);
    let account = view.accounts().next().unwrap();
    let today = as_of().date();
    let export = EventKind::new("export")
        .property(Attribute::new("pages", AttributeType::Int))
        .measure(Attribute::new("rows", AttributeType::Int));
    let mut usage = Usage::new(UsageSchema::new([export]).unwrap(), UsageSettings::new());
    let sent = |day: i32, count: u32, rows: i64, pages: i64| {
        let event = Event::on("export", account.id_str(), today.plus_days(-day).unwrap());
        event.count(count).value("rows", rows).value("pages", pages)
    };
    usage.ingest([sent(20, 3, 30, 2), sent(1, 1, 5, 7), sent(0, 1, 5, 7)], today).unwrap();
    let over = |name: &str, operator, days| {
        let over = Over::Events { event: "export".into(), last_days: None };
        let filter = if days { "true" } else { "row.day < today()" };
        RollUp::new(name, operator).over(over).reach(Reach::SelfOnly).filter(filter)
    };
    let text = |text: &str| std::sync::Arc::<str>::from(text);
    let ratio = |a: &str, b: &str| Operator::Ratio { numerator: text(a), denominator: text(b) };
    let weighted = |a: &str, b: &str| Operator::WeightedAverage { of: text(a), weight: text(b) };
    let pages = || text("row.pages");
    let metrics = Metrics::none();
    let names = usage.names(&**book.schema(), &metrics);
    let plan = RollUpPlan::new(
        book.schema(),
        &names,
        [
            over("pages per row", ratio("row.pages", "row.rows"), false),
            over("rows per page", ratio("row.rows", "row.pages"), false),
            over("rows per event", ratio("row.rows", "row.count"), false),
            over("rows by pages", weighted("row.rows", "row.pages"), false),
            over("pages by rows", weighted("row.pages", "row.rows"), false),
            over("count", Operator::Sum("row.count".into()), false),
            over("variance", Operator::Variance { of: pages(), sample: false }, false),
            over("third", Operator::Smallest { of: pages(), k: 3 }, false),
            over("fourth", Operator::Smallest { of: pages(), k: 4 }, false),
            over("day", Operator::Percentile { of: "row.day".into(), hundredths: 5_000 }, true),
        ],
    )
    .unwrap();
    let answers = plan.run_with(&usage.over(&view, &metrics));
    let double = |name: &str| match answers.value(name, account) {
        Some(ExprValue::Double(v)) => v,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(double("pages per row"), 13.0 / 35.0);
    assert_eq!(double("rows per page"), 35.0 / 13.0);
    assert_eq!(double("rows per event"), 35.0 / 4.0);
    assert_eq!(double("rows by pages"), 95.0 / 13.0);
    assert_eq!(double("pages by rows"), 95.0 / 35.0);
    assert_eq!(double("variance"), 75.0 / 16.0);
    let shown = |name: &str| answers.value(name, account).unwrap().to_string();
    assert_eq!((shown("count"), shown("third"), shown("fourth")), ("4".into(), "2".into(), "7".into()));
    // Three events on one day, one each on two others.
    assert_eq!(shown("day"), today.plus_days(-20).unwrap().to_string());
}

#[test]
fn equal_dates_money_durations_and_zero_are_told_apart() {
    use perennial::source::MemorySource;
    use perennial::{
        AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Currency, Date, Duration, Money,
        Nesting, Schema,
    };

    let euros = AttributeType::Money(Currency::EUR);
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("since", AttributeType::Date))
        .attribute(Attribute::new("arr", euros))
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("less", AttributeType::Int))
        .attribute(Attribute::new("time", AttributeType::Duration))
        .build()
        .unwrap();
    let id = |text: &str| AccountId::new(text).unwrap();
    let of = |text: &str, cents: i128, seats: i64| {
        AccountRow::new(id(text), "Company")
            .with("since", Date::new(2026, 1, 1).unwrap())
            .with("arr", Money::from_minor(cents, Currency::EUR))
            .with("seats", seats)
            .with("less", -1_i64)
            .with("time", Duration::from_micros(seats * 1_500_000))
    };
    // The least value is that of the largest id, and the greatest of the smallest.
    let source = MemorySource::new()
        .account(of("a", 600, 3))
        .account(of("b", 500, -5).under(id("a")))
        .account(of("c", 400, 2).under(id("a")));
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31).unwrap())).unwrap();
    let text = |text: &str| std::sync::Arc::<str>::from(text);
    let dated = |first: bool, of: &str| {
        let (of, by) = (text(of), text("since"));
        if first { Operator::First { of, by } } else { Operator::Last { of, by } }
    };
    let ratio = |a: &str| Operator::Ratio { numerator: text(a), denominator: text("less") };
    let cases = [
        (dated(true, "arr"), "4.00 EUR"),
        (dated(false, "arr"), "6.00 EUR"),
        (dated(true, "seats"), "-5"),
        (dated(false, "seats"), "3"),
        (Operator::Average("arr".into()), "5.00000000000 EUR"),
        (ratio("seats"), "0"),
        (ratio("time"), "0"),
        (Operator::Ratio { numerator: "less".into(), denominator: "time".into() }, "-0.2222222222222222"),
    ];
    for (number, (operator, expected)) in cases.into_iter().enumerate() {
        let mut definition = RollUp::new("r", operator);
        if number == 7 {
            definition = definition.filter("seats == 3");
        }
        let answers = RollUpPlan::new(book.schema(), &**book.schema(), [definition]).unwrap().run(&view);
        let account = view.account("a").unwrap();
        assert_eq!(answers.value("r", account).unwrap().to_string(), expected, "case {number}");
    }
}

#[test]
fn a_sum_of_durations_beyond_its_range_is_missing() {
    use perennial::expr::{ExprPlan, Type};
    use perennial::source::MemorySource;
    use perennial::{
        AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Duration, Nesting, Schema,
    };

    let longest = ExprValue::Duration(Duration::from_micros(i64::MAX / 1_000));
    let mut sum = Partial::new(&Operator::Sum("time".into()), &Type::Duration, None).unwrap();
    sum.add(Some(&longest), None);
    assert_eq!(sum.value(), Some(longest));
    sum.add(Some(&ExprValue::Duration(Duration::from_micros(1))), None);
    assert_eq!(sum.value(), None);
    // What brings it back within its range brings it back.
    sum.add(Some(&ExprValue::Duration(Duration::from_micros(-1))), None);
    assert!(sum.value().is_some());

    // The same of an expression, for a view and for one account.
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("time", AttributeType::Duration))
        .build()
        .unwrap();
    let id = |text: &str| AccountId::new(text).unwrap();
    let of = |text: &str, micros: i64| {
        AccountRow::new(id(text), "Company").with("time", Duration::from_micros(micros))
    };
    let source = MemorySource::new().account(of("a", i64::MAX / 1_000)).account(of("a1", 1).under(id("a")));
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31).unwrap())).unwrap();
    let checked = Checker::new(&**book.schema()).check("subtree.sum(a, a.time)").unwrap();
    let answers = ExprPlan::new([&checked]).run(&view).unwrap();
    let (top, below) = (view.account("a").unwrap(), view.account("a1").unwrap());
    assert_eq!(answers.value(0, top), None);
    assert_eq!(answers.value(0, below), Some(ExprValue::Duration(Duration::from_micros(1))));
    assert_eq!(checked.for_accounts(&view).unwrap().value(top), None);
}

#[test]
fn a_variance_is_rounded_once() {
    use perennial::expr::Type;

    // 2/3 of three numbers, 9 and 7 of them divided by more than one step would be off in the last bit.
    let of = |values: &[i64], sample: bool| {
        let operator = Operator::Variance { of: "seats".into(), sample };
        let mut variance = Partial::new(&operator, &Type::Int, None).unwrap();
        values.iter().for_each(|value| variance.add(Some(&ExprValue::Int(*value)), None));
        match variance.value() {
            Some(ExprValue::Double(v)) => v,
            other => panic!("{other:?}"),
        }
    };
    let mut differing = 0;
    for n in 2..60_i64 {
        let values: Vec<i64> = (0..n).map(|at| at * at % 7 + i64::from(at == 3)).collect();
        let sum: i64 = values.iter().sum();
        let spread = n * values.iter().map(|v| v * v).sum::<i64>() - sum * sum;
        // Both are exact in a double, so that their quotient is rounded once.
        let exact = spread as f64 / (n * (n - 1)) as f64;
        assert_eq!(of(&values, true), exact, "{n}");
        assert_eq!(of(&values, false), spread as f64 / (n * n) as f64, "{n}");
        differing += u32::from(spread as f64 / n as f64 / (n - 1) as f64 != exact);
    }
    assert!(differing > 0, "no case tells one division from two");
}

// --- Definitions ----------------------------------------------------------------------------------

fn planned(definitions: impl IntoIterator<Item = RollUp>) -> Result<RollUpPlan, String> {
    let schema = crate::common::schema();
    RollUpPlan::new(&schema, &*schema, definitions).map_err(|errors| errors.to_string())
}

#[test]
fn all_faults_of_all_roll_ups_are_said_at_once() {
    let text = planned([
        RollUp::new("a", Operator::Sum("seat".into())),
        RollUp::new("a", Operator::Sum("name".into())),
        RollUp::new("seats", Operator::Count),
        RollUp::new("b", Operator::Sum("row.amount".into())).over(Over::Table("contracts".into())),
        RollUp::new("c", Operator::Count).over(Over::Table("ticket".into())),
        RollUp::new("d", Operator::Count).over(Over::Events { event: "login".into(), last_days: None }),
        RollUp::new("e", Operator::Count).levels(["Compny"]),
        RollUp::new("f", Operator::Count).filter("seats + 1"),
        RollUp::new("g", Operator::Smallest { of: "seats".into(), k: 0 }),
        RollUp::new("h", Operator::Percentile { of: "seats".into(), hundredths: 10_001 }),
        RollUp::new("i", Operator::Share { of: "region".into(), value: "EMEA ".into() }),
        RollUp::new("j", Operator::Ratio { numerator: "arr".into(), denominator: "seats".into() }),
        RollUp::new("k", Operator::Max("region".into())),
        RollUp::new("l", Operator::Sum("row.hours".into())),
        // A product of two whole expressions, and not of what is left when their texts are put together.
        RollUp::new("m", Operator::WeightedAverage { of: "seats) + (seats".into(), weight: "seats".into() }),
    ])
    .unwrap_err();
    for part in [
        "roll-up `a`: value: E101 seat",
        "did you mean `seats`",
        "roll-up `a`: there is no sum of text",
        "roll-up `seats`: its name is that of an attribute or another column",
        "roll-up `b`: these amounts are of several currencies; filter their currency to one, or convert them",
        "roll-up `c`: there is no child table `ticket`; did you mean `tickets`?",
        "roll-up `d`: there is no event `login`",
        "roll-up `e`: there is no account type `Compny`; did you mean `Company`?",
        "roll-up `f`: the filter is whole number, no yes/no question",
        "roll-up `g`: 0 is no place from 1 to 100",
        "roll-up `h`: 10001 hundredths of a percent is no share above 0 and up to 10000",
        "roll-up `i`: `EMEA ` is not an allowed value; did you mean `EMEA`?",
        "roll-up `j`: money(USD) by whole number is no ratio; a weighted average may be meant",
        "roll-up `k`: there is no greatest of enumeration value",
        "roll-up `l`: value: E101",
        "roll-up `m`: value: E1",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn partial_results_of_different_roll_ups_do_not_merge() {
    let sum = Operator::Sum("x".into());
    let mut ints = Partial::new(&sum, &perennial::expr::Type::Int, None).unwrap();
    ints.add(Some(&ExprValue::Int(1)), None);
    let doubles = Partial::new(&sum, &perennial::expr::Type::Double, None).unwrap();
    assert!(ints.merge(&doubles).is_err());
    assert_eq!(ints.value(), Some(ExprValue::Int(1)));
    assert!(Partial::new(&sum, &perennial::expr::Type::Text, None).is_err());
}

#[test]
fn levels_receive_and_others_have_nothing() {
    let rows = forest(&[[0, 0, 9, 1, 0], [8, 1, 9, 2, 0], [8, 2, 9, 3, 0], [8, 2, 9, 4, 0]]);
    let (book, _) = rows.load(3, Policy::strict());
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let count = RollUp::new("count", Operator::Count).levels(["Group"]);
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), [count]).unwrap();
    let answers = plan.run(&view);
    for account in view.accounts() {
        let receives = account.account_type() == "Group";
        assert_eq!(answers.value("count", account).is_some(), receives, "{}", account.path());
    }
}

#[test]
fn a_chain_and_a_star_of_a_hundred_thousand_take_no_longer_than_their_rows() {
    use perennial::testkit::PlainBook;
    for plain in [PlainBook::chain(100_000), PlainBook::star(100_000)] {
        let (book, _) = perennial::Book::load(plain.schema(), &plain, &Policy::strict()).unwrap();
        let view = book.view(&Scope::all(), as_of()).unwrap();
        let value = "level".to_owned();
        let of = || -> std::sync::Arc<str> { value.as_str().into() };
        let plan = RollUpPlan::new(
            book.schema(),
            &**book.schema(),
            [
                RollUp::new("count", Operator::Count),
                RollUp::new("different", Operator::Distinct(of())),
                RollUp::new("median", Operator::Percentile { of: of(), hundredths: 5_000 }),
                RollUp::new("mode", Operator::Mode(of())),
                RollUp::new("top", Operator::Top { of: of(), k: 3 }),
                RollUp::new("third", Operator::Smallest { of: of(), k: 3 }),
                RollUp::new("variance", Operator::Variance { of: of(), sample: false }),
            ],
        )
        .unwrap();
        let answers = plan.run(&view);
        let root = view.accounts().next().unwrap();
        assert_eq!(answers.value("count", root), Some(ExprValue::Int(100_000)));
        let chain = root.children().len() == 1;
        let different = if chain { 100_000 } else { 2 };
        assert_eq!(answers.value("different", root), Some(ExprValue::Int(different)));
        assert_eq!(answers.value("median", root), Some(ExprValue::Int(if chain { 50_000 } else { 2 })));
        assert_eq!(answers.value("mode", root), Some(ExprValue::Int(if chain { 1 } else { 2 })));
        assert_eq!(answers.value("third", root), Some(ExprValue::Int(if chain { 3 } else { 2 })));
    }
}

#[test]
fn cancelled_accounts_add_nothing_unless_asked_for() {
    use perennial::testkit::ReferenceBook;
    let reference = ReferenceBook::new(400, 7);
    let (book, _) =
        perennial::Book::load(reference.schema(), &reference.source(), &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let sum = |name: &str| RollUp::new(name, Operator::Sum("contract_value".into()));
    let both = [sum("without"), sum("with").with_cancelled()];
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), both).unwrap();
    let answers = plan.run(&view);
    let mut differ = 0;
    for (name, with_cancelled) in [("without", false), ("with", true)] {
        let operator = Operator::Sum("contract_value".into());
        let oracle = OracleDefinition {
            operator,
            reach: Reach::SelfAndDescendants,
            nulls: Nulls::Skip,
            with_cancelled,
        };
        for account in view.accounts() {
            let rows =
                |own: Account<'_>| vec![(own.value("contract_value").map(|value| shown(&value)), None)];
            assert_eq!(answers.value(name, account), oracle.evaluate(&view, account, &rows).value);
            differ += usize::from(answers.value("with", account) != answers.value("without", account));
        }
    }
    assert!(differ > 0);
}
