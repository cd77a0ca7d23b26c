//! A segment as a definition.

use std::sync::Arc;

use serde_json::Value as Json;

use super::definition_json::read_segment;
use super::{Segment, SegmentErrors, SegmentFaultKind};
use crate::define::{Checking, Compiled, Define, DefinitionFault, Kind, Namespace, Renames};
use crate::expr::{Ast, ExprLimits};
use crate::model::{Faults, JsonFault, JsonFaultKind, Place};

impl Define for Segment {
    fn name(&self) -> &str {
        self.id()
    }

    fn version(&self) -> u64 {
        self.version()
    }

    fn expressions(&self, each: &mut dyn FnMut(&str)) {
        each(self.expression().source_text());
    }

    /// What it is called in lists goes with its id where it is the same.
    fn set_name(&mut self, name: &Arc<str>) {
        if self.name == self.id {
            self.name = name.clone();
        }
        self.id = name.clone();
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        // What was an expression is one still.
        if let Ok(ast) = Ast::parse(&(renames.expression)(self.expression().source_text())) {
            self.expression = ast;
        }
    }

    fn makes_scopes(&self) -> bool {
        self.is_account_set()
    }

    fn canonical_text(&self) -> String {
        let what = if self.is_account_set() { "account set" } else { "segment" };
        format!("{what} {}", self.expression())
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let checked = checking.checker().check_ast_predicate(self.expression().clone());
        checked.map(Compiled::members).map_err(|errors| vec![DefinitionFault::Expression(errors)])
    }

    fn to_json(&self) -> Json {
        self.item_to_json()
    }
}

impl Kind for Segment {
    const CODE: &'static str = "segment";
    const WORD: &'static str = "segment";
    const LIST: &'static str = "segments";
    const NAMESPACE: Namespace = Namespace::Segments;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        let mut errors = SegmentErrors::none();
        let found = read_segment(json, place, &ExprLimits::default(), &mut errors);
        faults.append(errors, |fault| {
            let message = match &fault.kind {
                SegmentFaultKind::Document(message) => message.clone(),
                _ => fault.to_string(),
            };
            JsonFault { path: fault.path, kind: JsonFaultKind::Other { message } }
        });
        found
    }
}
