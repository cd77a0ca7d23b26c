//! Accounts that merge and split, and old ids that find what came after them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::{CHUNK_ROWS, Rows, answers, as_of, child_row_of, config, forest, id, schema, view};
use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
use perennial::source::{Batch, Cell, Cells, TableName};
use perennial::{
    AccountId, AccountRow, AsOf, Book, Change, Date, FaultKind, LoadError, Nesting, ParentLink, Policy,
    Remedy, Schema, Scope, Succession, Successions,
};
use proptest::prelude::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

const MERGED: &str = "2026-01-15";

fn company(text: &str) -> AccountRow {
    AccountRow::new(id(text), "Company")
}

fn load(accounts: Vec<AccountRow>) -> Book {
    Rows { accounts, ..Rows::default() }.load(2, Policy::strict()).0
}

fn paths(book: &Book) -> Vec<String> {
    view(book).accounts().map(|account| account.path()).collect()
}

fn ids(accounts: &[perennial::Account<'_>]) -> Vec<String> {
    accounts.iter().map(|account| account.id_str().to_owned()).collect()
}

// --- What a merger moves ---------------------------------------------------------------------------

#[test]
fn a_merger_hands_over_children_and_rows_and_the_id() {
    let rows = Rows {
        accounts: vec![
            company("a").with("seats", 5_i64),
            company("a1").under(id("a")),
            company("a2").under(id("a")),
            company("a21").under(id("a2")),
            company("b").with("seats", 7_i64),
        ],
        children: vec![
            child_row_of(&id("a"), 1, 1),
            child_row_of(&id("a"), 2, 3),
            child_row_of(&id("b"), 3, 1),
        ],
    };
    for chunk_rows in CHUNK_ROWS {
        let (book, _) = rows.load(chunk_rows, Policy::strict());
        let change = Change::new().merge(&id("a"), &id("b"), day(MERGED)).set(&id("b"), "name", "Both");
        let (merged, report) = book.apply(&change).unwrap();
        merged.verify().unwrap();
        assert_eq!(paths(&merged), ["Both", "Both › a1", "Both › a2", "Both › a2 › a21"]);
        let now = view(&merged);
        let heir = now.account("b").unwrap();
        assert_eq!(heir.value("seats"), Some(7_i64.into()), "the heir keeps its own values");
        assert_eq!(heir.child_rows("tickets").count(), 2);
        assert_eq!(heir.child_rows("contracts").count(), 1);
        assert!(now.account("a").is_none());
        assert_eq!(ids(&now.successors("a")), ["b"]);
        assert_eq!(ids(&now.successors("b")), ["b"]);
        assert_eq!(ids(&now.successors("nobody")), [""; 0]);
        assert_eq!(ids(&now.successors("no id \n")), [""; 0]);

        assert_eq!(report.accounts.removed, [id("a")]);
        let moved: Vec<&AccountId> = report.accounts.moves.iter().map(|moved| &moved.account).collect();
        assert_eq!(moved, [&id("a1"), &id("a2")]);
        assert_eq!(report.successions_added, [Succession::new(id("a"), id("b"), day(MERGED))]);
        let handed: Vec<_> =
            report.accounts.values.iter().filter(|change| &*change.attribute == "account").collect();
        assert_eq!(handed.len(), 2, "{:?}", report.accounts.values);
        // The old book still has both.
        assert_eq!(paths(&book).len(), 5);
        assert!(book.successions().is_empty());
    }
}

#[test]
fn before_the_day_an_old_id_leads_nowhere_in_the_book_of_today() {
    let book = load(vec![company("a"), company("b")]);
    let (merged, _) = book.apply(&Change::new().merge(&id("a"), &id("b"), day(MERGED))).unwrap();
    let at = |text| merged.view(&Scope::all(), AsOf::date_utc(day(text))).unwrap();
    assert_eq!(ids(&at(MERGED).successors("a")), ["b"]);
    assert_eq!(ids(&at("2026-01-14").successors("a")), [""; 0]);
    assert_eq!(merged.successions().heirs(&id("a"), day("2026-01-14")), [id("a")]);
}

#[test]
fn what_the_change_says_of_a_child_or_row_goes_before_the_merger() {
    let rows = Rows {
        accounts: vec![
            company("a"),
            company("a1").under(id("a")),
            company("a2").under(id("a")),
            company("b"),
            company("c"),
        ],
        children: vec![child_row_of(&id("a"), 1, 1), child_row_of(&id("a"), 2, 1)],
    };
    let (book, _) = rows.load(3, Policy::strict());
    let row = rows.children[0].1.id.clone();
    let change = Change::new()
        .merge(&id("a"), &id("b"), day(MERGED))
        .move_under(&id("a1"), &id("c"))
        .remove(&id("a2"))
        .move_child("tickets", &row, &id("c"));
    let (merged, _) = book.apply(&change).unwrap();
    merged.verify().unwrap();
    assert_eq!(paths(&merged), ["b", "c", "c › a1"]);
    let now = view(&merged);
    let rows_of = |account| now.account(account).unwrap().child_rows("tickets").count();
    assert_eq!((rows_of("b"), rows_of("c")), (1, 1));
}

#[test]
fn an_heir_from_below_takes_the_place_of_what_it_replaces() {
    let rows = || {
        vec![
            company("top"),
            company("a").under(id("top")),
            company("b").under(id("a")),
            company("c").under(id("b")),
            company("d").under(id("a")),
        ]
    };
    let book = load(rows());
    // Directly below.
    let (merged, _) = book.apply(&Change::new().merge(&id("a"), &id("b"), day(MERGED))).unwrap();
    assert_eq!(paths(&merged), ["top", "top › b", "top › b › c", "top › b › d"]);
    // Deeper: what stood between hangs under the heir now.
    let (merged, _) = book.apply(&Change::new().merge(&id("a"), &id("c"), day(MERGED))).unwrap();
    assert_eq!(paths(&merged), ["top", "top › c", "top › c › b", "top › c › d"]);
    // Two accounts above it at once, and one of them at the very top.
    let change =
        Change::new().merge(&id("top"), &id("c"), day(MERGED)).merge(&id("a"), &id("c"), day(MERGED));
    let (merged, _) = book.apply(&change).unwrap();
    merged.verify().unwrap();
    assert_eq!(paths(&merged), ["c", "c › b", "c › d"]);
    // What stood between is merged as well, into an account elsewhere, or into one that goes below.
    let mut accounts = rows();
    accounts.extend([company("x"), company("e").under(id("c"))]);
    let book = load(accounts);
    let deep = || Change::new().merge(&id("a"), &id("e"), day(MERGED));
    let merged = |change: Change| {
        let merged = book.apply(&change).unwrap().0;
        merged.verify().unwrap();
        paths(&merged)
    };
    assert_eq!(merged(deep()), ["top", "top › e", "top › e › b", "top › e › b › c", "top › e › d", "x"]);
    assert_eq!(
        merged(deep().merge(&id("c"), &id("x"), day(MERGED))),
        ["top", "x", "x › e", "x › e › b", "x › e › d"]
    );
    assert_eq!(
        merged(deep().merge(&id("c"), &id("d"), day(MERGED))),
        ["top", "top › e", "top › e › b", "top › e › d", "x"]
    );
    // The change says itself where the heir goes.
    assert_eq!(
        merged(deep().move_under(&id("e"), &id("x"))),
        ["top", "x", "x › e", "x › e › b", "x › e › b › c", "x › e › d"]
    );
    // And so is the account above.
    assert_eq!(
        merged(deep().merge(&id("top"), &id("x"), day(MERGED))),
        ["x", "x › e", "x › e › b", "x › e › b › c", "x › e › d"]
    );
    assert_eq!(
        merged(deep().merge(&id("b"), &id("e"), day(MERGED)).merge(&id("top"), &id("e"), day(MERGED))),
        ["e", "e › c", "e › d", "x"]
    );
    // A part from below stands beside the first part, not under it.
    let book = load(rows());
    let (split, _) = book.apply(&Change::new().split(&id("a"), [id("d"), id("b")], day(MERGED))).unwrap();
    assert_eq!(paths(&split), ["top", "top › b", "top › b › c", "top › d"]);
    assert_eq!(ids(&view(&split).successors("a")), ["d", "b"]);
}

#[test]
fn of_several_accounts_above_an_heir_the_highest_gives_its_place() {
    // The highest has the largest id.
    let name = |number: usize| id(&format!("n{}", 9 - number));
    let mut accounts = vec![company("top")];
    accounts.extend((0..10).map(|number| {
        let above = if number == 0 { id("top") } else { name(number - 1) };
        AccountRow::new(name(number), "Company").under(above)
    }));
    let book = load(accounts);
    let change = [4, 0, 6, 2]
        .into_iter()
        .fold(Change::new(), |change, number| change.merge(&name(number), &name(9), day(MERGED)));
    let (merged, _) = book.apply(&change).unwrap();
    merged.verify().unwrap();
    assert_eq!(
        paths(&merged),
        ["", " › n2", " › n2 › n1", " › n4", " › n6", " › n8"].iter().fold(
            vec!["top".to_owned()],
            |mut all, path| {
                all.push(format!("top › n0{path}"));
                all
            }
        )
    );
}

#[test]
fn chains_of_mergers_in_one_change_end_at_the_last_heir() {
    let book = load(vec![
        company("a"),
        company("a1").under(id("a")),
        company("b"),
        company("b1").under(id("b")),
        company("c"),
    ]);
    let change = Change::new().merge(&id("a"), &id("b"), day(MERGED)).merge(&id("b"), &id("c"), day(MERGED));
    let (merged, _) = book.apply(&change).unwrap();
    merged.verify().unwrap();
    assert_eq!(paths(&merged), ["c", "c › a1", "c › b1"]);
    assert_eq!(ids(&view(&merged).successors("a")), ["c"]);
    // What is removed later without a successor leads nowhere; what comes back is itself again.
    let (later, _) = merged.apply(&Change::new().remove_subtree(&id("c"))).unwrap();
    assert_eq!(ids(&view(&later).successors("a")), [""; 0]);
    let (again, _) = later.apply(&Change::new().add(company("a"))).unwrap();
    assert_eq!(ids(&view(&again).successors("a")), ["a"]);
}

#[test]
fn a_split_gives_the_rest_to_the_first_part() {
    let rows = Rows {
        accounts: vec![company("a"), company("a1").under(id("a")), company("a2").under(id("a"))],
        children: vec![child_row_of(&id("a"), 1, 1)],
    };
    let (book, _) = rows.load(1, Policy::strict());
    let change = Change::new()
        .add(company("north"))
        .add(company("south"))
        .split(&id("a"), [id("north"), id("south")], day(MERGED))
        .move_under(&id("a2"), &id("south"));
    let (split, report) = book.apply(&change).unwrap();
    split.verify().unwrap();
    assert_eq!(paths(&split), ["north", "north › a1", "south", "south › a2"]);
    assert_eq!(view(&split).account("north").unwrap().child_rows("tickets").count(), 1);
    assert_eq!(ids(&view(&split).successors("a")), ["north", "south"]);
    assert_eq!(report.successions_added.len(), 2);

    // A part that leaves an account which goes on is history, and leads nobody away from the account.
    let spun = Succession::new(id("north"), id("west"), day(MERGED)).of_part();
    let change = Change::new().add(company("west")).declare_succession(spun.clone());
    let (spun_off, report) = split.apply(&change).unwrap();
    assert_eq!(report.successions_added, std::slice::from_ref(&spun));
    assert_eq!(ids(&view(&spun_off).successors("north")), ["north"]);
    assert_eq!(spun_off.successions().heirs(&id("north"), day(MERGED)), [id("north")]);
    assert_eq!(spun_off.successions().before(&id("west")), std::slice::from_ref(&spun));
    let (back, report) = spun_off.apply(&Change::new().retract_succession(spun.clone())).unwrap();
    assert_eq!(report.successions_removed, [spun]);
    assert_eq!(back.successions(), split.successions());
}

#[test]
fn accounts_with_several_parents_and_waiting_ones_follow_the_heir() {
    let parents = |account: AccountRow, parents: &[&str]| {
        parents.iter().fold(account, |account, parent| account.under(id(parent)))
    };
    let accounts = vec![
        company("a"),
        company("b"),
        company("p"),
        parents(company("x"), &["p", "a"]),
        parents(company("y"), &["a", "b"]),
        parents(company("lost"), &["gone"]),
        company("below").under(id("lost")),
    ];
    let policy = Policy::lenient().with(FaultKind::MissingParent, Remedy::Quarantine).unwrap();
    let (book, _) = Rows { accounts, ..Rows::default() }.load(2, policy.clone());
    assert_eq!(book.held_accounts().count(), 2);
    let change =
        Change::new().merge(&id("a"), &id("b"), day(MERGED)).merge(&id("lost"), &id("b"), day(MERGED));
    let (merged, report) = book.apply(&change).unwrap();
    merged.verify().unwrap();
    assert_eq!(paths(&merged), ["b", "b › below", "b › y", "p", "p › x"]);
    assert_eq!(ids(&view(&merged).account("x").unwrap().extra_parents()), ["b"]);
    assert_eq!(ids(&view(&merged).account("y").unwrap().extra_parents()), [""; 0]);
    assert_eq!(report.released, [id("below")]);
    assert_eq!(ids(&view(&merged).successors("lost")), ["b"]);
    // The same as the declarations that result, loaded.
    let accounts = vec![
        company("b"),
        company("p"),
        parents(company("x"), &["p", "b"]),
        company("y").under(id("b")),
        company("below").under(id("b")),
    ];
    let (fresh, _) = Rows { accounts, ..Rows::default() }.load(4, policy);
    assert_eq!(answers(&view(&merged)), answers(&view(&fresh)));
}

#[test]
fn rows_that_waited_for_an_account_are_released_by_one() {
    let mut unowned = child_row_of(&id("a"), 1, 1).1;
    unowned.account = None;
    let stray = child_row_of(&id("stranger"), 2, 1).1;
    let rows = Rows {
        accounts: vec![company("a"), company("lost").under(id("gone"))],
        children: vec![
            ("tickets", unowned.clone()),
            ("tickets", stray.clone()),
            ("tickets", child_row_of(&id("lost"), 4, 1).1),
        ],
    };
    let policy = Policy::lenient().with(FaultKind::MissingParent, Remedy::Quarantine).unwrap();
    let (book, _) = rows.load(4, policy);
    assert_eq!(book.held_children().count(), 3);
    let change = Change::new()
        .move_child("tickets", &unowned.id, &id("a"))
        .move_child("tickets", &stray.id, &id("a"))
        .set_child("tickets", &stray.id, "title", "found");
    let (next, report) = book.apply(&change).unwrap();
    next.verify().unwrap();
    assert_eq!(next.held_children().count(), 1);
    assert_eq!(report.children_added.len(), 2);
    let now = view(&next);
    let found: Vec<_> = now.account("a").unwrap().child_rows("tickets").collect();
    assert_eq!(found.len(), 2);
    let titles: Vec<_> = found.iter().filter_map(|row| row.value("title")).collect();
    assert_eq!(titles, ["found".into()]);
    assert!(found.iter().all(|row| row.value("hours").is_some()), "values waited with the row");
    // The rows of an account that is held go with a merger of it.
    let (merged, _) = next.apply(&Change::new().merge(&id("lost"), &id("a"), day(MERGED))).unwrap();
    merged.verify().unwrap();
    assert_eq!(merged.held_children().count(), 0);
    assert_eq!(view(&merged).account("a").unwrap().child_rows("tickets").count(), 3);
    // A row that is not held for its account has its id, and waits for nothing that a change could give.
    let twice = Rows {
        accounts: vec![company("a")],
        children: vec![("tickets", unowned.clone()), ("tickets", unowned.clone())],
    };
    let (book, _) = twice.load(4, Policy::lenient());
    let refused = book.apply(&Change::new().move_child("tickets", &unowned.id, &id("a"))).unwrap_err();
    assert_eq!(refused.to_string(), format!("row `{}` is not in table `tickets`", unowned.id));
}

#[test]
fn what_cannot_be_replaced_is_refused_with_every_reason() {
    let book = load(vec![
        company("a"),
        company("b"),
        company("b-crm").under(id("b")).product("CRM"),
        company("c"),
        company("c-crm").under(id("c")).product("CRM"),
        company("d"),
        company("e"),
    ]);
    let on = day(MERGED);
    let cases: Vec<(Change, &[&str])> = vec![
        (Change::new().split(&id("a"), [], on), &["`a` is to be replaced by no account"]),
        (
            Change::new().merge(&id("a"), &id("a"), on),
            &["`a` would succeed itself", "account `a` is changed in two ways: replaced in a ring"],
        ),
        (
            Change::new().merge(&id("a"), &id("new"), on),
            &["`a` is to be replaced by `new`, which will not be in the book"],
        ),
        (Change::new().merge(&id("x"), &id("a"), on), &["account `x` is not in the book"]),
        (
            Change::new().merge(&id("a"), &id("d"), on).remove(&id("d")),
            &["`a` is to be replaced by `d`, which will not be in the book"],
        ),
        (
            Change::new().merge(&id("a"), &id("d"), on).merge(&id("a"), &id("e"), on),
            &["account `a` is changed in two ways: replaced twice"],
        ),
        (
            Change::new().merge(&id("a"), &id("d"), on).merge(&id("d"), &id("a"), on),
            &[
                "2 accounts would end in each other on 2026-01-15: `a`, `d`",
                "account `a` is changed in two ways: replaced in a ring",
                "account `d` is changed in two ways: replaced in a ring",
            ],
        ),
        (
            Change::new().merge(&id("a"), &id("d"), on).set(&id("a"), "seats", 1_i64),
            &["account `a` is changed in two ways: removed and changed"],
        ),
        (
            Change::new().merge(&id("b"), &id("c"), on),
            &[
                "`b-crm` would be held out of the book: product held twice",
                "`c` holds product `CRM` twice: `c-crm` and `b-crm`",
            ],
        ),
        (
            Change::new().retract_succession(Succession::new(id("a"), id("b"), on)),
            &["`a` and `b` have no such succession on 2026-01-15"],
        ),
        (
            Change::new()
                .declare_succession(Succession::new(id("p"), id("q"), on))
                .declare_succession(Succession::new(id("q"), id("p"), on))
                .declare_succession(Succession::new(id("r"), id("r"), on)),
            &["2 accounts would end in each other on 2026-01-15: `p`, `q`", "`r` would succeed itself"],
        ),
    ];
    for (change, problems) in cases {
        let refused = book.apply(&change).unwrap_err();
        let found: Vec<String> = refused.faults().iter().map(ToString::to_string).collect();
        assert_eq!(found, problems, "{change:?}");
    }
    // The products merge in the same change.
    let change = Change::new().merge(&id("b"), &id("c"), on).merge(&id("b-crm"), &id("c-crm"), on);
    let (merged, _) = book.apply(&change).unwrap();
    assert_eq!(paths(&merged), ["a", "c", "c › c-crm", "d", "e"]);
    // A merger that the history knows already.
    let known = Succession::new(id("d"), id("e"), on);
    let (told, _) = merged.apply(&Change::new().declare_succession(known.clone())).unwrap();
    let (done, report) = told.apply(&Change::new().merge(&id("d"), &id("e"), on)).unwrap();
    assert_eq!((report.successions_added.len(), report.accounts.removed), (0, vec![id("d")]));
    assert_eq!(done.successions(), told.successions());
    let gone = Change::new().merge(&id("d"), &id("e"), on).remove(&id("e"));
    assert!(told.apply(&gone).unwrap_err().to_string().contains("`e`, which will not be in the book"));
    // The same pair and day once more.
    let again =
        Change::new().add(company("b")).declare_succession(Succession::new(id("b"), id("c"), on).of_part());
    assert_eq!(
        merged.apply(&again).unwrap_err().to_string(),
        "`b` and `c` have a succession on 2026-01-15 already"
    );
    // And back on the same day, while the first merger of that day stands.
    let back =
        Change::new().add(company("b")).merge(&id("c"), &id("b"), on).merge(&id("c-crm"), &id("a"), on);
    assert_eq!(
        merged.apply(&back).unwrap_err().to_string(),
        "2 accounts would end in each other on 2026-01-15: `b`, `c`"
    );
}

#[test]
fn a_change_with_a_merger_travels_as_json() {
    let change = Change::new()
        .merge(&id("a"), &id("b"), day(MERGED))
        .declare_succession(Succession::new(id("x"), id("y"), day(MERGED)).of_part().ranked(2));
    let text = serde_json::to_string(&change).unwrap();
    assert_eq!(
        text,
        r#"[{"replace":{"account":"a","by":["b"],"on":"2026-01-15"}},{"declare_succession":{"succession":{"account":"x","on":"2026-01-15","part":true,"rank":2,"successor":"y"}}}]"#
    );
    assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change);
}

