//! What does each definition of a catalog come to, computed the slow and obvious way?
//!
//! One definition after the other, for one account after the other, from the definition as its author wrote it: expressions are
//! walked ([`OracleExpr`](super::OracleExpr)), rows of roll-ups are gathered in lists
//! ([`OracleDefinition`](super::OracleDefinition)), and a place among peers is counted. What another definition gives is looked
//! up by its name. Nothing is planned and nothing is computed together. Rulings S70, S80, S83 to S93 and S116.
//!
//! Of what the engine has it knows no usage of accounts that merged or were split, and no mean of a measure.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;

use super::oracle_custom::WrittenCustom;
use super::oracle_definition::{OracleAnswer, compare};
use super::oracle_expr::{Beside, gone};
use super::oracle_roll_up::WrittenRollUp;
use super::oracle_usage::EventRow;
use super::{OracleExpr, OracleUsage};
use crate::catalog::{Catalog, Definition, History};
use crate::expr::{Checked, Checker, ExprValue, Names, Type};
use crate::{Account, Currency, Date, Decimal, Rates, Value, View};

/// The definitions of a catalog, each by itself.
///
/// ```
/// use perennial::aggregate::{Operator, RollUp, UsageSchema};
/// use perennial::catalog::{CalculatedAttribute, Catalog, Definition};
/// use perennial::testkit::{OracleCatalog, OracleUsage, ReferenceBook};
/// use perennial::{AsOf, Book, Date, Policy, Scope};
///
/// let reference = ReferenceBook::new(60, 1);
/// let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict())?;
/// let definitions: [Definition; 2] = [
///     RollUp::new("below", Operator::Count).into(),
///     CalculatedAttribute::new("share", "ratio(below, root.below)").into(),
/// ];
/// let catalog = Catalog::new(book.schema(), &UsageSchema::new([])?, definitions)?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
///
/// let oracle = OracleCatalog::new(catalog.names(), catalog.definitions())?;
/// let usage = OracleUsage::new();
/// let slow = oracle.over(&view, &usage, None);
/// let derived = catalog.run(&view, None, None);
/// for account in view.accounts() {
///     assert_eq!(derived.value("share", account), slow.value("share", account));
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug)]
pub struct OracleCatalog {
    /// By the name by which each is read.
    columns: BTreeMap<String, Written>,
    segments: BTreeMap<String, Checked>,
    /// Those of the segments that make scopes, and are asked in none.
    account_sets: BTreeSet<String>,
    metrics: BTreeMap<String, Checked>,
    /// Those whose text, or that of one whose name it writes, says something of conversions.
    converting: BTreeSet<String>,
}

/// A definition that gives a column, with its expressions.
#[derive(Debug)]
enum Written {
    Parameter(Type),
    Attribute(Box<Checked>),
    /// An output of a definition.
    Custom(Rc<WrittenCustom>, usize),
    Past {
        of: String,
        days_ago: u32,
        exact: bool,
    },
    Ranking(Box<WrittenRanking>),
    RollUp(Box<WrittenRollUp>),
}

/// A ranking with its expressions.
#[derive(Debug)]
struct WrittenRanking {
    rules: RankingRules,
    of: Checked,
    within: Option<Checked>,
}

/// What a ranking says, as it is stored.
#[derive(Debug, Deserialize)]
struct RankingRules {
    of: String,
    within: Option<String>,
    at_least: Option<f64>,
    #[serde(default)]
    with_cancelled: bool,
}

