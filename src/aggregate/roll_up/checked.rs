//! Does a roll-up make sense?

use std::sync::Arc;

use super::convert::{CheckedConversion, Conversion};
use super::definition::{Nulls, Operator, Over, RollUp};
use super::fault::RollUpFaultKind;
use super::own_columns::OwnColumns;
use super::spec::Spec;
use crate::expr::{Checked, Checker, ConvertedRows, ExprLimits, Names, Of, Type, Walk};
use crate::fold::Reach;
use crate::model::{AccountId, Currency, Schema, TypeId, Zones, hint};

/// A roll-up that makes sense: every name means something, and the operator fits.
#[derive(Debug, Clone)]
pub(crate) struct CheckedRollUp {
    pub(super) definition: RollUp,
    pub(super) spec: Arc<Spec>,
    pub(super) kind: Type,
    pub(super) filter: Option<Checked>,
    pub(super) first: Option<Checked>,
    pub(super) second: Option<Checked>,
    /// The types of the value and of the second value, as they are merged.
    pub(super) values: [Option<Type>; 2],
    pub(super) conversion: Option<CheckedConversion>,
    /// For the filter, the value and the second value, if they convert amounts or read a column that does: is a rate missing?
    pub(super) lacks: [Option<Checked>; 3],
    /// The account types that receive it; `None` where all do.
    pub(super) levels: Option<Vec<TypeId>>,
}

impl CheckedRollUp {
    /// Everything that is wrong with it is said at once.
    pub(crate) fn new(
        definition: &RollUp,
        schema: &Schema,
        names: &dyn Names,
        zones: &dyn Zones,
        limits: &ExprLimits,
    ) -> Result<Self, Vec<RollUpFaultKind>> {
        let mut faults = Vec::new();
        if let Err(error) = AccountId::check(&definition.name) {
            faults.push(RollUpFaultKind::Name(error));
        }
        let of = rows_of(&definition.over, names, &mut faults);
        if matches!(definition.over, Over::Events { last_days: Some(0), .. }) {
            faults.push(RollUpFaultKind::Operator("a window has a day at least".to_owned()));
        }
        let levels = levels_of(definition, schema, &mut faults);
        let checker = Checker::new(names).with_zones(zones).with_limits(limits.clone());
        let is_tested = definition.operator.takes_each();
        let mut check = |part: &'static str, text: Option<&Arc<str>>| {
            let checked = checker.check_rows(of?, text?, is_tested && part.ends_with("value"));
            checked.map_err(|errors| faults.push(RollUpFaultKind::Expression(part, errors))).ok()
        };
        // A product is read as a whole; what is multiplied must make sense by itself.
        if let Operator::WeightedAverage { of, .. } = &definition.operator {
            check("value", Some(of));
        }
        let filter = check("filter", definition.filter.as_ref());
        let (first, second) = definition.operator.expressions();
        let checked_first = check("value", first.as_ref());
        let checked_second = check("second value", second.as_ref());
        let day = definition.convert.as_ref().and_then(Conversion::day);
        let checked_day = check("day of the rate", day);
        if let Some(kind) = filter.as_ref().map(Checked::kind).filter(|kind| **kind != Type::Bool) {
            let why = format!("the filter is {kind}, no yes/no question");
            faults.push(RollUpFaultKind::Operator(why));
        }
        let unread = first.is_some() && checked_first.is_none()
            || second.is_some() && checked_second.is_none()
            || day.is_some() && checked_day.is_none();
        let Some(of) = of.filter(|_| !unread) else { return Err(faults) };
        let mut values = [&checked_first, &checked_second].map(|of| of.as_ref().map(Checked::kind).cloned());
        let mut conversion = None;
        let read = [checked_first.as_ref(), checked_second.as_ref()];
        let columns = OwnColumns::of(&definition.over, schema);
        if let (None, Some(columns), Some(filter)) = (&definition.convert, &columns, &filter)
            && let Some(filtered) = CheckedConversion::filtered(columns, read, filter)
        {
            values = filtered.kinds(values);
            conversion = Some(filtered);
        }
        if let Some(convert) = &definition.convert {
            let found = convert.check(columns.as_ref(), read, checked_day, &|currency| {
                let checked = checker.check_rows(of, currency, false);
                checked.map_err(|errors| RollUpFaultKind::Expression("currency", errors))
            });
            match found {
                Ok(checked) => {
                    values = checked.kinds(values);
                    conversion = Some(checked);
                }
                Err(fault) => {
                    faults.push(fault);
                    return Err(faults);
                }
            }
        }
        let lacks = [&filter, &checked_first, &checked_second];
        let lacks = lacks.map(|checked| checked.as_ref().and_then(Checked::lacking));
        let over_events = matches!(definition.over, Over::Events { .. });
        let [of, second] = values.each_ref().map(Option::as_ref);
        let spec = Spec::of(&definition.operator, of, second, over_events);
        let spec = match (spec, definition.nulls) {
            (Ok((spec, kind)), Nulls::Respect) => match spec.respecting() {
                Some(spec) => Ok((spec, kind)),
                None => {
                    Err("only first and last respect rows without a value; others skip or refuse them"
                        .to_owned())
                }
            },
            (spec, _) => spec,
        };
        match spec {
            Ok((spec, kind)) if faults.is_empty() => Ok(Self {
                definition: definition.clone(),
                spec: Arc::new(spec),
                kind,
                filter,
                first: checked_first,
                second: checked_second,
                values,
                conversion,
                lacks,
                levels,
            }),
            Ok(_) => Err(faults),
            Err(why) => {
                faults.push(RollUpFaultKind::Operator(why));
                Err(faults)
            }
        }
    }

    pub(crate) const fn kind(&self) -> &Type {
        &self.kind
    }

    /// Whose rows it reads.
    pub(crate) const fn rows(&self) -> &Over {
        &self.definition.over
    }

    /// The currency that it converts amounts to, at rates.
    pub(super) fn conversion_to(&self) -> Option<Currency> {
        self.conversion.as_ref().filter(|of| of.needs_rates()).map(CheckedConversion::to)
    }

    /// Does it convert amounts at the rate of the day of the question, or of its year?
    pub(super) fn converts_today(&self) -> bool {
        self.conversion.as_ref().is_some_and(CheckedConversion::reads_today)
    }

    /// Does it convert amounts, so that rates are needed?
    pub(crate) fn converts(&self) -> bool {
        self.conversion.as_ref().is_some_and(CheckedConversion::needs_rates)
            || self.expressions().any(Checked::converts)
    }

    /// May a rate be missing for a row, or for a column that it reads? One such row makes the whole roll-up missing, so states cannot be subtracted.
    pub(super) fn may_lack_rates(&self) -> bool {
        self.conversion.as_ref().is_some_and(CheckedConversion::needs_rates)
            || self.lacks.iter().any(Option::is_some)
    }

    /// The boolean expression of an account: does the roll-up have no value there because a rate is missing? `None` if no rate is needed.
    pub(crate) fn rate_missing(&self, names: &dyn Names) -> Option<Checked> {
        let values = [self.first.as_ref(), self.second.as_ref()];
        let (of, last_days) = match &self.definition.over {
            Over::Accounts => (Of::Account, None),
            Over::Table(table) => (Of::Table(table), None),
            Over::Events { event, last_days } => (Of::Event(event), *last_days),
        };
        let rows = ConvertedRows {
            of,
            last_days,
            walk: match self.definition.reached() {
                Reach::SelfOnly => None,
                Reach::Descendants => Some(Walk::Descendants),
                Reach::SelfAndDescendants | Reach::PreferSelf => Some(Walk::Subtree),
            },
            with_cancelled: self.definition.with_cancelled,
            filter: self.filter.as_ref(),
            lacks: self.lacks.each_ref().map(Option::as_ref),
            amounts: self.conversion.as_ref().map_or_else(Vec::new, |of| of.amounts(values)),
            levels: self
                .levels
                .as_ref()
                .map(|levels| levels.iter().filter_map(|level| i64::try_from(level.index()).ok()).collect()),
        };
        let template = self.first.as_ref().or(self.filter.as_ref())?;
        rows.rate_missing((&self.definition.name, &self.kind), template, names)
    }

    /// What it reads of a row, each where it may be: the filter, the value, the second value, their currencies, the day of
    /// the rate, and whether a rate is missing that the first three need.
    pub(super) fn read(&self) -> [Option<&Checked>; 9] {
        let [of_first, of_second, date] =
            self.conversion.as_ref().map_or([None; 3], CheckedConversion::expressions);
        let [filter, first, second] = self.lacks.each_ref().map(Option::as_ref);
        let values = [self.filter.as_ref(), self.first.as_ref(), self.second.as_ref()];
        let [own_filter, own_first, own_second] = values;
        [own_filter, own_first, own_second, of_first, of_second, date, filter, first, second]
    }

    /// Its expressions.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Checked> {
        self.read().into_iter().flatten()
    }
}

