//! A place among peers as a definition.

use std::sync::Arc;

use serde_json::Value as Json;

use super::peers::Peers;
use super::{
    Checking, Compiled, Define, DefinitionFault, Form, Kind, Namespace, Output, Renames, WholeForm,
    canonical, json,
};
use crate::aggregate::Ranking;
use crate::expr::{Checked, NameText, Type};
use crate::model::{Faults, JsonFault, Place, read};

impl Define for Ranking {
    fn name(&self) -> &str {
        self.name()
    }

    fn version(&self) -> u64 {
        self.version()
    }

    fn text(&self) -> NameText {
        NameText { documentation: self.documentation().map(Arc::from), ..NameText::default() }
    }

    fn expressions(&self, each: &mut dyn FnMut(&str)) {
        std::iter::once(&self.of).chain(&self.within).for_each(|text| each(text));
    }

    fn set_name(&mut self, name: &Arc<str>) {
        self.name = name.clone();
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        std::iter::once(&mut self.of)
            .chain(&mut self.within)
            .for_each(|text| *text = (renames.expression)(text));
    }

    fn canonical_text(&self) -> String {
        let peers = (&self.within, self.with_cancelled);
        format!("ranking {} {peers:?} {:?}", canonical(&self.of), self.at_least)
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let value = checking.expression(&self.of);
        let within = self.within.as_ref().map(|within| checking.expression(within)).transpose();
        let (value, within) = match (value, within) {
            (Ok(value), Ok(within)) => (value, within),
            (value, within) => return Err(value.err().into_iter().chain(within.err()).collect()),
        };
        if let Some(what) = self.objection(&value, within.as_ref()) {
            return Err(vec![DefinitionFault::Other(what)]);
        }
        let function = Arc::new(Peers::of(self, value.kind()));
        let inputs = std::iter::once(value).chain(within).collect();
        let form = Form::Whole(WholeForm { inputs, function });
        Ok(Compiled { outputs: vec![Output::column(Type::Double)], form })
    }

    fn to_json(&self) -> Json {
        json(self)
    }
}

impl Ranking {
    /// Why its expressions cannot rank; `None` where they can.
    fn objection(&self, value: &Checked, within: Option<&Checked>) -> Option<String> {
        let kind = value.kind();
        if !kind.is_ordered() {
            return Some(format!("{kind} has no order to rank by"));
        }
        if self.at_least.is_some() && !(kind.is_number() || kind.is_money()) {
            return Some(format!("`at_least` is a number, and {kind} is none"));
        }
        let within = within.map(Checked::kind).filter(|kind| !kind.is_scalar())?;
        Some(format!("{within} cannot say who are peers"))
    }
}

impl Kind for Ranking {
    const CODE: &'static str = "ranking";
    const WORD: &'static str = "ranking";
    const LIST: &'static str = "rankings";
    const NAMESPACE: Namespace = Namespace::Columns;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        read(json, &place, faults)
    }
}