impl OracleCatalog {
    /// Definitions that are valid together. `names` says of what type each name is: those of the catalog.
    ///
    /// # Errors
    ///
    /// The first expression that is wrong, and a definition that cannot be written as JSON.
    pub fn new(names: &dyn Names, definitions: &[Definition]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let checker = Checker::new(names);
        let mut all = Self {
            columns: BTreeMap::new(),
            segments: BTreeMap::new(),
            account_sets: BTreeSet::new(),
            metrics: BTreeMap::new(),
            converting: converting(definitions),
        };
        let brought = |definition: &Definition| match definition {
            Definition::Custom(of) => of.kind().brings(of).into_iter().map(Definition::from).collect(),
            _ => Vec::new(),
        };
        let brought: Vec<Definition> = definitions.iter().flat_map(brought).collect();
        for definition in definitions.iter().chain(&brought) {
            let name = definition.name().to_owned();
            let column = match definition {
                // It gives no column.
                Definition::Recorded(_) => continue,
                Definition::Metric(of) => {
                    all.metrics.insert(name, checker.check(of.expression())?);
                    continue;
                }
                Definition::Segment(of) => {
                    if of.is_account_set() {
                        all.account_sets.insert(name.clone());
                    }
                    all.segments.insert(name, checker.check_ast_predicate(of.expression().clone())?);
                    continue;
                }
                Definition::Parameter(of) => Written::Parameter(of.kind().into()),
                Definition::Custom(of) => {
                    let written = Rc::new(WrittenCustom::new(of, &checker)?);
                    for (output, name) in written.names().into_iter().enumerate() {
                        all.columns.insert(name, Written::Custom(written.clone(), output));
                    }
                    continue;
                }
                Definition::Attribute(of) => Written::Attribute(Box::new(checker.check(of.expression())?)),
                Definition::Past(of) => Written::Past {
                    of: of.of().to_owned(),
                    days_ago: of.days_ago(),
                    exact: of.is_on_that_day(),
                },
                Definition::Ranking(of) => {
                    let rules: RankingRules = serde_json::from_value(serde_json::to_value(of)?)?;
                    let within = rules.within.as_ref().map(|within| checker.check(within)).transpose()?;
                    Written::Ranking(Box::new(WrittenRanking {
                        of: checker.check(&rules.of)?,
                        within,
                        rules,
                    }))
                }
                Definition::RollUp(of) => Written::RollUp(Box::new(WrittenRollUp::new(of, &checker)?)),
            };
            all.columns.insert(name, column);
        }
        Ok(all)
    }

    /// What they come to for the accounts that a view shows.
    #[must_use]
    pub fn over<'o>(
        &'o self,
        view: &'o View,
        usage: &'o OracleUsage,
        history: Option<&'o dyn History>,
    ) -> OracleDerived<'o> {
        OracleDerived {
            catalog: self,
            view,
            usage,
            history,
            rates: None,
            known: RefCell::default(),
            events: RefCell::default(),
        }
    }
}

/// The definitions that say something of conversions, or write the name of one that does.
fn converting(definitions: &[Definition]) -> BTreeSet<String> {
    let text = |of: &Definition| match of {
        Definition::Segment(of) => of.expression().to_string(),
        of => Catalog::document(std::slice::from_ref(of)).to_string(),
    };
    let texts: Vec<(&str, String)> = definitions.iter().map(|of| (of.name(), text(of))).collect();
    let mut found: BTreeSet<String> = BTreeSet::new();
    loop {
        let says = |text: &str| text.contains("convert") || found.iter().any(|name| text.contains(name));
        let new: Vec<String> = texts
            .iter()
            .filter(|(name, text)| !found.contains(*name) && says(text))
            .map(|(name, _)| (*name).to_owned())
            .collect();
        if new.is_empty() {
            return found;
        }
        found.extend(new);
    }
}

/// The events of an account, those that are alike together.
type EventRows = Vec<Arc<EventRow>>;
/// The answers of one definition, by account.
type Answers = Rc<HashMap<String, OracleAnswer>>;

/// What the definitions of an [`OracleCatalog`] come to. Each is computed for every account when it is first asked.
pub struct OracleDerived<'o> {
    catalog: &'o OracleCatalog,
    view: &'o View,
    usage: &'o OracleUsage,
    history: Option<&'o dyn History>,
    rates: Option<&'o dyn Rates>,
    /// By whether it is a segment, and by name.
    known: RefCell<HashMap<(bool, String), Answers>>,
    /// By account and kind.
    events: RefCell<HashMap<(String, String), EventRows>>,
}

impl std::fmt::Debug for OracleDerived<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OracleDerived").field("catalog", self.catalog).finish_non_exhaustive()
    }
}

impl<'o> OracleDerived<'o> {
    /// With the rates at which amounts are converted.
    #[must_use]
    pub fn with_rates(mut self, rates: &'o dyn Rates) -> Self {
        self.rates = Some(rates);
        self
    }

