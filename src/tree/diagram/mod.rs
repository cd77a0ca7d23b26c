//! Which part of a tree is drawn as a diagram, and what stands for the rest?
//!
//! Accounts are drawn from the top down, level by level, so that a limit cuts the lowest levels of every
//! branch and not all of the last branches. What the limits leave out is counted in nodes of their own. The
//! drawn part is small; how it becomes text is the question of [`mermaid`] and [`dot`], and what its colours
//! mean that of [`legend`].

mod dot;
mod legend;
mod limits;
mod mermaid;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use legend::{Class, Legend};
pub use limits::DiagramLimits;

use super::AccountTree;

/// A part of a tree, to be printed as a Mermaid flowchart or as a Graphviz graph.
///
/// Accounts are drawn once, whatever stands above them. Children beyond a limit are counted in a node of
/// their own: `… 12 more` (and `, 340 below them`), or `… 340 below` where none of them is drawn; tops beyond
/// a limit in one that hangs on nothing. The same tree, tops, limits and answers give the same text, and the
/// nodes of the text are numbered: no id of the host is part of its grammar.
///
/// ```
/// # use perennial::hierarchy::AccountTree;
/// # struct Departments;
/// # impl AccountTree for Departments {
/// #     type Node = u32;
/// #     fn parent(&self, node: u32) -> Option<u32> { (node > 0).then_some(0) }
/// #     fn children_into(&self, node: u32, out: &mut Vec<u32>) { if node == 0 { out.extend(1..6) } }
/// #     fn roots_into(&self, out: &mut Vec<u32>) { out.push(0) }
/// # }
/// use perennial::hierarchy::{DiagramLimits, TreeDiagram};
///
/// let limits = DiagramLimits::default().with_max_children(2);
/// let diagram = TreeDiagram::new(&Departments, &[0], &limits, |n| format!("n{n}"))
///     .coloured_by("floor", |n| (n > 0).then_some(n % 2));
/// assert_eq!(diagram.accounts(), [0, 1, 2]);
/// assert_eq!(diagram.left_out(), 3);
/// assert_eq!(
///     diagram.to_mermaid(),
///     r##"flowchart TD
///     n0["n0"]:::missing
///     n1["n1"]:::c1
///     n2["n2"]:::c0
///     m0["… 3 more"]:::more
///     n0 --> n1
///     n0 --> n2
///     n0 --- m0
///     subgraph legend["floor"]
///         k0["0 (1)"]:::c0
///         k1["1 (1)"]:::c1
///         k2["missing (1)"]:::missing
///     end
///     classDef c0 fill:#E69F00,stroke:#333333,color:#000000
///     classDef c1 fill:#56B4E9,stroke:#333333,color:#000000
///     classDef missing fill:#FFFFFF,stroke:#333333,color:#000000,stroke-dasharray:4 4
///     classDef more fill:#FFFFFF,stroke:#FFFFFF,color:#333333
/// "##
/// );
/// ```
#[derive(Debug, Clone)]
pub struct TreeDiagram<N> {
    accounts: Vec<N>,
    places: HashMap<N, usize>,
    limits: DiagramLimits,
    to_the_right: bool,
    // INVARIANT: one for each account.
    labels: Vec<String>,
    /// From an account to one drawn below it, by place.
    edges: Vec<(usize, usize)>,
    /// What is left out below an account, or among the tops.
    counts: Vec<(Option<usize>, String)>,
    left_out: usize,
    links: Vec<(usize, usize)>,
    links_left_out: usize,
    legend: Option<Legend>,
}

impl<N: Copy + Eq + Hash> TreeDiagram<N> {
    /// Draws accounts and what stands below them, each with what `label` says of it.
    ///
    /// A top that stands below another one is drawn there, and a top named twice once. Line breaks of a
    /// label stay, other control characters become `�`.
    ///
    /// # Complexity
    ///
    /// O(accounts below the tops), for the counts; labels are asked for drawn accounts only.
    pub fn new<T: AccountTree<Node = N> + ?Sized>(
        tree: &T,
        tops: &[N],
        limits: &DiagramLimits,
        label: impl Fn(N) -> String,
    ) -> Self {
        let mut diagram = Self {
            accounts: Vec::new(),
            places: HashMap::new(),
            limits: limits.clone(),
            to_the_right: false,
            labels: Vec::new(),
            edges: Vec::new(),
            counts: Vec::new(),
            left_out: 0,
            links: Vec::new(),
            links_left_out: 0,
            legend: None,
        };
        diagram.walk(tree, tops);
        diagram.labels = diagram.accounts.iter().map(|node| limits.cut(&label(*node))).collect();
        diagram
    }

    fn walk<T: AccountTree<Node = N> + ?Sized>(&mut self, tree: &T, tops: &[N]) {
        let mut asked: HashSet<N> = HashSet::new();
        let mut levels: Vec<usize> = Vec::new();
        let mut hidden: Vec<N> = Vec::new();
        for top in tops.iter().copied().filter(|top| asked.insert(*top)) {
            if self.limits.levels > 0 && self.accounts.len() < self.limits.accounts {
                self.add(top);
                levels.push(1);
            } else {
                hidden.push(top);
            }
        }
        let hidden_tops = std::mem::take(&mut hidden);
        let mut children: Vec<N> = Vec::new();
        let mut at = 0;
        while let (Some(node), Some(level)) = (self.accounts.get(at).copied(), levels.get(at).copied()) {
            tree.children_into(node, &mut children);
            let mut shown = 0;
            for child in children.drain(..) {
                if let Some(place) = self.places.get(&child) {
                    self.edges.push((at, *place));
                    shown += 1;
                } else if asked.contains(&child) {
                    // A top without room, which is counted among the tops.
                } else if level < self.limits.levels
                    && shown < self.limits.children
                    && self.accounts.len() < self.limits.accounts
                {
                    let place = self.add(child);
                    self.edges.push((at, place));
                    levels.push(level + 1);
                    shown += 1;
                } else {
                    hidden.push(child);
                }
            }
            self.count(tree, Some(at), shown > 0, std::mem::take(&mut hidden), &asked);
            at += 1;
        }
        self.count(tree, None, true, hidden_tops, &asked);
    }

