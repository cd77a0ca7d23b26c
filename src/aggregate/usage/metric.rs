//! Which number does an account have on each day?

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::names::WithUsage;
use crate::aggregate::version::named;
use crate::expr::{Checked, Checker, ExprErrors, Name, NameText, Names, Of, Op, Type};
use crate::model::{AccountId, Faults, IdError, UsageSchema};

/// A named daily series: what is read of the events of one day, such as `events("login").count()`.
///
/// The value of a day is what the expression gives for the events of that day alone. What counts and sums is 0 on a day
/// without events, and what is read of values (the least, the mean, the first) is missing.
///
/// ```
/// use perennial::aggregate::{EventKind, Metric, Metrics, UsageSchema};
///
/// let usage = UsageSchema::new([EventKind::new("login")])?;
/// let people = Metric::new("people", "events(\"login\").distinct(e, e.user)");
/// let metrics = Metrics::new(&usage, [people])?;
/// assert_eq!(metrics.names().collect::<Vec<_>>(), ["people"]);
///
/// let errors = Metrics::new(&usage, [Metric::new("week", "events(\"login\").lastDays(7).count()")]).unwrap_err();
/// assert_eq!(errors.to_string(), "metric `week`: a metric has a value a day; write the window where it is asked");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    pub(super) name: Arc<str>,
    pub(super) expression: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Arc<str>>,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    pub(super) version: u64,
}

named!(Metric, described);

impl Metric {
    /// A metric by name, and the expression of its daily value.
    #[must_use]
    pub fn new(name: &str, expression: &str) -> Self {
        Self { name: Arc::from(name), expression: Arc::from(expression), description: None, version: 1 }
    }

    pub(crate) fn with_name(self, name: Arc<str>) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn with_expression(self, expression: Arc<str>) -> Self {
        Self { expression, ..self }
    }

    /// The expression of its daily value.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }
}

/// What is wrong with a metric.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricFaultKind {
    /// Its name is no name.
    #[error("{0}")]
    Name(IdError),
    /// Another metric has the name.
    #[error("another has the same name")]
    Duplicate,
    /// The name is a word of the language, as `level` is.
    #[error("{}", crate::model::reserved(.0))]
    Reserved(Arc<str>),
    /// Its expression is wrong.
    #[error("{0}")]
    Expression(ExprErrors),
    /// Its expression is not a reading of events.
    #[error("it is no reading of events, such as events(\"login\").count()")]
    NotEvents,
    /// Its expression has a window.
    #[error("a metric has a value a day; write the window where it is asked")]
    Window,
}

/// A metric at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("metric `{metric}`: {kind}")]
pub struct MetricFault {
    /// The metric.
    pub metric: Arc<str>,
    /// Why.
    pub kind: MetricFaultKind,
}

/// Everything that is wrong with some metrics, in their order.
pub type MetricErrors = Faults<MetricFault>;

/// Metrics that were checked together. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<IndexMap<Arc<str>, Arc<CheckedMetric>>>);

/// A metric that is valid.
#[derive(Debug)]
pub(crate) struct CheckedMetric {
    metric: Metric,
    checked: Checked,
}

impl CheckedMetric {
    /// Checks a metric against the events that it reads.
    pub(crate) fn new(metric: &Metric, names: &dyn Names) -> Result<Self, Vec<MetricFaultKind>> {
        let mut faults = Vec::new();
        if let Err(error) = AccountId::check(&metric.name) {
            faults.push(MetricFaultKind::Name(error));
        }
        match Checker::new(names).check(&metric.expression) {
            Err(errors) => faults.push(MetricFaultKind::Expression(errors)),
            Ok(checked) => {
                let (terms, root) = checked.terms();
                match terms.op(root) {
                    Op::Usage(_, usage, _) if usage.window.is_some() || usage.weeks.is_some() => {
                        faults.push(MetricFaultKind::Window);
                    }
                    Op::Usage(..) if faults.is_empty() => {
                        return Ok(Self { metric: metric.clone(), checked });
                    }
                    Op::Usage(..) => {}
                    _ => faults.push(MetricFaultKind::NotEvents),
                }
            }
        }
        Err(faults)
    }

    pub(crate) const fn checked(&self) -> &Checked {
        &self.checked
    }
}

/// Names that have nothing but events.
struct NoNames;

impl Names for NoNames {
    fn name(&self, _: Of<'_>, _: &str) -> Option<Name> {
        None
    }

    fn each(&self, _: Of<'_>, _: &mut dyn FnMut(&str)) {}

    fn text(&self, _: Of<'_>, _: &str) -> NameText {
        NameText::default()
    }
}

impl Metrics {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Checks metrics against the events that they read.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    pub fn new(usage: &UsageSchema, metrics: impl IntoIterator<Item = Metric>) -> Result<Self, MetricErrors> {
        let none = Self::none();
        let metrics: Vec<Metric> = metrics.into_iter().collect();
        let reserved = metrics.iter().filter(|metric| crate::model::is_reserved(&metric.name));
        let reserved = reserved.map(|metric| MetricFault {
            metric: metric.name.clone(),
            kind: MetricFaultKind::Reserved(metric.name.clone()),
        });
        let reserved: Vec<MetricFault> = reserved.collect();
        let checked = Self::over(&WithUsage::new(&NoNames, usage, &none), metrics);
        if reserved.is_empty() {
            return checked;
        }
        let others = checked.err().into_iter().flatten();
        Err(Faults::new(reserved.into_iter().chain(others).collect()))
    }

    /// The same over the events of any names.
    fn over(names: &dyn Names, metrics: impl IntoIterator<Item = Metric>) -> Result<Self, MetricErrors> {
        let mut faults = Vec::new();
        let mut all: IndexMap<Arc<str>, Arc<CheckedMetric>> = IndexMap::new();
        for metric in metrics {
            let mut fault = |kind| faults.push(MetricFault { metric: metric.name.clone(), kind });
            if all.contains_key(&metric.name) {
                fault(MetricFaultKind::Duplicate);
            }
            match CheckedMetric::new(&metric, names) {
                Ok(checked) => {
                    all.entry(metric.name.clone()).or_insert_with(|| Arc::new(checked));
                }
                Err(kinds) => kinds.into_iter().for_each(fault),
            }
        }
        if faults.is_empty() { Ok(Self(Arc::new(all))) } else { Err(Faults::new(faults)) }
    }

    /// Metrics that were checked one by one, of different names.
    pub(crate) fn of(metrics: impl Iterator<Item = Arc<CheckedMetric>>) -> Self {
        Self(Arc::new(metrics.map(|checked| (checked.metric.name.clone(), checked)).collect()))
    }

    /// Their names, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    /// The metrics, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.0.values().map(|checked| &checked.metric)
    }

    /// The type of the daily values of a metric.
    #[must_use]
    pub fn kind(&self, metric: &str) -> Option<&Type> {
        self.checked(metric).map(Checked::kind)
    }

    pub(crate) fn checked(&self, metric: &str) -> Option<&Checked> {
        self.0.get(metric).map(|checked| &checked.checked)
    }
}
