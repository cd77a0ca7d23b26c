//! What does an expression give? The slow, obvious answer.
//!
//! Walks the tree of the expression for one account at a time, asks accounts through the public view, and reckons
//! with values of their own types. It shares no code with the evaluators: not the terms, not the arithmetic.
//!
//! It does not know segments, usage and zones other than that of the question: they have no value here.

use std::cmp::Ordering;
use std::sync::Arc;

use super::number::double_of;
use crate::expr::{Ast, BinaryOp, Checked, ExprValue, Literal, MacroKind, Node, NodeId, Type};
use crate::{
    Account, AsOf, ChildEntry, Currency, Date, Decimal, Duration, EnumValues, Timestamp, Value, Weekday,
};

/// The slow, obvious evaluator of expressions.
///
/// ```
/// use perennial::expr::Checker;
/// use perennial::testkit::{OracleExpr, ReferenceBook};
/// use perennial::{AsOf, Book, Date, Policy, Scope};
///
/// let reference = ReferenceBook::new(50, 1);
/// let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let checked = Checker::new(&**book.schema()).check("subtree.count() > 3")?;
/// let oracle = OracleExpr::new(&checked);
/// for account in view.accounts() {
///     assert_eq!(oracle.truth(account), Some(account.subtree().count() > 3));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OracleExpr<'c> {
    checked: &'c Checked,
}

