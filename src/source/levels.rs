//! How does a table that was flattened into level columns become a tree?
//!
//! Warehouses and publications keep hierarchies as one row for each lowest account, with a column for each
//! level above it: practice, network, group, board, region. [`LevelColumns`] reads such rows from any source and
//! makes the accounts above them. Ruling S58 of `docs/semantics`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Batch, Cell, Cells, Emit, ScanRequest, Source, SourceError, TableName, UnreadColumn};
use crate::model::ValueKind;

/// Most rows of a batch that is made here.
const BATCH_ROWS: usize = 4_096;

/// Why a value of a level cannot be read.
const DISAGREE: &str = "rows of the account disagree";

/// One level of a flattened hierarchy: which column names its accounts, and what else is known of them.
#[derive(Debug, Clone)]
pub struct Level {
    account_type: Arc<str>,
    key: Arc<str>,
    prefix: Arc<str>,
    within: Option<Arc<str>>,
    placeholders: HashSet<Arc<str>>,
    values: Vec<(Arc<str>, Arc<str>)>,
}

impl Level {
    /// A level whose accounts are named by a column, and of this account type.
    #[must_use]
    pub fn new(account_type: &str, column: &str) -> Self {
        Self {
            account_type: Arc::from(account_type),
            key: Arc::from(column),
            prefix: Arc::from(""),
            within: None,
            placeholders: HashSet::new(),
            values: Vec::new(),
        }
    }

    /// With a value of its accounts from a column.
    #[must_use]
    pub fn value(mut self, attribute: &str, column: &str) -> Self {
        self.values.push((Arc::from(attribute), Arc::from(column)));
        self
    }

    /// With a text before each key, where keys of several levels would be the same id.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = Arc::from(prefix);
        self
    }

    /// With keys that name an account only together with the one above it: the Springfield of each state. The
    /// id is that of the account above, this separator, and the key.
    ///
    /// Choose a separator that does not occur in keys. Key `C` within `A/B` and key `B/C` within `A` have the same id:
    /// they are separate rows of it, and a load reports it as repeated.
    #[must_use]
    pub fn within_parent(mut self, separator: &str) -> Self {
        self.within = Some(Arc::from(separator));
        self
    }

    /// With a key that stands for none: `U` for unallocated, `N/A`. Its rows hang on the level above.
    #[must_use]
    pub fn placeholder(mut self, key: &str) -> Self {
        self.placeholders.insert(Arc::from(key));
        self
    }

    fn id(&self, key: &str, above: Option<&str>) -> String {
        match (&self.within, above) {
            (Some(separator), Some(above)) => [above, separator, &self.prefix, key].concat(),
            _ => [&self.prefix, key].concat(),
        }
    }
}

/// A source of flattened rows as a source of a tree.
///
/// Each row of the accounts of `rows` is an account of its own, with its levels in further columns. It stands
/// under the lowest of its levels; and each account of a level, once, under the next level above. Whatever else
/// `rows` has, goes through as it is.
///
/// * A key that is missing, empty or a [placeholder](Level::placeholder) leaves the level out for that row. So
///   does one that repeats the account above it, or the row itself, which is how ragged trees are padded.
/// * An account of a level that has a row of its own is that row. For any other, reports name file and line of the first
///   row that names it.
/// * Rows that disagree about the parent of an account declare several parents, and a load treats them so
///   ([`FaultKind::SeveralParents`](crate::FaultKind::SeveralParents)). Rows that disagree about a value make
///   it one that cannot be read ([`FaultKind::InvalidValue`](crate::FaultKind::InvalidValue)); a row that says
///   nothing of it does not disagree.
/// * Where no level is named, the `parent` of the row counts, if it has one.
///
/// The rows are asked for their level columns beside those of the schema; with `CsvTable::text`, CSV files have
/// them. They are read once for accounts and once for links. Memory is O(ids, and accounts of levels).
///
/// ```
/// use perennial::source::{Level, LevelColumns, MemorySource};
/// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope};
///
/// let schema = Schema::builder()
///     .account_type("Region", Nesting::Ordered)
///     .account_type("City", Nesting::Ordered)
///     .account_type("Shop", Nesting::Ordered)
///     .build()?;
/// let shop = |id| Ok::<_, perennial::IdError>(AccountRow::new(AccountId::new(id)?, "Shop"));
/// let rows = MemorySource::new()
///     .account(shop("s1")?.with("region", "North").with("city", "Leeds"))
///     .account(shop("s2")?.with("region", "North").with("city", "Leeds"))
///     .account(shop("s3")?.with("region", "North").with("city", "n/a"));
///
/// let levels = [Level::new("Region", "region"), Level::new("City", "city").placeholder("n/a")];
/// let (book, _) = Book::load(schema, &LevelColumns::new(rows, levels), &Policy::strict())?;
///
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let path = |id| view.account(id).map(|shop| shop.path());
/// assert_eq!(path("s2").as_deref(), Some("North › Leeds › s2"));
/// assert_eq!(path("s3").as_deref(), Some("North › s3"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LevelColumns<S> {
    rows: S,
    levels: Vec<Level>,
}

