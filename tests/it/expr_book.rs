//! Expressions over books: chunk by chunk, they answer as the oracle does, whatever the shape of the trees, the
//! packing, the threads and the scope.

use std::collections::BTreeSet;

use crate::common::{CHUNK_ROWS, forest, schema};
use perennial::expr::{Checked, Checker, ExprLimits, ExprPlan, RunError};
use perennial::testkit::OracleExpr;
use perennial::{
    AsOf, Book, Currency, Date, Decimal, ExchangeRate, ExchangeRates, Policy, Rates, Scope, View,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::sync::Arc;

pub fn as_of() -> AsOf {
    // In the middle of the dates of test books.
    AsOf::date_utc(Date::from_days(20_120).unwrap())
}

pub fn view(book: &Book) -> View {
    book.view(&Scope::all(), as_of()).unwrap()
}

/// Rates from dollars, some of the market and some of a plan; of half of them each, none of the pair.
fn rates(seed: u64) -> Arc<dyn Rates> {
    let today = as_of().date();
    let year = as_of().fiscal().year_of(today).unwrap();
    let mut known = ExchangeRates::new();
    for (at, (from, to)) in [
        (Currency::USD, Currency::EUR),
        (Currency::USD, Currency::JPY),
        (Currency::EUR, Currency::JPY),
        (Currency::EUR, Currency::USD),
    ]
    .into_iter()
    .enumerate()
    {
        let bits = seed >> (at * 9);
        let rate = |bits: u64| Decimal::new(i128::from(bits % 977) + 1, 3);
        let since = today.plus_days(-(i32::try_from(bits % 60).unwrap())).unwrap();
        let given = [
            (bits & 1 > 0).then(|| ExchangeRate::market(from, to, since, rate(bits))),
            (bits & 2 > 0)
                .then(|| ExchangeRate::market(from, to, today.plus_days(-400).unwrap(), rate(bits / 3))),
            (bits & 4 > 0).then(|| ExchangeRate::plan(from, to, year, rate(bits / 7))),
        ];
        known = known.with(given.into_iter().flatten()).unwrap();
    }
    Arc::new(known)
}

// --- Expressions by type --------------------------------------------------------------------------

type Text = BoxedStrategy<String>;

fn one(of: &'static [&'static str]) -> Text {
    prop::sample::select(of).prop_map(str::to_owned).boxed()
}

/// Expressions of each type over the account that a prefix names; `depth` bounds how they nest, `walks` how many
/// walks do.
struct Of {
    prefix: String,
    depth: u32,
    walks: u32,
}

impl Of {
    fn deeper(&self) -> Self {
        Self { prefix: self.prefix.clone(), depth: self.depth.saturating_sub(1), walks: self.walks }
    }

