//! The schema changes: what follows for the definitions?

use std::sync::Arc;

use super::Catalog;
use super::compile::Words;
use super::definition::{Definition, DefinitionRef};
use super::edit::{Ground, Removed};
use super::entry::Entry;
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
use super::lineage::{Impact, Origin};
use super::rewrite::{NewNames, changed_meaning, rewritten};
use crate::define::{DefinitionFault, Named, Renames};
use crate::expr::{Type, without_needless_backticks};
use crate::model::{
    Attribute, AttributeId, FixedZones, Migration, Schema, SchemaChange, SchemaChangeErrors, Zones,
};

/// An attribute that has another type.
#[derive(Debug, Clone, PartialEq)]
pub struct Retyped {
    /// The attribute, by its new name.
    pub attribute: Arc<str>,
    /// What it was.
    pub from: Type,
    /// What it is.
    pub to: Type,
    /// Who reads it.
    pub impact: Vec<Impact>,
}

/// What a change of the schema came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Evolved {
    /// The catalog over the new schema.
    pub catalog: Catalog,
    /// Attributes that are new.
    pub added: Vec<Arc<str>>,
    /// Attributes that are gone; nobody reads them.
    pub removed: Vec<Arc<str>>,
    /// Attributes by another name, and those who read them.
    pub renamed: Vec<(Arc<str>, Arc<str>, Vec<Impact>)>,
    /// Attributes of another type, and those who read them.
    pub retyped: Vec<Retyped>,
    /// Definitions that say something else now, since what they read has another name.
    pub rewritten: Vec<DefinitionRef>,
}

