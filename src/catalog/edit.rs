//! Some definitions are put in or taken out: what stays as it is?
//!
//! An entry depends on its definition and on the names that its check looked up, found or not. So it stays where its definition
//! is the same and none of these names is given by another definition than before. Entries stand after those that they looked
//! up, also where nothing is read of these in the end, so that one walk over them finds all that change; a name that was not there
//! is among what was looked up as well. Everything else is compiled as in a new catalog, and the result is the same.

use std::collections::HashSet;
use std::sync::Arc;

use super::Catalog;
use super::compile::{Candidate, Words, keys, validate};
use super::definition::{Definition, DefinitionRef};
use super::entry::{Entry, Key};
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
use super::names::{Assumed, CatalogNames};
use super::touched::Touched;
use crate::aggregate::UsageSchema;
use crate::define::Namespace;
use crate::expr::ExprLimits;
use crate::model::{FixedZones, Schema, Zones, is_reserved};

/// Which definitions go in an edit.
#[derive(Clone, Copy)]
pub(crate) enum Removed<'r> {
    /// These.
    These(&'r [DefinitionRef]),
    /// All that are not put in, and these: what is put in is all that there is afterwards, in its order.
    AllOthers(&'r [DefinitionRef]),
}

/// What catalogs are compiled with.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'g> {
    pub(crate) schema: &'g Arc<Schema>,
    pub(crate) usage: &'g UsageSchema,
    pub(crate) zones: &'g dyn Zones,
    pub(crate) limits: &'g ExprLimits,
}

impl Catalog {
    /// The catalog with some definitions taken out and others put in, each in the place of the one of its kind and name, or
    /// behind all others where there is none. The catalog itself stays as it is. Zones are fixed ones only, as in
    /// [`Catalog::new`].
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
    /// let all = [attribute("twice", "seats * 2"), attribute("more", "twice + 1"), attribute("half", "seats / 2")];
    /// let catalog = Catalog::new(&schema, &UsageSchema::default(), all)?;
    ///
    /// let next = catalog.edited([], [attribute("twice", "seats * 2.0")])?;
    /// // Itself, and the one that reads it.
    /// assert_eq!((catalog.compiled(), next.compiled()), (3, 2));
    /// assert_eq!(next.definitions().len(), 3);
    ///
    /// let twice = next.order().find(|id| *id.name == *"twice").ok_or("none")?.clone();
    /// let errors = next.edited([twice], []).unwrap_err();
    /// assert_eq!(errors.to_string(), "calculated attribute `twice`: still read by calculated attribute `more`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the definitions afterwards, as [`Catalog::new`] says it; where some that are to be taken
    /// out are not there, each of these, and nothing else.
    ///
    /// # Complexity
    ///
    /// Linear in the expressions of what is put in and of all that reads what is put in or taken out, directly or not; for each
    /// other definition a look at the names that it looked up, and some pointers: one or two microseconds.
    pub fn edited(
        &self,
        removed: impl IntoIterator<Item = DefinitionRef>,
        put: impl IntoIterator<Item = Definition>,
    ) -> Result<Self, CatalogErrors> {
        self.edited_within(&FixedZones, removed, put)
    }

    /// The same with zones of the host, which must be those that the catalog was made with.
    ///
    /// # Errors
    ///
    /// As [`Catalog::edited`].
    pub fn edited_within(
        &self,
        zones: &dyn Zones,
        removed: impl IntoIterator<Item = DefinitionRef>,
        put: impl IntoIterator<Item = Definition>,
    ) -> Result<Self, CatalogErrors> {
        let removed: Vec<DefinitionRef> = removed.into_iter().collect();
        let (schema, usage, limits) = (self.schema(), self.usage_schema(), &*self.limits);
        self.next(Ground { schema, usage, zones, limits }, Words::Refused, Removed::These(&removed), put)
    }

