//! What may be defined?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::aggregate::version::named;
use crate::aggregate::{Metric, Operator, Over, Ranking, RollUpDefinition};
use crate::segment::Segment;

/// A named expression over attributes, usage, roll-ups and other calculated attributes: a KPI.
///
/// ```
/// use perennial::catalog::CalculatedAttribute;
///
/// let adoption = CalculatedAttribute::new("adoption", "ratio(active_users, licences)").unit("share");
/// assert_eq!(adoption.name(), "adoption");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalculatedAttribute {
    pub(super) name: Arc<str>,
    pub(super) expression: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<Arc<str>>,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    pub(super) version: u64,
}

named!(CalculatedAttribute, described);

impl CalculatedAttribute {
    /// An expression by name.
    #[must_use]
    pub fn new(name: &str, expression: &str) -> Self {
        let expression = Arc::from(expression);
        Self { name: Arc::from(name), expression, label: None, description: None, unit: None, version: 1 }
    }

    /// With a label for screens.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(Arc::from(label));
        self
    }

    /// The unit of its numbers.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(Arc::from(unit));
        self
    }

    /// Its expression.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }
}

/// The value that a column had some days ago, from what the host recorded ([`History`](super::History)). Beside the column
/// itself it makes a trend: `change(score, score_30d_ago)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastValue {
    pub(super) name: Arc<str>,
    pub(super) of: Arc<str>,
    pub(super) days_ago: u32,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    pub(super) version: u64,
}

named!(PastValue);

impl PastValue {
    /// The value of an attribute, or of another column, so many days before that of the question.
    #[must_use]
    pub fn new(name: &str, of: &str, days_ago: u32) -> Self {
        Self { name: Arc::from(name), of: Arc::from(of), days_ago, version: 1 }
    }

    /// Whose value it was.
    #[must_use]
    pub fn of(&self) -> &str {
        &self.of
    }

    /// How many days ago.
    #[must_use]
    pub const fn days_ago(&self) -> u32 {
        self.days_ago
    }
}

/// What a definition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "one for each kind of definition")]
#[non_exhaustive]
pub enum DefinitionKind {
    Attribute,
    Past,
    Metric,
    RollUp,
    Ranking,
    Segment,
}

impl DefinitionKind {
    /// In the words of a user.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Attribute => "calculated attribute",
            Self::Past => "past value",
            Self::Metric => "metric",
            Self::RollUp => "roll-up",
            Self::Ranking => "ranking",
            Self::Segment => "segment",
        }
    }

    /// Is it read as an attribute of accounts is?
    #[must_use]
    pub const fn is_column(self) -> bool {
        matches!(self, Self::Attribute | Self::Past | Self::RollUp | Self::Ranking)
    }
}

/// A named definition of any kind.
///
/// Columns (calculated attributes, past values, roll-ups, rankings) share their names with the attributes of the schema;
/// metrics and segments have names of their own.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Definition {
    /// A named expression.
    Attribute(CalculatedAttribute),
    /// The value that a column had some days ago.
    Past(PastValue),
    /// A daily series.
    Metric(Metric),
    /// A roll-up.
    RollUp(RollUpDefinition),
    /// A place among peers.
    Ranking(Ranking),
    /// A yes/no question.
    Segment(Segment),
}

impl Definition {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> DefinitionKind {
        match self {
            Self::Attribute(_) => DefinitionKind::Attribute,
            Self::Past(_) => DefinitionKind::Past,
            Self::Metric(_) => DefinitionKind::Metric,
            Self::RollUp(_) => DefinitionKind::RollUp,
            Self::Ranking(_) => DefinitionKind::Ranking,
            Self::Segment(_) => DefinitionKind::Segment,
        }
    }

    /// Its name; of a segment, its id.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Attribute(of) => of.name(),
            Self::Past(of) => of.name(),
            Self::Metric(of) => of.name(),
            Self::RollUp(of) => of.name(),
            Self::Ranking(of) => of.name(),
            Self::Segment(of) => of.id(),
        }
    }

    /// The version of the definition.
    #[must_use]
    pub const fn version(&self) -> u64 {
        match self {
            Self::Attribute(of) => of.version(),
            Self::Past(of) => of.version(),
            Self::Metric(of) => of.version(),
            Self::RollUp(of) => of.version(),
            Self::Ranking(of) => of.version(),
            Self::Segment(of) => of.version(),
        }
    }

    /// Does it say the same in the same words?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        // Equal expressions may be written differently.
        let source = |of: &Self| match of {
            Self::Segment(of) => Some(of.expression().source_text().to_owned()),
            _ => None,
        };
        self == other && source(self) == source(other)
    }

    /// The expressions that it is made of, as written.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::Attribute(of) => vec![of.expression.to_string()],
            Self::Past(_) => Vec::new(),
            Self::Metric(of) => vec![of.expression().to_owned()],
            Self::RollUp(of) => of.texts(),
            Self::Ranking(of) => std::iter::once(&of.of).chain(&of.within).map(ToString::to_string).collect(),
            Self::Segment(of) => vec![of.expression().to_string()],
        }
    }
}

