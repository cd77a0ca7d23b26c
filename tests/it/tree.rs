//! A loaded book answers as the oracle does, whatever the shape, the order of rows and the packing.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::common::{CHUNK_ROWS, answers, as_of, forest, schema, view};
use perennial::hierarchy::AccountTree;
use perennial::testkit::{Oracle, PlainBook, ReferenceBook};
use perennial::{
    AccountId, Book, Change, Policy, Schema, Scope, Value,
    source::{Source, SourceExt, TableName},
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::common::config(96))]

    #[test]
    fn loaded_forests_answer_as_the_oracle(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 0..40),
        order in any::<u64>(),
    ) {
        let rows = forest(&seeds);
        let oracle = Oracle::from_rows(&schema(), &rows.accounts, &rows.children).unwrap();
        let mut first = None;
        for chunk_rows in CHUNK_ROWS {
            let (book, report) = rows.shuffled(order.wrapping_add(chunk_rows.into())).load(chunk_rows, Policy::strict());
            prop_assert!(report.counts.is_empty());
            let view = view(&book);
            oracle.compare(&view).map_err(TestCaseError::fail)?;
            prop_assert_eq!(Oracle::from_view(&view), oracle.clone());
            // Packing shows nowhere.
            let own = answers(&view);
            prop_assert_eq!(first.get_or_insert_with(|| own.clone()), &own);
            prop_assert_eq!(report.subsidiaries, oracle.accounts.values().filter(|a| a.parent.is_some()).count());
        }
    }
}

#[test]
fn a_book_of_nothing_answers() {
    let (book, report) = crate::common::Rows::default().load(1, Policy::strict());
    assert!(book.is_empty() && report.counts.is_empty());
    Oracle::default().compare(&view(&book)).unwrap();
}

fn load(schema: std::sync::Arc<Schema>, source: &dyn Source, chunk_rows: u32) -> Book {
    Book::builder(schema).chunk_rows(chunk_rows).load(source).unwrap().0
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    println!("{what}: {:?}", start.elapsed());
    done
}

const DEEP: usize = 100_000;

#[test]
fn a_chain_of_a_hundred_thousand_is_an_ordinary_tree() {
    let chain = PlainBook::chain(DEEP);
    for chunk_rows in [4_096, 100] {
        let book = timed("load", || load(chain.schema(), &chain, chunk_rows));
        timed("verify", || book.verify()).unwrap();
        let view = view(&book);
        let bottom = view.account(&chain.id(DEEP - 1)).unwrap();
        assert_eq!(timed("level", || bottom.level()), DEEP);
        assert_eq!(timed("path", || bottom.path()).matches('›').count(), DEEP - 1);
        let middle = view.account(&chain.id(DEEP / 2)).unwrap();
        assert_eq!(bottom.lowest_common_ancestor(middle), Some(middle));
        assert_eq!(bottom.root().id_str(), chain.id(0));
        assert!(bottom.is_under(middle) && !middle.is_under(bottom));
        assert_eq!(timed("walk", || view.walk().count()), DEEP);
        assert_eq!(middle.leaves(), [bottom]);
        assert_eq!(book.subtrees([&*chain.id(DEEP / 2)]).len(), DEEP / 2);

        // The lower half under the root: 50,000 accounts move at once.
        let (half, top) = (middle.id(), view.account(&chain.id(0)).unwrap().id());
        let (next, report) = timed("move", || book.apply(&Change::new().move_under(&half, &top)).unwrap());
        timed("verify", || next.verify()).unwrap();
        assert_eq!(report.accounts.moves.len(), 1);
        let after = crate::common::view(&next);
        assert_eq!(after.account(half.as_ref()).unwrap().level(), 2);
        assert_eq!(after.account(&chain.id(DEEP - 1)).unwrap().level(), DEEP / 2 + 1);
        assert_eq!(bottom.level(), DEEP, "the old book stays");
        // A ring is refused, at any length.
        assert!(next.apply(&Change::new().move_under(&top, &view_bottom(&chain))).is_err());
        // Every other account is hidden.
        let shown = book.accounts(
            (0..DEEP).step_by(2).map(|n| chain.id(n)).collect::<Vec<_>>().iter().map(String::as_str),
        );
        let part = book.view(&Scope::of(shown), as_of()).unwrap();
        assert_eq!(timed("scoped level", || part.account(&chain.id(DEEP - 2)).unwrap().level()), DEEP / 2);
        assert_eq!(part.walk().count(), DEEP / 2);
        // Only the bottom is visible.
        let last = book.view(&Scope::of(book.accounts([&*chain.id(DEEP - 1)])), as_of()).unwrap();
        assert_eq!(timed("roots below 99,999 hidden", || last.root_accounts().len()), 1);
        let gone = timed("remove", || next.apply(&Change::new().remove_subtree(&top)).unwrap().0);
        assert!(gone.is_empty());
        gone.verify().unwrap();
    }
}

