//! What is allowed, but probably not meant?

use std::collections::HashMap;

use super::Catalog;
use super::compile::reference;
use super::definition::Definition;
use super::derived::unused;
use super::fault::DefinitionRef;
use crate::expr::Diagnostic;
use crate::model::is_reserved;

/// What a catalog has that stops nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CatalogReport {
    /// Columns and metrics that no other definition reads. Screens may.
    pub unused: Vec<DefinitionRef>,
    /// Definitions that say the same under another name: the later one, and the first.
    pub duplicates: Vec<(DefinitionRef, DefinitionRef)>,
    /// Definitions whose name is a word of the language, such as `level`, which means the definition wherever it is
    /// written now: they were defined before such names were refused, and came back with a journal. Give them another.
    pub reserved: Vec<DefinitionRef>,
    /// Lints of their expressions.
    pub lints: Vec<(DefinitionRef, Diagnostic)>,
}

impl Catalog {
    /// Definitions that nobody reads, that say the same, and what their expressions probably do not mean.
    #[must_use]
    pub fn report(&self) -> CatalogReport {
        let mut first: HashMap<String, DefinitionRef> = HashMap::new();
        let mut duplicates = Vec::new();
        for definition in self.given() {
            let id = reference(definition);
            match first.entry(said(definition)) {
                std::collections::hash_map::Entry::Occupied(known) => {
                    duplicates.push((id, known.get().clone()));
                }
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(id);
                }
            }
        }
        let lints = self.names.entries.iter().flat_map(|entry| {
            let all = entry.compiled.expressions().into_iter().flat_map(|checked| checked.lints().to_vec());
            all.map(|lint| (entry.id.clone(), lint))
        });
        CatalogReport {
            unused: unused(&self.names.entries),
            duplicates,
            reserved: self.given().map(reference).filter(|id| is_reserved(&id.name)).collect(),
            lints: lints.collect(),
        }
    }
}

/// All that a definition says but for its name and what people read of it: texts in canonical form.
fn said(definition: &Definition) -> String {
    let canonical =
        |text: &str| crate::expr::Ast::parse(text).map_or_else(|_| text.to_owned(), |ast| ast.to_string());
    match definition {
        Definition::Attribute(of) => format!("attribute {}", canonical(&of.expression)),
        Definition::Segment(of) => format!("segment {}", of.expression()),
        Definition::Metric(of) => format!("metric {}", canonical(of.expression())),
        Definition::Past(of) => format!("past {} {}", of.of, of.days_ago),
        Definition::Ranking(of) => {
            let peers = (&of.within, of.with_cancelled);
            format!("ranking {} {peers:?} {:?}", canonical(&of.of), of.at_least)
        }
        Definition::RollUp(of) => format!("roll-up {}", of.said()),
    }
}
