//! Is every roll-up what a walk over the subtree gives, whatever the shape, packing, scope and history?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::config;
use perennial::aggregate::{Nulls, Operator, Over, RollUp, RollUpAnswers, RollUpPlan, UsageSchema};
use perennial::catalog::{Catalog, RunInputs};
use perennial::expr::ExprValue;
use perennial::source::MemorySource;
use perennial::testkit::{OracleCatalog, OracleUsage};
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, CaseRule, Change, ChildId, ChildRow,
    ChildTable, Currency, Date, Decimal, Duration, EnumValues, Money, Nesting, Policy, Rates, Reach, Schema,
    Scope, StatusGroup, SystemAttribute, TableKind, Timestamp, Value, View,
};
use proptest::prelude::*;

// --- the world of the properties ---------------------------------------------------------------------

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

fn child_id(text: &str) -> ChildId {
    ChildId::new(text).unwrap()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn on(text: &str) -> AsOf {
    AsOf::date_utc(date(text))
}

fn eur(minor: i64) -> Value {
    Value::Money(Money::from_minor(i128::from(minor), Currency::EUR))
}

fn schema() -> Arc<Schema> {
    let values = |list: &[&'static str]| EnumValues::new(list.iter().copied());
    let mixed = AttributeType::MixedMoney { currency_column: "cur".into() };
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("stage", AttributeType::Enum(values(&["open", "won", "lost"]))))
        .column(Attribute::new("amount", AttributeType::Money(Currency::USD)))
        .column(Attribute::new("price", mixed))
        .column(Attribute::new("cur", AttributeType::Text))
        .column(Attribute::new("closed", AttributeType::Date))
        .column(Attribute::new("at", AttributeType::Timestamp))
        .column(Attribute::new("qty", AttributeType::Int))
        .column(Attribute::new("weight", AttributeType::Double))
        .column(Attribute::new("part", AttributeType::Decimal { scale: 2 }))
        .column(Attribute::new("hot", AttributeType::Bool));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Site", Nesting::Free)
        .product("CRM")
        .product("Desk")
        .system(SystemAttribute::Name)
        .status([
            ("trial", StatusGroup::Free),
            ("live", StatusGroup::Paying),
            ("gone", StatusGroup::Cancelled),
            ("dead", StatusGroup::Cancelled),
        ])
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("score", AttributeType::Decimal { scale: 3 }))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("load", AttributeType::Double))
        .attribute(Attribute::new("time", AttributeType::Duration))
        .attribute(Attribute::new("since", AttributeType::Date))
        .attribute(Attribute::new("seen", AttributeType::Timestamp))
        .attribute(Attribute::new("plan", AttributeType::Enum(values(&["basic", "pro", "max"]))))
        .attribute(Attribute::new("risk", AttributeType::Band(values(&["poor", "average", "good"]))))
        .attribute(Attribute::new("vip", AttributeType::Bool))
        .attribute(Attribute::new("city", AttributeType::Text).case(CaseRule::Folded))
        .table(deals)
        .build()
        .unwrap();
    Arc::new(schema)
}

#[derive(Debug)]
struct Market;

impl Rates for Market {
    // Pounds have no rate; every other pair has one for each day.
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        if from.code() == "GBP" {
            return None;
        }
        let letters = |c: Currency| c.code().bytes().fold(0_i128, |n, b| n * 7 + i128::from(b));
        let noise = letters(from) * 31 + letters(to) + i128::from(on.days()) * 17;
        Some(Decimal::new(1 + noise.rem_euclid(29_999), 4))
    }
}

/// Small numbers from a seed, so that a failing case is one number.
#[derive(Clone)]
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
    fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        let keep: Vec<T> = of.iter().filter(|_| self.chance(50)).cloned().collect();
        if keep.is_empty() { vec![self.pick(of)] } else { keep }
    }
    fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }
    fn day(&mut self) -> Date {
        // Few days, so that ties are common.
        date("2024-02-26").plus_days(self.below(8) as i32).unwrap()
    }
    fn whole(&mut self, limit: i64) -> i64 {
        match self.below(12) {
            0 => limit,
            1 => -limit,
            2 => 0,
            3 => limit - 1,
            _ => self.below(2_000) as i64 - 1_000,
        }
    }
    fn double(&mut self) -> f64 {
        let edge = 4_503_599_627_370_496.0;
        match self.below(40) {
            0 => edge,
            1 => 1e300,
            2 => -edge,
            3 => f64::from_bits(1),
            4..8 => 1e15,
            8..12 => -1e15,
            12..16 => 1e-17,
            16..20 => 0.3 - 0.1,
            20..24 => (self.next() % 1_000_000) as f64 / 7.0,
            24..28 => -((self.next() % 1_000_000) as f64) * 1e-9,
            28 => 2_f64.powi(-51),
            29 => 3.0 * 2_f64.powi(-51),
            _ => 0.1,
        }
    }
    fn value(&mut self, column: &str) -> Value {
        match column {
            "status" => Value::text(self.pick(&["trial", "live", "live", "gone", "dead"])),
            "seats" | "qty" => Value::Int(self.whole(9_007_199_254_740_992)),
            "score" => Value::Decimal(Decimal::new(i128::from(self.whole(1_000_000_000_000_000)), 3)),
            "part" => Value::Decimal(Decimal::new(i128::from(self.whole(1_000_000_000_000_000)), 2)),
            "arr" => eur(self.whole(1_000_000_000_000_000)),
            "amount" => {
                let minor = i128::from(self.whole(1_000_000_000_000_000));
                Value::Money(Money::from_minor(minor, Currency::USD))
            }
            "load" | "weight" => Value::Double(self.double()),
            "time" => Value::Duration(Duration::from_micros(self.whole(9_223_372_036_854_775))),
            "since" | "closed" => Value::Date(self.day()),
            "seen" | "at" => Value::Timestamp(Timestamp::start_of(self.day())),
            "plan" => Value::text(self.pick(&["basic", "pro", "max"])),
            "risk" => Value::text(self.pick(&["poor", "average", "good"])),
            "vip" | "hot" => Value::Bool(self.chance(50)),
            "city" => Value::text(self.pick(&["Oslo", "OSLO", "oslo", "Bergen"])),
            "stage" => Value::text(self.pick(&["open", "won", "lost"])),
            _ => panic!("no such column: {column}"),
        }
    }
}

const ATTRIBUTES: [&str; 12] =
    ["status", "seats", "score", "arr", "load", "time", "since", "seen", "plan", "risk", "vip", "city"];
const COLUMNS: [&str; 8] = ["stage", "amount", "closed", "at", "qty", "weight", "part", "hot"];

#[derive(Debug, Clone)]
struct Node {
    parent: Option<String>,
    kind: &'static str,
    values: BTreeMap<&'static str, Value>,
}

#[derive(Debug, Clone)]
struct Kid {
    account: String,
    values: BTreeMap<&'static str, Value>,
}

/// Declarations, from which a book can be loaded at any time.
#[derive(Debug, Clone, Default)]
struct World {
    accounts: BTreeMap<String, Node>,
    kids: BTreeMap<String, Kid>,
    made: usize,
}

impl World {
    fn random(rng: &mut Rng, accounts: usize) -> Self {
        let mut world = Self::default();
        let shape = rng.below(5);
        // The names say nothing about the places.
        let mut names: Vec<String> = (0..accounts).map(|n| format!("a{n:03}")).collect();
        rng.shuffle(&mut names);
        for (place, name) in names.iter().enumerate() {
            let above = match (place, shape) {
                (0, _) => None,
                (_, 0) => Some(place - 1),
                (_, 1) => Some(0),
                (_, 2) => (!rng.chance(30)).then(|| rng.below(place)),
                (_, 3) => Some(place - 1 - rng.below(place.min(3))),
                _ => Some(rng.below(place)),
            };
            let parent = above.map(|above| names[above].clone());
            world.add(rng, name.clone(), parent);
        }
        world
    }

    fn add(&mut self, rng: &mut Rng, name: String, parent: Option<String>) {
        let below_site = parent.as_ref().is_some_and(|parent| self.accounts[parent].kind == "Site");
        let kind = if below_site || rng.chance(20) { "Site" } else { "Company" };
        let mut values = BTreeMap::new();
        for attribute in ATTRIBUTES {
            let present = if attribute == "status" { 50 } else { 65 };
            if rng.chance(present) {
                values.insert(attribute, rng.value(attribute));
            }
        }
        self.accounts.insert(name.clone(), Node { parent, kind, values });
        for _ in 0..rng.below(6) {
            self.add_kid(rng, name.clone());
        }
    }

    fn add_kid(&mut self, rng: &mut Rng, account: String) -> String {
        let mut values = BTreeMap::new();
        for column in COLUMNS {
            if rng.chance(70) {
                values.insert(column, rng.value(column));
            }
        }
        if rng.chance(70) {
            let money = rng.pick(&["EUR", "USD", "JPY", "KWD", "GBP"]);
            let minor = i128::from(rng.whole(1_000_000_000_000_000));
            values.insert("cur", Value::text(money));
            values.insert("price", Value::Money(Money::from_minor(minor, currency(money))));
        }
        self.made += 1;
        let name = format!("k{:04}", (self.made * 7_919) % 10_000);
        self.kids.insert(name.clone(), Kid { account, values });
        name
    }

