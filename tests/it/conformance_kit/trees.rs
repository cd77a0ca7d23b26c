//! Do our trees keep the promises of a tree, and does the kit notice one that does not?

use std::cell::Cell as State;
use std::collections::HashSet;

use perennial::hierarchy::AccountTree;
use perennial::testkit::conformance::{Outcome, TreeCase, tree};
use perennial::testkit::{PlainBook, ReferenceBook, account_tree_conformance};
use perennial::{AccountIdx, AsOf, Book, Change, Date, Policy, Scope, View};

use super::sorted;
use crate::common::{id, view};

fn reference_view(scope: impl Fn(&Book) -> Scope) -> TreeCase<View> {
    let reference = ReferenceBook::new(3_000, 11);
    let builder = Book::builder(reference.schema()).chunk_rows(64);
    let (book, _) = builder.load(&reference).unwrap();
    let view = book.view(&scope(&book), AsOf::date_utc(Date::MIN)).unwrap();
    // By id, not by a walk.
    let ids = (0..reference.len()).map(|number| reference.id(number));
    let nodes: Vec<AccountIdx> = ids.filter_map(|id| Some(view.account(&id)?.place())).collect();
    assert_eq!(nodes.len(), view.len());
    TreeCase::new(view, nodes)
}

account_tree_conformance!(view_of_everything, || reference_view(|_| Scope::all()));
account_tree_conformance!(view_with_hidden_accounts, || reference_view(|book| {
    let reference = ReferenceBook::new(3_000, 11);
    let seen: Vec<String> =
        (0..3_000).filter(|number| number % 3 != 1).map(|number| reference.id(number)).collect();
    Scope::of(book.accounts(seen.iter().map(String::as_str)))
}));
account_tree_conformance!(view_of_nothing, || reference_view(|book| Scope::of(book.accounts([]))));
account_tree_conformance!(view_after_a_change, || {
    let plain = PlainBook::one_tree(500, 4);
    let (book, _) = Book::builder(plain.schema()).chunk_rows(8).load(&plain).unwrap();
    let (top, moved) = (id(&plain.id(0)), id(&plain.id(77)));
    let (book, _) = book.apply(&Change::new().move_under(&moved, &top)).unwrap();
    let view = view(&book);
    let nodes: Vec<AccountIdx> =
        (0..500).map(|number| view.account(&plain.id(number)).unwrap().place()).collect();
    TreeCase::new(view, nodes)
});
account_tree_conformance!(parents_in_a_vector, || parents(Defect::None));
account_tree_conformance!(a_long_chain, || {
    let (book, _) = {
        let chain = PlainBook::chain(20_000);
        Book::load(chain.schema(), &chain, &Policy::strict()).unwrap()
    };
    let view = view(&book);
    let nodes: Vec<AccountIdx> = view.accounts().map(|account| account.place()).collect();
    TreeCase::new(view, nodes)
});

/// What is wrong with a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    StrangeChild,
    LostChild,
    ChildTwice,
    RootTwice,
    RootWithParent,
    LostRoot,
    Ring,
    OtherOrder,
    OtherRoots,
    ClearsChildren,
    ClearsRoots,
    WrongLevel,
    WrongMeeting,
}

/// 0 over 1 and 2, 2 over 3 and 4; 5 alone; and 6 over 7.
struct Parents {
    above: Vec<Option<usize>>,
    defect: Defect,
    asked: State<usize>,
}

fn parents(defect: Defect) -> TreeCase<Parents> {
    let mut parents = vec![None, Some(0), Some(0), Some(2), Some(2), None, None, Some(6)];
    if defect == Defect::Ring {
        parents[6] = Some(7);
    }
    let nodes = 0..parents.len();
    TreeCase::new(Parents { above: parents, defect, asked: State::new(0) }, nodes)
}

impl AccountTree for Parents {
    type Node = usize;

    fn parent(&self, node: usize) -> Option<usize> {
        self.above.get(node).copied().flatten()
    }

