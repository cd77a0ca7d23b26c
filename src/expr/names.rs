//! Which names may an expression use, and what do they mean?

use std::sync::Arc;

use super::types::Type;
use crate::model::{Attribute, ChildTable, EnumValues, Schema, SystemAttribute};

/// What stands behind a name.
///
/// ```
/// use perennial::expr::{Name, Type};
///
/// let seats = Name::new(Type::Int).required().within(0.0, 1e6);
/// assert_eq!(*seats.kind(), Type::Int);
/// assert!(!seats.may_be_missing());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    kind: Type,
    missing: bool,
    bounds: Option<(f64, f64)>,
}

impl Name {
    /// A name of a type, whose value may be missing.
    #[must_use]
    pub const fn new(kind: Type) -> Self {
        Self { kind, missing: true, bounds: None }
    }

    /// It always has a value.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.missing = false;
        self
    }

    /// Its values lie between two numbers, both included; comparisons beyond them get a lint.
    #[must_use]
    pub const fn within(mut self, low: f64, high: f64) -> Self {
        self.bounds = Some((low, high));
        self
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
        let name = Self::new(Type::of_attribute(attribute.kind()));
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
/// all, implements it: only [`Names::name`] and [`Names::each`] are required.
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

    /// What people read of a name.
    fn text(&self, of: Of<'_>, name: &str) -> NameText {
        let _ = (of, name);
        NameText::default()
    }

    /// Is there a child table of this name?
    fn has_table(&self, table: &str) -> bool {
        let _ = table;
        false
    }

    /// Every child table, in a fixed order.
    fn each_table(&self, seen: &mut dyn FnMut(&str)) {
        let _ = seen;
    }

    /// The account types, where accounts stand in a hierarchy; `None` where there is none, and then neither
    /// `account_type` nor `parent` and its like mean anything.
    fn account_types(&self) -> Option<EnumValues> {
        None
    }

    /// The products that accounts may hold.
    fn products(&self) -> Option<EnumValues> {
        None
    }

    /// The attribute of accounts that says who is cancelled, with those of its values that do; `None` where nothing
    /// says so, and then no walk leaves anybody out. Whoever passes on the names of a schema passes this on as well.
    fn cancelled_when(&self) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        None
    }

    /// How many segments are asked one after the other to answer this one: 1 for a segment that asks no other.
    /// `None` when there is no such segment.
    fn segment_chain(&self, id: &str) -> Option<usize> {
        let _ = id;
        None
    }

    /// Every segment, in a fixed order.
    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        let _ = seen;
    }

    /// Is there an event of this name?
    fn has_event(&self, event: &str) -> bool {
        let _ = event;
        false
    }

    /// Every event, in a fixed order.
    fn each_event(&self, seen: &mut dyn FnMut(&str)) {
        let _ = seen;
    }

    /// The type of a metric's daily values.
    fn metric(&self, metric: &str) -> Option<Name> {
        let _ = metric;
        None
    }

    /// Every metric, in a fixed order.
    fn each_metric(&self, seen: &mut dyn FnMut(&str)) {
        let _ = seen;
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