    /// As [`Catalog::edited_within`], over the schema and the limits of an engine: if they differ from those of the catalog,
    /// every definition is compiled.
    pub(crate) fn next(
        &self,
        ground: Ground<'_>,
        words: Words,
        removed: Removed<'_>,
        put: impl IntoIterator<Item = Definition>,
    ) -> Result<Self, CatalogErrors> {
        let mut edit = Edit::of(self);
        match removed {
            Removed::These(removed) => {
                edit.remove(removed)?;
                put.into_iter().for_each(|definition| edit.put(definition, words, None));
            }
            Removed::AllOthers(removed) => {
                edit.remove(removed)?;
                edit.exactly(put, words);
            }
        }
        let same_ground = (Arc::ptr_eq(self.schema(), ground.schema) || **self.schema() == **ground.schema)
            && self.usage_schema() == ground.usage
            && *self.limits == *ground.limits;
        if edit.is_as_it_was() && same_ground {
            return Ok(self.clone());
        }
        if same_ground {
            let ground = Ground { schema: self.schema(), ..ground };
            return self.compiled_next(ground, &edit.into_given());
        }
        let before = (&**self.schema(), self.usage_schema());
        let touched = Touched::between(before, (&**ground.schema, ground.usage));
        if let Some(touched) = touched.filter(|_| *self.limits == *ground.limits) {
            edit.touch(&touched);
            return self.compiled_next(ground, &edit.into_given());
        }
        let given = edit.into_given();
        let given: Vec<Candidate> =
            given.into_iter().map(|given| Candidate { known: None, ..given }).collect();
        let next = Self::compile(ground, &given, None).map(|catalog| catalog.continuing(self));
        next.map_err(|errors| self.reads_removed(ground, &given, errors))
    }

    /// What would be wrong without a definition.
    pub(super) fn without_definition(&self, id: &DefinitionRef) -> Vec<CatalogFault> {
        let mut edit = Edit::of(self);
        if edit.remove(std::slice::from_ref(id)).is_err() {
            return Vec::new();
        }
        let bare = CatalogNames::bare(self.schema(), self.usage_schema(), Assumed::default());
        validate(&bare, &FixedZones, &self.limits, &edit.into_given()).faults
    }
}

/// The definitions of a catalog, some of them taken out or replaced.
pub(super) struct Edit<'c> {
    catalog: &'c Catalog,
    /// By place; those that are new stand behind the others.
    given: Vec<Option<Candidate>>,
    /// The places that were put in, and are not put in again.
    put: HashSet<usize>,
    /// The names that are given by another definition than before, or by none.
    changed: HashSet<Key>,
    /// By place: that of the definition that somebody wrote, and the number among it and those that it brings.
    order: Vec<(usize, usize)>,
    /// The names of definitions that reserve all names below their own, and did not before.
    reserving: HashSet<String>,
}

impl<'c> Edit<'c> {
    pub(super) fn of(catalog: &'c Catalog) -> Self {
        let known =
            |entry: &Arc<Entry>| Some(Candidate { known: Some(entry.clone()), ..Candidate::of_entry(entry) });
        let given: Vec<Option<Candidate>> = catalog.names.entries.given().into_iter().map(known).collect();
        let mut order: Vec<(usize, usize)> = Vec::with_capacity(given.len());
        for (place, given) in given.iter().enumerate() {
            let is_brought = given.as_ref().is_some_and(|given| given.bringer.is_some());
            let before = order.last().filter(|_| is_brought);
            order.push(before.map_or((place, 0), |(group, number)| (*group, number + 1)));
        }
        let (put, changed, reserving) = (HashSet::new(), HashSet::new(), HashSet::new());
        Self { catalog, given, put, changed, order, reserving }
    }

    /// The place of a definition that has this bringer, or none.
    fn place(&self, id: &DefinitionRef, bringer: Option<&DefinitionRef>) -> Option<usize> {
        let place = self.catalog.names.entries.placed(id)?.place;
        let given = self.given.get(place)?.as_ref();
        given.filter(|given| given.bringer.as_ref() == bringer).map(|_| place)
    }

