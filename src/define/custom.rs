//! A kind of definition of the host's own.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::{
    Argument, Arguments, Checking, Compiled, Declared, Define, DefinitionFault, Form, Input, Output,
    RecordWanted, Renames, RowForm, RowFunction, RowPart, RowsOf, TotalBy, canonical,
};
use crate::aggregate::version::{first, is_first, named};
use crate::expr::{Cell, Checked, ExprValue, NameText, Of, Type, Val};
use crate::model::{AccountId, AsOf, Date, Faults, Fields, JsonFault, JsonFaultKind, Place, hint};

/// Most inputs of a part of a [`Custom`] definition.
pub const MAX_CUSTOM_INPUTS: usize = 64;

/// Most outputs of a [`CustomKind`].
pub const MAX_CUSTOM_OUTPUTS: usize = 64;

/// Most parts of a [`Custom`] definition.
pub const MAX_CUSTOM_PARTS: usize = 1_000;

/// A kind of definition that the host brings: a pure function of what is read of one account.
///
/// Definitions of it ([`Custom`]) say which expressions, child rows, recorded days and parameters it is given, and stand beside all
/// others in a catalog: they are read by their names, kept current by an engine, explained, and stored with its journal.
///
/// ```
/// use perennial::aggregate::UsageSchema;
/// use perennial::catalog::{Catalog, Custom, CustomInput, CustomInputs, CustomKind, CustomOutput, Definition};
/// use perennial::expr::{ExprValue, Type};
/// use perennial::segment::Segment;
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope};
/// use std::sync::Arc;
///
/// /// Seats by the licences for them, with a word for it.
/// #[derive(Debug)]
/// struct Adoption;
///
/// impl CustomKind for Adoption {
///     fn word(&self) -> &str {
///         "adoption"
///     }
///     fn version(&self) -> u64 {
///         1
///     }
///     fn outputs(&self) -> Vec<CustomOutput> {
///         vec![CustomOutput::new("share", Type::Double), CustomOutput::new("level", Type::Text)]
///     }
///     fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
///         let number = |at: usize| match inputs.value(at) {
///             Some(ExprValue::Int(value)) => Some(*value as f64),
///             _ => None,
///         };
///         let share = number(0).zip(number(1)).map(|(seats, licences)| seats / licences);
///         let level = share.map(|share| if share < 0.5 { "low" } else { "high" });
///         vec![share.map(ExprValue::Double), level.map(|level| ExprValue::Text(level.into()))]
///     }
/// }
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .attribute(Attribute::new("licences", AttributeType::Int))
///     .build()?;
/// let row = AccountRow::new(AccountId::new("acme")?, "Company").with("seats", 3_i64).with("licences", 10_i64);
/// let (book, _) = Book::load(schema, &MemorySource::new().account(row), &Policy::strict())?;
///
/// let kind: Arc<dyn CustomKind> = Arc::new(Adoption);
/// let use_of = Custom::new("use", &kind).reading(CustomInput::value("seats")).reading(CustomInput::value("licences"));
/// let definitions: [Definition; 2] = [use_of.into(), Segment::parse("low", "use.level == 'low'")?.into()];
/// let catalog = Catalog::new(book.schema(), &UsageSchema::default(), definitions)?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let derived = catalog.run(&view, None, None);
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(derived.value("use.share", acme), Some(ExprValue::Double(0.3)));
/// assert!(derived.is_member("low", acme));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What implementors must guarantee
///
/// * The same inputs give the same outputs, whenever and on whatever thread they are asked; nothing else is read, no clock either.
/// * What an output may be is what [`CustomKind::outputs`] says, as long as the version is the same. A value of another type is
///   missing.
/// * It does not panic.
///
/// `testkit::custom_kind_conformance!` makes a test of each of these (feature `testkit`).
pub trait CustomKind: fmt::Debug + Send + Sync {
    /// The kind in documents and messages, such as `adoption`; it must not be the word of a kind of this library.
    fn word(&self) -> &str;

    /// The version of what is computed. A journal of another version is refused: count it when the same inputs would give other
    /// outputs.
    fn version(&self) -> u64;

