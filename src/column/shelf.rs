//! A long list of which many versions are held at once.

use std::sync::Arc;

/// Entries of one node.
const WIDTH: usize = 16;

/// A list by number. A copy shares everything; an entry that is replaced copies the nodes on the way to it, so that the cost
/// of a change does not grow with the list, but with the logarithm of it.
#[derive(Debug, Clone)]
pub(crate) struct Shelf<T> {
    root: Node<T>,
    /// Levels of nodes above the entries' own.
    height: u32,
    len: usize,
}

#[derive(Debug, Clone)]
enum Node<T> {
    Entries(Arc<Vec<T>>),
    Nodes(Arc<Vec<Node<T>>>),
}

impl<T> Node<T> {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Entries(own), Self::Entries(other)) => Arc::ptr_eq(own, other),
            (Self::Nodes(own), Self::Nodes(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}

/// Which child of a node holds an entry.
const fn child(at: usize, height: u32) -> usize {
    (at / WIDTH.pow(height)) % WIDTH
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { root: Node::Entries(Arc::new(Vec::new())), height: 0, len: 0 }
    }
}

impl<T> Shelf<T> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The entries of the lowest node around a number, from the first of that node.
    fn run(&self, at: usize) -> &[T] {
        let mut node = &self.root;
        let mut height = self.height;
        loop {
            match node {
                Node::Entries(entries) => return entries,
                Node::Nodes(nodes) => match nodes.get(child(at, height)) {
                    Some(below) => node = below,
                    None => return &[],
                },
            }
            height = height.saturating_sub(1);
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        if at >= self.len {
            return None;
        }
        self.run(at).get(at % WIDTH)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len).step_by(WIDTH).flat_map(|at| self.run(at))
    }

    /// The numbers at which two lists may differ, in order: what is the same node is passed over.
    ///
    /// O(nodes that differ).
    pub(crate) fn differing(&self, other: &Self) -> Vec<usize> {
        let mut found = Vec::new();
        let longest = self.len.max(other.len);
        if self.height != other.height {
            found.extend(0..longest);
            return found;
        }
        let mut left = vec![(Some(&self.root), Some(&other.root), self.height, 0)];
        while let Some((own, others, height, first)) = left.pop() {
            let width = WIDTH.pow(height + 1);
            match (own, others) {
                (Some(own), Some(others)) if own.same(others) => {}
                (Some(Node::Nodes(own)), Some(Node::Nodes(others))) => {
                    let below = width / WIDTH;
                    for at in (0..own.len().max(others.len())).rev() {
                        left.push((
                            own.get(at),
                            others.get(at),
                            height.saturating_sub(1),
                            first + at * below,
                        ));
                    }
                }
                _ => found.extend(first..(first + width).min(longest)),
            }
        }
        found
    }
}

impl<T: Clone> Shelf<T> {
    /// An entry to be changed: a copy of it, where others hold this list too.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        if at >= self.len {
            return None;
        }
        let mut height = self.height;
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Entries(entries) => return Arc::make_mut(entries).get_mut(at % WIDTH),
                Node::Nodes(nodes) => node = Arc::make_mut(nodes).get_mut(child(at, height))?,
            }
            height = height.saturating_sub(1);
        }
    }

    pub(crate) fn push(&mut self, entry: T) {
        if self.len == WIDTH.pow(self.height + 1) {
            let below = std::mem::replace(&mut self.root, Node::Nodes(Arc::default()));
            self.root = Node::Nodes(Arc::new(vec![below]));
            self.height += 1;
        }
        let at = self.len;
        self.len += 1;
        let mut height = self.height;
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Entries(entries) => {
                    Arc::make_mut(entries).push(entry);
                    return;
                }
                Node::Nodes(nodes) => {
                    let nodes = Arc::make_mut(nodes);
                    let next = child(at, height);
                    height = height.saturating_sub(1);
                    if next == nodes.len() {
                        nodes.push(match height {
                            0 => Node::Entries(Arc::default()),
                            _ => Node::Nodes(Arc::default()),
                        });
                    }
                    match nodes.get_mut(next) {
                        Some(below) => node = below,
                        None => return,
                    }
                }
            }
        }
    }
}

impl<'s, T> IntoIterator for &'s Shelf<T> {
    type Item = &'s T;
    type IntoIter = Box<dyn Iterator<Item = &'s T> + 's>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl<T: Clone> FromIterator<T> for Shelf<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut shelf = Self::default();
        entries.into_iter().for_each(|entry| shelf.push(entry));
        shelf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list() {
        for len in [0, 1, 15, 16, 17, 255, 256, 257, 4_095, 4_096, 4_097, 5_000] {
            let shelf: Shelf<usize> = (0..len).collect();
            assert_eq!(shelf.len(), len);
            assert!(shelf.iter().copied().eq(0..len), "{len}");
            for at in [0, 1, len / 2, len.saturating_sub(1), len, len + 1, 70_000] {
                assert_eq!(shelf.get(at).copied(), (at < len).then_some(at), "{at} of {len}");
            }
        }
    }

    #[test]
    fn copies_differ_only_where_one_was_changed() {
        let one: Shelf<usize> = (0..5_000).collect();
        let mut other = one.clone();
        assert!(one.differing(&other).is_empty());
        *other.get_mut(4_321).unwrap() = 7;
        assert!(other.get_mut(5_000).is_none());
        assert_eq!((one.get(4_321), other.get(4_321)), (Some(&4_321), Some(&7)));
        let differing = one.differing(&other);
        assert!(differing.contains(&4_321) && differing.len() <= WIDTH, "{differing:?}");
        let mut longer = one.clone();
        longer.push(1);
        assert!(one.differing(&longer).contains(&5_000) && longer.differing(&one).contains(&5_000));
        let short: Shelf<usize> = (0..3).collect();
        assert_eq!(short.differing(&one).len(), 5_000);
    }
}
