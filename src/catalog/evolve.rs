//! The schema changes: what follows?

use std::collections::HashMap;
use std::sync::Arc;

use super::Catalog;
use super::compile::Words;
use super::definition::Definition;
use super::edit::Ground;
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
use super::lineage::{Impact, Origin};
use super::mentions::renamed;
use crate::aggregate::UsageSchema;
use crate::define::{DefinitionFault, Renames};
use crate::expr::Type;
use crate::model::{Schema, Zones};

/// An attribute that has another type.
#[derive(Debug, Clone, PartialEq)]
pub struct Retyped {
    /// The attribute.
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
    /// Attributes by another name, and those who read them, whose expressions were rewritten.
    pub renamed: Vec<(Arc<str>, Arc<str>, Vec<Impact>)>,
    /// Attributes of another type, and those who read them.
    pub retyped: Vec<Retyped>,
}

impl Catalog {
    /// The catalog over another schema. `renames` are attributes by their old and new names: the expressions that read
    /// them are rewritten, all at once, so that two attributes may exchange their names. The catalog itself stays as it is.
    ///
    /// ```
    /// use perennial::aggregate::UsageSchema;
    /// use perennial::catalog::{CalculatedAttribute, Catalog};
    /// use perennial::{Attribute, AttributeType, Nesting, Schema};
    /// use std::sync::Arc;
    ///
    /// let with = |attribute: &str, kind: AttributeType| {
    ///     let builder = Schema::builder().account_type("Company", Nesting::Free);
    ///     builder.attribute(Attribute::new(attribute, kind)).build().map(Arc::new)
    /// };
    /// let usage = UsageSchema::new([])?;
    /// let twice = CalculatedAttribute::new("twice", "seats * 2");
    /// let catalog = Catalog::new(&with("seats", AttributeType::Int)?, &usage, [twice.into()])?;
    ///
    /// let evolved = catalog.evolve(&with("licences", AttributeType::Int)?, &usage, &[("seats", "licences")])?;
    /// assert_eq!(evolved.renamed.len(), 1);
    /// assert!(evolved.catalog.lineage(&evolved.catalog.order().next().ok_or("none")?.clone()).is_some());
    ///
    /// let errors = catalog.evolve(&with("seats", AttributeType::Text)?, &usage, &[]).unwrap_err();
    /// assert!(errors.to_string().starts_with("calculated attribute `twice`: E103"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every definition that would no longer make sense.
    pub fn evolve(
        &self,
        schema: &Arc<Schema>,
        usage: &UsageSchema,
        renames: &[(&str, &str)],
    ) -> Result<Evolved, CatalogErrors> {
        self.evolve_within(schema, usage, &crate::model::FixedZones, renames)
    }

    /// The same with zones of the host.
    ///
    /// # Errors
    ///
    /// As [`Catalog::evolve`].
    pub fn evolve_within(
        &self,
        schema: &Arc<Schema>,
        usage: &UsageSchema,
        zones: &dyn Zones,
        renames: &[(&str, &str)],
    ) -> Result<Evolved, CatalogErrors> {
        // Where a name is given twice, the first counts.
        let by_old: HashMap<&str, &str> = renames.iter().rev().copied().collect();
        let definitions = self.given().map(|definition| with_names(definition.clone(), &by_old));
        let limits = &*self.limits;
        // What a definition brings is generated from it again, after its texts were renamed: an attribute that the kind names by
        // itself would keep its old name, so that this is refused.
        let astray: Vec<CatalogFault> =
            self.given().filter_map(|before| brings_other_names(before, &by_old)).collect();
        if !astray.is_empty() {
            return Err(CatalogErrors::new(astray));
        }
        let catalog = Self::fresh(Ground { schema, usage, zones, limits }, definitions, Words::Kept)?;
        let old = self.schema();
        let is_renamed =
            |name: &str, side: fn(&(&str, &str)) -> String| renames.iter().any(|pair| side(pair) == name);
        let from = |pair: &(&str, &str)| pair.0.to_owned();
        let to = |pair: &(&str, &str)| pair.1.to_owned();
        let impact = |name: &str| self.impact(&Origin::Attribute(Arc::from(name)));
        let names = |schema: &Schema| -> Vec<Arc<str>> {
            schema.attributes().map(|attribute| Arc::from(attribute.name())).collect()
        };
        let added =
            names(schema).into_iter().filter(|name| old.attribute(name).is_none() && !is_renamed(name, to));
        let removed =
            names(old).into_iter().filter(|name| schema.attribute(name).is_none() && !is_renamed(name, from));
        let retyped = names(schema).into_iter().filter_map(|name| {
            let was = renames.iter().find(|(_, new)| *new == &*name).map_or(&*name, |(old, _)| *old);
            let kind = |schema: &Schema, name: &str| {
                let attribute = schema.attribute(name).and_then(|id| schema.attribute_at(id))?;
                Some(Type::of_attribute(attribute.kind()))
            };
            let (before, after) = (kind(old, was)?, kind(schema, &name)?);
            let impact = impact(was);
            (before != after).then(|| Retyped { impact, attribute: name.clone(), from: before, to: after })
        });
        Ok(Evolved {
            added: added.collect(),
            removed: removed.collect(),
            retyped: retyped.collect(),
            renamed: renames
                .iter()
                .map(|(old, new)| (Arc::from(*old), Arc::from(*new), impact(old)))
                .collect(),
            catalog,
        })
    }
}

/// The fault of a definition that brings others which name attributes that it does not name itself, so that they keep their old names.
fn brings_other_names(before: &Definition, renames: &HashMap<&str, &str>) -> Option<CatalogFault> {
    let brings = |of: &Definition| of.as_define().brings().into_iter().map(Definition::from).collect();
    let old: Vec<Definition> = brings(before);
    if old.is_empty() {
        return None;
    }
    let renamed: Vec<Definition> = old.into_iter().map(|brought| with_names(brought, renames)).collect();
    let new: Vec<Definition> = brings(&with_names(before.clone(), renames));
    let same =
        renamed.len() == new.len() && renamed.iter().zip(&new).all(|(renamed, new)| renamed.is_same(new));
    let why = "what it brings names attributes that it does not name itself, which cannot be renamed";
    let kind = CatalogFaultKind::Invalid(DefinitionFault::Other(why.to_owned()));
    (!same).then(|| CatalogFault { definition: before.id(), kind })
}

fn with_names(mut definition: Definition, renames: &HashMap<&str, &str>) -> Definition {
    let expression = |text: &str| -> Arc<str> { Arc::from(renamed(text, renames)) };
    let name = |name: &str| renames.get(name).map(|new| Arc::from(*new));
    definition.as_define_mut().rename(&Renames { expression: &expression, name: &name });
    definition
}
