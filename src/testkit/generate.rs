//! What does a large, ordinary book of business look like?
//!
//! Many small trees and a few huge ones, products at the leaves, values that are missing now and then.
//! Everything follows from the number of accounts and the seed. Structure is computed once and held in
//! a few bytes per account; values are computed from the account's number while they are read.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::random::{Random, mix, unit};
use crate::source::{Batch, Cells, Emit, ScanRequest, Source, SourceError, TableName, TextCells};
use crate::{
    Attribute, AttributeType, Currency, Date, EnumValues, Nesting, Schema, StatusGroup, SystemAttribute,
};

const BATCH_ROWS: usize = 4_096;
/// Levels that the schema declares; a deeper account hangs under the root of its tree instead.
const LEVELS: u8 = 24;
const PRODUCTS: [&str; 8] =
    ["CRM", "Billing", "Support", "Analytics", "Marketing", "Commerce", "Portal", "Mobile"];
const REGIONS: [&str; 4] = ["AMER", "APAC", "EMEA", "LATAM"];
const STAGES: [&str; 5] = ["Onboarding", "Adoption", "Value", "Renewal", "Advocacy"];
const STATUSES: [(&str, StatusGroup); 5] = [
    ("Trial", StatusGroup::Free),
    ("Free", StatusGroup::Free),
    ("Active", StatusGroup::Paying),
    ("At risk", StatusGroup::Paying),
    ("Cancelled", StatusGroup::Cancelled),
];
const INDUSTRIES: [&str; 24] = [
    "Aerospace",
    "Agriculture",
    "Automotive",
    "Banking",
    "Chemicals",
    "Construction",
    "Consulting",
    "Education",
    "Energy",
    "Fashion",
    "Food",
    "Government",
    "Health",
    "Hospitality",
    "Insurance",
    "Logistics",
    "Machinery",
    "Media",
    "Mining",
    "Pharma",
    "Retail",
    "Software",
    "Telecom",
    "Travel",
];
const MANAGERS: u64 = 400;
const NO_PARENT: u32 = u32::MAX;
const NO_PRODUCT: u8 = u8::MAX;

/// How the metrics `m1` to `m8` are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metrics {
    Decimal,
    Double,
}

/// The reference book: a schema and a source of any number of accounts.
///
/// Tree sizes follow a Pareto distribution with shape 1.3 (at most 20,000 accounts), account `k` of a
/// tree hangs under account `floor(k × u^1.6)` of it. A million accounts are about 27,000 trees.
///
/// ```
/// use perennial::{Book, Policy, testkit::ReferenceBook};
///
/// let reference = ReferenceBook::new(1_000, 7);
/// let (book, report) = Book::load(reference.schema(), &reference.source(), &Policy::strict())?;
/// assert_eq!(book.len(), 1_000);
/// assert!(report.counts.is_empty());
/// # Ok::<(), perennial::LoadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ReferenceBook {
    structure: Arc<Structure>,
    schema: Arc<Schema>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Structure {
    seed: u64,
    /// The account above each account, by number.
    parents: Vec<u32>,
    /// The level of each account, from 0.
    levels: Vec<u8>,
    products: Vec<u8>,
    /// The order in which the accounts are emitted.
    order: Vec<u32>,
}

impl Default for ReferenceBook {
    fn default() -> Self {
        Self::new(1_000_000, 1)
    }
}

impl ReferenceBook {
    /// A book of this many accounts.
    ///
    /// # Complexity
    ///
    /// O(accounts), ten bytes each.
    #[must_use]
    pub fn new(accounts: usize, seed: u64) -> Self {
        let structure = Arc::new(Structure::new(accounts, seed, None));
        Self { structure, schema: schema(Metrics::Decimal), metrics: Metrics::Decimal }
    }

    /// A book of this many accounts whose first tree has a given size; its root is account 0.
    #[must_use]
    pub fn with_first_tree(accounts: usize, seed: u64, size: usize) -> Self {
        let structure = Arc::new(Structure::new(accounts, seed, Some(size)));
        Self { structure, schema: schema(Metrics::Decimal), metrics: Metrics::Decimal }
    }

    /// The same book with metrics that are doubles instead of decimals.
    #[must_use]
    pub fn with_doubles(mut self) -> Self {
        self.metrics = Metrics::Double;
        self.schema = schema(Metrics::Double);
        self
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    /// The rows, shuffled. The book itself is a source as well.
    #[must_use]
    pub fn source(&self) -> impl Source + use<> {
        self.clone()
    }

    /// How many accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.structure.parents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many accounts are roots.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.structure.parents.iter().filter(|parent| **parent == NO_PARENT).count()
    }

    /// How many accounts are product accounts.
    #[must_use]
    pub fn product_accounts(&self) -> usize {
        self.structure.products.iter().filter(|product| **product != NO_PRODUCT).count()
    }

