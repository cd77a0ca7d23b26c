//! Does an [`AccountTree`] keep its promises?
//!
//! Nothing here trusts the tree: a ring, a child of two parents or a node that nobody reaches ends in a
//! [`Broken`], never in a loop. Each test looks at every node once; only
//! [`provided_answers_agree`] looks at a sample.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use super::outcome::{Broken, Outcome, Verdict};
use crate::hierarchy::AccountTree;

/// Most nodes for which the provided methods are compared.
const SAMPLE: usize = 100;

/// A tree, and all of its nodes as the host knows them.
///
/// The nodes come from the host and not from a walk, since a walk finds only what the tree admits.
///
/// ```
/// use perennial::hierarchy::AccountTree;
/// use perennial::testkit::conformance::{TreeCase, tree};
///
/// struct Departments(Vec<Option<usize>>);
///
/// impl AccountTree for Departments {
///     type Node = usize;
///     fn parent(&self, node: usize) -> Option<usize> {
///         self.0.get(node).copied().flatten()
///     }
///     fn children_into(&self, node: usize, out: &mut Vec<usize>) {
///         out.extend((0..self.0.len()).filter(|child| self.parent(*child) == Some(node)));
///     }
///     fn roots_into(&self, out: &mut Vec<usize>) {
///         out.extend((0..self.0.len()).filter(|node| self.parent(*node).is_none()));
///     }
/// }
///
/// let case = TreeCase::new(Departments(vec![None, Some(0), Some(0), Some(2)]), 0..4);
/// assert!(tree::all(&case).iter().all(|(_, outcome)| outcome.is_ok()));
/// ```
#[derive(Debug, Clone)]
pub struct TreeCase<T: AccountTree> {
    tree: T,
    nodes: Vec<T::Node>,
}

impl<T: AccountTree> TreeCase<T> {
    /// A tree with all of its nodes, each once, in any order.
    pub fn new(tree: T, nodes: impl IntoIterator<Item = T::Node>) -> Self {
        Self { tree, nodes: nodes.into_iter().collect() }
    }
}

/// Every promise of a tree with what became of it, in the order of the trait's documentation.
pub fn all<T: AccountTree>(case: &TreeCase<T>) -> Vec<(&'static str, Outcome)> {
    super::__tree_promises!(__outcomes[case])
}

/// Whoever is among the children of an account has it as parent.
///
/// # Errors
///
/// [`Broken`] with the first child that names another parent.
pub fn children_name_their_parent<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let mut children = Vec::new();
    for node in &case.nodes {
        children.clear();
        case.tree.children_into(*node, &mut children);
        for child in &children {
            let parent = case.tree.parent(*child);
            if parent != Some(*node) {
                let expected = format!("{node:?} as parent of its child {child:?}");
                return broken("children_name_their_parent", expected, &parent);
            }
        }
    }
    Ok(Verdict::Kept)
}

/// Whoever has a parent is among its children.
///
/// # Errors
///
/// [`Broken`] with the first account that is not.
pub fn a_node_stands_among_the_children_of_its_parent<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let mut children: HashMap<T::Node, HashSet<T::Node>> = HashMap::new();
    for node in &case.nodes {
        if let Some(parent) = case.tree.parent(*node) {
            let among =
                children.entry(parent).or_insert_with(|| case.tree.children(parent).into_iter().collect());
            if !among.contains(node) {
                let expected = format!("{node:?} among the children of its parent {parent:?}");
                let found = case.tree.children(parent);
                return broken("a_node_stands_among_the_children_of_its_parent", expected, &found);
            }
        }
    }
    Ok(Verdict::Kept)
}

/// No account is among the children of an account twice, and none among the roots.
///
/// # Errors
///
/// [`Broken`] with the first one that is.
pub fn nobody_stands_twice<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let twice = |list: &[T::Node]| {
        let mut seen = HashSet::new();
        list.iter().find(|node| !seen.insert(**node)).copied()
    };
    for node in &case.nodes {
        if let Some(child) = twice(&case.tree.children(*node)) {
            return broken("nobody_stands_twice", format!("{child:?} once under {node:?}"), &"it again");
        }
    }
    match twice(&case.tree.roots()) {
        Some(root) => broken("nobody_stands_twice", format!("{root:?} once among the roots"), &"it again"),
        None => Ok(Verdict::Kept),
    }
}