fn view_bottom(chain: &PlainBook) -> AccountId {
    AccountId::new(chain.id(chain.len() - 1)).unwrap()
}

#[test]
fn a_star_of_a_hundred_thousand_is_an_ordinary_tree() {
    let star = PlainBook::star(DEEP);
    let book = timed("load", || load(star.schema(), &star, 4_096));
    book.verify().unwrap();
    let view = view(&book);
    let top = view.account(&star.id(0)).unwrap();
    assert_eq!(top.children().len(), DEEP - 1);
    assert_eq!(top.leaves().len(), DEEP - 1);
    let (a, b) = (view.account(&star.id(77)).unwrap(), view.account(&star.id(99_999)).unwrap());
    assert_eq!(a.lowest_common_ancestor(b), Some(top));
    assert_eq!(a.siblings().len(), DEEP - 2);
    let (next, _) = timed("move", || book.apply(&Change::new().move_under(&a.id(), &b.id())).unwrap());
    next.verify().unwrap();
    let (shared, all) = next.shared_blocks(&book);
    assert!(shared * 2 > all, "{shared} of {all} blocks shared");
    let (next, _) = timed("to root", || next.apply(&Change::new().move_to_root(&a.id())).unwrap());
    next.verify().unwrap();
    assert_eq!(crate::common::view(&next).roots().len(), 2);
    let ids: Vec<AccountId> = top.children().iter().take(DEEP / 2).map(perennial::Account::id).collect();
    let all = ids.iter().fold(Change::new(), perennial::Change::move_to_root);
    let (next, report) = timed("50,000 moves", || book.apply(&all).unwrap());
    assert_eq!(report.accounts.moves.len(), DEEP / 2);
    timed("verify", || next.verify()).unwrap();
    let gone = ids.iter().fold(Change::new(), perennial::Change::remove);
    let (next, _) = timed("50,000 removals", || book.apply(&gone).unwrap());
    assert_eq!(next.len(), DEEP / 2);
    let set = ids.iter().fold(Change::new(), |change, id| change.set(id, "amount", 1_i64));
    timed("50,000 values", || book.apply(&set)).unwrap();
}

#[test]
fn ten_thousand_roots_are_an_ordinary_forest() {
    let roots = PlainBook::forest_of_roots(10_000);
    for chunk_rows in [4_096, 16, 1] {
        let book = timed("load", || load(roots.schema(), &roots, chunk_rows));
        book.verify().unwrap();
        let view = view(&book);
        assert_eq!(view.root_accounts().len(), 10_000);
        let (a, b) = (roots.id(5_000), roots.id(9_999));
        let (a, b) = (AccountId::new(a).unwrap(), AccountId::new(b).unwrap());
        let (next, _) = timed("move", || book.apply(&Change::new().move_under(&a, &b)).unwrap());
        next.verify().unwrap();
        let (back, _) = next.apply(&Change::new().move_to_root(&a)).unwrap();
        back.verify().unwrap();
        assert_eq!(answers(&crate::common::view(&back)), answers(&view));
    }
}