    /// The deepest level; a root is at level 1.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.structure.levels.iter().max().map_or(0, |level| usize::from(*level) + 1)
    }

    /// The mean level of all accounts.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn mean_level(&self) -> f64 {
        let sum: u64 = self.structure.levels.iter().map(|level| u64::from(*level) + 1).sum();
        sum as f64 / self.len().max(1) as f64
    }

    /// The id of an account by number, from 0; a parent has a lower number than its children.
    #[must_use]
    pub fn id(&self, number: usize) -> String {
        let mut id = String::new();
        write_id(&mut id, number as u64);
        id
    }

    /// The number of the account above an account.
    #[must_use]
    pub fn parent(&self, number: usize) -> Option<usize> {
        let parent = self.structure.parents.get(number).copied().filter(|parent| *parent != NO_PARENT)?;
        usize::try_from(parent).ok()
    }
}

fn schema(metrics: Metrics) -> Arc<Schema> {
    let mut builder = Schema::builder();
    for level in 1..=LEVELS {
        builder = builder.account_type(&format!("Level {level}"), Nesting::Ordered);
    }
    for product in PRODUCTS {
        builder = builder.product(product);
    }
    builder = builder
        .system(SystemAttribute::Name)
        .status(STATUSES)
        .contract_value(Currency::USD)
        .system(SystemAttribute::ContractStartDate)
        .system(SystemAttribute::ContractRenewalDate)
        .journey_stages(STAGES)
        .system(SystemAttribute::SuccessManager)
        .attribute(Attribute::new("nps", AttributeType::Int))
        .attribute(Attribute::new("region", AttributeType::Enum(EnumValues::new(REGIONS))))
        .attribute(Attribute::new("industry", AttributeType::Enum(EnumValues::new(INDUSTRIES))));
    for metric in 1..=8 {
        let kind = match metrics {
            Metrics::Decimal => AttributeType::Decimal { scale: 2 },
            Metrics::Double => AttributeType::Double,
        };
        builder = builder.attribute(Attribute::new(&format!("m{metric}"), kind));
    }
    #[expect(clippy::expect_used, reason = "every name above is fixed; a doc example builds the schema")]
    Arc::new(builder.build().expect("the schema is in order"))
}

impl Structure {
    #[expect(clippy::indexing_slicing, reason = "an account hangs under one that was numbered before it")]
    #[expect(clippy::cast_possible_truncation, reason = "accounts are cut to what a book can hold")]
    #[expect(clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small positive numbers")]
    fn new(accounts: usize, seed: u64, first: Option<usize>) -> Self {
        let accounts = accounts.min(crate::limits::MAX_ACCOUNTS);
        let mut random = Random::new(seed);
        let mut parents: Vec<u32> = Vec::with_capacity(accounts);
        let mut levels: Vec<u8> = Vec::with_capacity(accounts);
        let mut is_leaf = vec![true; accounts];
        while parents.len() < accounts {
            let root = parents.len();
            // Pareto from 0 on, by inversion.
            let pareto = (1.0 - random.unit()).powf(-1.0 / 1.3) - 1.0;
            let size = 1 + (pareto * 12.0).min(19_999.0) as usize;
            let size = first.filter(|_| root == 0).unwrap_or(size);
            for k in 0..size.min(accounts - root) {
                if k == 0 {
                    parents.push(NO_PARENT);
                    levels.push(0);
                    continue;
                }
                let above = root + ((k as f64 * random.unit().powf(1.6)) as usize).min(k - 1);
                let above = if levels[above] + 1 < LEVELS { above } else { root };
                is_leaf[above] = false;
                parents.push(above as u32);
                levels.push(levels[above] + 1);
            }
        }
        // Leaves own a product that no sibling owns; where all are owned, a leaf is an ordinary account.
        let mut owned = vec![0_u8; accounts];
        let mut products = vec![NO_PRODUCT; accounts];
        for account in 0..accounts {
            let parent = parents[account];
            if !is_leaf[account] || parent == NO_PARENT {
                continue;
            }
            let taken = &mut owned[parent as usize];
            let first = random.below(PRODUCTS.len() as u64) as u8;
            let choices = (0..PRODUCTS.len() as u8).map(|step| (first + step) % PRODUCTS.len() as u8);
            if let Some(product) = choices.into_iter().find(|product| *taken >> product & 1 == 0) {
                *taken |= 1 << product;
                products[account] = product;
            }
        }
        let mut order: Vec<u32> = (0..accounts as u32).collect();
        random.shuffle(&mut order);
        Self { seed, parents, levels, products, order }
    }

    // A number for one cell, the same whenever it is asked for.
    fn cell(&self, account: u32, column: u64) -> u64 {
        mix(self.seed ^ mix(u64::from(account) << 8 | column))
    }
}

// `a` and seven digits or more: short, and in the order of numbers up to ten million.
pub(super) fn write_id(text: &mut String, number: u64) {
    text.push('a');
    write_digits(text, number, 7);
}

fn write_digits(text: &mut String, number: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        if rest == 0 && used >= least {
            break;
        }
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
    }
    text.extend(digits.iter().skip(digits.len() - used).map(|digit| char::from(*digit)));
}

// The columns by number, so that each cell has random numbers of its own.
const COLUMNS: [&str; 22] = [
    "id",
    "parent",
    "account_type",
    "product",
    "name",
    "status",
    "contract_value",
    "contract_start_date",
    "contract_renewal_date",
    "journey_stage",
    "success_manager",
    "nps",
    "region",
    "industry",
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m6",
    "m7",
    "m8",
];

