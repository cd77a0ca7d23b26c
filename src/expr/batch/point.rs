//! What does an expression give for one account of a view, without asking all the others?
//!
//! Walks the terms at one account, and only the accounts and rows that they speak of: a parent, the accounts of a
//! walk, the rows of a child table. The meaning of every operation is that of `eval` and of `state`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::columns::stored;
use super::derive::Gathering;
use super::error::ExprPlanErrors;
use super::flat::Flat;
use super::missing_rates::{MissingRateLog, RowKey};
use super::program::{Bound, bind};
use super::requirements::Requirements;
use super::supply::{Supply, UsageAsked};
use super::tree::Tree;
use crate::book::{Account, ChildEntry, TableBlock, View};
use crate::expr::checked::Checked;
use crate::expr::columns::Columns;
use crate::expr::eval::{Eval, Slots};
use crate::expr::exchange::Unrated;
use crate::expr::term::{Asker, Cell, Gather, Op, Over, Place, SlotOf, TermId, Terms, Walk};
use crate::expr::types::Type;
use crate::expr::value::{ExprValue, Val};
use crate::model::{AccountIdx, Currency, Rates};
use crate::tree::{AccountTree, NO_PRODUCT};

/// A checked expression for single accounts of a view.
///
/// ```
/// use perennial::expr::Checker;
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64))
///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme).with("seats", 12_i64));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
///
/// let share = Checker::new(&**book.schema()).check("ratio(seats, root.subtree.sum(a, a.seats))")?;
/// let share = share.for_accounts(&view)?;
/// let office = view.account("acme-eu").ok_or("not there")?;
/// assert_eq!(share.value(office).ok_or("missing")?.to_string(), "0.2857142857142857");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AccountExpr<'v> {
    points: Points<'v>,
    root: TermId,
    kind: Type,
}

impl Checked {
    /// The expression for single accounts: for a page of a list, or for what one change touched. For all
    /// accounts, an [`ExprPlan`](super::ExprPlan) is faster.
    ///
    /// # Errors
    ///
    /// As [`ExprPlan::run`](super::ExprPlan::run).
    pub fn for_accounts<'v>(
        &self,
        columns: impl Into<Columns<'v>>,
    ) -> Result<AccountExpr<'v>, ExprPlanErrors> {
        let columns = columns.into();
        Requirements::of(&[], &[self]).check(&columns)?;
        let (terms, root) = self.terms();
        let (points, roots) = Points::new(columns.view(), columns.supply(), terms, &[root]);
        let root = roots.first().copied().unwrap_or(TermId::NONE);
        Ok(AccountExpr { points, root, kind: self.kind().clone() })
    }
}

impl AccountExpr<'_> {
    /// Its answer for a visible account of the view.
    pub(crate) fn answer(&self, place: AccountIdx) -> Val<'_> {
        self.points.value(place, self.root)
    }

    /// Its answer for an account; `None` where it has none, and for an account that the view does not show.
    ///
    /// # Complexity
    ///
    /// Linear in the accounts and rows that the expression speaks of: a walk over `descendants` takes as long as the
    /// account has descendants.
    #[must_use]
    pub fn value(&self, account: Account<'_>) -> Option<ExprValue> {
        let place = self.points.place(account)?;
        self.points.value(place, self.root).to_value(&self.kind)
    }

    /// Its answer to a yes/no question; `None` where there is none.
    #[must_use]
    pub fn truth(&self, account: Account<'_>) -> Option<bool> {
        let place = self.points.place(account)?;
        self.points.value(place, self.root).truth()
    }

    /// Is the answer true?
    #[must_use]
    pub fn matches(&self, account: Account<'_>) -> bool {
        self.truth(account) == Some(true)
    }
}

/// A question of the rows of a child table, `table.exists(row, question)`, for single rows of a view.
#[derive(Debug, Clone)]
pub struct RowExpr<'v> {
    points: Points<'v>,
    table: usize,
    filters: Box<[TermId]>,
    body: Option<TermId>,
}