    fn row(&self, name: &str) -> AccountRow {
        let node = &self.accounts[name];
        let mut row = AccountRow::new(id(name), node.kind);
        if let Some(parent) = &node.parent {
            row = row.under(id(parent));
        }
        for (attribute, value) in &node.values {
            row = row.with(attribute, value.clone());
        }
        row
    }

    fn kid_row(&self, name: &str) -> ChildRow {
        let kid = &self.kids[name];
        let mut row = ChildRow::new(child_id(name), id(&kid.account));
        for (column, value) in &kid.values {
            row = row.with(column, value.clone());
        }
        row
    }

    fn load(&self, chunk_rows: u32, rng: &mut Rng) -> Book {
        let mut accounts: Vec<AccountRow> = self.accounts.keys().map(|name| self.row(name)).collect();
        let mut kids: Vec<ChildRow> = self.kids.keys().map(|name| self.kid_row(name)).collect();
        rng.shuffle(&mut accounts);
        rng.shuffle(&mut kids);
        let source = MemorySource::new().accounts(accounts).children("deals", kids);
        let builder = Book::builder(schema()).chunk_rows(chunk_rows);
        builder.load(&source).unwrap_or_else(|error| panic!("{error}")).0
    }

    fn is_under(&self, name: &str, top: &str) -> bool {
        let mut at = Some(name);
        while let Some(name) = at {
            if name == top {
                return true;
            }
            at = self.accounts[name].parent.as_deref();
        }
        false
    }

    // A change that is possible, made here as well.
    fn change(&mut self, rng: &mut Rng) -> Change {
        let names: Vec<String> = self.accounts.keys().cloned().collect();
        let kids: Vec<String> = self.kids.keys().cloned().collect();
        let name = rng.pick(&names);
        match rng.below(12) {
            0..=2 => {
                let mut change = Change::new();
                for attribute in rng.some(&ATTRIBUTES[..]).into_iter().take(3) {
                    change = self.set(rng, change, &name, attribute);
                }
                change
            }
            3 | 4 => {
                let kind = self.accounts[&name].kind;
                let fits = |top: &String| {
                    !self.is_under(top, &name) && (kind == "Site" || self.accounts[top].kind == "Company")
                };
                let places: Vec<String> = names.iter().filter(|top| fits(top)).cloned().collect();
                if places.is_empty() || rng.chance(25) {
                    self.accounts.get_mut(&name).unwrap().parent = None;
                    return Change::new().move_to_root(&id(&name));
                }
                let to = rng.pick(&places);
                self.accounts.get_mut(&name).unwrap().parent = Some(to.clone());
                Change::new().move_under(&id(&name), &id(&to))
            }
            5 => {
                self.made += 1;
                // Some of the new names stand before every other.
                let new = format!("{}{:03}", rng.pick(&["0", "b", "z"]), self.made);
                let before: Vec<String> = self.kids.keys().cloned().collect();
                let parent = rng.chance(80).then_some(name);
                self.add(rng, new.clone(), parent);
                let mut change = Change::new().add(self.row(&new));
                for kid in self.kids.keys().filter(|kid| !before.contains(kid)) {
                    change = change.add_child("deals", self.kid_row(kid));
                }
                change
            }
            6 if names.len() > 3 => {
                let gone: Vec<String> =
                    names.iter().filter(|other| self.is_under(other, &name)).cloned().collect();
                if gone.len() == names.len() {
                    return Change::new();
                }
                self.accounts.retain(|other, _| !gone.contains(other));
                let lost: Vec<String> =
                    kids.iter().filter(|kid| gone.contains(&self.kids[*kid].account)).cloned().collect();
                self.kids.retain(|kid, _| !lost.contains(kid));
                let change = Change::new().remove_subtree(&id(&name));
                lost.iter().fold(change, |change, kid| change.remove_child("deals", &child_id(kid)))
            }
            7 => {
                let kid = self.add_kid(rng, name);
                Change::new().add_child("deals", self.kid_row(&kid))
            }
            8 | 9 if !kids.is_empty() => {
                let kid = rng.pick(&kids);
                let column = rng.pick(&COLUMNS);
                let values = &mut self.kids.get_mut(&kid).unwrap().values;
                if rng.chance(20) {
                    values.remove(column);
                    return Change::new().clear_child("deals", &child_id(&kid), column);
                }
                let value = rng.value(column);
                values.insert(column, value.clone());
                Change::new().set_child("deals", &child_id(&kid), column, value)
            }
            10 if !kids.is_empty() => {
                let kid = rng.pick(&kids);
                self.kids.get_mut(&kid).unwrap().account.clone_from(&name);
                Change::new().move_child("deals", &child_id(&kid), &id(&name))
            }
            11 if !kids.is_empty() => {
                let kid = rng.pick(&kids);
                self.kids.remove(&kid);
                Change::new().remove_child("deals", &child_id(&kid))
            }
            _ => self.set(rng, Change::new(), &name, "load"),
        }
    }

    fn set(&mut self, rng: &mut Rng, change: Change, name: &str, attribute: &'static str) -> Change {
        let values = &mut self.accounts.get_mut(name).unwrap().values;
        if rng.chance(25) {
            values.remove(attribute);
            return change.clear(&id(name), attribute);
        }
        let value = rng.value(attribute);
        values.insert(attribute, value.clone());
        change.set(&id(name), attribute, value)
    }
}

const REACHES: [Reach; 4] =
    [Reach::SelfOnly, Reach::Descendants, Reach::SelfAndDescendants, Reach::PreferSelf];

fn of(name: &str, operator: Operator) -> RollUp {
    RollUp::new(name, operator)
}

fn sum(name: &str, of: &str) -> RollUp {
    RollUp::new(name, Operator::Sum(of.into()))
}

fn over_deals(name: &str, operator: Operator) -> RollUp {
    RollUp::new(name, operator).over(Over::Table("deals".into()))
}

fn random_roll_up(rng: &mut Rng, name: &str) -> RollUp {
    let of_table = rng.chance(50);
    let plain: &[&str] =
        if of_table { &["qty", "weight", "part"] } else { &["seats", "score", "load", "time"] };
    let amounts: &[&str] = if of_table { &["amount", "price"] } else { &["arr"] };
    let ordered: &[&str] = if of_table {
        &["qty", "amount", "weight", "part", "closed", "at"]
    } else {
        &["seats", "score", "arr", "load", "time", "since", "seen", "risk"]
    };
    let any: &[&str] = if of_table { &COLUMNS } else { &ATTRIBUTES };
    let counted: &[&str] = if of_table { &["stage", "hot"] } else { &["plan", "risk", "vip", "status"] };
    // By a day or an instant mostly; by text nothing is folded.
    let times: &[&str] = if of_table {
        &["closed", "at", "closed", "at", "qty", "weight", "part"]
    } else {
        &["since", "seen", "since", "seen", "seats", "score", "arr", "load", "time", "risk", "city"]
    };
    let prefix = if of_table { "row." } else { "" };
    let written = |column: &str| -> Arc<str> { format!("{prefix}{column}").into() };
    // Whether an amount is read, and what it is.
    let number = |rng: &mut Rng| {
        let of = if rng.chance(50) { amounts } else { plain };
        rng.pick(of)
    };
    let (first, second) = (number(rng), number(rng));
    let second = if amounts.contains(&first) {
        rng.pick(amounts)
    } else if amounts.contains(&second) {
        rng.pick(plain)
    } else {
        second
    };
    let mut filters: Vec<String> = Vec::new();
    let (operator, read) = match rng.below(12) {
        0 => (Operator::Count, vec![]),
        1 => {
            filters.push(format!("has({prefix}{})", rng.pick(any)));
            (Operator::Count, vec![])
        }
        2..=4 => (Operator::Sum(written(first)), vec![first]),
        5 => (Operator::Min(written(rng.pick(ordered))), vec![]),
        6 => (Operator::Max(written(rng.pick(ordered))), vec![]),
        7 => (Operator::Average(written(first)), vec![first]),
        8 => {
            let (numerator, denominator) = (written(first), written(second));
            (Operator::Ratio { numerator, denominator }, vec![first, second])
        }
        9 => (Operator::First { of: written(rng.pick(any)), by: written(rng.pick(times)) }, vec![]),
        10 => (Operator::Last { of: written(rng.pick(any)), by: written(rng.pick(times)) }, vec![]),
        _ => (Operator::Distribution(written(rng.pick(counted))), vec![]),
    };
    let mut roll_up = of(name, operator).reach(rng.pick(&REACHES));
    if of_table {
        roll_up = roll_up.over(Over::Table("deals".into()));
    }
    if rng.chance(30) {
        roll_up = roll_up.with_cancelled();
    }
    if rng.chance(15) {
        roll_up = roll_up.nulls(Nulls::Refuse);
    } else if matches!(roll_up.operator(), Operator::First { .. } | Operator::Last { .. }) && rng.chance(50) {
        roll_up = roll_up.nulls(Nulls::Respect);
    }
    if rng.chance(15) {
        roll_up = roll_up.levels([rng.pick(&["Company", "Site"])]);
    }
    let mixed = read.contains(&"price");
    // Amounts of two columns are of two currencies.
    let two = mixed && read.contains(&"amount");
    if (mixed && rng.chance(60)) || two || (read.iter().any(|name| amounts.contains(name)) && rng.chance(25))
    {
        let to = currency(rng.pick(&["EUR", "USD", "JPY", "KWD"]));
        let day = if of_table { "row.closed" } else { "since" };
        roll_up = if rng.chance(40) { roll_up.convert_at(to, day) } else { roll_up.convert_to(to) };
    } else if mixed {
        filters.push("row.cur == \"USD\"".to_owned());
    }
    for _ in 0..rng.below(3) {
        let quoted =
            |list: Vec<&str>| list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
        filters.push(if of_table {
            match rng.below(4) {
                0 => format!("row.stage in [{}]", quoted(rng.some(&["open", "won", "lost"]))),
                1 => format!("row.hot == {}", rng.chance(50)),
                2 => format!("row.closed > date(\"{}\")", rng.day()),
                _ => "row.weight in [0.1, 1000000000000000.0]".to_owned(),
            }
        } else {
            match rng.below(8) {
                0 => format!("plan in [{}]", quoted(rng.some(&["basic", "pro", "max"]))),
                1 => format!("account_type in [{}]", quoted(rng.some(&["Company", "Site"]))),
                2 => format!("vip == {}", rng.chance(50)),
                3 => format!("risk in [{}]", quoted(rng.some(&["poor", "average", "good"]))),
                4 => format!("city.equalsFold(\"{}\")", rng.pick(&["oslo", "bergen"])),
                5 => format!("status in [{}]", quoted(rng.some(&["trial", "live", "gone"]))),
                6 => "vip".to_owned(),
                _ => "score in [0, 1000000000000]".to_owned(),
            }
        });
    }
    if filters.is_empty() { roll_up } else { roll_up.filter(&filters.join(" && ")) }
}