/// Why definitions do not go over to another schema.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogEvolveError {
    /// The change makes no schema of that of the catalog.
    #[error("the change of the schema is at fault: {0}")]
    Change(#[from] SchemaChangeErrors),
    /// Definitions that would no longer make sense.
    #[error(transparent)]
    Definitions(#[from] CatalogErrors),
}

impl Catalog {
    /// The definitions over another schema; the catalog itself stays as it is. Where a part has another name, each expression that reads
    /// it is rewritten, and nothing else that is called so: attributes, tables, columns, kinds of event with their properties and measures,
    /// account types, products and allowed values. All names change at once, so that two may be exchanged.
    ///
    /// A text that is compared with an allowed value as a text (`string(stage)`, `stage.startsWith(..)`) is no allowed value, and is left
    /// as it is.
    ///
    /// ```
    /// use perennial::aggregate::UsageSchema;
    /// use perennial::catalog::{CalculatedAttribute, Catalog};
    /// use perennial::{Attribute, AttributeType, Nesting, Schema, SchemaChange, SchemaPart};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let twice = CalculatedAttribute::new("twice", "seats * 2");
    /// let catalog = Catalog::new(&schema.into(), &UsageSchema::default(), [twice.into()])?;
    ///
    /// let change = SchemaChange::new().rename(SchemaPart::attribute("seats"), "licences");
    /// let evolved = catalog.evolve(&change)?;
    /// assert_eq!((evolved.renamed.len(), evolved.rewritten.len()), (1, 1));
    ///
    /// let change = SchemaChange::new().attribute(Attribute::new("seats", AttributeType::Text));
    /// let errors = catalog.evolve(&change).unwrap_err();
    /// assert!(errors.to_string().starts_with("calculated attribute `twice`: E103"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CatalogEvolveError`]: all that is wrong with the change; or every definition that would no longer make sense.
    ///
    /// # Complexity
    ///
    /// Where attributes, tables and columns stay at their places, and account types, products and statuses what they are: that of
    /// [`Catalog::edited`] for the definitions that read what is declared otherwise. Else that of a new catalog.
    pub fn evolve(&self, change: &SchemaChange) -> Result<Evolved, CatalogEvolveError> {
        self.evolve_within(&FixedZones, change)
    }

    /// The same with zones of the host.
    ///
    /// # Errors
    ///
    /// As [`Catalog::evolve`].
    pub fn evolve_within(
        &self,
        zones: &dyn Zones,
        change: &SchemaChange,
    ) -> Result<Evolved, CatalogEvolveError> {
        let migration = change.migration(self.schema(), Some(self.usage_schema()))?;
        let rewritten = self.rewritten(&migration, &|_| false)?;
        let usage = migration.events.as_ref().map_or(self.usage_schema(), |events| &events.schema);
        let ground = Ground { schema: &migration.schema, usage, zones, limits: &self.limits };
        let ids = rewritten.iter().map(Definition::id).collect();
        let catalog = self.next(ground, Words::Kept, Removed::These(&[]), rewritten)?;
        self.means_the_same(&catalog, &migration, &|_| false)?;
        let (old, new) = (self.schema(), &migration.schema);
        let name = |schema: &Schema, at: usize| -> Option<Arc<str>> {
            Some(Arc::from(schema.attribute_at(AttributeId::new(at))?.name()))
        };
        let impact = |name: &Arc<str>| self.impact(&Origin::Attribute(name.clone()));
        let (mut added, mut renamed, mut retyped) = (Vec::new(), Vec::new(), Vec::new());
        let mut kept = vec![false; old.attributes().len()];
        for (now, moved) in new.attributes().zip(&migration.attributes) {
            let Some(at) = moved.before else {
                added.push(Arc::from(now.name()));
                continue;
            };
            if let Some(kept) = kept.get_mut(at) {
                *kept = true;
            }
            let (Some(was), Some(before)) = (name(old, at), old.attribute_at(AttributeId::new(at))) else {
                continue;
            };
            if *was != *now.name() {
                renamed.push((was.clone(), Arc::from(now.name()), impact(&was)));
            }
            let (from, to) = (Type::of_attribute(before.kind()), Type::of_attribute(now.kind()));
            if from != to {
                retyped.push(Retyped { attribute: Arc::from(now.name()), from, to, impact: impact(&was) });
            }
        }
        let gone = old.attributes().map(Attribute::name).zip(&kept).filter(|(_, kept)| !**kept);
        let removed = gone.map(|(name, _)| Arc::from(name)).collect();
        Ok(Evolved { catalog, added, removed, renamed, retyped, rewritten: ids })
    }

    /// The definitions that say something else under another schema, rewritten; those are left out that are removed or replaced.
    pub(crate) fn rewritten(
        &self,
        migration: &Migration,
        is_left_out: &dyn Fn(&DefinitionRef) -> bool,
    ) -> Result<Vec<Definition>, CatalogErrors> {
        let renames = &migration.renames;
        if renames.is_empty() {
            return Ok(Vec::new());
        }
        let all = self.with_names(&NewNames::of_schema(renames), &|_| None, is_left_out)?;
        let known = |now: &Definition| self.definition(&now.id()).is_some_and(|known| known.is_same(now));
        Ok(all.into_iter().filter(|now| !known(now)).collect())
    }

    /// All definitions in their order with new names in the places of old ones that they read, and names of their own where some are given;
    /// `own` says that of an entry.
    pub(super) fn with_names(
        &self,
        names: &NewNames<'_>,
        own: &dyn Fn(&Entry) -> Option<Arc<str>>,
        is_left_out: &dyn Fn(&DefinitionRef) -> bool,
    ) -> Result<Vec<Definition>, CatalogErrors> {
        let entries = &self.names.entries;
        let (mut all, mut faults) = (Vec::new(), Vec::new());
        let named = |entry: &Entry| {
            let mut now = rewritten(entry, names)?;
            if let Some(name) = own(entry) {
                now.as_define_mut().set_name(&name);
            }
            Ok::<_, CatalogFault>(now)
        };
        for entry in entries.given().into_iter().filter(|entry| entry.bringer.is_none()) {
            if is_left_out(&entry.id) {
                continue;
            }
            let now = match named(entry) {
                Ok(now) => now,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            // What a definition brings is generated from it again, after its texts were rewritten: a name that the kind writes by itself
            // would stay, so that this is refused.
            let brought: Result<Vec<Definition>, CatalogFault> =
                entries.all_of(&entry.id).skip(1).map(|brought| named(brought)).collect();
            match brought {
                Ok(old) => faults.extend(brings_others(&entry.definition, &now, &old)),
                Err(fault) => faults.push(fault),
            }
            all.push(now);
        }
        if faults.is_empty() { Ok(all) } else { Err(CatalogErrors::new(faults)) }
    }
}

impl Catalog {
    /// What stays of these definitions under another schema must mean what it meant, but for those that are removed or replaced.
    pub(crate) fn means_the_same(
        &self,
        next: &Self,
        migration: &Migration,
        is_left_out: &dyn Fn(&DefinitionRef) -> bool,
    ) -> Result<(), CatalogErrors> {
        let names = NewNames::of_schema(&migration.renames);
        self.reads_the_same(next, &names, &|_| None, is_left_out)
    }

    /// What stays of these definitions must read what it read, by its new name.
    pub(super) fn reads_the_same(
        &self,
        next: &Self,
        names: &NewNames<'_>,
        own: &dyn Fn(&Entry) -> Option<Arc<str>>,
        is_left_out: &dyn Fn(&DefinitionRef) -> bool,
    ) -> Result<(), CatalogErrors> {
        let entries = &next.names.entries;
        let now = |entry: &Entry| match own(entry) {
            Some(name) => entries.get(&DefinitionRef { kind: entry.id.kind.clone(), name }),
            None => entries.get(&entry.id),
        };
        let left_out =
            |entry: &Entry| is_left_out(&entry.id) || entry.bringer.as_ref().is_some_and(is_left_out);
        let stay = self.names.entries.iter().filter(|entry| !left_out(entry));
        let faults = stay.filter_map(|before| changed_meaning(before, now(before)?, names));
        let faults: Vec<CatalogFault> = faults.collect();
        if faults.is_empty() { Ok(()) } else { Err(CatalogErrors::new(faults)) }
    }
}

/// The fault of a definition that brings others which name what it does not name itself, so that they keep the old names.
fn brings_others(before: &Definition, now: &Definition, renamed: &[Definition]) -> Option<CatalogFault> {
    let new: Vec<Definition> = now.as_define().brings().into_iter().map(Definition::from).collect();
    let is_same = |(renamed, new): (&Definition, &Definition)| {
        with_plain_names(renamed).is_same(&with_plain_names(new))
    };
    let same = renamed.len() == new.len() && renamed.iter().zip(&new).all(is_same);
    let why = "what it brings names attributes that it does not name itself, which cannot be renamed";
    let kind = CatalogFaultKind::Invalid(DefinitionFault::Other(why.to_owned()));
    (!same).then(|| CatalogFault { definition: before.id(), kind })
}

/// The definition with backticks in its expressions only around names that need them: a kind writes them around a name that may be any, and
/// a rewritten text has those of the new name. What is read in either way is compared once the definitions are checked.
fn with_plain_names(definition: &Definition) -> Definition {
    let expression = |text: &str| Arc::from(without_needless_backticks(text));
    let mut plain = definition.clone();
    let (named, value) = (|_: Named, _: &str| None, |_: &str, _: &str| None);
    plain.as_define_mut().rename(&Renames { expression: &expression, named: &named, value: &value });
    plain
}
