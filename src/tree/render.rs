//! How does a tree look on a terminal?

use super::AccountTree;

/// How much of a tree is drawn.
#[derive(Debug, Clone)]
pub struct TreeText {
    children: usize,
    levels: usize,
    lines: usize,
}

impl Default for TreeText {
    /// At most 20 children of an account, 12 levels, 500 lines.
    fn default() -> Self {
        Self { children: 20, levels: 12, lines: 500 }
    }
}

impl TreeText {
    /// With at most this many children of an account drawn; the rest is counted.
    #[must_use]
    pub const fn with_max_children(mut self, children: usize) -> Self {
        self.children = children;
        self
    }

    /// With at most this many levels drawn.
    #[must_use]
    pub const fn with_max_levels(mut self, levels: usize) -> Self {
        self.levels = levels;
        self
    }

    /// With at most this many lines drawn.
    #[must_use]
    pub const fn with_max_lines(mut self, lines: usize) -> Self {
        self.lines = lines;
        self
    }
}

/// Draws accounts and what stands below them, a line each, with what `label` says of each.
///
/// What the limits leave out is counted in a line of its own, never dropped in silence.
///
/// ```
/// # use perennial::hierarchy::AccountTree;
/// # struct Departments;
/// # impl AccountTree for Departments {
/// #     type Node = u32;
/// #     fn parent(&self, node: u32) -> Option<u32> { (node > 0).then_some(0) }
/// #     fn children_into(&self, node: u32, out: &mut Vec<u32>) { if node == 0 { out.extend(1..5) } }
/// #     fn roots_into(&self, out: &mut Vec<u32>) { out.push(0) }
/// # }
/// use perennial::hierarchy::{TreeText, render_tree};
///
/// let text = render_tree(&Departments, &[0], &TreeText::default().with_max_children(2), |n| format!("n{n}"));
/// assert_eq!(text, "n0\n├── n1\n├── n2\n└── … 2 more\n");
/// ```
pub fn render_tree<T: AccountTree + ?Sized>(
    tree: &T,
    tops: &[T::Node],
    limits: &TreeText,
    label: impl Fn(T::Node) -> String,
) -> String {
    enum Line<N> {
        Node { node: N, level: usize, prefix: String, last: bool },
        More { text: String, prefix: String },
    }
    let mut text = String::new();
    let mut lines = 0;
    let mut stack: Vec<Line<T::Node>> = Vec::new();
    let top = |node: &T::Node| Line::Node { node: *node, level: 1, prefix: String::new(), last: true };
    stack.extend(tops.iter().rev().map(top));
    while let Some(line) = stack.pop() {
        if lines >= limits.lines {
            text.push_str("… more lines left out\n");
            break;
        }
        lines += 1;
        let (node, level, prefix, last) = match line {
            Line::More { text: more, prefix } => {
                text.extend([prefix.as_str(), "└── … ", more.as_str(), "\n"]);
                continue;
            }
            Line::Node { node, level, prefix, last } => (node, level, prefix, last),
        };
        let branch = match (level, last) {
            (1, _) => "",
            (_, true) => "└── ",
            (_, false) => "├── ",
        };
        text.extend([prefix.as_str(), branch, label(node).as_str(), "\n"]);
        let inner = match (level, last) {
            (1, _) => prefix,
            (_, true) => prefix + "    ",
            (_, false) => prefix + "│   ",
        };
        let children = tree.children(node);
        if children.is_empty() {
            continue;
        }
        if level >= limits.levels {
            stack.push(Line::More {
                text: format!("{} below", tree.descendants(node).count()),
                prefix: inner,
            });
            continue;
        }
        let shown = children.len().min(limits.children);
        let hidden = children.len() - shown;
        if hidden > 0 {
            stack.push(Line::More { text: format!("{hidden} more"), prefix: inner.clone() });
        }
        for (place, child) in children.iter().enumerate().take(shown).rev() {
            let last = hidden == 0 && place + 1 == shown;
            stack.push(Line::Node { node: *child, level: level + 1, prefix: inner.clone(), last });
        }
    }
    text
}
