//! What lies outside a scope does not exist.

use std::collections::BTreeSet;

use crate::common::{CHUNK_ROWS, Rows, answers, as_of, forest, id, id_of, schema, view};
use perennial::testkit::Oracle;
use perennial::{AccountId, AccountRow, Book, Change, Policy, Scope, StaleSet, Value, View};
use proptest::prelude::*;

fn scoped(book: &Book, visible: &BTreeSet<AccountId>) -> View {
    book.view(&Scope::of(book.accounts(visible.iter().map(AccountId::as_str))), as_of()).unwrap()
}

proptest! {
    #![proptest_config(crate::common::config(150))]

    #[test]
    fn scoped_views_answer_as_the_oracle(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 0..40),
        seen in any::<u64>(),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let rows = forest(&seeds);
        let (book, _) = rows.load(CHUNK_ROWS[size], Policy::strict());
        let visible: BTreeSet<AccountId> =
            (0..rows.accounts.len()).filter(|n| seen >> n & 1 == 1).map(id_of).collect();
        let oracle = Oracle::from_rows(&schema(), &rows.accounts, &rows.children).unwrap();
        let part = scoped(&book, &visible);
        oracle.seen_by(&visible).compare(&part).map_err(TestCaseError::fail)?;
        prop_assert_eq!(part.visible().len(), visible.len());
        for row in &rows.accounts {
            let shown = visible.contains(&row.id);
            prop_assert_eq!(part.account(row.id.as_str()).is_some(), shown);
            if let Some(place) = view(&book).account(row.id.as_str()).map(|account| account.place()) {
                prop_assert_eq!(part.at(place).is_some(), shown);
                prop_assert_eq!(part.id(place).is_some(), shown);
            }
            // The usual scope of a team: everything under an account.
            let under = book.view(&Scope::of(book.subtrees([row.id.as_str()])), as_of()).unwrap();
            let below: BTreeSet<AccountId> = oracle.subtree(&row.id).into_iter().cloned().collect();
            oracle.seen_by(&below).compare(&under).map_err(TestCaseError::fail)?;
        }
    }

    /// Non-interference: change whatever cannot be seen; nothing that can be seen changes.
    #[test]
    fn what_is_hidden_changes_no_answer(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        seen in any::<u64>(),
        noise in prop::collection::vec(any::<[u8; 3]>(), 1..12),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let rows = forest(&seeds);
        let (book, _) = rows.load(CHUNK_ROWS[size], Policy::strict());
        let count = rows.accounts.len();
        let visible: BTreeSet<AccountId> = (0..count).filter(|n| seen >> n & 1 == 1).map(id_of).collect();
        let hidden: Vec<AccountId> = (0..count).map(id_of).filter(|id| !visible.contains(id)).collect();
        let before = answers(&scoped(&book, &visible));
        let mut other = book.clone();
        for (number, [what, a, b]) in noise.into_iter().enumerate() {
            let target = hidden.get(usize::from(a) % hidden.len().max(1)).cloned();
            let change = match (what % 5, target) {
                (0, Some(hidden)) => Change::new().set(&hidden, "seats", i64::from(b)).set(&hidden, "name", "Hidden"),
                (1, Some(hidden)) => Change::new().clear(&hidden, "arr").set(&hidden, "tags", Value::list(["h"])),
                (2, Some(above)) => Change::new().add(AccountRow::new(id_of(number + 150), "Company").under(above)),
                (_, Some(hidden)) => {
                    // A new hidden account between a hidden one and what it stands under.
                    let row = AccountRow::new(id_of(number + 150), "Group");
                    let full = view(&other);
                    let row = match full.account(hidden.as_str()).and_then(|account| account.parent()) {
                        Some(parent) => row.under(parent.id()),
                        None => row,
                    };
                    let between = row.id.clone();
                    Change::new().add(row).move_under(&hidden, &between)
                }
                (3, _) | (_, None) => Change::new().add(AccountRow::new(id_of(number + 150), "Group")),
            };
            if let Ok((next, _)) = other.apply(&change) {
                other = next;
            }
        }
        let after = scoped(&other, &visible);
        prop_assert_eq!(answers(&after), before);
        Oracle::from_view(&after).compare(&after).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn a_hidden_name_shows_in_no_path() {
    let rows = Rows {
        accounts: vec![
            AccountRow::new(id("top"), "Group").with("name", "Top"),
            AccountRow::new(id("secret"), "Group").under(id("top")).with("name", "Secret"),
            AccountRow::new(id("a"), "Group").under(id("secret")),
            AccountRow::new(id("b"), "Group").under(id("top")),
            AccountRow::new(id("links"), "Group").under(id("b")).under(id("secret")),
        ],
        children: vec![],
    };
    let (book, _) = rows.load(2, Policy::lenient());
    let visible = ["top", "a", "b", "links"].map(id).into_iter().collect();
    let part = scoped(&book, &visible);
    let a = part.account("a").unwrap();
    assert_eq!(a.path(), "Top › a");
    assert_eq!((a.level(), a.siblings().len()), (2, 1));
    assert_eq!(part.account("top").unwrap().children().len(), 2);
    assert_eq!(part.account("links").unwrap().extra_parents(), []);
    assert_eq!(view(&book).account("links").unwrap().extra_parents().len(), 1);
    assert_eq!(part.account("links").unwrap().declared_parents(), []);
    assert_eq!(view(&book).account("links").unwrap().declared_parents().len(), 2);
    assert!(!answers(&part).concat().contains("ecret"));
    let dot = format!("{:?}", petgraph::dot::Dot::new(&part));
    assert!(!dot.contains("secret"));
}

#[test]
fn a_scope_of_another_layout_is_an_error_and_rebases() {
    let rows = forest(&(0..40_u8).map(|n| [n.wrapping_mul(37), n, n, n, n]).collect::<Vec<_>>());
    for chunk_rows in CHUNK_ROWS {
        let (book, _) = rows.load(chunk_rows, Policy::strict());
        let some: BTreeSet<AccountId> = (0..40).step_by(3).map(id_of).collect();
        let set = book.accounts(some.iter().map(AccountId::as_str));

        // A change of values keeps the layout.
        let (valued, _) = book.apply(&Change::new().set(&id_of(3), "seats", 9_i64)).unwrap();
        assert_eq!(valued.view(&Scope::of(set.clone()), as_of()).unwrap().len(), some.len());
        assert_eq!(valued.rebase(&set, &book).unwrap(), set);

        // A change of structure does not.
        let leaf = view(&book).account(id_of(39).as_str()).unwrap().leaves()[0].id();
        let change = Change::new()
            .add(AccountRow::new(id("!first"), "Group"))
            .add(AccountRow::new(id("~last"), "Group"))
            .move_under(&id_of(0), &id("~last"))
            .remove(&leaf);
        let (moved, _) = book.apply(&change).unwrap();
        assert!(matches!(moved.view(&Scope::of(set.clone()), as_of()), Err(StaleSet)));
        assert_eq!(set.union(&moved.all_accounts()), Err(StaleSet));
        assert_eq!(set.is_subset(&moved.all_accounts()), Err(StaleSet));
        assert_ne!(book.all_accounts(), moved.all_accounts());
        let rebased = moved.rebase(&set, &book).unwrap();
        let carried: BTreeSet<AccountId> = rebased.iter().map(|p| view(&moved).id(p).unwrap()).collect();
        let kept: BTreeSet<AccountId> = some.iter().filter(|id| **id != leaf).cloned().collect();
        assert_eq!(carried, kept);
        assert_eq!(moved.rebase(&rebased, &book), Err(StaleSet));
        // The old book still takes it.
        assert_eq!(book.view(&Scope::of(set.clone()), as_of()).unwrap().len(), some.len());
        // Another book of the same rows is another layout.
        let (twin, _) = rows.load(chunk_rows, Policy::strict());
        assert!(twin.view(&Scope::of(set), as_of()).is_err());
    }
}

#[test]
fn sets_obey_their_algebra() {
    let rows = forest(&(0..50_u8).map(|n| [n.wrapping_mul(59), n, n, n, 0]).collect::<Vec<_>>());
    let (book, _) = rows.load(7, Policy::strict());
    let pick = |bits: u64| {
        book.accounts(
            (0..50)
                .filter(|n| bits >> n & 1 == 1)
                .map(id_of)
                .collect::<Vec<_>>()
                .iter()
                .map(AccountId::as_str),
        )
    };
    let (a, b) = (pick(0x0003_5a5a_f0f0_1234), pick(0x0001_ffff_0000_abcd));
    let all = book.all_accounts();
    assert_eq!(a.complement().complement(), a);
    assert_eq!(a.union(&a.complement()).unwrap(), all);
    assert!(a.intersection(&a.complement()).unwrap().is_empty());
    assert_eq!(a.difference(&b).unwrap(), a.intersection(&b.complement()).unwrap());
    let (union, both) = (a.union(&b).unwrap(), a.intersection(&b).unwrap());
    assert_eq!(union.len() + both.len(), a.len() + b.len());
    assert_eq!(union.complement(), a.complement().intersection(&b.complement()).unwrap());
    assert!(both.is_subset(&a).unwrap() && a.is_subset(&union).unwrap());
    assert_eq!(a.iter().count(), a.len());
}

#[test]
fn the_numbers_of_a_graph_say_nothing_of_what_is_hidden() {
    use petgraph::visit::{NodeCount, NodeIndexable};
    let reference = perennial::testkit::ReferenceBook::new(2_000, 3);
    let (book, _) = Book::builder(reference.schema()).chunk_rows(64).load(&reference.source()).unwrap();
    let all = book.view(&Scope::all(), crate::common::as_of()).unwrap();
    let some: Vec<_> =
        all.accounts().enumerate().filter(|(n, _)| n % 7 == 3).map(|(_, a)| a.place()).collect();
    let view = book.view(&Scope::of(all.set(some)), crate::common::as_of()).unwrap();
    assert_eq!(view.node_bound(), view.len());
    assert_eq!(view.node_count(), view.len());
    let mut numbers: Vec<usize> = view.accounts().map(|account| view.dense(account.place())).collect();
    assert!(view.accounts().all(|a| NodeIndexable::from_index(&&view, view.dense(a.place())) == a.place()));
    // In the order of what is visible.
    assert!(numbers.iter().copied().eq(0..view.len()));
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..view.len()));
}