    /// The outputs, in order: one without a name ([`CustomOutput::own`]), or at most [`MAX_CUSTOM_OUTPUTS`] with names.
    fn outputs(&self) -> Vec<CustomOutput>;

    /// Why it cannot be given these inputs; nothing where it can.
    ///
    /// # Errors
    ///
    /// A sentence for whoever wrote the definition.
    fn check(&self, inputs: &[InputType]) -> Result<(), String> {
        let _ = inputs;
        Ok(())
    }

    /// Does it read the moment of the question ([`CustomInputs::as_of`])? Then it is computed anew whenever that is another one.
    fn reads_moment(&self) -> bool {
        false
    }

    /// The outputs for one account, in their order; what is left out at the end is missing.
    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>>;
}

/// A column that definitions of a [`CustomKind`] give.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomOutput {
    name: Option<Arc<str>>,
    kind: Type,
}

impl CustomOutput {
    /// The column `definition.name`.
    #[must_use]
    pub fn new(name: &str, kind: Type) -> Self {
        Self { name: Some(Arc::from(name)), kind }
    }

    /// The one column of a definition, by its own name.
    #[must_use]
    pub const fn own(kind: Type) -> Self {
        Self { name: None, kind }
    }

    /// Its name; `None` where it has that of the definition.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> &Type {
        &self.kind
    }
}

/// What is read of an account for a [`CustomKind`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CustomInput {
    /// The value of an expression.
    Value(Arc<str>),
    /// The rows of a child table in the order of their ids: of each the values of expressions such as `row.amount`.
    Rows {
        /// The table.
        table: Arc<str>,
        /// The expressions.
        columns: Vec<Arc<str>>,
    },
    /// The value that a column had so many days ago: that of the last record on that day or before it.
    Ago {
        /// The column.
        column: Arc<str>,
        /// How many days ago.
        days: u32,
    },
    /// The last record of a column before today, with its day.
    Last {
        /// The column; one of the definition itself as well.
        column: Arc<str>,
        /// Only of so many days before today.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<u32>,
    },
    /// All records of a column in so many days before today, in order.
    Each {
        /// The column; one of the definition itself as well.
        column: Arc<str>,
        /// How many days.
        days: u32,
    },
}

impl CustomInput {
    /// The value of an expression.
    #[must_use]
    pub fn value(expression: &str) -> Self {
        Self::Value(Arc::from(expression))
    }

    /// The rows of a child table.
    #[must_use]
    pub fn rows(table: &str, columns: &[&str]) -> Self {
        Self::Rows { table: Arc::from(table), columns: columns.iter().map(|text| Arc::from(*text)).collect() }
    }

    /// The value that a column had so many days ago.
    #[must_use]
    pub fn ago(column: &str, days: u32) -> Self {
        Self::Ago { column: Arc::from(column), days }
    }

    /// The last record of a column before today.
    #[must_use]
    pub fn last(column: &str) -> Self {
        Self::Last { column: Arc::from(column), within: None }
    }

    /// The records of a column in so many days before today.
    #[must_use]
    pub fn each(column: &str, days: u32) -> Self {
        Self::Each { column: Arc::from(column), days }
    }

    fn texts(&mut self) -> &mut [Arc<str>] {
        match self {
            Self::Value(text) => std::slice::from_mut(text),
            Self::Rows { columns, .. } => columns,
            Self::Ago { .. } | Self::Last { .. } | Self::Each { .. } => &mut [],
        }
    }

    fn column(&mut self) -> Option<&mut Arc<str>> {
        match self {
            Self::Ago { column, .. } | Self::Last { column, .. } | Self::Each { column, .. } => Some(column),
            Self::Value(_) | Self::Rows { .. } => None,
        }
    }
}

/// What a [`CustomKind`] is given in place of an input.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InputType {
    /// A value.
    Value(Type),
    /// Rows of values.
    Rows(Vec<Type>),
    /// Days with values.
    Records(Type),
}

/// Some inputs of a [`Custom`] definition that hold for some accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomPart {
    name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<Arc<str>>,
    reads: Vec<CustomInput>,
}