fn random_roll_ups(rng: &mut Rng) -> Vec<RollUp> {
    (0..8).map(|number| random_roll_up(rng, &number.to_string())).collect()
}

fn plan(roll_ups: impl IntoIterator<Item = RollUp>) -> RollUpPlan {
    let plan = RollUpPlan::new(&schema(), &*schema(), roll_ups);
    plan.unwrap_or_else(|errors| panic!("{errors}")).with_rates(Arc::new(Market))
}

/// By account, of each roll-up the answer and how many rows are in it; as debug text, which tells every bit of a double and the scale
/// of a decimal.
type Answers = BTreeMap<String, Vec<String>>;

fn answers(plan: &RollUpPlan, answers: &RollUpAnswers) -> Answers {
    let of = |account: perennial::Account<'_>| {
        let of = |name: &str| {
            let counts = (answers.counted(name, account), answers.skipped(name, account));
            format!("{:?} of {counts:?}", answers.value(name, account))
        };
        (account.id_str().to_owned(), plan.names().map(of).collect())
    };
    answers.view().accounts().map(of).collect()
}

/// What the oracle says, and what a catalog does.
fn oracle(view: &View, asks: &[RollUp]) -> Answers {
    let all = asks.iter().map(|ask| ask.clone().into());
    let catalog = Catalog::new(view.schema(), &UsageSchema::default(), all).unwrap();
    let usage = OracleUsage::new();
    let oracle = OracleCatalog::new(catalog.names(), catalog.definitions()).unwrap();
    let slow = oracle.over(view, &usage, None).with_rates(&Market);
    let rates: Arc<dyn Rates> = Arc::new(Market);
    let derived = catalog.run_observed(view, RunInputs::new().rates(&rates), &()).unwrap();
    let of = |account: perennial::Account<'_>| {
        let of = |ask: &RollUp| {
            let name = ask.name();
            let (value, counts) = (slow.value(name, account), slow.counts(name, account).unwrap());
            assert_eq!(derived.value(name, account), value, "a catalog: {}: {ask:?}", account.id_str());
            assert_eq!(
                derived.counts(name, account),
                Some(counts),
                "a catalog: {}: {ask:?}",
                account.id_str()
            );
            format!("{value:?} of {counts:?}")
        };
        (account.id_str().to_owned(), asks.iter().map(of).collect())
    };
    view.accounts().map(of).collect()
}

fn compare(got: &Answers, want: &Answers, asks: &[RollUp], what: &str) {
    let (ours, theirs): (Vec<_>, Vec<_>) = (got.keys().collect(), want.keys().collect());
    assert_eq!(ours, theirs, "{what}: other accounts");
    for (account, want) in want {
        for ((got, want), ask) in got[account].iter().zip(want).zip(asks) {
            assert_eq!(got, want, "{what}: {account}: {ask:?}");
        }
    }
}

fn visible(rng: &mut Rng, world: &World) -> Vec<String> {
    let percent = rng.pick(&[10, 50, 80]);
    world.accounts.keys().filter(|_| rng.chance(percent)).cloned().collect()
}

fn scope_of(book: &Book, names: &[String]) -> Scope {
    Scope::of(book.accounts(names.iter().map(String::as_str)))
}

fn held_against_the_oracle(seed: u64, accounts: usize) {
    let mut rng = Rng(seed);
    let world = World::random(&mut rng, accounts);
    let asks = random_roll_ups(&mut rng);
    let plan = plan(asks.clone());
    let some = visible(&mut rng, &world);
    let mut wanted: Vec<Answers> = Vec::new();
    for chunk_rows in [64, 1, 2, 3, 7] {
        let book = world.load(chunk_rows, &mut rng);
        for (number, scope) in [Scope::all(), scope_of(&book, &some)].into_iter().enumerate() {
            let view = book.view(&scope, on("2024-03-01")).unwrap();
            if wanted.len() <= number {
                wanted.push(oracle(&view, &asks));
            }
            let all = plan.run(&view);
            let what = format!("chunks of {chunk_rows}, scope {number}");
            compare(&answers(&plan, &all), &wanted[number], &asks, &what);
            let everything = book.view(&Scope::all(), on("2024-03-01")).unwrap();
            for account in everything.accounts() {
                if !view.sees(account.place()) {
                    assert!(asks.iter().all(|ask| all.value(ask.name(), account).is_none()));
                    assert!(asks.iter().all(|ask| all.counted(ask.name(), account) == 0));
                }
            }
            // One account alone, which reads what is within its reach.
            for account in view.accounts() {
                for (ask, wanted) in asks.iter().zip(&wanted[number][account.id_str()]) {
                    let one = plan.partial(ask.name(), account, None).unwrap();
                    let got = format!("{:?} of {:?}", one.value(), (one.counted(), one.skipped()));
                    let received = !format!("{ask:?}").contains("levels: [\"") || wanted != "None of (0, 0)";
                    assert!(!received || got == *wanted, "one, {what}: {got}, not {wanted}: {ask:?}");
                }
            }
        }
    }
}

