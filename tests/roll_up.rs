//! Is every roll-up what a walk over the subtree gives, whatever the shape, packing, scope and history?

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "helpers of tests are tests; clippy only knows the functions marked as such"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use perennial::source::MemorySource;
use perennial::testkit::{OracleOperator as Op, OracleRollUp};
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, CaseRule, Change, ChildId, ChildRow,
    ChildTable, Currency, Date, Decimal, Duration, EnumValues, FoldPlan, FoldValue, Money, Nesting, Policy,
    Rates, Reach, RollUp, Schema, Scope, StatusGroup, SystemAttribute, TableKind, Timestamp, Totals, Value,
    View,
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

const ATTRIBUTES: [&str; 12] = [
    "status", "seats", "score", "arr", "load", "time", "since", "seen", "plan", "risk", "vip", "city",
];
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
        let mut at = Some(name.to_owned());
        while let Some(name) = at {
            if name == top {
                return true;
            }
            at = self.accounts[&name].parent.clone();
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
                let lost: Vec<String> = kids
                    .iter()
                    .filter(|kid| gone.contains(&self.kids[*kid].account))
                    .cloned()
                    .collect();
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

fn random_roll_up(rng: &mut Rng) -> OracleRollUp {
    let of_table = rng.chance(50);
    let number: &[&str] = if of_table {
        &["qty", "amount", "weight", "part", "price"]
    } else {
        &["seats", "score", "arr", "load", "time"]
    };
    let ordered: &[&str] = if of_table {
        &["qty", "amount", "weight", "part", "closed", "at"]
    } else {
        &["seats", "score", "arr", "load", "time", "since", "seen", "risk"]
    };
    let any: &[&str] = if of_table { &COLUMNS } else { &ATTRIBUTES };
    let counted: &[&str] = if of_table { &["stage", "hot"] } else { &["plan", "risk", "vip", "status"] };
    let times: &[&str] = if of_table { &["closed", "at"] } else { &["since", "seen"] };
    let column = |rng: &mut Rng, list: &[&str]| rng.pick(list).to_owned();
    let operator = match rng.below(12) {
        0 => Op::Count,
        1 => Op::CountOf(column(rng, any)),
        2..=4 => Op::Sum(column(rng, number)),
        5 => Op::Min(column(rng, ordered)),
        6 => Op::Max(column(rng, ordered)),
        7 => Op::Average(column(rng, number)),
        8 => Op::Ratio(column(rng, number), column(rng, number)),
        9 => Op::First { column: column(rng, any), by: column(rng, times) },
        10 => Op::Last { column: column(rng, any), by: column(rng, times) },
        _ => Op::Distribution(column(rng, counted)),
    };
    let mut ask = OracleRollUp::new(operator.clone());
    ask.table = of_table.then(|| "deals".to_owned());
    ask.reach = rng.pick(&REACHES);
    ask.including_cancelled = rng.chance(30);
    let reads = |name: &str| match &operator {
        Op::Sum(c) | Op::Average(c) => c == name,
        Op::Ratio(a, b) => a == name || b == name,
        _ => false,
    };
    let mixed = reads("price");
    if (mixed && rng.chance(60)) || rng.chance(25) {
        let at = rng.chance(40).then(|| if of_table { "closed" } else { "since" }.to_owned());
        ask.convert = Some((currency(rng.pick(&["EUR", "USD", "JPY", "KWD"])), at));
    } else if mixed {
        ask.filters.push(("cur".to_owned(), vec![Value::text("USD")]));
    }
    for _ in 0..rng.below(3) {
        let text = |list: Vec<&str>| list.into_iter().map(Value::text).collect::<Vec<_>>();
        let filter = if of_table {
            match rng.below(4) {
                0 => ("stage", text(rng.some(&["open", "won", "lost"]))),
                1 => ("hot", vec![Value::Bool(rng.chance(50))]),
                2 => ("closed", (0..4).map(|_| Value::Date(rng.day())).collect()),
                _ => ("weight", vec![Value::Double(0.1), Value::Int(1_000_000_000_000_000)]),
            }
        } else {
            match rng.below(7) {
                0 => ("plan", text(rng.some(&["basic", "pro", "max"]))),
                1 => ("account_type", text(rng.some(&["Company", "Site"]))),
                2 => ("vip", vec![Value::Bool(rng.chance(50))]),
                3 => ("risk", text(rng.some(&["poor", "average", "good"]))),
                4 => ("city", text(rng.some(&["oslo", "bergen"]))),
                5 => ("status", text(rng.some(&["trial", "live", "gone"]))),
                _ => ("score", vec![Value::Int(0), Value::Decimal(Decimal::new(1_000_000_000_000_000, 3))]),
            }
        };
        ask.filters.push((filter.0.to_owned(), filter.1));
    }
    ask
}

fn plan_of(asks: &[OracleRollUp]) -> FoldPlan {
    let roll_ups = asks.iter().enumerate().map(|(n, ask)| ask.roll_up().named(&n.to_string()));
    FoldPlan::with_rates(&schema(), roll_ups, Arc::new(Market)).unwrap_or_else(|errors| panic!("{errors}"))
}

type Answers = BTreeMap<String, Vec<String>>;

// By account; as debug text, which tells every bit of a double and the scale of a decimal.
fn answers(view: &View, totals: &Totals) -> Answers {
    let roll_ups = totals.plan().names().len();
    view.accounts()
        .map(|account| {
            let values = (0..roll_ups).map(|n| format!("{:?}", totals.value_of(account, n)));
            (account.id_str().to_owned(), values.collect())
        })
        .collect()
}

fn oracle(view: &View, asks: &[OracleRollUp]) -> Answers {
    view.accounts()
        .map(|account| {
            let values = asks.iter().map(|ask| format!("{:?}", ask.evaluate(view, account, Some(&Market))));
            (account.id_str().to_owned(), values.collect())
        })
        .collect()
}

fn compare(got: &Answers, want: &Answers, asks: &[OracleRollUp], what: &str) {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_is_one_is_the_oracle(seed in any::<u64>(), accounts in 1_usize..28) {
        let mut rng = Rng(seed);
        let world = World::random(&mut rng, accounts);
        let asks: Vec<OracleRollUp> = (0..8).map(|_| random_roll_up(&mut rng)).collect();
        let plan = plan_of(&asks);
        let some = visible(&mut rng, &world);
        let mut wanted: Vec<Answers> = Vec::new();
        for chunk_rows in [64, 1, 2, 3, 7] {
            let book = world.load(chunk_rows, &mut rng);
            for (number, scope) in [Scope::all(), scope_of(&book, &some)].into_iter().enumerate() {
                let view = book.view(&scope, on("2024-03-01")).unwrap();
                if wanted.len() <= number {
                    wanted.push(oracle(&view, &asks));
                }
                let totals = plan.all(&view);
                let what = format!("chunks of {chunk_rows}, scope {number}");
                compare(&answers(&view, &totals), &wanted[number], &asks, &what);
                let everything = book.view(&Scope::all(), on("2024-03-01")).unwrap();
                for account in everything.accounts() {
                    if !view.sees(account.place()) {
                        prop_assert!((0..asks.len()).all(|n| totals.value_of(account, n).is_none()));
                    }
                }
                for account in view.accounts() {
                    let one = plan.one(account);
                    let values: Vec<String> =
                        (0..asks.len()).map(|n| format!("{:?}", one.value_of(account, n))).collect();
                    prop_assert_eq!(&values, &wanted[number][account.id_str()], "one, {}", what);
                }
            }
        }
    }

    #[test]
    fn what_is_outside_the_scope_shows_in_nothing(seed in any::<u64>(), accounts in 2_usize..28) {
        let mut rng = Rng(seed);
        let world = World::random(&mut rng, accounts);
        let asks: Vec<OracleRollUp> = (0..8).map(|_| random_roll_up(&mut rng)).collect();
        let plan = plan_of(&asks);
        let some = visible(&mut rng, &world);
        let see = |book: &Book| {
            let view = book.view(&scope_of(book, &some), on("2024-03-01")).unwrap();
            answers(&view, &plan.all(&view))
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
        let asks: Vec<OracleRollUp> = (0..8).map(|_| random_roll_up(&mut rng)).collect();
        let plan = plan_of(&asks);
        let chunk_rows = rng.pick(&[1, 2, 3, 7, 64]);
        let mut book = world.load(chunk_rows, &mut rng);
        let mut seen = book.accounts(visible(&mut rng, &world).iter().map(String::as_str));
        let day = rng.pick(&["2024-03-01", "2024-03-02"]);
        let mut all = plan.all(&book.view(&Scope::all(), on(day)).unwrap());
        let mut scoped = plan.all(&book.view(&Scope::of(seen.clone()), on(day)).unwrap());
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
            let want = answers(&whole, &plan.all(&whole));
            compare(&answers(&view, &all), &want, &asks, &what);
            compare(&answers(&view, &plan.all(&view)), &want, &asks, &what);

            let view = book.view(&Scope::of(seen.clone()), on(day)).unwrap();
            scoped = plan.refresh(&view, &scoped);
            let names: Vec<String> = view.accounts().map(|account| account.id_str().to_owned()).collect();
            let part = fresh.view(&scope_of(&fresh, &names), on(day)).unwrap();
            compare(&answers(&view, &scoped), &answers(&part, &plan.all(&part)), &asks, &what);
            if step == 11 {
                compare(&answers(&view, &scoped), &oracle(&part, &asks), &asks, "oracle");
            }
        }
    }

    #[test]
    fn a_roll_up_is_the_sum_over_the_subtree(seed in any::<u64>(), accounts in 1_usize..40) {
        let mut rng = Rng(seed);
        let world = World::random(&mut rng, accounts);
        let book = world.load(rng.pick(&[1, 3, 64]), &mut rng);
        let view = book.view(&Scope::all(), on("2024-03-01")).unwrap();
        let asks: Vec<OracleRollUp> = REACHES[..3]
            .iter()
            .map(|reach| OracleRollUp { reach: *reach, ..OracleRollUp::new(Op::Sum("seats".to_owned())) })
            .collect();
        let totals = plan_of(&asks).all(&view);
        let int = |value: Option<FoldValue>| match value {
            Some(FoldValue::Int(sum)) => sum,
            _ => 0,
        };
        for account in view.accounts() {
            let own = |n| int(totals.value_of(account, n));
            let walked: i128 = account.subtree().map(|below| int(totals.value_of(below, 0))).sum();
            let handed: i128 = account.children().into_iter().map(|c| int(totals.value_of(c, 2))).sum();
            prop_assert_eq!(own(2), walked);
            prop_assert_eq!(own(1), handed);
            prop_assert_eq!(own(2), own(0) + own(1));
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

fn plan(roll_ups: impl IntoIterator<Item = RollUp>) -> FoldPlan {
    let plan = FoldPlan::with_rates(&schema(), roll_ups, Arc::new(Market));
    plan.unwrap_or_else(|errors| panic!("{errors}"))
}

fn at(totals: &Totals, name: &str, roll_up: &str) -> Option<FoldValue> {
    totals.value(totals.view().account(name).unwrap(), roll_up)
}

fn int(sum: i128) -> Option<FoldValue> {
    Some(FoldValue::Int(sum))
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
        let plan = plan([RollUp::first("city", "since").named("first")]);
        let before = plan.all(&whole(&book));
        assert_eq!(at(&before, "top", "first"), Some(FoldValue::Value(Value::text("b"))));
        let come = since(rows(&[("z", "top", None)]).remove(0), "z");
        let (book, _) = book.apply(&Change::new().remove(&id("b")).add(come.clone())).unwrap();
        let refreshed = plan.refresh(&whole(&book), &before);
        assert_eq!(at(&refreshed, "top", "first"), Some(FoldValue::Value(Value::text("m"))), "{chunk_rows}");

        // The same below one child each, so that only the place in the limb is another's.
        let mut deep = rows(&[("top", "", None), ("p", "top", None), ("q", "top", None)]);
        for (name, parent) in [("b", "p"), ("m", "q")] {
            deep.push(since(rows(&[(name, parent, None)]).remove(0), name));
        }
        let book = book_of(deep, chunk_rows);
        let before = plan.all(&whole(&book));
        let come = since(rows(&[("z", "p", None)]).remove(0), "z");
        let (book, _) = book.apply(&Change::new().remove(&id("b")).add(come)).unwrap();
        let refreshed = plan.refresh(&whole(&book), &before);
        assert_eq!(at(&refreshed, "top", "first"), Some(FoldValue::Value(Value::text("m"))), "{chunk_rows}");
    }
}