impl<S: Source> LevelColumns<S> {
    /// Flattened rows, and their levels from the top down.
    pub fn new(rows: S, levels: impl IntoIterator<Item = Level>) -> Self {
        Self { rows, levels: levels.into_iter().collect() }
    }

    fn accounts(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let mut above = Above::new(&self.levels, request);
        let mut own: HashSet<Box<str>> = HashSet::new();
        let mut wants_more = ControlFlow::Continue(());
        self.rows.scan(&self.request(request), &mut |batch| {
            let parents = above.read(&batch, |id| {
                own.insert(Box::from(id));
            });
            let parents = Cells::text(parents.iter().map(Option::as_deref));
            wants_more = emit(
                batch.with_only(|name| request.wants(name) && name != "parent").column("parent", parents),
            );
            wants_more
        })?;
        for (level, accounts) in self.levels.iter().zip(&above.accounts) {
            let made: Vec<(&str, &Made)> = accounts
                .iter()
                .map(|(key, made)| (key.id.as_str(), made))
                .filter(|(id, _)| !own.contains(*id))
                .collect();
            let of_one_file =
                made.chunk_by(|(_, a), (_, b)| is_of_one_file(a.place.as_ref(), b.place.as_ref()));
            for some in of_one_file.flat_map(|some| some.chunks(BATCH_ROWS)) {
                if wants_more.is_break() {
                    return Ok(());
                }
                wants_more = emit(batch_of(level, some, request));
            }
        }
        Ok(())
    }

    fn links(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let mut wants_more = ControlFlow::Continue(());
        if self.rows.provides(request.table()) {
            self.rows.scan(request, &mut |batch| {
                wants_more = emit(batch);
                wants_more
            })?;
        }
        if wants_more.is_break() || self.levels.is_empty() {
            return Ok(());
        }
        let ids = ScanRequest::ids(TableName::Accounts);
        let mut above = Above::new(&self.levels, &ids);
        let mut own: HashSet<Box<str>> = HashSet::new();
        self.rows.scan(&self.request(&ids), &mut |batch| {
            above.read(&batch, |id| {
                own.insert(Box::from(id));
            });
            ControlFlow::Continue(())
        })?;
        // One parent of a level account is in its own row; the others are links.
        let further = above.accounts.iter().flatten().flat_map(|(key, account)| {
            let is_made = !own.contains(key.id.as_str());
            let beside = account.parent_beside().filter(|_| is_made);
            let parents = account.parents.iter().filter(move |(parent, _)| Some(parent.as_str()) != beside);
            parents.map(move |(parent, place)| (key.id.as_str(), parent.as_str(), place.as_ref()))
        });
        let further: Vec<(&str, &str, Option<&FileLine>)> = further.collect();
        let of_one_file = further.chunk_by(|(.., a), (.., b)| is_of_one_file(*a, *b));
        for some in of_one_file.flat_map(|some| some.chunks(BATCH_ROWS)) {
            let batch = Batch::new(TableName::Links)
                .column("id", Cells::text(some.iter().map(|(id, ..)| Some(*id))))
                .column("parent", Cells::text(some.iter().map(|(_, parent, _)| Some(*parent))));
            if emit(with_places(batch, some.iter().map(|(.., place)| *place))).is_break() {
                break;
            }
        }
        Ok(())
    }