impl<'v> RowExpr<'v> {
    /// The question, for the rows of a view.
    ///
    /// # Errors
    ///
    /// As [`ExprPlan::run`](super::ExprPlan::run), and an expression that asks no rows.
    pub fn new(checked: &Checked, columns: impl Into<Columns<'v>>) -> Result<Self, ExprPlanErrors> {
        let columns = columns.into();
        let whole = checked.for_accounts(columns)?;
        let terms = &whole.points.terms;
        let root = terms.unguarded(whole.root);
        let Op::Gather { asker, over: Over::Table(table), filters, body, .. } = terms.op(root) else {
            return Err(ExprPlanErrors::form("it asks no rows of a child table"));
        };
        let number = columns.view().schema().table(table).map(crate::model::TableId::index);
        match number.filter(|_| asker.is_here()) {
            Some(table) => {
                let (filters, body) = (filters.clone(), *body);
                Ok(Self { points: whole.points, table, filters, body })
            }
            None => Err(ExprPlanErrors::form("it asks no rows of a child table")),
        }
    }

    /// Is the answer yes for a row? A row of another table, or of an account that the view does not show, never is.
    #[must_use]
    pub fn matches(&self, row: &ChildEntry<'_>) -> bool {
        let (table, number) = row.place();
        let Some(place) = self.points.place(row.account()).filter(|_| table == self.table) else {
            return false;
        };
        let account = Here::account(&self.points, place, None);
        let here = Here::row(&self.points, place, (table, number), Some(&account));
        here.counts(&self.filters) && self.body.is_none_or(|body| here.value(body).truth() == Some(true))
    }
}

/// Terms, ready to be asked of single accounts.
#[derive(Clone)]
pub(in crate::expr) struct Points<'v> {
    pub(in crate::expr) view: &'v View,
    pub(in crate::expr) supply: Option<&'v dyn Supply>,
    pub(in crate::expr) terms: Arc<Terms>,
    bound: Arc<[Bound]>,
    /// What is known of all accounts, where many are asked.
    known: Option<OfAccounts<'v>>,
    /// Who is told of amounts without a rate.
    recorder: Option<&'v MissingRateLog>,
}

/// Answers for all accounts of a view, by term.
#[derive(Clone, Copy)]
pub(super) struct OfAccounts<'k> {
    pub(super) tree: &'k Tree,
    pub(super) answers: &'k Answered,
}

/// Answers by term, each for rows side by side.
pub(super) type Answered = HashMap<TermId, Arc<Flat>>;

