//! What is different in a schema from now on?
//!
//! A change is a list of steps, each of which sees what the steps before it left. Applied to a schema, it gives another one and a
//! [`Migration`]: what became of each attribute, table, type and value, by which a book, definitions and deltas go over from the one to the
//! other.

mod between;
mod draft;
mod fault;
mod migration;
mod part;
mod step;
mod tracked;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use self::between::Redeclared;
use self::draft::Draft;
pub use self::fault::{SchemaChangeErrors, SchemaChangeFault, SchemaChangeFaultKind};
pub(crate) use self::migration::{
    ClosedSet, EventMove, EventsMigration, FieldMove, Migration, Recoded, SchemaRenames, Texts,
};
pub use self::part::SchemaPart;
use self::step::SchemaStep;
use super::limits::MAX_SCHEMA_STEPS;
use super::schema_json::{AccountAttribute, TableColumn};
use super::{
    Attribute, ChildTable, EnumValues, EventKind, Nesting, RepeatedProducts, Schema, StatusGroup,
    SystemAttribute, UsageSchema,
};

/// Steps from one schema to another: parts are added, redeclared, renamed and removed. Serialisable.
///
/// A step names parts as the steps before it left them. Data is converted once, from its first type to its last. A part that is added under the
/// name of a removed part is a new part, without its data.
///
/// ```
/// use perennial::{Attribute, AttributeType, EnumValues, Nesting, Schema, SchemaChange, SchemaPart};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .attribute(Attribute::new("stage", AttributeType::Enum(EnumValues::new(["Open", "Lost"]))))
///     .build()?;
/// let change = SchemaChange::new()
///     .attribute(Attribute::new("region", AttributeType::Text))
///     .value("stage", "Won")
///     .rename(SchemaPart::attribute("seats"), "licences")
///     .rename(SchemaPart::value("stage", "Lost"), "Closed lost");
/// let next = change.apply(&schema)?;
/// let names: Vec<&str> = next.attributes().map(Attribute::name).collect();
/// assert_eq!(names, ["licences", "stage", "region"]);
///
/// let errors = SchemaChange::new().remove(SchemaPart::attribute("seat")).apply(&schema).unwrap_err();
/// assert_eq!(errors.to_string(), "step 1: there is no attribute `seat`; did you mean `seats`?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A book goes over to the new schema with [`Book::evolve`](crate::Book::evolve), definitions with
/// [`Catalog::evolve`](crate::catalog::Catalog::evolve), and a living engine does both, with all that it holds, in
/// [`Update::schema`](crate::engine::Update::schema).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[must_use]
pub struct SchemaChange {
    steps: Vec<SchemaStep>,
}

impl SchemaChange {
    /// No steps yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Are there no steps?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The steps of another change behind its own.
    pub fn and(self, further: Self) -> Self {
        further.steps.into_iter().fold(self, Self::step)
    }

    /// Appends a step. A list of kinds of event directly behind another one replaces it.
    fn step(mut self, step: SchemaStep) -> Self {
        if matches!(step, SchemaStep::ExactlyEvents(_)) {
            self.steps.pop_if(|last| matches!(last, SchemaStep::ExactlyEvents(_)));
        }
        self.steps.push(step);
        self
    }

    /// The schema is this one: what it does not have is removed, and what has the same name is declared as it is there. Renames are steps
    /// before this one.
    pub fn exactly(self, schema: &Schema) -> Self {
        self.step(SchemaStep::Exactly(Box::new(schema.clone())))
    }

    /// An attribute: a new one behind the others, or another declaration of the one of that name. Values go over where they fit the new
    /// type: what widens without loss, whole numbers that were written as decimals or doubles, texts that say a number, a day, an instant
    /// or an allowed value, and anything as a text.
    pub fn attribute(self, attribute: Attribute) -> Self {
        self.step(SchemaStep::Attribute(AccountAttribute(attribute.into())))
    }