impl CustomPart {
    /// For all accounts that no part before it is for.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: Arc::from(name), when: None, reads: Vec::new() }
    }

    /// Only where a question has the answer yes.
    #[must_use]
    pub fn when(mut self, question: &str) -> Self {
        self.when = Some(Arc::from(question));
        self
    }

    /// With one more input.
    #[must_use]
    pub fn reading(mut self, input: CustomInput) -> Self {
        self.reads.push(input);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its question; `None` where it is for all accounts that no part before it is for.
    #[must_use]
    pub fn question(&self) -> Option<&str> {
        self.when.as_deref()
    }

    /// Its inputs.
    #[must_use]
    pub fn reads(&self) -> &[CustomInput] {
        &self.reads
    }
}

/// A definition of a kind of the host's own. It has one list of inputs, or **parts** with a list each: the first part whose question
/// has the answer yes gives the outputs of an account, and the inputs of the others are not computed for it.
#[derive(Clone)]
pub struct Custom {
    name: Arc<str>,
    kind: Arc<dyn CustomKind>,
    reads: Vec<CustomInput>,
    parts: Vec<CustomPart>,
    description: Option<Arc<str>>,
    version: u64,
}

named!(Custom, described);

impl Custom {
    /// A definition without inputs.
    #[must_use]
    pub fn new(name: &str, kind: &Arc<dyn CustomKind>) -> Self {
        Self {
            name: Arc::from(name),
            kind: kind.clone(),
            reads: Vec::new(),
            parts: Vec::new(),
            description: None,
            version: 1,
        }
    }

    /// With one more input.
    #[must_use]
    pub fn reading(mut self, input: CustomInput) -> Self {
        self.reads.push(input);
        self
    }

    /// With one more part.
    #[must_use]
    pub fn part(mut self, part: CustomPart) -> Self {
        self.parts.push(part);
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &Arc<dyn CustomKind> {
        &self.kind
    }

    /// Its inputs, where it has no parts.
    #[must_use]
    pub fn reads(&self) -> &[CustomInput] {
        &self.reads
    }

    /// Its parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[CustomPart] {
        &self.parts
    }

    fn inputs(&self) -> impl Iterator<Item = &CustomInput> {
        self.reads.iter().chain(self.parts.iter().flat_map(|part| &part.reads))
    }

    fn objections(&self) -> Vec<DefinitionFault> {
        let (outputs, word) = (self.kind.outputs(), self.kind.word());
        let mut faults: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        match &*outputs {
            [] => faults.push(format!("the kind `{word}` gives nothing")),
            [_] => {}
            all if all.iter().any(|output| output.name.is_none()) => {
                faults.push(format!("the kind `{word}` has several outputs, so that each needs a name"));
            }
            all if all.len() > MAX_CUSTOM_OUTPUTS => {
                faults.push(format!(
                    "the kind `{word}` has {} outputs, and {MAX_CUSTOM_OUTPUTS} are allowed",
                    all.len()
                ));
            }
            _ => {}
        }
        for name in outputs.iter().filter_map(CustomOutput::name) {
            if let Err(error) = AccountId::check(name) {
                faults.push(format!("the kind `{word}` has an output whose {error}"));
            }
            if !seen.insert(name) {
                faults.push(format!("the kind `{word}` has two outputs `{name}`"));
            }
        }
        if let Err(error) = AccountId::check(word) {
            faults.push(format!("the word of a kind is no name: {error}"));
        }
        if !self.parts.is_empty() && !self.reads.is_empty() {
            faults.push("it has inputs of its own beside parts".to_owned());
        }
        if self.parts.len() > MAX_CUSTOM_PARTS {
            faults.push(format!("it has {} parts, and {MAX_CUSTOM_PARTS} are allowed", self.parts.len()));
        }
        let mut parts = HashSet::new();
        for part in self.parts.iter().filter(|part| !parts.insert(&part.name)) {
            faults.push(format!("two parts are named `{}`", part.name));
        }
        if let Some(part) = self.parts.iter().rev().skip(1).find(|part| part.when.is_none()) {
            faults.push(format!(
                "part `{}` is for all accounts, so that no part behind it is for any",
                part.name
            ));
        }
        let lists = self.parts.iter().map(|part| &part.reads).chain([&self.reads]);
        if let Some(list) = lists.filter(|list| list.len() > MAX_CUSTOM_INPUTS).next() {
            faults.push(format!("{} inputs stand together, and {MAX_CUSTOM_INPUTS} are allowed", list.len()));
        }
        faults.into_iter().map(DefinitionFault::Other).collect()
    }