    // What is asked of the rows: what is wanted, and what the levels are read from.
    fn request(&self, request: &ScanRequest) -> ScanRequest {
        let mut columns: BTreeSet<Arc<str>> = ["id", "parent"].map(Arc::from).into();
        for level in &self.levels {
            columns.insert(Arc::clone(&level.key));
            let values = level.values.iter().filter(|(target, _)| request.wants(target));
            columns.extend(values.map(|(_, column)| Arc::clone(column)));
        }
        request.and(columns)
    }
}

impl<S: Source> Source for LevelColumns<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        match request.table() {
            TableName::Accounts if !self.levels.is_empty() => self.accounts(request, emit),
            TableName::Links => self.links(request, emit),
            _ => self.rows.scan(request, emit),
        }
    }

    fn provides(&self, table: &TableName) -> bool {
        self.rows.provides(table) || (table == &TableName::Links && !self.levels.is_empty())
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        self.rows.unread(table)
    }
}

/// The accounts of the levels, as far as rows were read.
struct Above<'l> {
    levels: &'l [Level],
    // INVARIANT: one map for each level.
    accounts: Vec<IndexMap<Key, Made>>,
    /// Values of each level that are wanted: their place in [`Made`], and their column.
    values: Vec<Vec<&'l Arc<str>>>,
}

/// The identity of an account of a level.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    id: String,
    /// The account above, for keys within a parent: two pairs of parent and key may have the same id.
    within: Option<String>,
}

/// A place in a file.
type FileLine = (Arc<str>, u64);

/// An account of a level.
#[derive(Debug, Default)]
struct Made {
    /// The first of its rows, for reports.
    place: Option<FileLine>,
    /// Each with the first row that names it.
    parents: BTreeMap<String, Option<FileLine>>,
    values: Vec<Said>,
}

/// What rows say of one value. It does not depend on their order.
#[derive(Debug, Clone)]
enum Said {
    Nothing,
    One(Cell),
    Several { least: String, most: String, expected: ValueKind },
}

impl<'l> Above<'l> {
    fn new(levels: &'l [Level], request: &ScanRequest) -> Self {
        let wanted = |level: &'l Level| {
            let values = level.values.iter().filter(|(target, _)| request.wants(target));
            values.map(|(_, column)| column).collect()
        };
        Self {
            levels,
            accounts: levels.iter().map(|_| IndexMap::new()).collect(),
            values: levels.iter().map(wanted).collect(),
        }
    }

    /// Reads the levels of the rows of a batch: the parent of each.
    fn read(&mut self, batch: &Batch, mut own: impl FnMut(&str)) -> Vec<Option<String>> {
        let ids = batch.cells("id");
        let declared = batch.cells("parent");
        let keys: Vec<Option<&Cells>> = self.levels.iter().map(|level| batch.cells(&level.key)).collect();
        let values: Vec<Vec<Option<&Cells>>> = self
            .values
            .iter()
            .map(|columns| columns.iter().map(|column| batch.cells(column)).collect())
            .collect();
        let mut parents = Vec::with_capacity(batch.rows());
        for row in 0..batch.rows() {
            let id = ids.and_then(|ids| ids.name_at(row));
            if let Some(id) = &id {
                own(id);
            }
            let mut above: Option<String> = None;
            let levels = self.levels.iter().zip(&mut self.accounts).zip(keys.iter().zip(&values));
            for ((level, accounts), (keys, values)) in levels {
                let Some(key) = keys.and_then(|keys| keys.name_at(row)) else { continue };
                if key.is_empty() || level.placeholders.contains(&*key) {
                    continue;
                }
                let name = level.id(&key, above.as_deref());
                // Padding.
                if above.as_ref() == Some(&name) || id.as_deref() == Some(&*name) {
                    continue;
                }
                let within = level.within.as_ref().and_then(|_| above.clone());
                let made = accounts.entry(Key { id: name.clone(), within }).or_default();
                first_of(&mut made.place, batch, row);
                made.values.resize(values.len(), Said::Nothing);
                if let Some(parent) = above {
                    first_of(made.parents.entry(parent).or_default(), batch, row);
                }
                for (said, cells) in made.values.iter_mut().zip(values) {
                    said.hear(cells.map_or(Cell::Absent, |cells| cells.cell(row)));
                }
                above = Some(name);
            }
            let own_parent = || declared.and_then(|parents| parents.name_at(row)).map(Cow::into_owned);
            parents.push(above.or_else(own_parent));
        }
        parents
    }
}

