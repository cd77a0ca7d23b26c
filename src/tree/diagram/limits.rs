//! How much of a tree does a diagram show?

use serde::{Deserialize, Serialize};

/// How much of a tree a [`TreeDiagram`](super::TreeDiagram) shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiagramLimits {
    pub(super) children: usize,
    pub(super) levels: usize,
    pub(super) accounts: usize,
    pub(super) links: usize,
    pub(super) label: usize,
}

impl Default for DiagramLimits {
    /// At most 12 children of an account, 6 levels, 200 accounts, 100 dashed lines, 60 characters of a label.
    fn default() -> Self {
        Self { children: 12, levels: 6, accounts: 200, links: 100, label: 60 }
    }
}

impl DiagramLimits {
    /// No diagram has more accounts, or dashed lines, whatever is asked for: no tool lays out as many.
    pub const MOST: usize = 1 << 20;

    /// With at most this many children of an account drawn.
    #[must_use]
    pub const fn with_max_children(mut self, children: usize) -> Self {
        self.children = children;
        self
    }

    /// With at most this many levels drawn; the tops are the first.
    #[must_use]
    pub const fn with_max_levels(mut self, levels: usize) -> Self {
        self.levels = levels;
        self
    }

    /// With at most this many accounts drawn. The nodes that count what is left out come on top: at most one
    /// for each account, and one for the tops.
    #[must_use]
    pub fn with_max_accounts(mut self, accounts: usize) -> Self {
        self.accounts = accounts.min(Self::MOST);
        self
    }

    /// With at most this many dashed lines drawn.
    #[must_use]
    pub fn with_max_links(mut self, links: usize) -> Self {
        self.links = links.min(Self::MOST);
        self
    }

    /// With at most this many characters of a label, or of a value in the legend; a longer one ends in `…`.
    #[must_use]
    pub const fn with_max_label(mut self, characters: usize) -> Self {
        self.label = characters;
        self
    }

    // A label that prints: cut to length, and without control characters but the line break.
    pub(super) fn cut(&self, label: &str) -> String {
        let label = label.replace("\r\n", "\n");
        let mut letters = label.chars();
        let mut text: String = letters.by_ref().take(self.label).map(printable).collect();
        if letters.next().is_some() {
            text.push('…');
        }
        text
    }
}

const fn printable(letter: char) -> char {
    match letter {
        '\t' => ' ',
        // Line and paragraph separators are line breaks to some readers of the text.
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => '\n',
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        other => other,
    }
}
