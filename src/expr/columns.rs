//! What are questions put to?

use std::fmt;
use std::sync::Arc;

use super::batch::{ExprPlanErrors, Known, Requirements, Supply, stored};
use super::check::Checker;
use super::checked::Checked;
use super::explain::{ExplainLimits, Explainer, Explanation};
use super::names::{Name, Names, Of};
use super::print::written_name;
use super::types::Type;
use super::value::{ExprValue, Val};
use crate::book::{Account, View};
use crate::model::AccountIdx;
use crate::set::AccountSet;

/// Everything that is known of the accounts of a view: the attributes and child tables of its book, and what is derived beside
/// them. Every question (plans, queries, groups, explanations) takes `impl Into<Columns>`.
///
/// | made from | knows |
/// |---|---|
/// | [`&View`](View) | the book |
/// | [`&UsageView`](crate::aggregate::UsageView) | the book, events and metrics |
/// | [`&Derived`](crate::catalog::Derived) | all of these, and every definition of a catalog |
/// | [`&LiveView`](crate::engine::LiveView) | the same; a definition is computed when a question first reads it |
///
/// A question that reads a name, a segment or usage that is not known, or a name of another type than it was checked with, is
/// refused with [`ExprPlanErrors`](super::ExprPlanErrors). Nothing that the view does not show is read.
#[derive(Clone, Copy)]
pub struct Columns<'c> {
    view: &'c View,
    supply: Option<&'c dyn Supply>,
}

impl<'c> Columns<'c> {
    pub(crate) const fn new(view: &'c View, supply: &'c dyn Supply) -> Self {
        Self { view, supply: Some(supply) }
    }