    /// One part, compiled; the faults of all its inputs are noted.
    fn compile_part(
        &self,
        (name, guard, reads): (Option<&Arc<str>>, Option<&Arc<str>>, &[CustomInput]),
        checking: &Checking<'_>,
        faults: &mut Vec<DefinitionFault>,
    ) -> Option<RowPart> {
        let at = |input: Option<usize>| InPart { part: name.cloned(), input };
        let before = faults.len();
        let guard = guard.and_then(|text| {
            let checked = checking.checker().check_predicate(text);
            checked.map_err(|errors| faults.push(at(None).fault(DefinitionFault::Expression(errors)))).ok()
        });
        let mut inputs: Vec<Input> = Vec::with_capacity(reads.len());
        let mut types: Vec<InputType> = Vec::with_capacity(reads.len());
        for (number, input) in reads.iter().enumerate() {
            match input.compile(checking) {
                Ok((input, kind)) => {
                    inputs.push(input);
                    types.push(kind);
                }
                Err(found) => faults.extend(found.into_iter().map(|fault| at(Some(number)).fault(fault))),
            }
        }
        if faults.len() > before {
            return None;
        }
        if let Err(why) = self.kind.check(&types) {
            faults.push(at(None).fault(DefinitionFault::Other(why)));
            return None;
        }
        let outputs = self.kind.outputs().into_iter().map(|output| output.kind).collect();
        let function = Arc::new(Computed { kind: self.kind.clone(), inputs: types, outputs });
        Some(RowPart { name: name.cloned(), guard, inputs, function: Some(function) })
    }
}

/// Where in a definition a fault is.
struct InPart {
    part: Option<Arc<str>>,
    input: Option<usize>,
}

impl InPart {
    fn fault(self, fault: DefinitionFault) -> DefinitionFault {
        DefinitionFault::Input { part: self.part, input: self.input, fault: Box::new(fault) }
    }
}

impl CustomInput {
    fn compile(&self, checking: &Checking<'_>) -> Result<(Input, InputType), Vec<DefinitionFault>> {
        let record = |column: &Arc<str>, wanted: RecordWanted| {
            let kind = checking.recorded(column).map_err(|fault| vec![fault])?;
            let given = match wanted {
                RecordWanted::Ago(_) => InputType::Value(kind.clone()),
                RecordWanted::Last(_) | RecordWanted::Each(_) => InputType::Records(kind.clone()),
            };
            Ok((Input::Record { column: column.clone(), kind, wanted }, given))
        };
        match self {
            Self::Value(text) => {
                let checked = checking.expression(text).map_err(|fault| vec![fault])?;
                let kind = checked.kind().clone();
                Ok((Input::Value(checked), InputType::Value(kind)))
            }
            Self::Rows { table, .. } if !checking.names.has_table(table) => {
                let mut all: Vec<String> = Vec::new();
                checking.names.each_table(&mut |name| all.push(name.to_owned()));
                let hint = hint(table, all.iter().map(String::as_str));
                Err(vec![DefinitionFault::Other(format!("there is no child table `{table}`{hint}"))])
            }
            Self::Rows { table, columns } => {
                let checker = checking.checker();
                let checked = columns.iter().map(|text| checker.check_rows(Of::Table(table), text));
                let (mut found, mut faults): (Vec<Checked>, Vec<DefinitionFault>) = (Vec::new(), Vec::new());
                for column in checked {
                    match column {
                        Ok(column) => found.push(column),
                        Err(errors) => faults.push(DefinitionFault::Expression(errors)),
                    }
                }
                if !faults.is_empty() {
                    return Err(faults);
                }
                let kinds = found.iter().map(|checked| checked.kind().clone()).collect();
                Ok((Input::Rows(RowsOf::Table(table.clone()), found), InputType::Rows(kinds)))
            }
            Self::Ago { column, days } => record(column, RecordWanted::Ago(*days)),
            Self::Last { column, within } => record(column, RecordWanted::Last(*within)),
            Self::Each { column, days } => record(column, RecordWanted::Each(*days)),
        }
    }
}

