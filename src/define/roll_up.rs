//! A roll-up as a definition.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{
    Checking, Compiled, Define, DefinitionFault, Form, Kind, Named, Namespace, Output, Renames, TotalBy, json,
};
use crate::aggregate::{CheckedRollUp, Operator, Over, RollUp, RollUpFaultKind};
use crate::expr::NameText;
use crate::model::{Faults, JsonFault, Place, read};

impl Define for RollUp {
    fn name(&self) -> &str {
        self.name()
    }

    fn version(&self) -> u64 {
        self.version()
    }

    fn text(&self) -> NameText {
        NameText { documentation: self.documentation().map(Arc::from), ..NameText::default() }
    }

    /// The counts of a distribution are read below its name.
    fn reserves_below(&self) -> bool {
        matches!(self.operator(), Operator::Distribution(_))
    }

    fn expressions(&self, each: &mut dyn FnMut(&str)) {
        self.texts().iter().for_each(|text| each(text));
    }

    fn set_name(&mut self, name: &Arc<str>) {
        *self = self.clone().with_name(name.clone());
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        let weighted = self.weighted(&|text| (renames.expression)(text));
        let share = self.share().and_then(|(of, value)| (renames.value)(of, value));
        *self = self.clone().with_texts(&|text| (renames.expression)(text)).with_parts(weighted, share);
        let (over, levels) = self.names_mut();
        match over {
            Over::Accounts => {}
            Over::Table(table) => renames.name(table, Named::Table),
            Over::Events { event, .. } => renames.name(event, Named::Event),
        }
        levels.iter_mut().for_each(|level| renames.name(level, Named::AccountType));
    }

    fn canonical_text(&self) -> String {
        format!("roll-up {}", RollUp::said(self))
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let Checking { schema, names, zones, limits, .. } = *checking;
        let checked = CheckedRollUp::new(self, schema, names, zones, limits).map_err(|kinds| {
            let kinds = kinds.into_iter().filter(|kind| !matches!(kind, RollUpFaultKind::Name(_)));
            kinds.map(DefinitionFault::RollUp).collect::<Vec<_>>()
        })?;
        let output = Output { total: TotalBy::Roots, ..Output::column(checked.kind().clone()) };
        Ok(Compiled { outputs: vec![output], form: Form::Tree(Box::new(checked)) })
    }

    fn to_json(&self) -> Json {
        json(self)
    }
}

impl Kind for RollUp {
    const CODE: &'static str = "roll_up";
    const WORD: &'static str = "roll-up";
    const LIST: &'static str = "roll_ups";
    const NAMESPACE: Namespace = Namespace::Columns;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        read(json, &place, faults)
    }
}
