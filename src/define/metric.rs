//! A daily series as a definition.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Checking, Compiled, Define, DefinitionFault, Form, Kind, Namespace, Renames, canonical, json};
use crate::aggregate::{CheckedMetric, Metric, MetricFaultKind};
use crate::model::{Faults, JsonFault, Place, read};

impl Define for Metric {
    fn name(&self) -> &str {
        self.name()
    }

    fn version(&self) -> u64 {
        self.version()
    }

    fn expressions(&self, each: &mut dyn FnMut(&str)) {
        each(self.expression());
    }

    fn set_name(&mut self, name: &Arc<str>) {
        *self = self.clone().with_name(name.clone());
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        *self = self.clone().with_expression((renames.expression)(self.expression()));
    }

    fn canonical_text(&self) -> String {
        format!("metric {}", canonical(self.expression()))
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        let checked = CheckedMetric::new(self, checking.bare).map_err(|kinds| {
            let kinds = kinds.into_iter().filter(|kind| !matches!(kind, MetricFaultKind::Name(_)));
            kinds.map(DefinitionFault::Metric).collect::<Vec<_>>()
        })?;
        Ok(Compiled { outputs: Vec::new(), form: Form::Named(Arc::new(checked)) })
    }

    fn to_json(&self) -> Json {
        json(self)
    }
}

impl Kind for Metric {
    const CODE: &'static str = "metric";
    const WORD: &'static str = "metric";
    const LIST: &'static str = "metrics";
    const NAMESPACE: Namespace = Namespace::Metrics;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        read(json, &place, faults)
    }
}