/// A root has no parent.
///
/// # Errors
///
/// [`Broken`] with the first root that has one.
pub fn roots_have_no_parent<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    for root in case.tree.roots() {
        if let Some(parent) = case.tree.parent(root) {
            return broken("roots_have_no_parent", format!("no parent of the root {root:?}"), &parent);
        }
    }
    Ok(Verdict::Kept)
}

/// An account without parent is a root.
///
/// # Errors
///
/// [`Broken`] with the first one that is not.
pub fn a_node_without_parent_is_a_root<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let roots: HashSet<T::Node> = case.tree.roots().into_iter().collect();
    let stray = case.nodes.iter().find(|node| case.tree.parent(**node).is_none() && !roots.contains(node));
    match stray {
        Some(node) => {
            broken("a_node_without_parent_is_a_root", format!("{node:?} among the roots"), &"not there")
        }
        None => Ok(Verdict::Kept),
    }
}

/// Nobody stands above himself, however far up.
///
/// # Errors
///
/// [`Broken`] with an account of the ring.
pub fn there_is_no_cycle<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    match ring(case) {
        Some(node) => broken("there_is_no_cycle", format!("a root above {node:?}"), &"itself"),
        None => Ok(Verdict::Kept),
    }
}

/// The children of an account come in the same order whenever they are asked for.
///
/// # Errors
///
/// [`Broken`] with both orders.
pub fn children_come_in_one_order<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    // Asked again only after all others were, so that the answer before cannot help.
    let first: Vec<Vec<T::Node>> = case.nodes.iter().map(|node| case.tree.children(*node)).collect();
    for (node, first) in case.nodes.iter().zip(first) {
        let second = case.tree.children(*node);
        if first != second {
            return broken("children_come_in_one_order", format!("{first:?} under {node:?} again"), &second);
        }
    }
    Ok(Verdict::Kept)
}

/// The roots come in the same order whenever they are asked for.
///
/// # Errors
///
/// [`Broken`] with both orders.
pub fn roots_come_in_one_order<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let (first, second) = (case.tree.roots(), case.tree.roots());
    if first == second {
        return Ok(Verdict::Kept);
    }
    broken("roots_come_in_one_order", format!("the roots {first:?} again"), &second)
}

/// Children are added behind what the list holds already.
///
/// # Errors
///
/// [`Broken`] with the list.
pub fn children_are_appended<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    for node in &case.nodes {
        let mut expected = vec![*node];
        expected.extend(case.tree.children(*node));
        let mut found = vec![*node];
        case.tree.children_into(*node, &mut found);
        if found != expected {
            return broken("children_are_appended", format!("{expected:?}"), &found);
        }
    }
    Ok(Verdict::Kept)
}

/// Roots are added behind what the list holds already.
///
/// # Errors
///
/// [`Broken`] with the list.
pub fn roots_are_appended<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let start: Vec<T::Node> = case.nodes.iter().take(1).copied().collect();
    let mut expected = start.clone();
    expected.extend(case.tree.roots());
    let mut found = start;
    case.tree.roots_into(&mut found);
    if found == expected {
        return Ok(Verdict::Kept);
    }
    broken("roots_are_appended", format!("{expected:?}"), &found)
}

/// A walk from the roots meets every account once, and nobody else.
///
/// # Errors
///
/// [`Broken`] with the first account that is missed, strange or met again.
pub fn the_walk_meets_everybody_once<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let mut missed: HashSet<T::Node> = case.nodes.iter().copied().collect();
    // A ring would go on for ever: whoever is met again ends the walk.
    for node in case.tree.walk() {
        if !missed.remove(&node) {
            let expected = format!("each of {} accounts once", case.nodes.len());
            return broken("the_walk_meets_everybody_once", expected, &format!("{node:?} again, or unknown"));
        }
    }
    match case.nodes.iter().find(|node| missed.contains(node)) {
        Some(node) => {
            broken("the_walk_meets_everybody_once", format!("{node:?} on the walk"), &"it was not met")
        }
        None => Ok(Verdict::Kept),
    }
}

