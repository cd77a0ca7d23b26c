//! Who is in each segment?

use std::sync::Arc;

use super::Segments;
use super::cancelled::Counted;
use crate::book::{Account, View};
use crate::expr::{Answers, Cancelled, Checked, ExprPlan, ExprPlanErrors, ExprValue, Tally};
use crate::model::Schema;
use crate::set::AccountSet;

/// Segments, planned together for books of one schema: what several ask is asked once.
#[derive(Debug, Clone)]
pub struct SegmentPlan {
    segments: Segments,
    plan: ExprPlan,
}

impl Segments {
    /// Plans all of them for books of a schema.
    ///
    /// # Errors
    ///
    /// What a book cannot answer, by the number of the segment.
    pub fn plan(&self, schema: &Arc<Schema>) -> Result<SegmentPlan, ExprPlanErrors> {
        let asked: Vec<&Checked> = self.ids().filter_map(|id| self.checked(id)).collect();
        let plan = ExprPlan::with_segments(schema, self.in_order(), asked)?;
        Ok(SegmentPlan { segments: self.clone(), plan })
    }
}

impl SegmentPlan {
    /// Who is in each, among the visible accounts.
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
    /// let members = segments.plan(book.schema())?.run(&view);
    /// assert_eq!(members.count("small"), Some(1));
    /// let acme = view.account("acme").ok_or("not there")?;
    /// assert_eq!(members.of(acme).collect::<Vec<_>>(), ["large"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn run(&self, view: &View) -> Memberships {
        Memberships { segments: self.segments.clone(), answers: self.plan.run(view) }
    }

    /// As [`SegmentPlan::run`], while `stop` says `false`.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] when it said `true`.
    pub fn run_until(&self, view: &View, stop: &(dyn Fn() -> bool + Sync)) -> Result<Memberships, Cancelled> {
        Ok(Memberships { segments: self.segments.clone(), answers: self.plan.run_until(view, stop)? })
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
        let plan = ExprPlan::with_segments(self.view().schema(), self.segments.needed(of), [of])?;
        let answers = plan.run(self.view());
        let mut tally = Tally::sum(of.kind()).map_err(|why| ExprPlanErrors::of(0, vec![why]))?;
        for place in members.iter() {
            answers.tally(0, place, &mut tally);
        }
        Ok(tally.value())
    }
}
