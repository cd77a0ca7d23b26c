//! Which rows does a roll-up of a catalog read, and what do they come to?
//!
//! The rows of each account are written out in a list, events as often as there are, and handed to [`OracleDefinition`].

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use serde::Deserialize;

use super::number::Number;
use super::oracle_catalog::coded;
use super::oracle_definition::{OracleAnswer, OracleDefinition, OracleRow};
use super::oracle_expr::{Beside, OracleExpr, fiscal_months, gone, zero};
use super::oracle_usage::EventRow;
use crate::aggregate::{Nulls, Operator, Over, RollUp};
use crate::expr::{Ast, Checked, Checker, ExprValue, Node, NodeId, Type};
use crate::{Account, Currency, Date, Decimal, Reach, View};

/// Rows, and of each whether its rates are known.
type ConvertedRows = Vec<(OracleRow, bool)>;

/// A roll-up with its expressions.
#[derive(Debug)]
pub(super) struct WrittenRollUp {
    stored: Stored,
    filter: Option<RowExpr>,
    first: Option<RowExpr>,
    second: Option<RowExpr>,
    /// The day of the rate.
    day: Option<RowExpr>,
}

/// A roll-up as it is stored.
#[derive(Debug, Deserialize)]
struct Stored {
    #[serde(default)]
    over: Over,
    operator: Operator,
    filter: Option<String>,
    reach: Option<Reach>,
    #[serde(default)]
    levels: Vec<String>,
    #[serde(default)]
    nulls: Nulls,
    #[serde(default)]
    with_cancelled: bool,
    convert: Option<StoredConversion>,
}

#[derive(Debug, Deserialize)]
struct StoredConversion {
    to: Currency,
    at: Option<String>,
    #[serde(default)]
    plan: bool,
}

/// The first day of the fiscal year of a day: the last first month of one that is not after it.
pub(super) fn year_of(view: &View, day: Date) -> Option<Date> {
    let months = fiscal_months(view.as_of().fiscal(), day);
    // Of a table, the last is the day after it.
    let (after, months) = months.split_last()?;
    let starts = months.iter().filter(|(first, _, month)| *month == 0 && *first <= day && day < after.0);
    starts.map(|(first, ..)| *first).next_back()
}

/// An expression over a row. That of child rows and events is checked where `row` is known: inside a lambda over them.
#[derive(Debug)]
pub(super) struct RowExpr {
    checked: Checked,
    /// The expression itself, within what was checked.
    part: NodeId,
    /// It asks the account alone, whatever the row.
    is_of_account: bool,
}

impl RowExpr {
    pub(super) fn new(
        text: &str,
        over: &Over,
        checker: &Checker<'_>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        // Each on a line of its own, so that a comment in it ends with it; twice, so that it is a part with a type.
        let twice = format!("has(coalesce({text}\n, {text}\n))");
        Self::within(text, &twice, over, checker)
            // What cannot be chosen from, as amounts of several currencies, is a name by itself.
            .or_else(|_| Self::within(text, &format!("has({text})"), over, checker))
            // A lambda must ask its row.
            .or_else(|_| Self::within(text, "", &Over::Accounts, checker))
            .map(|read| Self { is_of_account: read.is_of_account && matches!(over, Over::Table(_)), ..read })
    }

