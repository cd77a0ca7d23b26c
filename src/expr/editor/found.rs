//! Which completions begin as what was typed?

use std::sync::Arc;

use super::{Completion, CompletionKind};
use crate::expr::ast::MacroKind;
use crate::expr::functions::{self, Style};
use crate::expr::types::Type;

/// Completions that begin as what was typed.
pub(super) struct Found {
    pub(super) start: String,
    pub(super) items: Vec<Completion>,
}

impl Found {
    pub(super) fn push(&mut self, completion: Completion) {
        let start = self.start.trim_start_matches(['"', '\'', '`']).to_lowercase();
        let own = completion.text.trim_start_matches(['"', '`']).to_lowercase();
        if own.starts_with(&start) && !self.items.iter().any(|known| known.text == completion.text) {
            self.items.push(completion);
        }
    }

    pub(super) fn add(
        &mut self,
        text: Arc<str>,
        kind: CompletionKind,
        detail: String,
        documentation: Option<Arc<str>>,
    ) {
        self.push(Completion { text, kind, detail, documentation });
    }

    pub(super) fn text(&mut self, value: &str, what: &str) {
        let mut quoted = String::new();
        // Writing to a text cannot fail.
        let _ = crate::expr::literal::write_text(&mut quoted, value);
        self.add(Arc::from(quoted), CompletionKind::Value, what.to_owned(), None);
    }

    pub(super) fn functions(&mut self, wanted: impl Fn(Style) -> bool) {
        for entry in functions::TABLE.iter().filter(|entry| wanted(entry.style)) {
            self.add(
                Arc::from(entry.name),
                CompletionKind::Function,
                entry.usage.to_owned(),
                Some(Arc::from(entry.text)),
            );
        }
    }

    pub(super) fn named(&mut self, names: &[&str]) {
        for entry in names.iter().filter_map(|name| functions::function(name)) {
            self.add(
                Arc::from(entry.name),
                CompletionKind::Function,
                entry.usage.to_owned(),
                Some(Arc::from(entry.text)),
            );
        }
    }

    pub(super) fn macros<'k>(&mut self, kinds: impl Iterator<Item = &'k MacroKind>) {
        for kind in kinds {
            let usage = format!(".{}(x, ..)", kind.as_str());
            self.add(Arc::from(kind.as_str()), CompletionKind::Macro, usage, None);
        }
    }

    /// The methods that a value of a type has.
    pub(super) fn methods_of(&mut self, kind: &Type) {
        let text = [
            "contains",
            "startsWith",
            "endsWith",
            "like",
            "equalsFold",
            "containsFold",
            "startsWithFold",
            "lowerAscii",
            "upperAscii",
        ];
        let day = [
            "inLast",
            "inNext",
            "before",
            "after",
            "during",
            "getFullYear",
            "getMonth",
            "getDate",
            "getDayOfWeek",
        ];
        let clock = ["getHours", "getMinutes", "getSeconds", "getMilliseconds"];
        match kind {
            Type::Text | Type::Enum(_) | Type::Band(_) => self.named(&text),
            Type::Date => {
                self.named(&day);
                self.named(&["addMonths"]);
            }
            Type::Money { .. } => self.named(&["convertTo", "convertAt", "convertAtPlan"]),
            Type::MixedMoney => self.named(&["ifCurrency", "convertTo", "convertAt", "convertAtPlan"]),
            Type::Timestamp => {
                self.named(&day);
                self.named(&clock);
            }
            Type::Duration => self.named(&clock),
            Type::List(_) => {
                self.named(&["containsAll", "containsAny"]);
                let kinds = [
                    MacroKind::Exists,
                    MacroKind::All,
                    MacroKind::ExistsOne,
                    MacroKind::Filter,
                    MacroKind::Map,
                ];
                self.macros(kinds.iter());
            }
            _ => {}
        }
    }
}
