//! What is added, removed, changed and refused when a list replaces all definitions?

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::Catalog;
use super::compile::Words;
use super::definition::{Definition, DefinitionRef};
use super::edit::{Edit, Ground, Removed};
use super::fault::{CatalogErrors, CatalogFault};
use super::touched::Touched;
use crate::model::{FixedZones, Zones};

/// How the definitions of a catalog differ from those of a list: as data, which can be serialised, and as text, a line each.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CatalogChanges {
    /// Those that are new, in the order of the list.
    pub enters: Vec<DefinitionRef>,
    /// Those that are not in the list.
    pub leaves: Vec<DefinitionRef>,
    /// Those that say something else than before, in the order of the list.
    pub changes: Vec<DefinitionRef>,
    /// Those that say the same as before and read, directly or not, a definition that enters, leaves or changes: their values may change.
    pub touched: Vec<DefinitionRef>,
    /// Columns of which fewer days are kept than before, or none are recorded any more.
    pub keeps_fewer: Vec<FewerDays>,
    /// All that is wrong with the list; while there is anything, it is refused. Serialised as texts.
    #[serde(serialize_with = "as_texts")]
    pub breaks: Vec<CatalogFault>,
}

/// A column of which fewer days are kept. Those that are recorded beyond them are dropped when further days are closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FewerDays {
    /// The column.
    pub column: Arc<str>,
    /// How many days were kept.
    pub from: u32,
    /// How many days are kept; `None` where it is not recorded any more, and what was recorded stays.
    pub to: Option<u32>,
}

impl fmt::Display for FewerDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, from, to } = self;
        match to {
            Some(to) => write!(f, "{to} days of `{column}` in the place of {from}"),
            None => write!(f, "no further days of `{column}`"),
        }
    }
}

fn as_texts<S: Serializer>(faults: &[CatalogFault], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(faults.iter().map(ToString::to_string))
}

impl CatalogChanges {
    /// Does every definition say what it said before, none more and none less, with nothing wrong? They may stand in another order.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { enters, leaves, changes, touched, keeps_fewer, breaks } = self;
        keeps_fewer.is_empty()
            && enters.is_empty()
            && leaves.is_empty()
            && changes.is_empty()
            && touched.is_empty()
            && breaks.is_empty()
    }
}

impl fmt::Display for CatalogChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { enters, leaves, changes, touched, keeps_fewer, breaks } = self;
        let lists = [("enters ", enters), ("leaves ", leaves), ("changes", changes), ("touched", touched)];
        let told = lists.iter().flat_map(|(word, list)| list.iter().map(move |id| format!("{word} {id}")));
        let mut lines: Vec<String> = told.collect();
        lines.extend(keeps_fewer.iter().map(|fewer| format!("keeps   {fewer}")));
        lines.extend(breaks.iter().map(|fault| format!("breaks  {fault}")));
        f.write_str(&lines.join("\n"))
    }
}

impl Catalog {
    /// The catalog that has exactly these definitions, in their order, and no others: as [`Catalog::new`] makes it, while only what is new, what
    /// says something else and what reads such is compiled. The catalog itself stays as it is.
    ///
    /// Definitions that came back with a journal from before their names were refused may stay as they are.
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
    /// let attribute = |name: &str, text: &str| CalculatedAttribute::new(name, text).into();
    /// let catalog = Catalog::new(
    ///     &schema,
    ///     &UsageSchema::default(),
    ///     [attribute("twice", "seats * 2"), attribute("more", "twice + 1"), attribute("half", "seats / 2")],
    /// )?;
    ///
    /// // What a repository or an administrator says the definitions are.
    /// let document = [attribute("twice", "seats * 2.0"), attribute("more", "twice + 1.0"), attribute("four", "seats * 4")];
    /// let told = catalog.changes_to(document.clone()).to_string();
    /// assert_eq!(
    ///     told,
    ///     "enters  calculated attribute `four`
    /// leaves  calculated attribute `half`
    /// changes calculated attribute `twice`
    /// changes calculated attribute `more`",
    /// );
    /// let next = catalog.exactly(document)?;
    /// assert_eq!((next.len(), next.compiled()), (3, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the definitions, as [`Catalog::new`] says it.
    ///
    /// # Complexity
    ///
    /// Linear in all definitions, each of which is compared; only new and changed ones, and those that read them, are compiled.
    pub fn exactly(&self, definitions: impl IntoIterator<Item = Definition>) -> Result<Self, CatalogErrors> {
        self.exactly_within(&FixedZones, definitions)
    }