// A sum of decimals beyond 2^53, of which the average was once a last bit beside it: the sum became a double first, and then what it
// is with its digits.
#[test]
fn an_average_is_of_the_double_nearest_to_the_sum() {
    let most = 1_000_000_000_000_000_i64;
    let mut told = 0;
    for last in 0..200 {
        let units = (0..10).map(|n| most - 7 * n).chain([last]).map(i128::from);
        let values: Vec<Value> = units.clone().map(|units| Value::Decimal(Decimal::new(units, 3))).collect();
        let mean =
            plan([of("mean", Operator::Average("score".into()))]).run(&whole(&star(&values, "score", 4)));
        let sum: i128 = units.sum();
        let nearest: f64 = format!("{sum}e-3").parse().unwrap();
        let twice_rounded = sum as f64 / 1_000.0;
        told += usize::from(nearest / 11.0 != twice_rounded / 11.0);
        assert_eq!(at(&mean, "top", "mean"), Some(ExprValue::Double(nearest / 11.0)), "{sum}");
    }
    assert!(told > 0, "no sum tells the two apart");
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn all_is_one_is_the_oracle(seed in any::<u64>(), accounts in 1_usize..28) {
        held_against_the_oracle(seed, accounts);
    }

    #[test]
    fn what_is_outside_the_scope_shows_in_nothing(seed in any::<u64>(), accounts in 2_usize..28) {
        let mut rng = Rng(seed);
        let world = World::random(&mut rng, accounts);
        let asks = random_roll_ups(&mut rng);
        let plan = plan(asks.clone());
        let some = visible(&mut rng, &world);
        let see = |book: &Book| {
            let view = book.view(&scope_of(book, &some), on("2024-03-01")).unwrap();
            answers(&plan, &plan.run(&view))
        };
        let chunk_rows = rng.pick(&[1, 2, 5, 64]);
        let before = see(&world.load(chunk_rows, &mut rng));
        let mut other = world.clone();
        let hidden: Vec<String> =
            world.accounts.keys().filter(|name| !some.contains(name)).cloned().collect();
        for name in &hidden {
            for attribute in ATTRIBUTES {
                let _ = other.set(&mut rng, Change::new(), name, attribute);
            }
            other.kids.retain(|_, kid| kid.account != *name || rng.chance(50));
            other.add_kid(&mut rng, name.clone());
            // More that is hidden, below and beside what is seen.
            let below = rng.pick(&world.accounts.keys().cloned().collect::<Vec<_>>());
            other.add(&mut rng, format!("0{name}"), Some(below));
        }
        let chunk_rows = rng.pick(&[1, 2, 5, 64]);
        compare(&see(&other.load(chunk_rows, &mut rng)), &before, &asks, "hidden accounts changed");
    }

    #[test]
    fn a_refresh_is_a_fresh_load(seed in any::<u64>(), accounts in 2_usize..24) {
        let mut rng = Rng(seed);
        let mut world = World::random(&mut rng, accounts);
        let asks = random_roll_ups(&mut rng);
        let plan = plan(asks.clone());
        let chunk_rows = rng.pick(&[1, 2, 3, 7, 64]);
        let mut book = world.load(chunk_rows, &mut rng);
        let mut seen = book.accounts(visible(&mut rng, &world).iter().map(String::as_str));
        let day = rng.pick(&["2024-03-01", "2024-03-02"]);
        let mut all = plan.run(&book.view(&Scope::all(), on(day)).unwrap());
        let mut scoped = plan.run(&book.view(&Scope::of(seen.clone()), on(day)).unwrap());
        for step in 0..12 {
            let change = world.change(&mut rng);
            let next = book.apply(&change).unwrap_or_else(|error| panic!("{error}\n{change:?}")).0;
            seen = next.rebase(&seen, &book).unwrap();
            book = next;
            let day = rng.pick(&["2024-03-01", "2024-03-02"]);
            let fresh = world.load(rng.pick(&[1, 3, 64]), &mut rng);
            let what = format!("step {step}: {change:?}");

            let view = book.view(&Scope::all(), on(day)).unwrap();
            all = plan.refresh(&view, &all);
            let whole = fresh.view(&Scope::all(), on(day)).unwrap();
            let want = answers(&plan, &plan.run(&whole));
            compare(&answers(&plan, &all), &want, &asks, &what);
            compare(&answers(&plan, &plan.run(&view)), &want, &asks, &what);

            let view = book.view(&Scope::of(seen.clone()), on(day)).unwrap();
            scoped = plan.refresh(&view, &scoped);
            let names: Vec<String> = view.accounts().map(|account| account.id_str().to_owned()).collect();
            let part = fresh.view(&scope_of(&fresh, &names), on(day)).unwrap();
            compare(&answers(&plan, &scoped), &answers(&plan, &plan.run(&part)), &asks, &what);
            if step == 11 {
                compare(&answers(&plan, &scoped), &oracle(&part, &asks), &asks, "oracle");
            }
        }
    }

    #[test]
    fn a_roll_up_is_the_sum_over_the_subtree(seed in any::<u64>(), accounts in 1_usize..40) {
        let mut rng = Rng(seed);
        let world = World::random(&mut rng, accounts);
        let book = world.load(rng.pick(&[1, 3, 64]), &mut rng);
        let view = book.view(&Scope::all(), on("2024-03-01")).unwrap();
        let names = ["itself", "below", "all"];
        let asks = REACHES[..3].iter().zip(names).map(|(reach, name)| sum(name, "seats").reach(*reach));
        let totals = plan(asks).run(&view);
        let int = |name: &str, account| totals.value(name, account).map_or(0, |sum| i128::from(sum.as_int().unwrap()));
        for account in view.accounts() {
            let walked: i128 = account.subtree().map(|below| int("itself", below)).sum();
            let handed: i128 = account.children().into_iter().map(|child| int("all", child)).sum();
            prop_assert_eq!(int("all", account), walked);
            prop_assert_eq!(int("below", account), handed);
            prop_assert_eq!(int("all", account), int("itself", account) + int("below", account));
        }
    }
}

// --- named: refreshes --------------------------------------------------------------------------------

// Accounts as (id, parent, seats).
fn rows(list: &[(&str, &str, Option<i64>)]) -> Vec<AccountRow> {
    list.iter()
        .map(|(name, parent, seats)| {
            let row = AccountRow::new(id(name), "Company");
            let row = if parent.is_empty() { row } else { row.under(id(parent)) };
            match seats {
                Some(seats) => row.with("seats", *seats),
                None => row,
            }
        })
        .collect()
}

fn book_of(rows: Vec<AccountRow>, chunk_rows: u32) -> Book {
    let source = MemorySource::new().accounts(rows);
    let builder = Book::builder(schema()).chunk_rows(chunk_rows);
    builder.load(&source).unwrap_or_else(|error| panic!("{error}")).0
}

fn whole(book: &Book) -> View {
    book.view(&Scope::all(), on("2024-03-01")).unwrap()
}

fn at(totals: &RollUpAnswers, name: &str, roll_up: &str) -> Option<ExprValue> {
    totals.value(roll_up, totals.view().account(name).unwrap())
}

fn int(sum: i64) -> Option<ExprValue> {
    Some(ExprValue::Int(sum))
}

fn text(text: &str) -> Option<ExprValue> {
    Some(ExprValue::Text(text.into()))
}

/// A blank that is last is passed over, refuses the whole, or decides.
#[test]
fn the_last_row_decides_also_without_a_value_where_that_is_said() {
    let last = || Operator::Last { of: "seats".into(), by: "since".into() };
    let first = || Operator::First { of: "seats".into(), by: "since".into() };
    let list = [
        of("last", last()),
        of("last_strict", last()).nulls(Nulls::Refuse),
        of("last_given", last()).nulls(Nulls::Respect),
        of("first_given", first()).nulls(Nulls::Respect),
        of("own_given", last()).nulls(Nulls::Respect).reach(Reach::PreferSelf),
    ];
    let plan = plan(list.clone());
    let on_day = |name: &str, parent: &str, seats: Option<i64>, since: Option<&str>| {
        let row = rows(&[(name, parent, seats)]).remove(0);
        since.map_or(row.clone(), |since| row.with("since", date(since)))
    };
    let accounts = vec![
        on_day("top", "", None, None),
        on_day("a", "top", Some(5), Some("2024-01-10")),
        on_day("b", "top", None, Some("2024-01-20")),
        // A row without a date has no place in the order.
        on_day("c", "top", Some(9), None),
        on_day("d", "b", Some(7), Some("2024-01-15")),
    ];
    for chunk_rows in [1, 2, 64] {
        let book = book_of(accounts.clone(), chunk_rows);
        let before = plan.run(&whole(&book));
        let top = |answers: &RollUpAnswers, name: &str| {
            let account = answers.view().account("top").unwrap();
            (at(answers, "top", name), answers.counted(name, account), answers.skipped(name, account))
        };
        assert_eq!(top(&before, "last"), (int(7), 2, 3));
        assert_eq!(top(&before, "last_strict"), (None, 2, 3));
        assert_eq!(top(&before, "last_given"), (None, 3, 2));
        assert_eq!(top(&before, "first_given"), (int(5), 3, 2));
        // An account whose own row has a date and no value prefers its own.
        assert_eq!(at(&before, "b", "own_given"), None);
        assert_eq!(at(&before, "b", "last"), int(7));
        assert_eq!(answers(&plan, &before), oracle(&whole(&book), &list));

        // Of rows with that date, one with a value decides; in either order.
        let same = on_day("e", "top", Some(2), Some("2024-01-20"));
        let (book, _) = book.apply(&Change::new().add(same)).unwrap();
        let refreshed = plan.refresh(&whole(&book), &before);
        assert_eq!(top(&refreshed, "last_given"), (int(2), 4, 2));
        // A blank that comes first takes the first place.
        let (book, _) = book.apply(&Change::new().add(on_day("f", "a", None, Some("2023-12-31")))).unwrap();
        let refreshed = plan.refresh(&whole(&book), &refreshed);
        assert_eq!(top(&refreshed, "first_given"), (None, 5, 2));
        assert_eq!(answers(&plan, &refreshed), oracle(&whole(&book), &list));
    }
}

#[test]
fn only_first_and_last_respect_rows_without_a_value() {
    for operator in [Operator::Count, Operator::Sum("seats".into()), Operator::Max("seats".into())] {
        let wrong =
            RollUpPlan::new(&schema(), &*schema(), [of("x", operator).nulls(Nulls::Respect)]).unwrap_err();
        let wanted =
            "roll-up `x`: only first and last respect rows without a value; others skip or refuse them";
        assert_eq!(wrong.to_string(), wanted);
    }
    let last = of("x", Operator::Last { of: "seats".into(), by: "since".into() }).nulls(Nulls::Respect);
    let json = serde_json::to_value(&last).unwrap();
    assert_eq!(json["nulls"], "respect");
    assert_eq!(serde_json::from_value::<RollUp>(json).unwrap(), last);
}