    fn remove(&mut self, removed: &[DefinitionRef]) -> Result<(), CatalogErrors> {
        let mut faults = Vec::new();
        let entries = &self.catalog.names.entries;
        for id in removed {
            if self.place(id, None).is_none() {
                let bringer = entries.get(id).and_then(|entry| entry.bringer.clone());
                let kind = bringer.map_or(CatalogFaultKind::NotDefined, CatalogFaultKind::BroughtBy);
                faults.push(CatalogFault { definition: id.clone(), kind });
                continue;
            }
            entries.all_of(id).for_each(|entry| self.take_out(entry));
        }
        if faults.is_empty() { Ok(()) } else { Err(CatalogErrors::new(faults)) }
    }

    fn take_out(&mut self, entry: &Arc<Entry>) {
        let place = self.place(&entry.id, entry.bringer.as_ref());
        if let Some(given) = place.and_then(|place| self.given.get_mut(place)) {
            *given = None;
            self.changed.extend(keys(&entry.definition));
        }
    }

    /// Replaces all definitions by a list, in its order. An unchanged definition stays, even if its name is reserved today.
    pub(super) fn exactly(&mut self, definitions: impl IntoIterator<Item = Definition>, words: Words) {
        let definitions: Vec<Definition> = definitions.into_iter().collect();
        let stay: HashSet<DefinitionRef> = definitions.iter().map(Definition::id).collect();
        let entries = &self.catalog.names.entries;
        let written = entries.iter().filter(|entry| entry.bringer.is_none() && !stay.contains(&entry.id));
        for entry in written {
            entries.all_of(&entry.id).for_each(|entry| self.take_out(entry));
        }
        for (group, definition) in definitions.into_iter().enumerate() {
            let known = self.catalog.definition(&definition.id());
            let is_known = known.is_some_and(|known| known.is_same(&definition));
            self.put(definition, if is_known { Words::Kept } else { words }, Some(group));
        }
        self.firsts_keep_names();
    }

    /// Of several definitions that give one name the first keeps it. A later one is compiled again, so that it is refused as a duplicate, as in a
    /// new catalog: known entries are added first.
    fn firsts_keep_names(&mut self) {
        let mut ordered: Vec<(&(usize, usize), &mut Candidate)> = self
            .order
            .iter()
            .zip(&mut self.given)
            .filter_map(|(at, given)| Some((at, given.as_mut()?)))
            .collect();
        ordered.sort_by_key(|(at, _)| **at);
        let mut names: HashSet<Key> = HashSet::with_capacity(ordered.len());
        for (_, given) in ordered {
            let keys = keys(&given.definition);
            if keys.iter().any(|key| names.contains(key)) && given.known.take().is_some() {
                self.changed.extend(keys.iter().cloned());
            }
            names.extend(keys);
        }
    }

    /// Are the definitions the same in the same order?
    fn is_as_it_was(&self) -> bool {
        let left = self.order.iter().zip(&self.given).filter(|(_, given)| given.is_some());
        self.changed.is_empty() && left.map(|(order, _)| order).is_sorted()
    }

    /// A definition in the place of the one of its kind and name, if not in another `group`.
    fn put(&mut self, definition: Definition, words: Words, group: Option<usize>) {
        let id = definition.id();
        let all = Candidate::all_of(definition, words);
        // Two of one kind and name in one edit are a fault that the catalog names.
        let place = self.place(&id, None).filter(|place| !self.put.contains(place));
        if place.is_some() {
            // What it brought before and brings no longer goes.
            let brings: HashSet<DefinitionRef> = all.iter().map(|given| given.definition.id()).collect();
            let entries = &self.catalog.names.entries;
            let gone = entries.all_of(&id).filter(|entry| !brings.contains(&entry.id));
            gone.for_each(|entry| self.take_out(entry));
        }
        let group = group.unwrap_or(place.unwrap_or(self.given.len()));
        for (number, given) in all.into_iter().enumerate() {
            self.put_one(given, (group, number), place.is_some());
        }
    }