    fn name(&self, of: &'static [&'static str]) -> Text {
        let prefix = self.prefix.clone();
        one(of).prop_map(move |name| format!("{prefix}{name}")).boxed()
    }

    /// The account above, at a type or at a level, now and then.
    fn elsewhere(&self) -> Text {
        let prefix = self.prefix.clone();
        let places =
            one(&["parent.", "root.", "parent.parent.", "lineage.at(\"Company\").", "lineage.level(2)."]);
        places.prop_map(move |place| format!("{prefix}{place}")).boxed()
    }

    /// Templates in which `@` is the account.
    fn filled(&self, of: &'static [&'static str]) -> Text {
        let prefix = self.prefix.clone();
        one(of).prop_map(move |text| text.replace('@', &prefix)).boxed()
    }

    fn int(&self) -> Text {
        let leaf = prop_oneof![
            3 => self.name(&["seats", "seats", "level"]),
            1 => (self.elsewhere(), one(&["seats", "level"])).prop_map(|(place, name)| format!("{place}{name}")),
            2 => one(&["0", "1", "2", "-3", "100"]),
            1 => self.name(&["since"]).prop_map(|date| format!("({date} - today())")),
            1 => self.name(&["tags", "name"]).prop_map(|of| format!("size({of})")),
            1 => self.filled(&[
                "int(@name + string(@seats))",
                "int(\" \" + string(@seats) + \".00\")",
                "int(string(@seats) + \".5\")",
                "int(@region)",
                "int(string(@seats) + \"234567890123456789\")",
            ]),
            1 => self.name(&["children.count()", "tickets.count()", "descendants.count()", "siblings.count()", "subtree.withCancelled().count()"]),
        ]
        .boxed();
        if self.depth == 0 {
            return leaf;
        }
        let (a, b) = (self.deeper().int(), self.deeper().int());
        let operator = one(&["+", "-", "*", "/", "%"]);
        let mut all = vec![
            (3, leaf),
            (3, (a.clone(), operator, b.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")).boxed()),
            (
                1,
                (self.deeper().truth(), a.clone(), b.clone())
                    .prop_map(|(t, a, b)| format!("({t} ? {a} : {b})"))
                    .boxed(),
            ),
            (1, (a.clone(), b.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")).boxed()),
            (1, (a.clone(), b).prop_map(|(a, b)| format!("math.least({a}, {b})")).boxed()),
            (1, a.prop_map(|a| format!("math.abs({a})")).boxed()),
        ];
        if self.walks > 0 {
            all.push((2, self.walk(&["count"], Self::truth)));
            all.push((2, self.walk(&["sum", "min", "max"], Self::int)));
        }
        prop::strategy::Union::new_weighted(all).boxed()
    }

    /// Constants with a fraction, and what is computed from them.
    fn constant() -> Text {
        let leaf =
            one(&["0.1", "0.2", "0.125", "2", "-0.42", "1e3", "7", "-5555555555550.155552", "0.000000001"]);
        let operator = one(&["+", "-", "*", "/"]);
        prop_oneof![
            2 => leaf.clone(),
            2 => (leaf.clone(), operator.clone(), one(&["0.25", "0.3", "0.42", "5105.5"])).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            1 => (leaf.clone(), operator.clone(), leaf.clone(), operator, one(&["0.1", "-1.5", "3.0"]))
                .prop_map(|(a, op, b, then, c)| format!("({a} {op} {b} {then} {c})")),
            1 => leaf.prop_map(|a| format!("-({a} - 0.5)")),
        ]
        .boxed()
    }

    fn number(&self) -> Text {
        let leaf = prop_oneof![
            3 => self.name(&["rate", "rate", "seats"]),
            1 => one(&["0.5", "2.0", "-1.25", "0.0"]),
            1 => self.filled(&[
                "double(@name + string(@seats))",
                "double(string(@seats) + \".125e-\" + string(@level))",
                "double(string(@seats) + \"e30\" + string(@level))",
                "double(string(@seats) + \",5\")",
            ]),
            1 => self.elsewhere().prop_map(|place| format!("{place}rate")),
        ]
        .boxed();
        if self.depth == 0 {
            return leaf;
        }
        let (a, b) = (self.deeper().number(), self.deeper().number());
        let operator = one(&["+", "-", "*"]);
        let mut all = vec![
            (3, leaf),
            (2, (a.clone(), operator, b.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")).boxed()),
            (2, (a, b).prop_map(|(a, b)| format!("ratio({a}, {b})")).boxed()),
            (
                1,
                (self.deeper().money(), self.deeper().money())
                    .prop_map(|(a, b)| format!("({a} / {b})"))
                    .boxed(),
            ),
            (1, self.deeper().int().prop_map(|a| format!("double({a})")).boxed()),
        ];
        if self.walks > 0 {
            all.push((1, self.walk(&["sum", "avg", "max"], Self::number)));
            all.push((1, self.walk(&["avg"], Self::decimal)));
        }
        prop::strategy::Union::new_weighted(all).boxed()
    }

    fn decimal(&self) -> Text {
        let leaf = prop_oneof![
            3 => self.name(&["score"]),
            1 => self.elsewhere().prop_map(|place| format!("{place}score")),
        ]
        .boxed();
        if self.depth == 0 {
            return leaf;
        }
        let operator = one(&["+", "-"]);
        let factor = one(&["2", "0.5", "-0.25"]);
        prop_oneof![
            3 => leaf.clone(),
            1 => (leaf.clone(), operator.clone(), self.deeper().int()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            1 => (leaf.clone(), factor).prop_map(|(a, b)| format!("({a} * {b})")),
            2 => (leaf.clone(), operator, Self::constant()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            1 => (one(&["least", "greatest"]), Self::constant(), leaf.clone(), Self::constant())
                .prop_map(|(f, a, b, c)| format!("math.{f}({a}, {b}, {c})")),
            1 => (leaf.clone(), leaf).prop_map(|(a, b)| format!("({a} * {b})")),
        ]
        .boxed()
    }

    fn money(&self) -> Text {
        let leaf = prop_oneof![
            3 => self.name(&["arr"]),
            1 => self.elsewhere().prop_map(|place| format!("{place}arr")),
        ]
        .boxed();
        if self.depth == 0 {
            return leaf;
        }
        let a = self.deeper().money();
        let factor = one(&["2", "0.1", "rate", "seats"]);
        let prefix = self.prefix.clone();
        let factor = factor.prop_map(move |factor| {
            if factor.starts_with(|c: char| c.is_ascii_digit()) {
                factor
            } else {
                format!("{prefix}{factor}")
            }
        });
        let mut all = vec![
            (4, leaf),
            (
                1,
                (a.clone(), one(&["+", "-"]), a.clone())
                    .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
                    .boxed(),
            ),
            (1, (a.clone(), factor).prop_map(|(a, by)| format!("({a} * {by})")).boxed()),
            (1, a.prop_map(|a| format!("coalesce({a}, 5)")).boxed()),
        ];
        if self.walks > 0 {
            all.push((2, self.walk(&["sum", "min", "max", "avg"], |of| of.name(&["arr"]))));
            let of_one = self.filled(&[
                "@contracts.filter(r, r.currency == \"USD\").sum(r, r.amount)",
                "@contracts.sum(r, r.amount.ifCurrency(\"USD\"))",
                "@contracts.filter(r, \"USD\" == r.currency && r.amount.ifCurrency(\"USD\") > 100).max(r, r.amount)",
                "@contracts.filter(r, r.currency == \"USD\").filter(r, r.amount > @arr).avg(r, r.amount)",
                "@contracts.filter(r, r.currency == \"USD\").min(r, r.amount + @arr)",
            ]);
            all.push((2, of_one));
        }
        // Products of products run out of digits.
        prop::strategy::Union::new_weighted(all).boxed()
    }

    /// Amounts in another currency.
    fn exchanged(&self) -> Text {
        let convert = || {
            prop_oneof![
                2 => Just("convertTo(\"EUR\")".to_owned()),
                1 => Just("convertTo(\"USD\")".to_owned()),
                2 => self.name(&["since"]).prop_map(|day| format!("convertAt(\"EUR\", {day})")),
                1 => Just("convertAt(\"EUR\", startOf(\"month\"))".to_owned()),
                1 => Just("convertAtPlan(\"EUR\")".to_owned()),
                1 => Just("convertTo(\"JPY\")".to_owned()),
            ]
        };
        let amount = if self.depth == 0 { self.name(&["arr"]) } else { self.deeper().money() };
        let leaf = (amount, convert()).prop_map(|(of, convert)| format!("({of}).{convert}")).boxed();
        let mut all = vec![(4, leaf)];
        if self.walks > 0 {
            let prefix = self.prefix.clone();
            all.push((3, self.walk(&["sum", "min", "max", "avg"], Self::exchanged)));
            let rows = one(&[
                "contracts.sum(r, r.amount.convertTo(\"EUR\"))",
                "contracts.max(r, r.amount.convertAt(\"EUR\", @since))",
                "contracts.filter(r, r.currency == \"EUR\").sum(r, r.amount)",
                "contracts.filter(r, r.currency == \"EUR\").avg(r, r.amount).convertTo(\"JPY\")",
                "contracts.filter(r, r.currency == \"EUR\").sum(r, r.amount.convertTo(\"USD\"))",
                "contracts.sum(r, coalesce(r.amount.ifCurrency(\"EUR\"), r.amount.ifCurrency(\"USD\").convertTo(\"EUR\")))",
                "contracts.sum(r, r.currency == \"USD\" ? r.amount.convertTo(\"EUR\") : r.amount.convertAtPlan(\"EUR\"))",
                "contracts.filter(r, r.amount.convertTo(\"EUR\") > 3).avg(r, r.amount.convertTo(\"USD\"))",
                "contracts.filter(r, r.currency != \"USD\").min(r, coalesce(r.amount.convertTo(\"USD\"), @arr.convertTo(\"USD\")))",
            ]);
            let rows = rows.prop_map(move |text| format!("{prefix}{}", text.replace('@', &prefix)));
            all.push((3, rows.boxed()));
        }
        prop::strategy::Union::new_weighted(all).boxed()
    }

    fn date(&self) -> Text {
        let leaf = prop_oneof![
            4 => self.name(&["since"]),
            1 => self.elsewhere().prop_map(|place| format!("{place}since")),
            1 => self.filled(&[
                "date(string(@since.getFullYear()) + \"-02-\" + string(@seats))",
                "date(string(@since.getFullYear()) + \"-0\" + string(@level) + \"-31 \")",
                "date(timestamp(string(@since.getFullYear()) + \"-03-31T23:30:00\" + (@active ? \"Z\" : \"-02:00\")))",
                "date(@plan)",
                "date(timestamp(@name))",
            ]),
            1 => one(&["today()", "daysAgo(7)", "today().addMonths(-11)", "date(\"2025-01-31\")", "startOf(\"month\", -1)", "endOf(\"quarter\")"]),
        ]
        .boxed();
        if self.depth == 0 {
            return leaf;
        }
        let mut all = vec![
            (4, leaf),
            (
                1,
                (self.deeper().date(), one(&["+", "-"]), self.deeper().int())
                    .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
                    .boxed(),
            ),
            (
                2,
                (self.deeper().date(), self.deeper().int(), any::<bool>())
                    .prop_map(|(a, b, method)| {
                        if method { format!("({a}).addMonths({b})") } else { format!("addMonths({a}, {b})") }
                    })
                    .boxed(),
            ),
        ];
        if self.walks > 0 {
            all.push((1, self.walk(&["min", "max"], |of| of.name(&["since"]))));
        }
        prop::strategy::Union::new_weighted(all).boxed()
    }

    fn text(&self) -> Text {
        let leaf = prop_oneof![
            4 => self.name(&["name", "plan", "region"]),
            1 => (self.elsewhere(), one(&["name", "region", "account_type", "id"])).prop_map(|(a, b)| format!("{a}{b}")),
            1 => one(&["\"Acme\"", "\"Über\"", "\"\"", "\"x\""]),
        ]
        .boxed();
        if self.depth == 0 {
            return leaf;
        }
        let mut all = vec![
            (5, leaf.clone()),
            (1, (leaf.clone(), leaf.clone()).prop_map(|(a, b)| format!("({a} + {b})")).boxed()),
            (1, leaf.prop_map(|a| format!("string({a}).lowerAscii()")).boxed()),
        ];
        if self.walks > 0 {
            all.push((1, self.walk(&["min", "max"], |of| of.name(&["name", "id"]))));
        }
        prop::strategy::Union::new_weighted(all).boxed()
    }

    fn truth(&self) -> Text {
        let compare = || one(&["==", "!=", "<", "<=", ">", ">="]);
        let pair = |strategy: Text, other: Text| {
            (strategy, compare(), other).prop_map(|(a, op, b)| format!("{a} {op} {b}")).boxed()
        };
        let deeper = self.deeper();
        let mut all = vec![
            (2, self.name(&["active"])),
            (1, self.name(&["status == \"gone\"", "status in [\"live\", \"gone\"]"])),
            (1, self.elsewhere().prop_map(|place| format!("{place}active")).boxed()),
            (2, pair(deeper.int(), deeper.int())),
            (1, pair(deeper.int(), one(&["0", "2.5", "1"]))),
            (1, pair(deeper.number(), deeper.number())),
            (1, pair(deeper.decimal(), one(&["0.5", "1", "0.125", "-3"]))),
            (1, pair(deeper.decimal(), deeper.decimal())),
            (2, pair(deeper.decimal(), Self::constant())),
            (1, pair(deeper.number(), Self::constant())),
            (
                1,
                (self.name(&["score", "arr", "seats", "rate"]), Self::constant(), Self::constant())
                    .prop_map(|(a, b, c)| format!("{a} in [{b}, {c}]"))
                    .boxed(),
            ),
            (
                1,
                self.name(&["tags"])
                    .prop_map(|tags| format!("{tags}.count(t, t == \"x\" || seats > 3) > 0"))
                    .boxed(),
            ),
            (1, self.name(&["seats", "level"]).prop_map(|x| format!("isNot({x}, floor)")).boxed()),
            (2, pair(deeper.money(), one(&["50", "100.10", "0", "-3.333"]))),
            (1, pair(deeper.money(), deeper.money())),
            (2, pair(deeper.exchanged(), one(&["50", "0.5", "0", "-3"]))),
            (2, pair(deeper.date(), deeper.date())),
            (
                2,
                (deeper.text(), one(&["==", "!=", "<"]), deeper.text())
                    .prop_map(|(a, op, b)| format!("{a} {op} {b}"))
                    .boxed(),
            ),
            (
                1,
                self.name(&[
                    "region == \"EMEA\"",
                    "mood >= \"good\"",
                    "region in [\"APAC\"]",
                    "mood != \"poor\"",
                ]),
            ),
            (
                1,
                self.name(&[
                    "account_type == \"Team\"",
                    "product == \"CRM\"",
                    "account_type in [\"Group\", \"Team\"]",
                ]),
            ),
            (
                1,
                self.name(&[
                    "name in [\"Acme\", \"Zed\"]",
                    "seats in [1, 4, 100]",
                    "arr in [1.001, 20.02]",
                    "rate in [0, 0.5, 3]",
                ]),
            ),
            (
                1,
                self.name(&[
                    "name.contains(\"e\")",
                    "name.startsWithFold(\"ÜB\")",
                    "name.like(\"*c*e\")",
                    "plan.equalsFold(\"ACME\")",
                    "region.startsWith(\"E\")",
                    "name.endsWith(\"d\")",
                ]),
            ),
            (
                1,
                self.name(&[
                    "tags.exists(t, t == \"x\")",
                    "tags.all(t, size(t) > 1)",
                    "tags.containsAll([\"x\"])",
                    "tags.exists_one(t, t != \"\")",
                ]),
            ),
            (
                1,
                self.name(&["name", "seats", "tags", "parent", "parent.seats", "active", "product"])
                    .prop_map(|x| format!("has({x})"))
                    .boxed(),
            ),
            (
                1,
                self.name(&[
                    "since.inLast(90, \"days\")",
                    "since.inNext(2, \"months\")",
                    "since.during(\"this_quarter\")",
                    "since.before(daysAgo(30))",
                ]),
            ),
            (1, self.name(&["seats", "region", "active"]).prop_map(|x| format!("isNot({x}, {x})")).boxed()),
            (1, self.name(&["name"]).prop_map(|x| format!("isNot({x}, \"Acme\")")).boxed()),
        ];
        if self.prefix.is_empty() {
            all.push((
                1,
                one(&[
                    "owns(\"CRM\")",
                    "owns(\"Billing\")",
                    "under(\"0d-0\")",
                    "strictlyUnder(\"0d-0\")",
                    "parent.owns(\"CRM\")",
                ]),
            ));
        }
        if self.depth > 0 {
            let (a, b) = (deeper.truth(), deeper.truth());
            all.push((
                3,
                (a.clone(), one(&["&&", "||"]), b.clone())
                    .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
                    .boxed(),
            ));
            all.push((1, a.clone().prop_map(|a| format!("!({a})")).boxed()));
            all.push((1, a.clone().prop_map(|a| format!("isTrue({a})")).boxed()));
            all.push((
                1,
                (a.clone(), b.clone(), deeper.truth())
                    .prop_map(|(t, a, b)| format!("({t} ? {a} : {b})"))
                    .boxed(),
            ));
            all.push((1, (a, b).prop_map(|(a, b)| format!("({a}) == ({b})")).boxed()));
        }
        if self.walks > 0 {
            all.push((4, self.walk(&["exists", "all", "exists_one"], Self::truth)));
            all.push((1, self.correlated()));
            all.push((1, self.child_rows()));
            let prefix = self.prefix.clone();
            let converted = one(&[
                "contracts.exists(r, r.amount.convertTo(\"EUR\") > 2)",
                "contracts.filter(r, r.amount.convertTo(\"EUR\") > 2).exists(r, r.currency == \"EUR\")",
                "contracts.count(r, r.amount.convertTo(\"JPY\") > 200) > 0",
                "contracts.filter(r, r.amount.convertAtPlan(\"USD\") > 2).count() > 0",
                "children.count(k, k.arr.convertTo(\"EUR\") > @arr.convertTo(\"EUR\")) > 0",
                "tags.count(t, t == \"x\" || @arr.convertTo(\"EUR\") > 3) > 0",
            ]);
            let converted = converted.prop_map(move |text| format!("{prefix}{}", text.replace('@', &prefix)));
            all.push((1, converted.boxed()));
        }
        prop::strategy::Union::new_weighted(all).boxed()
    }

    /// A macro over accounts, with a body that asks its variable.
    fn walk(&self, macros: &'static [&'static str], body: impl Fn(&Self) -> Text) -> Text {
        let variable = format!("v{}", self.walks);
        let inner = Self {
            prefix: format!("{variable}."),
            depth: self.depth.saturating_sub(1),
            walks: self.walks - 1,
        };
        let over = self.name(&[
            "children",
            "descendants",
            "subtree",
            "ancestors",
            "lineage",
            "siblings",
            "parent.children",
            "children.withCancelled()",
            "descendants.withCancelled()",
            "subtree.withCancelled()",
            "siblings.withCancelled()",
            "parent.children.withCancelled()",
        ]);
        let filter = prop_oneof![3 => Just(None), 1 => inner.name(&["active", "seats > 0"]).prop_map(Some)];
        let uses = format!("{variable}.");
        (over, filter, one(macros), body(&inner))
            .prop_map(move |(over, filter, kind, body)| {
                // A body of constants alone is refused: it is asked of the variable.
                let body = if body.contains(&uses) { body } else { inner_default(kind.as_str(), &variable) };
                let filter =
                    filter.map(|filter| format!(".filter({variable}, {filter})")).unwrap_or_default();
                format!("{over}{filter}.{kind}({variable}, {body})")
            })
            .boxed()
    }

    /// Children compared with the account that asks.
    fn correlated(&self) -> Text {
        let prefix = self.prefix.clone();
        one(&["seats", "arr", "since", "rate", "name", "level"])
            .prop_map(move |name| format!("{prefix}children.exists(k, k.{name} > {prefix}{name})"))
            .boxed()
    }

    fn child_rows(&self) -> Text {
        let prefix = self.prefix.clone();
        one(&[
            "tickets.exists(r, r.hours > 5)",
            "tickets.all(r, r.title == \"late\")",
            "tickets.sum(r, r.hours) > 10",
            "tickets.filter(r, r.title == \"late\").count() > 0",
            "tickets.exists(r, r.hours > @seats)",
            "tickets.count(r, r.hours * 2 > @score) > 1",
            "tickets.exists(r, has(@parent) && r.hours > 3)",
            "tickets.avg(r, r.hours) > 4.5",
            "contracts.exists(r, r.currency == \"USD\")",
            "contracts.exists(r, r.amount.ifCurrency(\"EUR\") > 100)",
            "contracts.filter(r, r.currency == \"EUR\" && has(r.amount)).all(r, r.amount > 30)",
            "contracts.count(r, !has(r.amount.ifCurrency(\"USD\"))) > 0",
            "tickets.max(r, r.title) == \"late\"",
        ])
        .prop_map(move |text| format!("{prefix}{}", text.replace('@', &prefix)))
        .boxed()
    }
}

fn inner_default(kind: &str, variable: &str) -> String {
    match kind {
        "exists" | "all" | "exists_one" | "count" => format!("{variable}.active"),
        _ => format!("{variable}.seats"),
    }
}

fn any_expression() -> Text {
    let of = |walks| Of { prefix: String::new(), depth: 3, walks };
    prop_oneof![
        4 => of(2).truth(),
        1 => of(2).int(),
        1 => of(2).number(),
        1 => of(1).money(),
        2 => of(2).exchanged(),
        1 => of(1).decimal(),
        1 => of(1).date(),
        1 => of(1).text(),
    ]
    .boxed()
}

/// Expressions that convert, mostly.
fn converting() -> Text {
    let of = || Of { prefix: String::new(), depth: 3, walks: 2 };
    let compared = of().exchanged().prop_map(|amount| format!("{amount} > 3"));
    let both = (of().truth(), compared.clone()).prop_map(|(a, b)| format!("{a} && {b}"));
    // Lists that are filtered and asked again, of many accounts.
    let of_each = Of { prefix: "c.".to_owned(), depth: 2, walks: 1 };
    let chains = (of_each.exchanged(), 0_usize..4, any::<bool>()).prop_map(|(amount, which, filters)| {
        let last = ["exists(u, u != \"\")", "all(u, u == \"a\")", "filter(u, u != \"b\").exists(u, true)"];
        let filtered = format!("tags.filter(t, t != \"\" && {amount} > 3)");
        match last.get(which) {
            Some(last) if filters => format!("children.filter(c, c.{filtered}.{last}).count()"),
            Some(last) => format!("children.count(c, c.{filtered}.{last})"),
            None => format!("children.sum(c, c.{filtered}.count(u, u != \"\"))"),
        }
    });
    prop_oneof![2 => of().exchanged(), 1 => compared, 1 => both, 1 => of().truth(), 1 => chains].boxed()
}

/// Some rates, and one for each pair and day of which they know none.
#[derive(Debug)]
struct AndMore(Arc<dyn Rates>);

impl Rates for AndMore {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        self.0.rate(from, to, on).or(Some(Decimal::new(777, 2)))
    }

    fn plan(&self, from: Currency, to: Currency, year: Date) -> Option<Decimal> {
        self.0.plan(from, to, year).or(Some(Decimal::new(777, 2)))
    }
}

fn check(text: &str) -> Option<Checked> {
    let schema = schema();
    let limits = ExprLimits::default().with_lambdas(4).with_account_cost(u64::MAX).with_run_cost(u64::MAX);
    match Checker::new(&*schema).with_limits(limits).check(text) {
        Ok(checked) => Some(checked),
        // Types of digits that do not add up, and sums where nothing is common.
        Err(errors) => {
            let expected = errors.all().iter().all(|error| {
                matches!(error.code().as_str(), "E102" | "E103" | "E113" | "E115" | "E302" | "E108")
            });
            assert!(expected, "{errors}");
            None
        }
    }
}

/// An explanation says what evaluation says, its parts add up, and whom it names is visible.
fn explained(
    view: &View,
    expression: &Checked,
    account: perennial::Account<'_>,
    wanted: Option<&perennial::expr::ExprValue>,
) {
    use perennial::expr::{Explanation, Origin, PartKind};
    let why = expression.explain(view, account).unwrap();
    assert_eq!(why.value(), wanted, "{expression}\n{why}");
    for part in why.parts() {
        let below: Vec<Option<bool>> = part.below.iter().map(|at| why.parts()[*at].truth()).collect();
        let kleene = |decided: bool| match below.contains(&Some(decided)) {
            true => Some(decided),
            false if below.contains(&None) => None,
            false => Some(!decided),
        };
        match part.kind {
            PartKind::All => assert_eq!(part.truth(), kleene(false), "{why}"),
            PartKind::Any => assert_eq!(part.truth(), kleene(true), "{why}"),
            PartKind::Not => assert_eq!(part.truth(), below[0].map(|truth| !truth), "{why}"),
            _ => {}
        }
        for reading in &part.reads {
            let named: Vec<&str> = match &reading.from {
                Origin::Account(id) => vec![id.as_str()],
                Origin::Accounts(found) => found.witnesses.iter().map(|(id, _)| id.as_str()).collect(),
                _ => Vec::new(),
            };
            assert!(named.iter().all(|id| view.account(id).is_some()), "{why}");
        }
    }
    if let Some(flip) = why.flip() {
        assert_eq!(flip.to, why.truth() != Some(true));
        assert!(!flip.parts.is_empty(), "{why}");
    }
    let json = serde_json::to_string(&why).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), why);
}

/// What the plan says for each account, and what the oracle says.
pub fn agree(view: &View, expressions: &[Checked]) {
    let plan = ExprPlan::new(expressions);
    let answers = plan.run(view).unwrap();
    for (number, expression) in expressions.iter().enumerate() {
        let oracle = OracleExpr::new(expression);
        let single = expression.for_accounts(view).unwrap();
        let mut members = BTreeSet::new();
        for account in view.accounts() {
            let (found, wanted) = (answers.value(number, account), oracle.value(account));
            assert_eq!(found, wanted, "{expression}\nof {account:?}");
            assert_eq!(single.value(account), wanted, "{expression}\nof {account:?} alone");
            assert_eq!(single.matches(account), answers.matches(number, account));
            explained(view, expression, account, wanted.as_ref());
            if answers.matches(number, account) {
                members.insert(account.id_str().to_owned());
            }
        }
        if expression.is_predicate() {
            let set = answers.matching(number);
            let ids: BTreeSet<String> = set.iter().map(|place| view.id(place).unwrap().to_string()).collect();
            assert_eq!(ids, members, "{expression}");
        }
    }
}

/// What [`rates_that_are_not_told_of_change_nothing`] skips is not all: of conversions with an answer, many are told to lack nothing, and many
/// to lack some.
#[test]
fn conversions_that_lack_rates_and_those_that_lack_none_have_answers() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let given = (prop::collection::vec(any::<[u8; 5]>(), 1..30), converting(), any::<u64>());
    let (mut lack_none, mut lack_some, mut unsettled) = (0, 0, 0);
    for _ in 0..800 {
        let (seeds, text, known) = given.new_tree(&mut runner).unwrap().current();
        let Some(checked) = check(&text) else { continue };
        let (book, _) = forest(&seeds).load(64, Policy::strict());
        let view = view(&book).with_rates(rates(known));
        let single = checked.for_accounts(&view).unwrap();
        if !view.accounts().any(|account| single.value(account).is_some()) {
            continue;
        }
        if checked.lints_in(&view).iter().any(|lint| lint.code().as_str() == "W208") {
            lack_some += 1;
        } else {
            lack_none += 1;
        }
        if !is_settled(&checked) {
            unsettled += 1;
        }
    }
    assert!(lack_none >= 40 && lack_some >= 40 && unsettled >= 40, "{lack_none}, {lack_some}, {unsettled}");
}

/// Does an expression say itself what is, where an amount is not known?
fn is_settled(checked: &Checked) -> bool {
    let says = ["coalesce", "has(", "isNot", "isTrue", "?"];
    says.iter().any(|word| checked.to_string().contains(word))
}

proptest! {
    #![proptest_config(crate::common::config(160))]

    #[test]
    fn chunks_answer_as_the_oracle(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        texts in prop::collection::vec(any_expression(), 1..6),
        packing in 0_usize..6,
        order in any::<u64>(),
        known in any::<u64>(),
    ) {
        let expressions: Vec<Checked> = texts.iter().filter_map(|text| check(text)).collect();
        let (book, _) = forest(&seeds).shuffled(order).load(CHUNK_ROWS[packing], Policy::strict());
        agree(&view(&book).with_rates(rates(known)), &expressions);
    }

    /// A scope hides accounts before anything is asked: the answers are those of a world without them.
    #[test]
    fn what_is_hidden_does_not_exist(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        seen in prop::collection::vec(any::<bool>(), 40),
        texts in prop::collection::vec(any_expression(), 1..6),
        packing in 0_usize..6,
        known in any::<u64>(),
    ) {
        let expressions: Vec<Checked> = texts.iter().filter_map(|text| check(text)).collect();
        let (book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::strict());
        let whole = view(&book);
        let visible = whole.accounts().zip(&seen).filter(|(_, seen)| **seen).map(|(account, _)| account.place());
        let scope = Scope::of(whole.set(visible));
        let visible = book.view(&scope, as_of()).unwrap();
        // Without rates no amount is known.
        let visible = if known % 5 == 0 { visible } else { visible.with_rates(rates(known)) };
        agree(&visible, &expressions);
    }

    /// Where no rate is told to be missing, no answer waits for one: with any other rates beside these it is the same.
    #[test]
    fn rates_that_are_not_told_of_change_nothing(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..30),
        texts in prop::collection::vec(converting(), 1..6),
        packing in 0_usize..6,
        seen in prop::collection::vec(any::<bool>(), 30),
        known in any::<u64>(),
    ) {
        let (book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::strict());
        let whole = view(&book);
        let visible = whole.accounts().zip(&seen).filter(|(_, seen)| **seen).map(|(account, _)| account.place());
        let scope = if known % 3 == 0 { Scope::of(whole.set(visible)) } else { Scope::all() };
        let known = rates(known);
        let more = book.view(&scope, as_of()).unwrap().with_rates(Arc::new(AndMore(known.clone())));
        let view = book.view(&scope, as_of()).unwrap().with_rates(known);
        for checked in texts.iter().filter_map(|text| check(text)) {
            let lints = checked.lints_in(&view);
            let told = lints.iter().any(|lint| lint.code().as_str() == "W208");
            let (with, without) = (checked.for_accounts(&more).unwrap(), checked.for_accounts(&view).unwrap());
            for account in view.accounts() {
                let other = more.account(account.id_str()).unwrap();
                let (with, without) = (with.value(other), without.value(account));
                prop_assert!(told || with == without, "{checked}\nof {account:?}");
                // Who has a value without some rates has it with any, unless he says what it is otherwise.
                prop_assert!(is_settled(&checked) || without.is_none() || with == without, "{checked}\nof {account:?}");
            }
            // With all rates, nothing is told of but amounts without a day or currency.
            let left = checked.lints_in(&more);
            prop_assert!(left.iter().all(|lint| lint.code().as_str() != "W208" || lint.message().contains("since no day is known")), "{left:?}");
        }
    }

    #[test]
    fn one_record_answers_as_the_book(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..20),
        texts in prop::collection::vec(any_expression(), 1..6),
        known in any::<u64>(),
    ) {
        let (book, _) = forest(&seeds).load(64, Policy::strict());
        let view = view(&book).with_rates(rates(known));
        for checked in texts.iter().filter_map(|text| check(text)) {
            let names: Vec<String> = checked.reads().map(str::to_owned).collect();
            let bind = |name: &str| names.iter().position(|known| known == name);
            // What asks the hierarchy or child tables is refused.
            let Ok(rule) = checked.for_records(&as_of(), bind) else { continue };
            let rule = rule.with_rates(rates(known));
            let oracle = OracleExpr::new(&checked);
            for account in view.accounts() {
                let record = Account { values: names.iter().map(|name| match name.as_str() {
                    "account_type" => Some(perennial::Value::text(account.account_type())),
                    "product" => account.product().map(perennial::Value::text),
                    name => account.value(name),
                }).collect() };
                assert_eq!(rule.value(&record), oracle.value(account), "{checked}\nof {account:?}");
            }
        }
    }
}

