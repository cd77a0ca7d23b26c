//! What must be there for expressions to be asked?

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::error::{ExprPlanErrors, ExprPlanFault, ExprPlanFaultKind};
use crate::expr::checked::{Checked, Source};
use crate::expr::columns::Columns;
use crate::expr::names::{Names, Of};
use crate::expr::types::Type;
use crate::model::Schema;

/// What is there to be read.
pub(in crate::expr) trait Known {
    fn schema(&self) -> &Schema;

    /// The type of what is not in the book.
    fn beside(&self, of: Of<'_>, name: &str) -> Option<Type>;

    fn has_event(&self, name: &str) -> bool;

    /// The type of a metric.
    fn metric(&self, name: &str) -> Option<Type>;

    fn has_segment(&self, id: &str) -> bool;

    /// The type of a name.
    fn kind(&self, of: Of<'_>, name: &str) -> Option<Type> {
        let schema = self.schema();
        let of_book = Names::name(schema, of, name).map(|name| name.kind().clone());
        of_book.or_else(|| match (of, name) {
            (Of::Account, "account_type") => Some(Type::Enum(schema.type_values().clone())),
            (Of::Account, "product") => Some(Type::Enum(schema.product_values().clone())),
            _ => self.beside(of, name),
        })
    }
}

impl Known for Columns<'_> {
    fn schema(&self) -> &Schema {
        self.view().schema()
    }

    fn beside(&self, of: Of<'_>, name: &str) -> Option<Type> {
        self.supply()?.kind(of, name)
    }

    fn has_event(&self, name: &str) -> bool {
        self.supply().is_some_and(|supply| supply.has_event(name))
    }

    fn metric(&self, name: &str) -> Option<Type> {
        self.supply()?.metric(name)
    }

    fn has_segment(&self, id: &str) -> bool {
        self.supply().is_some_and(|supply| supply.has_segment(id))
    }
}

/// The names of definitions, which are supplied to each other once all of them are known; segments are inlined.
pub(super) struct Beside<'k> {
    pub(super) schema: &'k Schema,
    pub(super) names: &'k dyn Names,
}

impl Known for Beside<'_> {
    fn schema(&self) -> &Schema {
        self.schema
    }

    fn beside(&self, of: Of<'_>, name: &str) -> Option<Type> {
        self.names.name(of, name).map(|name| name.kind().clone())
    }

    fn has_event(&self, name: &str) -> bool {
        self.names.has_event(name)
    }

    fn metric(&self, name: &str) -> Option<Type> {
        self.names.metric(name).map(|name| name.kind().clone())
    }

    fn has_segment(&self, _: &str) -> bool {
        false
    }
}

/// All that some expressions read, each once, with the type that they were checked with.
#[derive(Debug, Clone, Default)]
pub(in crate::expr) struct Requirements {
    all: Vec<Requirement>,
}

#[derive(Debug, Clone)]
struct Requirement {
    source: Source,
    /// `None` of a table, an event or a segment.
    kind: Option<Type>,
    /// The numbers of the expressions that read it.
    readers: Vec<usize>,
}

impl Requirements {
    /// Those of expressions, with those of the segments that are inlined; each is given after those that it
    /// asks.
    pub(in crate::expr) fn of(segments: &[(&str, &Checked)], expressions: &[&Checked]) -> Self {
        let mut found = Self::default();
        let mut known: HashMap<Source, Vec<usize>> = HashMap::new();
        let mut of_segments: HashMap<&str, BTreeSet<usize>> = HashMap::new();
        for (id, segment) in segments {
            let own = found.places(&mut known, &of_segments, segment);
            of_segments.insert(id, own);
        }
        for (number, expression) in expressions.iter().enumerate() {
            for place in found.places(&mut known, &of_segments, expression) {
                if let Some(required) = found.all.get_mut(place) {
                    required.readers.push(number);
                }
            }
        }
        found
    }

    /// The places of the requirements of one expression.
    fn places(
        &mut self,
        known: &mut HashMap<Source, Vec<usize>>,
        segments: &HashMap<&str, BTreeSet<usize>>,
        expression: &Checked,
    ) -> BTreeSet<usize> {
        let mut own = BTreeSet::new();
        for (source, kind) in expression.requirements() {
            if let Source::Segment(id) = &source
                && let Some(places) = segments.get(&**id)
            {
                own.extend(places);
                continue;
            }
            let places = known.entry(source.clone()).or_default();
            let same = |place: &&usize| self.all.get(**place).is_some_and(|known| known.kind == kind);
            let place = places.iter().find(same).copied().unwrap_or_else(|| {
                places.push(self.all.len());
                self.all.push(Requirement { source, kind, readers: Vec::new() });
                self.all.len() - 1
            });
            own.insert(place);
        }
        own
    }

    /// # Errors
    ///
    /// All that is not known, in the order of the expressions.
    pub(in crate::expr) fn check(&self, known: &dyn Known) -> Result<(), ExprPlanErrors> {
        let mut faults: Vec<ExprPlanFault> = Vec::new();
        for required in &self.all {
            if let Some(kind) = required.fault(known) {
                let of = |expression: &usize| ExprPlanFault { expression: *expression, kind: kind.clone() };
                faults.extend(required.readers.iter().map(of));
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort_by_key(|fault| fault.expression);
        Err(ExprPlanErrors::new(faults))
    }
}

impl Requirement {
    fn fault(&self, known: &dyn Known) -> Option<ExprPlanFaultKind> {
        let named = |of: Of<'_>, name: &Arc<str>| match (known.kind(of, name), &self.kind) {
            (None, _) => Some(ExprPlanFaultKind::Name(name.clone())),
            (Some(found), Some(wanted)) if found != *wanted => {
                Some(ExprPlanFaultKind::Type { name: name.clone(), wanted: wanted.clone(), found })
            }
            _ => None,
        };
        match &self.source {
            Source::Attribute(name) => named(Of::Account, name),
            Source::Column(table, name) => named(Of::Table(table), name),
            Source::Field(event, name) => named(Of::Event(event), name),
            Source::Table(name) => {
                (!known.schema().has_table(name)).then(|| ExprPlanFaultKind::Table(name.clone()))
            }
            Source::Event(name) => (!known.has_event(name)).then(|| ExprPlanFaultKind::Usage(name.clone())),
            Source::Metric(name) => match (known.metric(name), &self.kind) {
                (None, _) => Some(ExprPlanFaultKind::Usage(name.clone())),
                (Some(found), Some(wanted)) if found != *wanted => {
                    Some(ExprPlanFaultKind::Type { name: name.clone(), wanted: wanted.clone(), found })
                }
                _ => None,
            },
            Source::Segment(id) => (!known.has_segment(id)).then(|| ExprPlanFaultKind::Segment(id.clone())),
        }
    }
}
