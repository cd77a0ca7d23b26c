//! How are the values of accounts spread?

use serde::{Deserialize, Serialize};

use super::groups::GroupError;
use super::{QueryErrors, QueryFault, QueryFaultKind};
use crate::expr::{Ast, Checker, Columns, ExprPlan, ExprValue};
use crate::model::DocumentVersion;
use crate::segment::cancelled::Counted;
use crate::set::AccountSet;

/// Bins of a histogram, at most.
pub const MAX_BINS: usize = 1_000;

/// How many accounts have a value in each of some ranges.
///
/// Cancelled accounts are counted nowhere but in [`Histogram::cancelled`] (ruling S115 of
/// [`docs::semantics`](crate::docs::semantics)); [`Histogram::with_cancelled`] counts them as others.
///
/// ```
/// use perennial::expr::{Ast, Checker};
/// use perennial::segment::Histogram;
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("nps", AttributeType::Int))
///     .build()?;
/// let mut source = MemorySource::new().account(AccountRow::new(AccountId::new("none")?, "Company"));
/// for nps in [-50_i64, 0, 9, 10, 100] {
///     let id = AccountId::new(format!("n{nps}"))?;
///     source = source.account(AccountRow::new(id, "Company").with("nps", nps));
/// }
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
///
/// let checker = Checker::new(&**book.schema());
/// let found = Histogram::of(&checker, &view, &view.visible(), &Ast::parse("nps")?, &[0.0, 10.0, 100.0])?;
/// assert_eq!(found.bins.iter().map(|bin| bin.accounts).collect::<Vec<_>>(), [2, 2]);
/// assert_eq!((found.below, found.above, found.missing), (1, 0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Histogram {
    v: DocumentVersion,
    /// Each range with its accounts.
    pub bins: Vec<Bin>,
    /// Accounts below the first range.
    pub below: usize,
    /// Accounts above the last range.
    pub above: usize,
    /// Accounts without a value.
    pub missing: usize,
    /// Accounts that are left out since they are cancelled.
    #[serde(default)]
    pub cancelled: usize,
}

/// One range of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Bin {
    /// The least value in it.
    pub from: f64,
    /// The value that it ends before; the last range holds it as well.
    pub to: f64,
    /// How many accounts.
    pub accounts: usize,
}

impl Histogram {
    /// Counts the visible accounts of a set that are not cancelled by a number, in ranges between ascending edges: each
    /// from its lower edge to before its upper, the last with it. Money is taken in major units, and everything as the nearest double.
    ///
    /// # Errors
    ///
    /// An expression that makes no sense or gives no number, edges that do not ascend, what the columns
    /// do not have, and a set of another layout.
    ///
    /// # Complexity
    ///
    /// One pass over the view, then accounts × log of the ranges.
    pub fn of<'c>(
        checker: &Checker<'_>,
        columns: impl Into<Columns<'c>>,
        accounts: &AccountSet,
        value: &Ast,
        edges: &[f64],
    ) -> Result<Self, GroupError> {
        Self::counting(Counted::Current, checker, (columns.into(), accounts), value, edges)
    }

    /// As [`Histogram::of`], with cancelled accounts.
    ///
    /// # Errors
    ///
    /// As [`Histogram::of`].
    pub fn with_cancelled<'c>(
        checker: &Checker<'_>,
        columns: impl Into<Columns<'c>>,
        accounts: &AccountSet,
        value: &Ast,
        edges: &[f64],
    ) -> Result<Self, GroupError> {
        Self::counting(Counted::WithCancelled, checker, (columns.into(), accounts), value, edges)
    }

    fn counting(
        counted: Counted,
        checker: &Checker<'_>,
        (columns, accounts): (Columns<'_>, &AccountSet),
        value: &Ast,
        edges: &[f64],
    ) -> Result<Self, GroupError> {
        let fault = |path: &str, kind| QueryErrors::new(vec![QueryFault { path: path.to_owned(), kind }]);
        let checked = checker
            .check_ast(value.clone())
            .map_err(|errors| fault("/value", QueryFaultKind::Expression(errors)))?;
        let numeric = checked.kind().is_number() || checked.kind().is_money();
        if !numeric {
            let message = format!("a histogram is of numbers or money, not of a {}", checked.kind());
            return Err(fault("/value", QueryFaultKind::Other(message)).into());
        }
        let ascend = edges.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if edges.len() < 2
            || edges.len() > MAX_BINS + 1
            || !ascend
            || edges.iter().any(|edge| !edge.is_finite())
        {
            let message = format!("the edges are 2 to {} finite numbers that ascend", MAX_BINS + 1);
            return Err(fault("/edges", QueryFaultKind::Other(message)).into());
        }
        let view = columns.view();
        let accounts = view.visible().intersection(accounts)?;
        let (accounts, cancelled) = counted.among(view, accounts);
        let answers = ExprPlan::new([&checked]).run(columns)?;
        let bins = edges.windows(2).map(|pair| match pair {
            [from, to] => Bin { from: *from, to: *to, accounts: 0 },
            _ => Bin { from: 0.0, to: 0.0, accounts: 0 },
        });
        let bins = bins.collect();
        let mut found = Self { v: DocumentVersion, bins, below: 0, above: 0, missing: 0, cancelled };
        for account in accounts.iter().filter_map(|place| view.at(place)) {
            let Some(number) = answers.value(0, account).as_ref().and_then(as_double) else {
                found.missing += 1;
                continue;
            };
            let passed = edges.partition_point(|edge| *edge <= number);
            let last = edges.last().is_some_and(|last| last.total_cmp(&number).is_eq());
            match passed.checked_sub(if last { 2 } else { 1 }) {
                None => found.below += 1,
                Some(at) => match found.bins.get_mut(at) {
                    Some(bin) => bin.accounts += 1,
                    None => found.above += 1,
                },
            }
        }
        Ok(found)
    }
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is counted by")]
fn as_double(value: &ExprValue) -> Option<f64> {
    match value {
        ExprValue::Int(v) => Some(*v as f64),
        ExprValue::Decimal(v) | ExprValue::Money(v, _) => Some(v.to_f64()),
        ExprValue::Double(v) => Some(*v),
        _ => None,
    }
}