impl std::fmt::Debug for Points<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Points").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl<'v> Points<'v> {
    /// The terms with the days of the view; where the given ones are now.
    pub(in crate::expr) fn new(
        view: &'v View,
        supply: Option<&'v dyn Supply>,
        terms: &Terms,
        roots: &[TermId],
    ) -> (Self, Vec<TermId>) {
        let (terms, roots) = terms.as_of(view.as_of(), roots);
        let (terms, roots) = terms.pruned(&roots);
        let bound = terms.slots.iter().map(|slot| bind(view.schema(), &slot.of, &slot.name)).collect();
        (Self { view, supply, terms: Arc::new(terms), bound, known: None, recorder: None }, roots)
    }

    /// Terms that were prepared for the moment of the view.
    pub(super) fn of(
        view: &'v View,
        supply: Option<&'v dyn Supply>,
        terms: &Arc<Terms>,
        bound: &Arc<[Bound]>,
    ) -> Self {
        Self { view, supply, terms: terms.clone(), bound: bound.clone(), known: None, recorder: None }
    }

    /// Telling of amounts without a rate.
    pub(super) fn telling(self, recorder: Option<&'v MissingRateLog>) -> Self {
        Self { recorder, ..self }
    }

    /// With what is known of all accounts.
    pub(super) fn knowing(self, known: OfAccounts<'v>) -> Self {
        Self { known: Some(known), ..self }
    }

    /// Is a slot of accounts not one of the book?
    pub(in crate::expr) fn is_derived(&self, slot: u32) -> bool {
        let of_account = self.terms.slots.get(slot as usize).is_some_and(|slot| slot.of == SlotOf::Account);
        of_account && self.bound.get(slot as usize) == Some(&Bound::Nothing)
    }

    /// Where an account is, if the view shows it.
    pub(in crate::expr) fn place(&self, account: Account<'_>) -> Option<AccountIdx> {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        (ours && self.view.sees(account.place())).then(|| account.place())
    }

    /// The value of a term at an account.
    pub(in crate::expr) fn value(&self, place: AccountIdx, id: TermId) -> Val<'_> {
        Here::account(self, place, None).value(id)
    }

    /// The values of terms for each row that an account has in a child table.
    pub(super) fn each_row(
        &self,
        place: AccountIdx,
        table: usize,
        bodies: &[TermId],
        cells: &mut Vec<Cell>,
        seen: &mut dyn FnMut(&[Cell]),
    ) {
        let Some(chunk) = self.view.inner().chunk(place.slot) else { return };
        let account = Here::account(self, place, None);
        for row in chunk.table(table).map_or(0..0, |block| TableBlock::rows_of(block, place.row)) {
            let here = Here::row(self, place, (table, row), Some(&account));
            cells.clear();
            cells.extend(bodies.iter().map(|body| here.value(*body).to_cell().unwrap_or(Cell::Missing)));
            seen(cells);
        }
    }

    /// What an account, or a row, is found at from another.
    pub(in crate::expr) fn reached(&self, from: AccountIdx, place: &Place) -> Option<AccountIdx> {
        let view = self.view;
        match place {
            Place::Parent => view.parent(from),
            Place::Root => Some(view.root(from)),
            Place::AtType(kind) => view.lineage(from).find(|place| {
                let chunk = view.inner().chunk(place.slot);
                chunk.is_some_and(|chunk| chunk.shape.kind(place.row) == *kind)
            }),
            Place::AtLevel(level) => {
                let lineage: Vec<AccountIdx> = view.lineage(from).collect();
                lineage.into_iter().rev().nth((*level as usize).checked_sub(1)?)
            }
        }
    }

    /// Does an account hold a product, and is not cancelled?
    pub(in crate::expr) fn holds(&self, place: AccountIdx, product: u16) -> bool {
        let Some(chunk) = self.view.inner().chunk(place.slot) else { return false };
        if chunk.shape.product(place.row) != Some(product) {
            return false;
        }
        self.view.at(place).is_some_and(|holder| !holder.is_cancelled())
    }

    /// Asks every account or row that a macro speaks of, seen from an account, in the order of the tree or of the
    /// rows, until the one who asks has enough.
    pub(in crate::expr) fn each_asked(
        &self,
        from: AccountIdx,
        asker: &Asker,
        over: &Over,
        filters: &[TermId],
        body: Option<TermId>,
        seen: &mut dyn FnMut(Asked, Val<'_>) -> bool,
    ) {
        Here::account(self, from, None).each_asked(asker, over, filters, body, seen);
    }

    /// The account whose accounts or rows are asked, where that is seen from an account; `None` where there is none.
    pub(in crate::expr) fn asker(&self, from: AccountIdx, asker: &Asker) -> Option<AccountIdx> {
        Here::account(self, from, None).asker(asker)
    }

    fn slot_at(&self, slot: u32, place: AccountIdx, row: Option<(usize, usize)>) -> Val<'_> {
        let Some(chunk) = self.view.inner().chunk(place.slot) else { return Val::Missing };
        let kind = self.terms.slots.get(slot as usize).map(|slot| &slot.kind);
        let code = |code: u16| if code == NO_PRODUCT { Val::Missing } else { Val::Int(i64::from(code)) };
        match (self.bound.get(slot as usize), row) {
            (Some(Bound::Attribute(attribute)), None) => {
                chunk.column(*attribute).map_or(Val::Missing, |block| stored(block, place.row as usize, kind))
            }
            (Some(Bound::Column(column)), Some((table, row))) => {
                let block = chunk.table(table).and_then(|table| table.columns.get(*column));
                block.and_then(Option::as_ref).map_or(Val::Missing, |block| stored(block, row, kind))
            }
            (Some(Bound::Kind), None) => code(chunk.shape.kind(place.row)),
            (Some(Bound::Product), None) => chunk.shape.product(place.row).map_or(Val::Missing, code),
            (Some(Bound::Nothing), None) => {
                let name = self.terms.slots.get(slot as usize).map(|slot| &slot.name);
                let cell = self.supply.zip(name).map(|(supply, name)| supply.column_at(name, place));
                cell.map_or(Val::Missing, |cell| owned(Val::of_cell(&cell)))
            }
            _ => Val::Missing,
        }
    }
}

/// Who was asked by a macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Asked {
    Account(AccountIdx),
    /// A row of a child table of an account, by the number of the table and of the row.
    Row(AccountIdx, usize, usize),
}