    /// The same with zones of the host, which must be those that the catalog was made with.
    ///
    /// # Errors
    ///
    /// As [`Catalog::exactly`].
    pub fn exactly_within(
        &self,
        zones: &dyn Zones,
        definitions: impl IntoIterator<Item = Definition>,
    ) -> Result<Self, CatalogErrors> {
        let (schema, usage, limits) = (self.schema(), self.usage_schema(), &*self.limits);
        let ground = Ground { schema, usage, zones, limits };
        self.next(ground, Words::Refused, Removed::AllOthers(&[]), definitions)
    }

    /// Compares the definitions with those of a list, and checks the list: which would enter, leave, change and break with [`Catalog::exactly`].
    ///
    /// # Complexity
    ///
    /// That of [`Catalog::exactly`].
    #[must_use]
    pub fn changes_to(&self, definitions: impl IntoIterator<Item = Definition>) -> CatalogChanges {
        self.changes_to_within(&FixedZones, definitions)
    }

    /// The same with zones of the host, which must be those that the catalog was made with.
    #[must_use]
    pub fn changes_to_within(
        &self,
        zones: &dyn Zones,
        definitions: impl IntoIterator<Item = Definition>,
    ) -> CatalogChanges {
        let (schema, usage, limits) = (self.schema(), self.usage_schema(), &*self.limits);
        self.changes_over(Ground { schema, usage, zones, limits }, definitions).0
    }

    /// The same over other kinds of event, with the catalog that it would be, where nothing is wrong.
    pub(crate) fn changes_over(
        &self,
        ground: Ground<'_>,
        definitions: impl IntoIterator<Item = Definition>,
    ) -> (CatalogChanges, Option<Self>) {
        let definitions: Vec<Definition> = definitions.into_iter().collect();
        let mut changes = CatalogChanges::default();
        let mut listed: HashSet<DefinitionRef> = HashSet::with_capacity(definitions.len());
        for definition in &definitions {
            let id = definition.id();
            // Of two with one name the second is at fault, and told there.
            if !listed.insert(id.clone()) {
                continue;
            }
            match self.definition(&id) {
                None => changes.enters.push(id),
                Some(known) if !known.is_same(definition) => changes.changes.push(id),
                Some(_) => {}
            }
        }
        changes.leaves = self.given().map(Definition::id).filter(|id| !listed.contains(id)).collect();
        let told: HashSet<&DefinitionRef> = changes.enters.iter().chain(&changes.changes).collect();
        let mut edit = Edit::of(self);
        let mut firsts = listed.clone();
        edit.exactly(definitions.iter().filter(|of| firsts.remove(&of.id())).cloned(), Words::Refused);
        let before = (&**self.schema(), self.usage_schema());
        if let Some(touched) = Touched::between(before, (&**ground.schema, ground.usage)) {
            edit.touch(&touched);
        }
        let mut touched: HashSet<DefinitionRef> = HashSet::new();
        let again = edit.into_given().into_iter().filter(|given| given.known.is_none());
        let written = again.map(|given| given.bringer.unwrap_or_else(|| given.definition.id()));
        let new = written.filter(|id| !told.contains(id) && touched.insert(id.clone())).collect();
        changes.touched = new;
        let next = self.next(ground, Words::Refused, Removed::AllOthers(&[]), definitions);
        let next = next.map_err(|errors| changes.breaks = errors.faults().to_vec()).ok();
        if let Some(next) = &next {
            let now = next.recorded();
            let fewer = |(column, from): (Arc<str>, u32)| {
                let to = now.get(&column).copied();
                to.is_none_or(|to| to < from).then_some(FewerDays { column, from, to })
            };
            changes.keeps_fewer = self.recorded().into_iter().filter_map(fewer).collect();
        }
        (changes, next)
    }
}
