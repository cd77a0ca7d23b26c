//! Who is in each segment?

use std::sync::Arc;

use super::Segments;
use super::cancelled::Counted;
use crate::book::{Account, View};
use crate::expr::{
    Answers, Cell, Checked, Columns, ExprPlan, ExprPlanErrors, ExprValue, Flat, RunError, Supply, Tally,
    UsageAsked, slots_of,
};
use crate::model::{AccountIdx, Observer};
use crate::set::AccountSet;

/// Segments, planned together: what several ask is asked once.
#[derive(Debug, Clone)]
pub struct SegmentPlan {
    segments: Segments,
    plan: ExprPlan,
}

impl Segments {
    /// Plans all of them.
    #[must_use]
    pub fn plan(&self) -> SegmentPlan {
        let asked = self.ids().filter_map(|id| self.checked(id));
        SegmentPlan { segments: self.clone(), plan: ExprPlan::with_segments(self.in_order(), asked) }
    }
}

impl SegmentPlan {
    /// Who is in each, among the visible accounts.
    ///
    /// # Errors
    ///
    /// What the columns do not have, by the number of the segment.
    ///
    /// # Complexity
    ///
    /// As [`ExprPlan::run`], for the terms of all segments together.
    ///
    /// ```
    /// use perennial::segment::{Segment, Segments};
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
    /// };
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let row = |id, seats: i64| Ok::<_, perennial::IdError>(AccountRow::new(AccountId::new(id)?, "Company").with("seats", seats));
    /// let source = MemorySource::new().account(row("acme", 300)?).account(row("wayne", 20)?);
    /// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
    ///
    /// let segments = [Segment::parse("large", "seats > 100")?, Segment::parse("small", "!inSegment('large')")?];
    /// let segments = Segments::new(&**book.schema(), segments)?;
    /// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    /// let members = segments.plan().run(&view)?;
    /// assert_eq!(members.count("small"), Some(1));
    /// let acme = view.account("acme").ok_or("not there")?;
    /// assert_eq!(members.of(acme).collect::<Vec<_>>(), ["large"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run<'c>(&self, columns: impl Into<Columns<'c>>) -> Result<Memberships, ExprPlanErrors> {
        Ok(Memberships { segments: self.segments.clone(), answers: self.plan.run(columns)? })
    }

    /// As [`SegmentPlan::run`], while nobody stops it.
    ///
    /// # Errors
    ///
    /// As [`SegmentPlan::run`], and [`RunError::Cancelled`] when the observer stopped it.
    pub fn run_observed<'c>(
        &self,
        columns: impl Into<Columns<'c>>,
        observer: &dyn Observer,
    ) -> Result<Memberships, RunError> {
        let answers = self.plan.run_observed(columns, observer)?;
        Ok(Memberships { segments: self.segments.clone(), answers })
    }

    /// The segments.
    #[must_use]
    pub const fn segments(&self) -> &Segments {
        &self.segments
    }
}

/// Who is in each of some segments, among the accounts of a view.
#[derive(Debug, Clone)]
pub struct Memberships {
    pub(super) segments: Segments,
    pub(super) answers: Answers,
}

impl Memberships {
    /// The segments.
    #[must_use]
    pub const fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The view that was asked.
    #[must_use]
    pub const fn view(&self) -> &View {
        self.answers.view()
    }

    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.segments.number(id)
    }

    /// The accounts in a segment; `None` for an unknown segment.
    ///
    /// # Complexity
    ///
    /// A word operation for 64 accounts: nothing is evaluated again.
    #[must_use]
    pub fn members(&self, id: &str) -> Option<AccountSet> {
        self.number(id).map(|number| self.answers.matching(number))
    }

    /// How many accounts are in a segment, cancelled ones as others: it says who matches.
    #[must_use]
    pub fn count(&self, id: &str) -> Option<usize> {
        self.members(id).map(|members| members.len())
    }

    /// How many of the accounts in a segment are cancelled: those that [`Memberships::sum`] leaves out.
    #[must_use]
    pub fn cancelled(&self, id: &str) -> Option<usize> {
        self.members(id).map(|members| Counted::Current.among(self.view(), members).1)
    }

    /// Is an account in a segment?
    #[must_use]
    pub fn contains(&self, id: &str, account: Account<'_>) -> bool {
        self.number(id).is_some_and(|number| self.answers.matches(number, account))
    }

    /// The segments that an account is in, in their order.
    pub fn of<'a>(&'a self, account: Account<'a>) -> impl Iterator<Item = &'a str> {
        let numbered = self.segments.ids().enumerate();
        numbered.filter(move |(number, _)| self.answers.matches(*number, account)).map(|(_, id)| id)
    }

    /// The exact sum of an expression over the accounts in a segment that are not cancelled (ruling S115 of
    /// [`docs::semantics`](crate::docs::semantics)): their own values, none counted twice. `None` for an unknown segment,
    /// and where nobody in it has a value.
    ///
    /// # Errors
    ///
    /// An expression that a book cannot answer, or that gives no numbers, money or durations.
    ///
    /// # Complexity
    ///
    /// One pass for the expression.
    pub fn sum(&self, id: &str, of: &Checked) -> Result<Option<ExprValue>, ExprPlanErrors> {
        self.summed(id, of, Counted::Current)
    }

    /// As [`Memberships::sum`], with cancelled accounts.
    ///
    /// # Errors
    ///
    /// As [`Memberships::sum`].
    pub fn sum_with_cancelled(&self, id: &str, of: &Checked) -> Result<Option<ExprValue>, ExprPlanErrors> {
        self.summed(id, of, Counted::WithCancelled)
    }

    fn summed(&self, id: &str, of: &Checked, counted: Counted) -> Result<Option<ExprValue>, ExprPlanErrors> {
        let Some(members) = self.members(id) else { return Ok(None) };
        let (members, _) = counted.among(self.view(), members);
        let answers = ExprPlan::new([of]).run(self)?;
        let mut tally = Tally::sum(of.kind()).map_err(ExprPlanErrors::form)?;
        for place in members.iter() {
            answers.tally(0, place, &mut tally);
        }
        Ok(tally.value())
    }
}

/// The members of the segments are known beside the book.
impl<'c> From<&'c Memberships> for Columns<'c> {
    fn from(memberships: &'c Memberships) -> Self {
        Self::new(memberships.view(), memberships)
    }
}

impl Supply for Memberships {
    fn usage(&self, _: &UsageAsked<'_>) -> Flat {
        let view = self.view();
        let rows = |(slot, _): &(u32, u32)| view.inner().chunk(*slot).map_or(0, |chunk| chunk.shape.rows());
        let rows: u32 = slots_of(view).iter().map(rows).sum();
        Flat::Cells(vec![Cell::Missing; rows as usize])
    }

    fn usage_at(&self, _: AccountIdx, _: &UsageAsked<'_>) -> Cell {
        Cell::Missing
    }

    fn column(&self, _: &str) -> Option<Arc<Flat>> {
        None
    }

    fn column_at(&self, _: &str, _: AccountIdx) -> Cell {
        Cell::Missing
    }

    fn has_segment(&self, id: &str) -> bool {
        self.number(id).is_some()
    }

    fn members(&self, id: &str) -> Option<AccountSet> {
        Self::members(self, id)
    }

    fn question(&self, id: &str) -> Option<(&str, &Checked)> {
        self.segments.in_order().find(|(known, _)| *known == id)
    }

    fn is_member(&self, id: &str, place: AccountIdx) -> bool {
        self.view().at(place).is_some_and(|account| self.contains(id, account))
    }
}
