//! Is this roll-up possible, and what does it read?
//!
//! Everything that can be wrong with a definition is found here, all of it at once; running a plan
//! cannot fail.

use std::sync::Arc;

use super::mask::{Filter, FilterColumn, Passing, Values};
use super::roll_up::Operator;
use super::{MAX_DISTRIBUTION, Rates, Reach, RollUp};
use crate::column::{Raw, raw_of};
use crate::model::{
    AccountType, Attribute, AttributeType, CaseRule, Currency, EnumValues, Faults, Schema, SystemAttribute,
    Value,
};

/// What is wrong with a roll-up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum FoldError {
    #[error("two roll-ups are named `{name}`")]
    RepeatedName { name: String },
    #[error("roll-up `{name}`: unknown child table `{table}`")]
    UnknownTable { name: String, table: String },
    #[error("roll-up `{name}`: unknown column `{column}`{hint}")]
    UnknownColumn { name: String, column: String, hint: String },
    #[error("roll-up `{name}`: {operator} of `{column}` is not possible; its type is {kind}")]
    WrongType { name: String, column: String, operator: &'static str, kind: &'static str },
    #[error("roll-up `{name}`: `{value}` is no value of `{column}`")]
    FilterValue { name: String, column: String, value: String },
    #[error(
        "roll-up `{name}`: `{column}` holds amounts of several currencies; convert them or filter `{currency_column}` to one"
    )]
    MixedCurrencies { name: String, column: String, currency_column: String },
    #[error(
        "roll-up `{name}`: amounts in {left} and {right} cannot be related; convert them to one currency"
    )]
    TwoCurrencies { name: String, left: Currency, right: Currency },
    #[error("roll-up `{name}` converts amounts, but no rates were given")]
    NoRates { name: String },
    #[error(
        "roll-up `{name}`: `{column}` has {values} values; a distribution counts at most {MAX_DISTRIBUTION}"
    )]
    TooManyValues { name: String, column: String, values: usize },
    #[error("roll-up `{name}` converts amounts, but sums none")]
    NothingToConvert { name: String },
}

/// Everything that is wrong with a list of roll-ups.
pub type FoldErrors = Faults<FoldError>;

/// Checked roll-ups, ready to run on any view of a book with this schema. Cloning is cheap.
///
/// ```
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, FoldPlan, FoldValue, Nesting, Policy,
///     RollUp, Schema, Scope, source::MemorySource,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company"))
///     .account(AccountRow::new(AccountId::new("eu")?, "Company").under(acme.clone()).with("seats", 30_i64))
///     .account(AccountRow::new(AccountId::new("us")?, "Company").under(acme).with("seats", 12_i64));
/// let (book, _) = Book::load(schema, &source, &Policy::strict())?;
///
/// let plan = FoldPlan::new(book.schema(), [RollUp::sum("seats"), RollUp::average("seats").named("mean")])?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let totals = plan.all(&view);
/// let acme = view.account("acme").expect("was loaded");
/// assert_eq!(totals.value(acme, "sum_seats"), Some(FoldValue::Int(42)));
/// assert_eq!(totals.value(acme, "mean"), Some(FoldValue::Double(21.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FoldPlan {
    pub(super) schema: Arc<Schema>,
    pub(super) nodes: Arc<[Node]>,
    pub(super) rates: Option<Arc<dyn Rates>>,
}

/// A roll-up by place instead of by name.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: Arc<str>,
    pub(super) table: Option<usize>,
    pub(super) filters: Vec<Filter>,
    pub(super) reach: Reach,
    /// The status column and the codes that are cancelled, where those are left out.
    pub(super) cancelled: Option<(usize, Passing)>,
    pub(super) work: Work,
    /// Attributes of accounts that it reads.
    pub(super) attributes: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Work {
    Count {
        column: Option<usize>,
    },
    Sum(Measure),
    Average(Measure),
    Ratio(Measure, Measure),
    /// The smallest key; of the negated key for a maximum.
    Least {
        column: usize,
        kind: AttributeType,
        largest: bool,
    },
    Best {
        column: usize,
        kind: AttributeType,
        by: usize,
        last: bool,
    },
    Distribution {
        column: usize,
        values: Option<EnumValues>,
        size: usize,
    },
}