#[test]
fn a_tie_is_decided_anew_when_another_account_takes_the_place_in_a_limb() {
    // Two limbs, each with an account of the same date. `b` goes and `z` comes to its place.
    let since = |row: AccountRow, city: &str| row.with("since", date("2024-01-01")).with("city", city);
    let mut list = rows(&[("top", "", None)]);
    for (name, parent) in [("b", "top"), ("m", "top")] {
        list.push(since(rows(&[(name, parent, None)]).remove(0), name));
    }
    for chunk_rows in [1, 2, 64] {
        let book = book_of(list.clone(), chunk_rows);
        let plan = plan([of("first", Operator::First { of: "city".into(), by: "since".into() })]);
        let before = plan.run(&whole(&book));
        assert_eq!(at(&before, "top", "first"), text("b"));
        let come = since(rows(&[("z", "top", None)]).remove(0), "z");
        let (book, _) = book.apply(&Change::new().remove(&id("b")).add(come.clone())).unwrap();
        let refreshed = plan.refresh(&whole(&book), &before);
        assert_eq!(at(&refreshed, "top", "first"), text("m"), "{chunk_rows}");

        // The same below one child each, so that only the place in the limb is another's.
        let mut deep = rows(&[("top", "", None), ("p", "top", None), ("q", "top", None)]);
        for (name, parent) in [("b", "p"), ("m", "q")] {
            deep.push(since(rows(&[(name, parent, None)]).remove(0), name));
        }
        let book = book_of(deep, chunk_rows);
        let before = plan.run(&whole(&book));
        let come = since(rows(&[("z", "p", None)]).remove(0), "z");
        let (book, _) = book.apply(&Change::new().remove(&id("b")).add(come)).unwrap();
        let refreshed = plan.refresh(&whole(&book), &before);
        assert_eq!(at(&refreshed, "top", "first"), text("m"), "{chunk_rows}");
    }
}

#[test]
fn no_answer_of_a_rate_survives_its_day() {
    let mut list = rows(&[("top", "", None)]);
    for n in 0..200 {
        let row = rows(&[(&format!("a{n:03}"), "top", Some(n))]).remove(0);
        list.push(row.with("arr", eur(100 + n)));
    }
    let book = book_of(list, 8);
    let plan = plan([sum(SUM, "seats"), sum("usd", "arr").convert_to(Currency::USD)]);
    let before = plan.run(&whole(&book));
    let (book, _) = book.apply(&Change::new().set(&id("a100"), "seats", 1_000_000_i64)).unwrap();
    let after = plan.refresh(&whole(&book), &before);
    assert_eq!(at(&after, "top", SUM), int(19_900 - 100 + 1_000_000));
    // Another day has other rates.
    let tomorrow = book.view(&Scope::all(), on("2024-03-02")).unwrap();
    let (kept, fresh) = (plan.refresh(&tomorrow, &after), plan.run(&tomorrow));
    assert_eq!(answers(&plan, &kept), answers(&plan, &fresh));
    assert_ne!(at(&kept, "top", "usd"), at(&after, "top", "usd"));
}

#[test]
fn answers_of_another_plan_scope_or_schema_offer_nothing() {
    let book = book_of(rows(&[("a", "", Some(1)), ("b", "a", Some(2)), ("c", "a", Some(4))]), 1);
    let sums = plan([sum(SUM, "seats")]);
    let view = whole(&book);
    let other = plan([of(SUM, Operator::Max("seats".into()))]).run(&view);
    assert_eq!(at(&sums.refresh(&view, &other), "a", SUM), int(7));
    let part = book.view(&scope_of(&book, &["a".to_owned(), "c".to_owned()]), on("2024-03-01")).unwrap();
    assert_eq!(at(&sums.refresh(&part, &sums.run(&view)), "a", SUM), int(5));
    let hidden = sums.run(&part);
    assert_eq!(hidden.value(SUM, view.account("b").unwrap()), None);
    assert_eq!(at(&hidden, "a", "no_such_roll_up"), None);
    // An account of the same book is asked in the scope of its view.
    assert_eq!(sums.partial(SUM, part.account("a").unwrap(), None).unwrap().value(), int(5));
    assert!(sums.partial("no_such_roll_up", view.account("a").unwrap(), None).is_none());
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let strange =
        Book::load(schema, &MemorySource::new().accounts(rows(&[("a", "", None)])), &Policy::strict());
    let strange = strange.unwrap().0;
    assert_eq!(at(&sums.run(&whole(&strange)), "a", SUM), None);
    assert!(sums.partial(SUM, whole(&strange).account("a").unwrap(), None).is_none());
}

// --- named: what other products get wrong (market.md 3.2) --------------------------------------------

const SUM: &str = "sum_seats";

fn usual() -> RollUpPlan {
    plan([
        sum(SUM, "seats"),
        of("count", Operator::Count),
        of("min_seats", Operator::Min("seats".into())),
        of("max_seats", Operator::Max("seats".into())),
        of("average_seats", Operator::Average("seats".into())),
        sum("below", "seats").reach(Reach::Descendants),
        sum("preferred", "seats").reach(Reach::PreferSelf),
    ])
}

// grand ( old ( leaf ), new )
fn family() -> Vec<AccountRow> {
    rows(&[
        ("grand", "", Some(1)),
        ("old", "grand", Some(10)),
        ("new", "grand", Some(100)),
        ("leaf", "old", Some(1_000)),
    ])
}

#[test]
fn the_old_parent_keeps_nothing_after_a_move_and_the_new_one_counts_once() {
    for chunk_rows in [1, 2, 64] {
        let (book, plan) = (book_of(family(), chunk_rows), usual());
        let before = plan.run(&whole(&book));
        let (book, _) = book.apply(&Change::new().move_under(&id("leaf"), &id("new"))).unwrap();
        for after in [plan.refresh(&whole(&book), &before), plan.run(&whole(&book))] {
            assert_eq!(at(&after, "old", SUM), int(10));
            assert_eq!(at(&after, "old", "below"), None);
            assert_eq!(at(&after, "old", "count"), int(1));
            assert_eq!(at(&after, "new", SUM), int(1_100));
            assert_eq!(at(&after, "grand", SUM), int(1_111));
        }
        // There and back again is as if nothing had been.
        let (book, _) = book.apply(&Change::new().move_under(&id("leaf"), &id("old"))).unwrap();
        let view = whole(&book);
        assert_eq!(answers(&plan, &plan.refresh(&view, &before)), answers(&plan, &before));
    }
}

#[test]
fn a_grandparent_neither_doubles_nor_halves_when_recalculated() {
    let (book, plan) = (book_of(family(), 1), usual());
    let view = whole(&book);
    let mut totals = plan.run(&view);
    for _ in 0..5 {
        totals = plan.refresh(&view, &totals);
        assert_eq!(at(&totals, "grand", SUM), int(1_111));
        assert_eq!(at(&plan.run(&view), "grand", SUM), int(1_111));
    }
}

#[test]
fn grandchildren_are_not_missed_by_a_roll_up_of_one_level() {
    let list: Vec<(String, String)> = (0..50)
        .map(|n| (format!("d{n:02}"), if n == 0 { String::new() } else { format!("d{:02}", n - 1) }))
        .collect();
    let list: Vec<(&str, &str, Option<i64>)> =
        list.iter().map(|(a, b)| (a.as_str(), b.as_str(), Some(1))).collect();
    let book = book_of(rows(&list), 4);
    let totals = usual().run(&whole(&book));
    assert_eq!(at(&totals, "d00", SUM), int(50));
    assert_eq!(at(&totals, "d00", "below"), int(49));
    assert_eq!(at(&totals, "d49", "below"), None);
}

#[test]
fn more_than_forty_roll_ups_of_accounts_onto_accounts_are_possible() {
    let book = book_of(family(), 64);
    let many = plan((0..100).map(|n| sum(&format!("s{n}"), "seats")));
    let totals = many.run(&whole(&book));
    assert!((0..100).all(|n| at(&totals, "grand", &format!("s{n}")) == int(1_111)));
}

#[test]
fn recalculation_at_the_top_parent_ends() {
    // The top is declared under its own grandchild: the loop is broken at one account, once.
    let mut list = family();
    list[0] = rows(&[("grand", "leaf", Some(1))]).remove(0);
    let source = MemorySource::new().accounts(list);
    let (book, _) = Book::load(schema(), &source, &Policy::lenient()).unwrap();
    let totals = usual().run(&whole(&book));
    assert_eq!(at(&totals, "grand", SUM), int(1_111));
    assert_eq!(at(&totals, "leaf", SUM), int(1_000));
}

#[test]
fn a_sum_of_nothing_is_missing_and_not_zero() {
    let book = book_of(rows(&[("a", "", None), ("b", "a", None), ("zero", "", Some(0))]), 64);
    let totals = usual().run(&whole(&book));
    for name in [SUM, "below", "preferred", "min_seats", "max_seats", "average_seats"] {
        assert_eq!(at(&totals, "a", name), None, "{name}");
    }
    assert_eq!(at(&totals, "a", "count"), int(2));
    assert_eq!(at(&totals, "zero", SUM), int(0));
    let sums = over_deals("sum_amount", Operator::Sum("row.amount".into()));
    let won = plan([sums, over_deals("count", Operator::Count)]);
    let totals = won.run(&whole(&book));
    assert_eq!((at(&totals, "a", "sum_amount"), at(&totals, "a", "count")), (None, int(0)));
}