// --- Scopes ----------------------------------------------------------------------------------------

#[test]
fn a_scope_finds_the_successors_that_it_shows() {
    let book = load(vec![company("a"), company("b"), company("c")]);
    let change = Change::new().split(&id("a"), [id("b"), id("c")], day(MERGED));
    let (split, _) = book.apply(&change).unwrap();
    let seen = |scope: &[&str], asked: &str| {
        let scope = Scope::of(split.accounts(scope.iter().copied()));
        ids(&split.view(&scope, as_of()).unwrap().successors(asked))
    };
    assert_eq!(seen(&["b", "c"], "a"), ["b", "c"]);
    assert_eq!(seen(&["c"], "a"), ["c"]);
    assert_eq!(seen(&[], "a"), [""; 0]);
    // A hidden account is as one that does not exist: whoever came after it is found, as if it were gone.
    let link = Succession::new(id("b"), id("c"), day(MERGED));
    let (linked, _) = split.apply(&Change::new().declare_succession(link)).unwrap();
    let scope = Scope::of(linked.accounts(["c"]));
    assert_eq!(ids(&linked.view(&scope, as_of()).unwrap().successors("b")), ["c"]);
    let (without, _) = linked.apply(&Change::new().remove(&id("b"))).unwrap();
    let scope = Scope::of(without.accounts(["c"]));
    assert_eq!(ids(&without.view(&scope, as_of()).unwrap().successors("b")), ["c"]);
}

