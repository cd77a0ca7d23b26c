//! What may be defined?

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::aggregate::{Metric, Operator, Over, Ranking, RollUp};
use crate::define::{
    Brought, CalculatedAttribute, Custom, CustomKind, Define, Kind, Namespace, Parameter, PastValue, Recorded,
};
use crate::model::{Faults, JsonFault, Place};
use crate::segment::Segment;

/// The one list of kinds. Each kind is a module below the catalog; the catalog and the engine know no more of it than this list says.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($kind:ident),)*) => {
        /// What a definition is.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DefinitionKind {
            $($(#[$doc])* $variant,)*
            /// One of the host's own, by its word.
            Custom(Arc<str>),
        }

        impl DefinitionKind {
            /// In the words of a user.
            #[must_use]
            pub fn word(&self) -> &str {
                match self {
                    $(Self::$variant => <$kind as Kind>::WORD,)*
                    Self::Custom(word) => word,
                }
            }

            /// In stored form.
            fn code(&self) -> &str {
                match self {
                    $(Self::$variant => <$kind as Kind>::CODE,)*
                    Self::Custom(word) => word,
                }
            }

            fn of_code(code: &str) -> Self {
                match code {
                    $(<$kind as Kind>::CODE => Self::$variant,)*
                    word => Self::Custom(Arc::from(word)),
                }
            }

            pub(super) fn namespace(&self) -> Namespace {
                match self {
                    $(Self::$variant => <$kind as Kind>::NAMESPACE,)*
                    Self::Custom(_) => Namespace::Columns,
                }
            }
        }

        /// A named definition of any kind.
        ///
        /// Columns (parameters, calculated attributes, past values, roll-ups, rankings, those of the host's own kinds) share their names with the attributes of the schema;
        /// metrics and segments have names of their own.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Definition {
            $($(#[$doc])* $variant($kind),)*
            /// One of a kind of the host's own.
            Custom(Custom),
        }

        impl Definition {
            /// What it is.
            #[must_use]
            pub fn kind(&self) -> DefinitionKind {
                match self {
                    $(Self::$variant(_) => DefinitionKind::$variant,)*
                    Self::Custom(of) => DefinitionKind::Custom(Arc::from(of.kind().word())),
                }
            }

            /// The definition, whatever its kind.
            pub(super) fn as_define(&self) -> &dyn Define {
                match self {
                    $(Self::$variant(of) => of,)*
                    Self::Custom(of) => of,
                }
            }

            pub(super) fn as_define_mut(&mut self) -> &mut dyn Define {
                match self {
                    $(Self::$variant(of) => of,)*
                    Self::Custom(of) => of,
                }
            }

            /// The list of a document that holds it.
            pub(super) fn list(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$kind as Kind>::LIST,)*
                    Self::Custom(_) => CUSTOM,
                }
            }
        }

        $(impl From<$kind> for Definition {
            fn from(of: $kind) -> Self {
                Self::$variant(of)
            }
        })*

        /// The kinds of the library, stored and in words.
        const WORDS: &[[&str; 2]] = &[$([<$kind as Kind>::CODE, <$kind as Kind>::WORD],)*];

        /// The lists of a document, in order, each with the reader of its items.
        pub(super) const LISTS: &[(&str, DefinitionKind, ReadDefinition)] = &[
            $((<$kind as Kind>::LIST, DefinitionKind::$variant, |json, place, faults| {
                <$kind as Kind>::read(json, place, faults).map(Definition::$variant)
            }),)*
        ];
    };
}

/// The list of a document that holds definitions of kinds of the host's own.
pub(super) const CUSTOM: &str = "custom";

impl From<Custom> for Definition {
    fn from(of: Custom) -> Self {
        Self::Custom(of)
    }
}

impl From<Brought> for Definition {
    fn from(of: Brought) -> Self {
        match of {
            Brought::Attribute(of) => of.into(),
            Brought::Past(of) => of.into(),
            Brought::RollUp(of) => of.into(),
            Brought::Ranking(of) => of.into(),
        }
    }
}