impl Define for Custom {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn text(&self) -> NameText {
        NameText { documentation: self.description.clone(), ..NameText::default() }
    }

    fn below(&self) -> Vec<Declared> {
        let declared = |output: CustomOutput| Some(Declared { suffix: output.name?, kind: output.kind });
        self.kind.outputs().into_iter().filter_map(declared).collect()
    }

    fn expressions(&self, each: &mut dyn FnMut(&str)) {
        self.parts.iter().filter_map(|part| part.when.as_deref()).for_each(&mut *each);
        for input in self.inputs() {
            input.clone().texts().iter().for_each(|text| each(text));
        }
    }

    fn columns(&self, each: &mut dyn FnMut(&str)) {
        for input in self.inputs() {
            if let Some(column) = input.clone().column() {
                each(column);
            }
        }
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        for text in self.parts.iter_mut().filter_map(|part| part.when.as_mut()) {
            *text = (renames.expression)(text);
        }
        for input in self.reads.iter_mut().chain(self.parts.iter_mut().flat_map(|part| &mut part.reads)) {
            for text in input.texts() {
                *text = (renames.expression)(text);
            }
            if let Some(column) = input.column()
                && let Some(new) = (renames.name)(column)
            {
                *column = new;
            }
        }
    }

    fn said(&self) -> String {
        let mut said = self.clone();
        let canonical = |text: &str| Arc::from(canonical(text));
        said.rename(&Renames { expression: &canonical, name: &|_| None });
        format!("{} {:?} {:?}", self.kind.word(), said.reads, said.parts)
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let mut faults = self.objections();
        let parts: Vec<RowPart> = if self.parts.is_empty() {
            self.compile_part((None, None, &self.reads), checking, &mut faults).into_iter().collect()
        } else {
            let parts = self.parts.iter().filter_map(|part| {
                let CustomPart { name, when, reads } = part;
                self.compile_part((Some(name), when.as_ref(), reads), checking, &mut faults)
            });
            parts.collect()
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let output = |output: CustomOutput| Output {
            suffix: output.name,
            kind: Some(output.kind),
            total: TotalBy::Accounts,
        };
        let outputs = self.kind.outputs().into_iter().map(output).collect();
        Ok(Compiled { outputs, form: Form::Row(RowForm { parts, reads_moment: self.kind.reads_moment() }) })
    }

    /// With the version and the outputs of its kind, so that another one is told from it.
    fn to_json(&self) -> Json {
        let mut object = Map::new();
        object.insert("kind".to_owned(), json!(self.kind.word()));
        object.insert("kind_version".to_owned(), json!(self.kind.version()));
        object.insert("gives".to_owned(), json!(gives(&*self.kind)));
        object.insert("name".to_owned(), json!(&*self.name));
        if let Some(description) = &self.description {
            object.insert("description".to_owned(), json!(&**description));
        }
        if !self.reads.is_empty() {
            object.insert("reads".to_owned(), json!(self.reads));
        }
        if !self.parts.is_empty() {
            object.insert("parts".to_owned(), json!(self.parts));
        }
        if !is_first(&self.version) {
            object.insert("version".to_owned(), json!(self.version));
        }
        Json::Object(object)
    }
}

/// The outputs of a kind in words, with all that makes their types others.
fn gives(kind: &dyn CustomKind) -> Vec<String> {
    let said = |output: CustomOutput| match output.name {
        Some(name) => format!("{name}: {}", type_text(&output.kind)),
        None => type_text(&output.kind),
    };
    kind.outputs().into_iter().map(said).collect()
}

fn type_text(kind: &Type) -> String {
    let (mut lists, mut of) = (0, kind);
    while let Type::List(inner) = of {
        (lists, of) = (lists + 1, inner);
    }
    let own = match of {
        Type::Decimal { scale } => format!("decimal({scale})"),
        Type::Money { currency, scale } => format!("money({currency}, {scale})"),
        Type::Enum(values) | Type::Band(values) => {
            let values: Vec<&str> = values.iter().map(|value| &**value).collect();
            format!("{of}({})", values.join(", "))
        }
        other => other.to_string(),
    };
    format!("{}{own}{}", "list(".repeat(lists), ")".repeat(lists))
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("kind", &self.kind.word())
            .field("name", &self.name)
            .field("reads", &self.reads)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

/// The same words of a kind of the same word, version and outputs.
impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        let said = |of: &Self| (of.kind.word().to_owned(), of.kind.version(), of.kind.outputs());
        (&self.name, &self.reads, &self.parts) == (&other.name, &other.reads, &other.parts)
            && (&self.description, self.version) == (&other.description, other.version)
            && (Arc::ptr_eq(&self.kind, &other.kind) || said(self) == said(other))
    }
}