    /// The value of a column for an account; `None` where it has none, and for a column that is not defined.
    #[must_use]
    pub fn value(&self, column: &str, account: Account<'_>) -> Option<ExprValue> {
        self.answer(column, account)?.value
    }

    /// How many rows with a value, and how many without one, are in a roll-up.
    #[must_use]
    pub fn counts(&self, roll_up: &str, account: Account<'_>) -> Option<(u64, u64)> {
        let is_roll_up = matches!(self.catalog.columns.get(roll_up)?, Written::RollUp(_));
        self.answer(roll_up, account).filter(|_| is_roll_up).map(|of| (of.counted, of.skipped))
    }

    /// Is an account in a segment?
    #[must_use]
    pub fn is_member(&self, segment: &str, account: Account<'_>) -> bool {
        let Some(checked) = self.catalog.segments.get(segment) else { return false };
        if self.catalog.account_sets.contains(segment) && !account.view().scope().is_all() {
            return false;
        }
        let answers = self.kept((true, segment), || {
            self.each(|account| {
                Some(ExprValue::Bool(self.read(checked, account) == Some(ExprValue::Bool(true))))
            })
        });
        let answer = answers.get(account.id_str()).and_then(|answer| answer.value.clone());
        answer == Some(ExprValue::Bool(true))
    }

    fn answer(&self, column: &str, account: Account<'_>) -> Option<OracleAnswer> {
        let written = self.catalog.columns.get(column)?;
        self.kept((false, column), || self.computed(column, written)).get(account.id_str()).cloned()
    }

