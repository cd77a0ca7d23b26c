//! Which names may an expression use, and what do they mean?

use std::sync::Arc;

use super::rate_missing::MissingRateFlag;
use super::types::Type;
use crate::model::{Attribute, AttributeType, ChildTable, EnumValues, Schema, SystemAttribute};

/// What stands behind a name.
///
/// ```
/// use perennial::expr::{Name, Type};
///
/// let seats = Name::new(Type::Int).required().between(0.0, 1e6);
/// assert_eq!(*seats.kind(), Type::Int);
/// assert!(!seats.may_be_missing());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    kind: Type,
    missing: bool,
    bounds: Option<(f64, f64)>,
    is_computed_from_status: bool,
    currency: Option<Arc<str>>,
    missing_rates: Option<MissingRateFlag>,
    is_total: bool,
}

impl Name {
    /// A name of a type, whose value may be missing.
    #[must_use]
    pub const fn new(kind: Type) -> Self {
        Self {
            kind,
            missing: true,
            bounds: None,
            is_computed_from_status: false,
            currency: None,
            missing_rates: None,
            is_total: false,
        }
    }

    /// It always has a value.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.missing = false;
        self
    }

    /// Its values lie between two numbers, both included; comparisons beyond them get a lint.
    #[must_use]
    pub const fn between(mut self, low: f64, high: f64) -> Self {
        self.bounds = Some((low, high));
        self
    }

    /// Its value is computed from the attribute that says who is cancelled: a walk that leaves out cancelled accounts may not
    /// read it of each account, as it may not read that attribute (`E115`).
    #[must_use]
    pub const fn computed_from_status(mut self) -> Self {
        self.is_computed_from_status = true;
        self
    }

    /// Each amount is in the currency that another name of the same account or row says; for amounts of
    /// [`Type::MixedMoney`], which cannot be converted without it.
    #[must_use]
    pub fn in_currency_of(mut self, column: &str) -> Self {
        self.currency = Some(Arc::from(column));
        self
    }

    /// It is a measure of events: what is read is the total of those of a day that are alike, which gets a lint where it is tested.
    #[must_use]
    pub const fn total(mut self) -> Self {
        self.is_total = true;
        self
    }

    /// Is it the total of events that are alike?
    #[must_use]
    pub const fn is_total(&self) -> bool {
        self.is_total
    }

    /// Its value may be missing because a rate is; the flag says where.
    pub(crate) fn with_missing_rates(mut self, flag: Option<MissingRateFlag>) -> Self {
        self.missing_rates = flag;
        self
    }

    /// How to find out whether a rate is missing; `None` if it needs none.
    pub(super) const fn missing_rates(&self) -> Option<&MissingRateFlag> {
        self.missing_rates.as_ref()
    }

    /// The name that says in which currency each amount is.
    #[must_use]
    pub const fn currency_column(&self) -> Option<&Arc<str>> {
        self.currency.as_ref()
    }

    /// Is its value computed from the attribute that says who is cancelled?
    #[must_use]
    pub const fn is_computed_from_status(&self) -> bool {
        self.is_computed_from_status
    }

    /// The type of its values.
    #[must_use]
    pub const fn kind(&self) -> &Type {
        &self.kind
    }

    /// May it be without a value?
    #[must_use]
    pub const fn may_be_missing(&self) -> bool {
        self.missing
    }

    /// Its declared bounds.
    #[must_use]
    pub const fn bounds(&self) -> Option<(f64, f64)> {
        self.bounds
    }

    fn of(attribute: &Attribute) -> Self {
        let mut name = Self::new(Type::of_attribute(attribute.kind()));
        if let AttributeType::MixedMoney { currency_column } = attribute.kind() {
            name.currency = Some(currency_column.clone());
        }
        if attribute.is_required() { name.required() } else { name }
    }
}