#[test]
fn an_heir_that_is_hidden_leads_nowhere_by_what_it_ended_in_before() {
    // `b` ended in `c`, was there again, and `a` merged into it ten years later.
    let book = load(vec![company("b"), company("c"), company("d")]);
    let change = Change::new()
        .declare_succession(Succession::new(id("b"), id("c"), day("1990-01-01")))
        .declare_succession(Succession::new(id("a"), id("b"), day("2000-01-01")))
        .declare_succession(Succession::new(id("a"), id("d"), day("2000-01-01")).ranked(1));
    let (told, _) = book.apply(&change).unwrap();
    let seen = |book: &Book, scope: &[&str]| {
        let scope = Scope::of(book.accounts(scope.iter().copied()));
        ids(&book.view(&scope, as_of()).unwrap().successors("a"))
    };
    assert_eq!(seen(&told, &["b", "c", "d"]), ["b", "d"]);
    assert_eq!(seen(&told, &["c", "d"]), ["d"], "`c` did not come after `a`");
    assert_eq!(seen(&told, &["c"]), [""; 0]);
    // The same where it has left the book.
    let (without, _) = told.apply(&Change::new().remove(&id("b"))).unwrap();
    assert_eq!(seen(&without, &["c", "d"]), ["d"]);
    assert_eq!(told.successions().heirs(&id("a"), as_of().date()), [id("b"), id("d")]);
}