impl ReferenceBook {
    #[expect(clippy::cast_possible_truncation, reason = "remainders of small numbers")]
    #[expect(clippy::cast_possible_wrap, reason = "remainders of small numbers")]
    #[expect(clippy::cast_precision_loss, reason = "remainders of small numbers")]
    fn cells(&self, accounts: &[u32], column: usize, name: &str, types: &[String]) -> Cells {
        let all = &*self.structure;
        let cell = |account: &u32| all.cell(*account, column as u64);
        let pick = |names: &[&'static str], account: &u32| {
            names.get((cell(account) % names.len() as u64) as usize).copied()
        };
        let texts = |write: &mut dyn FnMut(&mut String, u32) -> bool| {
            let mut texts = TextCells::new();
            let mut text = String::new();
            for account in accounts {
                text.clear();
                let present = write(&mut text, *account);
                texts.push(present.then_some(text.as_str()));
            }
            Cells::Text(texts)
        };
        // 1 January 2022 and three years from there.
        let start = |account: &u32| 18_993 + (all.cell(*account, 7) % 1_095) as i32;
        match name {
            "id" => texts(&mut |text, account| {
                write_id(text, u64::from(account));
                true
            }),
            "parent" => texts(&mut |text, account| {
                let parent = all.parents.get(account as usize).copied().filter(|p| *p != NO_PARENT);
                parent.inspect(|parent| write_id(text, u64::from(*parent))).is_some()
            }),
            "account_type" => {
                let level =
                    |account: &u32| all.levels.get(*account as usize).map(|level| usize::from(*level));
                Cells::text(accounts.iter().map(|a| types.get(level(a)?).map(String::as_str)))
            }
            "product" => {
                let product = |account: &u32| all.products.get(*account as usize).map(|p| usize::from(*p));
                Cells::text(accounts.iter().map(|a| PRODUCTS.get(product(a)?).copied()))
            }
            "name" => texts(&mut |text, account| {
                text.push_str("Account ");
                write_digits(text, u64::from(account), 1);
                true
            }),
            "status" => Cells::text(accounts.iter().map(|account| {
                let place = match cell(account) % 100 {
                    0..=2 => 4,
                    3..=12 => 0,
                    13..=22 => 1,
                    23..=37 => 3,
                    _ => 2,
                };
                STATUSES.get(place).map(|(status, _)| *status)
            })),
            "contract_value" => {
                // From a hundred to a million dollars, most of them small.
                let minor = |account: &u32| (10_000.0 * 10_000_f64.powf(unit(cell(account)))) as i64;
                Cells::Money {
                    currency: Currency::USD,
                    minor: accounts.iter().map(|a| Some(minor(a))).collect(),
                }
            }
            "contract_start_date" => {
                Cells::Date(accounts.iter().map(|account| Date::from_days(start(account))).collect())
            }
            "contract_renewal_date" => {
                let years = |account: &u32| 365 * (1 + (cell(account) % 3) as i32);
                Cells::Date(accounts.iter().map(|a| Date::from_days(start(a) + years(a))).collect())
            }
            "journey_stage" => Cells::text(accounts.iter().map(|account| pick(&STAGES, account))),
            "success_manager" => texts(&mut |text, account| {
                text.push_str("csm-");
                write_digits(text, cell(&account) % MANAGERS, 3);
                true
            }),
            "nps" => Cells::Int(
                accounts
                    .iter()
                    .map(|account| {
                        let number = cell(account);
                        (number % 100 >= 40).then_some(((number >> 8) % 201) as i64 - 100)
                    })
                    .collect(),
            ),
            "region" => Cells::text(accounts.iter().map(|account| pick(&REGIONS, account))),
            "industry" => Cells::text(accounts.iter().map(|account| pick(&INDUSTRIES, account))),
            _ => {
                let units = |account: &u32| {
                    let number = cell(account);
                    (number % 100 >= 10).then_some(((number >> 8) % 1_000_000) as i64)
                };
                match self.metrics {
                    Metrics::Decimal => {
                        Cells::Decimal { scale: 2, units: accounts.iter().map(units).collect() }
                    }
                    Metrics::Double => Cells::Double(
                        accounts.iter().map(|account| units(account).map(|u| u as f64 / 100.0)).collect(),
                    ),
                }
            }
        }
    }
}

impl Source for ReferenceBook {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if request.table() != &TableName::Accounts {
            return Ok(());
        }
        let types: Vec<String> = (1..=LEVELS).map(|level| format!("Level {level}")).collect();
        for accounts in self.structure.order.chunks(BATCH_ROWS) {
            let mut batch = Batch::new(TableName::Accounts);
            for (column, name) in COLUMNS.iter().enumerate().filter(|(_, name)| request.wants(name)) {
                batch = batch.column(name, self.cells(accounts, column, name, &types));
            }
            if let ControlFlow::Break(()) = emit(batch) {
                break;
            }
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        table == &TableName::Accounts
    }
}