impl Made {
    /// The parent in the row of the account: that of the row whose place reports name, so that both agree.
    fn parent_beside(&self) -> Option<&str> {
        let of_first_row = self.parents.iter().find(|(_, place)| **place == self.place);
        of_first_row.or_else(|| self.parents.first_key_value()).map(|(parent, _)| parent.as_str())
    }
}

// Keeps the first place in order of file and line, so that it does not depend on the order of rows.
fn first_of(first: &mut Option<FileLine>, batch: &Batch, row: usize) {
    let (Some(origin), Some(line)) = (batch.origin(), batch.line(row)) else { return };
    if first.as_ref().is_none_or(|(file, before)| (origin, line) < (file, *before)) {
        *first = Some((Arc::clone(origin), line));
    }
}

// Whether two rows are of the same file.
fn is_of_one_file(a: Option<&FileLine>, b: Option<&FileLine>) -> bool {
    a.map(|(file, _)| file) == b.map(|(file, _)| file)
}

// A batch with the places of its rows, which are of one file.
fn with_places<'m>(batch: Batch, places: impl Iterator<Item = Option<&'m FileLine>>) -> Batch {
    let mut places = places.flatten().peekable();
    match places.peek() {
        None => batch,
        Some((origin, _)) => {
            let origin = Arc::clone(origin);
            batch.with_origin(&origin, places.map(|(_, line)| *line).collect())
        }
    }
}

impl Said {
    fn hear(&mut self, cell: Cell) {
        let Some((text, expected)) = said(&cell) else { return };
        match self {
            Self::Nothing => *self = Self::One(cell),
            Self::One(before) if *before == cell => {}
            Self::One(before) => {
                let before = said(before).map_or(String::new(), |(text, _)| text);
                let (least, most) = if before < text { (before, text) } else { (text, before) };
                *self = Self::Several { least, most, expected };
            }
            Self::Several { least, most, .. } => {
                if text < *least {
                    *least = text;
                } else if text > *most {
                    *most = text;
                }
            }
        }
    }

    fn cell(&self) -> Cell {
        match self {
            Self::Nothing => Cell::Absent,
            Self::One(cell) => cell.clone(),
            Self::Several { least, most, expected } => Cell::Unreadable {
                text: format!("{least} | {most}"),
                expected: *expected,
                reason: Some(Arc::from(DISAGREE)),
            },
        }
    }
}

fn said(cell: &Cell) -> Option<(String, ValueKind)> {
    match cell {
        Cell::Absent | Cell::Null => None,
        Cell::Value(value) => Some((value.to_string(), value.kind())),
        Cell::Unreadable { text, expected, .. } => Some((text.clone(), *expected)),
    }
}

fn batch_of(level: &Level, accounts: &[(&str, &Made)], request: &ScanRequest) -> Batch {
    let wanted = level.values.iter().filter(|(target, _)| request.wants(target));
    let batch = Batch::new(TableName::Accounts)
        .column("id", Cells::text(accounts.iter().map(|(id, _)| Some(*id))))
        .column("account_type", Cells::text(accounts.iter().map(|_| Some(&*level.account_type))))
        .column("parent", Cells::text(accounts.iter().map(|(_, made)| made.parent_beside())));
    let batch = with_places(batch, accounts.iter().map(|(_, made)| made.place.as_ref()));
    wanted.enumerate().fold(batch, |batch, (place, (target, _))| {
        let cell = |made: &Made| made.values.get(place).map_or(Cell::Absent, Said::cell);
        batch.column(target, Cells::any(accounts.iter().map(|(_, made)| cell(made))))
    })
}