    /// The view whose accounts they are of.
    #[must_use]
    pub const fn view(&self) -> &'c View {
        self.view
    }

    pub(crate) const fn supply(&self) -> Option<&'c dyn Supply> {
        self.supply
    }

    /// The type of an attribute or a derived column; `None` where there is none of that name.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<Type> {
        Known::kind(self, Of::Account, name)
    }

    /// # Errors
    ///
    /// All that some expressions read and is not known, by their numbers.
    pub(crate) fn require(&self, expressions: &[&Checked]) -> Result<(), ExprPlanErrors> {
        Requirements::of(&[], expressions).check(self)
    }

    /// Is a column derived: not of the book?
    pub(crate) fn is_derived(&self, name: &str) -> bool {
        let of_book =
            self.view.schema().attribute(name).is_some() || matches!(name, "account_type" | "product");
        !of_book && self.kind(name).is_some()
    }

    /// The value of an attribute or a derived column for an account; `None` where it has none, for a name that is not known, and
    /// for an account that the view does not show.
    ///
    /// # Complexity
    ///
    /// A look-up. A [`LiveView`](crate::engine::LiveView) first computes a definition that it does not hold, for all its accounts.
    #[must_use]
    pub fn value(&self, name: &str, account: Account<'_>) -> Option<ExprValue> {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        let place = Some(account.place()).filter(|place| ours && self.view.sees(*place))?;
        if !self.is_derived(name) {
            return match name {
                "account_type" => Some(ExprValue::Text(Arc::from(account.account_type()))),
                "product" => account.product().map(|product| ExprValue::Text(Arc::from(product))),
                _ => self.stored(name, place),
            };
        }
        let supply = self.supply?;
        Val::of_cell(&supply.column_at(name, place)).to_value(&self.kind(name)?)
    }

    /// The value of an attribute of the book.
    fn stored(&self, name: &str, place: AccountIdx) -> Option<ExprValue> {
        let (attribute, kind) = (self.view.schema().attribute(name)?, self.kind(name)?);
        let block = self.view.inner().chunk(place.slot)?.column(attribute.index())?;
        stored(block, place.row as usize, Some(&kind)).to_value(&kind)
    }

    /// Why a column has the value that it has for an account, or why the account is in a segment, down the chain of definitions: an
    /// expression with what it read, a roll-up with the accounts whose rows are in it, usage with its days. `None` for a name that
    /// is neither a column nor a segment; where a column and a segment have one name, it is the segment.
    ///
    /// # Errors
    ///
    /// What the question of a segment reads and is not there.
    ///
    /// # Complexity
    ///
    /// Linear in the parts of the expressions, and in the rows of each roll-up on the way: each is read once, twice for a first or last
    /// value by a date and where own values are preferred. What the limits leave out is not asked, but for those rows.
    ///
    /// ```
    /// use perennial::aggregate::{Operator, RollUp};
    /// use perennial::engine::{Engine, EngineSettings};
    /// use perennial::expr::{Columns, ExplainLimits};
    /// use perennial::segment::Segment;
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Date, Nesting, Schema, Scope};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    /// let acme = AccountId::new("acme")?;
    /// let row = |id: &str, seats: i64| Ok::<_, perennial::IdError>(AccountRow::new(AccountId::new(id)?, "Company").with("seats", seats));
    /// engine.load(&MemorySource::new().account(row("acme", 30)?).account(row("acme-eu", 12)?.under(acme)))?;
    /// engine.define([
    ///     RollUp::new("all_seats", Operator::Sum("seats".into())).into(),
    ///     Segment::parse("large", "all_seats > 40")?.into(),
    /// ])?;
    ///
    /// let view = engine.published().view(&Scope::all())?;
    /// let acme = view.account("acme").ok_or("not there")?;
    /// let why = Columns::from(&view).explain("large", acme, &ExplainLimits::default()).ok_or("no such segment")??;
    /// assert_eq!(
    ///     why.to_string(),
    ///     "acme on 2026-01-31: yes\n\
    ///      yes  all_seats > 40\n\
    ///      \x20      all_seats = 42, the sum of 2 rows\n\
    ///      \x20        acme: 30 in 1 row\n\
    ///      \x20        acme-eu: 12 in 1 row\n\
    ///      it would not be yes if:\n\
    ///      \x20 `all_seats > 40` were false (it is true: all_seats is 42)\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(
        &self,
        name: &str,
        account: Account<'_>,
        limits: &ExplainLimits,
    ) -> Option<Result<Explanation, ExprPlanErrors>> {
        if let Some((_, question)) = self.supply.and_then(|supply| supply.question(name)) {
            return Some(question.explain_within(*self, account, limits));
        }
        let names = OneName { name, kind: self.kind(name)? };
        let asked = Checker::new(&names).check(&written_name(name)).ok()?;
        Some(Explainer::new(*self, &asked, limits).map(|mut explainer| explainer.explain(account)))
    }

    /// Is an account in a segment? Never in one that is not known, nor where the view does not show it.
    #[must_use]
    pub fn is_member(&self, segment: &str, account: Account<'_>) -> bool {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        let place = account.place();
        ours && self.view.sees(place) && self.supply.is_some_and(|supply| supply.is_member(segment, place))
    }

    /// The members of a segment that the view shows; `None` for one that is not known.
    #[must_use]
    pub fn members(&self, segment: &str) -> Option<AccountSet> {
        self.supply?.members(segment)
    }

    /// The segments that can be asked, in order of id.
    ///
    /// # Complexity
    ///
    /// O(segments × log). None is computed.
    #[must_use]
    pub fn segments(&self) -> Vec<Arc<str>> {
        let mut all = Vec::new();
        if let Some(supply) = self.supply {
            supply.each_segment(&mut |id| all.push(Arc::from(id)));
        }
        all.sort_unstable();
        all
    }

    /// The segments that an account is in, in order of id; none for an account that the view does not show.
    ///
    /// # Complexity
    ///
    /// A look-up for each segment. A [`LiveView`](crate::engine::LiveView) first computes all that it does not hold, for all its
    /// accounts.
    #[must_use]
    pub fn segments_of(&self, account: Account<'_>) -> Vec<Arc<str>> {
        let mut all = self.segments();
        all.retain(|id| self.is_member(id, account));
        all
    }

    /// The accounts that the view shows and no segment has among its members, cancelled ones among them.
    ///
    /// # Complexity
    ///
    /// O(segments × accounts / 64), after what [`Columns::segments_of`] computes.
    #[must_use]
    pub fn in_no_segment(&self) -> AccountSet {
        let members = self.segments().into_iter().filter_map(|id| self.members(&id));
        // All are sets of the same view.
        members.fold(self.view.visible(), |rest, members| rest.difference(&members).unwrap_or(rest))
    }

    /// The question of a segment, checked; `None` for one that is not known.
    #[must_use]
    pub fn question(&self, segment: &str) -> Option<&'c Checked> {
        self.supply?.question(segment).map(|(_, question)| question)
    }

    /// Are the members of a segment known?
    pub(crate) fn has_segment(&self, segment: &str) -> bool {
        self.supply.is_some_and(|supply| supply.has_segment(segment))
    }
}

impl<'c> From<&'c View> for Columns<'c> {
    fn from(view: &'c View) -> Self {
        Self { view, supply: None }
    }
}

impl fmt::Debug for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").field("view", self.view).finish_non_exhaustive()
    }
}

/// One column, to be asked by itself.
pub(super) struct OneName<'n> {
    pub(super) name: &'n str,
    pub(super) kind: Type,
}

impl Names for OneName<'_> {
    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        (of == Of::Account && name == self.name).then(|| Name::new(self.kind.clone()))
    }

    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
        if of == Of::Account {
            seen(self.name);
        }
    }
}
