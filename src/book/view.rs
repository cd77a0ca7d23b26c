//! What does this user see, at this moment?
//!
//! A view is a book, a scope and an [`AsOf`], with the rates of exchange where amounts are converted. It answers as if what lies outside the scope did not
//! exist: a hidden ancestor is passed over, siblings that come from different hidden parents stand in
//! order of id, levels count visible accounts. Rulings S16 and S23 to S25 of `docs/semantics`.

use std::sync::{Arc, OnceLock};

use super::{Account, Book, Chunk, Inner};
use crate::column::Bitmap;
use crate::model::{AccountId, AccountIdx, AsOf, Rates, Schema};
use crate::set::{AccountSet, Scope, StaleSet};
use crate::tree::AccountTree;

/// A book as one user sees it at one moment. Cloning is cheap; `Send + Sync`.
///
/// Accounts are handed out as [`Account`]s, which cannot outlive or leave the view; for the algorithms
/// of [`AccountTree`] and petgraph the view itself is the tree, with [`AccountIdx`] as node.
#[derive(Debug, Clone)]
pub struct View {
    book: Book,
    scope: Scope,
    as_of: AsOf,
    rates: Option<Arc<dyn Rates>>,
    partial: Option<Arc<Partial>>,
}

/// What is worked out once for a scope that does not show everything.
#[derive(Debug)]
struct Partial {
    /// The slots that show an account, in themselves or in limbs below.
    live: Bitmap,
    /// How many visible accounts lie in the slots before each; counted when it is asked.
    before: OnceLock<Vec<usize>>,
    /// The numbers of the visible accounts, computed on the first question.
    numbers: OnceLock<Numbers>,
}

/// The visible accounts in the order of their tree. Their places alone would number them as they are packed, which
/// depends on the accounts around them.
#[derive(Debug)]
struct Numbers {
    places: Vec<AccountIdx>,
    /// The number of each account, by its rank among the visible places.
    by_rank: Vec<usize>,
}

impl Partial {
    fn before(&self, set: &AccountSet) -> &[usize] {
        self.before.get_or_init(|| {
            let mut count = 0;
            let slots = (0_u32..).take(self.live.len());
            let before = slots.map(|slot| {
                let own = count;
                count += set.bitmap(slot).map_or(0, |bits| bits.count());
                own
            });
            before.collect()
        })
    }

    /// The rank of an account among the visible places.
    fn rank(&self, set: &AccountSet, place: AccountIdx) -> usize {
        let before = self.before(set).get(place.slot as usize).copied().unwrap_or(0);
        before + set.bitmap(place.slot).map_or(0, |bits| bits.count_range(0, place.row as usize))
    }

    fn numbers(&self, view: &View, set: &AccountSet) -> &Numbers {
        self.numbers.get_or_init(|| {
            let places: Vec<AccountIdx> = view.walk().collect();
            let mut by_rank = vec![0; places.len()];
            for (number, place) in places.iter().enumerate() {
                if let Some(own) = by_rank.get_mut(self.rank(set, *place)) {
                    *own = number;
                }
            }
            Numbers { places, by_rank }
        })
    }
}

impl View {
    pub(super) const fn of_all(book: Book, as_of: AsOf) -> Self {
        Self { book, scope: Scope::all(), as_of, rates: None, partial: None }
    }

    pub(super) fn new(book: Book, scope: Scope, as_of: AsOf) -> Result<Self, StaleSet> {
        let Some(set) = scope.set() else {
            return Ok(Self { book, scope, as_of, rates: None, partial: None });
        };
        if !set.layout().same(&book.0.layout) {
            return Err(StaleSet);
        }
        let mut live = Bitmap::zeros(book.0.chunks.len());
        // From each chunk with a visible account up to the trunk, stopping where another came by.
        for (slot, _) in set.bitmaps() {
            let mut at = Some(slot);
            while let Some(slot) = at {
                if live.get(slot as usize) {
                    break;
                }
                live.set(slot as usize, true);
                at = book.0.chunk(slot).and_then(|chunk| chunk.home).map(|home| home.slot);
            }
        }
        let partial = Some(Arc::new(Partial { live, before: OnceLock::new(), numbers: OnceLock::new() }));
        Ok(Self { book, scope, as_of, rates: None, partial })
    }