#[test]
fn an_average_is_no_average_of_averages() {
    // One child with one row of 0, one with three of 8: 6, and not 4.
    let list = [
        ("top", "", None),
        ("p", "top", Some(0)),
        ("q", "top", Some(8)),
        ("r", "q", Some(8)),
        ("s", "q", Some(8)),
    ];
    for chunk_rows in [1, 2, 64] {
        let totals = usual().run(&whole(&book_of(rows(&list), chunk_rows)));
        assert_eq!(at(&totals, "top", "average_seats"), Some(ExprValue::Double(6.0)));
    }
}

#[test]
fn the_largest_is_forgotten_when_its_account_goes_or_its_value_is_cleared() {
    let (book, plan) = (book_of(family(), 1), usual());
    let before = plan.run(&whole(&book));
    assert_eq!(at(&before, "grand", "max_seats"), int(1_000));
    let (book, _) = book.apply(&Change::new().remove(&id("leaf")).clear(&id("grand"), "seats")).unwrap();
    let after = plan.refresh(&whole(&book), &before);
    assert_eq!(at(&after, "grand", "max_seats"), int(100));
    assert_eq!(at(&after, "grand", "min_seats"), int(10));
    assert_eq!(at(&after, "old", "below"), None);
}

#[test]
fn an_amount_of_the_parent_and_of_its_parts_is_not_counted_twice() {
    let list = [
        ("top", "", Some(50)),
        ("a", "top", Some(20)),
        ("b", "top", None),
        ("c", "b", Some(7)),
        ("d", "c", Some(3)),
    ];
    let totals = usual().run(&whole(&book_of(rows(&list), 2)));
    assert_eq!(at(&totals, "top", "preferred"), int(50));
    assert_eq!(at(&totals, "b", "preferred"), int(7));
    let book = book_of(rows(&list), 2).apply(&Change::new().clear(&id("top"), "seats")).unwrap().0;
    assert_eq!(at(&usual().run(&whole(&book)), "top", "preferred"), int(27));
}

#[test]
fn cancelled_accounts_are_out_and_those_below_them_are_in() {
    let mut list = family();
    list[1] = list[1].clone().with("status", "gone");
    let book = book_of(list, 1);
    let both = plan([sum(SUM, "seats"), sum("all", "seats").with_cancelled()]);
    let before = both.run(&whole(&book));
    assert_eq!((at(&before, "grand", SUM), at(&before, "grand", "all")), (int(1_101), int(1_111)));
    let (book, _) = book.apply(&Change::new().set(&id("leaf"), "status", "dead")).unwrap();
    let after = both.refresh(&whole(&book), &before);
    assert_eq!((at(&after, "old", SUM), at(&after, "old", "all")), (None, int(1_010)));
}

#[test]
fn a_hidden_child_does_not_show_in_the_total_of_its_visible_parent() {
    let book = book_of(family(), 1);
    let scope = scope_of(&book, &["grand".to_owned(), "leaf".to_owned()]);
    let totals = usual().run(&book.view(&scope, on("2024-03-01")).unwrap());
    assert_eq!(at(&totals, "grand", SUM), int(1_001));
    assert_eq!(at(&totals, "grand", "count"), int(2));
}

#[test]
fn product_and_type_are_columns_of_a_filter() {
    let list = vec![
        AccountRow::new(id("top"), "Company").with("seats", 1_i64),
        AccountRow::new(id("top/crm"), "Company").under(id("top")).product("CRM").with("seats", 10_i64),
        AccountRow::new(id("top/desk"), "Site").under(id("top")).product("Desk").with("seats", 100_i64),
    ];
    let totals = plan([
        sum("crm", "seats").filter("product == \"CRM\""),
        sum("companies", "seats").filter("account_type == \"Company\""),
        of("both", Operator::Count).filter("product in [\"CRM\", \"Desk\"] && account_type == \"Site\""),
    ])
    .run(&whole(&book_of(list, 2)));
    assert_eq!((at(&totals, "top", "crm"), at(&totals, "top", "companies")), (int(10), int(11)));
    assert_eq!(at(&totals, "top", "both"), int(1));
}

// --- large -------------------------------------------------------------------------------------------

#[test]
fn a_subtree_of_fifty_thousand_moves_and_every_roll_up_is_that_of_a_fresh_book() {
    let name = |n: usize| if n == 50_000 { "moved".to_owned() } else { format!("n{n:06}") };
    // 0..50,000 under the first root, 50,000.. under `moved`, and a second tree beside them.
    let mut list = Vec::new();
    for n in 0..100_000_usize {
        let above = match n {
            0 => None,
            50_000 => Some(7),
            50_001.. => Some(50_000 + (n - 50_000 - 1) / 9),
            _ => Some((n - 1) / 9),
        };
        let mut row = AccountRow::new(id(&name(n)), "Company").with("load", 0.1 * n as f64);
        if let Some(above) = above {
            row = row.under(id(&name(above)));
        }
        if n % 3 > 0 {
            row = row
                .with("seats", n as i64)
                .with("since", date("2024-01-01").plus_days((n % 500) as i32).unwrap());
        }
        row = row
            .with("arr", eur(1_000_000_000_000_000 - n as i64))
            .with("plan", ["basic", "pro", "max"][n % 3]);
        list.push(row);
    }
    list.push(AccountRow::new(id("other"), "Company"));
    list.push(AccountRow::new(id("other-below"), "Company").under(id("other")));
    let plan = plan([
        sum(SUM, "seats"),
        sum("loads", "load"),
        sum("arrs", "arr"),
        of("count", Operator::Count),
        of("mean", Operator::Average("seats".into())).reach(Reach::Descendants),
        of("most", Operator::Max("seats".into())),
        of("latest", Operator::Last { of: "seats".into(), by: "since".into() }),
        of("plans", Operator::Distribution("plan".into())),
        sum("preferred", "seats").reach(Reach::PreferSelf),
    ]);
    let mut book = book_of(list.clone(), 4_096);
    let mut totals = plan.run(&whole(&book));
    let first = at(&totals, "n000007", "count");
    for to in ["n000011", "other-below", "n000007"] {
        book = book.apply(&Change::new().move_under(&id("moved"), &id(to))).unwrap().0;
        list[50_000].parents.clear();
        list[50_000] = list[50_000].clone().under(id(to));
        let (view, fresh) = (whole(&book), whole(&book_of(list.clone(), 1_000)));
        totals = plan.refresh(&view, &totals);
        let want = plan.run(&fresh);
        assert_eq!(view.len(), 100_002);
        for (account, twin) in view.accounts().zip(fresh.accounts()) {
            assert_eq!(account.id_str(), twin.id_str());
            for name in plan.names() {
                let (got, want) = (totals.value(name, account), want.value(name, twin));
                assert_eq!(got, want, "{} {name} under {to}", account.id_str());
            }
        }
        let own = at(&totals, "n000007", "count").unwrap().as_int().unwrap();
        assert_eq!(int(own + if to == "n000007" { 0 } else { 50_000 }), first);
    }
    assert_eq!(at(&totals, "other-below", "count"), int(1));
}

#[test]
fn a_chain_of_a_hundred_thousand_is_rolled_up_refreshed_and_dropped_without_recursion() {
    let name = |n: usize| format!("c{n:06}");
    let list = (0..100_000).map(|n| {
        let row = AccountRow::new(id(&name(n)), "Company").with("seats", 1_i64);
        if n == 0 { row } else { row.under(id(&name(n - 1))) }
    });
    let book = book_of(list.collect(), 8);
    let plan = usual();
    let before = plan.run(&whole(&book));
    assert_eq!(at(&before, &name(0), SUM), int(100_000));
    assert_eq!(at(&before, &name(40_000), "below"), int(59_999));
    let (book, _) = book.apply(&Change::new().set(&id(&name(99_999)), "seats", 5_i64)).unwrap();
    let view = whole(&book);
    let after = plan.refresh(&view, &before);
    assert_eq!(at(&after, &name(0), SUM), int(100_004));
    let top = view.account(&name(0)).unwrap();
    assert_eq!(plan.partial(SUM, top, None).unwrap().value(), int(100_004));
    // What each asks of all above or below it is asked in one pass, whatever else is in the plan.
    let far = ["ancestors.count()", "descendants.count()", "root.seats", "siblings.count()"];
    let far = far.iter().enumerate().map(|(n, text)| sum(&format!("far{n}"), text));
    let all: Vec<RollUp> = far.chain([sum("near", "seats")]).collect();
    let plan = crate::roll_up::plan(all.clone());
    let run = plan.run(&view);
    for roll_up in &all {
        let name = roll_up.name();
        assert_eq!(plan.partial(name, top, None).unwrap().value(), run.value(name, top), "{name}");
    }
}

// --- exactness ---------------------------------------------------------------------------------------

