//! Who is in a segment, how many, and what are they worth?

use std::fmt;
use std::sync::Arc;

use super::SegmentChange;
use super::cancelled::Counted;
use crate::book::{Account, View};
use crate::expr::{Checked, Columns, ExprPlan, ExprPlanErrors, ExprValue, Tally};
use crate::model::AccountId;
use crate::set::AccountSet;

/// The members of one segment, among the accounts that a user sees: of what a [`Catalog`](crate::catalog::Catalog) comes to, or
/// of a live view.
///
/// ```
/// use perennial::aggregate::UsageSchema;
/// use perennial::catalog::Catalog;
/// use perennial::expr::Columns;
/// use perennial::segment::{Members, Segment};
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .attribute(Attribute::new("renewal", AttributeType::Date))
///     .build()?;
/// let row = |id, seats: i64| Ok::<_, perennial::IdError>(AccountRow::new(AccountId::new(id)?, "Company").with("seats", seats));
/// let acme = row("acme", 300)?.with("renewal", Date::new(2026, 5, 1)?);
/// let (book, _report) =
///     Book::load(schema, &MemorySource::new().account(acme).account(row("wayne", 20)?), &Policy::strict())?;
///
/// let large = Segment::parse("large", "seats > 100")?;
/// let due = Segment::parse("due", "inSegment('large') && renewal.inNext(30, 'days')")?;
/// let catalog = Catalog::new(book.schema(), &UsageSchema::default(), [large.into(), due.into()])?;
/// let on = |day| book.view(&Scope::all(), AsOf::date_utc(day)).map(|view| catalog.run(&view, None, None));
/// let (january, april) = (on(Date::new(2026, 1, 31)?)?, on(Date::new(2026, 4, 15)?)?);
///
/// let then = Members::of(&january, "due").ok_or("no such segment")?;
/// let now = Members::of(&april, "due").ok_or("no such segment")?;
/// assert_eq!((then.len(), now.len()), (0, 1));
/// assert_eq!(now.since(&then).entered, [AccountId::new("acme")?]);
///
/// // Which segments is an account in?
/// let acme = april.view().account("acme").ok_or("not there")?;
/// assert_eq!(Columns::from(&april).segments_of(acme), ["due".into(), "large".into()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Members<'c> {
    columns: Columns<'c>,
    segment: Arc<str>,
    set: AccountSet,
}

impl<'c> Members<'c> {
    /// The members of a segment; `None` for one that is not known.
    ///
    /// # Complexity
    ///
    /// A copy of as many references as the book has chunks. A [`LiveView`](crate::engine::LiveView) first computes a segment
    /// that it does not hold.
    #[must_use]
    pub fn of(columns: impl Into<Columns<'c>>, segment: &str) -> Option<Self> {
        let columns = columns.into();
        Some(Self { columns, segment: Arc::from(segment), set: columns.members(segment)? })
    }

    /// The segment.
    #[must_use]
    pub fn segment(&self) -> &str {
        &self.segment
    }

    /// The view whose accounts they are.
    #[must_use]
    pub const fn view(&self) -> &'c View {
        self.columns.view()
    }

    /// The accounts.
    #[must_use]
    pub const fn set(&self) -> &AccountSet {
        &self.set
    }

    /// How many accounts are in it, cancelled ones as others: it says who matches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Is nobody in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// How many of them are cancelled: those that [`Members::sum`] leaves out.
    #[must_use]
    pub fn cancelled(&self) -> usize {
        Counted::Current.among(self.view(), self.set.clone()).1
    }

    /// Is an account in it? Never one that the view does not show.
    #[must_use]
    pub fn contains(&self, account: Account<'_>) -> bool {
        self.columns.is_member(&self.segment, account)
    }

    /// The ids of the accounts, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<AccountId> {
        self.ids_of(&self.set)
    }

    fn ids_of(&self, set: &AccountSet) -> Vec<AccountId> {
        let mut ids: Vec<AccountId> = set.iter().filter_map(|place| self.view().id(place)).collect();
        ids.sort_unstable();
        ids
    }

    /// Who entered and who left since other members: of another book, another date, another definition, another segment. An
    /// account that is not visible in one of them is not among its members.
    ///
    /// # Complexity
    ///
    /// A word operation for 64 accounts where both are of one layout of a book, and as many ids as differ; else
    /// O(members × log).
    #[must_use]
    pub fn since(&self, before: &Members<'_>) -> SegmentChange {
        let mut change = SegmentChange::of(self.segment.clone());
        if let (Ok(entered), Ok(left)) = (self.set.difference(&before.set), before.set.difference(&self.set))
        {
            (change.entered, change.left) = (self.ids_of(&entered), before.ids_of(&left));
        } else {
            change.compare(&before.ids(), &self.ids());
        }
        change
    }

    /// The exact sum of an expression over the accounts in it that are not cancelled (ruling S115 of
    /// [`docs::semantics`](crate::docs::semantics)): their own values, none counted twice. `None` where nobody in it has a value.
    ///
    /// # Errors
    ///
    /// An expression that reads what is not known here, or that gives no numbers, money or durations.
    ///
    /// # Complexity
    ///
    /// One pass for the expression.
    pub fn sum(&self, of: &Checked) -> Result<Option<ExprValue>, ExprPlanErrors> {
        self.summed(of, Counted::Current)
    }

    /// As [`Members::sum`], with cancelled accounts.
    ///
    /// # Errors
    ///
    /// As [`Members::sum`].
    pub fn sum_with_cancelled(&self, of: &Checked) -> Result<Option<ExprValue>, ExprPlanErrors> {
        self.summed(of, Counted::WithCancelled)
    }

    fn summed(&self, of: &Checked, counted: Counted) -> Result<Option<ExprValue>, ExprPlanErrors> {
        let (members, _) = counted.among(self.view(), self.set.clone());
        let answers = ExprPlan::new([of]).run(self.columns)?;
        let mut tally = Tally::sum(of.kind()).map_err(ExprPlanErrors::form)?;
        for place in members.iter() {
            answers.tally(0, place, &mut tally);
        }
        Ok(tally.value())
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("segment", &self.segment).field("accounts", &self.len()).finish()
    }
}