// --- Loading a history -----------------------------------------------------------------------------

fn history_batch() -> Batch {
    let texts = |texts: &[&str]| Cells::text(texts.iter().map(|text| (!text.is_empty()).then_some(*text)));
    let day = |text: &str| if text.is_empty() { Cell::Null } else { Cell::Value(day(text).into()) };
    Batch::new(TableName::Successions)
        .column("id", texts(&["a", "b", "c", "d", "e", "f", "g", "a", "h", " i"]))
        .column("successor", texts(&["b", "", "c", "x", "f", "e", "x", "b", "x", "x"]))
        .column(
            "on",
            Cells::any([
                day("2020-01-01"),
                day("2020-01-01"),
                day("2020-01-01"),
                day(""),
                day("2021-01-01"),
                day("2021-01-01"),
                day("2021-01-01"),
                day("2020-01-01"),
                day("2021-01-01"),
                day("2021-01-01"),
            ]),
        )
        .column("rank", Cells::any([0, 0, 0, 0, 0, 0, -1, 0, 0, 0].map(|rank: i64| Cell::Value(rank.into()))))
        .column(
            "part",
            Cells::any((0..10).map(|row| if row == 8 { Cell::Value("maybe".into()) } else { Cell::Absent })),
        )
}

#[test]
fn rows_of_a_history_that_lead_nowhere_are_reported_and_held() {
    let mut builder = Book::builder(schema()).policy(Policy::lenient());
    builder.push(&history_batch()).unwrap();
    let (book, report) = builder.finish().unwrap();
    let counts = report.tables["successions"];
    assert_eq!((counts.offered, counts.loaded, counts.quarantined), (10, 1, 9));
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "successions row 10: id \" i\" begins or ends with white space",
            "successions row 2: succession of `b`: it names no successor",
            "successions row 3: succession of `c` by `c`: an account cannot succeed itself",
            "successions row 4: succession of `d` by `x`: it names no day",
            "successions row 7: succession of `g` by `x`: its rank is no whole number from 0",
            "successions row 9: succession of `h` by `x`: its `part` is neither yes nor no",
            "successions row 8: succession of `a` by `b`: the source has it twice for that day",
            "2 accounts end in each other on 2021-01-01: `e`, `f`",
        ]
    );
    assert_eq!(book.successions().links(), [&Succession::new(id("a"), id("b"), day("2020-01-01"))]);
    assert_eq!(book.superseded().len(), 9);

    let mut builder = Book::builder(schema()).policy(Policy::strict());
    builder.push(&history_batch()).unwrap();
    let LoadError::Rejected { report } = builder.finish().unwrap_err() else { panic!("not rejected") };
    assert_eq!(report.faults.len(), 8);
}