struct Account {
    values: Vec<Option<perennial::Value>>,
}

impl perennial::expr::Record for Account {
    fn field(&self, number: usize) -> perennial::expr::Field<'_> {
        self.values.get(number).and_then(Option::as_ref).into()
    }
}

#[test]
fn one_thread_answers_as_two() {
    let reference = perennial::testkit::ReferenceBook::new(30_000, 1);
    let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict()).unwrap();
    let checker = Checker::new(&**book.schema());
    let expressions: Vec<Checked> = ["descendants.count() > 3", "subtree.sum(a, a.contract_value)"]
        .iter()
        .map(|text| checker.check(text).unwrap_or_else(|errors| panic!("{errors}")))
        .collect();
    let plan = ExprPlan::new(&expressions);
    let view = view(&book);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let answers = pool.install(|| plan.run(&view).unwrap());
        view.accounts()
            .map(|account| (answers.value(0, account), answers.value(1, account)))
            .collect::<Vec<_>>()
    };
    assert!(run(1) == run(2));
}

/// Stops whatever it watches.
struct Stopped;

impl perennial::Observer for Stopped {
    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn a_run_is_stopped_between_chunks() {
    let reference = perennial::testkit::ReferenceBook::new(20_000, 1);
    let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict()).unwrap();
    let checker = Checker::new(&**book.schema());
    let view = view(&book);
    for text in ["level > 1", "descendants.count() > 3", "has(name)"] {
        let plan = ExprPlan::new([&checker.check(text).unwrap()]);
        assert_eq!(plan.run_observed(&view, &Stopped).map(|_| ()), Err(RunError::Cancelled));
        assert!(plan.run_observed(&view, &()).is_ok());
    }
}