/// What people read of a name, for editors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NameText {
    /// The name as people see it.
    pub label: Option<Arc<str>>,
    /// What it means.
    pub documentation: Option<Arc<str>>,
    /// The unit of its numbers.
    pub unit: Option<Arc<str>>,
}

/// The most parts of a dotted name (`health.score` has two) that is written bare; a longer name needs backticks.
pub(crate) const MAX_NAME_PARTS: usize = 8;

/// The parts of a declared name in a path: those between its dots, or the name itself if these are more than
/// [`MAX_NAME_PARTS`].
pub(crate) fn name_parts(name: &str) -> Vec<&str> {
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() > MAX_NAME_PARTS { vec![name] } else { parts }
}

/// Whose names are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Of<'a> {
    /// Attributes of an account; those in a namespace with it: `health.score`.
    Account,
    /// Columns of a child table.
    Table(&'a str),
    /// Properties of an event.
    Event(&'a str),
}

/// The names that an expression is checked against.
///
/// A [`Schema`] is one: its attributes and child tables. A host with other columns, or with none of our schemas at
/// all, implements it: only [`Names::name`] and [`Names::each`] are required. A wrapper of other
/// names returns them from [`Names::beneath`], so that no method is forgotten.
///
/// ```
/// use perennial::expr::{Checker, Name, Names, Of, Type};
///
/// struct Deal;
/// impl Names for Deal {
///     fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
///         match (of, name) {
///             (Of::Account, "amount") => Some(Name::new(Type::Double)),
///             (Of::Account, "stage") => Some(Name::new(Type::Text).required()),
///             _ => None,
///         }
///     }
///     fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
///         if of == Of::Account {
///             ["amount", "stage"].into_iter().for_each(seen);
///         }
///     }
/// }
/// assert!(Checker::new(&Deal).check("amount > 5000 && stage != \"lost\"").is_ok());
/// ```
///
/// # What implementors must guarantee
///
/// * The same name means the same for the life of the value.
/// * `each` gives every name that `name` knows, each once, in a fixed order.
pub trait Names {
    /// What a name means; a dotted name (`health.score`) is one name.
    fn name(&self, of: Of<'_>, name: &str) -> Option<Name>;

    /// Every name, in a fixed order: for the nearest name in messages, and for completions.
    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str));

    /// The names that these wrap: every method that is not implemented asks them. They must not lead back to these.
    ///
    /// ```
    /// use perennial::expr::{Checker, Name, Names, Of, Type};
    /// use perennial::{Attribute, AttributeType, Nesting, Schema};
    ///
    /// struct WithMargin(Schema);
    /// impl Names for WithMargin {
    ///     fn beneath(&self) -> Option<&dyn Names> {
    ///         Some(&self.0)
    ///     }
    ///     fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
    ///         let own = of == Of::Account && name == "margin";
    ///         if own { Some(Name::new(Type::Double)) } else { self.0.name(of, name) }
    ///     }
    ///     fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
    ///         self.0.each(of, seen);
    ///         if of == Of::Account {
    ///             seen("margin");
    ///         }
    ///     }
    /// }
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// assert!(Checker::new(&WithMargin(schema)).check("children.sum(c, c.margin * double(c.seats))").is_ok());
    /// # Ok::<(), perennial::SchemaErrors>(())
    /// ```
    fn beneath(&self) -> Option<&dyn Names> {
        None
    }

    /// What people read of a name.
    fn text(&self, of: Of<'_>, name: &str) -> NameText {
        self.beneath().map(|names| names.text(of, name)).unwrap_or_default()
    }

    /// Is there a child table of this name?
    fn has_table(&self, table: &str) -> bool {
        self.beneath().is_some_and(|names| names.has_table(table))
    }

    /// Every child table, in a fixed order.
    fn each_table(&self, seen: &mut dyn FnMut(&str)) {
        self.beneath().into_iter().for_each(|names| names.each_table(seen));
    }

    /// The account types, where accounts stand in a hierarchy; `None` where there is none, and then neither
    /// `account_type` nor `parent` and its like mean anything.
    fn account_types(&self) -> Option<EnumValues> {
        self.beneath()?.account_types()
    }

    /// The products that accounts may hold.
    fn products(&self) -> Option<EnumValues> {
        self.beneath()?.products()
    }

    /// The attribute of accounts that says who is cancelled, with those of its values that do; `None` where nothing
    /// says so, and then no walk leaves anybody out. Whoever passes on the names of a schema without [`Names::beneath`]
    /// passes this on as well.
    fn cancelled_when(&self) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        self.beneath()?.cancelled_when()
    }

    /// How many segments are asked one after the other to answer this one: 1 for a segment that asks no other.
    /// `None` when there is no such segment.
    fn segment_chain(&self, id: &str) -> Option<usize> {
        self.beneath()?.segment_chain(id)
    }

    /// Every segment, in a fixed order.
    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        self.beneath().into_iter().for_each(|names| names.each_segment(seen));
    }

    /// Is there an event of this name?
    fn has_event(&self, event: &str) -> bool {
        self.beneath().is_some_and(|names| names.has_event(event))
    }

    /// Every event, in a fixed order.
    fn each_event(&self, seen: &mut dyn FnMut(&str)) {
        self.beneath().into_iter().for_each(|names| names.each_event(seen));
    }

    /// The type of a metric's daily values.
    fn metric(&self, metric: &str) -> Option<Name> {
        self.beneath()?.metric(metric)
    }

    /// Every metric, in a fixed order.
    fn each_metric(&self, seen: &mut dyn FnMut(&str)) {
        self.beneath().into_iter().for_each(|names| names.each_metric(seen));
    }
}

