//! Lambdas in lambdas: a name is read of the account or row that it stands for, whatever lambdas it stands in, and by
//! every evaluator alike; what would compare accounts in pairs is refused. Ruling S102 of `docs::semantics`.

use crate::common::{CHUNK_ROWS, child, config, forest, id, schema as forest_schema};
use crate::expr_book::{agree, as_of, view};
use perennial::expr::{Checked, Checker, ExprErrors, ExprLimits, ExprPlan};
use perennial::source::MemorySource;
use perennial::testkit::{OracleExpr, Random};
use perennial::{
    AccountRow, Attribute, AttributeType, Book, ChildRow, ChildTable, Nesting, Policy, Schema, Scope,
    TableKind, Value,
};
use proptest::prelude::*;

/// r (1 seat) over m (2) over l (3) and k (2); contracts of r: one of plan a, two of b; of m: one of a, one without a plan.
fn chain() -> Book {
    let contracts = ChildTable::new("contracts", TableKind::Contracts)
        .column(Attribute::new("plan", AttributeType::Text))
        .column(Attribute::new("fee", AttributeType::Int));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("plan", AttributeType::Text))
        .attribute(Attribute::new("tags", AttributeType::List))
        .table(contracts)
        .build()
        .unwrap();
    let account = |name: &str, seats: i64| AccountRow::new(id(name), "Company").with("seats", seats);
    let contract = |name: &str, of: &str, fee: i64| ChildRow::new(child(name), id(of)).with("fee", fee);
    let source = MemorySource::new()
        .account(account("r", 1).with("plan", "b").with("tags", Value::list(["x", "y"])))
        .account(account("m", 2).under(id("r")).with("plan", "a").with("tags", Value::list(["y"])))
        .account(account("l", 3).under(id("m")))
        .account(account("k", 2).under(id("m")))
        .child("contracts", contract("r1", "r", 1).with("plan", "a"))
        .child("contracts", contract("r2", "r", 2).with("plan", "b"))
        .child("contracts", contract("r3", "r", 3).with("plan", "b"))
        .child("contracts", contract("m1", "m", 4).with("plan", "a"))
        .child("contracts", contract("m2", "m", 5));
    Book::load(schema, &source, &Policy::strict()).unwrap().0
}

fn checked(book: &Book, text: &str) -> Result<Checked, ExprErrors> {
    Checker::new(&**book.schema()).with_limits(ExprLimits::default().with_lambdas(4)).check(text)
}