/// A column that is summed, and what its sum is.
#[derive(Debug, Clone)]
pub(super) struct Measure {
    pub(super) column: usize,
    pub(super) unit: Unit,
    pub(super) convert: Option<Convert>,
}

/// What a sum of stored numbers stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Int,
    Decimal(u8),
    Money(Currency),
    Duration,
    /// Quanta of doubles.
    Double,
    /// 10^-9 minor units.
    Nano(Currency),
}

/// How each row is converted.
#[derive(Debug, Clone)]
pub(super) struct Convert {
    pub(super) to: Currency,
    pub(super) from: From,
    pub(super) date: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum From {
    Always(Currency),
    /// A text or enumeration column that holds the code.
    Column(usize, AttributeType),
}

impl FoldPlan {
    /// Checks roll-ups against a schema.
    ///
    /// # Errors
    ///
    /// [`FoldErrors`] with everything that is wrong with any of them.
    pub fn new(schema: &Arc<Schema>, roll_ups: impl IntoIterator<Item = RollUp>) -> Result<Self, FoldErrors> {
        Self::build(schema, &roll_ups.into_iter().collect::<Vec<_>>(), None)
    }

    /// Checks roll-ups that convert money, with the rates that they use.
    ///
    /// # Errors
    ///
    /// [`FoldErrors`] with everything that is wrong with any of them.
    pub fn with_rates(
        schema: &Arc<Schema>,
        roll_ups: impl IntoIterator<Item = RollUp>,
        rates: Arc<dyn Rates>,
    ) -> Result<Self, FoldErrors> {
        Self::build(schema, &roll_ups.into_iter().collect::<Vec<_>>(), Some(rates))
    }

    fn build(
        schema: &Arc<Schema>,
        roll_ups: &[RollUp],
        rates: Option<Arc<dyn Rates>>,
    ) -> Result<Self, FoldErrors> {
        let mut errors = Vec::new();
        let mut names = std::collections::HashSet::new();
        let mut nodes = Vec::with_capacity(roll_ups.len());
        for roll_up in roll_ups {
            if !names.insert(Arc::clone(&roll_up.name)) {
                errors.push(FoldError::RepeatedName { name: roll_up.name.to_string() });
            }
            if roll_up.convert.is_some() && rates.is_none() {
                errors.push(FoldError::NoRates { name: roll_up.name.to_string() });
            }
            nodes.extend(Check::new(schema, roll_up, &mut errors).and_then(|mut check| check.node()));
        }
        if errors.is_empty() {
            Ok(Self { schema: Arc::clone(schema), nodes: nodes.into(), rates })
        } else {
            Err(Faults::new(errors))
        }
    }

    /// The names of the roll-ups, in order.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.nodes.iter().map(|node| &*node.name)
    }
}

struct Check<'c> {
    schema: &'c Schema,
    roll_up: &'c RollUp,
    table: Option<usize>,
    errors: &'c mut Vec<FoldError>,
}

impl<'c> Check<'c> {
    fn new(schema: &'c Schema, roll_up: &'c RollUp, errors: &'c mut Vec<FoldError>) -> Option<Self> {
        let table = match &roll_up.table {
            None => None,
            Some(table) => match schema.table(table) {
                Some(id) => Some(id.index()),
                None => {
                    let (name, table) = (roll_up.name.to_string(), table.to_string());
                    errors.push(FoldError::UnknownTable { name, table });
                    return None;
                }
            },
        };
        Some(Self { schema, roll_up, table, errors })
    }

    fn name(&self) -> String {
        self.roll_up.name.to_string()
    }

    fn find(&self, column: &str) -> Option<(usize, &'c Attribute)> {
        match self.table {
            None => {
                self.schema.attribute(column).and_then(|id| Some((id.index(), self.schema.attribute_at(id)?)))
            }
            Some(table) => {
                let table = self.schema.table_at(crate::model::TableId::new(table))?;
                table.column_id(column).and_then(|id| Some((id.index(), table.column_at(id)?)))
            }
        }
    }

