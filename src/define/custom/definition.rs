//! A definition of a kind of the host's own.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::given::Computed;
use super::kinds::gives;
use super::{
    CustomInput, CustomKind, CustomOutput, InputType, MAX_BROUGHT, MAX_CUSTOM_INPUTS, MAX_CUSTOM_OUTPUTS,
    MAX_CUSTOM_PARTS,
};
use crate::aggregate::version::{is_first, named};
use crate::define::{
    Brought, Checking, Compiled, Declared, Define, DefinitionFault, Form, Input, Output, PartPlace, Renames,
    RowForm, RowPart, TotalBy, canonical,
};
use crate::expr::{MAX_SCALE, NameText, Type};
use crate::model::AccountId;

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
/// has the answer yes gives the outputs of an account. Where a part is for few accounts, its inputs are computed for these alone.
#[derive(Clone)]
pub struct Custom {
    pub(super) name: Arc<str>,
    pub(super) kind: Arc<dyn CustomKind>,
    pub(super) reads: Vec<CustomInput>,
    pub(super) parts: Vec<CustomPart>,
    pub(super) description: Option<Arc<str>>,
    pub(super) version: u64,
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
    pub const fn kind(&self) -> &Arc<dyn CustomKind> {
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

    /// What it brings with it, as it would be stored: part of its identity.
    pub(super) fn brought_json(&self) -> Vec<Json> {
        self.kind.brings(self).iter().map(Brought::to_json).collect()
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
        for kind in outputs.iter().map(CustomOutput::kind).filter(|kind| !is_kept(kind)) {
            faults.push(format!("the kind `{word}` gives {kind}, which no column holds"));
        }
        for name in outputs.iter().filter_map(CustomOutput::name) {
            if let Err(error) = AccountId::check(name) {
                faults.push(format!("the kind `{word}` has an output whose {error}"));
            }
            if !seen.insert(name) {
                faults.push(format!("the kind `{word}` has two outputs `{name}`"));
            }
        }
        let brought = self.kind.brings(self).len();
        if brought > MAX_BROUGHT {
            faults.push(format!("it brings {brought} definitions, and {MAX_BROUGHT} are allowed"));
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
            faults
                .push(format!("part `{}` is for all accounts, so that no part after it applies", part.name));
        }
        let mut lists = self.parts.iter().map(|part| &part.reads).chain([&self.reads]);
        if let Some(list) = lists.find(|list| list.len() > MAX_CUSTOM_INPUTS) {
            faults.push(format!("{} inputs in one list, and {MAX_CUSTOM_INPUTS} are allowed", list.len()));
        }
        let columns = self.inputs().map(|input| input.texts().len()).filter(|many| *many > MAX_CUSTOM_INPUTS);
        if let Some(many) = columns.max() {
            faults.push(format!("an input has {many} columns, and {MAX_CUSTOM_INPUTS} are allowed"));
        }
        faults.into_iter().map(DefinitionFault::Other).collect()
    }

    /// One part, compiled; the faults of all its inputs are noted.
    fn compile_part(
        &self,
        (name, guard, reads): (Option<&Arc<str>>, Option<&Arc<str>>, &[CustomInput]),
        (checking, outputs): (&Checking<'_>, &Arc<[Type]>),
        faults: &mut Vec<DefinitionFault>,
    ) -> Option<RowPart> {
        let at = |place: PartPlace, fault: DefinitionFault| DefinitionFault::Part {
            part: name.cloned(),
            place,
            fault: Box::new(fault),
        };
        let before = faults.len();
        let guard = guard.and_then(|text| {
            let checked = checking.checker().check_predicate(text);
            let fault = |errors| at(PartPlace::Question, DefinitionFault::Expression(errors));
            checked.map_err(|errors| faults.push(fault(errors))).ok()
        });
        let mut inputs: Vec<Input> = Vec::with_capacity(reads.len());
        let mut types: Vec<InputType> = Vec::with_capacity(reads.len());
        for (number, input) in reads.iter().enumerate() {
            match input.compile(checking) {
                Ok((input, kind)) => {
                    inputs.push(input);
                    types.push(kind);
                }
                Err(found) => {
                    let place = |column: Option<usize>| match column {
                        Some(column) => PartPlace::Column(number, column),
                        None => PartPlace::Input(number),
                    };
                    faults.extend(found.into_iter().map(|(column, fault)| at(place(column), fault)));
                }
            }
        }
        if faults.len() > before {
            return None;
        }
        if let Err(why) = self.kind.check(&types) {
            faults.push(at(PartPlace::Whole, DefinitionFault::Other(why)));
            return None;
        }
        let (kind, outputs) = (self.kind.clone(), outputs.clone());
        let function = Arc::new(Computed { kind, inputs: types, outputs });
        Some(RowPart { name: name.cloned(), guard, inputs, function: Some(function) })
    }
}

/// Can a column hold values of a type?
fn is_kept(kind: &Type) -> bool {
    let mut of = kind;
    while let Type::List(inner) = of {
        of = inner;
    }
    match of {
        Type::Record(_) | Type::MixedMoney => false,
        // A list holds single values.
        Type::Counts(_) => matches!(kind, Type::Counts(_)),
        Type::Decimal { scale } | Type::Money { scale, .. } => *scale <= MAX_SCALE,
        _ => true,
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

    fn suffixed_outputs(&self) -> Vec<Declared> {
        let declared = |output: CustomOutput| Some(Declared { suffix: output.name?, kind: output.kind });
        self.kind.outputs().into_iter().filter_map(declared).collect()
    }

    fn own_type(&self) -> Option<Type> {
        self.kind.outputs().into_iter().find(|output| output.name.is_none()).map(|output| output.kind)
    }

    fn expressions(&self, each: &mut dyn FnMut(&str)) {
        self.parts.iter().filter_map(|part| part.when.as_deref()).for_each(&mut *each);
        for input in self.inputs() {
            input.texts().iter().for_each(|text| each(text));
        }
    }

    fn columns(&self, each: &mut dyn FnMut(&str)) {
        for input in self.inputs() {
            input.column().into_iter().for_each(|column| each(column));
        }
    }

    fn set_name(&mut self, name: &Arc<str>) {
        self.name = name.clone();
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        for text in self.parts.iter_mut().filter_map(|part| part.when.as_mut()) {
            *text = (renames.expression)(text);
        }
        for input in self.reads.iter_mut().chain(self.parts.iter_mut().flat_map(|part| &mut part.reads)) {
            for text in input.texts_mut() {
                *text = (renames.expression)(text);
            }
            input.rename(renames);
        }
    }

    fn brings(&self) -> Vec<Brought> {
        self.kind.brings(self)
    }

    fn canonical_text(&self) -> String {
        let mut said = self.clone();
        let canonical = |text: &str| Arc::from(canonical(text));
        said.rename(&Renames { expression: &canonical, named: &|_, _| None, value: &|_, _| None });
        format!("{} {:?} {:?}", self.kind.word(), said.reads, said.parts)
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let mut faults = self.objections();
        let outputs: Arc<[Type]> = self.kind.outputs().into_iter().map(|output| output.kind).collect();
        let against = (checking, &outputs);
        let parts: Vec<RowPart> = if self.parts.is_empty() {
            self.compile_part((None, None, &self.reads), against, &mut faults).into_iter().collect()
        } else {
            let parts = self.parts.iter().filter_map(|part| {
                let CustomPart { name, when, reads } = part;
                self.compile_part((Some(name), when.as_ref(), reads), against, &mut faults)
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
        let (reads_moment, reads_rates) = (self.kind.reads_moment(), self.kind.reads_rates());
        Ok(Compiled { outputs, form: Form::Row(RowForm { parts, reads_moment, reads_rates }) })
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
        let brings = self.brought_json();
        if !brings.is_empty() {
            object.insert("brings".to_owned(), json!(brings));
        }
        if !is_first(&self.version) {
            object.insert("version".to_owned(), json!(self.version));
        }
        Json::Object(object)
    }
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
