//! How is a catalog stored?
//!
//! `{"v":1,"parameters":[..],"attributes":[..],"past":[..],"metrics":[..],"roll_ups":[..],"rankings":[..],"segments":[..],
//! "custom":[..]}`: one document, or several, whose definitions are put together.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::Catalog;
use super::compile::{Candidate, Words, validate_beside};
use super::definition::{CUSTOM, Definition, DefinitionKind, DefinitionRef, LISTS};
use super::edit::Ground;
use super::fault::{CatalogFault, CatalogFaultKind};
use super::names::{Assumed, CatalogNames};
use crate::aggregate::UsageSchema;
use crate::define::CustomKinds;
use crate::expr::ExprLimits;
use crate::model::{At, Faults, Fields, JsonDocument, JsonFault, Place, Schema, Zones};

/// The version of the document that this release writes, and the only one that it reads.
pub const CATALOG_VERSION: u64 = crate::model::DOCUMENT_VERSION;

/// The fields of a [`Manifest`](super::Manifest) that hold no definitions.
pub(super) const EVENTS: &str = "events";
pub(super) const USAGE: &str = "usage";

/// A fault of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document}: {}{message}", At(path))]
pub struct DocumentFault {
    /// Which of the documents, from 0.
    pub document: usize,
    /// Where, as a JSON pointer.
    pub path: String,
    /// Why.
    pub message: String,
}

/// Everything that is wrong with documents, in their order.
pub type DocumentErrors = Faults<DocumentFault>;