/// The account or row at which terms are asked.
pub(super) struct Here<'p, 'h> {
    points: &'p Points<'p>,
    place: AccountIdx,
    row: Option<(usize, usize)>,
    around: Option<&'h Here<'p, 'h>>,
    /// What is known of it already, and at which row of the answers.
    known: Option<(&'p Answered, usize)>,
    /// What lambdas inside have asked of it: it is the same for each of their rows.
    asked: RefCell<BTreeMap<TermId, Val<'p>>>,
}

impl<'p, 'h> Here<'p, 'h> {
    pub(super) fn account(points: &'p Points<'p>, place: AccountIdx, around: Option<&'h Self>) -> Self {
        let known = points.known.and_then(|known| Some((known.answers, known.tree.row_of(place)?)));
        Self { points, place, row: None, around, known, asked: RefCell::default() }
    }

    pub(super) fn row(
        points: &'p Points<'p>,
        place: AccountIdx,
        row: (usize, usize),
        around: Option<&'h Self>,
    ) -> Self {
        Self { points, place, row: Some(row), around, known: None, asked: RefCell::default() }
    }

    /// One of many, of which something is known.
    pub(super) fn one_of(
        points: &'p Points<'p>,
        (place, row): (AccountIdx, Option<(usize, usize)>),
        known: (&'p Answered, usize),
        around: Option<&'h Self>,
    ) -> Self {
        Self { points, place, row, around, known: Some(known), asked: RefCell::default() }
    }

    /// The account whose accounts or rows are asked.
    fn asker(&self, asker: &Asker) -> Option<AccountIdx> {
        let mut here = self;
        for _ in 0..asker.around {
            here = here.around?;
        }
        asker.places.iter().try_fold(here.place, |place, step| here.points.reached(place, step))
    }
}

impl<'p> Here<'p, '_> {
    pub(super) fn value(&self, id: TermId) -> Val<'p> {
        Eval { terms: &self.points.terms, slots: self }.value(id)
    }

    /// The value of a term, for a lambda inside that asks it again and again.
    fn kept(&self, id: TermId) -> Val<'p> {
        if matches!(self.points.terms.op(id), Op::Slot(_) | Op::Const(_)) {
            return self.value(id);
        }
        let known = self.asked.borrow().get(&id).cloned();
        known.unwrap_or_else(|| {
            let value = self.value(id);
            self.asked.borrow_mut().insert(id, value.clone());
            value
        })
    }

    fn counts(&self, filters: &[TermId]) -> bool {
        filters.iter().all(|filter| self.value(*filter).truth() == Some(true))
    }

    /// The accounts of a walk, seen from one.
    fn walk<'w>(&self, from: AccountIdx, walk: Walk) -> Box<dyn Iterator<Item = AccountIdx> + 'w>
    where
        'p: 'w,
    {
        let view = self.points.view;
        match walk {
            Walk::Ancestors => Box::new(view.ancestors(from)),
            Walk::Lineage => Box::new(view.lineage(from)),
            Walk::Children => Box::new(view.children(from).into_iter()),
            Walk::Descendants => Box::new(view.descendants(from)),
            Walk::Subtree => Box::new(view.subtree(from)),
            Walk::Siblings => Box::new(view.siblings(from).into_iter()),
        }
    }

    fn each_asked(
        &self,
        asker: &Asker,
        over: &Over,
        filters: &[TermId],
        body: Option<TermId>,
        seen: &mut dyn FnMut(Asked, Val<'_>) -> bool,
    ) {
        let points = self.points;
        // Of an account that is not there, there is nothing.
        let Some(from) = self.asker(asker) else { return };
        let mut ask = |place: AccountIdx, row: Option<(usize, usize)>| {
            let there = match row {
                Some(row) => Here::row(points, place, row, Some(self)),
                None => Here::account(points, place, Some(self)),
            };
            if !there.counts(filters) {
                return true;
            }
            let value = body.map_or(Val::Bool(true), |body| there.value(body));
            let asked = match row {
                Some((table, row)) => Asked::Row(place, table, row),
                None => Asked::Account(place),
            };
            seen(asked, value)
        };
        match over {
            Over::Walk(walk) => {
                let _ = self.walk(from, *walk).all(|place| ask(place, None));
            }
            Over::Table(table) => {
                let table = points.view.schema().table(table).map(crate::model::TableId::index);
                let chunk = points.view.inner().chunk(from.slot);
                let Some((table, block)) = table.and_then(|table| Some((table, chunk?.table(table)?))) else {
                    return;
                };
                let mut rows = TableBlock::rows_of(block, from.row);
                let _ = rows.all(|row| ask(from, Some((table, row))));
            }
        }
    }

    fn gathered(
        &self,
        asker: &Asker,
        what: Gather,
        over: &Over,
        filters: &[TermId],
        body: Option<TermId>,
    ) -> Val<'p> {
        // One account or row may decide.
        if let Gather::Exists | Gather::All = what {
            let decisive = what == Gather::Exists;
            let (mut decided, mut missing) = (false, false);
            self.each_asked(asker, over, filters, body, &mut |_, value| {
                match value.truth() {
                    Some(truth) if truth == decisive => decided = true,
                    Some(_) => {}
                    None => missing = true,
                }
                !decided
            });
            return match (decided, missing) {
                (true, _) => Val::Bool(decisive),
                (false, true) => Val::Missing,
                (false, false) => Val::Bool(!decisive),
            };
        }
        let mut cells: Vec<Cell> = Vec::new();
        self.each_asked(asker, over, filters, body, &mut |_, value| {
            cells.push(value.to_cell().unwrap_or(Cell::Missing));
            true
        });
        let rows = cells.len();
        let body = Flat::of_cells(cells);
        let all = |_: usize| true;
        let answer = Gathering { what, rows, counts: &all, body: Some(&body) }.with(
            |own| one(&own),
            |own| one(&own),
            |own| one(&own),
        );
        owned(answer.val(0))
    }
}