#[test]
fn one_tree_of_a_million_is_an_ordinary_tree() {
    const MILLION: usize = 1_000_000;
    let tree = timed("generate", || PlainBook::one_tree(MILLION, 3));
    let book = timed("load", || load(tree.schema(), &tree, 4_096));
    let view = view(&book);
    assert_eq!(timed("walk", || view.walk().count()), MILLION);
    let sizes = subtree_sizes(&tree);
    // The account whose subtree is nearest to 50,000, moved to the root and back.
    let (mover, size) = (1..MILLION).map(|n| (n, sizes[n])).min_by_key(|(_, s)| s.abs_diff(50_000)).unwrap();
    let id = AccountId::new(tree.id(mover)).unwrap();
    let above = AccountId::new(tree.id(tree.parent(mover).unwrap())).unwrap();
    let (next, _) = timed("move 50,000", || book.apply(&Change::new().move_to_root(&id)).unwrap());
    let (shared, all) = next.shared_blocks(&book);
    assert!(shared * 10 > all * 9, "{shared} of {all} blocks shared");
    assert_eq!(next.subtrees([id.as_str()]).len(), size);
    assert_eq!(next.subtrees([&*tree.id(0)]).len(), MILLION - size);
    timed("verify", || next.verify()).unwrap();
    if tree.parent(mover) != Some(0) || size > 0 {
        let (back, _) = timed("move back", || next.apply(&Change::new().move_under(&id, &above)).unwrap());
        let back_view = crate::common::view(&back);
        assert!(view.walk().map(|p| view.id(p)).eq(back_view.walk().map(|p| back_view.id(p))));
    }
    let (changed, _) = timed("one value", || book.apply(&Change::new().set(&id, "amount", 5_i64)).unwrap());
    let (shared, all) = changed.shared_blocks(&book);
    assert_eq!(shared + 1, all, "one block is new");
    timed("drop", || drop((book, next, changed, view)));
}

fn subtree_sizes(tree: &PlainBook) -> Vec<usize> {
    let mut sizes = vec![1; tree.len()];
    for number in (1..tree.len()).rev() {
        sizes[tree.parent(number).unwrap()] += sizes[number];
    }
    sizes
}

#[test]
fn the_reference_book_is_as_described() {
    let reference = timed("generate", || ReferenceBook::new(200_000, 1));
    let rows = timed("scan", || reference.source().count(&TableName::Accounts)).unwrap();
    assert_eq!(rows, 200_000);
    timed("collect", || reference.source().collect(&reference.schema(), TableName::Accounts)).unwrap();
    let (book, report) =
        timed("load", || Book::load(reference.schema(), &reference.source(), &Policy::strict()).unwrap());
    assert!(report.counts.is_empty(), "{report}");
    assert_eq!(report.subsidiaries + reference.trees(), 200_000);
    assert_eq!(report.levels, reference.levels());
    timed("verify", || book.verify()).unwrap();
    let share = reference.product_accounts() as f64 / 200_000.0;
    println!(
        "{} trees, {} levels, mean {:.2}, {:.1} % product accounts",
        reference.trees(),
        reference.levels(),
        reference.mean_level(),
        share * 100.0
    );
    assert!((0.4..0.7).contains(&share), "{share}");
    assert!((3_500..8_000).contains(&reference.trees()));
    let view = view(&book);
    let number = 123_456;
    let account = view.account(&reference.id(number)).unwrap();
    assert_eq!(
        account.parent().map(|p| p.id().to_string()),
        reference.parent(number).map(|p| reference.id(p))
    );
    let missing = |name: &str| view.accounts().filter(|a| a.value(name).is_none()).count() as f64 / 200_000.0;
    assert!((0.09..0.11).contains(&missing("m3")) && (0.39..0.41).contains(&missing("nps")));
    assert!(missing("contract_value") == 0.0 && missing("region") == 0.0);
    let cancelled =
        view.accounts().filter(|a| a.value("status") == Some(Value::Enum("Cancelled".into()))).count();
    assert!((0.025..0.035).contains(&(cancelled as f64 / 200_000.0)));
    // The same seed, the same rows; another seed, other rows.
    let small = |seed| {
        let book = ReferenceBook::new(500, seed);
        let (loaded, _) = Book::load(book.schema(), &book, &Policy::strict()).unwrap();
        Oracle::from_view(&crate::common::view(&loaded))
    };
    assert_eq!(small(9), small(9));
    assert_ne!(small(9), small(10));
    let doubles = ReferenceBook::new(500, 9).with_doubles();
    let (loaded, _) = Book::load(doubles.schema(), &doubles, &Policy::strict()).unwrap();
    let metric = crate::common::view(&loaded).accounts().find_map(|account| account.value("m1"));
    assert!(matches!(metric, Some(Value::Double(_))));
}