/// The answers for r, m, l and k, of every evaluator.
fn answers(text: &str) -> [String; 4] {
    let book = chain();
    let expression = checked(&book, text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    let whole = view(&book);
    agree(&whole, std::slice::from_ref(&expression));
    let plan = ExprPlan::new([&expression]);
    let answers = plan.run(&whole).unwrap();
    ["r", "m", "l", "k"].map(|name| {
        let value = answers.value(0, whole.account(name).unwrap());
        value.map_or_else(|| "-".to_owned(), |value| value.to_string())
    })
}

#[test]
fn a_name_inside_a_lambda_is_read_of_the_account_that_it_stands_for() {
    for (text, wanted) in [
        // Rows in rows of one account.
        ("contracts.exists(x, contracts.exists(y, y.plan == x.plan))", ["true", "true", "false", "false"]),
        ("contracts.count(x, contracts.count(y, y.plan == x.plan) > 1)", ["2", "0", "0", "0"]),
        ("contracts.sum(x, contracts.filter(y, y.plan == x.plan).sum(y, y.fee))", ["11", "4", "-", "-"]),
        ("contracts.sum(x, contracts.filter(y, y.fee > x.fee).count())", ["3", "1", "-", "-"]),
        // Rows of another account, and names of the one that asks.
        ("parent.contracts.exists(x, x.plan == plan)", ["false", "true", "-", "-"]),
        ("root.contracts.count(x, x.fee > seats)", ["2", "1", "0", "1"]),
        ("root.contracts.count(x, parent.contracts.exists(y, y.fee > x.fee))", ["0", "2", "3", "3"]),
        ("parent.contracts.all(x, x.fee < seats)", ["true", "false", "false", "false"]),
        ("parent.contracts.max(x, x.fee * seats)", ["-", "6", "15", "10"]),
        // Rows of an account that a lambda speaks of, and names of that around it.
        ("children.sum(c, c.parent.contracts.sum(d, has(d.plan) ? seats : 0))", ["3", "4", "-", "-"]),
        ("children.sum(c, c.contracts.sum(d, d.fee * seats))", ["9", "-", "-", "-"]),
        ("children.exists(c, contracts.exists(x, x.plan == c.plan))", ["true", "-", "false", "false"]),
        ("contracts.exists(x, children.exists(c, c.plan == x.plan))", ["true", "-", "false", "false"]),
        ("contracts.count(x, children.exists(c, c.seats + seats == x.fee))", ["1", "2", "0", "0"]),
        // The children of the account that asks, inside a lambda over them.
        ("children.sum(c, c.seats * children.count(d, d.seats > seats))", ["2", "5", "-", "-"]),
        ("children.sum(c, c.seats * children.count())", ["2", "10", "-", "-"]),
        ("children.sum(c, c.seats * parent.children.count())", ["0", "5", "-", "-"]),
        ("descendants.sum(d, d.children.count(e, e.seats == d.seats))", ["1", "0", "-", "-"]),
        ("children.sum(c, c.children.count(d, d.seats == seats + 2))", ["1", "0", "-", "-"]),
        ("children.sum(c, c.children.count(d, d.seats == c.seats))", ["1", "0", "-", "-"]),
        // Items of lists, in lambdas over accounts and rows.
        ("children.exists(c, c.tags.exists(t, t in tags))", ["true", "-", "false", "false"]),
        (
            "tags.exists(t, children.exists(c, c.tags.exists(u, u == \"y\")) && t == \"x\")",
            ["true", "false", "-", "-"],
        ),
        ("children.exists(c, tags.all(t, c.tags.exists(u, u != t)))", ["false", "-", "false", "false"]),
    ] {
        assert_eq!(answers(text), wanted, "{text}");
    }
}

#[test]
fn what_would_take_accounts_in_pairs_is_refused() {
    let book = chain();
    for (text, named) in [
        ("parent.children.exists(c, c.seats == seats)", &["seats"][..]),
        ("root.children.filter(c, c.seats > 1).exists(c, c.plan == plan)", &["plan"]),
        ("root.children.filter(c, c.seats > seats).exists(c, c.plan == \"a\")", &["seats"]),
        ("root.children.filter(c, c.seats > seats).count()", &["seats"]),
        ("children.sum(c, children.count(d, d.seats == c.seats))", &["c.seats"]),
        ("children.sum(c, c.parent.children.count(d, d.seats == seats))", &["seats"]),
        ("children.exists(c, c.contracts.exists(x, children.exists(d, d.plan == x.plan)))", &["x.plan"]),
        ("lineage.at(\"Company\").children.exists(c, c.seats == seats)", &["seats"]),
        ("parent.children.exists(c, c.contracts.exists(x, x.plan == plan))", &["plan"]),
        ("siblings.exists(s, s.seats > seats)", &["seats"]),
        (
            "ancestors.max(a, contracts.exists(x, x.fee == a.seats) ? 1 : 0)",
            &["contracts.exists(x, x.fee == a.seats)"],
        ),
        (
            "descendants.exists(d, d.seats > children.count(c, c.seats == seats))",
            &["children.count(c, c.seats == seats)", "seats"],
        ),
        ("children.exists(c, descendants.exists(d, d.seats > c.seats))", &["c.seats"]),
        ("subtree.exists(d, d.under(\"m\") && under(\"r\"))", &["under(\"r\")"]),
    ] {
        let errors = checked(&book, text).expect_err(text);
        let mut found: Vec<&str> = errors.all().iter().map(|error| error.span().text(text)).collect();
        found.sort_unstable();
        assert_eq!(found, named, "{text}\n{errors}");
        assert!(errors.all().iter().all(|error| error.code().as_str() == "E113"), "{text}\n{errors}");
    }
    let errors = checked(&book, "children.sum(c, children.count(d, d.seats == c.seats))").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "E113 children.sum(c, children.count(d, d.seats == c.seats))\n                                                  \
         ^^^^^^^ this is read once for each of `children`, so that accounts are taken in pairs, which takes time by the \
         square of their number: compare with what the walk gives instead"
    );
    let errors = checked(&book, "parent.children.exists(c, c.seats == seats)").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "E113 parent.children.exists(c, c.seats == seats)\n                                          \
         ^^^^^ this is read outside of the lambda, once for each of `parent.children`, which many accounts share; only \
         lambdas over the `children` of the account that is read, child tables and lists may do so: compare with what \
         the walk gives instead"
    );
}