    /// The answers of a definition, computed once.
    fn kept(
        &self,
        (is_segment, name): (bool, &str),
        compute: impl FnOnce() -> HashMap<String, OracleAnswer>,
    ) -> Answers {
        let key = (is_segment, name.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let answers: Answers = Rc::new(compute());
        self.known.borrow_mut().insert(key, answers.clone());
        answers
    }

    fn computed(&self, name: &str, written: &Written) -> HashMap<String, OracleAnswer> {
        match written {
            Written::Parameter(kind) => {
                let value = self.view.as_of().parameter(name).and_then(|value| given(value, kind));
                self.each(|_| value.clone())
            }
            Written::Custom(of, output) => {
                self.each(|account| of.value(*output, (self, self.history), (self.view, account)))
            }
            Written::Attribute(checked) => self.each(|account| self.read(checked, account)),
            Written::Past { of, days_ago, exact } => self.each(|account| {
                let on = self.view.as_of().date().plus_days(-i32::try_from(*days_ago).ok()?)?;
                let records = self.history?.each(account.id_str(), of, Date::MIN, on);
                let (day, value) = records.last()?.clone();
                value.filter(|_| !exact || day == on)
            }),
            Written::Ranking(ranking) => self.places(ranking),
            Written::RollUp(of) => of.all(self, self.view),
        }
    }

    /// An answer for each account, where it has one.
    fn each(&self, of: impl Fn(Account<'_>) -> Option<ExprValue>) -> HashMap<String, OracleAnswer> {
        let answer = |account| OracleAnswer { value: of(account), ..OracleAnswer::default() };
        self.view.accounts().map(|account| (account.id_str().to_owned(), answer(account))).collect()
    }

    fn read(&self, checked: &Checked, account: Account<'_>) -> Option<ExprValue> {
        OracleExpr::new(checked).value_beside(self, account)
    }

    /// The place of each account among its peers, counted.
    fn places(&self, WrittenRanking { rules, of, within }: &WrittenRanking) -> HashMap<String, OracleAnswer> {
        let mut peers: Vec<(String, ExprValue, Option<ExprValue>)> = Vec::new();
        for account in self.view.accounts().filter(|account| rules.with_cancelled || !gone(account)) {
            let group = within.as_ref().map(|within| self.read(within, account));
            let Some(value) = self.read(of, account).map(|value| coded(of.kind(), value)) else { continue };
            match group {
                None => peers.push((account.id_str().to_owned(), value, None)),
                Some(Some(group)) => peers.push((account.id_str().to_owned(), value, Some(group))),
                // Who has no group has no peers and no place.
                Some(None) => {}
            }
        }
        let place = |value: &ExprValue, group: &Option<ExprValue>| {
            let own: Vec<&ExprValue> =
                peers.iter().filter(|(.., other)| other == group).map(|(_, value, _)| value).collect();
            let below = own.iter().filter(|other| compare(other, value).is_lt()).count();
            let equal = own.iter().filter(|other| compare(other, value).is_eq()).count();
            let is_low = match (rules.at_least, value) {
                (Some(least), ExprValue::Double(value)) => *value < least,
                #[expect(clippy::cast_precision_loss, reason = "numbers of tests are small")]
                (Some(least), ExprValue::Int(value)) => (*value as f64) < least,
                (Some(least), ExprValue::Decimal(value) | ExprValue::Money(value, _)) => {
                    value.to_string().parse::<f64>().is_ok_and(|value| value < least)
                }
                _ => false,
            };
            #[expect(clippy::cast_precision_loss, reason = "accounts of tests are few")]
            match own.len() {
                _ if is_low => 0.0,
                1 => 100.0,
                all => (2 * below + equal - 1) as f64 * 100.0 / (2 * (all - 1)) as f64,
            }
        };
        self.each(|account| {
            let (_, value, group) = peers.iter().find(|(id, ..)| id == account.id_str())?;
            Some(ExprValue::Double(place(value, group)))
        })
    }
}

/// The value of a parameter, where it is of its type.
fn given(value: &Value, kind: &Type) -> Option<ExprValue> {
    match (value, kind) {
        (Value::Bool(value), Type::Bool) => Some(ExprValue::Bool(*value)),
        (Value::Int(value), Type::Int) => Some(ExprValue::Int(*value)),
        #[expect(clippy::cast_precision_loss, reason = "a whole number is taken for a double")]
        (Value::Int(value), Type::Double) => Some(ExprValue::Double(*value as f64)),
        (Value::Double(value), Type::Double) => Some(ExprValue::Double(*value)),
        (Value::Text(value), Type::Text) => Some(ExprValue::Text(value.clone())),
        (Value::Date(value), Type::Date) => Some(ExprValue::Date(*value)),
        _ => None,
    }
}

/// A value as it is compared: that of an enumeration or a band by its place among those that are declared.
pub(super) fn coded(kind: &Type, value: ExprValue) -> ExprValue {
    match (kind, &value) {
        (Type::Enum(values) | Type::Band(values), ExprValue::Text(text)) => {
            values.code(text).map_or(value, |code| ExprValue::Int(i64::from(code)))
        }
        _ => value,
    }
}

impl Beside for OracleDerived<'_> {
    fn columns(&self) -> Vec<&str> {
        self.catalog.columns.keys().map(String::as_str).collect()
    }

    fn has_column(&self, name: &str) -> bool {
        self.catalog.columns.contains_key(name)
    }

    fn column(&self, name: &str, account: Account<'_>) -> Option<ExprValue> {
        self.value(name, account)
    }

    fn is_member(&self, segment: &str, account: Account<'_>) -> bool {
        self.is_member(segment, account)
    }

    fn converting(&self) -> Vec<&str> {
        self.catalog.converting.iter().map(String::as_str).collect()
    }

    fn lacks_rate(&self, name: &str, account: Account<'_>) -> bool {
        let Some(account) = self.view.account(account.id_str()) else { return false };
        match self.catalog.columns.get(name) {
            Some(Written::Attribute(checked)) => OracleExpr::new(checked).lacks_rate_beside(self, account),
            Some(Written::RollUp(of)) => {
                self.value(name, account).is_none() && of.lacks_rate(self, self.view, account)
            }
            _ => false,
        }
    }

    fn events(&self, account: Account<'_>, kind: &str) -> Vec<Arc<EventRow>> {
        let mut events = self.events.borrow_mut();
        let key = (account.id_str().to_owned(), kind.to_owned());
        let rows = || self.usage.rows(account.id_str(), kind).into_iter().map(Arc::new).collect();
        events.entry(key).or_insert_with(rows).clone()
    }

    fn rates(&self) -> Option<&dyn Rates> {
        self.rates
    }

    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let rates = self.rates?;
        if from == to { Some(Decimal::new(1, 0)) } else { rates.rate(from, to, on) }
    }

    fn metric(&self, name: &str) -> Option<&Checked> {
        self.catalog.metrics.get(name)
    }
}