    fn within(
        text: &str,
        has: &str,
        over: &Over,
        checker: &Checker<'_>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let within = match over {
            Over::Accounts => text.to_owned(),
            Over::Table(table) => format!("{table}.count(row, {has})"),
            Over::Events { event, .. } => format!("events(\"{event}\").where(row, {has}).count()"),
        };
        let checked = checker.check(&within)?;
        let part = match over {
            Over::Accounts => checked.ast().root(),
            _ => inner(checked.ast(), has.starts_with("has(coalesce("))
                .ok_or("a lambda over rows is parsed as one")?,
        };
        Ok(Self { checked, part, is_of_account: matches!(over, Over::Accounts) })
    }

    fn kind(&self) -> Option<&Type> {
        self.checked.kind_of(self.part)
    }

    /// Has it no value for each child row of an account, for want of a rate?
    fn child_rows_lack(&self, beside: &dyn Beside, account: Account<'_>, table: &str) -> Vec<bool> {
        let oracle = OracleExpr::new(&self.checked);
        if self.is_of_account {
            return vec![oracle.lacks_beside(beside, account); account.child_rows(table).count()];
        }
        oracle.child_rows_lack(beside, account, table, self.part)
    }

    /// What it gives for each child row of an account.
    pub(super) fn of_child_rows(
        &self,
        beside: &dyn Beside,
        account: Account<'_>,
        table: &str,
    ) -> Vec<Option<ExprValue>> {
        let oracle = OracleExpr::new(&self.checked);
        if self.is_of_account {
            return vec![oracle.value_beside(beside, account); account.child_rows(table).count()];
        }
        oracle.of_child_rows(beside, account, table, self.part)
    }
}

impl RowExpr {
    /// What it gives for a row of events.
    pub(super) fn of_event_row(
        &self,
        beside: &dyn Beside,
        account: Account<'_>,
        row: &Arc<EventRow>,
    ) -> Option<ExprValue> {
        OracleExpr::new(&self.checked).of_event_row(beside, account, row, self.part).0
    }
}

/// What is asked in the lambda of an expression, once or twice.
fn inner(ast: &Ast, is_twice: bool) -> Option<NodeId> {
    let first = |node: NodeId| match ast.node(node) {
        Node::Call { arguments, .. } => arguments.first().copied(),
        _ => None,
    };
    let lambda = |node: NodeId| match ast.node(node) {
        Node::Macro { body, .. } => Some(body),
        _ => None,
    };
    let root = ast.root();
    let has = lambda(root).or_else(|| lambda(first(root)?))?;
    let asked = first(has)?;
    if is_twice { first(asked) } else { Some(asked) }
}

impl WrittenRollUp {
    pub(super) fn new(
        definition: &RollUp,
        checker: &Checker<'_>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let stored: Stored = serde_json::from_value(serde_json::to_value(definition)?)?;
        let (first, second) = texts(&stored.operator);
        let expression =
            |text: Option<String>| text.map(|text| RowExpr::new(&text, &stored.over, checker)).transpose();
        let day = stored.convert.as_ref().and_then(|convert| convert.at.clone());
        let (filter, first, second) =
            (expression(stored.filter.clone())?, expression(first)?, expression(second)?);
        let day = expression(day)?;
        Ok(Self { stored, filter, first, second, day })
    }

