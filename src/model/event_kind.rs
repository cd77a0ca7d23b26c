//! What may happen, and what is known of it when it does?

use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::schema_builder::unfit_field;
use super::schema_json::TableColumn;
use super::{Attribute, AttributeType, Faults, limits};

/// The name under which expressions ask all events, whatever their kind.
pub const ANY_EVENT: &str = "any";
/// Most kinds of event of one schema.
pub const MAX_EVENT_KINDS: usize = 4_096;
/// Most properties of one kind of event, and most measures.
pub const MAX_EVENT_FIELDS: usize = 16;

/// What every event has besides its own properties and measures.
pub(crate) const BUILT_IN: [&str; 5] = ["user", "module", "action", "day", "count"];

/// A kind of event: `login`, `export`, `api_call`.
///
/// A **property** says which event it was: the plan, the format, the device. It may be asked anywhere, and events of one
/// day that differ in one are kept apart. A **measure** says how much it was: rows, seconds, an amount. Of it the total of
/// a day is kept, so that it is summed and averaged; with [`EventKind::each`], that of every event.
///
/// ```
/// use perennial::aggregate::EventKind;
/// use perennial::{Attribute, AttributeType};
///
/// let export = EventKind::new("export")
///     .module("Reports")
///     .property(Attribute::new("format", AttributeType::Text))
///     .measure(Attribute::new("rows", AttributeType::Int));
/// assert_eq!(export.name(), "export");
/// ```
#[derive(Debug, Clone)]
pub struct EventKind {
    pub(crate) name: Arc<str>,
    pub(super) label: Option<Arc<str>>,
    pub(super) documentation: Option<Arc<str>>,
    pub(crate) module: Option<Arc<str>>,
    pub(crate) action: Option<Arc<str>>,
    pub(crate) properties: IndexMap<Arc<str>, Attribute>,
    pub(crate) measures: IndexMap<Arc<str>, Attribute>,
    pub(crate) each: bool,
    // Given twice, kept so that the schema can report it.
    pub(super) repeated: Vec<Arc<str>>,
}

/// The same properties and measures in the same order.
impl PartialEq for EventKind {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, label, documentation, module, action, properties, measures, each, repeated } = self;
        *name == other.name
            && *label == other.label
            && *documentation == other.documentation
            && *module == other.module
            && *action == other.action
            && properties.iter().eq(&other.properties)
            && measures.iter().eq(&other.measures)
            && *each == other.each
            && *repeated == other.repeated
    }
}

impl Eq for EventKind {}

/// The same kinds in the same order.
impl PartialEq for UsageSchema {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kinds, &other.kinds) || self.kinds.iter().eq(&*other.kinds)
    }
}

impl Eq for UsageSchema {}

