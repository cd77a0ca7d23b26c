//! What does an expression give? The slow, obvious answer.
//!
//! Walks the tree of the expression for one account at a time, asks accounts through the public view, and reckons
//! with values of their own types. It shares no code with the evaluators: not the terms, not the arithmetic.
//!
//! It does not know zones other than that of the question. Segments, usage and derived columns are those of the catalog that
//! it is asked for ([`OracleCatalog`](super::OracleCatalog)); by itself it has no value for them.

mod arithmetic;
mod beside;
mod call;
mod constants;
mod exchange;
mod lambda;
mod period;
mod usage;
mod values;

use std::cmp::Ordering;
use std::sync::Arc;

use self::arithmetic::{in_doubles, reckoned};
pub(super) use self::beside::Beside;
pub(super) use self::period::fiscal_months;
use self::usage::{Days, Events, Series};
pub(super) use self::values::zero;
use self::values::{all, any, as_double, compared, constant, finite, holds, is_in, negated, rank, widened};
use super::oracle_definition::shown;
use super::oracle_usage::EventRow;
use crate::expr::{Ast, BinaryOp, Checked, ExprValue, Node, NodeId, Type};
use crate::{Account, AsOf, Attribute, ChildEntry, ChildTable, Date, StatusGroup};

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
///     let below = account.subtree().filter(|below| !below.is_cancelled());
///     assert_eq!(oracle.truth(account), Some(below.count() > 3));
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
    /// All accounts of a walk, which leaves out those that are cancelled when it is asked.
    Walk(Vec<Account<'v>>),
    Rows(Vec<ChildEntry<'v>>),
    Row(ChildEntry<'v>),
    Events(Events),
    Event(Arc<EventRow>),
    /// The daily values of a metric, and of which days they are asked.
    Series(Arc<str>, Days),
    /// What is read of each week.
    Weeks(Series),
}

type Variables<'v> = Vec<(Arc<str>, Thing<'v>)>;

/// A value, and whether it is a constant number, which takes the type of its peer.
#[derive(Clone)]
struct Operand {
    value: Option<ExprValue>,
    loose: bool,
    /// A constant beside doubles: what is computed from constants is computed in doubles then.
    double: Option<f64>,
}

impl Operand {
    const fn plain(value: Option<ExprValue>) -> Self {
        Self { value, loose: false, double: None }
    }

    /// As a double.
    fn number(&self) -> Option<f64> {
        if self.loose { self.double } else { as_double(self.value.as_ref()?) }
    }

    /// As a value of a type that it widens to.
    fn widened(&self, kind: &Type) -> Option<ExprValue> {
        match (self.loose, kind) {
            (true, Type::Double) => finite(self.double?),
            _ => widened(self.value.clone(), kind),
        }
    }
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
        self.walk(account, None)
            .operand(self.checked.ast().root(), &mut Vec::new())
            .widened(self.checked.kind())
    }

    /// The same, with derived columns, members and usage.
    pub(super) fn value_beside(self, beside: &'c dyn Beside, account: Account<'_>) -> Option<ExprValue> {
        let root = self.checked.ast().root();
        self.walk(account, Some(beside)).operand(root, &mut Vec::new()).widened(self.checked.kind())
    }

    /// Has it no value for an account, for want of a rate?
    pub(super) fn lacks_beside(self, beside: &'c dyn Beside, account: Account<'_>) -> bool {
        self.walk(account, Some(beside)).lacks(self.checked.ast().root(), &mut Vec::new())
    }

    /// Is there an amount among those that it is computed from that has no rate?
    pub(super) fn lacks_rate_beside(self, beside: &'c dyn Beside, account: Account<'_>) -> bool {
        self.walk(account, Some(beside)).lacks_rate(self.checked.ast().root(), &mut Vec::new())
    }

    /// The same of a part, for each child row of an account.
    pub(super) fn child_rows_lack(
        self,
        beside: &'c dyn Beside,
        account: Account<'_>,
        table: &str,
        part: NodeId,
    ) -> Vec<bool> {
        let walk = self.walk(account, Some(beside));
        let row = |row| walk.lacks(part, &mut vec![(Arc::from("row"), Thing::Row(row))]);
        account.child_rows(table).map(row).collect()
    }

    /// The same of a part, for a row of events.
    pub(super) fn event_row_lacks(
        self,
        beside: &'c dyn Beside,
        account: Account<'_>,
        row: &Arc<EventRow>,
        part: NodeId,
    ) -> bool {
        self.walk(account, Some(beside)).lacks(part, &mut vec![(Arc::from("row"), Thing::Event(row.clone()))])
    }

    /// What a part gives for each child row of an account.
    pub(super) fn of_child_rows(
        self,
        beside: &'c dyn Beside,
        account: Account<'_>,
        table: &str,
        part: NodeId,
    ) -> Vec<Option<ExprValue>> {
        let walk = self.walk(account, Some(beside));
        let row = |row| walk.value(part, &mut vec![(Arc::from("row"), Thing::Row(row))]);
        account.child_rows(table).map(row).collect()
    }

    /// What a part gives for a row of events, and whether it reads totals.
    pub(super) fn of_event_row(
        self,
        beside: &'c dyn Beside,
        account: Account<'_>,
        row: &Arc<EventRow>,
        part: NodeId,
    ) -> (Option<ExprValue>, bool) {
        let walk = self.walk(account, Some(beside));
        let value = walk.value(part, &mut vec![(Arc::from("row"), Thing::Event(row.clone()))]);
        (value, walk.reads_totals(part, "row", row))
    }

    fn walk<'v>(self, account: Account<'v>, beside: Option<&'c dyn Beside>) -> Walk<'c, 'v> {
        let (checked, as_of) = (self.checked, account.view().as_of());
        Walk { checked, ast: checked.ast(), account, as_of, beside, day: None }
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

/// Is an account gone? Its status says so in words.
pub(super) fn gone(account: &Account<'_>) -> bool {
    let status = account.value("status").and_then(|status| status.as_text().map(Arc::<str>::from));
    let group = status.and_then(|status| account.view().schema().status_group(&status));
    group == Some(StatusGroup::Cancelled)
}

/// One walk for one account.
struct Walk<'c, 'v> {
    checked: &'c Checked,
    ast: &'c Ast,
    account: Account<'v>,
    as_of: &'v AsOf,
    beside: Option<&'c dyn Beside>,
    /// The day of which alone a metric is asked.
    day: Option<Date>,
}

impl<'v> Walk<'_, 'v> {
    fn value(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<ExprValue> {
        self.widened_at(node, node, variables)
    }

    fn truth(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<bool> {
        match self.value(node, variables)? {
            ExprValue::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn operand(&self, node: NodeId, variables: &mut Variables<'v>) -> Operand {
        let plain = Operand::plain;
        let truth = |truth: Option<bool>| plain(truth.map(ExprValue::Bool));
        match self.ast.node(node) {
            Node::Literal(literal) => constant(literal),
            Node::Not(of) => truth(self.truth(of, variables).map(|truth| !truth)),
            Node::Negate(of) => {
                let of = self.operand(of, variables);
                let double = of.double.map(|double| 0.0 - double);
                Operand { value: of.value.and_then(|value| negated(&value)), double, ..of }
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
            Node::Conditional { test, then, otherwise } => plain(match self.truth(test, variables) {
                Some(true) => self.widened_at(node, then, variables),
                Some(false) => self.widened_at(node, otherwise, variables),
                None => None,
            }),
            Node::List(items) => {
                let kind = match self.checked.kind_of(node) {
                    Some(Type::List(of)) => (**of).clone(),
                    _ => Type::Int,
                };
                let items = items.iter().map(|item| self.operand(*item, variables).widened(&kind));
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

    /// What a part gives, in the type of a node.
    fn widened_at(&self, node: NodeId, part: NodeId, variables: &mut Variables<'v>) -> Option<ExprValue> {
        let operand = self.operand(part, variables);
        match self.checked.kind_of(node) {
            Some(kind) => operand.widened(kind),
            None => operand.value,
        }
    }

    fn chain(&self, operands: &[NodeId], operators: &[BinaryOp], variables: &mut Variables<'v>) -> Operand {
        let mut operands = operands.iter();
        let Some(first) = operands.next() else { return Operand::plain(None) };
        let mut left = self.operand(*first, variables);
        for (op, node) in operators.iter().zip(operands) {
            let right = self.operand(*node, variables);
            let loose = left.loose && right.loose;
            let value = match op {
                BinaryOp::In => self.is_one_of(&left, *first, *node, &right, variables).map(ExprValue::Bool),
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
            let number =
                matches!(value, Some(ExprValue::Int(_) | ExprValue::Decimal(_) | ExprValue::Double(_)));
            let double = match &value {
                Some(ExprValue::Int(int)) => as_double(&ExprValue::Int(*int)),
                _ => in_doubles(*op, left.number(), right.number()),
            };
            left = Operand { value, loose: loose && number, double };
        }
        left
    }

    /// Is a value one of a list? Each item that is written out is compared by itself.
    fn is_one_of(
        &self,
        value: &Operand,
        of: NodeId,
        list: NodeId,
        items: &Operand,
        variables: &mut Variables<'v>,
    ) -> Option<bool> {
        let Node::List(written) = self.ast.node(list) else { return is_in(value, items.value.as_ref()) };
        value.value.as_ref()?;
        let mut same = written.iter().map(|item| {
            let other = self.operand(*item, variables);
            self.ordered(value, &other, of, *item) == Some(Ordering::Equal)
        });
        Some(same.any(|same| same))
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
                    Some(thing) => self.members(thing, rest),
                    None => self.members(Thing::Account(Some(self.account)), names),
                }
            }
            Node::Member { .. } => {
                let (mut first, mut names) = (node, Vec::new());
                while let Node::Member { of, name } = self.ast.node(first) {
                    names.insert(0, name.clone());
                    first = of;
                }
                let thing = self.thing(first, variables);
                self.members(thing, &names)
            }
            Node::Call { function, arguments, .. } => match (&**function, arguments) {
                ("withCancelled", [of]) => match self.thing(*of, variables) {
                    Thing::Walk(accounts) => Thing::Accounts(accounts),
                    thing => thing,
                },
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
                (
                    "events" | "metric" | "lastDays" | "prevDays" | "lastWeeks" | "prevWeeks" | "weekly"
                    | "between",
                    _,
                ) => self.usage_thing(function, arguments, node, variables),
                (_, [of, ..]) if self.is_by_week(function, *of, variables) => {
                    self.weeks_of_call(function, arguments, node, variables)
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

    /// What stands behind names, of which several may spell one with dots: the longest that is declared.
    fn members(&self, thing: Thing<'v>, names: &[Arc<str>]) -> Thing<'v> {
        let mut thing = thing;
        let mut left = names;
        while !left.is_empty() {
            let schema = self.account.view().schema();
            let declared: Vec<&str> = match &thing {
                Thing::Account(_) => {
                    let derived = self.beside.map(Beside::columns).unwrap_or_default();
                    schema.attributes().map(Attribute::name).chain(derived).collect()
                }
                Thing::Row(_) => schema.tables().flat_map(ChildTable::columns).map(Attribute::name).collect(),
                _ => Vec::new(),
            };
            let spelled: Vec<String> =
                (1..=left.len()).map(|many| left.get(..many).unwrap_or_default().join(".")).collect();
            let longest = spelled.iter().rposition(|name| declared.contains(&&**name)).unwrap_or(0);
            thing = self.member(&thing, spelled.get(longest).map_or("", |name| name));
            left = left.get(longest + 1..).unwrap_or_default();
        }
        thing
    }

    fn member(&self, thing: &Thing<'v>, name: &str) -> Thing<'v> {
        let account = match thing {
            Thing::Account(Some(account)) => *account,
            Thing::Row(row) => return Thing::Value(row.value(name).as_ref().map(shown)),
            Thing::Event(row) => return Thing::Value(row.fields.get(name).cloned()),
            Thing::Value(Some(ExprValue::Record(fields))) => {
                let field = fields.iter().find(|(known, _)| **known == *name);
                return Thing::Value(field.map(|(_, value)| value.clone()));
            }
            Thing::Account(None) if self.is_collection(name) => return Thing::Accounts(Vec::new()),
            Thing::Account(None) if matches!(name, "parent" | "root" | "attr") => {
                return Thing::Account(None);
            }
            _ => return Thing::Value(None),
        };
        let attribute = account.view().schema().attribute(name).is_some();
        if attribute {
            return Thing::Value(account.value(name).as_ref().map(shown));
        }
        if let Some(beside) = self.beside.filter(|beside| beside.has_column(name)) {
            return Thing::Value(beside.column(name, account));
        }
        match name {
            "parent" => Thing::Account(account.parent()),
            "root" => Thing::Account(Some(account.root())),
            "ancestors" => Thing::Accounts(account.ancestors().collect()),
            "lineage" => Thing::Accounts(account.lineage().collect()),
            "children" => Thing::Walk(account.children()),
            "descendants" => Thing::Walk(account.descendants().collect()),
            "subtree" => Thing::Walk(account.subtree().collect()),
            "siblings" => Thing::Walk(account.siblings()),
            "level" => Thing::Value(i64::try_from(account.level()).ok().map(ExprValue::Int)),
            "id" => Thing::Value(Some(ExprValue::Text(Arc::from(account.id_str())))),
            "account_type" => Thing::Value(Some(ExprValue::Text(Arc::from(account.account_type())))),
            "product" => Thing::Value(account.product().map(|product| ExprValue::Text(Arc::from(product)))),
            "attr" => Thing::Account(Some(account)),
            table => Thing::Rows(account.child_rows(table).collect()),
        }
    }

    /// The names that a path is written of, behind what begins it.
    fn names_of(&self, node: NodeId) -> Vec<Arc<str>> {
        let (mut first, mut names) = (node, Vec::new());
        while let Node::Member { of, name } = self.ast.node(first) {
            names.insert(0, name.clone());
            first = of;
        }
        match self.ast.node(first) {
            Node::Path(path) => path.iter().cloned().chain(names).collect(),
            _ => names,
        }
    }

    /// The column that a path reads, and of which account, where it is one that a definition gives.
    fn column_read(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<(String, Account<'v>)> {
        let mut first = node;
        while let Node::Member { of, .. } = self.ast.node(first) {
            first = of;
        }
        let names = self.names_of(node);
        let (mut thing, mut left) = match self.ast.node(first) {
            Node::Path(path) => {
                let head = path.first()?;
                match variables.iter().rev().find(|(known, _)| known == head) {
                    Some((_, thing)) => (thing.clone(), names.get(1..)?),
                    None => (Thing::Account(Some(self.account)), &*names),
                }
            }
            _ => (self.thing(first, variables), &*names),
        };
        let beside = self.beside?;
        while let Thing::Account(Some(account)) = thing {
            let (head, rest) = left.split_first()?;
            let spelled = (1..=left.len()).rev().map(|many| left.get(..many).unwrap_or_default().join("."));
            let schema = account.view().schema();
            let longest = spelled
                .into_iter()
                .find(|name| schema.attribute(name).is_some() || beside.columns().contains(&&**name));
            if let Some(name) = longest {
                return (schema.attribute(&name).is_none()).then_some((name, account));
            }
            thing = self.member(&Thing::Account(Some(account)), head);
            left = rest;
        }
        None
    }

    fn is_collection(&self, name: &str) -> bool {
        let words = ["ancestors", "lineage", "children", "descendants", "subtree", "siblings"];
        let table = self.account.view().schema().table(name).is_some();
        words.contains(&name) || table
    }
}