    /// The answers for every account of a view.
    pub(super) fn all(&self, beside: &dyn Beside, view: &View) -> HashMap<String, OracleAnswer> {
        let mut rows: HashMap<String, ConvertedRows> = HashMap::new();
        // Events as often as there are: of these the answer is made, and of rows that are alike the counts.
        let mut events: HashMap<String, ConvertedRows> = HashMap::new();
        for account in view.accounts() {
            let (own, each) = self.rows(beside, account);
            rows.insert(account.id_str().to_owned(), own);
            events.insert(account.id_str().to_owned(), each);
        }
        let over_events = matches!(self.stored.over, Over::Events { .. });
        let own_reach = if over_events { Reach::Descendants } else { Reach::SelfAndDescendants };
        let definition = OracleDefinition {
            operator: self.stored.operator.clone(),
            reach: self.stored.reach.unwrap_or(own_reach),
            nulls: self.stored.nulls,
            with_cancelled: self.stored.with_cancelled,
        };
        let answer = |account: Account<'_>| {
            let levels = &self.stored.levels;
            if !levels.is_empty() && !levels.iter().any(|level| *level == account.account_type()) {
                return OracleAnswer::default();
            }
            let of = |lists: &HashMap<String, ConvertedRows>| {
                let list = |account: Account<'_>| lists.get(account.id_str()).cloned().unwrap_or_default();
                let account = view.account(account.id_str());
                account.map(|account| definition.evaluate_rated(view, account, &list))
            };
            // Of a count, that is the count itself.
            let counted = if self.stored.operator == Operator::Count { &events } else { &rows };
            let counts = of(counted).unwrap_or(OracleAnswer::default());
            // Rows are passed over, whatever they stand for.
            let skipped = of(&rows).map_or(0, |of| of.skipped);
            let counts = OracleAnswer { skipped, ..counts };
            let mut value = of(&events).and_then(|of| of.value);
            let refused = definition.nulls == Nulls::Refuse && counts.skipped > 0;
            if over_events && value.is_none() && counts.counted == 0 && counts.unrated == 0 && !refused {
                value = self.of_nothing();
            }
            OracleAnswer { value: value.map(|value| self.decoded(value)), ..counts }
        };
        view.accounts().map(|account| (account.id_str().to_owned(), answer(account))).collect()
    }

    /// Is there a row within the reach of an account that lacks a rate?
    pub(super) fn lacks_rate(&self, beside: &dyn Beside, view: &View, account: Account<'_>) -> bool {
        let own_reach = if matches!(self.stored.over, Over::Events { .. }) {
            Reach::Descendants
        } else {
            Reach::SelfAndDescendants
        };
        let levels = &self.stored.levels;
        let receives = levels.is_empty() || levels.iter().any(|level| *level == account.account_type());
        let below = account.subtree().filter(|one| match self.stored.reach.unwrap_or(own_reach) {
            Reach::SelfOnly => one.id_str() == account.id_str(),
            Reach::Descendants => one.id_str() != account.id_str(),
            Reach::SelfAndDescendants | Reach::PreferSelf => true,
        });
        let mut adding = below.filter(|one| self.stored.with_cancelled || !gone(one));
        let lacks = |one: Account<'_>| {
            let one = view.account(one.id_str());
            one.is_some_and(|one| self.rows(beside, one).0.iter().any(|(_, is_rated)| !is_rated))
        };
        receives && adding.any(lacks)
    }

    /// A row with both amounts in the other currency, and whether their rates are known.
    fn rated(
        &self,
        (first, second): OracleRow,
        day: Option<&ExprValue>,
        sources: (&dyn Beside, &View),
    ) -> (OracleRow, bool) {
        let converted = |value: Option<ExprValue>| {
            let of = value.clone().and_then(|value| self.converted(value, day, sources));
            (of.clone(), value.is_none() || of.is_some())
        };
        let ((first, one), (second, other)) = (converted(first), converted(second));
        if one && other { ((first, second), true) } else { ((None, None), false) }
    }

    /// An amount in the other currency, to 10^-9 of its minor units, at the rate of the day of its row.
    fn converted(
        &self,
        value: ExprValue,
        day: Option<&ExprValue>,
        (beside, view): (&dyn Beside, &View),
    ) -> Option<ExprValue> {
        let Some(StoredConversion { to, plan, .. }) = &self.stored.convert else { return Some(value) };
        let ExprValue::Money(amount, from) = value else { return Some(value) };
        let day = match (&self.day, day) {
            (None, _) => view.as_of().date(),
            (Some(_), Some(ExprValue::Date(day))) => *day,
            (Some(_), _) => return None,
        };
        let rate =
            if *plan { beside.plan(from, *to, year_of(view, day)?) } else { beside.rate(from, *to, day) }?;
        let digits = 9 + to.exponent();
        let product =
            Number::of(amount.units(), amount.scale()).times(&Number::of(rate.units(), rate.scale()));
        Some(ExprValue::Money(Decimal::new(product.rounded(digits.into())?, digits), *to))
    }

    /// The sum of no events is 0.
    fn of_nothing(&self) -> Option<ExprValue> {
        match self.stored.operator {
            Operator::Sum(_) => match &self.stored.convert {
                Some(StoredConversion { to, .. }) => {
                    Some(ExprValue::Money(Decimal::new(0, 9 + to.exponent()), *to))
                }
                None => zero(self.first.as_ref()?.kind()?),
            },
            _ => None,
        }
    }

    /// The rows of an account that pass the filter, and the same with each event by itself.
    fn rows(&self, beside: &dyn Beside, account: Account<'_>) -> (ConvertedRows, ConvertedRows) {
        let sources = (beside, account.view());
        match &self.stored.over {
            Over::Accounts => {
                let read = |of: &Option<RowExpr>| {
                    of.as_ref().and_then(|of| OracleExpr::new(&of.checked).value_beside(beside, account))
                };
                let row =
                    (self.coded(read(&self.first)), second_coded(self.second.as_ref(), read(&self.second)));
                let row = self.rated(row, read(&self.day).as_ref(), sources);
                let lacks = |of: &Option<RowExpr>| {
                    of.as_ref().is_some_and(|of| OracleExpr::new(&of.checked).lacks_beside(beside, account))
                };
                let passes = self.filter.is_none() || read(&self.filter) == Some(ExprValue::Bool(true));
                let lacks = [lacks(&self.filter), lacks(&self.first), lacks(&self.second)];
                let rows = lacking(passes, lacks, row).into_iter().collect::<Vec<_>>();
                (rows.clone(), rows)
            }
            Over::Table(table) => {
                let many = account.child_rows(table).count();
                let read = |of: &Option<RowExpr>| match of {
                    Some(of) => of.of_child_rows(beside, account, table),
                    None => vec![None; many],
                };
                let (filters, firsts, seconds) = (read(&self.filter), read(&self.first), read(&self.second));
                let lacks = |of: &Option<RowExpr>| match of {
                    Some(of) => of.child_rows_lack(beside, account, table),
                    None => vec![false; many],
                };
                let lacks = [lacks(&self.filter), lacks(&self.first), lacks(&self.second)];
                let all = filters.into_iter().zip(firsts.into_iter().zip(seconds).zip(read(&self.day)));
                let rows: ConvertedRows = all
                    .enumerate()
                    .filter_map(|(at, (filter, ((first, second), day)))| {
                        let row = (self.coded(first), second_coded(self.second.as_ref(), second));
                        let row = self.rated(row, day.as_ref(), sources);
                        let passes = self.filter.is_none() || filter == Some(ExprValue::Bool(true));
                        lacking(passes, lacks.each_ref().map(|rows| rows.get(at) == Some(&true)), row)
                    })
                    .collect();
                (rows.clone(), rows)
            }
            Over::Events { event, last_days } => {
                let today = account.view().as_of().date();
                let first =
                    last_days.and_then(|days| today.plus_days(1 - i32::try_from(days).unwrap_or(i32::MAX)));
                let (mut rows, mut each) = (Vec::new(), Vec::new());
                for row in beside.events(account, event) {
                    if row.day > today || first.is_some_and(|first| row.day < first) {
                        continue;
                    }
                    let read = |of: &Option<RowExpr>| match of {
                        Some(of) => OracleExpr::new(&of.checked).of_event_row(beside, account, &row, of.part),
                        None => (None, false),
                    };
                    let lacks = |of: &Option<RowExpr>| {
                        of.as_ref().is_some_and(|of| {
                            OracleExpr::new(&of.checked).event_row_lacks(beside, account, &row, of.part)
                        })
                    };
                    let lacks = [lacks(&self.filter), lacks(&self.first), lacks(&self.second)];
                    let passes = self.filter.is_none() || read(&self.filter).0 == Some(ExprValue::Bool(true));
                    let ((first, is_total), (second, _)) = (read(&self.first), read(&self.second));
                    let values = (self.coded(first), second_coded(self.second.as_ref(), second));
                    let values = self.rated(values, read(&self.day).0.as_ref(), sources);
                    let Some(values) = lacking(passes, lacks, values) else { continue };
                    let times = if is_total { 1 } else { row.count };
                    each.extend((0..times).map(|_| values.clone()));
                    rows.push(values);
                }
                (rows, each)
            }
        }
    }

    /// Are the values of the answer those that are read, and not numbers of them?
    const fn gives_values(&self) -> bool {
        !matches!(
            self.stored.operator,
            Operator::Count | Operator::Distinct(_) | Operator::Share { .. } | Operator::Distribution(_)
        )
    }

    fn coded(&self, value: Option<ExprValue>) -> Option<ExprValue> {
        match self.first.as_ref().and_then(RowExpr::kind).filter(|_| self.gives_values()) {
            Some(kind) => value.map(|value| coded(kind, value)),
            None => value,
        }
    }

    /// An answer by code as a text again.
    fn decoded(&self, value: ExprValue) -> ExprValue {
        if let (Operator::Distribution(_), ExprValue::Record(counts)) = (&self.stored.operator, &value) {
            let texts: Vec<Arc<str>> = match self.first.as_ref().and_then(RowExpr::kind) {
                Some(Type::Enum(values) | Type::Band(values)) => values.iter().cloned().collect(),
                _ => vec![Arc::from("false"), Arc::from("true")],
            };
            let count = |text: Arc<str>| {
                let found = counts.iter().find(|(known, _)| *known == text);
                let count = found.map_or(ExprValue::Int(0), |(_, count)| count.clone());
                (text, count)
            };
            return ExprValue::Record(texts.into_iter().map(count).collect());
        }
        let kind = self.first.as_ref().and_then(RowExpr::kind).filter(|_| self.gives_values());
        let Some(Type::Enum(values) | Type::Band(values)) = kind else { return value };
        let text = |value: &ExprValue| match value {
            ExprValue::Int(code) => usize::try_from(*code).ok().and_then(|code| values.iter().nth(code)),
            _ => None,
        };
        match &value {
            ExprValue::List(items) => ExprValue::List(
                items.iter().filter_map(text).map(|text| ExprValue::Text(text.clone())).collect(),
            ),
            single => text(single).map_or_else(|| value.clone(), |text| ExprValue::Text(text.clone())),
        }
    }
}