/// What a [`CustomKind`] computes, in place.
#[derive(Debug)]
struct Computed {
    kind: Arc<dyn CustomKind>,
    inputs: Vec<InputType>,
    outputs: Vec<Type>,
}

impl RowFunction for Computed {
    fn row(&self, arguments: &Arguments<'_>, outputs: &mut [Cell]) {
        let given =
            arguments.all.iter().zip(&self.inputs).map(|(argument, kind)| given(argument, kind)).collect();
        let found = self.kind.compute(&CustomInputs { given, as_of: arguments.as_of });
        for ((value, kind), cell) in found.iter().zip(&self.outputs).zip(outputs) {
            let value = value.as_ref().and_then(|value| Val::of_shown(value, kind).to_cell());
            *cell = value.unwrap_or(Cell::Missing);
        }
    }
}

/// An argument as the host sees it.
fn given(argument: &Argument<'_>, kind: &InputType) -> InputValue {
    match (argument, kind) {
        (Argument::Value(value), InputType::Value(kind)) => InputValue::Value(value.to_value(kind)),
        (Argument::Rows(rows), InputType::Rows(kinds)) => {
            let value = |(cell, kind): (&Cell, &Type)| Val::of_cell(cell).to_value(kind);
            InputValue::Rows(rows.iter().map(|row| row.iter().zip(kinds).map(value).collect()).collect())
        }
        (Argument::Records(days), InputType::Records(kind)) => InputValue::Records(
            days.iter().map(|(day, cell)| (*day, Val::of_cell(cell).to_value(kind))).collect(),
        ),
        _ => InputValue::Value(None),
    }
}

/// What a [`CustomKind`] is given in place of one input.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InputValue {
    /// A value; `None` where there is none.
    Value(Option<ExprValue>),
    /// Rows, and the values of each.
    Rows(Vec<Vec<Option<ExprValue>>>),
    /// Days and their values, in order.
    Records(Vec<(Date, Option<ExprValue>)>),
}

/// What a [`CustomKind`] is given of one account.
///
/// ```
/// use perennial::catalog::{CustomInputs, InputValue};
/// use perennial::expr::ExprValue;
///
/// // For tests of a kind by itself.
/// let inputs = CustomInputs::new(vec![InputValue::Value(Some(ExprValue::Int(3))), InputValue::Rows(vec![])]);
/// assert_eq!(inputs.value(0), Some(&ExprValue::Int(3)));
/// assert_eq!((inputs.value(1), inputs.rows(1).len(), inputs.records(2).len()), (None, 0, 0));
/// ```
#[derive(Debug, Clone)]
pub struct CustomInputs<'i> {
    given: Vec<InputValue>,
    as_of: Option<&'i AsOf>,
}

impl<'i> CustomInputs<'i> {
    /// Inputs in their order, without a moment.
    #[must_use]
    pub const fn new(given: Vec<InputValue>) -> Self {
        Self { given, as_of: None }
    }

