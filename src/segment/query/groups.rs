//! How do accounts divide by a dimension, and what does each part add up to?

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{QueryErrors, QueryFault, QueryFaultKind, Shown};
use crate::expr::{
    Ast, Cell, Checked, Checker, Columns, ExprErrors, ExprPlan, ExprPlanErrors, Tally, Type, Val,
    compare_values,
};
use crate::model::DocumentVersion;
use crate::segment::cancelled::Counted;
use crate::set::{AccountSet, StaleSet};

/// Groups that are told apart; accounts of further ones are counted together.
pub const MAX_GROUPS: usize = 10_000;

/// What is worked out for each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "kind of measure", rename_all = "snake_case", expecting = "a kind of measure such as `sum`")]
#[non_exhaustive]
pub enum MeasureKind {
    /// The exact sum.
    Sum,
    /// The mean of those that have a value.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// One figure of each group.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Measure {
    /// What stands above it.
    pub label: Arc<str>,
    /// What is worked out.
    pub kind: MeasureKind,
    /// Of which value of each account.
    pub of: Ast,
}

/// Accounts by the value of an expression, with figures for each.
///
/// Cancelled accounts are in no group and no figure, as in a roll-up (ruling S115 of
/// [`docs::semantics`](crate::docs::semantics)): [`Groups::cancelled`] says how many were left out, and
/// [`GroupBy::with_cancelled`] counts them as well.
///
/// ```
/// use perennial::expr::Checker;
/// use perennial::segment::{GroupBy, MeasureKind};
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("region", AttributeType::Text))
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let row = |id, region, seats: i64| {
///     let row = AccountRow::new(AccountId::new(id)?, "Company").with("region", region).with("seats", seats);
///     Ok::<_, perennial::IdError>(row)
/// };
/// let source = MemorySource::new().account(row("a", "EMEA", 3)?).account(row("b", "APAC", 4)?).account(row("c", "EMEA", 5)?);
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
///
/// let by_region = GroupBy::new("region")?.measure("seats", MeasureKind::Sum, "seats")?;
/// let groups = by_region.run(&Checker::new(&**book.schema()), &view, &view.visible())?;
/// let told: Vec<String> = groups.groups.iter().map(|group| {
///     let show = |value: &Option<perennial::expr::ExprValue>| value.as_ref().map(ToString::to_string).unwrap_or_default();
///     format!("{} {} {}", show(&group.key), group.accounts, show(&group.values[0]))
/// }).collect();
/// assert_eq!(told, ["APAC 1 4", "EMEA 2 8"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GroupBy {
    pub(super) by: Ast,
    pub(super) measures: Vec<Measure>,
    pub(super) counted: Counted,
}

/// The groups of some accounts, by key; those without a key last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Groups {
    v: DocumentVersion,
    /// What stands above the figures.
    pub labels: Vec<Arc<str>>,
    /// Each group.
    pub groups: Vec<Group>,
    /// All accounts that are counted, together: their number and figures, however many groups there are.
    pub whole: Group,
    /// Accounts of groups beyond [`MAX_GROUPS`], which are those with the greatest keys.
    pub beyond: usize,
    /// Accounts that are left out since they are cancelled.
    #[serde(default)]
    pub cancelled: usize,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Group {
    /// What its accounts have in common; `None` of those without a value.
    pub key: Shown,
    /// How many there are.
    pub accounts: usize,
    /// The figures; `None` where no account has a value.
    pub values: Vec<Shown>,
}