impl Names for Schema {
    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        attribute_of(self, of, name).map(Name::of)
    }

    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
        match of {
            Of::Account => self.attributes().map(Attribute::name).for_each(seen),
            Of::Table(table) => {
                let table = self.table(table).and_then(|table| self.table_at(table));
                table.into_iter().flat_map(ChildTable::columns).map(Attribute::name).for_each(seen);
            }
            Of::Event(_) => {}
        }
    }

    fn text(&self, of: Of<'_>, name: &str) -> NameText {
        let Some(attribute) = attribute_of(self, of, name) else { return NameText::default() };
        let label = Some(attribute.display_label()).filter(|label| *label != name);
        NameText {
            label: label.map(Arc::from),
            documentation: attribute.documentation().map(Arc::from),
            unit: attribute.unit_name().map(Arc::from),
        }
    }

    fn has_table(&self, table: &str) -> bool {
        self.table(table).is_some()
    }

    fn each_table(&self, seen: &mut dyn FnMut(&str)) {
        self.tables().map(ChildTable::name).for_each(seen);
    }

    fn account_types(&self) -> Option<EnumValues> {
        Some(self.type_values().clone())
    }

    fn products(&self) -> Option<EnumValues> {
        Some(self.product_values().clone())
    }

    fn cancelled_when(&self) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        let status = self.attribute_at(self.system_attribute(SystemAttribute::Status)?)?;
        let values = status.kind().values()?;
        let cancelled = self.cancelled_codes();
        let cancelled: Vec<Arc<str>> =
            cancelled.iter().filter_map(|code| values.text(*code)).cloned().collect();
        (!cancelled.is_empty()).then(|| (Arc::from(status.name()), cancelled))
    }
}

fn attribute_of<'s>(schema: &'s Schema, of: Of<'_>, name: &str) -> Option<&'s Attribute> {
    match of {
        Of::Account => schema.attribute(name).and_then(|id| schema.attribute_at(id)),
        Of::Table(table) => {
            let table = schema.table(table).and_then(|table| schema.table_at(table))?;
            table.column_id(name).and_then(|column| table.column_at(column))
        }
        Of::Event(_) => None,
    }
}