/// A method that the trait provides and the host overrides, for speed, gives the same answer: children,
/// roots, siblings, lineage, root, level, subtree, leaves, being under another, and the meeting point.
///
/// Compared for up to 100 accounts. Skipped for a tree that is none, which the other promises say.
///
/// # Errors
///
/// [`Broken`] with the first answer that differs.
pub fn provided_answers_agree<T: AccountTree>(case: &TreeCase<T>) -> Outcome {
    let sound = ring(case).is_none()
        && [children_name_their_parent, nobody_stands_twice].iter().all(|promise| promise(case).is_ok());
    if !sound {
        return Ok(Verdict::Skipped { because: String::from("the tree is not in order") });
    }
    let plain = Plain(&case.tree);
    same("roots", &plain.roots(), &case.tree.roots())?;
    let step = case.nodes.len().div_ceil(SAMPLE).max(1);
    let mut before: Option<T::Node> = None;
    for node in case.nodes.iter().step_by(step).copied() {
        let about = |what: &str| format!("{what} of {node:?}");
        let tree = &case.tree;
        same(&about("children"), &plain.children(node), &tree.children(node))?;
        same(&about("siblings"), &plain.siblings(node), &tree.siblings(node))?;
        same(&about("ancestors"), &list(plain.ancestors(node)), &list(tree.ancestors(node)))?;
        same(&about("lineage"), &list(plain.lineage(node)), &list(tree.lineage(node)))?;
        same(&about("root"), &plain.root(node), &tree.root(node))?;
        same(&about("level"), &plain.level(node), &tree.level(node))?;
        same(&about("subtree"), &list(plain.subtree(node)), &list(tree.subtree(node)))?;
        same(&about("descendants"), &list(plain.descendants(node)), &list(tree.descendants(node)))?;
        same(&about("leaves"), &plain.leaves(node), &tree.leaves(node))?;
        let parent = tree.parent(node);
        for other in before.into_iter().chain(parent).chain([node]) {
            let about = |what: &str| format!("{what} of {node:?} and {other:?}");
            same(&about("being under"), &plain.is_under(node, other), &tree.is_under(node, other))?;
            same(&about("being above"), &plain.is_under(other, node), &tree.is_under(other, node))?;
            let (expected, found) =
                (plain.lowest_common_ancestor(node, other), tree.lowest_common_ancestor(node, other));
            same(&about("meeting point"), &expected, &found)?;
        }
        before = Some(node);
    }
    Ok(Verdict::Kept)
}

/// The three required methods of a tree, and nothing that the host overrides.
struct Plain<'t, T>(&'t T);

impl<T: AccountTree> AccountTree for Plain<'_, T> {
    type Node = T::Node;

    fn parent(&self, node: T::Node) -> Option<T::Node> {
        self.0.parent(node)
    }

    fn children_into(&self, node: T::Node, out: &mut Vec<T::Node>) {
        self.0.children_into(node, out);
    }

    fn roots_into(&self, out: &mut Vec<T::Node>) {
        self.0.roots_into(out);
    }
}

// A node that stands above itself. Every node is climbed from until a path that is known.
fn ring<T: AccountTree>(case: &TreeCase<T>) -> Option<T::Node> {
    let mut climb_of: HashMap<T::Node, usize> = HashMap::new();
    for (climb, start) in case.nodes.iter().enumerate() {
        let mut at = Some(*start);
        while let Some(node) = at {
            match climb_of.get(&node) {
                Some(own) if *own == climb => return Some(node),
                Some(_) => break,
                None => climb_of.insert(node, climb),
            };
            at = case.tree.parent(node);
        }
    }
    None
}

fn list<N>(nodes: impl Iterator<Item = N>) -> Vec<N> {
    nodes.collect()
}

fn same<V: PartialEq + Debug>(what: &str, expected: &V, found: &V) -> Result<(), Broken> {
    if expected == found {
        return Ok(());
    }
    Err(Broken::new("provided_answers_agree", format!("{what} to be {expected:?}"), format!("{found:?}")))
}

fn broken(promise: &'static str, expected: impl std::fmt::Display, found: &impl Debug) -> Outcome {
    Err(Broken::new(promise, expected, format!("{found:?}")))
}