/// What stands behind a name while it is asked.
#[derive(Clone)]
enum Thing<'v> {
    Value(Option<ExprValue>),
    Account(Option<Account<'v>>),
    Accounts(Vec<Account<'v>>),
    Rows(Vec<ChildEntry<'v>>),
    Row(ChildEntry<'v>),
}

type Variables<'v> = Vec<(Arc<str>, Thing<'v>)>;

/// A value, and whether it is a constant number, which takes the type of its peer.
#[derive(Clone)]
struct Operand {
    value: Option<ExprValue>,
    loose: bool,
}

impl<'c> OracleExpr<'c> {
    /// The oracle of an expression.
    #[must_use]
    pub const fn new(checked: &'c Checked) -> Self {
        Self { checked }
    }

    /// Its answer for an account; `None` where it has none.
    #[must_use]
    pub fn value(&self, account: Account<'_>) -> Option<ExprValue> {
        let mut variables = Vec::new();
        let walk =
            Walk { checked: self.checked, ast: self.checked.ast(), account, as_of: account.view().as_of() };
        let root = self.checked.ast().root();
        widened(walk.operand(root, &mut variables).value, self.checked.kind())
    }

    /// Its answer to a yes/no question; `None` where there is none.
    #[must_use]
    pub fn truth(&self, account: Account<'_>) -> Option<bool> {
        match self.value(account)? {
            ExprValue::Bool(truth) => Some(truth),
            _ => None,
        }
    }
}

/// One walk for one account.
struct Walk<'c, 'v> {
    checked: &'c Checked,
    ast: &'c Ast,
    account: Account<'v>,
    as_of: &'v AsOf,
}

impl<'v> Walk<'_, 'v> {
    fn value(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<ExprValue> {
        self.operand(node, variables).value
    }

    fn truth(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<bool> {
        match self.value(node, variables)? {
            ExprValue::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn operand(&self, node: NodeId, variables: &mut Variables<'v>) -> Operand {
        let plain = |value| Operand { value, loose: false };
        let truth = |truth: Option<bool>| plain(truth.map(ExprValue::Bool));
        match self.ast.node(node) {
            Node::Literal(literal) => constant(literal),
            Node::Not(of) => truth(self.truth(of, variables).map(|truth| !truth)),
            Node::Negate(of) => {
                let of = self.operand(of, variables);
                Operand { value: of.value.and_then(|value| negated(&value)), loose: of.loose }
            }
            Node::And(items) => {
                let truths: Vec<Option<bool>> =
                    items.iter().map(|item| self.truth(*item, variables)).collect();
                truth(all(&truths))
            }
            Node::Or(items) => {
                let truths: Vec<Option<bool>> =
                    items.iter().map(|item| self.truth(*item, variables)).collect();
                truth(any(&truths))
            }
            Node::Conditional { test, then, otherwise } => {
                let value = match self.truth(test, variables) {
                    Some(true) => self.value(then, variables),
                    Some(false) => self.value(otherwise, variables),
                    None => None,
                };
                plain(self.widened_at(node, value))
            }
            Node::List(items) => {
                let kind = match self.checked.kind_of(node) {
                    Some(Type::List(of)) => (**of).clone(),
                    _ => Type::Int,
                };
                let items = items.iter().map(|item| widened(self.value(*item, variables), &kind));
                plain(items.collect::<Option<_>>().map(ExprValue::List))
            }
            Node::Index { of, at } => {
                let item = match (self.value(of, variables), self.value(at, variables)) {
                    (Some(ExprValue::List(items)), Some(ExprValue::Int(at))) => {
                        usize::try_from(at).ok().and_then(|at| items.get(at).cloned())
                    }
                    _ => None,
                };
                plain(item)
            }
            Node::Chain { operands, operators } => self.chain(operands, operators, variables),
            Node::Call { function, arguments, .. } => plain(self.call(function, arguments, node, variables)),
            Node::Macro { .. } | Node::Path(_) | Node::Member { .. } => match self.thing(node, variables) {
                Thing::Value(value) => plain(value),
                _ => plain(None),
            },
            Node::Hole => plain(None),
        }
    }

    fn widened_at(&self, node: NodeId, value: Option<ExprValue>) -> Option<ExprValue> {
        match self.checked.kind_of(node) {
            Some(kind) => widened(value, kind),
            None => value,
        }
    }

    fn chain(&self, operands: &[NodeId], operators: &[BinaryOp], variables: &mut Variables<'v>) -> Operand {
        let mut operands = operands.iter();
        let Some(first) = operands.next() else { return Operand { value: None, loose: false } };
        let mut left = self.operand(*first, variables);
        for (op, node) in operators.iter().zip(operands) {
            let right = self.operand(*node, variables);
            let loose = left.loose && right.loose;
            let value = match op {
                BinaryOp::In => is_in(&left, right.value.as_ref()).map(ExprValue::Bool),
                BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Less
                | BinaryOp::LessEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterEqual => {
                    self.ordered(&left, &right, *first, *node).map(|order| ExprValue::Bool(holds(*op, order)))
                }
                _ => reckoned(*op, &left, &right),
            };
            let number = matches!(value, Some(ExprValue::Int(_) | ExprValue::Double(_)));
            left = Operand { value, loose: loose && number };
        }
        left
    }

    /// How two values compare. Bands compare by rank, timestamps with days by the days of the zone.
    fn ordered(&self, left: &Operand, right: &Operand, a: NodeId, b: NodeId) -> Option<Ordering> {
        let (left_value, right_value) = (left.value.as_ref()?, right.value.as_ref()?);
        if let (ExprValue::Text(left), ExprValue::Text(right)) = (left_value, right_value) {
            let band = [a, b].into_iter().find_map(|node| match self.checked.kind_of(node) {
                Some(Type::Band(values)) => Some(values),
                _ => None,
            });
            return Some(match band {
                Some(values) => rank(values, left)?.cmp(&rank(values, right)?),
                None => left.cmp(right),
            });
        }
        match (left_value, right_value) {
            (ExprValue::Timestamp(at), ExprValue::Date(day)) => Some(self.as_of.zone().date(*at).cmp(day)),
            (ExprValue::Date(day), ExprValue::Timestamp(at)) => Some(day.cmp(&self.as_of.zone().date(*at))),
            _ => compared(left, right),
        }
    }

    // --- names ------------------------------------------------------------------------------------

    fn thing(&self, node: NodeId, variables: &mut Variables<'v>) -> Thing<'v> {
        match self.ast.node(node) {
            Node::Path(names) => {
                let Some((head, rest)) = names.split_first() else { return Thing::Value(None) };
                let found = variables.iter().rev().find(|(known, _)| known == head);
                match found.map(|(_, thing)| thing.clone()) {
                    Some(thing) => rest.iter().fold(thing, |thing, name| self.member(&thing, name)),
                    None => names
                        .iter()
                        .fold(Thing::Account(Some(self.account)), |thing, name| self.member(&thing, name)),
                }
            }
            Node::Member { of, name } => {
                let of = self.thing(of, variables);
                self.member(&of, name)
            }
            Node::Call { function, arguments, .. } => match (&**function, arguments) {
                ("at", [of, which]) => {
                    let wanted = self.text(*which, variables);
                    self.in_lineage(*of, variables, |account| {
                        wanted.as_deref() == Some(account.account_type())
                    })
                }
                ("level", [of, which]) => {
                    let wanted = self.value(*which, variables);
                    let level =
                        |account: &Account<'_>| Some(ExprValue::Int(i64::try_from(account.level()).ok()?));
                    self.in_lineage(*of, variables, |account| level(account) == wanted)
                }
                _ => Thing::Value(self.value(node, variables)),
            },
            Node::Macro { kind, over, variable, body } => {
                self.lambda(kind, over, variable, body, node, variables)
            }
            _ => Thing::Value(self.value(node, variables)),
        }
    }

    fn text(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<Arc<str>> {
        match self.value(node, variables)? {
            ExprValue::Text(text) => Some(text),
            _ => None,
        }
    }

    fn in_lineage(
        &self,
        of: NodeId,
        variables: &mut Variables<'v>,
        wanted: impl Fn(&Account<'v>) -> bool,
    ) -> Thing<'v> {
        match self.thing(of, variables) {
            Thing::Accounts(accounts) => Thing::Account(accounts.into_iter().find(|account| wanted(account))),
            _ => Thing::Account(None),
        }
    }

    fn member(&self, thing: &Thing<'v>, name: &str) -> Thing<'v> {
        let account = match thing {
            Thing::Account(Some(account)) => *account,
            Thing::Row(row) => return Thing::Value(row.value(name).as_ref().map(value_of)),
            Thing::Account(None) if self.is_collection(name) => return Thing::Accounts(Vec::new()),
            Thing::Account(None) if matches!(name, "parent" | "root") => return Thing::Account(None),
            _ => return Thing::Value(None),
        };
        let attribute = account.view().schema().attribute(name).is_some();
        if attribute {
            return Thing::Value(account.value(name).as_ref().map(value_of));
        }
        match name {
            "parent" => Thing::Account(account.parent()),
            "root" => Thing::Account(Some(account.root())),
            "ancestors" => Thing::Accounts(account.ancestors().collect()),
            "lineage" => Thing::Accounts(account.lineage().collect()),
            "children" => Thing::Accounts(account.children()),
            "descendants" => Thing::Accounts(account.descendants().collect()),
            "subtree" => Thing::Accounts(account.subtree().collect()),
            "siblings" => Thing::Accounts(account.siblings()),
            "level" => Thing::Value(i64::try_from(account.level()).ok().map(ExprValue::Int)),
            "id" => Thing::Value(Some(ExprValue::Text(Arc::from(account.id_str())))),
            "account_type" => Thing::Value(Some(ExprValue::Text(Arc::from(account.account_type())))),
            "product" => Thing::Value(account.product().map(|product| ExprValue::Text(Arc::from(product)))),
            "attr" => Thing::Account(Some(account)),
            table => Thing::Rows(account.child_rows(table).collect()),
        }
    }

    fn is_collection(&self, name: &str) -> bool {
        let words = ["ancestors", "lineage", "children", "descendants", "subtree", "siblings"];
        let table = self.account.view().schema().table(name).is_some();
        words.contains(&name) || table
    }

    // --- lambdas ----------------------------------------------------------------------------------

    fn lambda(
        &self,
        kind: MacroKind,
        over: NodeId,
        variable: &Arc<str>,
        body: NodeId,
        node: NodeId,
        variables: &mut Variables<'v>,
    ) -> Thing<'v> {
        let over = self.thing(over, variables);
        let list = matches!(over, Thing::Value(_));
        let things: Vec<Thing<'v>> = match over {
            Thing::Accounts(accounts) => {
                accounts.into_iter().map(|account| Thing::Account(Some(account))).collect()
            }
            Thing::Rows(rows) => rows.into_iter().map(Thing::Row).collect(),
            Thing::Value(Some(ExprValue::List(items))) => {
                items.iter().map(|item| Thing::Value(Some(item.clone()))).collect()
            }
            _ => return Thing::Value(None),
        };
        let mut answers = Vec::with_capacity(things.len());
        for thing in &things {
            variables.push((variable.clone(), thing.clone()));
            answers.push(self.value(body, variables));
            variables.pop();
        }
        let truths: Vec<Option<bool>> = answers
            .iter()
            .map(|answer| match answer {
                Some(ExprValue::Bool(truth)) => Some(*truth),
                _ => None,
            })
            .collect();
        let unclear = truths.contains(&None);
        let kept = || {
            things
                .iter()
                .zip(&truths)
                .filter(|(_, truth)| **truth == Some(true))
                .map(|(thing, _)| thing.clone())
        };
        let bool_of = |truth: Option<bool>| Thing::Value(truth.map(ExprValue::Bool));
        match kind {
            MacroKind::Exists => bool_of(any(&truths)),
            MacroKind::All => bool_of(all(&truths)),
            MacroKind::ExistsOne => bool_of((!unclear).then(|| kept().count() == 1)),
            MacroKind::Count | MacroKind::Filter if list && unclear => Thing::Value(None),
            MacroKind::Count => Thing::Value(i64::try_from(kept().count()).ok().map(ExprValue::Int)),
            MacroKind::Filter if list => {
                let items = kept().map(|thing| match thing {
                    Thing::Value(value) => value,
                    _ => None,
                });
                Thing::Value(items.collect::<Option<_>>().map(ExprValue::List))
            }
            MacroKind::Filter => {
                let (mut accounts, mut rows, mut any_row) = (Vec::new(), Vec::new(), false);
                for thing in &things {
                    any_row |= matches!(thing, Thing::Row(_));
                }
                for thing in kept() {
                    match thing {
                        Thing::Account(Some(account)) => accounts.push(account),
                        Thing::Row(row) => rows.push(row),
                        _ => {}
                    }
                }
                if any_row { Thing::Rows(rows) } else { Thing::Accounts(accounts) }
            }
            MacroKind::Map => Thing::Value(answers.into_iter().collect::<Option<_>>().map(ExprValue::List)),
            MacroKind::Sum | MacroKind::Avg => {
                let present: Vec<ExprValue> = answers.into_iter().flatten().collect();
                let kind_of_body = self.checked.kind_of(body);
                let result = self.checked.kind_of(node);
                Thing::Value(added(&present, kind == MacroKind::Avg, kind_of_body, result))
            }
            MacroKind::Min | MacroKind::Max => {
                let band = match self.checked.kind_of(body) {
                    Some(Type::Band(values)) => Some(values),
                    _ => None,
                };
                let better =
                    |order: Ordering| if kind == MacroKind::Min { order.is_lt() } else { order.is_gt() };
                let mut best: Option<ExprValue> = None;
                for value in answers.into_iter().flatten() {
                    let order = match (&best, band) {
                        (Some(ExprValue::Text(best)), Some(values)) => match &value {
                            ExprValue::Text(text) => rank(values, text).cmp(&rank(values, best)),
                            _ => Ordering::Equal,
                        },
                        (Some(best), _) => {
                            let operand =
                                |value: &ExprValue| Operand { value: Some(value.clone()), loose: false };
                            compared(&operand(&value), &operand(best)).unwrap_or(Ordering::Equal)
                        }
                        (None, _) => {
                            best = Some(value);
                            continue;
                        }
                    };
                    if better(order) {
                        best = Some(value);
                    }
                }
                Thing::Value(best)
            }
            MacroKind::Where | MacroKind::Distinct => Thing::Value(None),
        }
    }

    // --- functions --------------------------------------------------------------------------------

    #[expect(clippy::too_many_lines, reason = "one line for each function")]
    fn call(
        &self,
        function: &str,
        arguments: &[NodeId],
        node: NodeId,
        variables: &mut Variables<'v>,
    ) -> Option<ExprValue> {
        let date = |date: Option<Date>| date.map(ExprValue::Date);
        let truth = |truth: bool| Some(ExprValue::Bool(truth));
        let int = |int: Option<i64>| int.map(ExprValue::Int);
        match (function, arguments) {
            ("has", [of]) => truth(match self.thing(*of, variables) {
                Thing::Value(value) => value.is_some(),
                Thing::Account(account) => account.is_some(),
                _ => false,
            }),
            ("coalesce", all) => {
                let found = all.iter().find_map(|argument| self.value(*argument, variables));
                self.widened_at(node, found)
            }
            ("isTrue", [of]) => truth(self.truth(*of, variables) == Some(true)),
            ("isNot", [a, b]) => {
                let (left, right) = (self.operand(*a, variables), self.operand(*b, variables));
                truth(match (&left.value, &right.value) {
                    (None, None) => false,
                    (None, _) | (_, None) => true,
                    _ => self.ordered(&left, &right, *a, *b).is_none_or(Ordering::is_ne),
                })
            }
            ("between", [of, low, high]) => {
                let own = self.operand(*of, variables);
                let (low_value, high_value) = (self.operand(*low, variables), self.operand(*high, variables));
                let above = self.ordered(&own, &low_value, *of, *low).map(Ordering::is_ge);
                let below = self.ordered(&own, &high_value, *of, *high).map(Ordering::is_le);
                all(&[above, below]).map(ExprValue::Bool)
            }
            ("count", [of]) => match self.thing(*of, variables) {
                Thing::Accounts(accounts) => int(i64::try_from(accounts.len()).ok()),
                Thing::Rows(rows) => int(i64::try_from(rows.len()).ok()),
                _ => None,
            },
            ("under" | "strictlyUnder", _) => {
                let Some((account, id)) = self.asked(arguments, variables) else { return truth(false) };
                let top = account.view().account(&id);
                let inside = |top: Account<'_>| account.lineage().any(|above| above.id_str() == top.id_str());
                let own = account.id_str() == &*id;
                truth(top.is_some_and(inside) && !(own && function == "strictlyUnder"))
            }
            ("owns", _) => {
                let Some((account, product)) = self.asked(arguments, variables) else { return truth(false) };
                let gone = |account: &Account<'_>| {
                    let status =
                        account.value("status").and_then(|status| status.as_text().map(Arc::<str>::from));
                    let group = status.and_then(|status| account.view().schema().status_group(&status));
                    group == Some(crate::StatusGroup::Cancelled)
                };
                truth(account.subtree().any(|below| below.product() == Some(&*product) && !gone(&below)))
            }
            ("today", []) => date(Some(self.as_of.date())),
            ("now", []) => Some(ExprValue::Timestamp(self.as_of.instant())),
            ("daysAgo", [n]) => date(self.as_of.date().plus_days(-self.small(*n, variables)?)),
            ("daysFromNow", [n]) => date(self.as_of.date().plus_days(self.small(*n, variables)?)),
            ("startOf" | "endOf", [period, rest @ ..]) => {
                let offset = rest.first().map_or(Some(0), |offset| self.small(*offset, variables))?;
                let (first, last) = self.period(&self.text(*period, variables)?, offset)?;
                date(Some(if function == "startOf" { first } else { last }))
            }
            ("during", [day, name]) => {
                let name = self.text(*name, variables)?;
                let (which, period) = name.split_once('_')?;
                let offset = ["last", "this", "next"].iter().position(|known| *known == which)?;
                let (first, last) = self.period(period, i32::try_from(offset).ok()? - 1)?;
                let day = self.day(*day, variables)?;
                truth(first <= day && day <= last)
            }
            ("inLast" | "inNext", [day, n, unit]) => {
                let (n, unit) = (self.small(*n, variables)?, self.text(*unit, variables)?);
                let today = self.as_of.date();
                let n = if function == "inLast" { -n } else { n };
                let far = match unit.trim_end_matches('s') {
                    "day" => today.plus_days(n),
                    "week" => today.plus_days(n * 7),
                    "month" => today.plus_months(n),
                    "quarter" => today.plus_months(n * 3),
                    _ => today.plus_months(n * 12),
                };
                let day = self.day(*day, variables)?;
                let far = far?;
                truth(if function == "inLast" {
                    far < day && day <= today
                } else {
                    today < day && day <= far
                })
            }
            ("before" | "after", [a, b]) => {
                let (left, right) = (self.operand(*a, variables), self.operand(*b, variables));
                let order = self.ordered(&left, &right, *a, *b)?;
                truth(if function == "before" { order.is_lt() } else { order.is_gt() })
            }
            ("date", [of]) => match self.value(*of, variables)? {
                ExprValue::Timestamp(at) => date(Some(self.as_of.zone().date(at))),
                value => Some(value),
            },
            ("math.least" | "math.greatest", all) => {
                let mut best: Option<Operand> = None;
                for argument in all {
                    let next = self.operand(*argument, variables);
                    next.value.as_ref()?;
                    let better = match &best {
                        None => true,
                        Some(best) => {
                            let order = compared(&next, best)?;
                            if function == "math.least" { order.is_lt() } else { order.is_gt() }
                        }
                    };
                    if better {
                        best = Some(next);
                    }
                }
                self.widened_at(node, best?.value)
            }
            ("ratio", [a, b]) => {
                let (left, right) = (self.operand(*a, variables), self.operand(*b, variables));
                let quotient = as_double(&left.value?)? / as_double(&right.value?)?;
                finite(quotient)
            }
            ("containsAll" | "containsAny", [list, values]) => {
                let (Some(ExprValue::List(list)), Some(ExprValue::List(values))) =
                    (self.value(*list, variables), self.value(*values, variables))
                else {
                    return None;
                };
                let mut found = values.iter().map(|value| list.contains(value));
                truth(if function == "containsAll" {
                    found.all(|found| found)
                } else {
                    found.any(|found| found)
                })
            }
            (_, [first, rest @ ..]) => {
                let value = self.value(*first, variables)?;
                let other = rest.first().and_then(|other| self.value(*other, variables));
                simple(function, &value, other.as_ref(), rest.len())
            }
            _ => None,
        }
    }

    fn asked(&self, arguments: &[NodeId], variables: &mut Variables<'v>) -> Option<(Account<'v>, Arc<str>)> {
        match arguments {
            [which] => Some((self.account, self.text(*which, variables)?)),
            [of, which] => match self.thing(*of, variables) {
                Thing::Account(account) => Some((account?, self.text(*which, variables)?)),
                _ => None,
            },
            _ => None,
        }
    }

    fn small(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<i32> {
        match self.value(node, variables)? {
            ExprValue::Int(int) => i32::try_from(int).ok(),
            _ => None,
        }
    }

    fn day(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<Date> {
        match self.value(node, variables)? {
            ExprValue::Date(date) => Some(date),
            ExprValue::Timestamp(at) => Some(self.as_of.zone().date(at)),
            _ => None,
        }
    }

    /// The first and the last day of a period, found by looking at one day after the other.
    fn period(&self, name: &str, offset: i32) -> Option<(Date, Date)> {
        let today = self.as_of.date();
        let fiscal = i32::from(self.as_of.fiscal().start_month());
        let week = match self.as_of.week_start() {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        };
        // The number of the period that a day lies in.
        let number = |day: Date| {
            let (year, month, _) = day.civil();
            let month = i32::from(month);
            let months = year * 12 + month - 1;
            let fiscal_months = months - (fiscal - 1);
            match name {
                "week" => (day.days() + 3 - week).div_euclid(7),
                "month" => months,
                "quarter" => months.div_euclid(3),
                "year" => year,
                "fiscal_quarter" => fiscal_months.div_euclid(3),
                "fiscal_year" => fiscal_months.div_euclid(12),
                _ => day.days(),
            }
        };
        let wanted = number(today) + offset;
        let step = if offset < 0 { -1 } else { 1 };
        let mut day = today;
        while number(day) != wanted {
            day = day.plus_days(step)?;
        }
        let (mut first, mut last) = (day, day);
        while let Some(before) = first.plus_days(-1).filter(|before| number(*before) == wanted) {
            first = before;
        }
        while let Some(after) = last.plus_days(1).filter(|after| number(*after) == wanted) {
            last = after;
        }
        Some((first, last))
    }
}

// --- values ---------------------------------------------------------------------------------------

/// A value in a type that it widens to.
fn widened(value: Option<ExprValue>, kind: &Type) -> Option<ExprValue> {
    Some(match (value?, kind) {
        (ExprValue::Int(v), Type::Double) => ExprValue::Double(as_double(&ExprValue::Int(v))?),
        // A constant that came about as a double is the number that it is written as.
        (ExprValue::Double(v), Type::Decimal { scale }) => ExprValue::Decimal(written(v)?.rescaled(*scale)?),
        (ExprValue::Double(v), Type::Money { currency, scale }) => {
            ExprValue::Money(written(v)?.rescaled(*scale)?, *currency)
        }
        (ExprValue::Decimal(v), Type::Double) => ExprValue::Double(as_double(&ExprValue::Decimal(v))?),
        (ExprValue::Int(v), Type::Decimal { scale }) => {
            ExprValue::Decimal(Decimal::new(v.into(), 0).rescaled(*scale)?)
        }
        (ExprValue::Decimal(v), Type::Decimal { scale }) => ExprValue::Decimal(v.rescaled(*scale)?),
        (ExprValue::Int(v), Type::Money { currency, scale }) => {
            ExprValue::Money(Decimal::new(v.into(), 0).rescaled(*scale)?, *currency)
        }
        (ExprValue::Decimal(v) | ExprValue::Money(v, _), Type::Money { currency, scale }) => {
            ExprValue::Money(v.rescaled(*scale)?, *currency)
        }
        (value, _) => value,
    })
}

fn constant(literal: &Literal) -> Operand {
    let (value, loose) = match literal {
        Literal::Bool(v) => (ExprValue::Bool(*v), false),
        Literal::Int(v) => (ExprValue::Int(*v), true),
        Literal::Decimal(v) => (ExprValue::Decimal(*v), true),
        Literal::Double(v) => (ExprValue::Double(*v), true),
        Literal::Text(v) => (ExprValue::Text(v.clone()), false),
        Literal::Date(v) => (ExprValue::Date(*v), false),
        Literal::Timestamp(v) => (ExprValue::Timestamp(*v), false),
        Literal::Duration(v) => (ExprValue::Duration(*v), false),
    };
    Operand { value: Some(value), loose }
}

fn value_of(value: &Value) -> ExprValue {
    match value {
        Value::Bool(v) => ExprValue::Bool(*v),
        Value::Int(v) => ExprValue::Int(*v),
        Value::Decimal(v) => ExprValue::Decimal(*v),
        Value::Money(v) => ExprValue::Money(v.major(), v.currency()),
        Value::Double(v) => ExprValue::Double(*v),
        Value::Text(text) | Value::Enum(text) | Value::Band { text, .. } => ExprValue::Text(text.clone()),
        Value::Date(v) => ExprValue::Date(*v),
        Value::Timestamp(v) => ExprValue::Timestamp(*v),
        Value::Duration(v) => ExprValue::Duration(*v),
        Value::List(items) => {
            ExprValue::List(items.iter().map(|item| ExprValue::Text(item.clone())).collect())
        }
    }
}

fn rank(values: &EnumValues, text: &str) -> Option<u16> {
    values.code(text)
}

fn all(truths: &[Option<bool>]) -> Option<bool> {
    if truths.contains(&Some(false)) {
        Some(false)
    } else if truths.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn any(truths: &[Option<bool>]) -> Option<bool> {
    let turned: Vec<Option<bool>> = truths.iter().map(|truth| truth.map(|truth| !truth)).collect();
    all(&turned).map(|none| !none)
}

const fn holds(op: BinaryOp, order: Ordering) -> bool {
    match op {
        BinaryOp::Equal => order.is_eq(),
        BinaryOp::NotEqual => order.is_ne(),
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessEqual => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// The nearest double of a number; an amount in major units.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
fn as_double(value: &ExprValue) -> Option<f64> {
    match value {
        ExprValue::Int(v) => Some(*v as f64),
        ExprValue::Double(v) => Some(*v),
        ExprValue::Decimal(v) | ExprValue::Money(v, _) => v.to_string().parse().ok(),
        _ => None,
    }
}

fn finite(value: f64) -> Option<ExprValue> {
    value.is_finite().then_some(ExprValue::Double(value + 0.0))
}

fn negated(value: &ExprValue) -> Option<ExprValue> {
    Some(match value {
        ExprValue::Int(v) => ExprValue::Int(v.checked_neg()?),
        ExprValue::Decimal(v) => ExprValue::Decimal(Decimal::new(v.units().checked_neg()?, v.scale())),
        ExprValue::Money(v, currency) => {
            ExprValue::Money(Decimal::new(v.units().checked_neg()?, v.scale()), *currency)
        }
        ExprValue::Double(v) => ExprValue::Double(-v + 0.0),
        ExprValue::Duration(v) => ExprValue::Duration(Duration::from_micros(v.micros().checked_neg()?)),
        _ => return None,
    })
}

/// A number that is exact, with the currency of an amount.
fn exact(value: &ExprValue) -> Option<(Decimal, Option<Currency>)> {
    match value {
        ExprValue::Int(v) => Some((Decimal::new((*v).into(), 0), None)),
        ExprValue::Decimal(v) => Some((*v, None)),
        ExprValue::Money(v, currency) => Some((*v, Some(*currency))),
        _ => None,
    }
}

/// Is one of them a double, so that both are? A constant with a fraction is one beside a whole number.
fn as_doubles(left: &Operand, right: &Operand) -> bool {
    let (Some(a), Some(b)) = (&left.value, &right.value) else { return false };
    let fraction =
        |operand: &Operand, value: &ExprValue| operand.loose && matches!(value, ExprValue::Decimal(_));
    let whole = |value: &ExprValue| matches!(value, ExprValue::Int(_));
    matches!(a, ExprValue::Double(_))
        || matches!(b, ExprValue::Double(_))
        || fraction(left, a) && (whole(b) || fraction(right, b))
        || fraction(right, b) && whole(a)
}

fn compared(left: &Operand, right: &Operand) -> Option<Ordering> {
    let (a, b) = (left.value.as_ref()?, right.value.as_ref()?);
    match (a, b) {
        (ExprValue::Bool(a), ExprValue::Bool(b)) => Some(a.cmp(b)),
        (ExprValue::Text(a), ExprValue::Text(b)) => Some(a.cmp(b)),
        (ExprValue::Date(a), ExprValue::Date(b)) => Some(a.cmp(b)),
        (ExprValue::Timestamp(a), ExprValue::Timestamp(b)) => Some(a.cmp(b)),
        (ExprValue::Duration(a), ExprValue::Duration(b)) => Some(a.cmp(b)),
        _ if spelled(left, right).is_some() => compared(&spelled(left, right)?, right),
        _ if spelled(right, left).is_some() => compared(left, &spelled(right, left)?),
        _ if as_doubles(left, right) => as_double(a)?.partial_cmp(&as_double(b)?),
        _ => Some(exact(a)?.0.cmp(&exact(b)?.0)),
    }
}

/// A constant that came about as a double, beside an exact number: the number that it is written as.
fn spelled(constant: &Operand, peer: &Operand) -> Option<Operand> {
    let exact = matches!(peer.value, Some(ExprValue::Decimal(_) | ExprValue::Money(..))) && !peer.loose;
    match constant.value {
        Some(ExprValue::Double(double)) if constant.loose && exact => {
            Some(Operand { value: Some(ExprValue::Decimal(written(double)?)), loose: true })
        }
        _ => None,
    }
}

/// The decimal that a double is written as.
fn written(double: f64) -> Option<Decimal> {
    match Literal::number(double)? {
        Literal::Decimal(decimal) => Some(decimal),
        _ => None,
    }
}

fn is_in(value: &Operand, list: Option<&ExprValue>) -> Option<bool> {
    value.value.as_ref()?;
    let Some(ExprValue::List(items)) = list else { return None };
    let same = |item: &ExprValue| {
        let loose = matches!(item, ExprValue::Int(_) | ExprValue::Decimal(_) | ExprValue::Double(_));
        // An item of a list of doubles stands as it was written.
        let item = match item {
            ExprValue::Double(double) => written(*double).map_or(item.clone(), ExprValue::Decimal),
            item => item.clone(),
        };
        compared(value, &Operand { value: Some(item), loose }) == Some(Ordering::Equal)
    };
    Some(items.iter().any(same))
}

fn reckoned(op: BinaryOp, left: &Operand, right: &Operand) -> Option<ExprValue> {
    let (a, b) = (left.value.as_ref()?, right.value.as_ref()?);
    let add = op == BinaryOp::Add;
    let signed = |by: i64| if add { Some(by) } else { by.checked_neg() };
    match (a, b) {
        (ExprValue::Text(a), ExprValue::Text(b)) if add => {
            return Some(ExprValue::Text(format!("{a}{b}").into()));
        }
        (ExprValue::Date(a), ExprValue::Date(b)) => {
            return Some(ExprValue::Int(i64::from(a.days()) - i64::from(b.days())));
        }
        (ExprValue::Date(day), ExprValue::Int(by)) => {
            let days = i64::from(day.days()).checked_add(signed(*by)?)?;
            return Date::from_days(i32::try_from(days).ok()?).map(ExprValue::Date);
        }
        (ExprValue::Int(by), ExprValue::Date(day)) if add => {
            let days = i64::from(day.days()).checked_add(*by)?;
            return Date::from_days(i32::try_from(days).ok()?).map(ExprValue::Date);
        }
        (ExprValue::Timestamp(a), ExprValue::Timestamp(b)) => {
            return duration(a.micros().checked_sub(b.micros())?);
        }
        (ExprValue::Timestamp(at), ExprValue::Duration(by)) => {
            return Timestamp::from_micros(at.micros().checked_add(signed(by.micros())?)?)
                .map(ExprValue::Timestamp);
        }
        (ExprValue::Duration(by), ExprValue::Timestamp(at)) if add => {
            return Timestamp::from_micros(at.micros().checked_add(by.micros())?).map(ExprValue::Timestamp);
        }
        (ExprValue::Duration(a), ExprValue::Duration(b)) => {
            return duration(a.micros().checked_add(signed(b.micros())?)?);
        }
        _ => {}
    }
    if let (ExprValue::Int(a), ExprValue::Int(b)) = (a, b) {
        let result = match op {
            BinaryOp::Add => a.checked_add(*b),
            BinaryOp::Subtract => a.checked_sub(*b),
            BinaryOp::Multiply => a.checked_mul(*b),
            BinaryOp::Divide => a.checked_div(*b),
            _ => a.checked_rem(*b),
        };
        return result.map(ExprValue::Int);
    }
    if let Some(left) = spelled(left, right) {
        return reckoned(op, &left, right);
    }
    if let Some(right) = spelled(right, left) {
        return reckoned(op, left, &right);
    }
    let doubles = as_doubles(left, right);
    match (a, b) {
        // An amount by a double: nine digits more than its currency has, rounded half to even.
        (ExprValue::Money(amount, currency), ExprValue::Double(by))
        | (ExprValue::Double(by), ExprValue::Money(amount, currency))
            if op == BinaryOp::Multiply =>
        {
            return scaled_by(*amount, *currency, *by);
        }
        _ => {}
    }
    if doubles || op == BinaryOp::Divide {
        let (a, b) = (as_double(a)?, as_double(b)?);
        return finite(match op {
            BinaryOp::Add => a + b,
            BinaryOp::Subtract => a - b,
            BinaryOp::Multiply => a * b,
            _ => a / b,
        });
    }
    let ((a, one), (b, two)) = (exact(a)?, exact(b)?);
    let result = if op == BinaryOp::Multiply {
        Decimal::new(a.units().checked_mul(b.units())?, a.scale() + b.scale())
    } else {
        let scale = a.scale().max(b.scale());
        let (a, b) = (a.rescaled(scale)?.units(), b.rescaled(scale)?.units());
        Decimal::new(if add { a.checked_add(b)? } else { a.checked_sub(b)? }, scale)
    };
    Some(match one.or(two) {
        Some(currency) => ExprValue::Money(result, currency),
        None => ExprValue::Decimal(result),
    })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the nearest double is meant; the range is checked before it is cut"
)]
fn scaled_by(amount: Decimal, currency: Currency, by: f64) -> Option<ExprValue> {
    let scale = amount.scale().max(currency.exponent() + 9);
    let more = 10_f64.powi(i32::from(scale - amount.scale()));
    let product = amount.units() as f64 * by * more;
    let units = (product.abs() < 1e37).then(|| product.round_ties_even() as i128)?;
    Some(ExprValue::Money(Decimal::new(units, scale), currency))
}

fn duration(micros: i64) -> Option<ExprValue> {
    (micros.unsigned_abs() <= (i64::MAX / 1_000).unsigned_abs())
        .then_some(ExprValue::Duration(Duration::from_micros(micros)))
}

/// The sum or the mean of values of one type. Doubles are summed in quanta of 2^-64, so that no order matters.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the nearest double is meant; quanta are whole numbers well inside 128 bits"
)]
fn added(values: &[ExprValue], mean: bool, of: Option<&Type>, result: Option<&Type>) -> Option<ExprValue> {
    const QUANTA: f64 = 18_446_744_073_709_551_616.0;
    let rows = values.len();
    values.first()?;
    let mut sum: i128 = 0;
    for value in values {
        sum = sum.checked_add(match value {
            ExprValue::Int(v) => (*v).into(),
            ExprValue::Decimal(v) | ExprValue::Money(v, _) => v.units(),
            ExprValue::Duration(v) => v.micros().into(),
            ExprValue::Double(v) if v.abs() <= 4_503_599_627_370_496.0 => {
                (v * QUANTA).round_ties_even() as i128
            }
            _ => return None,
        })?;
    }
    match (of?, result?) {
        (Type::Money { currency, scale }, Type::Money { scale: more, .. }) if mean => {
            let units = sum.checked_mul(10_i128.pow(u32::from(more - scale)))?;
            let rows = i128::try_from(rows).ok()?;
            let (down, rest) = (units.div_euclid(rows), units.rem_euclid(rows));
            let up = rest * 2 > rows || rest * 2 == rows && down % 2 != 0;
            Some(ExprValue::Money(Decimal::new(down + i128::from(up), *more), *currency))
        }
        (Type::Int, _) if mean => finite(sum as f64 / rows as f64),
        (Type::Decimal { scale }, _) if mean => finite(double_of(sum, *scale) / rows as f64),
        (Type::Double, _) if mean => finite(sum as f64 / QUANTA / rows as f64),
        (Type::Int, _) => i64::try_from(sum).ok().map(ExprValue::Int),
        (Type::Decimal { scale }, _) => Some(ExprValue::Decimal(Decimal::new(sum, *scale))),
        (Type::Money { currency, scale }, _) => Some(ExprValue::Money(Decimal::new(sum, *scale), *currency)),
        (Type::Double, _) => finite(sum as f64 / QUANTA),
        (Type::Duration, _) => i64::try_from(sum).ok().and_then(duration),
        _ => None,
    }
}

fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

/// Functions of a value or two.
fn simple(
    function: &str,
    value: &ExprValue,
    other: Option<&ExprValue>,
    arguments: usize,
) -> Option<ExprValue> {
    let text = |value: &ExprValue| match value {
        ExprValue::Text(text) => Some(text.clone()),
        _ => None,
    };
    if arguments == 0 {
        return match (function, value) {
            ("size", ExprValue::Text(text)) => i64::try_from(text.chars().count()).ok().map(ExprValue::Int),
            ("size", ExprValue::List(items)) => i64::try_from(items.len()).ok().map(ExprValue::Int),
            ("lowerAscii", ExprValue::Text(text)) => Some(ExprValue::Text(text.to_ascii_lowercase().into())),
            ("upperAscii", ExprValue::Text(text)) => Some(ExprValue::Text(text.to_ascii_uppercase().into())),
            ("math.abs", ExprValue::Int(v)) => v.checked_abs().map(ExprValue::Int),
            ("math.abs", ExprValue::Double(v)) => finite(v.abs()),
            ("math.round", ExprValue::Double(v)) => finite(v.round()),
            ("math.floor", ExprValue::Double(v)) => finite(v.floor()),
            ("math.ceil", ExprValue::Double(v)) => finite(v.ceil()),
            ("double", value) => as_double(value).and_then(finite),
            ("string", ExprValue::Text(text)) => Some(ExprValue::Text(text.clone())),
            ("string" | "bool" | "int", value) => match (function, value) {
                ("string", ExprValue::Int(_) | ExprValue::Bool(_)) => {
                    Some(ExprValue::Text(value.to_string().into()))
                }
                ("bool", ExprValue::Bool(_)) | ("int", ExprValue::Int(_)) => Some(value.clone()),
                _ => None,
            },
            ("getFullYear", ExprValue::Date(date)) => Some(ExprValue::Int(date.year().into())),
            ("getMonth", ExprValue::Date(date)) => Some(ExprValue::Int(i64::from(date.month()) - 1)),
            ("getDate", ExprValue::Date(date)) => Some(ExprValue::Int(date.day().into())),
            _ => None,
        };
    }
    let (own, part) = (text(value)?, text(other?)?);
    Some(ExprValue::Bool(match function {
        "contains" => own.contains(&*part),
        "startsWith" => own.starts_with(&*part),
        "endsWith" => own.ends_with(&*part),
        "equalsFold" => fold(&own) == fold(&part),
        "containsFold" => fold(&own).contains(&fold(&part)),
        "startsWithFold" => fold(&own).starts_with(&fold(&part)),
        "like" => matches_pattern(&own, &part),
        _ => return None,
    }))
}

/// Does a text match a pattern, tried at every place?
fn matches_pattern(text: &str, pattern: &str) -> bool {
    // Which beginnings of the text each beginning of the pattern matches.
    let text: Vec<char> = text.chars().collect();
    let mut reached: Vec<bool> = (0..=text.len()).map(|at| at == 0).collect();
    for sign in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            let before = at.checked_sub(1);
            let fits = if sign == '*' {
                reached.iter().take(at + 1).any(|reached| *reached)
            } else {
                before.is_some_and(|before| {
                    reached.get(before) == Some(&true) && text.get(before) == Some(&sign)
                })
            };
            if let Some(next) = next.get_mut(at) {
                *next = fits;
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}