/// The account types that receive it; `None` where all do.
fn levels_of(definition: &RollUp, schema: &Schema, faults: &mut Vec<RollUpFaultKind>) -> Option<Vec<TypeId>> {
    let mut levels = Vec::with_capacity(definition.levels.len());
    for level in &definition.levels {
        match schema.account_type(level) {
            Some(kind) => levels.push(kind),
            None => {
                let all: Vec<String> = schema.type_values().iter().map(ToString::to_string).collect();
                faults.push(unknown("account type", level, &all));
            }
        }
    }
    (!definition.levels.is_empty()).then_some(levels)
}

/// Whose rows an expression reads.
fn rows_of<'o>(over: &'o Over, names: &dyn Names, faults: &mut Vec<RollUpFaultKind>) -> Option<Of<'o>> {
    match over {
        Over::Accounts => Some(Of::Account),
        Over::Table(table) if names.has_table(table) => Some(Of::Table(table)),
        Over::Events { event, .. } if names.has_event(event) => Some(Of::Event(event)),
        Over::Table(table) => {
            let mut all: Vec<String> = Vec::new();
            names.each_table(&mut |name| all.push(name.to_owned()));
            faults.push(unknown("child table", table, &all));
            None
        }
        Over::Events { event, .. } => {
            let mut all: Vec<String> = Vec::new();
            names.each_event(&mut |name| all.push(name.to_owned()));
            faults.push(unknown("event", event, &all));
            None
        }
    }
}

fn unknown(what: &str, name: &str, all: &[String]) -> RollUpFaultKind {
    let hint = hint(name, all.iter().map(String::as_str));
    RollUpFaultKind::Unknown(format!("there is no {what} `{name}`{hint}"))
}