/// How accounts are packed depends on all of the book; a number of a visible account does not.
#[test]
fn the_number_of_an_account_does_not_depend_on_hidden_accounts() {
    let rows = |hidden: usize| {
        let mut source = perennial::source::MemorySource::new();
        for number in 0..hidden {
            // Trees of many sizes, among those that are shown.
            let top = crate::common::id(&format!("h{number:03}"));
            source = source.account(perennial::AccountRow::new(top.clone(), "Group"));
            for below in 0..number % 5 {
                let below = crate::common::id(&format!("h{number:03}-{below}"));
                source = source.account(perennial::AccountRow::new(below, "Company").under(top.clone()));
            }
        }
        for number in 0..30 {
            let top = crate::common::id(&format!("{}{number:03}", if number % 2 == 0 { "a" } else { "z" }));
            source = source.account(perennial::AccountRow::new(top.clone(), "Group"));
            let below = crate::common::id(&format!("m{number:03}"));
            source = source.account(perennial::AccountRow::new(below, "Company").under(top));
        }
        source
    };
    let numbers = |hidden: usize| -> Vec<(String, usize)> {
        let builder = Book::builder(crate::common::schema()).chunk_rows(4);
        let (book, _) = builder.load(&rows(hidden)).unwrap();
        let all = crate::common::view(&book);
        // One hidden account at least, so that the scope shows a part either way.
        let shown = all.accounts().filter(|account| !account.id_str().starts_with('h'));
        let scope = Scope::of(all.set(shown.map(|account| account.place())));
        let view = book.view(&scope, crate::common::as_of()).unwrap();
        view.accounts().map(|account| (account.id_str().to_owned(), view.dense(account.place()))).collect()
    };
    assert_eq!(numbers(1), numbers(200));
}