impl EventKind {
    /// A kind without properties and measures.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            label: None,
            documentation: None,
            module: None,
            action: None,
            properties: IndexMap::new(),
            measures: IndexMap::new(),
            each: false,
            repeated: Vec::new(),
        }
    }

    /// With a label for screens.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(Arc::from(label));
        self
    }

    /// With a text that says what it means.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.documentation = Some(Arc::from(description));
        self
    }

    /// The module, the noun, of events that name none themselves.
    #[must_use]
    pub fn module(mut self, module: &str) -> Self {
        self.module = Some(Arc::from(module));
        self
    }

    /// The action, the verb, of events that name none themselves.
    #[must_use]
    pub fn action(mut self, action: &str) -> Self {
        self.action = Some(Arc::from(action));
        self
    }

    /// With a property.
    #[must_use]
    pub fn property(mut self, property: Attribute) -> Self {
        self.note(&property);
        self.properties.entry(Arc::from(property.name())).or_insert(property);
        self
    }

    /// With a measure: a whole number, decimal, double, duration, or money of one currency.
    #[must_use]
    pub fn measure(mut self, measure: Attribute) -> Self {
        self.note(&measure);
        self.measures.entry(Arc::from(measure.name())).or_insert(measure);
        self
    }

    /// Each row that comes in stays a row of its own, also where it is like another of its day: two purchases of 3 are two of 3, and
    /// not one of 6. Ruling S152 of [`docs::semantics`](crate::docs::semantics).
    ///
    /// It takes as much room as rows come in: for purchases and invoices, not for clicks. A batch copies the rows of the month of each account
    /// that it touches; where many rows of one account come in, send them in batches.
    ///
    /// ```
    /// use perennial::aggregate::{Event, EventKind, Usage, UsageSchema, UsageSettings};
    /// use perennial::{Attribute, AttributeType, Date};
    ///
    /// let purchase = EventKind::new("purchase").measure(Attribute::new("items", AttributeType::Int)).each();
    /// let mut usage = Usage::new(UsageSchema::new([purchase])?, UsageSettings::new());
    /// let day = Date::new(2026, 1, 31)?;
    /// let of_three = || Event::on("purchase", "acme", day).value("items", 3_i64);
    /// usage.ingest([of_three(), of_three()], day)?;
    /// assert_eq!(usage.buckets(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn each(mut self) -> Self {
        self.each = true;
        self
    }

    /// Does each row stay a row of its own?
    #[must_use]
    pub const fn is_each(&self) -> bool {
        self.each
    }

    fn note(&mut self, field: &Attribute) {
        if self.properties.contains_key(field.name()) || self.measures.contains_key(field.name()) {
            self.repeated.push(Arc::from(field.name()));
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its label, or its name where it has none.
    #[must_use]
    pub fn display_label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    /// What it means.
    #[must_use]
    pub fn documentation(&self) -> Option<&str> {
        self.documentation.as_deref()
    }

    /// Its properties in declared order.
    #[must_use]
    pub fn properties(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.properties.values()
    }

    /// Its measures in declared order.
    #[must_use]
    pub fn measures(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.measures.values()
    }

    /// Itself without properties and measures.
    pub(super) fn without_fields(&self) -> Self {
        let (properties, measures, repeated) = (IndexMap::new(), IndexMap::new(), Vec::new());
        Self { properties, measures, repeated, ..self.clone() }
    }

    fn faults(&self, faults: &mut Vec<UsageSchemaFault>) {
        let mut fault = |field: Option<&str>, why: String| {
            faults.push(UsageSchemaFault { event: self.name.clone(), field: field.map(Arc::from), why });
        };
        if let Some(why) = unfit(&self.name) {
            fault(None, why);
        }
        if &*self.name == ANY_EVENT {
            fault(None, format!("`{ANY_EVENT}` stands for every event"));
        }
        for name in &self.repeated {
            fault(Some(name), "it is declared twice".to_owned());
        }
        for (what, fields) in [("properties", &self.properties), ("measures", &self.measures)] {
            if fields.len() > MAX_EVENT_FIELDS {
                fault(None, format!("{} {what}; the limit is {MAX_EVENT_FIELDS}", fields.len()));
            }
            for field in fields.values() {
                if let Some(why) = unfit(field.name()).or_else(|| unfit_field(field)) {
                    fault(Some(field.name()), why);
                }
                if BUILT_IN.contains(&field.name()) {
                    fault(Some(field.name()), "every event has this already".to_owned());
                }
            }
        }
        for property in self.properties.values() {
            if matches!(property.kind(), AttributeType::List | AttributeType::MixedMoney { .. }) {
                fault(Some(property.name()), "a property holds one value of one type".to_owned());
            }
        }
        for measure in self.measures.values() {
            let sums = matches!(
                measure.kind(),
                AttributeType::Int
                    | AttributeType::Decimal { .. }
                    | AttributeType::Money(_)
                    | AttributeType::Double
                    | AttributeType::Duration
            );
            if !sums {
                let why = "a measure is a number, a duration, or money of one currency";
                fault(Some(measure.name()), why.to_owned());
            }
        }
    }
}

fn unfit(name: &str) -> Option<String> {
    let fits = !name.is_empty() && name.trim() == name && !name.chars().any(char::is_control);
    if name.len() > limits::MAX_NAME_BYTES {
        Some(format!("a name of {} bytes; the limit is {}", name.len(), limits::MAX_NAME_BYTES))
    } else if fits {
        None
    } else {
        Some("a name is a text without control characters or spaces around it".to_owned())
    }
}

/// A kind of event as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventDocument {
    name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    properties: Vec<TableColumn>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    measures: Vec<TableColumn>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    each: bool,
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields =
            |fields: &IndexMap<Arc<str>, Attribute>| fields.values().cloned().map(TableColumn).collect();
        let document = EventDocument {
            name: self.name.clone(),
            label: self.label.clone(),
            description: self.documentation.clone(),
            module: self.module.clone(),
            action: self.action.clone(),
            properties: fields(&self.properties),
            measures: fields(&self.measures),
            each: self.each,
        };
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let EventDocument { name, label, description, module, action, properties, measures, each } =
            EventDocument::deserialize(deserializer)?;
        let kind = Self { label, documentation: description, module, action, each, ..Self::new(&name) };
        let kind = properties.into_iter().fold(kind, |kind, property| kind.property(property.0));
        Ok(measures.into_iter().fold(kind, |kind, measure| kind.measure(measure.0)))
    }
}

