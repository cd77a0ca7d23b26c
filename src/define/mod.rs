//! What is a definition, whatever its kind?
//!
//! A definition has a name, says what it reads, and compiles to one of four forms ([`Form`]): a function of one account, a merge
//! up the tree, a pass over the whole book, or a name without a column. That is all that a catalog and an engine know of it.
//! A kind of definition is a room of its own, here or in a module above this one, that implements [`Define`] and [`Kind`]; the one
//! list of kinds stands in the catalog.

mod attribute;
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
mod roll_up;
mod shape;

use std::sync::Arc;

use serde_json::Value as Json;

pub use self::attribute::CalculatedAttribute;
pub(crate) use self::checking::Checking;
pub use self::custom::{
    Custom, CustomInput, CustomInputs, CustomKind, CustomKinds, CustomOutput, CustomPart, InputType,
    InputValue, MAX_CUSTOM_INPUTS, MAX_CUSTOM_OUTPUTS, MAX_CUSTOM_PARTS, TakenKind,
};
pub use self::fault::{DefinitionFault, PartPlace};
pub(crate) use self::form::{
    Compiled, Form, Input, Output, RecordWanted, RowForm, RowPart, TotalBy, WholeForm,
};
pub(crate) use self::function::{Argument, Arguments, RowFunction, WholeFunction};
pub use self::parameter::{Parameter, ParameterType};
pub use self::past::PastValue;
pub(crate) use self::shape::Shape;
use crate::expr::{NameText, Type};
use crate::model::{Faults, JsonFault, Place};

/// How a definition is read: as an attribute of accounts is, by `metric("..")`, or by `inSegment("..")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Space {
    Columns,
    Metrics,
    Segments,
}

/// A column that a definition gives below its name, declared before its inputs are checked: who reads what was recorded of it
/// need not wait for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    /// What stands behind the name and its dot.
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

    /// The columns that it gives below its name, which then reserves all names below it; none where it gives one by its own
    /// name, whose type is known once it is checked.
    fn below(&self) -> Vec<Declared> {
        Vec::new()
    }

    /// The type of the column that it gives by its own name, where that is known before it is checked.
    fn own(&self) -> Option<Type> {
        None
    }

    /// Its expressions, as written.
    fn expressions(&self, each: &mut dyn FnMut(&str));

    /// The columns that it names without an expression.
    fn columns(&self, each: &mut dyn FnMut(&str)) {
        let _ = each;
    }

    /// Attributes of accounts have other names.
    fn rename(&mut self, renames: &Renames<'_>);

    /// All that it says but for its name and what people read of it, for those that say the same: texts in canonical form.
    fn said(&self) -> String;

    /// What it means; else all that is wrong with it but its name.
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
    const SPACE: Space;

    /// Reads one of the list. Every fault is noted.
    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self>;
}

/// Attributes of accounts by other names.
pub(crate) struct Renames<'r> {
    /// An expression with all of them.
    pub(crate) expression: &'r dyn Fn(&str) -> Arc<str>,
    /// The new name of one.
    pub(crate) name: &'r dyn Fn(&str) -> Option<Arc<str>>,
}

/// An expression in canonical form; one that cannot be read as it is.
pub(crate) fn canonical(text: &str) -> String {
    crate::expr::Ast::parse(text).map_or_else(|_| text.to_owned(), |ast| ast.to_string())
}

/// As JSON. Definitions hold nothing that JSON does not.
fn json(of: &impl serde::Serialize) -> Json {
    serde_json::to_value(of).unwrap_or(Json::Null)
}