    /// One in the place of the one that is known, if it may be that.
    fn put_one(&mut self, given: Candidate, order: (usize, usize), may_be_known: bool) {
        let definition = given.definition.clone();
        let place = self.place(&definition.id(), given.bringer.as_ref());
        let place = place.filter(|place| may_be_known && self.put.insert(*place));
        let refused = given.words == Words::Refused && is_reserved(definition.name());
        let Some((place, Some(known))) = place.and_then(|at| Some((at, self.given.get_mut(at)?))) else {
            self.changed.extend(keys(&definition));
            if given.reserves {
                self.reserving.insert(definition.name().to_owned());
            }
            self.order.push(order);
            self.given.push(Some(given));
            return;
        };
        if let Some(of) = self.order.get_mut(place) {
            *of = order;
        }
        if known.definition.is_same(&definition) && !refused {
            return;
        }
        self.changed.extend(keys(&definition));
        self.changed.extend(keys(&known.definition));
        if given.reserves && !known.reserves {
            self.reserving.insert(definition.name().to_owned());
        }
        *known = given;
    }

    /// Whatever another schema touches is checked again, and what looked up a name that came or went.
    pub(super) fn touch(&mut self, touched: &Touched) {
        for given in self.given.iter_mut().flatten() {
            if given.known.take_if(|entry| touched.touches(entry)).is_some() {
                self.changed.extend(keys(&given.definition));
            }
        }
        let names = touched.names.iter().map(|name| Key::new(Namespace::Columns, name.clone()));
        self.changed.extend(names);
    }

