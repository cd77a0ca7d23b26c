//! A named expression.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Checking, Compiled, Define, DefinitionFault, Kind, Namespace, Renames, canonical, json};
use crate::aggregate::version::named;
use crate::expr::NameText;
use crate::model::{Faults, JsonFault, Place, read};

/// A named expression over attributes, usage, roll-ups and other calculated attributes: a KPI.
///
/// ```
/// use perennial::catalog::CalculatedAttribute;
///
/// let adoption = CalculatedAttribute::new("adoption", "ratio(active_users, licences)").unit("share");
/// assert_eq!(adoption.name(), "adoption");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalculatedAttribute {
    name: Arc<str>,
    expression: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<Arc<str>>,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    version: u64,
}

named!(CalculatedAttribute, described);

impl CalculatedAttribute {
    /// An expression by name.
    #[must_use]
    pub fn new(name: &str, expression: &str) -> Self {
        let expression = Arc::from(expression);
        Self { name: Arc::from(name), expression, label: None, description: None, unit: None, version: 1 }
    }

    /// With a label for screens.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(Arc::from(label));
        self
    }

    /// The unit of its numbers.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(Arc::from(unit));
        self
    }

    /// Its expression.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }
}

impl Define for CalculatedAttribute {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn text(&self) -> NameText {
        NameText {
            label: self.label.clone(),
            documentation: self.description.clone(),
            unit: self.unit.clone(),
        }
    }

    fn expressions(&self, each: &mut dyn FnMut(&str)) {
        each(&self.expression);
    }

    fn set_name(&mut self, name: &Arc<str>) {
        self.name = name.clone();
    }

    fn rename(&mut self, renames: &Renames<'_>) {
        self.expression = (renames.expression)(&self.expression);
    }

    fn canonical_text(&self) -> String {
        format!("attribute {}", canonical(&self.expression))
    }

    fn compile(&self, checking: &Checking<'_>) -> Result<Compiled, Vec<DefinitionFault>> {
        checking.expression(&self.expression).map(Compiled::value).map_err(|fault| vec![fault])
    }

    fn to_json(&self) -> Json {
        json(self)
    }
}

impl Kind for CalculatedAttribute {
    const CODE: &'static str = "attribute";
    const WORD: &'static str = "calculated attribute";
    const LIST: &'static str = "attributes";
    const NAMESPACE: Namespace = Namespace::Columns;

    fn read(json: &Json, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<Self> {
        read(json, &place, faults)
    }
}