macro_rules! from {
    ($($kind:ident => $variant:ident;)*) => {
        $(impl From<$kind> for Definition {
            fn from(of: $kind) -> Self {
                Self::$variant(of)
            }
        })*
    };
}

from! {
    CalculatedAttribute => Attribute;
    PastValue => Past;
    Metric => Metric;
    RollUpDefinition => RollUp;
    Ranking => Ranking;
    Segment => Segment;
}

/// Definitions that most catalogs begin with, ready-made over the usage of accounts.
///
/// ```
/// use perennial::catalog::BuiltIn;
///
/// let names: Vec<String> = BuiltIn::usage(28).map(|definition| definition.name().to_owned()).collect();
/// assert_eq!(names, ["active_users", "activity_days", "first_activity", "last_activity"]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn;

impl BuiltIn {
    /// Over the account and all below it: `active_users`, people with an event in the last days, each once;
    /// `activity_days`, days with an event; `first_activity` and `last_activity`.
    pub fn usage(days: u32) -> impl Iterator<Item = Definition> {
        let over = |last_days| Over::Events { event: crate::aggregate::ANY_EVENT.into(), last_days };
        let roll_up = |name: &str, operator: Operator| {
            RollUpDefinition::new(name, operator).reach(crate::fold::Reach::SelfAndDescendants)
        };
        let time = |reading: &str| Arc::from(format!("events(\"any\").{reading}()"));
        [
            roll_up("active_users", Operator::Distinct("row.user".into()))
                .over(over(Some(days)))
                .description("People with an event in the last days, each once")
                .into(),
            roll_up("activity_days", Operator::Distinct("row.day".into()))
                .over(over(Some(days)))
                .description("Days with an event")
                .into(),
            roll_up("first_activity", Operator::Min(time("first")))
                .description("When the first event was")
                .into(),
            roll_up("last_activity", Operator::Max(time("last")))
                .description("When the last event was")
                .into(),
        ]
        .into_iter()
    }

    /// `licence_utilisation`: active users of each account by its licences, as a sum by a sum over the account and all
    /// below it. `licences` is an expression.
    #[must_use]
    pub fn licence_utilisation(licences: &str, days: u32) -> Definition {
        let numerator = format!("events(\"any\").lastDays({days}).distinct(e, e.user)");
        let operator = Operator::Ratio { numerator: Arc::from(numerator), denominator: Arc::from(licences) };
        RollUpDefinition::new("licence_utilisation", operator)
            .reach(crate::fold::Reach::SelfAndDescendants)
            .description("Active users by licences: a sum by a sum")
            .into()
    }

    /// `daily_actions`, the mean of actions a day over the last 14 full days, or over the days since an account began where
    /// these are fewer; and `engagement`, its percentile among the accounts with the same value of `status` that are not cancelled, 0 below one
    /// action a day. `since` is an expression for the day on which an account began.
    pub fn engagement(status: &str, since: &str) -> impl Iterator<Item = Definition> {
        let days = format!("math.least(14, coalesce(today() - {since}, 14))");
        let actions = format!("ratio(events(\"any\").prevDays(14, 1).count(), {days})");
        [
            CalculatedAttribute::new("daily_actions", &actions)
                .description("Mean actions a day over the last 14 full days")
                .into(),
            Ranking::new("engagement", "daily_actions")
                .within(status)
                .at_least(1.0)
                .description("Percentile of daily actions among accounts of the same status")
                .into(),
        ]
        .into_iter()
    }

    /// `unified_contacts`: how many different contacts an account and all below it have, by a column of a table of people
    /// that says who is the same, such as an address.
    #[must_use]
    pub fn unified_contacts(table: &str, column: &str) -> Definition {
        RollUpDefinition::new(
            "unified_contacts",
            Operator::Distinct(Arc::from(format!("row.{column}.lowerAscii()"))),
        )
        .over(Over::Table(Arc::from(table)))
        .reach(crate::fold::Reach::SelfAndDescendants)
        .description("Different contacts of the family")
        .into()
    }
}