#[test]
fn the_real_history_of_american_banks_is_followed_to_its_end() {
    let data = Path::new(crate::common::ROOT).join("tests/data/bank-mergers");
    let schema = Schema::builder().account_type("Bank", Nesting::Free).build().unwrap();
    // The publisher's codes: 5 is a split and 7 a sale of assets, after which the institution goes on.
    let part = Column::from("code").map([("1", "no"), ("50", "no"), ("9", "no"), ("5", "yes"), ("7", "yes")]);
    let table = CsvTable::successions(CsvInput::path(data.join("transformations.csv")))
        .column("id", "predecessor_rssd")
        .column("successor", "successor_rssd")
        .column("on", "date")
        .column("part", part);
    let source = CsvSource::builder(&schema).table(table).build().unwrap();
    let (book, report) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let measured = std::fs::read_to_string(data.join("measured.json")).unwrap();
    let measured: serde_json::Value = serde_json::from_str(&measured).unwrap();
    assert_eq!(report.tables["successions"].loaded, 58_625);
    let history = book.successions();
    let links = history.links();
    let pairs: BTreeSet<_> = links.iter().map(|link| (&link.account, &link.successor)).collect();
    assert_eq!(pairs.len(), measured["distinct_edges"].as_u64().unwrap() as usize);
    let nodes: BTreeSet<&AccountId> =
        links.iter().flat_map(|link| [&link.account, &link.successor]).collect();
    assert_eq!(nodes.len(), measured["nodes"].as_u64().unwrap() as usize);

    // The eleven loops, with the accounts that the publisher's own links lead round in.
    let rings: BTreeSet<Vec<String>> =
        history.rings().iter().map(|ring| ring.iter().map(ToString::to_string).collect()).collect();
    let mut expected: BTreeSet<Vec<String>> = BTreeSet::new();
    for ring in measured["cycles"].as_array().unwrap() {
        let mut ring: Vec<String> =
            ring.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        ring.sort();
        expected.insert(ring);
    }
    assert_eq!(rings, expected);
    assert_eq!(rings.len(), 11);

    // Everyone has an heir, and nobody's heir has ended since.
    let today = day("2025-12-31");
    for account in &nodes {
        let heirs = history.heirs(account, today);
        assert!(!heirs.is_empty(), "{account}");
        for heir in &heirs {
            let came = history.before(heir).iter().map(|link| link.on).max();
            let ended = history.after(heir).iter().filter(|link| !link.part).map(|link| link.on).max();
            assert!(ended.is_none() || ended < came, "{account} leads to {heir}, which ended on {ended:?}");
        }
    }
    // A loop, year by year: Bank A absorbs B, B's charter comes back, and both are something else later.
    let heirs = |account, on| history.heirs(&id(account), day(on));
    assert_eq!(heirs("1423978", "1997-12-31"), [id("1423978")]);
    assert_eq!(heirs("1423978", "1999-12-31"), [id("95323")]);
    assert_eq!(heirs("1423978", "2025-12-31"), [id("723112")]);
    assert_eq!(heirs("2503046", "2005-01-01"), [id("729637")]);
    assert_eq!(heirs("2503046", "2010-01-01"), [id("2949710")]);
}

