//! What do the extremes look like: one endless chain, one enormous family, nothing but roots?
//!
//! Books of one free type and two values, given by the parent of each account.

use std::sync::Arc;

use super::generate::write_id;
use super::random::Random;
use crate::source::{Batch, Cells, Emit, ScanRequest, Source, SourceError, TableName, TextCells};
use crate::{Attribute, AttributeType, Currency, Nesting, Schema};

const BATCH_ROWS: usize = 4_096;
const NO_PARENT: u32 = u32::MAX;

/// A book of accounts numbered from 0, each under one with a lower number or a root.
///
/// Attributes: `amount` (whole number, the account's number modulo 100, missing where that is 99) and
/// `revenue` (USD).
///
/// ```
/// use perennial::{Book, Policy, testkit::PlainBook};
///
/// let chain = PlainBook::chain(1_000);
/// let (_, report) = Book::load(chain.schema(), &chain, &Policy::strict())?;
/// assert_eq!(report.levels, 1_000);
/// # Ok::<(), perennial::LoadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PlainBook {
    parents: Arc<[u32]>,
    schema: Arc<Schema>,
}

impl PlainBook {
    // Account `number` hangs under `parent(number)`; at or past itself: a root.
    fn new(accounts: usize, mut parent: impl FnMut(u32) -> u32) -> Self {
        let accounts = u32::try_from(accounts.min(crate::limits::MAX_ACCOUNTS)).unwrap_or(0);
        let parents = (0..accounts).map(|number| {
            let above = parent(number);
            if above < number { above } else { NO_PARENT }
        });
        let builder = Schema::builder()
            .account_type("Account", Nesting::Free)
            .attribute(Attribute::new("amount", AttributeType::Int))
            .attribute(Attribute::new("revenue", AttributeType::Money(Currency::USD)));
        #[expect(clippy::expect_used, reason = "every name above is fixed; a doc example builds the schema")]
        let schema = Arc::new(builder.build().expect("the schema is in order"));
        Self { parents: parents.collect(), schema }
    }

    /// Every account under the one before.
    #[must_use]
    pub fn chain(accounts: usize) -> Self {
        Self::new(accounts, |number| number.wrapping_sub(1))
    }

    /// All accounts directly under the first.
    #[must_use]
    pub fn star(accounts: usize) -> Self {
        Self::new(accounts, |_| 0)
    }

    /// No account under another.
    #[must_use]
    pub fn forest_of_roots(accounts: usize) -> Self {
        Self::new(accounts, |_| NO_PARENT)
    }

    /// One tree, every account under a random earlier one (bushy at the top, as the reference book).
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the account's number")]
    pub fn one_tree(accounts: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self::new(accounts, |number| {
            if number == 0 { NO_PARENT } else { (f64::from(number) * random.unit().powf(1.6)) as u32 }
        })
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    /// How many accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// The number of the account above an account.
    #[must_use]
    pub fn parent(&self, number: usize) -> Option<usize> {
        let parent = self.parents.get(number).copied().filter(|parent| *parent != NO_PARENT)?;
        usize::try_from(parent).ok()
    }

    /// The id of an account by number.
    #[must_use]
    pub fn id(&self, number: usize) -> String {
        let mut id = String::new();
        write_id(&mut id, number as u64);
        id
    }
}

impl Source for PlainBook {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if request.table() != &TableName::Accounts {
            return Ok(());
        }
        let mut first = 0_u64;
        for parents in self.parents.chunks(BATCH_ROWS) {
            let end = first + parents.len() as u64;
            let (mut ids, mut above, mut text) = (TextCells::new(), TextCells::new(), String::new());
            for (number, parent) in (first..end).zip(parents) {
                text.clear();
                write_id(&mut text, number);
                ids.push(Some(&text));
                text.clear();
                write_id(&mut text, u64::from(*parent));
                above.push((*parent != NO_PARENT).then_some(text.as_str()));
            }
            let amount = |number: u64| i64::try_from(number % 100).ok().filter(|amount| *amount < 99);
            let revenue = |number: u64| i64::try_from(number % 1_000 * 10_000).ok();
            let batch = Batch::new(TableName::Accounts)
                .column("id", Cells::Text(ids))
                .column("parent", Cells::Text(above))
                .column("amount", Cells::Int((first..end).map(amount).collect()))
                .column(
                    "revenue",
                    Cells::Money { currency: Currency::USD, minor: (first..end).map(revenue).collect() },
                );
            if emit(batch).is_break() {
                break;
            }
            first = end;
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        table == &TableName::Accounts
    }
}