fn star(values: &[Value], attribute: &str, chunk_rows: u32) -> Book {
    let mut list = rows(&[("top", "", None)]);
    for (n, value) in values.iter().enumerate() {
        let row = AccountRow::new(id(&format!("c{n:05}")), "Company").under(id("top"));
        list.push(row.with(attribute, value.clone()));
    }
    book_of(list, chunk_rows)
}

#[test]
fn a_sum_of_doubles_has_the_same_bits_in_any_order_and_packing() {
    let mut rng = Rng(7);
    let mut values: Vec<Value> = Vec::new();
    for n in 0..600 {
        values.push(Value::Double(
            [0.1, 1e15, -1e15, 1e-9, 3.3, -0.7][n % 6] * if n % 7 == 0 { 3.0 } else { 1.0 },
        ));
    }
    let totals = plan([sum("sum_load", "load"), of("average_load", Operator::Average("load".into()))]);
    let mut bits = std::collections::BTreeSet::new();
    for chunk_rows in [1, 7, 64, 4_096] {
        rng.shuffle(&mut values);
        let totals = totals.run(&whole(&star(&values, "load", chunk_rows)));
        let (Some(ExprValue::Double(sum)), Some(ExprValue::Double(mean))) =
            (at(&totals, "top", "sum_load"), at(&totals, "top", "average_load"))
        else {
            panic!()
        };
        bits.insert((sum.to_bits(), mean.to_bits()));
    }
    assert_eq!(bits.len(), 1);
    // Naive addition gives 0.125 here.
    let few = [Value::Double(1e15), Value::Double(0.1), Value::Double(-1e15)];
    let sum = at(&totals.run(&whole(&star(&few, "load", 64))), "top", "sum_load").and_then(|v| v.to_f64());
    assert_eq!(sum.unwrap().to_bits(), 0.1_f64.to_bits(), "{sum:?}");
}

#[test]
fn a_double_out_of_range_makes_its_total_missing_and_no_other() {
    let edge = 4_503_599_627_370_496.0_f64;
    let plan = plan([
        sum("sum_load", "load"),
        of("average_load", Operator::Average("load".into())),
        of("max_load", Operator::Max("load".into())),
        of("count_load", Operator::Count).filter("has(load)"),
    ]);
    for chunk_rows in [1, 64] {
        let fits = [Value::Double(edge), Value::Double(edge), Value::Double(-0.5)];
        let totals = plan.run(&whole(&star(&fits, "load", chunk_rows)));
        assert_eq!(at(&totals, "top", "sum_load"), Some(ExprValue::Double(2.0 * edge)));
        let beyond = [Value::Double(edge * 2.0), Value::Double(1.0)];
        let totals = plan.run(&whole(&star(&beyond, "load", chunk_rows)));
        assert_eq!((at(&totals, "top", "sum_load"), at(&totals, "top", "average_load")), (None, None));
        assert_eq!(at(&totals, "top", "max_load"), Some(ExprValue::Double(edge * 2.0)));
        assert_eq!(at(&totals, "top", "count_load"), int(2));
        assert_eq!(at(&totals, "c00001", "sum_load"), Some(ExprValue::Double(1.0)));
    }
}

/// A whole number has 64 bits, so that a sum of them beyond is missing, and comes back where parts take it back; decimals, money and
/// means have more.
#[test]
fn sums_beyond_64_bits_are_missing_of_whole_numbers_and_exact_of_money() {
    let most = 9_007_199_254_740_992_i64;
    let mean = |name: &str, column: &str| of(name, Operator::Average(column.into()));
    let ints =
        plan([sum(SUM, "seats"), sum("below", "seats").reach(Reach::Descendants), mean("mean", "seats")]);
    let money = plan([sum("sum_arr", "arr"), mean("average_arr", "arr")]);
    for chunk_rows in [1, 64, 4_096] {
        for sign in [1, -1] {
            // 2,000 x 2^53 is above 2^63, in one chunk or through its limbs.
            let values: Vec<Value> = vec![Value::Int(sign * most); 2_000];
            let totals = ints.run(&whole(&star(&values, "seats", chunk_rows)));
            assert_eq!(at(&totals, "top", SUM), None);
            assert_eq!(at(&totals, "top", "below"), None);
            assert_eq!(at(&totals, "top", "mean"), Some(ExprValue::Double((sign * most) as f64)));
            assert_eq!(at(&totals, "c01999", SUM), int(sign * most));
            let values: Vec<Value> = vec![Value::Int(sign * most); 1_023];
            let totals = ints.run(&whole(&star(&values, "seats", chunk_rows)));
            assert_eq!(at(&totals, "top", SUM), int(sign * most * 1_023));
            let values: Vec<Value> = vec![eur(sign * 1_000_000_000_000_000); 20_000];
            let totals = money.run(&whole(&star(&values, "arr", chunk_rows.max(64))));
            let sum = Decimal::new(i128::from(sign) * 20_000_000_000_000_000_000, 2);
            assert_eq!(at(&totals, "top", "sum_arr"), Some(ExprValue::Money(sum, Currency::EUR)));
            assert_eq!(
                at(&totals, "top", "average_arr"),
                nano(i128::from(sign) * 1_000_000_000_000_000_000_000_000, "EUR")
            );
        }
        // Half up, half down: out of 64 bits on the way, and back.
        let mut values = vec![Value::Int(most); 3_000];
        values.extend(vec![Value::Int(-most); 2_999]);
        let totals = ints.run(&whole(&star(&values, "seats", chunk_rows)));
        assert_eq!(at(&totals, "top", SUM), int(most));
    }
}

// --- rates -------------------------------------------------------------------------------------------