    fn add(&mut self, node: N) -> usize {
        let place = self.accounts.len();
        self.places.insert(node, place);
        self.accounts.push(node);
        place
    }

    // Counts what is left out from `hidden` down. The walk stops at tops, which are counted themselves
    // or drawn: so every account counts once, and no part of the tree is walked twice.
    fn count<T: AccountTree<Node = N> + ?Sized>(
        &mut self,
        tree: &T,
        above: Option<usize>,
        some_are_drawn: bool,
        hidden: Vec<N>,
        tops: &HashSet<N>,
    ) {
        let direct = hidden.len();
        if direct == 0 {
            return;
        }
        let (mut stack, mut children) = (hidden, Vec::new());
        let mut all = 0;
        while let Some(node) = stack.pop() {
            all += 1;
            tree.children_into(node, &mut children);
            stack.extend(children.drain(..).filter(|child| !tops.contains(child)));
        }
        self.left_out += all;
        let text = match (some_are_drawn, all - direct) {
            (false, _) => format!("… {all} below"),
            (true, 0) => format!("… {direct} more"),
            (true, below) => format!("… {direct} more, {below} below them"),
        };
        self.counts.push((above, text));
    }

    /// With a colour for each value of a key, and a legend that says which: `title` names the key.
    ///
    /// The smallest values get the colours of the palette of Okabe and Ito, which colour-blind people tell
    /// apart, in one stable order; the seven of it that are no shade of grey. Where more values are drawn,
    /// those beyond the seventh share one grey and are counted in the legend (`5 other values`); no colour
    /// ever means two values. `None` has a look of its own. Texts are readable on all of them: their
    /// contrast is at least 4.5 to 1, which WCAG 2 asks for.
    ///
    /// Called again, it replaces the colours.
    #[must_use]
    pub fn coloured_by<K: Ord + ToString>(mut self, title: &str, key: impl Fn(N) -> Option<K>) -> Self {
        let keys: Vec<Option<K>> = self.accounts.iter().map(|node| key(*node)).collect();
        self.legend = Some(Legend::new(&self.limits, title, &keys));
        self
    }

    /// With dashed lines from accounts that an account also belongs to: those that `parents` names beside
    /// the one it stands under.
    ///
    /// A line is drawn where both ends are, and where [`DiagramLimits::with_max_links`] has room; the legend
    /// counts the others. Called again, it replaces the lines.
    #[must_use]
    pub fn linked_to(mut self, parents: impl Fn(N) -> Vec<N>) -> Self {
        self.links.clear();
        self.links_left_out = 0;
        let mut known: HashSet<(usize, usize)> = self.edges.iter().copied().collect();
        for (child, node) in self.accounts.iter().enumerate() {
            for parent in parents(*node) {
                match self.places.get(&parent) {
                    Some(parent) if !known.insert((*parent, child)) => {}
                    Some(parent) if self.links.len() < self.limits.links => self.links.push((*parent, child)),
                    _ => self.links_left_out += 1,
                }
            }
        }
        self
    }

    /// With the accounts below an account to its right, which suits wide trees.
    #[must_use]
    pub const fn left_to_right(mut self) -> Self {
        self.to_the_right = true;
        self
    }

    /// The drawn accounts, highest first, in the order of their numbers in the text.
    #[must_use]
    pub fn accounts(&self) -> &[N] {
        &self.accounts
    }

    /// How many accounts the limits left out.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// The diagram as a Mermaid flowchart.
    ///
    /// Texts are escaped, so that no label is read as markup, as Markdown or as a part of the grammar.
    /// Mermaid refuses a text beyond its settings `maxTextSize` (50,000 characters) and `maxEdges` (500):
    /// default limits keep to the second, and to the first unless labels are long and full of punctuation.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        mermaid::print(self)
    }

    /// The diagram in the DOT language of Graphviz, through petgraph's
    /// [`Dot`](petgraph::dot::Dot).
    #[must_use]
    pub fn to_dot(&self) -> String {
        dot::print(self)
    }

    fn class(&self, place: usize) -> Option<Class> {
        self.legend.as_ref().and_then(|legend| legend.classes.get(place).copied())
    }

    // The rows of the legend: what a look means.
    fn legend_rows(&self) -> Vec<(String, Option<Class>)> {
        let mut rows: Vec<(String, Option<Class>)> = Vec::new();
        if let Some(legend) = &self.legend {
            rows.extend(legend.rows.iter().map(|(text, class)| (text.clone(), Some(*class))));
        }
        match (self.links.len(), self.links_left_out) {
            (0, 0) => {}
            (0, hidden) => rows.push((format!("{hidden} further parents not drawn"), None)),
            (drawn, 0) => rows.push((format!("dashed line: further parent ({drawn})"), None)),
            (drawn, hidden) => {
                rows.push((format!("dashed line: further parent ({drawn}; {hidden} not drawn)"), None));
            }
        }
        rows
    }

    fn legend_title(&self) -> &str {
        self.legend.as_ref().map_or("legend", |legend| legend.title.as_str())
    }
}
