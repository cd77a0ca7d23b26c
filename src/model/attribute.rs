//! What may an attribute of an account, or a column of a child table, hold?

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexSet;

use super::limits::MAX_TEXT_BYTES;
use super::{Currency, ValueKind};

/// The type of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributeType {
    /// True or false.
    Bool,
    /// A whole number within ±2^53.
    Int,
    /// An exact number with `scale` digits after the point (0 to 9), within ±10^15 of its last digit.
    Decimal {
        /// Digits after the point.
        scale: u8,
    },
    /// An amount of one currency, within ±10^15 minor units.
    Money(Currency),
    /// Amounts whose currency stands in another column of the same child table. They cannot be summed
    /// until they are converted with rates or filtered to one currency. Child tables only.
    MixedMoney {
        /// Name of the text or enumeration column that holds the ISO code.
        currency_column: Arc<str>,
    },
    /// A finite double.
    Double,
    /// Free text.
    Text,
    /// A civil day.
    Date,
    /// An instant in UTC, microseconds.
    Timestamp,
    /// A length of time, microseconds.
    Duration,
    /// One of a closed set of texts.
    Enum(EnumValues),
    /// One of a closed set of texts ordered by declaration, lowest first.
    Band(EnumValues),
    /// A list of text.
    List,
}

impl AttributeType {
    /// The kind of value it holds.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Bool => ValueKind::Bool,
            Self::Int => ValueKind::Int,
            Self::Decimal { .. } => ValueKind::Decimal,
            Self::Money(_) | Self::MixedMoney { .. } => ValueKind::Money,
            Self::Double => ValueKind::Double,
            Self::Text => ValueKind::Text,
            Self::Date => ValueKind::Date,
            Self::Timestamp => ValueKind::Timestamp,
            Self::Duration => ValueKind::Duration,
            Self::Enum(_) => ValueKind::Enum,
            Self::Band(_) => ValueKind::Band,
            Self::List => ValueKind::List,
        }
    }

    /// The allowed values of an enumeration or band.
    #[must_use]
    pub const fn values(&self) -> Option<&EnumValues> {
        match self {
            Self::Enum(values) | Self::Band(values) => Some(values),
            _ => None,
        }
    }
}

/// The allowed values of an enumeration or band, in declared order. Cloning is cheap.
///
/// Two are equal when they allow the same values in the same order.
#[derive(Debug, Clone)]
pub struct EnumValues(Arc<Allowed>);

#[derive(Debug)]
struct Allowed {
    values: IndexSet<Arc<str>>,
    // Values given again, with their place in what was given, kept so that the schema can report them.
    repeated: Vec<(usize, Arc<str>)>,
}

impl EnumValues {
    /// Values in order; a repeated one counts once here and is a fault when the schema is built.
    pub fn new<'t>(values: impl IntoIterator<Item = &'t str>) -> Self {
        Self::with_places(values.into_iter().enumerate())
    }

    // The places differ from a plain count where a document holds entries that are no values.
    pub(super) fn with_places<'t>(given: impl IntoIterator<Item = (usize, &'t str)>) -> Self {
        let mut values = IndexSet::new();
        let mut repeated = Vec::new();
        for (place, text) in given {
            let text: Arc<str> = Arc::from(text);
            if !values.insert(Arc::clone(&text)) {
                repeated.push((place, text));
            }
        }
        Self(Arc::new(Allowed { values, repeated }))
    }

    pub(super) fn repeated(&self) -> &[(usize, Arc<str>)] {
        &self.0.repeated
    }

    /// Are they the very values of one declaration, not only equal ones? In a schema no two attributes share theirs.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The same values as those of another declaration.
    pub(super) fn apart(&self) -> Self {
        let (values, repeated) = (self.0.values.clone(), self.0.repeated.clone());
        Self(Arc::new(Allowed { values, repeated }))
    }

    /// How many values are allowed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values.len()
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values.is_empty()
    }

    /// The code of a value: its place in the declared order.
    #[must_use]
    pub fn code(&self, text: &str) -> Option<u16> {
        self.0.values.get_index_of(text).and_then(|place| u16::try_from(place).ok())
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: u16) -> Option<&Arc<str>> {
        self.0.values.get_index(usize::from(code))
    }

    /// The values in declared order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.0.values.iter()
    }
}