#[test]
fn a_plan_says_what_a_book_does_not_have() {
    use perennial::expr::{Name, Names, Of, Type};
    struct Other;
    let (book, _) = forest(&[[1, 2, 3, 4, 5]]).load(64, Policy::strict());
    let view = view(&book);
    impl Names for Other {
        fn name(&self, _: Of<'_>, name: &str) -> Option<Name> {
            match name {
                "seats" => Some(Name::new(Type::Text)),
                "mrr" => Some(Name::new(Type::Double)),
                _ => None,
            }
        }
        fn each(&self, _: Of<'_>, seen: &mut dyn FnMut(&str)) {
            ["seats", "mrr"].into_iter().for_each(seen);
        }
        fn segment_chain(&self, _: &str) -> Option<usize> {
            Some(1)
        }
    }
    let check = |text: &str| Checker::new(&Other).check(text).unwrap();
    let asked = [check("mrr > 1"), check("seats == \"x\" && inSegment(\"y\")")];
    let errors = ExprPlan::new(&asked).run(&view).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "expression 0: there is no `mrr` here\n\
         expression 1: `seats` is whole number here, not text\n\
         expression 1: the members of segment `y` are not known here"
    );
}

/// Codes of products and account types mean what they meant when the expression was checked, or are refused.
#[test]
fn a_plan_is_refused_where_its_tables_products_or_types_are_others() {
    use perennial::{Attribute, AttributeType, ChildTable, Nesting, Schema, SchemaBuilder, TableKind};
    let schema = |products: [&str; 2], types: [&str; 2], table: &'static str| {
        let rows = ChildTable::new(table, TableKind::Opportunities)
            .column(Attribute::new("size", AttributeType::Int));
        let schema = products.into_iter().fold(Schema::builder(), SchemaBuilder::product);
        let schema = types.into_iter().fold(schema, |schema, name| schema.account_type(name, Nesting::Free));
        std::sync::Arc::new(schema.table(rows).build().unwrap())
    };
    let own = schema(["CRM", "Billing"], ["Group", "Company"], "deals");
    let texts = ["owns(\"CRM\")", "has(lineage.at(\"Company\").product)", "deals.count() > 0"];
    let checked = texts.map(|text| Checker::new(&*own).check(text).unwrap());
    let faults = |schema: &std::sync::Arc<Schema>| -> Vec<String> {
        let (book, _) =
            Book::load(schema.clone(), &perennial::source::MemorySource::new(), &Policy::strict()).unwrap();
        let found = ExprPlan::new(&checked).run(&view(&book));
        found.err().map(|errors| errors.iter().map(ToString::to_string).collect()).unwrap_or_default()
    };
    assert_eq!(faults(&own), [""; 0]);
    let others = faults(&schema(["Billing", "CRM"], ["Company", "Group"], "offers"));
    assert_eq!(others.len(), 4, "{others:?}");
    assert!(
        others[0].starts_with("expression 0: `product` is ")
            && others[3] == "expression 2: there is no table `deals` here",
        "{others:?}"
    );
}

/// The properties above speak of something: nearly all generated expressions are sound, and all kinds of them occur.
#[test]
fn generated_expressions_are_mostly_sound() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = any_expression();
    let (mut sound, mut walks, mut records, mut converted) = (0, 0, 0, 0);
    for _ in 0..1_000 {
        let text = strategy.new_tree(&mut runner).unwrap().current();
        if let Some(checked) = check(&text) {
            sound += 1;
            converted += usize::from(text.contains(".convert"));
            walks += usize::from(text.contains("(v1,") || text.contains("(v2,"));
            records += usize::from(checked.for_records(&as_of(), |_| Some(0)).is_ok());
        }
    }
    assert!(
        sound > 800 && walks > 200 && records > 200 && converted > 100,
        "{sound} sound, {walks} walk, {records} of one record, {converted} convert"
    );
}