/// All states as one.
fn one<S: super::tree::State>(own: &[S]) -> Vec<S> {
    let mut all = S::default();
    own.iter().for_each(|own| all.merge(own));
    vec![all]
}

fn owned<'p>(value: Val<'_>) -> Val<'p> {
    match value {
        Val::Bool(v) => Val::Bool(v),
        Val::Int(v) => Val::Int(v),
        Val::Wide(v) => Val::Wide(v),
        Val::Double(v) => Val::Double(v),
        Val::Text(text) => Val::Made(Arc::from(text)),
        Val::Made(text) => Val::Made(text),
        Val::Missing | Val::Record(..) => Val::Missing,
        list => (0..list.len().unwrap_or(0)).map(|place| owned(list.item(place))).collect(),
    }
}

impl<'p> Slots<'p> for &Here<'p, '_> {
    fn slot(&self, slot: u32) -> Val<'p> {
        self.points.slot_at(slot, self.place, self.row)
    }

    fn derived(&self, id: TermId) -> Val<'p> {
        if let Some((known, row)) = self.known
            && let Some(answers) = known.get(&id)
        {
            if let (Some(recorder), None) = (self.points.recorder, self.row) {
                recorder.ask(id, self.place);
            }
            return answers.val(row);
        }
        let points = self.points;
        let view = points.view;
        match points.terms.op(id) {
            Op::Supplied(slot) => points.slot_at(*slot, self.place, None),
            Op::Level => Val::int(i64::try_from(view.level(self.place)).ok()),
            Op::AccountId => Val::Text(view.inner().id(self.place)),
            Op::Under { id, strict } => {
                let top = view.account(id).map(|account| account.place());
                let under =
                    |top: AccountIdx| view.is_under(self.place, top) && !(*strict && top == self.place);
                Val::Bool(top.is_some_and(under))
            }
            Op::Owns(product) => {
                Val::Bool(view.subtree(self.place).any(|place| points.holds(place, *product)))
            }
            Op::At(place, inner) => points
                .reached(self.place, place)
                .map_or(Val::Missing, |place| Here::account(points, place, self.around).value(*inner)),
            Op::Outer(inner) => self.around.map_or(Val::Missing, |around| around.kept(*inner)),
            Op::Gather { asker, what, over, filters, body } => {
                self.gathered(asker, *what, over, filters, *body)
            }
            Op::Usage(..) => {
                let asked = UsageAsked::of(&points.terms, id, view.as_of().date().days());
                let rates = view.dated_rates();
                let asked = asked.map(|asked| asked.at_rates(rates).telling(points.recorder, self.place));
                match (points.supply, asked) {
                    (Some(supply), Some(asked)) => owned(Val::of_cell(&supply.usage_at(self.place, &asked))),
                    _ => Val::Missing,
                }
            }
            Op::InSegment(id) => {
                Val::Bool(points.supply.is_some_and(|supply| supply.is_member(id, self.place)))
            }
            _ => Val::Missing,
        }
    }

    fn rates(&self) -> Option<&dyn Rates> {
        self.points.view.dated_rates()
    }

    fn unrated(&self, to: Currency, lacks: Unrated) {
        if let Some(recorder) = self.points.recorder {
            recorder.add(to, lacks, self.place, self.row.map(|(table, row)| RowKey::Row(table, row)));
        }
    }
}