    /// With the rates at which expressions convert amounts (`arr.convertTo("EUR")`); without them no amount that is converted is
    /// known. Everything that is asked of the view, or of what is made from it, is asked at these rates; a catalog and a roll-up may be
    /// run at others.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use perennial::expr::Checker;
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Currency, Date, Decimal, ExchangeRate, ExchangeRates,
    ///     Money, Nesting, Policy, Schema, Scope,
    /// };
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
    ///     .build()?;
    /// let acme = AccountRow::new(AccountId::new("acme")?, "Company").with("arr", Money::from_minor(100_00, Currency::USD));
    /// let (book, _report) = Book::load(schema, &MemorySource::new().account(acme), &Policy::strict())?;
    /// let today = Date::new(2026, 1, 31)?;
    /// let view = book.view(&Scope::all(), AsOf::date_utc(today))?;
    ///
    /// let in_euros = Checker::new(&**book.schema()).check("arr.convertTo(\"EUR\")")?;
    /// let acme = view.account("acme").ok_or("not there")?;
    /// assert_eq!(in_euros.for_accounts(&view)?.value(acme), None);
    ///
    /// let rate = ExchangeRate::market(Currency::USD, Currency::EUR, today, Decimal::new(92, 2));
    /// let view = view.clone().with_rates(Arc::new(ExchangeRates::new().with([rate])?));
    /// let acme = view.account("acme").ok_or("not there")?;
    /// assert_eq!(in_euros.for_accounts(&view)?.value(acme).ok_or("missing")?.to_string(), "92.00000000000 EUR");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_rates(self, rates: Arc<dyn Rates>) -> Self {
        Self { rates: Some(rates), ..self }
    }

    /// The same view at the rates of another one.
    pub(crate) fn at_rates_of(self, other: &Self) -> Self {
        Self { rates: other.rates.clone(), ..self }
    }

    /// The rates at which expressions convert amounts, where it has any.
    #[must_use]
    pub fn rates(&self) -> Option<&Arc<dyn Rates>> {
        self.rates.as_ref()
    }

    /// The rates, for evaluation.
    pub(crate) fn dated_rates(&self) -> Option<&dyn Rates> {
        self.rates.as_deref()
    }

    /// The whole book, **outside any scope**. Do not hand a view to code that must not reach beyond its
    /// scope; hand it answers.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// The schema of the book.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.book.0.schema
    }

    /// The scope.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The moment.
    #[must_use]
    pub const fn as_of(&self) -> &AsOf {
        &self.as_of
    }

    /// How many accounts are visible.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scope.set().map_or_else(|| self.book.len(), AccountSet::len)
    }

    /// Whether no account is visible.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The account with an id, if it is visible.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<Account<'_>> {
        self.at(self.book.find(id)?)
    }

    /// The accounts that an id leads to: the account itself, if it is visible; else the visible accounts
    /// that came after it by the date of the view, the first in rank first.
    ///
    /// An old id finds its account although it was merged, split or renamed: see
    /// [`Change::merge`](crate::Change::merge) and [`Successions::heirs`](crate::Successions::heirs), which says who
    /// the heirs are. Those that are not visible, be they hidden or gone, are left out: what they ended in before they
    /// were reached did not come after the account. Empty where nothing visible came after it.
    ///
    /// # Complexity
    ///
    /// O(links on the way × log).
    #[must_use]
    pub fn successors(&self, id: &str) -> Vec<Account<'_>> {
        if let Some(account) = self.account(id) {
            return vec![account];
        }
        let Ok(id) = AccountId::new(id) else { return Vec::new() };
        let heirs = self.book.0.successions.heirs(&id, self.as_of.date());
        heirs.iter().filter_map(|heir| self.account(heir.as_str())).collect()
    }

    /// The first of the accounts that an id leads to; see [`Self::successors`].
    #[must_use]
    pub fn successor(&self, id: &str) -> Option<Account<'_>> {
        self.successors(id).into_iter().next()
    }

    /// The account at a place, if it is visible.
    #[must_use]
    pub fn at(&self, place: AccountIdx) -> Option<Account<'_>> {
        let exists = self.book.0.layout.rows(place.slot) > place.row as usize;
        (exists && self.sees(place)).then(|| Account::new(self, place))
    }

    /// Whether a place is visible. One bit is read.
    #[must_use]
    pub fn sees(&self, place: AccountIdx) -> bool {
        self.scope.set().is_none_or(|set| set.contains(place))
    }

    /// The id of a visible account.
    #[must_use]
    pub fn id(&self, place: AccountIdx) -> Option<AccountId> {
        self.at(place).map(|account| account.id())
    }

    /// Every visible account in the order of the tree.
    pub fn accounts(&self) -> impl Iterator<Item = Account<'_>> {
        self.walk().map(|place| Account::new(self, place))
    }

    /// The visible accounts without a visible parent, by id.
    #[must_use]
    pub fn root_accounts(&self) -> Vec<Account<'_>> {
        self.roots().into_iter().map(|place| Account::new(self, place)).collect()
    }

    /// The visible accounts as a set.
    #[must_use]
    pub fn visible(&self) -> AccountSet {
        self.scope.set().cloned().unwrap_or_else(|| self.book.all_accounts())
    }

    /// A set of visible accounts.
    pub fn set(&self, accounts: impl IntoIterator<Item = AccountIdx>) -> AccountSet {
        let visible = accounts.into_iter().filter(|place| self.sees(*place));
        AccountSet::from_accounts(self.book.0.layout.clone(), visible)
    }

    /// A number from 0 to before [`Self::bound`], different for each visible account: an index for
    /// tables. It says nothing of what is not visible: under a scope, accounts are numbered in the order of what it shows.
    ///
    /// # Complexity
    ///
    /// Under a scope, one pass over the visible accounts for the first number that is asked.
    #[must_use]
    pub fn dense(&self, place: AccountIdx) -> usize {
        match (&self.partial, self.scope.set()) {
            (Some(partial), Some(set)) => {
                let rank = partial.rank(set, place);
                partial.numbers(self, set).by_rank.get(rank).copied().unwrap_or(rank)
            }
            _ => self.book.0.layout.dense(place),
        }
    }

    /// One more than the largest dense number: how many accounts are visible.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.len()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.book.0
    }

    pub(super) fn place_of(&self, number: usize) -> Option<AccountIdx> {
        let (Some(partial), Some(set)) = (&self.partial, self.scope.set()) else {
            return self.book.0.layout.account(number);
        };
        partial.numbers(self, set).places.get(number).copied()
    }

    // Whether a chunk or a limb below it shows an account.
    pub(crate) fn is_live(&self, slot: u32) -> bool {
        self.partial.as_ref().is_none_or(|partial| partial.live.get(slot as usize))
    }

    // Whether a row or something below it is visible.
    fn shows(&self, chunk: &Chunk, place: AccountIdx) -> bool {
        let Some(set) = self.scope.set() else { return true };
        let (start, end) = (place.row as usize, chunk.shape.end(place.row) as usize);
        set.bitmap(place.slot).is_some_and(|bits| bits.count_range(start, end) > 0)
            || chunk.limbs_in(place.row).any(|limb| self.is_live(limb.slot))
    }

    // The visible accounts nearest below some accounts of the book, by id.
    fn surface(&self, mut stack: Vec<AccountIdx>, out: &mut Vec<AccountIdx>) {
        let start = out.len();
        let mut elided = false;
        while let Some(place) = stack.pop() {
            let Some(chunk) = self.book.0.chunk(place.slot) else { continue };
            if self.sees(place) {
                out.push(place);
            } else if self.shows(chunk, place) {
                elided = true;
                self.book.0.children_into(place, &mut stack);
            }
        }
        let found = out.get_mut(start..).unwrap_or_default();
        if elided {
            found.sort_by(|a, b| self.book.0.id(*a).cmp(self.book.0.id(*b)));
        } else {
            // They were taken from the end of a list in order.
            found.reverse();
        }
    }
}

impl AccountTree for View {
    type Node = AccountIdx;

    fn parent(&self, node: AccountIdx) -> Option<AccountIdx> {
        let mut above = self.book.0.parent(node);
        while let Some(place) = above.filter(|place| !self.sees(*place)) {
            above = self.book.0.parent(place);
        }
        above
    }

    fn children_into(&self, node: AccountIdx, out: &mut Vec<AccountIdx>) {
        if self.scope.is_all() {
            self.book.0.children_into(node, out);
        } else {
            let mut below = Vec::new();
            self.book.0.children_into(node, &mut below);
            self.surface(below, out);
        }
    }

    fn roots_into(&self, out: &mut Vec<AccountIdx>) {
        let mut tops = Vec::new();
        for slot in self.book.0.trunk.iter().filter(|slot| self.is_live(**slot)) {
            self.book.0.local_roots_into(*slot, &mut tops);
        }
        if self.scope.is_all() { out.append(&mut tops) } else { self.surface(tops, out) }
    }

    fn is_under(&self, node: AccountIdx, top: AccountIdx) -> bool {
        self.book.0.is_under(node, top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_and_views_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Book>();
        check::<View>();
        check::<Scope>();
    }
}