#[derive(Debug)]
struct Fixed(&'static [(&'static str, &'static str, i128, u8)]);

impl Rates for Fixed {
    fn rate(&self, from: Currency, to: Currency, _on: Date) -> Option<Decimal> {
        let found = self.0.iter().find(|rate| (rate.0, rate.1) == (from.code(), to.code()))?;
        Some(Decimal::new(found.2, found.3))
    }
}

fn deal(name: &str, account: &str, money: &str, minor: i128) -> ChildRow {
    let row = ChildRow::new(child_id(name), id(account)).with("cur", money);
    row.with("price", Value::Money(Money::from_minor(minor, currency(money))))
}

fn deals_of(list: Vec<ChildRow>, chunk_rows: u32) -> Book {
    let source = MemorySource::new()
        .accounts(rows(&[("top", "", None), ("sub", "top", None)]))
        .children("deals", list);
    Book::builder(schema()).chunk_rows(chunk_rows).load(&source).unwrap_or_else(|error| panic!("{error}")).0
}

fn nano(nano_minor: i128, code: &str) -> Option<ExprValue> {
    let currency = currency(code);
    Some(ExprValue::Money(Decimal::new(nano_minor, 9 + currency.exponent()), currency))
}

fn prices(name: &str) -> RollUp {
    over_deals(name, Operator::Sum("row.price".into()))
}

#[test]
fn money_converts_between_currencies_with_other_minor_units() {
    let rates = Fixed(&[
        ("JPY", "EUR", 61, 4),
        ("KWD", "EUR", 3_021, 3),
        ("EUR", "JPY", 16_393, 2),
        ("EUR", "KWD", 331, 3),
    ]);
    let mut deals =
        vec![deal("a", "top", "JPY", 1_000), deal("b", "sub", "KWD", 1_500), deal("c", "sub", "EUR", 7)];
    let book = deals_of(deals.clone(), 1);
    let to = |code: &str| prices(code).convert_to(currency(code));
    let plan = plan([to("EUR"), to("JPY"), to("KWD"), to("USD")]).with_rates(Arc::new(rates));
    let totals = plan.run(&whole(&book));
    // 1,000 yen are 6.10 EUR; 1.500 KWD are 4.5315 EUR.
    assert_eq!(at(&totals, "top", "EUR"), nano((61_000 + 45_315 + 700) * 10_000_000, "EUR"));
    // Dinars have no rate to yen: what all comes to is not known, however many yen there are.
    assert_eq!(at(&totals, "top", "JPY"), None);
    // 0.07 EUR are 0.02317 KWD, which are 23.17 fils.
    assert_eq!(at(&totals, "sub", "KWD"), nano(1_500 * 1_000_000_000 + 23_170_000_000, "KWD"));
    // No rate at all: missing, not 0.
    assert_eq!(at(&totals, "top", "USD"), None);
    // A deal in pounds, which have no rate, hides the total above it, and not that beside it.
    deals.push(deal("d", "top", "GBP", 99));
    let book = deals_of(deals, 1);
    let totals = plan.run(&whole(&book));
    assert_eq!(at(&totals, "top", "EUR"), None);
    assert_eq!(at(&totals, "sub", "EUR"), nano((45_315 + 700) * 10_000_000, "EUR"));
}

#[test]
fn amounts_at_the_rate_of_a_date_are_not_known_without_the_date() {
    let with = |name: &str, day: Option<&str>| {
        let row = deal(name, "sub", "USD", 1_000);
        match day {
            Some(day) => row.with("closed", date(day)),
            None => row,
        }
    };
    let mut deals = vec![with("a", Some("2024-01-01")), with("b", Some("2024-02-01"))];
    let book = deals_of(deals.clone(), 1);
    let plan = plan([prices("eur").convert_at(Currency::EUR, "row.closed")]);
    let rate = |day: &str| Market.rate(Currency::USD, Currency::EUR, date(day)).unwrap().units();
    // 10^-4 of 1,000 cents, in 10^-9 cents.
    let want = (rate("2024-01-01") + rate("2024-02-01")) * 1_000 * 100_000;
    let totals = plan.run(&whole(&book));
    assert_eq!(at(&totals, "top", "eur"), nano(want, "EUR"));
    // The day of the question does not matter.
    let tomorrow = book.view(&Scope::all(), on("2024-03-02")).unwrap();
    assert_eq!(at(&plan.refresh(&tomorrow, &totals), "top", "eur"), nano(want, "EUR"));
    // Nobody knows the rate of a deal without a day; what has no amount needs none.
    deals.push(ChildRow::new(child_id("blank"), id("sub")).with("cur", "USD"));
    assert_eq!(at(&plan.run(&whole(&deals_of(deals.clone(), 1))), "top", "eur"), nano(want, "EUR"));
    deals.push(with("c", None));
    assert_eq!(at(&plan.run(&whole(&deals_of(deals, 1))), "top", "eur"), None);
}

#[test]
fn slices_by_a_filter_add_up_to_the_converted_total() {
    let mut rng = Rng(11);
    let stages = ["open", "won", "lost"];
    let list = (0..300).map(|n| {
        let money = rng.pick(&["EUR", "USD", "JPY", "KWD"]);
        let account = rng.pick(&["top", "sub"]);
        deal(&format!("d{n}"), account, money, i128::from(rng.whole(1_000_000_000_000_000)))
            .with("stage", stages[n % 3])
    });
    let book = deals_of(list.collect(), 1);
    let all = |name: &str| prices(name).convert_to(currency("KWD"));
    let of_stage = |stage: &str| all(stage).filter(&format!("row.stage == {stage:?}"));
    let plan = plan(stages.map(of_stage).into_iter().chain([all("all")]));
    let totals = plan.run(&whole(&book));
    let nanos = |name: &str| match at(&totals, "top", name) {
        Some(ExprValue::Money(amount, _)) => amount.units(),
        other => panic!("{other:?}"),
    };
    assert_eq!(stages.map(nanos).iter().sum::<i128>(), nanos("all"));
}

#[test]
fn converted_amounts_beyond_128_bits_do_not_depend_on_order() {
    // 10^15 minor units at 10^14 are 10^38 nanos: one fits, two do not, and two less one do.
    let rates = Fixed(&[("USD", "EUR", 100_000_000_000_000, 0)]);
    let big = 1_000_000_000_000_000;
    let sums = |signs: &[i128], chunk_rows: u32| {
        let list = signs.iter().enumerate().map(|(n, sign)| {
            deal(&format!("d{n}"), if n % 2 == 0 { "top" } else { "sub" }, "USD", sign * big)
        });
        let book = deals_of(list.collect(), chunk_rows);
        let plan = plan([prices("eur").convert_to(Currency::EUR)]).with_rates(Arc::new(Fixed(rates.0)));
        at(&plan.run(&whole(&book)), "top", "eur")
    };
    for chunk_rows in [1, 64] {
        for signs in [[1, 1, -1, -1, 1], [1, -1, 1, -1, 1], [-1, -1, 1, 1, 1], [1, 1, 1, -1, -1]] {
            assert_eq!(sums(&signs, chunk_rows), nano(10_i128.pow(38), "EUR"), "{signs:?}");
        }
        assert_eq!(sums(&[1, 1], chunk_rows), None);
        assert_eq!(sums(&[-1, -1], chunk_rows), None);
    }
}

#[test]
fn mixed_money_filtered_to_one_currency_is_money_of_it() {
    let book = deals_of(
        vec![deal("a", "top", "JPY", 10), deal("b", "sub", "JPY", 5), deal("c", "sub", "EUR", 7)],
        1,
    );
    let totals = plan([prices("yen").filter("row.cur == \"JPY\"")]).run(&whole(&book));
    assert_eq!(at(&totals, "top", "yen").unwrap().to_string(), "15 JPY");
}

// --- errors ------------------------------------------------------------------------------------------

#[test]
fn every_error_of_a_list_of_roll_ups_is_reported_at_once() {
    let many: Vec<String> = (0..257).map(|n| format!("v{n}")).collect();
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("note", AttributeType::Text))
        .attribute(Attribute::new("eur", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("usd", AttributeType::Money(Currency::USD)))
        .attribute(Attribute::new(
            "many",
            AttributeType::Enum(EnumValues::new(many.iter().map(String::as_str))),
        ))
        .table(
            ChildTable::new("deals", TableKind::Custom)
                .column(Attribute::new("cur", AttributeType::Text))
                .column(Attribute::new("price", AttributeType::MixedMoney { currency_column: "cur".into() })),
        )
        .build()
        .unwrap();
    let least = |name: &str, column: &str| of(name, Operator::Min(column.into()));
    let counts = |name: &str, column: &str| of(name, Operator::Distribution(column.into()));
    let first = |of: &str, by: &str| Operator::First { of: of.into(), by: by.into() };
    let ratio = |numerator: &str, denominator: &str| Operator::Ratio {
        numerator: numerator.into(),
        denominator: denominator.into(),
    };
    let count = |name: &str, filter: &str| of(name, Operator::Count).filter(filter);
    let list = [
        of("count", Operator::Count),
        of("count", Operator::Count),
        sum("seats", "seats"),
        sum("unknown_column", "arrr"),
        of("unknown_table", Operator::Count).over(Over::Table("deal".into())),
        over_deals("unknown_column_of_row", Operator::Sum("row.pric".into())),
        sum("of_text", "note"),
        of("mean_of_enum", Operator::Average("many".into())),
        least("list", "[note]"),
        over_deals("several_currencies_max", Operator::Max("row.price".into())),
        counts("of_numbers", "seats"),
        counts("too_many", "many"),
        of("by_text_list", first("note", "[note]")),
        count("unknown_type", "account_type == \"Site\""),
        count("unknown_value", "many in [\"v1\", \"w1\"]"),
        count("two_at_once", "seats == \"ten\" && nots == 3"),
        over_deals("amount", Operator::Count).filter("row.price > 5"),
        prices("several_currencies"),
        prices("two_currencies").filter("row.cur in [\"EUR\", \"USD\"]"),
        of("two_columns", ratio("eur", "usd")),
        of("nothing_fits", ratio("note", "arrr")),
        sum("by_no_date", "eur").convert_at(Currency::USD, "seats"),
        sum("nothing_to_convert", "seats").convert_to(Currency::USD),
    ];
    let schema = Arc::new(schema);
    let errors = RollUpPlan::new(&schema, &*schema, list).unwrap_err();
    assert_eq!(errors.to_string(), WRONG);
}

const WRONG: &str = r#"roll-up `count`: another has the same name
roll-up `seats`: its name is that of an attribute or another column
roll-up `unknown_column`: value: E101 arrr
     ^^^^ unknown attribute `arrr`
roll-up `unknown_table`: there is no child table `deal`; did you mean `deals`?
roll-up `unknown_column_of_row`: value: E101 row.pric
         ^^^^ did you mean `price` (money of several currencies)? [replace by `price`]
roll-up `of_text`: there is no sum of text
roll-up `mean_of_enum`: there is no average of enumeration value
roll-up `list`: value: E112 [note]
      ^^^^ a list holds constants only; write x == a || x == b to compare with others
roll-up `several_currencies_max`: these amounts are of several currencies; filter their currency to one, or convert them
roll-up `of_numbers`: there is no distribution of whole number
roll-up `too_many`: 257 values; a distribution counts at most 256
roll-up `by_text_list`: second value: E112 [note]
      ^^^^ a list holds constants only; write x == a || x == b to compare with others
roll-up `unknown_type`: filter: E102 account_type == "Site"
                     ^^^^^^ not a value of `account_type` (Company)
roll-up `unknown_value`: filter: E102 many in ["v1", "w1"]
                    ^^^^ not a value of `many` (v0, v1, v2, v3, v4, v5, v6, v7, ..); did you mean "v1"? [replace by `"v1"`]
roll-up `two_at_once`: filter: E103 seats == "ten" && nots == 3
              ^^^^^ text compared with a whole number
E101 seats == "ten" && nots == 3
                       ^^^^ did you mean `note` (text)? [replace by `note`]
roll-up `amount`: filter: E104 row.price > 5
     ^^^^^^^^^ these amounts are of several currencies; take those of one, as in x.ifCurrency("EUR"), or convert each, as in x.convertTo("EUR")
roll-up `several_currencies`: these amounts are of several currencies; filter their currency to one, or convert them
roll-up `two_currencies`: these amounts are of several currencies; filter their currency to one, or convert them
roll-up `two_columns`: EUR cannot be divided by USD
roll-up `nothing_fits`: second value: E101 arrr
     ^^^^ unknown attribute `arrr`
roll-up `by_no_date`: the day of the rate is whole number, no date
roll-up `nothing_to_convert`: it converts amounts, and reads none"#;
