//! What is a definition, whatever its kind?
//!
//! A definition has a name, says what it reads, and compiles to one of four forms ([`Form`]): a function of one account, a merge
//! up the tree, a pass over the whole book, or a name without a column. That is all that a catalog and an engine know of it.
//! A kind of definition is a module of its own, here or above, that implements [`Define`] and [`Kind`]; the catalog has the one list of
//! kinds.

mod attribute;
mod brought;
mod checking;
mod custom;
mod fault;
mod form;
mod function;
mod metric;
mod parameter;
mod past;
mod peers;
mod ranking;
mod recorded;
mod roll_up;

use std::sync::Arc;

use serde_json::Value as Json;

pub use self::attribute::CalculatedAttribute;
pub use self::brought::Brought;
pub(crate) use self::checking::Checking;
pub use self::custom::{
    Custom, CustomInput, CustomInputs, CustomKind, CustomKinds, CustomOutput, CustomPart, InputType,
    InputValue, MAX_BROUGHT, MAX_CUSTOM_INPUTS, MAX_CUSTOM_OUTPUTS, MAX_CUSTOM_PARTS, TakenKind,
};
pub use self::fault::{DefinitionFault, PartPlace};
pub(crate) use self::form::{
    Compiled, Form, Input, Output, RecordWanted, RowForm, RowPart, TotalBy, WholeForm,
};
pub(crate) use self::function::{Argument, Arguments, RowFunction, WholeFunction};
pub use self::parameter::{Parameter, ParameterType};
pub use self::past::PastValue;
pub use self::recorded::Recorded;
use crate::expr::{NameText, Type};
use crate::model::{Faults, JsonFault, Place};

/// How a definition is read: as an attribute of accounts is, by `metric("..")`, or by `inSegment("..")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Namespace {
    Columns,
    Metrics,
    Segments,
    /// By nobody: what is recorded is read by the names of its columns.
    Records,
}

/// A column of a definition with several outputs, whose name is that of the definition, a dot and a suffix. Its type is known before the
/// inputs of the definition are checked, so that a reader of its records need not wait for the definition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    pub(crate) suffix: Arc<str>,
    pub(crate) kind: Type,
}

/// What every definition says.
pub(crate) trait Define {
    /// Its name; of a segment, its id.
    fn name(&self) -> &str;

    fn version(&self) -> u64;

    /// What people read of it.
    fn text(&self) -> NameText {
        NameText::default()
    }

    /// Its columns with a suffix; the name of the definition then reserves all names that begin with it and a dot. None where it has one
    /// column, of its own name.
    fn suffixed_outputs(&self) -> Vec<Declared> {
        Vec::new()
    }

    /// Is it an account set: evaluated over the whole book, read by scopes, and not visible in one?
    fn makes_scopes(&self) -> bool {
        false
    }

    /// The definitions that it brings with it; they have names below its own.
    fn brings(&self) -> Vec<Brought> {
        Vec::new()
    }

    /// Does it reserve all names that begin with its own and a dot?
    fn reserves_below(&self) -> bool {
        !self.suffixed_outputs().is_empty()
    }

    /// The type of the column of its own name, where that is known before the definition is checked.
    fn own_type(&self) -> Option<Type> {
        None
    }

    /// Its expressions, as written.
    fn expressions(&self, each: &mut dyn FnMut(&str));

    /// The columns that it names without an expression.
    fn columns(&self, each: &mut dyn FnMut(&str)) {
        let _ = each;
    }

    /// Gives it another name; of a segment, another id.
    fn set_name(&mut self, name: &Arc<str>);

    /// Puts other names in the places of those that it reads.
    fn rename(&mut self, renames: &Renames<'_>);

    /// Its content without name, label and description, with expressions in canonical form: equal texts are duplicates.
    fn canonical_text(&self) -> String;

    /// Compiles it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it but its name.
    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>>;

    /// Itself in the list of its kind.
    fn to_json(&self) -> Json;
}

/// What all definitions of a kind have in common.
pub(crate) trait Kind: Define + Sized {
    /// The kind in stored form.
    const CODE: &'static str;
    /// The kind in the words of a user.
    const WORD: &'static str;
    /// The list of documents in which definitions of this kind stand.
    const LIST: &'static str;
    const NAMESPACE: Namespace;

    /// Reads one of the list. Every fault is noted.
    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self>;
}

/// What is read by other names.
pub(crate) struct Renames<'r> {
    /// An expression with all of them.
    pub(crate) expression: &'r dyn Fn(&str) -> Arc<str>,
    /// The new name of what is named without an expression; `None` where it keeps its own.
    pub(crate) named: &'r dyn Fn(Named, &str) -> Option<Arc<str>>,
    /// The new text of a value that is compared with what an expression gives; `None` where it keeps its own.
    pub(crate) value: &'r dyn Fn(&str, &str) -> Option<Arc<str>>,
}

/// What a definition names without an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Column,
    Table,
    Event,
    AccountType,
}

impl Renames<'_> {
    /// Puts the new name in the place of an old one.
    pub(crate) fn name(&self, name: &mut Arc<str>, of: Named) {
        if let Some(new) = (self.named)(of, name) {
            *name = new;
        }
    }
}

/// An expression in canonical form; one that cannot be read as it is.
pub(crate) fn canonical(text: &str) -> String {
    crate::expr::Ast::parse(text).map_or_else(|_| text.to_owned(), |ast| ast.to_string())
}

/// As JSON. Definitions hold nothing that JSON does not.
fn json(of: &impl serde::Serialize) -> Json {
    serde_json::to_value(of).unwrap_or(Json::Null)
}