// --- Laws ------------------------------------------------------------------------------------------

/// Who stands for an account, by the plainest reading: every day in turn.
fn oracle_heirs(links: &[Succession], account: &AccountId, on: Date) -> BTreeSet<AccountId> {
    let mut standing: BTreeSet<AccountId> = BTreeSet::from([account.clone()]);
    // The day since which each is known to stand there.
    let mut days: Vec<Date> = links.iter().map(|link| link.on).filter(|day| *day <= on).collect();
    days.sort_unstable();
    days.dedup();
    for day in days {
        // Ends of one day follow each other until nothing moves.
        loop {
            let ending: Vec<&Succession> = links
                .iter()
                .filter(|link| !link.part && link.on == day && standing.contains(&link.account))
                .collect();
            if ending.is_empty() {
                break;
            }
            for link in &ending {
                standing.remove(&link.account);
            }
            standing.extend(ending.iter().map(|link| link.successor.clone()));
        }
    }
    standing
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn heirs_are_those_of_following_every_day(
        links in prop::collection::vec((0_u8..12, 0_u8..12, 0_i32..6, any::<bool>(), 0_u32..3), 0..40),
        on in 0_i32..7,
    ) {
        let day = |days| Date::from_days(20_000 + days).unwrap();
        let name = |number: u8| id(&format!("n{number:02}"));
        let links = links.into_iter().map(|(from, to, on, part, rank)| {
            let link = Succession::new(name(from), name(to), day(on)).ranked(rank);
            if part { link.of_part() } else { link }
        });
        let history = Successions::new(links);
        let all: Vec<Succession> = history.links().into_iter().cloned().collect();
        prop_assert!(Successions::same_day_rings(&all).is_empty());
        for account in (0..12).map(name) {
            let heirs = history.heirs(&account, day(on));
            let distinct: BTreeSet<AccountId> = heirs.iter().cloned().collect();
            prop_assert_eq!(distinct.len(), heirs.len());
            prop_assert_eq!(&distinct, &oracle_heirs(&all, &account, day(on)), "{} of {:?}", account, all);
        }
        // Taken apart and put together again in any order.
        let mut again = Successions::default();
        for link in all.iter().rev() {
            again = Successions::new(again.links().into_iter().cloned().chain([link.clone()]));
        }
        prop_assert_eq!(again, history);
    }
}