    fn column(&mut self, column: &str) -> Option<(usize, &'c Attribute)> {
        let found = self.find(column);
        if found.is_none() {
            let known: Vec<&str> =
                match self.table.and_then(|t| self.schema.table_at(crate::model::TableId::new(t))) {
                    Some(table) => table.columns().map(Attribute::name).take(8).collect(),
                    None => self.schema.attributes().map(Attribute::name).take(8).collect(),
                };
            let hint =
                if known.is_empty() { String::new() } else { format!("; there are: {}", known.join(", ")) };
            self.errors.push(FoldError::UnknownColumn { name: self.name(), column: column.to_owned(), hint });
        }
        found
    }

    fn wrong<T>(&mut self, operator: &'static str, attribute: &Attribute) -> Option<T> {
        let (name, column) = (self.name(), attribute.name().to_owned());
        self.errors.push(FoldError::WrongType {
            name,
            column,
            operator,
            kind: attribute.kind().kind().word(),
        });
        None
    }

    fn node(&mut self) -> Option<Node> {
        let filters = self.filters();
        let work = self.work();
        let (filters, work) = (filters?, work?);
        if self.roll_up.convert.is_some() && !work.converts() {
            self.errors.push(FoldError::NothingToConvert { name: self.name() });
            return None;
        }
        let mut attributes = Vec::new();
        if self.table.is_none() {
            attributes.extend(filters.iter().filter_map(|filter| match filter.column {
                FilterColumn::Column(column) => Some(column),
                _ => None,
            }));
            attributes.extend(work.columns());
        }
        let codes = self.schema.cancelled_codes();
        let status = self.schema.system_attribute(SystemAttribute::Status);
        let cancelled = status.filter(|_| !self.roll_up.cancelled && !codes.is_empty()).map(|status| {
            let values = self
                .schema
                .attribute_at(status)
                .and_then(|status| status.kind().values())
                .map_or(0, EnumValues::len);
            let flags = (0..values).map(|code| u16::try_from(code).is_ok_and(|code| codes.contains(&code)));
            (status.index(), Passing::Codes(flags.collect()))
        });
        attributes.extend(cancelled.iter().map(|(column, _)| *column));
        attributes.sort_unstable();
        attributes.dedup();
        let (name, reach) = (Arc::clone(&self.roll_up.name), self.roll_up.reach);
        Some(Node { name, table: self.table, filters, reach, cancelled, work, attributes })
    }

    fn filters(&mut self) -> Option<Vec<Filter>> {
        let mut filters = Some(Vec::new());
        for (column, values) in &self.roll_up.filters {
            match self.filter(column, values) {
                Some(filter) => filters.iter_mut().for_each(|list| list.push(filter.clone())),
                None => filters = None,
            }
        }
        filters
    }