impl Serialize for UsageSchema {
    /// The list of its kinds.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.kinds())
    }
}

impl<'de> Deserialize<'de> for UsageSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kinds = Vec::<EventKind>::deserialize(deserializer)?;
        Self::new(kinds).map_err(D::Error::custom)
    }
}

/// What is wrong with a declared kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event `{event}`{}: {why}", field.as_ref().map(|field| format!(", `{field}`")).unwrap_or_default())]
pub struct UsageSchemaFault {
    /// The kind of event.
    pub event: Arc<str>,
    /// The property or measure, where one is at fault.
    pub field: Option<Arc<str>>,
    /// Why.
    pub why: String,
}

/// Everything that is wrong with declared kinds of event, in declared order.
pub type UsageSchemaErrors = Faults<UsageSchemaFault>;

/// The kinds of event that a host counts. Cloning is cheap.
///
/// ```
/// use perennial::aggregate::{EventKind, UsageSchema};
///
/// let schema = UsageSchema::new([EventKind::new("login"), EventKind::new("export")])?;
/// assert_eq!(schema.kinds().map(EventKind::name).collect::<Vec<_>>(), ["login", "export"]);
/// let errors = UsageSchema::new([EventKind::new("any")]).unwrap_err();
/// assert_eq!(errors.to_string(), "event `any`: `any` stands for every event");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct UsageSchema {
    kinds: Arc<IndexMap<Arc<str>, EventKind>>,
    /// Most measures of a kind.
    pub(crate) width: usize,
}

impl UsageSchema {
    /// Kinds of event, checked.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    pub fn new(kinds: impl IntoIterator<Item = EventKind>) -> Result<Self, UsageSchemaErrors> {
        let mut faults = Vec::new();
        let mut all: IndexMap<Arc<str>, EventKind> = IndexMap::new();
        for mut kind in kinds {
            kind.faults(&mut faults);
            // What a host declares elsewhere with the same values is another declaration.
            kind.properties.values_mut().for_each(|property| property.kind.set_apart());
            if all.contains_key(&kind.name) {
                let why = "it is declared twice".to_owned();
                faults.push(UsageSchemaFault { event: kind.name, field: None, why });
            } else if all.len() == MAX_EVENT_KINDS {
                let why = format!("more than {MAX_EVENT_KINDS} kinds of event");
                faults.push(UsageSchemaFault { event: kind.name, field: None, why });
                break;
            } else {
                all.insert(kind.name.clone(), kind);
            }
        }
        if !faults.is_empty() {
            return Err(Faults::new(faults));
        }
        let width = all.values().map(|kind| kind.measures.len()).max().unwrap_or(0);
        Ok(Self { kinds: Arc::new(all), width })
    }

    /// The kinds in declared order.
    #[must_use]
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = &EventKind> {
        self.kinds.values()
    }

    /// A kind by name.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&EventKind> {
        self.kinds.get(name)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u16> {
        u16::try_from(self.kinds.get_index_of(name)?).ok()
    }

    pub(crate) fn at(&self, number: u16) -> Option<&EventKind> {
        self.kinds.get_index(usize::from(number)).map(|(_, kind)| kind)
    }
}