mod petgraphs {
    use super::*;
    use petgraph::Direction;
    use petgraph::dot::{Config, Dot};
    use petgraph::visit::{
        Bfs, Dfs, IntoEdgeReferences, IntoNodeIdentifiers, NodeCount, NodeIndexable, Topo,
    };

    #[test]
    fn algorithms_of_petgraph_run_on_a_view() {
        let seeds: Vec<[u8; 5]> =
            (0..60_u8).map(|n| [n.wrapping_mul(37), n, n.wrapping_mul(3), n, n]).collect();
        let rows = forest(&seeds);
        let (book, _) = rows.load(7, Policy::strict());
        let hidden: BTreeSet<AccountId> = (0..60).step_by(5).map(crate::common::id_of).collect();
        let shown = rows.accounts.iter().map(|row| &row.id).filter(|id| !hidden.contains(*id));
        let part = book.view(&Scope::of(book.accounts(shown.map(AccountId::as_str))), as_of()).unwrap();
        for view in [view(&book), part] {
            let oracle = Oracle::from_view(&view);
            let graph = &view;
            assert_eq!(graph.node_count(), oracle.accounts.len());
            assert_eq!(graph.node_identifiers().count(), oracle.accounts.len());
            let edges = oracle.accounts.values().filter(|own| own.parent.is_some()).count();
            assert_eq!(graph.edge_references().count(), edges);
            for place in graph.node_identifiers() {
                assert_eq!(graph.from_index(graph.to_index(place)), place);
                let mut below = BTreeSet::new();
                let mut dfs = Dfs::new(graph, place);
                while let Some(at) = dfs.next(graph) {
                    below.insert(view.id(at).unwrap());
                }
                let own = view.id(place).unwrap();
                assert_eq!(below, oracle.subtree(&own).into_iter().cloned().collect());
                let mut bfs = Bfs::new(graph, place);
                let mut count = 0;
                while bfs.next(graph).is_some() {
                    count += 1;
                }
                assert_eq!(count, below.len());
            }
            let order = petgraph::algo::toposort(graph, None).unwrap();
            assert_eq!(order.len(), oracle.accounts.len());
            let at = |place| order.iter().position(|other| *other == place).unwrap();
            assert!(order.iter().all(|place| view.parent(*place).is_none_or(|up| at(up) < at(*place))));
            let mut topo = Topo::new(graph);
            let mut count = 0;
            while topo.next(graph).is_some() {
                count += 1;
            }
            assert_eq!(count, oracle.accounts.len());
            assert!(!petgraph::algo::is_cyclic_directed(graph));
            assert_eq!(petgraph::algo::kosaraju_scc(graph).len(), oracle.accounts.len());
            assert!(petgraph::algo::has_path_connecting(graph, order[0], order[0], None));
            let up: Vec<_> = petgraph::visit::IntoNeighborsDirected::neighbors_directed(
                graph,
                order[order.len() - 1],
                Direction::Incoming,
            )
            .collect();
            assert_eq!(up, view.parent(order[order.len() - 1]).into_iter().collect::<Vec<_>>());
            let dot = format!("{:?}", Dot::with_config(graph, &[Config::EdgeNoLabel]));
            assert_eq!(dot.matches("->").count(), edges);
            assert!(dot.contains(&crate::common::id_of(1).to_string()));
        }
    }
}