    /// The status attribute, each status with its group: new, or declared anew.
    pub fn status<'t>(self, values: impl IntoIterator<Item = (&'t str, StatusGroup)>) -> Self {
        let (texts, groups): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let attribute = SystemAttribute::status(EnumValues::new(texts));
        self.step(SchemaStep::Attribute(AccountAttribute(super::schema_builder::DeclaredAttribute {
            groups: Some(groups),
            ..attribute.into()
        })))
    }

    /// A child table: a new one behind the others, or another declaration of the one of that name, whose rows go over column by column.
    pub fn table(self, table: ChildTable) -> Self {
        self.step(SchemaStep::Table(table))
    }

    /// A column of a child table, as [`SchemaChange::attribute`] has it.
    pub fn column(self, table: &str, column: Attribute) -> Self {
        self.step(SchemaStep::Column { table: Arc::from(table), column: TableColumn(column) })
    }

    /// A kind of event: a new one, or another declaration of the one of that name. Events that are kept go over property by property and
    /// measure by measure: a value that does not fit is missing, and what is declared no longer is added up.
    pub fn event(self, kind: EventKind) -> Self {
        self.step(SchemaStep::Event(kind))
    }

    /// The kinds of event are these, in their order: what is not among them is removed with its events, and what has the same name is declared
    /// as it is there ([`SchemaChange::event`]). Renames are steps before this one; directly behind another such step it takes the place of that.
    pub fn exactly_events(self, events: &UsageSchema) -> Self {
        self.step(SchemaStep::ExactlyEvents(events.clone()))
    }

    /// An account type: a new one below all others, or another nesting of the one of that name.
    pub fn account_type(self, name: &str, nesting: Nesting) -> Self {
        self.step(SchemaStep::AccountType { name: Arc::from(name), nesting, above: None })
    }

    /// A new account type right above another one.
    pub fn account_type_above(self, name: &str, nesting: Nesting, below: &str) -> Self {
        self.step(SchemaStep::AccountType { name: Arc::from(name), nesting, above: Some(Arc::from(below)) })
    }

    /// A new product.
    pub fn product(self, name: &str) -> Self {
        self.step(SchemaStep::Product { name: Arc::from(name) })
    }

    /// Whether an account may hold one product twice. Forbidden later, the policy of the book says what becomes of products that are held
    /// twice by then; nobody leaves the book or moves by a change of the schema, so that it is refused but where they are kept
    /// ([`Remedy::Keep`](crate::Remedy::Keep)).
    pub fn repeated_products(self, answer: RepeatedProducts) -> Self {
        self.step(SchemaStep::RepeatedProducts(answer))
    }

    /// One more allowed value of an attribute, behind the others.
    pub fn value(self, attribute: &str, value: &str) -> Self {
        self.step(SchemaStep::Value {
            of: SchemaPart::attribute(attribute),
            value: Arc::from(value),
            group: None,
        })
    }

    /// One more status, behind the others, in a group.
    pub fn status_value(self, value: &str, group: StatusGroup) -> Self {
        let of = SchemaPart::attribute(SystemAttribute::Status.name());
        self.step(SchemaStep::Value { of, value: Arc::from(value), group: Some(group) })
    }

    /// One more allowed value of a column.
    pub fn column_value(self, table: &str, column: &str, value: &str) -> Self {
        let of = SchemaPart::column(table, column);
        self.step(SchemaStep::Value { of, value: Arc::from(value), group: None })
    }

    /// Another name for a part. Definitions that read it are rewritten.
    pub fn rename(self, part: SchemaPart, to: &str) -> Self {
        self.step(SchemaStep::Rename { part, to: Arc::from(to) })
    }

    /// A part less. The values of an attribute, and the rows of a table, go with it; an account type, a product or a value must not be in
    /// use.
    pub fn remove(self, part: SchemaPart) -> Self {
        self.step(SchemaStep::Remove { part, by: None })
    }

    /// Removes an account type, a product or an allowed value, and maps the accounts and rows that have it to another one. Definitions are not
    /// rewritten: those that name it are refused.
    pub fn replace(self, part: SchemaPart, by: &str) -> Self {
        self.step(SchemaStep::Remove { part, by: Some(Arc::from(by)) })
    }

    /// The schema after it; of steps of kinds of event there is nothing in it.
    ///
    /// # Errors
    ///
    /// All that is wrong with the steps, of which there are [`MAX_SCHEMA_STEPS`] at most; or, where nothing is, with the schema that they
    /// come to.
    pub fn apply(&self, schema: &Schema) -> Result<Schema, SchemaChangeErrors> {
        Ok((*self.migration(schema, None)?.schema).clone())
    }

    /// The schema after it, and what became of each part of the one before. Without kinds of event, steps of these are passed over.
    pub(crate) fn migration(
        &self,
        schema: &Schema,
        events: Option<&UsageSchema>,
    ) -> Result<Migration, SchemaChangeErrors> {
        let mut draft = Draft::of(schema, events);
        let mut faults = SchemaChangeErrors::none();
        if self.steps.len() > MAX_SCHEMA_STEPS {
            let kind = SchemaChangeFaultKind::TooManySteps(self.steps.len());
            return Err(SchemaChangeErrors::one(SchemaChangeFault { step: None, kind }));
        }
        for (number, step) in self.steps.iter().enumerate() {
            if let Err(kind) = draft.take(step) {
                faults.add(|| SchemaChangeFault { step: Some(number), kind });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        draft.migration(schema, events)
    }
}