/// Reads one definition of a list.
pub(super) type ReadDefinition = fn(&Json, Place<'_>, &mut Faults<JsonFault>) -> Option<Definition>;

kinds! {
    /// A value that comes with the question.
    Parameter(Parameter),
    /// A named expression.
    Attribute(CalculatedAttribute),
    /// The value that a column had some days ago.
    Past(PastValue),
    /// Columns that are recorded day by day.
    Recorded(Recorded),
    /// A daily series.
    Metric(Metric),
    /// A roll-up.
    RollUp(RollUp),
    /// A place among peers.
    Ranking(Ranking),
    /// A yes/no question.
    Segment(Segment),
}

impl DefinitionKind {
    /// Is it a kind of the host's own with the word of one of the library?
    pub(super) fn is_taken(&self) -> bool {
        match self {
            Self::Custom(word) => WORDS.iter().flatten().any(|known| *known == &**word),
            _ => false,
        }
    }

    /// Is it read as an attribute of accounts is?
    #[must_use]
    pub fn is_column(&self) -> bool {
        self.namespace() == Namespace::Columns
    }
}

/// Its word in stored form: `roll_up`.
impl Serialize for DefinitionKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for DefinitionKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of_code(&Cow::<'de, str>::deserialize(deserializer)?))
    }
}

/// A definition, by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DefinitionRef {
    /// What it is.
    pub kind: DefinitionKind,
    /// Its name.
    pub name: Arc<str>,
}

/// ```
/// use perennial::catalog::{DefinitionKind, DefinitionRef};
///
/// let mrr = DefinitionRef::roll_up("mrr");
/// assert_eq!((mrr.kind.clone(), &*mrr.name), (DefinitionKind::RollUp, "mrr"));
/// assert_eq!(mrr.to_string(), "roll-up `mrr`");
/// ```
impl DefinitionRef {
    /// A name of this definition, or one below it, where the definition is renamed; `None` for any other name.
    pub(crate) fn renamed(&self, name: &str, to: &str) -> Option<Arc<str>> {
        let below = name.strip_prefix(&*self.name)?;
        (below.is_empty() || below.starts_with('.')).then(|| Arc::from(format!("{to}{below}")))
    }

    /// A definition of a kind.
    #[must_use]
    pub fn new(kind: DefinitionKind, name: &str) -> Self {
        Self { kind, name: Arc::from(name) }
    }

    /// A parameter.
    #[must_use]
    pub fn parameter(name: &str) -> Self {
        Self::new(DefinitionKind::Parameter, name)
    }

    /// A calculated attribute.
    #[must_use]
    pub fn attribute(name: &str) -> Self {
        Self::new(DefinitionKind::Attribute, name)
    }

    /// A past value.
    #[must_use]
    pub fn past(name: &str) -> Self {
        Self::new(DefinitionKind::Past, name)
    }

    /// Columns that are recorded day by day.
    #[must_use]
    pub fn recorded(name: &str) -> Self {
        Self::new(DefinitionKind::Recorded, name)
    }

    /// A metric.
    #[must_use]
    pub fn metric(name: &str) -> Self {
        Self::new(DefinitionKind::Metric, name)
    }

    /// A roll-up.
    #[must_use]
    pub fn roll_up(name: &str) -> Self {
        Self::new(DefinitionKind::RollUp, name)
    }

    /// A ranking.
    #[must_use]
    pub fn ranking(name: &str) -> Self {
        Self::new(DefinitionKind::Ranking, name)
    }

    /// A segment, by its id.
    #[must_use]
    pub fn segment(id: &str) -> Self {
        Self::new(DefinitionKind::Segment, id)
    }

    /// A definition of a kind of the host's own, by the word of the kind.
    #[must_use]
    pub fn custom(kind: &str, name: &str) -> Self {
        Self::new(DefinitionKind::Custom(Arc::from(kind)), name)
    }
}

impl fmt::Display for DefinitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.word(), self.name)
    }
}

impl Definition {
    /// Its name; of a segment, its id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.as_define().name()
    }

    /// The version of the definition.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.as_define().version()
    }

    /// Its kind, where it is one of the host's own.
    #[must_use]
    pub const fn host_kind(&self) -> Option<&Arc<dyn CustomKind>> {
        match self {
            Self::Custom(of) => Some(of.kind()),
            _ => None,
        }
    }

    /// Its kind and name.
    #[must_use]
    pub fn id(&self) -> DefinitionRef {
        DefinitionRef { kind: self.kind(), name: Arc::from(self.name()) }
    }

    /// Does it say the same in the same words? Equal expressions may be written differently.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let words = |of: &Self| {
            let mut words = Vec::new();
            of.as_define().expressions(&mut |text| words.push(text.to_owned()));
            words
        };
        self == other && words(self) == words(other)
    }
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
            RollUp::new(name, operator).reach(crate::fold::Reach::SelfAndDescendants)
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
        RollUp::new("licence_utilisation", operator)
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
                .among(status)
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
        RollUp::new("unified_contacts", Operator::Distinct(Arc::from(format!("row.{column}.lowerAscii()"))))
            .over(Over::Table(Arc::from(table)))
            .reach(crate::fold::Reach::SelfAndDescendants)
            .description("Different contacts of the family")
            .into()
    }
}
