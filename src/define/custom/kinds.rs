//! Which kinds may documents and journals name?

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Custom, CustomInput, CustomKind, CustomOutput, CustomPart};
use crate::aggregate::version::first;
use crate::expr::Type;
use crate::model::{Faults, Fields, JsonFault, JsonFaultKind, Place};

/// The kinds of the host's own that documents and journals may name. A kind may be there in several versions, so that what was written
/// with an older one can be read; a document that names no version means the latest.
#[derive(Debug, Clone, Default)]
pub struct CustomKinds {
    by_word: BTreeMap<String, BTreeMap<u64, Arc<dyn CustomKind>>>,
}

/// Two kinds have one word and version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is version {version} of a kind `{word}` already")]
pub struct TakenKind {
    /// The word.
    pub word: String,
    /// The version.
    pub version: u64,
}

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
    /// [`TakenKind`] where another has its word and version.
    pub fn with(mut self, kind: Arc<dyn CustomKind>) -> Result<Self, TakenKind> {
        let (word, version) = (kind.word().to_owned(), kind.version());
        let versions = self.by_word.entry(word.clone()).or_default();
        if versions.contains_key(&version) {
            return Err(TakenKind { word, version });
        }
        versions.insert(version, kind);
        Ok(self)
    }

    /// The latest version of a kind, by its word.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<&Arc<dyn CustomKind>> {
        self.by_word.get(word)?.values().next_back()
    }

    /// Could a definition of a kind be read again?
    #[cfg(feature = "snapshot")]
    pub(crate) fn holds(&self, definition: &Custom) -> bool {
        let kind = &**definition.kind();
        let found = self.by_word.get(kind.word()).and_then(|versions| versions.get(&kind.version()));
        found.is_some_and(|found| {
            gives(&**found) == gives(kind) && found.brings(definition) == kind.brings(definition)
        })
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
            same_outputs(&fields, &**kind, faults);
        }
        let name = fields.needed_text("name", faults);
        let description = fields.kept_text("description", faults);
        let version = fields.whole_number("version", faults).unwrap_or(first());
        let reads = fields.decoded_items::<CustomInput, _>("reads", faults);
        let parts = fields.decoded_items::<CustomPart, _>("parts", faults);
        if faults.count() > before {
            return None;
        }
        let name = Arc::from(name?);
        let read = Custom { name, kind: kind?.clone(), reads, parts, description, version };
        same_brought(&fields, &read, faults);
        Some(read).filter(|_| faults.count() == before)
    }

    fn known(
        &self,
        fields: &Fields<'_, '_>,
        word: &str,
        faults: &mut Faults<JsonFault>,
    ) -> Option<&Arc<dyn CustomKind>> {
        let Some(versions) = self.by_word.get(word) else {
            let none = self.by_word.is_empty().then_some("none");
            let known = none.into_iter().chain(self.by_word.keys().map(String::as_str));
            let unknown = || JsonFaultKind::unknown_word("kind of definition", word, known);
            faults.refuse(&fields.at("kind"), unknown);
            return None;
        };
        if !fields.has("kind_version") {
            return versions.values().next_back();
        }
        let version = fields.whole_number("kind_version", faults)?;
        let kind = versions.get(&version);
        if kind.is_none() {
            let known: Vec<String> = versions.keys().map(u64::to_string).collect();
            let known = known.join(", ");
            let message =
                format!("it was written with version {version} of the kind `{word}`, and here is {known}");
            faults.refuse_as(&fields.at("kind_version"), message);
        }
        kind
    }
}

const FIELDS: [&str; 9] =
    ["kind", "kind_version", "gives", "name", "description", "reads", "parts", "brings", "version"];

/// Notes where a definition was written when its kind brought other definitions with it.
fn same_brought(fields: &Fields<'_, '_>, read: &Custom, faults: &mut Faults<JsonFault>) {
    let written = fields.decoded::<Vec<Json>, _>("brings", faults);
    // What we wrote says what a kind gave, and is silent where nothing was brought; people say neither.
    if written.is_none() && !fields.has("gives") {
        return;
    }
    if written.unwrap_or_default() != read.brought_json() {
        let message = format!("the kind `{}` brings other definitions here", read.kind.word());
        let field = fields.at("brings");
        faults.refuse_as(if fields.has("brings") { &field } else { fields.place() }, message);
    }
}

/// Notes where a definition was written with a kind that has other outputs.
fn same_outputs(fields: &Fields<'_, '_>, kind: &dyn CustomKind, faults: &mut Faults<JsonFault>) {
    let word = kind.word();
    let Some(written) = fields.decoded::<Vec<String>, _>("gives", faults) else { return };
    let own = gives(kind);
    if written != own {
        let message =
            format!("the kind `{word}` gave {}, and gives {} here", written.join(", "), own.join(", "));
        faults.refuse_as(&fields.at("gives"), message);
    }
}

/// The outputs of a kind in words, with all that makes their types others.
pub(super) fn gives(kind: &dyn CustomKind) -> Vec<String> {
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
        Type::Enum(values) | Type::Band(values) | Type::Counts(values) => {
            let values: Vec<&str> = values.iter().map(|value| &**value).collect();
            format!("{of}{}", json!(values))
        }
        other => other.to_string(),
    };
    format!("{}{own}{}", "list(".repeat(lists), ")".repeat(lists))
}