impl PartialEq for EnumValues {
    // Sets compare without regard to order, but here the order decides codes and ranks.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for EnumValues {}

impl AttributeType {
    /// Makes its allowed values those of one declaration.
    pub(super) fn set_apart(&mut self) {
        if let Self::Enum(values) | Self::Band(values) = self {
            *values = values.apart();
        }
    }
}

/// Gives allowed values that a host declares for several attributes to each of them, so that it is known whose they are.
pub(super) fn set_apart<'a>(kinds: impl Iterator<Item = &'a mut AttributeType>) {
    let mut known: HashSet<*const Allowed> = HashSet::new();
    for kind in kinds {
        if let AttributeType::Enum(values) | AttributeType::Band(values) = kind
            && !known.insert(Arc::as_ptr(&values.0))
        {
            *values = values.apart();
            known.insert(Arc::as_ptr(&values.0));
        }
    }
}

/// How the texts of an attribute compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CaseRule {
    /// Byte by byte.
    #[default]
    Exact,
    /// Without regard to ASCII case, where a value is given by itself: enumerations with this rule accept `Gold` for
    /// `gold` and store the declared spelling. Texts are stored as given. In expressions texts compare by code point all
    /// the same, and whatever the case by `equalsFold` (ruling S111 of `docs/semantics`).
    Folded,
}

/// An attribute of accounts, or a column of a child table.
///
/// ```
/// use perennial::{Attribute, AttributeType, Currency, EnumValues};
///
/// let arr = Attribute::new("arr", AttributeType::Money(Currency::USD)).label("Annual revenue").dimension("Value");
/// let plan = Attribute::new("plan", AttributeType::Enum(EnumValues::new(["basic", "pro"]))).required();
/// assert_eq!(arr.name(), "arr");
/// assert!(plan.is_required());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub(super) name: Arc<str>,
    pub(super) kind: AttributeType,
    pub(super) label: Option<Arc<str>>,
    pub(super) description: Option<Arc<str>>,
    pub(super) unit: Option<Arc<str>>,
    pub(super) dimension: Option<Arc<str>>,
    pub(super) case: CaseRule,
    pub(super) max_bytes: Option<usize>,
    // Names of account types; empty: all.
    pub(super) applies_to: Vec<Arc<str>>,
    // `Some(empty)`: wherever it applies.
    pub(super) required_at: Option<Vec<Arc<str>>>,
    pub(super) line: Line,
}

/// What a declaration has in common with those that it became by renaming and redeclaring, and with no other. All are equal: it is no part of what
/// is declared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line(Arc<()>);

impl Line {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Line {}

impl Attribute {
    /// An optional attribute for accounts of every type.
    #[must_use]
    pub fn new(name: &str, kind: AttributeType) -> Self {
        Self {
            name: Arc::from(name),
            kind,
            label: None,
            description: None,
            unit: None,
            dimension: None,
            case: CaseRule::Exact,
            max_bytes: None,
            applies_to: Vec::new(),
            required_at: None,
            line: Line::default(),
        }
    }

    /// With a label for screens.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(Arc::from(label));
        self
    }

    /// With a sentence of documentation.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.description = Some(Arc::from(description));
        self
    }

    /// With a unit, such as `seats` or `h`.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(Arc::from(unit));
        self
    }

    /// In a dimension (a group of attributes that multidimensional health weighs together).
    #[must_use]
    pub fn dimension(mut self, dimension: &str) -> Self {
        self.dimension = Some(Arc::from(dimension));
        self
    }

    /// With another case rule.
    #[must_use]
    pub fn case(mut self, case: CaseRule) -> Self {
        self.case = case;
        self
    }

    /// With a longest text, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Only for accounts of these types.
    #[must_use]
    pub fn applies_to<'t>(mut self, types: impl IntoIterator<Item = &'t str>) -> Self {
        self.applies_to = types.into_iter().map(Arc::from).collect();
        self
    }

    /// Required wherever it applies.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required_at = Some(Vec::new());
        self
    }

    /// Required for accounts of these types.
    #[must_use]
    pub fn required_at<'t>(mut self, types: impl IntoIterator<Item = &'t str>) -> Self {
        self.required_at = Some(types.into_iter().map(Arc::from).collect());
        self
    }

    /// Its name, unique in the schema or table.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> &AttributeType {
        &self.kind
    }

    /// The most bytes that a text of it has.
    pub(crate) fn longest_text(&self) -> usize {
        self.max_bytes.unwrap_or(MAX_TEXT_BYTES)
    }

    /// Its label, or its name where it has none.
    #[must_use]
    pub fn display_label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    /// Its documentation.
    #[must_use]
    pub fn documentation(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub(crate) const fn line(&self) -> &Line {
        &self.line
    }

    /// Its unit.
    #[must_use]
    pub fn unit_name(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// Its dimension.
    #[must_use]
    pub fn dimension_name(&self) -> Option<&str> {
        self.dimension.as_deref()
    }

    /// Its case rule.
    #[must_use]
    pub const fn case_rule(&self) -> CaseRule {
        self.case
    }

    /// Whether it is required for at least one type.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.required_at.is_some()
    }
}