/// A lambda inside a lambda is answered once for all that it is the same for, also of one account alone.
#[test]
fn a_star_of_many_accounts_is_asked_in_one_pass() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .build()
        .unwrap();
    let accounts =
        (0..20_000).map(|number| AccountRow::new(id(&format!("a{number}")), "Company").under(id("hub")));
    let hub = AccountRow::new(id("hub"), "Company").with("seats", 1_i64);
    let source = MemorySource::new().account(hub).accounts(accounts.map(|row| row.with("seats", 2_i64)));
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let whole = view(&book);
    for text in [
        "children.sum(c, c.seats * children.count(d, d.seats > seats))",
        "children.exists(c, c.seats > children.count(d, d.seats > seats)) ? 1 : 800000000",
    ] {
        let expression = checked(&book, text).unwrap();
        let plan = ExprPlan::new([&expression]);
        let hub = whole.account("hub").unwrap();
        assert_eq!(plan.run(&whole).unwrap().value(0, hub).unwrap().to_string(), "800000000");
        assert_eq!(expression.for_accounts(&whole).unwrap().value(hub).unwrap().to_string(), "800000000");
    }
}

// --- any nesting ----------------------------------------------------------------------------------

/// What stands behind a name of an expression.
#[derive(Clone, PartialEq)]
enum Named {
    Account(String),
    Ticket(String),
    Contract(String),
    Item(String),
}

struct Nested {
    random: Random,
    named: Vec<Named>,
    depth: usize,
}

impl Nested {
    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.random.below(of.len() as u64) as usize]
    }

    /// A prefix of an account in reach, now and then of one above it.
    fn account(&mut self) -> String {
        let accounts: Vec<String> = self
            .named
            .iter()
            .filter_map(|named| match named {
                Named::Account(prefix) => Some(prefix.clone()),
                _ => None,
            })
            .collect();
        let own = &accounts[self.random.below(accounts.len() as u64) as usize];
        let place =
            self.pick(&["", "", "", "parent.", "root.", "lineage.at(\"Company\").", "parent.parent."]);
        format!("{own}{place}")
    }

    /// A number of something in reach, that last named if `last`.
    fn number(&mut self, last: bool) -> String {
        let at =
            if last { self.named.len() - 1 } else { self.random.below(self.named.len() as u64) as usize };
        match self.named[at].clone() {
            Named::Account(prefix) => {
                let name = self.pick(&[
                    "seats",
                    "score",
                    "level",
                    "children.count()",
                    "parent.seats",
                    "tickets.count()",
                ]);
                format!("{prefix}{name}")
            }
            Named::Ticket(row) => format!("{row}.hours"),
            Named::Contract(row) => format!("size({row}.currency)"),
            Named::Item(item) => format!("size({item})"),
        }
    }

    fn text(&mut self, last: bool) -> String {
        let at =
            if last { self.named.len() - 1 } else { self.random.below(self.named.len() as u64) as usize };
        match self.named[at].clone() {
            Named::Account(prefix) => format!("{prefix}{}", self.pick(&["name", "id", "parent.name"])),
            Named::Ticket(row) => format!("{row}.title"),
            Named::Contract(row) => format!("{row}.currency"),
            Named::Item(item) => item,
        }
    }

    fn truth(&mut self, last: bool) -> String {
        let compare = self.pick(&["==", "!=", "<", ">="]);
        match self.random.below(6) {
            0 => format!("{} {compare} {}", self.text(last), self.text(false)),
            1 => format!("isNot({}, {})", self.number(last), self.number(false)),
            2 => format!("has({})", self.number(last)),
            3 => {
                let account = self.account();
                format!("({account}under(\"0d-0\") || {} > 0)", self.number(last))
            }
            _ => format!("{} {compare} {}", self.number(last), self.number(false)),
        }
    }

    /// A question of what was last named that may hold lambdas.
    fn question(&mut self) -> String {
        if self.depth == 0 || self.random.below(3) == 0 {
            return self.truth(true);
        }
        let lambda = self.lambda();
        let other = self.truth(true);
        match self.random.below(4) {
            0 => format!("({other} && {lambda})"),
            1 => format!("({lambda} || {other})"),
            2 => format!("({other} ? {lambda} : !{lambda})"),
            _ => format!("({lambda} == {other})").replace(" == has", " != has"),
        }
    }

    /// A yes/no lambda over something in reach.
    fn lambda(&mut self) -> String {
        self.depth -= 1;
        let variable = format!("v{}", self.named.len());
        let account = self.account();
        let (over, named) = match self.random.below(8) {
            0 | 1 => (self.pick(&["children"]), Named::Account(format!("{variable}."))),
            2 => (
                self.pick(&["descendants", "subtree", "lineage", "siblings", "ancestors"]),
                Named::Account(format!("{variable}.")),
            ),
            3 | 4 => ("tickets", Named::Ticket(variable.clone())),
            5 | 6 => ("contracts", Named::Contract(variable.clone())),
            _ => ("tags", Named::Item(variable.clone())),
        };
        let is_list = over == "tags";
        self.named.push(named);
        let filter = match self.random.below(4) {
            0 => format!(".filter({variable}, {})", self.truth(true)),
            _ => String::new(),
        };
        let lambda = match (self.random.below(5), is_list) {
            (0, false) => {
                let number = self.number(true);
                let kind = self.pick(&["sum", "max", "min"]);
                let body = format!("{} ? {number} : {number}", self.question());
                self.named.pop();
                let bound = self.number(false);
                format!("{account}{over}{filter}.{kind}({variable}, {body}) > {bound}")
            }
            (1, false) => {
                let question = self.question();
                self.named.pop();
                let bound = self.number(false);
                format!("{account}{over}{filter}.filter({variable}, {question}).count() <= {bound}")
            }
            (2, _) => {
                let question = self.question();
                self.named.pop();
                format!("{account}{over}{filter}.count({variable}, {question}) == 1")
            }
            _ => {
                let question = self.question();
                self.named.pop();
                let kind = self.pick(&["exists", "all", "exists_one"]);
                format!("{account}{over}{filter}.{kind}({variable}, {question})")
            }
        };
        self.depth += 1;
        format!("({lambda})")
    }
}

