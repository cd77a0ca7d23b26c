//! Which questions does any tree of accounts answer?
//!
//! A host that keeps its hierarchy in its own storage implements three methods and gets the
//! algorithms; [`View`](crate::View) implements the same trait. Everything here is iterative.

use std::fmt::Debug;
use std::hash::Hash;

/// A forest of accounts.
///
/// # What implementors must guarantee
///
/// The names are those of the tests in `testkit::conformance::tree` (feature `testkit`), which
/// `testkit::account_tree_conformance!` runs over your own tree.
///
/// * `parent` and the children agree: `c` is among the children of `p`, once, exactly when `p` is the
///   parent of `c`, and the roots are the nodes without a parent: `children_name_their_parent`,
///   `a_node_stands_among_the_children_of_its_parent`, `nobody_stands_twice`, `roots_have_no_parent`,
///   `a_node_without_parent_is_a_root`.
/// * There is no cycle, so that a walk from the roots ends and meets everybody: `there_is_no_cycle`,
///   `the_walk_meets_everybody_once`.
/// * Children and roots come in one stable order: `children_come_in_one_order`,
///   `roots_come_in_one_order`. They are appended, and what the list held stays: `children_are_appended`,
///   `roots_are_appended`.
/// * A provided method that is overridden gives the same answer: `provided_answers_agree`.
///
/// # Example
///
/// ```
/// use perennial::hierarchy::AccountTree;
///
/// struct Departments; // 0 over 1 and 2, 2 over 3
///
/// impl AccountTree for Departments {
///     type Node = u32;
///     fn parent(&self, node: u32) -> Option<u32> {
///         [None, Some(0), Some(0), Some(2)].get(node as usize).copied().flatten()
///     }
///     fn children_into(&self, node: u32, out: &mut Vec<u32>) {
///         out.extend((0..4).filter(|child| self.parent(*child) == Some(node)));
///     }
///     fn roots_into(&self, out: &mut Vec<u32>) {
///         out.push(0);
///     }
/// }
///
/// assert_eq!(Departments.lineage(3).collect::<Vec<_>>(), [3, 2, 0]);
/// assert_eq!(Departments.subtree(0).collect::<Vec<_>>(), [0, 1, 2, 3]);
/// assert_eq!(Departments.lowest_common_ancestor(1, 3), Some(0));
/// assert_eq!(Departments.level(3), 3);
/// ```
pub trait AccountTree {
    /// A node of the tree.
    type Node: Copy + Eq + Hash + Ord + Debug;

    /// The parent, or `None` for a root.
    fn parent(&self, node: Self::Node) -> Option<Self::Node>;

    /// Appends the children in order.
    fn children_into(&self, node: Self::Node, out: &mut Vec<Self::Node>);

    /// Appends the roots in order.
    fn roots_into(&self, out: &mut Vec<Self::Node>);

    /// The children in order.
    fn children(&self, node: Self::Node) -> Vec<Self::Node> {
        let mut children = Vec::new();
        self.children_into(node, &mut children);
        children
    }

    /// The roots in order.
    fn roots(&self) -> Vec<Self::Node> {
        let mut roots = Vec::new();
        self.roots_into(&mut roots);
        roots
    }

    /// The other children of the parent; of a root, the other roots.
    fn siblings(&self, node: Self::Node) -> Vec<Self::Node> {
        let mut siblings = match self.parent(node) {
            Some(parent) => self.children(parent),
            None => self.roots(),
        };
        siblings.retain(|sibling| *sibling != node);
        siblings
    }

    /// The accounts above, nearest first.
    fn ancestors(&self, node: Self::Node) -> Ancestors<'_, Self> {
        Ancestors { tree: self, next: self.parent(node) }
    }

    /// The account and those above, nearest first.
    fn lineage(&self, node: Self::Node) -> Ancestors<'_, Self> {
        Ancestors { tree: self, next: Some(node) }
    }

    /// The top of the tree that the account stands in; a root is its own.
    fn root(&self, node: Self::Node) -> Self::Node {
        self.lineage(node).last().unwrap_or(node)
    }

    /// How deep the account stands; a root is at level 1.
    fn level(&self, node: Self::Node) -> usize {
        self.lineage(node).count()
    }

    /// Whether the account stands below `top`, or is it.
    fn is_under(&self, node: Self::Node, top: Self::Node) -> bool {
        self.lineage(node).any(|up| up == top)
    }

    /// The account and everything below, in pre-order.
    fn subtree(&self, node: Self::Node) -> Descendants<'_, Self> {
        Descendants { tree: self, stack: vec![node], scratch: Vec::new() }
    }

    /// Everything below the account, in pre-order.
    fn descendants(&self, node: Self::Node) -> Descendants<'_, Self> {
        let mut walk = self.subtree(node);
        walk.next();
        walk
    }

    /// Every account of the forest, in pre-order.
    fn walk(&self) -> Descendants<'_, Self> {
        let mut stack = self.roots();
        stack.reverse();
        Descendants { tree: self, stack, scratch: Vec::new() }
    }

    /// The accounts of the subtree that have no children, in pre-order.
    fn leaves(&self, node: Self::Node) -> Vec<Self::Node> {
        let mut children = Vec::new();
        let mut leaves = Vec::new();
        for below in self.subtree(node) {
            children.clear();
            self.children_into(below, &mut children);
            if children.is_empty() {
                leaves.push(below);
            }
        }
        leaves
    }

    /// The lowest account that both stand under (or are); `None` in different trees.
    fn lowest_common_ancestor(&self, a: Self::Node, b: Self::Node) -> Option<Self::Node> {
        let (mut a, mut b) = (a, b);
        let (mut deep, mut shallow) = (self.level(a), self.level(b));
        while deep > shallow {
            a = self.parent(a)?;
            deep -= 1;
        }
        while shallow > deep {
            b = self.parent(b)?;
            shallow -= 1;
        }
        while a != b {
            a = self.parent(a)?;
            b = self.parent(b)?;
        }
        Some(a)
    }
}

/// Accounts upwards, nearest first.
#[derive(Debug)]
pub struct Ancestors<'t, T: AccountTree + ?Sized> {
    tree: &'t T,
    next: Option<T::Node>,
}

impl<T: AccountTree + ?Sized> Iterator for Ancestors<'_, T> {
    type Item = T::Node;

    fn next(&mut self) -> Option<T::Node> {
        let node = self.next?;
        self.next = self.tree.parent(node);
        Some(node)
    }
}

/// Accounts downwards, in pre-order.
#[derive(Debug)]
pub struct Descendants<'t, T: AccountTree + ?Sized> {
    tree: &'t T,
    // Nodes still to come, the next one last.
    stack: Vec<T::Node>,
    scratch: Vec<T::Node>,
}

impl<T: AccountTree + ?Sized> Iterator for Descendants<'_, T> {
    type Item = T::Node;

    fn next(&mut self) -> Option<T::Node> {
        let node = self.stack.pop()?;
        self.scratch.clear();
        self.tree.children_into(node, &mut self.scratch);
        self.stack.extend(self.scratch.drain(..).rev());
        Some(node)
    }
}
