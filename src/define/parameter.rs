//! A value that comes with the question.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    Checking, Compiled, Define, DefinitionFault, Form, Input, Kind, Namespace, Output, Renames, RowForm, json,
};
use crate::aggregate::version::named;
use crate::expr::{NameText, Type};
use crate::model::{Faults, JsonFault, Place, read};

/// A value that whoever asks gives with the question ([`AsOf::with_parameter`](crate::AsOf::with_parameter)), such as who is
/// looking: every definition reads it by its name, as it reads an attribute, and it is the same for all accounts.
///
/// Without a value, or with one of another type, it is missing; a whole number is taken for a double, and the value of an enumeration for its
/// text. Its readers are computed and cached for each value
/// separately; an engine never maintains them, since its state has no parameters.
///
/// ```
/// use perennial::aggregate::UsageSchema;
/// use perennial::catalog::{Catalog, Definition, Parameter, ParameterType};
/// use perennial::segment::Segment;
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("manager", AttributeType::Text))
///     .build()?;
/// let row = |id: &str, manager: &str| Ok::<_, perennial::IdError>(AccountRow::new(AccountId::new(id)?, "Company").with("manager", manager));
/// let source = MemorySource::new().account(row("acme", "kim")?).account(row("globex", "lee")?);
/// let (book, _) = Book::load(schema, &source, &Policy::strict())?;
///
/// let definitions: [Definition; 2] =
///     [Parameter::new("viewer", ParameterType::Text).into(), Segment::parse("mine", "manager == viewer")?.into()];
/// let catalog = Catalog::new(book.schema(), &UsageSchema::default(), definitions)?;
/// let today = AsOf::date_utc(Date::new(2026, 1, 31)?);
/// let view = book.view(&Scope::all(), today.clone().with_parameter("viewer", "kim"))?;
/// assert_eq!(catalog.run(&view, None, None).segment("mine").map(|mine| mine.len()), Some(1));
/// let nobody = book.view(&Scope::all(), today)?;
/// assert_eq!(catalog.run(&nobody, None, None).segment("mine").map(|mine| mine.len()), Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    name: Arc<str>,
    #[serde(rename = "type")]
    kind: ParameterType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Arc<str>>,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    version: u64,
}

named!(Parameter, described);

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "type", rename_all = "snake_case", expecting = "a type such as `text`")]
#[non_exhaustive]
pub enum ParameterType {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A finite double.
    Double,
    /// A text.
    Text,
    /// A civil day.
    Date,
}

impl Parameter {
    /// A parameter by its name.
    #[must_use]
    pub fn new(name: &str, kind: ParameterType) -> Self {
        Self { name: Arc::from(name), kind, description: None, version: 1 }
    }

    /// The type of its values.
    #[must_use]
    pub const fn kind(&self) -> ParameterType {
        self.kind
    }
}

impl From<ParameterType> for Type {
    fn from(kind: ParameterType) -> Self {
        match kind {
            ParameterType::Bool => Self::Bool,
            ParameterType::Int => Self::Int,
            ParameterType::Double => Self::Double,
            ParameterType::Text => Self::Text,
            ParameterType::Date => Self::Date,
        }
    }
}

impl Define for Parameter {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn text(&self) -> NameText {
        NameText { documentation: self.description.clone(), ..NameText::default() }
    }

    fn expressions(&self, _: &mut dyn FnMut(&str)) {}

    fn set_name(&mut self, name: &Arc<str>) {
        self.name = name.clone();
    }

    fn rename(&mut self, _: &Renames<'_>) {}

    /// Two parameters are two values.
    fn canonical_text(&self) -> String {
        format!("parameter {}", self.name)
    }

    fn compile(&self, _: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let kind = Type::from(self.kind);
        let input = Input::Parameter { name: self.name.clone(), kind: kind.clone() };
        Ok(Compiled { outputs: vec![Output::column(kind)], form: Form::Row(RowForm::input(input)) })
    }

    fn to_json(&self) -> Json {
        json(self)
    }
}

impl Kind for Parameter {
    const CODE: &'static str = "parameter";
    const WORD: &'static str = "parameter";
    const LIST: &'static str = "parameters";
    const NAMESPACE: Namespace = Namespace::Columns;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        read(json, &place, faults)
    }
}