/// One replacement, worked out on the declared rows in the plainest way.
fn replace_rows(rows: &mut Rows, account: &AccountId, by: &[AccountId]) {
    let heir = by[0].clone();
    let parents: BTreeMap<AccountId, Vec<ParentLink>> =
        rows.accounts.iter().map(|row| (row.id.clone(), row.parents.clone())).collect();
    let first =
        |id: &AccountId| parents.get(id).and_then(|links| links.iter().min()).map(|link| link.parent.clone());
    let above = parents[account].clone();
    let mut line = vec![heir.clone()];
    while let Some(up) = first(line.last().unwrap()) {
        line.push(up);
    }
    let deep = line.contains(account) && first(&heir).as_ref() != Some(account);
    rows.accounts.retain(|row| row.id != *account);
    for row in &mut rows.accounts {
        if row.id == heir && deep {
            row.parents.clone_from(&above);
        } else if row.parents.iter().any(|link| link.parent == *account) {
            row.parents = if by.contains(&row.id) {
                above.clone()
            } else {
                vec![ParentLink { rank: 0, parent: heir.clone() }]
            };
        }
    }
    for (_, row) in &mut rows.children {
        if row.account.as_ref() == Some(account) {
            row.account = Some(heir.clone());
        }
    }
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn replaced_step_by_step_or_loaded_anew_is_the_same(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 2..40),
        script in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 1..12),
        chunk_rows in prop::sample::select(CHUNK_ROWS.to_vec()),
    ) {
        let mut rows = forest(&seeds);
        let (mut book, _) = rows.load(chunk_rows, Policy::strict());
        let mut links: Vec<Succession> = Vec::new();
        for (number, (account, heir, other, split)) in script.iter().enumerate() {
            let pick = |index: &prop::sample::Index| rows.accounts[index.index(rows.accounts.len())].id.clone();
            let (account, heir, other) = (pick(account), pick(heir), pick(other));
            if account == heir || account == other || heir == other {
                continue;
            }
            let on = Date::from_days(20_000 + number as i32).unwrap();
            let by = if *split { vec![heir, other] } else { vec![heir] };
            let change = Change::new().split(&account, by.clone(), on);
            let mut model = rows.clone();
            replace_rows(&mut model, &account, &by);
            let fresh = Book::builder(schema()).chunk_rows(7).load(&model.source());
            match (book.apply(&change), fresh) {
                (Ok((next, report)), Ok((fresh, _))) => {
                    next.verify().unwrap();
                    prop_assert_eq!(answers(&view(&next)), answers(&view(&fresh)));
                    let (plain, _) = book.apply(&change.expand(&book)).unwrap();
                    prop_assert_eq!(answers(&view(&plain)), answers(&view(&next)));
                    prop_assert_eq!(plain.successions(), next.successions());
                    links.extend((0..).zip(&by).map(|(rank, by)| Succession::new(account.clone(), by.clone(), on).ranked(rank)));
                    prop_assert_eq!(report.successions_added.len(), by.len());
                    (rows, book) = (model, next);
                }
                // Types, products: what a load would refuse is refused, and leaves the book as it was.
                (Err(_), Err(_)) => prop_assert_eq!(answers(&view(&book)), answers(&view(&rows.load(3, Policy::strict()).0))),
                (changed, fresh) => prop_assert!(
                    false,
                    "change: {:?}, load: {:?}",
                    changed.map(|_| ()), fresh.map(|_| ()).map_err(|error| error.to_string())
                ),
            }
        }
        prop_assert_eq!(book.successions(), &Successions::new(links.clone()));
        // A fresh load of the accounts and of the history is the same book.
        let source = rows.source().successions(links.iter().cloned());
        let (fresh, _) = Book::builder(schema()).load(&source).unwrap();
        prop_assert_eq!(fresh.successions(), book.successions());
        for link in &links {
            let (now, then) = (view(&book), view(&fresh));
            let on = |view: &perennial::View| ids(&view.successors(link.account.as_str()));
            prop_assert_eq!(on(&now), on(&then));
        }
    }

    #[test]
    fn mergers_of_one_change_are_those_of_several(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 4..30),
        pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 2..6),
    ) {
        let rows = forest(&seeds);
        let (book, _) = rows.load(5, Policy::strict());
        let on = Date::from_days(20_000).unwrap();
        let (mut whole, mut steps) = (Change::new(), book.clone());
        for (account, heir) in pairs {
            let pick = |index: prop::sample::Index| rows.accounts[index.index(rows.accounts.len())].id.clone();
            let (account, heir) = (pick(account), pick(heir));
            // Where an heir rises from below, who comes first matters to steps, and there is no first in one
            // change.
            let rises = |book: &Book| {
                let now = view(book);
                let [from, to] = [&account, &heir].map(|id| now.account(id.as_str()));
                from.zip(to).is_some_and(|(from, to)| to.is_under(from))
            };
            if rises(&book) || rises(&steps) {
                continue;
            }
            // Steps that stand alone only: each judged strictly on the way.
            if let Ok((next, _)) = steps.apply(&Change::new().merge(&account, &heir, on)) {
                whole = whole.merge(&account, &heir, on);
                steps = next;
            }
        }
        let (at_once, _) = book.apply(&whole).unwrap();
        at_once.verify().unwrap();
        prop_assert_eq!(answers(&view(&at_once)), answers(&view(&steps)));
        let (plain, _) = book.apply(&whole.expand(&book)).unwrap();
        prop_assert_eq!(answers(&view(&plain)), answers(&view(&at_once)));
        prop_assert_eq!(plain.successions(), at_once.successions());
        prop_assert_eq!(at_once.successions(), steps.successions());
    }
}