    fn filter(&mut self, column: &str, values: &[Value]) -> Option<Filter> {
        let structural = |known: &EnumValues| -> Result<Box<[bool]>, String> {
            let mut flags = vec![false; known.len()];
            for value in values {
                let code =
                    value.as_text().and_then(|text| known.code(text)).ok_or_else(|| value.to_string())?;
                if let Some(flag) = flags.get_mut(usize::from(code)) {
                    *flag = true;
                }
            }
            Ok(flags.into())
        };
        let refuse = |check: &mut Self, value: String| {
            let (name, column) = (check.name(), column.to_owned());
            check.errors.push(FoldError::FilterValue { name, column, value });
            None
        };
        let types = || EnumValues::new(self.schema.account_types().map(AccountType::name));
        let (place, attribute) = match (self.table, column) {
            (None, "account_type") => {
                return match structural(&types()) {
                    Ok(flags) => {
                        Some(Filter { column: FilterColumn::AccountType, passing: Passing::Codes(flags) })
                    }
                    Err(value) => refuse(self, value),
                };
            }
            (None, "product") => {
                return match structural(self.schema.product_values()) {
                    Ok(flags) => {
                        Some(Filter { column: FilterColumn::Product, passing: Passing::Codes(flags) })
                    }
                    Err(value) => refuse(self, value),
                };
            }
            _ => self.column(column)?,
        };
        // Stored amounts have no currency of their own, so that 5 EUR would pass for 5 USD.
        if matches!(attribute.kind(), AttributeType::MixedMoney { .. }) {
            return self.wrong("a filter", attribute);
        }
        let mut cells = Vec::with_capacity(values.len());
        for value in values {
            match attribute.accept(value.clone()).ok().and_then(|value| raw_of(&value, attribute)) {
                Some(raw) => cells.push(raw),
                None => return refuse(self, value.to_string()),
            }
        }
        let passing = match attribute.kind().values() {
            None => Passing::Values(Values::new(&cells, attribute.case_rule() == CaseRule::Folded)),
            Some(known) => {
                let mut flags = vec![false; known.len()];
                for cell in &cells {
                    if let Raw::Code(code) = cell
                        && let Some(flag) = flags.get_mut(usize::from(*code))
                    {
                        *flag = true;
                    }
                }
                Passing::Codes(flags.into())
            }
        };
        Some(Filter { column: FilterColumn::Column(place), passing })
    }

    fn work(&mut self) -> Option<Work> {
        let operator = self.roll_up.operator.clone();
        Some(match &operator {
            Operator::Count => Work::Count { column: None },
            Operator::CountOf(column) => Work::Count { column: Some(self.column(column)?.0) },
            Operator::Sum(column) => Work::Sum(self.measure("sum", column)?),
            Operator::Average(column) => Work::Average(self.measure("average", column)?),
            Operator::Ratio(above, below) => {
                let (above, below) = (self.measure("ratio", above), self.measure("ratio", below));
                let (above, below) = (above?, below?);
                let currency = |unit| match unit {
                    Unit::Money(currency) | Unit::Nano(currency) => Some(currency),
                    _ => None,
                };
                if let (Some(left), Some(right)) = (currency(above.unit), currency(below.unit))
                    && left != right
                {
                    self.errors.push(FoldError::TwoCurrencies { name: self.name(), left, right });
                    return None;
                }
                Work::Ratio(above, below)
            }
            Operator::Min(column) => self.least("min", column, false)?,
            Operator::Max(column) => self.least("max", column, true)?,
            Operator::First { column, by } => self.best(column, by, false)?,
            Operator::Last { column, by } => self.best(column, by, true)?,
            Operator::Distribution(column) => {
                let (place, attribute) = self.column(column)?;
                let (values, size) = match attribute.kind() {
                    AttributeType::Bool => (None, 2),
                    AttributeType::Enum(values) | AttributeType::Band(values) => {
                        (Some(values.clone()), values.len())
                    }
                    _ => return self.wrong("distribution", attribute),
                };
                if size > MAX_DISTRIBUTION {
                    let (name, column) = (self.name(), column.to_string());
                    self.errors.push(FoldError::TooManyValues { name, column, values: size });
                    return None;
                }
                Work::Distribution { column: place, values, size }
            }
        })
    }

    fn measure(&mut self, operator: &'static str, column: &str) -> Option<Measure> {
        let (place, attribute) = self.column(column)?;
        let plain = |unit| Some(Measure { column: place, unit, convert: None });
        match (attribute.kind(), self.roll_up.convert.clone()) {
            (AttributeType::Money(own), Some((to, date))) => {
                self.converted(place, From::Always(*own), to, date)
            }
            (AttributeType::MixedMoney { currency_column }, Some((to, date))) => {
                let (currency, described) = self.column(currency_column)?;
                self.converted(place, From::Column(currency, described.kind().clone()), to, date)
            }
            (AttributeType::MixedMoney { currency_column }, None) => {
                match self.only_currency(currency_column) {
                    Some(currency) => plain(Unit::Money(currency)),
                    None => {
                        let (name, column) = (self.name(), column.to_owned());
                        let currency_column = currency_column.to_string();
                        self.errors.push(FoldError::MixedCurrencies { name, column, currency_column });
                        None
                    }
                }
            }
            (AttributeType::Money(currency), None) => plain(Unit::Money(*currency)),
            (AttributeType::Int, _) => plain(Unit::Int),
            (AttributeType::Decimal { scale }, _) => plain(Unit::Decimal(*scale)),
            (AttributeType::Duration, _) => plain(Unit::Duration),
            (AttributeType::Double, _) => plain(Unit::Double),
            _ => self.wrong(operator, attribute),
        }
    }