    /// With the moment of the question.
    #[must_use]
    pub fn at(self, as_of: &AsOf) -> CustomInputs<'_> {
        CustomInputs { given: self.given, as_of: Some(as_of) }
    }

    /// All inputs.
    #[must_use]
    pub fn all(&self) -> &[InputValue] {
        &self.given
    }

    /// The value of an input, from 0; `None` where it has none, and for an input that is no value.
    #[must_use]
    pub fn value(&self, input: usize) -> Option<&ExprValue> {
        match self.given.get(input)? {
            InputValue::Value(value) => value.as_ref(),
            InputValue::Rows(_) | InputValue::Records(_) => None,
        }
    }

    /// The rows of an input, the values of each; nothing for an input that is none.
    #[must_use]
    pub fn rows(&self, input: usize) -> &[Vec<Option<ExprValue>>] {
        match self.given.get(input) {
            Some(InputValue::Rows(rows)) => rows,
            _ => &[],
        }
    }

    /// The records of an input in the order of their days, one at most of [`CustomInput::Last`]; a day on which it was recorded that
    /// there was no value has none. Nothing for an input that is none.
    #[must_use]
    pub fn records(&self, input: usize) -> &[(Date, Option<ExprValue>)] {
        match self.given.get(input) {
            Some(InputValue::Records(days)) => days,
            _ => &[],
        }
    }

    /// The moment of the question; `None` for a kind that does not say that it reads it.
    #[must_use]
    pub const fn as_of(&self) -> Option<&'i AsOf> {
        self.as_of
    }
}

/// The kinds of the host's own that documents and journals may name.
#[derive(Debug, Clone, Default)]
pub struct CustomKinds {
    by_word: BTreeMap<String, Arc<dyn CustomKind>>,
}

/// Two kinds have one word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is a kind `{0}` already")]
pub struct TakenKind(pub String);

impl CustomKinds {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more kind.
    ///
    /// # Errors
    ///
    /// [`TakenKind`] where another has its word.
    pub fn with(mut self, kind: Arc<dyn CustomKind>) -> Result<Self, TakenKind> {
        let word = kind.word().to_owned();
        if self.by_word.contains_key(&word) {
            return Err(TakenKind(word));
        }
        self.by_word.insert(word, kind);
        Ok(self)
    }

    /// A kind by its word.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<&Arc<dyn CustomKind>> {
        self.by_word.get(word)
    }

    /// Reads one definition of the list of a document.
    pub(crate) fn read(
        &self,
        json: &Json,
        place: Place<'_>,
        faults: &mut Faults<JsonFault>,
    ) -> Option<Custom> {
        let before = faults.count();
        let fields = Fields::open(json, place, &FIELDS, faults)?;
        let word = fields.needed_text("kind", faults);
        let kind = word.and_then(|word| self.known(&fields, word, faults));
        if let Some(kind) = kind {
            same_kind(&fields, &**kind, faults);
        }
        let name = fields.needed_text("name", faults);
        let description = fields.kept_text("description", faults);
        let version = fields.whole_number("version", faults).unwrap_or(first());
        let reads = fields.decoded_items::<CustomInput, _>("reads", faults);
        let parts = fields.decoded_items::<CustomPart, _>("parts", faults);
        if faults.count() > before {
            return None;
        }
        Some(Custom { name: Arc::from(name?), kind: kind?.clone(), reads, parts, description, version })
    }

    fn known(
        &self,
        fields: &Fields<'_, '_>,
        word: &str,
        faults: &mut Faults<JsonFault>,
    ) -> Option<&Arc<dyn CustomKind>> {
        let kind = self.get(word);
        if kind.is_none() {
            let known: Vec<&str> = self.by_word.keys().map(String::as_str).collect();
            let allowed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let what = "kind of definition";
            faults.refuse(&fields.at("kind"), || JsonFaultKind::UnknownWord {
                what,
                word: word.to_owned(),
                allowed,
            });
        }
        kind
    }
}

const FIELDS: [&str; 8] =
    ["kind", "kind_version", "gives", "name", "description", "reads", "parts", "version"];

/// Notes where a definition was written with a kind of another version, or with other outputs.
fn same_kind(fields: &Fields<'_, '_>, kind: &dyn CustomKind, faults: &mut Faults<JsonFault>) {
    let word = kind.word();
    if let Some(version) =
        fields.whole_number("kind_version", faults).filter(|version| *version != kind.version())
    {
        let message = format!(
            "it was written with version {version} of the kind `{word}`, and here is {}",
            kind.version()
        );
        faults.refuse_as(&fields.at("kind_version"), message);
    }
    let Some(written) = fields.decoded::<Vec<String>, _>("gives", faults) else { return };
    let own = gives(kind);
    if written != own {
        let message =
            format!("the kind `{word}` gave {}, and gives {} here", written.join(", "), own.join(", "));
        faults.refuse_as(&fields.at("gives"), message);
    }
}