#[test]
fn a_history_that_parts_and_meets_again_is_followed_once() {
    let on = |number: i32| Date::from_days(20_000 + number).unwrap();
    let links = (0..64).flat_map(|number| {
        let [meets, left, right, next] =
            [format!("m{number}"), format!("l{number}"), format!("r{number}"), format!("m{}", number + 1)];
        [(&meets, &left, 0), (&meets, &right, 0), (&left, &next, 1), (&right, &next, 1)]
            .map(|(from, to, step)| Succession::new(id(from), id(to), on(2 * number + step)))
    });
    let history = Successions::new(links);
    assert_eq!(history.heirs(&id("m0"), on(200)), [id("m64")]);
    assert_eq!(history.heirs(&id("m0"), on(126)), [id("l63"), id("r63")]);
}

#[test]
fn long_histories_take_no_quadratic_step() {
    // Ten thousand accounts, each merged into the next on one day, in one change and from below.
    let accounts: Vec<AccountRow> = (0..10_000)
        .map(|number| {
            let row = company(&format!("c{number:05}"));
            if number == 0 { row } else { row.under(id(&format!("c{:05}", number - 1))) }
        })
        .collect();
    let (book, _) = Rows { accounts, ..Rows::default() }.load(512, Policy::strict());
    let on = day(MERGED);
    let change = (0..9_999).fold(Change::new(), |change, number| {
        change.merge(&id(&format!("c{number:05}")), &id(&format!("c{:05}", number + 1)), on)
    });
    let (merged, _) = book.apply(&change).unwrap();
    assert_eq!(paths(&merged), ["c09999"]);
    assert_eq!(ids(&view(&merged).successors("c00000")), ["c09999"]);
}