    // The one currency that a filter leaves of a mixed column.
    fn only_currency(&self, currency_column: &str) -> Option<Currency> {
        let filter = self.roll_up.filters.iter().find(|(column, _)| &**column == currency_column);
        match filter.map(|(_, values)| values.as_slice()) {
            Some([only]) => only.as_text()?.parse().ok(),
            _ => None,
        }
    }

    fn converted(
        &mut self,
        column: usize,
        from: From,
        to: Currency,
        date: Option<Arc<str>>,
    ) -> Option<Measure> {
        let date = match date {
            None => None,
            Some(date) => match self.column(&date)? {
                (place, attribute) if *attribute.kind() == AttributeType::Date => Some(place),
                (_, attribute) => return self.wrong("conversion at the date", attribute),
            },
        };
        Some(Measure { column, unit: Unit::Nano(to), convert: Some(Convert { to, from, date }) })
    }

    fn least(&mut self, operator: &'static str, column: &str, largest: bool) -> Option<Work> {
        let (place, attribute) = self.column(column)?;
        match attribute.kind() {
            AttributeType::Bool
            | AttributeType::Text
            | AttributeType::List
            | AttributeType::Enum(_)
            | AttributeType::MixedMoney { .. } => self.wrong(operator, attribute),
            kind => Some(Work::Least { column: place, kind: kind.clone(), largest }),
        }
    }

    fn best(&mut self, column: &str, by: &str, last: bool) -> Option<Work> {
        let (value, time) = (self.column(column), self.column(by));
        let ((place, attribute), (by, time)) = (value?, time?);
        if !matches!(time.kind(), AttributeType::Date | AttributeType::Timestamp) {
            return self.wrong("first or last by the date", time);
        }
        Some(Work::Best { column: place, kind: attribute.kind().clone(), by, last })
    }
}

impl Work {
    // The columns that it reads.
    fn columns(&self) -> Vec<usize> {
        let of = |measure: &Measure| {
            let convert = measure.convert.iter().flat_map(|convert| {
                let currency = match &convert.from {
                    From::Column(column, _) => Some(*column),
                    From::Always(_) => None,
                };
                currency.into_iter().chain(convert.date)
            });
            std::iter::once(measure.column).chain(convert).collect::<Vec<_>>()
        };
        match self {
            Self::Count { column } => column.iter().copied().collect(),
            Self::Sum(measure) | Self::Average(measure) => of(measure),
            Self::Ratio(above, below) => [of(above), of(below)].concat(),
            Self::Least { column, .. } | Self::Distribution { column, .. } => vec![*column],
            Self::Best { column, by, .. } => vec![*column, *by],
        }
    }

    // Whether an amount is converted.
    fn converts(&self) -> bool {
        match self {
            Self::Sum(measure) | Self::Average(measure) => measure.convert.is_some(),
            Self::Ratio(above, below) => above.convert.is_some() || below.convert.is_some(),
            _ => false,
        }
    }

    /// Whether the moment of the question matters: money is converted at its rate.
    pub(super) fn reads_date(&self) -> bool {
        let of = |measure: &Measure| measure.convert.as_ref().is_some_and(|convert| convert.date.is_none());
        match self {
            Self::Sum(measure) | Self::Average(measure) => of(measure),
            Self::Ratio(above, below) => of(above) || of(below),
            _ => false,
        }
    }
}