/// A row that passes the filter, and one of which that is not known; nothing is known of a row that lacks a rate.
fn lacking(
    passes: bool,
    [filter, first, second]: [bool; 3],
    row: (OracleRow, bool),
) -> Option<(OracleRow, bool)> {
    match (passes, filter) {
        (true, _) if first || second => Some(((None, None), false)),
        (true, _) => Some(row),
        (false, true) => Some(((None, None), false)),
        (false, false) => None,
    }
}

fn second_coded(of: Option<&RowExpr>, value: Option<ExprValue>) -> Option<ExprValue> {
    match of.and_then(RowExpr::kind) {
        Some(kind) => value.map(|value| coded(kind, value)),
        None => value,
    }
}

/// What an operator reads of a row, as its author wrote it.
fn texts(operator: &Operator) -> (Option<String>, Option<String>) {
    let (first, second): (Option<&str>, Option<&str>) = match operator {
        Operator::Count => (None, None),
        Operator::Sum(of)
        | Operator::Average(of)
        | Operator::Variance { of, .. }
        | Operator::StandardDeviation { of, .. }
        | Operator::Min(of)
        | Operator::Max(of)
        | Operator::Smallest { of, .. }
        | Operator::Largest { of, .. }
        | Operator::Distinct(of)
        | Operator::Mode(of)
        | Operator::Top { of, .. }
        | Operator::Percentile { of, .. }
        | Operator::ApproximatePercentile { of, .. }
        | Operator::Union(of)
        | Operator::Distribution(of)
        | Operator::Share { of, .. } => (Some(of), None),
        Operator::Ratio { numerator, denominator } => (Some(numerator), Some(denominator)),
        Operator::First { of, by } | Operator::Last { of, by } => (Some(of), Some(by)),
        // The sum of products by the sum of weights.
        Operator::WeightedAverage { of, weight } => {
            return (Some(format!("({of}\n) * ({weight}\n)")), Some(weight.to_string()));
        }
    };
    (first.map(str::to_owned), second.map(str::to_owned))
}