    /// The definitions in order, those known that nothing changes for: each with those that it brings behind it, as a new catalog has
    /// them.
    pub(super) fn into_given(mut self) -> Vec<Candidate> {
        // Definitions whose name is now reserved by a name above it are validated again.
        if !self.reserving.is_empty() {
            for given in self.given.iter_mut().flatten() {
                let name = given.definition.name();
                let mut above = name.match_indices('.').filter_map(|(dot, _)| name.get(..dot));
                if above.any(|above| self.reserving.contains(above)) && given.known.take().is_some() {
                    self.changed.extend(keys(&given.definition));
                }
            }
        }
        for entry in self.catalog.names.entries.names().filter(|(_, placed)| placed.is_main) {
            let (_, placed) = entry;
            let Some(Some(given)) = self.given.get_mut(placed.place) else { continue };
            if given.known.is_some() && placed.entry.looked.iter().any(|key| self.changed.contains(key)) {
                given.known = None;
                self.changed.extend(keys(&placed.entry.definition));
            }
        }
        let ordered = self.order.into_iter().zip(self.given);
        let mut all: Vec<((usize, usize), Candidate)> =
            ordered.filter_map(|(order, given)| Some((order, given?))).collect();
        all.sort_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, given)| given).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CalculatedAttribute;
    use crate::model::{Attribute, AttributeType, Nesting};
    use crate::segment::Segment;

    fn attribute(name: &str, text: &str) -> Definition {
        CalculatedAttribute::new(name, text).into()
    }

    fn segment(name: &str, text: &str) -> Definition {
        Segment::parse(name, text).unwrap().into()
    }

    fn schema() -> Arc<Schema> {
        let builder = Schema::builder().account_type("Company", Nesting::Free);
        let builder = builder.attribute(Attribute::new("seats", AttributeType::Int));
        Arc::new(builder.attribute(Attribute::new("plan", AttributeType::Text)).build().unwrap())
    }

    /// What the check of each definition found, and how deep it stands.
    fn entries(catalog: &Catalog) -> Vec<String> {
        let told =
            |entry: &Arc<Entry>| format!("{} {} {:?} {:?}", entry.id, entry.depth, entry.reads, entry.gives);
        catalog.names.entries.iter().map(told).collect()
    }

    /// Definitions of a journal from before words of the language were refused: they capture what the words meant, and give it
    /// back when they go.
    #[test]
    fn a_name_that_comes_or_goes_is_another_for_all_that_mention_it() {
        let (schema, usage, limits) = (schema(), UsageSchema::default(), ExprLimits::default());
        let ground = Ground { schema: &schema, usage: &usage, zones: &FixedZones, limits: &limits };
        let first = vec![
            segment("top", "level == 1"),
            attribute("above", "parent.seats"),
            attribute("more", "above + 1"),
            attribute("apart", "seats"),
        ];
        let catalog = Catalog::fresh(ground, first.clone(), Words::Kept).unwrap();
        let edited = |catalog: &Catalog, removed: &[Definition], put: &[Definition]| {
            let removed: Vec<DefinitionRef> = removed.iter().map(Definition::id).collect();
            catalog.next(ground, Words::Kept, Removed::These(&removed), put.to_vec())
        };
        let fresh = |definitions: &[Definition]| Catalog::fresh(ground, definitions.to_vec(), Words::Kept);
        let words = [attribute("level", "seats"), attribute("parent.seats", "level + 1")];
        let with = edited(&catalog, &[], &words).unwrap();
        let all = [&first[..], &words].concat();
        assert_eq!(entries(&with), entries(&fresh(&all).unwrap()));
        // The two, and the three that read them.
        assert_eq!(with.compiled(), 5);
        assert_eq!(entries(&edited(&with, &words, &[]).unwrap()), entries(&catalog));

        // Of another type, the names are refused to those who read them.
        let texts = [attribute("level", "plan")];
        let errors = edited(&catalog, &[], &texts).unwrap_err();
        assert_eq!(errors, fresh(&[&first[..], &texts].concat()).unwrap_err());
        assert_eq!(errors.faults().len(), 1);

        // Each would mean something else without the other: in any order they are a ring.
        let ring = [
            attribute("level", "product == \"x\" ? 1 : 2"),
            attribute("product", "level == 1 ? \"y\" : \"z\""),
        ];
        for ring in [ring.clone(), [ring[1].clone(), ring[0].clone()]] {
            let errors = edited(&catalog, &[], &ring).unwrap_err();
            assert_eq!(errors, fresh(&[&first[..], &ring].concat()).unwrap_err());
            let rings =
                errors.faults().iter().filter(|fault| matches!(fault.kind, CatalogFaultKind::Cycle(_)));
            assert_eq!(rings.count(), 2);
        }
        // No new word is taken, and one that is there may stay or go.
        let errors = with.edited([], [attribute("level", "seats * 2")]).unwrap_err();
        assert_eq!(errors.to_string(), "calculated attribute `level`: name `level` is reserved");
        assert_eq!(with.edited([], [attribute("apart", "seats * 2")]).unwrap().compiled(), 1);
    }

    #[test]
    fn over_another_schema_all_is_compiled() {
        let (schema, usage, limits) = (schema(), UsageSchema::default(), ExprLimits::default());
        let ground = Ground { schema: &schema, usage: &usage, zones: &FixedZones, limits: &limits };
        let all = [attribute("a", "seats"), attribute("b", "a + 1")];
        let catalog = Catalog::fresh(ground, all, Words::Refused).unwrap();
        let none = Removed::These(&[]);
        let next = |ground| catalog.next(ground, Words::Refused, none, [attribute("c", "plan")]).unwrap();
        assert_eq!(next(ground).compiled(), 1);
        let other = Schema::builder().account_type("Company", Nesting::Free);
        let other = other.attribute(Attribute::new("seats", AttributeType::Double));
        let other = Arc::new(other.attribute(Attribute::new("plan", AttributeType::Text)).build().unwrap());
        let over = next(Ground { schema: &other, ..ground });
        assert_eq!((over.compiled(), over.schema().attributes().len()), (3, 2));
    }

    #[test]
    fn columns_are_read_in_order_where_definitions_change_places() {
        let (schema, usage) = (schema(), UsageSchema::default());
        let all = [attribute("a", "seats"), attribute("b", "seats + 1"), attribute("c", "a + b")];
        let turned = [all[1].clone(), all[0].clone(), all[2].clone()];
        let catalog = Catalog::new(&schema, &usage, all).unwrap();
        let (next, fresh) =
            (catalog.exactly(turned.clone()).unwrap(), Catalog::new(&schema, &usage, turned).unwrap());
        let read = |catalog: &Catalog| -> Vec<Vec<usize>> {
            (0..catalog.steps().len()).map(|at| catalog.readers().reads(at).to_vec()).collect()
        };
        assert_eq!(read(&next), read(&fresh));
        assert_eq!((next.compiled(), read(&next).last().unwrap().as_slice()), (0, &[0, 1][..]));
    }
}
