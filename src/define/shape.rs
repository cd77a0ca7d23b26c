//! How is an item of a list of definitions read from JSON?

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::model::{Faults, Fields, JsonFault, Place};

/// The fields that a definition may have. Each is checked by itself, so that all faults are found; what is sound is read by serde.
pub(crate) struct Shape {
    pub(crate) needed: &'static [&'static str],
    pub(crate) texts: &'static [&'static str],
    pub(crate) others: &'static [(&'static str, Check)],
}

/// Notes what is wrong with a field.
pub(crate) type Check = fn(&Fields<'_, '_>, &str, &mut Faults<JsonFault>);

/// A whole number.
pub(crate) fn number(fields: &Fields<'_, '_>, name: &str, faults: &mut Faults<JsonFault>) {
    fields.whole_number(name, faults);
}

/// What only serde knows the form of.
pub(crate) fn is<T: DeserializeOwned>(fields: &Fields<'_, '_>, name: &str, faults: &mut Faults<JsonFault>) {
    fields.decoded::<T, _>(name, faults);
}

impl Shape {
    /// A definition; every fault of its fields is noted.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        json: &Json,
        place: Place<'_>,
        faults: &mut Faults<JsonFault>,
    ) -> Option<T> {
        let names: Vec<&str> =
            self.texts.iter().chain(self.others.iter().map(|(name, _)| name)).copied().collect();
        let before = faults.count();
        let fields = Fields::open(json, place, &names, faults)?;
        for name in self.needed {
            fields.need(name, faults);
        }
        for name in self.texts {
            fields.kept_text(name, faults);
        }
        for (name, check) in self.others {
            check(&fields, name, faults);
        }
        match T::deserialize(json) {
            Ok(definition) => return Some(definition),
            Err(error) if faults.count() == before => faults.refuse_as(fields.place(), error.to_string()),
            Err(_) => {}
        }
        None
    }
}
