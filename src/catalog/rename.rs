//! How is a definition renamed, with everything that reads it?
//!
//! Ruling S137 of [`docs::semantics`](crate::docs::semantics).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Catalog;
use super::compile::{Words, reserved_words};
use super::definition::DefinitionRef;
use super::edit::{Ground, Removed};
use super::entry::Entry;
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
use super::records::Records;
use super::rewrite::NewNames;
use crate::define::Namespace;
use crate::model::{FixedZones, SchemaRenames, Zones};

/// A catalog in which a definition has another name.
pub(crate) struct Renamed {
    pub(crate) catalog: Catalog,
    /// The definition by its new name.
    pub(crate) definition: DefinitionRef,
    /// The columns that have other names: new by old.
    columns: HashMap<Arc<str>, Arc<str>>,
}

impl Catalog {
    /// The catalog in which a definition has another name; of a segment it is the id. All that reads it is rewritten: expressions, past values, inputs of
    /// kinds of the host's own, recorded columns. So are the names below its own: `fitness.score` for `health.score`. It keeps its place among the
    /// definitions. The catalog itself stays as it is.
    ///
    /// ```
    /// use perennial::aggregate::UsageSchema;
    /// use perennial::catalog::{CalculatedAttribute, Catalog, DefinitionRef};
    /// use perennial::{Attribute, AttributeType, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?
    ///     .into();
    /// let attribute = |name: &str, text: &str| CalculatedAttribute::new(name, text).into();
    /// let all = [attribute("twice", "seats * 2"), attribute("more", "parent.twice + twice")];
    /// let catalog = Catalog::new(&schema, &UsageSchema::default(), all)?;
    ///
    /// let twice = DefinitionRef::attribute("twice");
    /// let next = catalog.renamed(&twice, "doubled")?;
    /// assert_eq!(next.definitions(), [attribute("doubled", "seats * 2"), attribute("more", "parent.doubled + doubled")]);
    ///
    /// let errors = catalog.renamed(&twice, "more").unwrap_err();
    /// assert_eq!(errors.to_string(), "calculated attribute `more`: another definition has the name");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CatalogErrors`]: there is no such definition, or another one brings it; the name is none, taken or reserved; or something that reads it
    /// cannot be rewritten, or would read something else.
    ///
    /// # Complexity
    ///
    /// That of [`Catalog::exactly`], and of a look at each expression.
    pub fn renamed(&self, definition: &DefinitionRef, to: &str) -> Result<Self, CatalogErrors> {
        self.renamed_within(&FixedZones, definition, to)
    }

    /// The same with zones of the host, which must be those that the catalog was made with.
    ///
    /// # Errors
    ///
    /// As [`Catalog::renamed`].
    pub fn renamed_within(
        &self,
        zones: &dyn Zones,
        definition: &DefinitionRef,
        to: &str,
    ) -> Result<Self, CatalogErrors> {
        let (schema, usage, limits) = (self.schema(), self.usage_schema(), &*self.limits);
        let renamed = self.with_name(Ground { schema, usage, zones, limits }, definition, to)?;
        Ok(renamed.catalog)
    }

    /// The same, with what it means for records.
    pub(crate) fn with_name(
        &self,
        ground: Ground<'_>,
        id: &DefinitionRef,
        to: &str,
    ) -> Result<Renamed, CatalogErrors> {
        let fault =
            |id: &DefinitionRef, kind| Err(CatalogErrors::one(CatalogFault { definition: id.clone(), kind }));
        let entries = &self.names.entries;
        match entries.get(id).map(|entry| &entry.bringer) {
            None => return fault(id, CatalogFaultKind::NotDefined),
            Some(Some(bringer)) => return fault(id, CatalogFaultKind::BroughtBy(bringer.clone())),
            Some(None) => {}
        }
        let definition = DefinitionRef { kind: id.kind.clone(), name: Arc::from(to) };
        if *id == definition {
            return Ok(Renamed { catalog: self.clone(), definition, columns: HashMap::new() });
        }
        // Put in the place of another it would be a change of that one.
        if entries.get(&definition).is_some_and(|taken| taken.written() != id) {
            return fault(&definition, CatalogFaultKind::Duplicate);
        }
        let none = SchemaRenames::default();
        let mut names = NewNames::of_schema(&none);
        names.add(self, id, to);
        let own = |entry: &Entry| if entry.written() == id { id.renamed(&entry.id.name, to) } else { None };
        let all = self.with_names(&names, &own, &|_| false)?;
        reserved_words(all.iter().filter(|of| of.id() == definition))?;
        // Those that came with a journal may have names that are refused today.
        let catalog = self.next(ground, Words::Kept, Removed::AllOthers(&[]), all)?;
        self.reads_the_same(&catalog, &names, &own, &|_| false)?;
        let catalog = catalog.with_identity(self, id, &definition);
        Ok(Renamed { catalog, definition, columns: names.columns })
    }
}

impl Catalog {
    /// The columns that have other names where definitions are renamed: new by old.
    pub(crate) fn renamed_columns(
        &self,
        renamed: &[(DefinitionRef, DefinitionRef)],
    ) -> HashMap<Arc<str>, Arc<str>> {
        let none = SchemaRenames::default();
        let mut names = NewNames::of_schema(&none);
        renamed.iter().for_each(|(was, is)| names.add(self, was, &is.name));
        names.columns
    }
}

impl NewNames<'_> {
    /// Adds the names of a definition, which is called `to` from now on, and those below it.
    pub(super) fn add(&mut self, catalog: &Catalog, id: &DefinitionRef, to: &str) {
        for (key, _) in catalog.names.entries.names().filter(|(_, placed)| placed.entry.written() == id) {
            let of = match key.namespace() {
                Namespace::Columns => &mut self.columns,
                Namespace::Metrics => &mut self.metrics,
                Namespace::Segments => &mut self.segments,
                Namespace::Records => continue,
            };
            if let Some(renamed) = id.renamed(key.name(), to) {
                of.insert(Arc::from(key.name()), renamed);
            }
        }
    }
}

impl Renamed {
    /// New names of columns under which others were recorded, which are no more.
    pub(crate) fn left(&self, records: &Records) -> HashSet<Arc<str>> {
        let is_left =
            |name: &&Arc<str>| !self.columns.contains_key(*name) && records.last_day(name).is_some();
        self.columns.values().filter(is_left).cloned().collect()
    }

    /// What was recorded, by the new names. Days that were recorded under a new name, of a column that is no more, go.
    pub(crate) fn records(&self, records: &Records) -> Records {
        records.evolved(&self.columns, &self.left(records), &|_| false, &|_, value| Some(value))
    }
}
