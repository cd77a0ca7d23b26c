//! Does an account's id or name hold a text?

use crate::book::{Account, View};
use crate::expr::fold_case;
use crate::model::{AttributeId, SystemAttribute};

/// A text that is looked for in ids and names, whatever its case.
#[derive(Debug)]
pub(super) struct Search {
    text: String,
    name: Option<AttributeId>,
}

impl Search {
    pub(super) fn new(view: &View, text: &str) -> Self {
        Self { text: fold_case(text), name: view.schema().system_attribute(SystemAttribute::Name) }
    }

    /// How well an account fits: 0 where the id or name is the text, 1 where one begins with it, 2 where one holds it.
    pub(super) fn rank(&self, account: Account<'_>) -> Option<i64> {
        let in_id = self.rank_of(account.id_str());
        let in_name = self.name.and_then(|name| account.text_at(name)).and_then(|name| self.rank_of(&name));
        match (in_id, in_name) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn rank_of(&self, text: &str) -> Option<i64> {
        let (at, len) = if self.text.is_ascii() && text.is_ascii() {
            // Letter by letter, without a copy.
            let mut windows = text.as_bytes().windows(self.text.len().max(1));
            (windows.position(|part| part.eq_ignore_ascii_case(self.text.as_bytes()))?, text.len())
        } else {
            let text = fold_case(text);
            (text.find(&self.text)?, text.len())
        };
        match at {
            0 if len == self.text.len() => Some(0),
            0 => Some(1),
            _ => Some(2),
        }
    }
}