fn nested(seed: u64) -> String {
    let depth = 2 + (seed % 2) as usize;
    Nested { random: Random::new(seed), named: vec![Named::Account(String::new())], depth }.lambda()
}

/// The expression, unless it is refused: for pairs of accounts, or for types that do not meet.
fn sound(text: &str) -> Option<Checked> {
    let limits = ExprLimits::default()
        .with_lambdas(5)
        .with_walks(5)
        .with_account_cost(u64::MAX)
        .with_run_cost(u64::MAX);
    match Checker::new(&*forest_schema()).with_limits(limits).check(text) {
        Ok(checked) => Some(checked),
        Err(errors) => {
            let expected =
                errors.all().iter().all(|error| matches!(error.code().as_str(), "E103" | "E108" | "E113"));
            assert!(expected, "{errors}");
            None
        }
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn any_nesting_answers_as_the_oracle(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..30),
        expressions in prop::collection::vec(any::<u64>(), 1..12),
        seen in prop::option::of(prop::collection::vec(any::<bool>(), 30)),
        packing in 0_usize..6,
    ) {
        let expressions: Vec<Checked> = expressions.into_iter().filter_map(|seed| sound(&nested(seed))).collect();
        let (book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::strict());
        let whole = view(&book);
        let scope = match seen {
            None => Scope::all(),
            Some(seen) => {
                let visible = whole.accounts().zip(&seen).filter(|(_, seen)| **seen);
                Scope::of(whole.set(visible.map(|(account, _)| account.place())))
            }
        };
        agree(&book.view(&scope, as_of()).unwrap(), &expressions);
    }
}

/// The property above speaks of something: many nestings are sound, and many of them read what is further out.
#[test]
fn many_generated_nestings_are_sound() {
    let texts: Vec<String> = (0..1_000).map(nested).collect();
    let sound: Vec<&String> = texts.iter().filter(|text| sound(text).is_some()).collect();
    let deep = sound.iter().filter(|text| text.contains("v3")).count();
    assert!(sound.len() > 300 && deep > 50, "{} sound, {deep} deep", sound.len());
    // Some say yes and some no.
    let (book, _) = forest(&[[1, 2, 3, 4, 5], [9, 1, 9, 7, 7], [17, 2, 4, 11, 22], [9, 3, 3, 15, 3]])
        .load(4, Policy::strict());
    let whole = view(&book);
    let mut found = [0, 0, 0];
    for text in sound {
        let checked = self::sound(text).unwrap();
        for account in whole.accounts() {
            match OracleExpr::new(&checked).truth(account) {
                None => found[0] += 1,
                Some(false) => found[1] += 1,
                Some(true) => found[2] += 1,
            }
        }
    }
    assert!(found.iter().all(|found| *found > 50), "{found:?}");
}