impl Catalog {
    /// Its definitions as one document.
    ///
    /// ```
    /// use perennial::aggregate::UsageSchema;
    /// use perennial::catalog::{CalculatedAttribute, Catalog};
    /// use perennial::{Attribute, AttributeType, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?
    ///     .into();
    /// let usage = UsageSchema::new([])?;
    /// let catalog = Catalog::new(&schema, &usage, [CalculatedAttribute::new("twice", "seats * 2").into()])?;
    /// let text = catalog.to_json().to_string();
    /// assert_eq!(text, r#"{"attributes":[{"expression":"seats * 2","name":"twice"}],"v":1}"#);
    ///
    /// let definitions = Catalog::read([text.as_str()])?;
    /// assert_eq!(definitions, catalog.definitions());
    /// let errors = Catalog::read([r#"{"v":1,"attribute":[],"roll_ups":[{"name":"x"},{"name":"y","operator":"sum"}]}"#]).unwrap_err();
    /// assert_eq!(errors.faults().len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Json {
        Self::document(self.given())
    }

    /// Definitions as one document.
    #[must_use]
    pub fn document<'d>(definitions: impl IntoIterator<Item = &'d Definition>) -> Json {
        let mut lists: Map<String, Json> = Map::new();
        for definition in definitions {
            let list = lists.entry(definition.list()).or_insert_with(|| json!([]));
            if let Json::Array(items) = list {
                items.push(definition.as_define().to_json());
            }
        }
        lists.insert("v".to_owned(), json!(CATALOG_VERSION));
        Json::Object(lists)
    }

    /// The same in their order, of whatever kinds they are: a document, or a list of documents where one would put them in another order.
    pub(crate) fn in_order(definitions: &[Definition]) -> Json {
        let place =
            |of: &Definition| LISTS.iter().position(|(list, ..)| *list == of.list()).unwrap_or(LISTS.len());
        let runs = definitions.chunk_by(|one, next| place(one) <= place(next));
        let mut documents: Vec<Json> = runs.map(Self::document).collect();
        if documents.len() > 1 {
            return Json::Array(documents);
        }
        documents.pop().unwrap_or_else(|| Self::document([]))
    }

    /// Reads the definitions of documents. They are checked by [`Catalog::new`].
    ///
    /// # Errors
    ///
    /// Every fault of every document, each with its place: fields that are unknown or there twice, values of another
    /// type, expressions of segments that cannot be read; also kinds of event and settings of usage, which are read with
    /// [`Manifest::read`](super::Manifest::read).
    pub fn read<'t>(documents: impl IntoIterator<Item = &'t str>) -> Result<Vec<Definition>, DocumentErrors> {
        Self::read_with(&CustomKinds::new(), documents)
    }

    /// The same with kinds of the host's own, which stand in the list `custom`.
    ///
    /// # Errors
    ///
    /// As [`Catalog::read`]; also a kind that is not among them, with those that are, and one of another version or with other outputs
    /// than the document was written with.
    pub fn read_with<'t>(
        kinds: &CustomKinds,
        documents: impl IntoIterator<Item = &'t str>,
    ) -> Result<Vec<Definition>, DocumentErrors> {
        let (mut faults, mut found) = (DocumentErrors::none(), Found::default());
        read_all(kinds, documents, &mut found, &mut faults);
        faults.or(Some(found.definitions))
    }

    /// Reads the definitions of documents and checks them together, as [`Catalog::read_with`] and [`Catalog::within`] do, with the faults of both at
    /// once. A definition that cannot be read keeps no other from being checked, and what reads it has no fault for that.
    ///
    /// ```
    /// use perennial::aggregate::UsageSchema;
    /// use perennial::catalog::{Catalog, CustomKinds};
    /// use perennial::expr::ExprLimits;
    /// use perennial::{Attribute, AttributeType, FixedZones, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?
    ///     .into();
    /// let load = |text: &str| {
    ///     let (kinds, limits) = (CustomKinds::new(), ExprLimits::default());
    ///     Catalog::load(&schema, &UsageSchema::default(), &FixedZones, &limits, &kinds, [text])
    /// };
    /// let text = r#"{ "v": 1,
    ///     "roll_ups": [{ "name": "all_seats", "operator": { "summ": "seats" } }],
    ///     "attributes": [{ "name": "share", "expression": "ratio(seats, all_seats)" }, { "name": "twice", "expression": "seatz * 2" }] }"#;
    /// assert_eq!(
    ///     load(text).unwrap_err().to_string(),
    ///     "document 0: at `/roll_ups/0/operator`: unknown operator `summ`; did you mean `sum`?\n\
    ///      document 0: at `/attributes/1`: E101 seatz * 2\n     ^^^^^ did you mean `seats` (whole number)? [replace by `seats`]",
    /// );
    /// assert_eq!(load(&text.replace("summ", "sum").replace("seatz", "seats"))?.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Catalog::read_with`], and behind these everything that is wrong with the definitions that can be read, each at the place
    /// of its definition.
    pub fn load<'t>(
        schema: &Arc<Schema>,
        usage: &UsageSchema,
        zones: &dyn Zones,
        limits: &ExprLimits,
        kinds: &CustomKinds,
        documents: impl IntoIterator<Item = &'t str>,
    ) -> Result<Self, DocumentErrors> {
        let (mut faults, mut found) = (DocumentErrors::none(), Found::default());
        read_all(kinds, documents, &mut found, &mut faults);
        let ground = Ground { schema, usage, zones, limits };
        if faults.is_empty() {
            let definitions = found.definitions.iter().cloned();
            return Self::fresh(ground, definitions, Words::Refused).map_err(|errors| {
                faults.append(errors, |fault| found.placed(&fault));
                faults
            });
        }
        for fault in found.check(ground) {
            faults.add(|| found.placed(&fault));
        }
        Err(faults)
    }
}

/// What documents hold.
#[derive(Default)]
pub(super) struct Found {
    pub(super) definitions: Vec<Definition>,
    /// Where each of them is: the number of its document, and its place there.
    places: Vec<(usize, String)>,
    /// Those that could not be read, whose names could.
    unreadable: Vec<DefinitionRef>,
    document: usize,
}

impl Found {
    /// What is wrong with the definitions beside those that could not be read.
    pub(super) fn check(&self, ground: Ground<'_>) -> Vec<CatalogFault> {
        let Ground { schema, usage, zones, limits } = ground;
        let all = self.definitions.iter().cloned();
        let given: Vec<Candidate> =
            all.flat_map(|definition| Candidate::all_of(definition, Words::Refused)).collect();
        let bare = CatalogNames::bare(schema, usage, Assumed::default());
        validate_beside(&bare, zones, limits, &given, &self.unreadable).faults
    }