    fn children_into(&self, node: usize, out: &mut Vec<usize>) {
        if self.defect == Defect::ClearsChildren {
            out.clear();
        }
        let start = out.len();
        out.extend((0..self.above.len()).filter(|child| self.parent(*child) == Some(node)));
        self.asked.set(self.asked.get() + 1);
        match (self.defect, node) {
            (Defect::StrangeChild, 5) => out.push(1),
            (Defect::LostChild, 2) => drop(out.pop()),
            (Defect::ChildTwice, 2) => out.push(3),
            (Defect::OtherOrder, 0) if self.asked.get() > 8 => out[start..].reverse(),
            _ => {}
        }
    }

    fn roots_into(&self, out: &mut Vec<usize>) {
        if self.defect == Defect::ClearsRoots {
            out.clear();
        }
        let start = out.len();
        out.extend((0..self.above.len()).filter(|node| self.parent(*node).is_none()));
        self.asked.set(self.asked.get() + 1);
        match self.defect {
            Defect::RootTwice => out.push(5),
            Defect::RootWithParent => out.push(7),
            Defect::LostRoot => out.retain(|root| *root != 5),
            Defect::OtherRoots if self.asked.get().is_multiple_of(2) => out[start..].reverse(),
            _ => {}
        }
    }

    fn level(&self, node: usize) -> usize {
        self.lineage(node).count() - usize::from(self.defect == Defect::WrongLevel)
    }

    fn lowest_common_ancestor(&self, a: usize, b: usize) -> Option<usize> {
        if self.defect == Defect::WrongMeeting && a == b {
            return self.parent(a);
        }
        let above: Vec<usize> = self.lineage(b).collect();
        self.lineage(a).find(|node| above.contains(node))
    }
}

#[test]
fn every_mutant_of_a_tree_breaks_its_promise_and_those_that_fall_with_it() {
    let walk = "the_walk_meets_everybody_once";
    let provided = "provided_answers_agree";
    let cases: [(Defect, &[&str]); 13] = [
        (Defect::StrangeChild, &["children_name_their_parent", walk]),
        (Defect::LostChild, &["a_node_stands_among_the_children_of_its_parent", walk]),
        (Defect::ChildTwice, &["nobody_stands_twice", walk]),
        (Defect::RootTwice, &["nobody_stands_twice", walk]),
        (Defect::RootWithParent, &["roots_have_no_parent", walk]),
        (Defect::LostRoot, &["a_node_without_parent_is_a_root", walk]),
        (Defect::Ring, &["there_is_no_cycle", walk]),
        (Defect::OtherOrder, &["children_come_in_one_order"]),
        (Defect::OtherRoots, &["roots_come_in_one_order", "roots_are_appended", provided]),
        (Defect::ClearsChildren, &["children_are_appended"]),
        (Defect::ClearsRoots, &["roots_are_appended"]),
        (Defect::WrongLevel, &[provided]),
        (Defect::WrongMeeting, &[provided]),
    ];
    let mut covered: HashSet<&str> = HashSet::new();
    // Each promise of a tree of its own, so that what one asks does not change another's answer.
    let promises: [fn(&TreeCase<Parents>) -> Outcome; 12] = [
        tree::children_name_their_parent,
        tree::a_node_stands_among_the_children_of_its_parent,
        tree::nobody_stands_twice,
        tree::roots_have_no_parent,
        tree::a_node_without_parent_is_a_root,
        tree::there_is_no_cycle,
        tree::children_come_in_one_order,
        tree::roots_come_in_one_order,
        tree::children_are_appended,
        tree::roots_are_appended,
        tree::the_walk_meets_everybody_once,
        tree::provided_answers_agree,
    ];
    for (defect, expected) in cases {
        let broken = promises.iter().filter_map(|promise| promise(&parents(defect)).err());
        let found: Vec<&str> = broken.map(|broken| broken.promise()).collect();
        assert_eq!(sorted(found), sorted(expected.to_vec()), "{defect:?}");
        covered.extend(expected);
    }
    assert_eq!(covered.len(), tree::all(&parents(Defect::None)).len());
}