/// Why there are no groups.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// An expression makes no sense.
    #[error(transparent)]
    Query(#[from] QueryErrors),
    /// Something that it reads is not there.
    #[error(transparent)]
    Plan(#[from] ExprPlanErrors),
    /// The set is of another layout of the book.
    #[error(transparent)]
    Stale(#[from] StaleSet),
}

/// A key on its way: texts are borrowed, so that none is copied for each account.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key<'a> {
    Text(&'a str),
    Other(Cell),
}

impl<'a> Key<'a> {
    fn of(value: Val<'a>) -> Self {
        match value {
            Val::Text(text) => Self::Text(text),
            value => Self::Other(value.to_cell().unwrap_or(Cell::Missing)),
        }
    }

    fn into_cell(self) -> Cell {
        match self {
            Self::Text(text) => Cell::Text(Arc::from(text)),
            Self::Other(cell) => cell,
        }
    }
}

impl GroupBy {
    /// Groups by an expression.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn new(by: &str) -> Result<Self, ExprErrors> {
        Ok(Self { by: Ast::parse(by)?, measures: Vec::new(), counted: Counted::Current })
    }

    /// A further figure.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn measure(mut self, label: &str, kind: MeasureKind, of: &str) -> Result<Self, ExprErrors> {
        self.measures.push(Measure { label: Arc::from(label), kind, of: Ast::parse(of)? });
        Ok(self)
    }

    /// With cancelled accounts.
    #[must_use]
    pub const fn with_cancelled(mut self) -> Self {
        self.counted = Counted::WithCancelled;
        self
    }

    /// The groups of the visible accounts of a set, those that are cancelled left out unless they are asked for.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with an expression, figures of what has none, what the columns do not have, and a set of another layout.
    ///
    /// # Complexity
    ///
    /// One pass over the view for each expression, then linear in the accounts.
    pub fn run<'c>(
        &self,
        checker: &Checker<'_>,
        columns: impl Into<Columns<'c>>,
        accounts: &AccountSet,
    ) -> Result<Groups, GroupError> {
        let columns = columns.into();
        let view = columns.view();
        let accounts = view.visible().intersection(accounts)?;
        let (accounts, cancelled) = self.counted.among(view, accounts);
        let checked = self.check(checker)?;
        let tallies = self.tallies(&checked)?;
        let answers = ExprPlan::new(&checked).run(columns)?;
        let mut groups: HashMap<Key<'_>, (usize, Vec<Tally>)> = HashMap::new();
        let mut whole = (0, tallies.clone());
        for place in accounts.iter() {
            let key = Key::of(answers.answer(0, place));
            let group = groups.entry(key).or_insert_with(|| (0, tallies.clone()));
            for (count, tallies) in [(&mut group.0, &mut group.1), (&mut whole.0, &mut whole.1)] {
                *count += 1;
                for (number, tally) in tallies.iter_mut().enumerate() {
                    answers.tally(number + 1, place, tally);
                }
            }
        }
        let groups = groups.into_iter().map(|(key, group)| (key.into_cell(), group));
        let mut groups: HashMap<Cell, (usize, Vec<Tally>)> = groups.collect();
        let mut keys: Vec<Cell> = groups.keys().cloned().collect();
        keys.sort_unstable_by(|a, b| match (*a == Cell::Missing, *b == Cell::Missing) {
            (false, false) => compare_values(&Val::of_cell(a), &Val::of_cell(b)),
            (a, b) => a.cmp(&b),
        });
        let beyond = keys.split_off(keys.len().min(MAX_GROUPS));
        let beyond = beyond.iter().filter_map(|key| groups.get(key)).map(|(count, _)| count).sum();
        let kind = checked.first().map_or(&Type::Bool, Checked::kind);
        let group = |key: Shown, (accounts, tallies): (usize, Vec<Tally>)| Group {
            key,
            accounts,
            values: tallies.iter().map(Tally::value).collect(),
        };
        let told = keys.iter().filter_map(|key| {
            let found = groups.remove(key)?;
            Some(group(Val::of_cell(key).to_value(kind), found))
        });
        let told: Vec<Group> = told.collect();
        let labels = self.measures.iter().map(|measure| measure.label.clone()).collect();
        Ok(Groups { v: DocumentVersion, labels, groups: told, whole: group(None, whole), beyond, cancelled })
    }

    /// The key, then what each figure is of.
    fn check(&self, checker: &Checker<'_>) -> Result<Vec<Checked>, QueryErrors> {
        let mut faults = Vec::new();
        let named =
            self.measures.iter().enumerate().map(|(at, measure)| (format!("/measures/{at}/of"), &measure.of));
        let all = std::iter::once(("/by".to_owned(), &self.by)).chain(named);
        let mut checked = Vec::with_capacity(self.measures.len() + 1);
        for (path, ast) in all {
            match checker.check_ast(ast.clone()) {
                Ok(found) => checked.push(found),
                Err(errors) => faults.push(QueryFault { path, kind: QueryFaultKind::Expression(errors) }),
            }
        }
        if let Some(by) = checked.first().filter(|by| faults.is_empty() && !by.kind().is_scalar()) {
            let message = format!("accounts are not grouped by a {}", by.kind());
            faults.push(QueryFault { path: "/by".to_owned(), kind: QueryFaultKind::Other(message) });
        }
        if faults.is_empty() { Ok(checked) } else { Err(QueryErrors::new(faults)) }
    }

    fn tallies(&self, checked: &[Checked]) -> Result<Vec<Tally>, QueryErrors> {
        let mut faults = Vec::new();
        let mut tallies = Vec::with_capacity(self.measures.len());
        for (at, (measure, of)) in self.measures.iter().zip(checked.iter().skip(1)).enumerate() {
            let tally = match measure.kind {
                MeasureKind::Sum => Tally::sum(of.kind()),
                MeasureKind::Avg => Tally::avg(of.kind()),
                MeasureKind::Min => Tally::extreme(of.kind(), false),
                MeasureKind::Max => Tally::extreme(of.kind(), true),
            };
            match tally {
                Ok(tally) => tallies.push(tally),
                Err(why) => {
                    let path = format!("/measures/{at}/of");
                    faults.push(QueryFault { path, kind: QueryFaultKind::Other(why) });
                }
            }
        }
        if faults.is_empty() { Ok(tallies) } else { Err(QueryErrors::new(faults)) }
    }
}