    /// A fault at the place of its definition.
    pub(super) fn placed(&self, fault: &CatalogFault) -> DocumentFault {
        let mut own = self
            .definitions
            .iter()
            .zip(&self.places)
            .filter(|(definition, _)| definition.id() == fault.definition);
        // Of two with one name the later is at fault.
        let place = match fault.kind {
            CatalogFaultKind::Duplicate => own.next_back(),
            _ => own.next(),
        };
        let (document, path) = place.map(|(_, place)| place.clone()).unwrap_or_default();
        DocumentFault { document, path, message: fault.what() }
    }
}

fn read_all<'t>(
    kinds: &CustomKinds,
    documents: impl IntoIterator<Item = &'t str>,
    found: &mut Found,
    faults: &mut DocumentErrors,
) {
    for (document, text) in documents.into_iter().enumerate() {
        found.document = document;
        let mut own: Faults<JsonFault> = Faults::none();
        if let Some(json) = JsonDocument::parse(text, &mut own) {
            read(&json.value, kinds, found, &mut own);
        }
        faults.append(own, |fault| DocumentFault {
            document,
            path: fault.path,
            message: fault.kind.to_string(),
        });
    }
}

fn read(json: &Json, kinds: &CustomKinds, found: &mut Found, faults: &mut Faults<JsonFault>) {
    let Some(fields) = document(json, &[EVENTS, USAGE], faults) else { return };
    for name in [EVENTS, USAGE].into_iter().filter(|name| fields.has(name)) {
        faults.refuse_as(
            &fields.at(name),
            "it is of a manifest, and no definition: read the document with `Manifest::read`",
        );
    }
    read_lists(&fields, kinds, found, faults);
}

/// The fields of a document of definitions, which may have others beside its lists.
pub(super) fn document<'j>(
    json: &'j Json,
    others: &[&'static str],
    faults: &mut Faults<JsonFault>,
) -> Option<Fields<'j, 'static>> {
    let lists = LISTS.iter().map(|(list, ..)| *list);
    let known = std::iter::once("v").chain(lists).chain([CUSTOM]).chain(others.iter().copied());
    Fields::document(json, CATALOG_VERSION, &known.collect::<Vec<_>>(), faults)
}

/// Reads all definitions of a document.
pub(super) fn read_lists(
    fields: &Fields<'_, '_>,
    kinds: &CustomKinds,
    found: &mut Found,
    faults: &mut Faults<JsonFault>,
) {
    for (name, kind, read) in LISTS {
        each(fields, (name, kind), found, faults, read);
    }
    // All kinds of a host have their names in common, so that the word of the kind does not matter.
    let kind = DefinitionKind::Custom(Arc::from(CUSTOM));
    each(fields, (CUSTOM, &kind), found, faults, |item, place, faults| {
        kinds.read(item, place, faults).map(Definition::Custom)
    });
}

/// Reads a list, item by item.
fn each(
    fields: &Fields<'_, '_>,
    (name, kind): (&str, &DefinitionKind),
    found: &mut Found,
    faults: &mut Faults<JsonFault>,
    read: impl Fn(&Json, Place<'_>, &mut Faults<JsonFault>) -> Option<Definition>,
) {
    let list = fields.at(name);
    let items = fields.list(name, faults).unwrap_or_default().iter().enumerate();
    for (number, item) in items {
        let place = list.item(number);
        match read(item, place, faults) {
            Some(definition) => {
                found.definitions.push(definition);
                found.places.push((found.document, place.to_string()));
            }
            None => {
                let name = item.get("id").or_else(|| item.get("name")).and_then(Json::as_str);
                found.unreadable.extend(name.map(|name| DefinitionRef::new(kind.clone(), name)));
            }
        }
    }
}
