//! The difference between a book and a storage that others wrote to.

use std::collections::BTreeSet;

use crate::common::{
    ATTRIBUTES, CHUNK_ROWS, PRODUCTS, Rows, TYPES, answers, child, child_row_of, config, forest, id, schema,
    value_of, view,
};
use perennial::report::{ChangeItem, HeldReason, MAX_REPORTED};
use perennial::source::{
    Batch, Cell, Cells, Emit, MemorySource, ScanRequest, Source, SourceError, TableName,
};
use perennial::testkit::{FaultySource, ReferenceBook};
use perennial::{
    AccountId, AccountRow, Book, Change, ChangeBuilder, ChildRow, Date, FaultKind, LoadError, ParentLink,
    Policy, Remedy, Succession, Value,
};
use proptest::prelude::*;
use proptest::sample::Index;

fn company(text: &str) -> AccountRow {
    AccountRow::new(id(text), "Company")
}

fn rows(accounts: Vec<AccountRow>) -> Rows {
    Rows { accounts, ..Rows::default() }
}

/// Everything a book knows, held and superseded rows too, as text.
fn everything(book: &Book) -> Vec<String> {
    let mut all = answers(&view(book));
    all.extend(book.held_accounts().map(|held| format!("{held:?}")));
    let mut held: Vec<String> = book.held_children().map(|held| format!("{held:?}")).collect();
    held.sort();
    all.extend(held);
    all.extend(book.successions().links().iter().map(|link| format!("{link:?}")));
    all
}

/// Synchronises, and checks that nothing differs any more.
fn synced(book: &Book, source: &dyn Source) -> Book {
    let (change, _) = Change::from_source(book, source).unwrap_or_else(|error| panic!("{error}"));
    let (next, _) = book.apply(&change).unwrap_or_else(|error| panic!("{error}\n{change:?}"));
    next.verify().unwrap();
    let (again, _) = Change::from_source(&next, source).unwrap();
    assert!(again.is_empty(), "{again:?}");
    next
}

fn refused(book: &Book, source: &dyn Source) -> Vec<String> {
    match Change::from_source(book, source).unwrap_err() {
        LoadError::Rejected { report } => {
            let refused = report.faults.iter().filter(|fault| fault.remedy == Remedy::Reject);
            let refused: Vec<String> = refused.map(ToString::to_string).collect();
            assert!(!refused.is_empty() && report.is_rejected());
            refused
        }
        other => panic!("{other}"),
    }
}

/// Rows of a storage that has a cell for every column: what a row does not have is null there.
struct Table(MemorySource);

impl Source for Table {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        self.0.scan(request, &mut |batch| {
            let mut whole = Batch::new(batch.table().clone());
            for name in request.columns() {
                let cells =
                    (0..batch.rows()).map(|row| match batch.cells(name).map(|cells| cells.cell(row)) {
                        None | Some(Cell::Absent) => Cell::Null,
                        Some(cell) => cell,
                    });
                whole = whole.column(name, Cells::any(cells));
            }
            emit(whole)
        })
    }
}

fn table(rows: &Rows) -> Table {
    Table(rows.source())
}

// --- Laws ------------------------------------------------------------------------------------------

/// Edits of rows as somebody else makes them; whatever they are, a strict load judges the outcome.
fn edit(rows: &mut Rows, script: &[(u8, Index, Index, u8)]) {
    for (what, a, b, byte) in script {
        let count = rows.accounts.len();
        if count == 0 {
            return;
        }
        let (a, b) = (a.index(count), b.index(count));
        match what % 10 {
            0 => {
                let row = AccountRow::new(id(&format!("new-{byte}-{a}")), TYPES[usize::from(*byte) % 3]);
                let row = row.with("plan", "basic").under(rows.accounts[b].id.clone());
                if !rows.accounts.iter().any(|other| other.id == row.id) {
                    rows.accounts.push(row);
                }
            }
            1 => {
                let gone = rows.accounts.remove(a).id;
                rows.children.retain(|(_, row)| row.account.as_ref() != Some(&gone));
                for row in &mut rows.accounts {
                    row.parents.retain(|link| link.parent != gone);
                }
            }
            2 => {
                let parent = rows.accounts[b].id.clone();
                rows.accounts[a].parents = vec![ParentLink { rank: 0, parent }];
            }
            3 => rows.accounts[a].parents.clear(),
            4 => {
                // Parent and child change places.
                let (up, down) = (rows.accounts[b].id.clone(), rows.accounts[a].id.clone());
                let above = rows.accounts[b].parents.clone();
                if rows.accounts[a].parents.iter().any(|link| link.parent == up) {
                    rows.accounts[a].parents = above;
                    rows.accounts[b].parents = vec![ParentLink { rank: 0, parent: down }];
                }
            }
            5 => rows.accounts[a].account_type = TYPES[usize::from(*byte) % 3].into(),
            6 => {
                let product = PRODUCTS.get(usize::from(*byte) % 4);
                rows.accounts[a].product = product.map(|product| (*product).into());
            }
            7 => {
                let attribute = ATTRIBUTES[usize::from(*byte) % ATTRIBUTES.len()];
                rows.accounts[a].values.retain(|(name, _)| &**name != attribute);
                if byte % 3 > 0 {
                    rows.accounts[a].values.push((attribute.into(), value_of(attribute, *byte).unwrap()));
                }
            }
            8 => {
                let (table, row) = child_row_of(&rows.accounts[a].id, usize::from(*byte), *byte);
                rows.children.retain(|(_, other)| other.id != row.id);
                rows.children.push((table, row));
            }
            _ if rows.children.is_empty() => {}
            _ => {
                let place = usize::from(*byte) % rows.children.len();
                match byte % 3 {
                    0 => drop(rows.children.remove(place)),
                    1 => rows.children[place].1.account = Some(rows.accounts[a].id.clone()),
                    _ => rows.children[place].1.values.retain(|(name, _)| &**name != "title"),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn synchronised_is_loaded_anew(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 0..30),
        script in prop::collection::vec((any::<u8>(), any::<Index>(), any::<Index>(), any::<u8>()), 0..25),
        chunk_rows in prop::sample::select(CHUNK_ROWS.to_vec()),
        order in any::<u64>(),
    ) {
        let before = forest(&seeds);
        let (book, _) = before.load(chunk_rows, Policy::strict());
        prop_assert!(Change::from_source(&book, &table(&before.shuffled(order))).unwrap().0.is_empty());
        let mut after = before.clone();
        edit(&mut after, &script);
        // What a strict load refuses is refused by the difference as well, or by the book.
        let fresh = Book::builder(schema()).load(&after.source());
        match (Change::from_source(&book, &table(&after)), fresh) {
            (Ok((change, report)), Ok((fresh, fresh_report))) => {
                prop_assert_eq!(&report.tables["accounts"], &fresh_report.tables["accounts"]);
                let (next, _) = book.apply(&change).unwrap();
                next.verify().unwrap();
                prop_assert_eq!(everything(&next), everything(&fresh));
                let (again, _) = Change::from_source(&next, &table(&after)).unwrap();
                prop_assert!(again.is_empty(), "{:?}", again);
                // The same change from the same rows in any order, in batches of any size.
                let shuffled = FaultySource::shuffled(Table(after.shuffled(order).source().batch_rows(3)), order);
                prop_assert_eq!(Change::from_source(&book, &shuffled).unwrap().0, change);
            }
            (Err(_), Err(_)) => {}
            (Ok(_), Err(error)) => prop_assert!(false, "accepted, though a load says {}", error),
            (Err(error), Ok(_)) => prop_assert!(false, "refused, though loaded: {}", error),
        }
    }

    #[test]
    fn a_dirty_storage_against_its_own_book_is_no_difference(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        links in prop::collection::vec(any::<[u8; 3]>(), 0..20),
        dirt in prop::collection::vec((any::<u8>(), any::<Index>(), any::<u8>()), 0..10),
        more in prop::collection::vec((any::<u8>(), any::<Index>(), any::<Index>(), any::<u8>()), 0..10),
        policy in any::<u64>(),
        order in any::<u64>(),
    ) {
        let mut rows = forest(&seeds);
        let count = rows.accounts.len();
        for [from, to, rank] in links {
            let parent = rows.accounts[usize::from(to) % count].id.clone();
            rows.accounts[usize::from(from) % count].parents.push(ParentLink { rank: u32::from(rank % 3), parent });
        }
        for (what, place, byte) in dirt {
            let place = place.index(count);
            match what % 6 {
                0 => rows.accounts[place].account_type = "Planet".into(),
                1 => rows.accounts[place].product = Some("Soap".into()),
                2 => rows.accounts[place].parents = vec![ParentLink { rank: 0, parent: id("nowhere") }],
                3 => rows.accounts[place].values.push(("seats".into(), Value::text("many"))),
                4 => rows.accounts[place].account_type = "Team".into(),
                _ => {
                    let mut row = child_row_of(&id("nobody"), usize::from(byte), 1).1;
                    if byte % 2 == 0 {
                        row.account = None;
                    }
                    rows.children.push(("tickets", row));
                }
            }
            if what % 6 == 3 {
                rows.accounts[place].values.dedup_by(|a, b| a.0 == b.0);
            }
        }
        // Some policy that loads.
        let policy = FaultKind::ALL.into_iter().enumerate().fold(Policy::lenient(), |all, (number, kind)| {
            let remedies: Vec<Remedy> = kind.remedies().iter().copied().filter(|r| *r != Remedy::Reject).collect();
            all.with(kind, remedies[(policy >> (number * 3)) as usize % remedies.len()]).unwrap()
        });
        let load = |rows: &Rows| Book::builder(schema()).policy(policy.clone()).chunk_rows(7).load(&rows.source());
        let (book, _) = load(&rows).unwrap();
        let (none, _) = Change::from_source(&book, &table(&rows.shuffled(order))).unwrap();
        prop_assert!(none.is_empty(), "{:?}", none);
        // After more edits it is refused, or it is what a load says.
        edit(&mut rows, &more);
        if let Ok((change, _)) = Change::from_source(&book, &table(&rows))
            && let Ok((next, _)) = book.apply(&change)
        {
            next.verify().unwrap();
            let (fresh, _) = load(&rows).unwrap();
            let [found, expected] = [everything(&next), everything(&fresh)];
            let only = |one: &[String], other: &[String]| -> Vec<String> {
                one.iter().filter(|line| !other.contains(line)).cloned().collect()
            };
            let differ = [only(&found, &expected), only(&expected, &found)];
            prop_assert_eq!(differ, [Vec::<String>::new(), Vec::new()], "{:?}", change);
            prop_assert_eq!(found, expected);
        }
    }
}

// --- What is said, and what is not ------------------------------------------------------------------

fn ids(texts: &[&str]) -> Cells {
    Cells::text(texts.iter().map(|text| Some(*text)))
}

/// Holds batches as they are.
struct Emits(Vec<Batch>, Vec<TableName>);

impl Source for Emits {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        for batch in self.0.iter().filter(|batch| batch.table() == request.table()) {
            if emit(batch.clone()).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        self.1.contains(table) || self.0.iter().any(|batch| batch.table() == table)
    }
}

fn sample() -> Rows {
    Rows {
        accounts: vec![
            company("a").with("name", "A").with("seats", 5_i64),
            company("b").under(id("a")).under(id("c")).with("name", ""),
            company("c").with("name", "C"),
            AccountRow::new(id("crm"), "Company").under(id("c")).product("CRM"),
        ],
        children: vec![
            ("tickets", child_row_of(&id("a"), 1, 5).1),
            ("tickets", child_row_of(&id("b"), 2, 5).1),
        ],
    }
}

fn sample_book() -> Book {
    sample().load(2, Policy::lenient()).0
}

#[test]
fn absent_leaves_and_null_clears() {
    let book = sample_book();
    let accounts = || Batch::new(TableName::Accounts).column("id", ids(&["a", "b", "c", "crm"]));
    let nothing = Emits(vec![accounts()], vec![]);
    assert!(Change::from_source(&book, &nothing).unwrap().0.is_empty());
    let name = |cells| Emits(vec![accounts().column("name", Cells::any(cells))], vec![]);
    let text = |text: &str| Cell::Value(Value::text(text));
    let next = synced(&book, &name(vec![Cell::Absent, Cell::Null, text(""), text("CRM")]));
    let values = view(&next).accounts().map(|a| (a.id().to_string(), a.value("name"))).collect::<Vec<_>>();
    let expected = [("a", Some("A")), ("b", None), ("c", Some("")), ("crm", Some("CRM"))];
    let mut expected: Vec<_> = expected.map(|(id, name)| (id.to_owned(), name.map(Value::text))).into();
    expected.sort_by_key(|(id, _)| answers(&view(&next)).iter().position(|line| line.contains(id)));
    let sorted = |mut all: Vec<(String, Option<Value>)>| {
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    assert_eq!(sorted(values), sorted(expected));
    assert_eq!(view(&next).account("b").unwrap().extra_parents().len(), 1, "parents were not spoken of");
    assert_eq!(view(&next).account("crm").unwrap().product(), Some("CRM"));
    // A parent that is spoken of, with no table of links, is the only one.
    let parents = Cells::any([Cell::Absent, text("a"), Cell::Absent, Cell::Absent]);
    let next = synced(&book, &Emits(vec![accounts().column("parent", parents)], vec![]));
    assert_eq!(view(&next).account("b").unwrap().extra_parents(), []);
    // And with an empty one, too.
    let links = vec![TableName::Links];
    let next = synced(&book, &Emits(vec![accounts()], links));
    assert_eq!(view(&next).account("b").unwrap().extra_parents(), []);
}

#[test]
fn tables_that_are_not_provided_are_left_alone() {
    let book = sample_book();
    let tickets = TableName::child("tickets");
    let first = sample().children[0].1.id.to_string();
    // A help desk: no accounts, and one ticket that is closed.
    let desk = Emits(
        vec![
            Batch::new(tickets.clone())
                .column("id", ids(&[&first]))
                .column("open", Cells::Bool(vec![Some(false)])),
        ],
        vec![],
    );
    let (change, report) = Change::from_source(&book, &desk).unwrap();
    assert_eq!(report.tables.keys().map(|table| &**table).collect::<Vec<_>>(), ["tickets"]);
    assert_eq!(change.items().len(), 2, "{change:?}");
    let next = synced(&book, &desk);
    assert_eq!(next.len(), 4);
    assert_eq!(view(&next).account("a").unwrap().child_rows("tickets").count(), 1);
    assert_eq!(view(&next).account("b").unwrap().child_rows("tickets").count(), 0);
    // A table without rows is not a table that is not there.
    let empty = Emits(vec![], vec![tickets]);
    assert_eq!(view(&synced(&book, &empty)).account("a").unwrap().child_rows("tickets").count(), 0);
    let nothing = Emits(vec![], vec![]);
    assert!(Change::from_source(&book, &nothing).unwrap().0.is_empty());
    let mut builder = ChangeBuilder::against(&book);
    builder.covers(&TableName::child("tickets"));
    assert_eq!(builder.finish().unwrap().0.items().len(), 2);
}

#[test]
fn the_same_value_in_other_words_is_no_difference() {
    let book = rows(vec![company("a").with("score", perennial::Decimal::new(150, 2)).with("region", "EMEA")]);
    let (book, _) = book.load(4, Policy::strict());
    let other = Emits(
        vec![
            Batch::new(TableName::Accounts)
                .column("id", ids(&["a"]))
                .column("score", Cells::Decimal { scale: 1, units: vec![Some(15)] })
                .column("region", ids(&["EMEA"]))
                .column("of no schema", ids(&["x"])),
        ],
        vec![],
    );
    let (change, report) = Change::from_source(&book, &other).unwrap();
    assert!(change.is_empty(), "{change:?}");
    assert_eq!(report.ignored_columns["accounts"], ["of no schema".into()]);
}

#[test]
fn whole_families_come_go_and_turn_over() {
    let before = rows(vec![
        company("top"),
        company("mid").under(id("top")),
        company("low").under(id("mid")),
        company("gone").under(id("top")),
        company("gone-1").under(id("gone")),
        company("gone-2").under(id("gone-1")),
        company("old-name"),
    ]);
    let (book, _) = before.load(2, Policy::strict());
    // `low` and `mid` change places, a subtree goes, an id is another one.
    let after = rows(vec![
        company("top"),
        company("low").under(id("top")),
        company("mid").under(id("low")),
        company("new-name"),
    ]);
    let next = synced(&book, &table(&after));
    let (fresh, _) = after.load(7, Policy::strict());
    assert_eq!(everything(&next), everything(&fresh));
    // Under what a storage calls null everything is a root again.
    let flat = rows(vec![company("top"), company("low"), company("mid"), company("new-name")]);
    assert_eq!(everything(&synced(&next, &table(&flat))), everything(&flat.load(7, Policy::strict()).0));
    assert!(synced(&next, &MemorySource::new()).is_empty());
}

#[test]
fn successions_are_declared_and_retracted() {
    let day = |number| Date::from_days(20_000 + number).unwrap();
    let link = |from: &str, on| Succession::new(id(from), id("a"), day(on));
    let source = |links: Vec<Succession>| rows(vec![company("a")]).source().successions(links);
    let (book, _) =
        Book::load(schema(), &source(vec![link("x", 1), link("y", 2)]), &Policy::strict()).unwrap();
    let after = source(vec![link("y", 2), link("y", 3), link("z", 1).of_part()]);
    let next = synced(&book, &after);
    let (fresh, _) = Book::load(schema(), &after, &Policy::strict()).unwrap();
    assert_eq!(next.successions(), fresh.successions());
    assert!(synced(&next, &source(vec![])).successions().is_empty());
}

// --- Held rows -------------------------------------------------------------------------------------

fn holding() -> Policy {
    let quarantined = [FaultKind::MissingParent, FaultKind::InvalidValue, FaultKind::MissingValue];
    quarantined
        .into_iter()
        .fold(Policy::lenient(), |policy, kind| policy.with(kind, Remedy::Quarantine).unwrap())
}

fn dirty() -> Rows {
    let mut unowned = child_row_of(&id("a"), 1, 1).1;
    unowned.account = None;
    let twice = child_row_of(&id("a"), 2, 1).1;
    let mut hourless = child_row_of(&id("a"), 3, 1).1;
    hourless.values.clear();
    Rows {
        accounts: vec![
            company("a"),
            company("lost").under(id("nowhere")),
            company("below").under(id("lost")),
            company("unfit").with("seats", "many").with("name", "Unfit"),
            AccountRow::new(id("planet"), "Planet"),
            company("soap").product("Soap"),
            AccountRow::new(id("planless"), "Team"),
        ],
        children: vec![
            ("tickets", unowned),
            ("tickets", twice.clone()),
            ("tickets", twice),
            ("tickets", hourless),
            ("tickets", child_row_of(&id("stranger"), 4, 1).1),
            ("tickets", child_row_of(&id("lost"), 5, 1).1),
        ],
    }
}

#[test]
fn a_new_row_at_fault_is_named_among_more_known_ones_than_a_report_holds() {
    let unowned = |table: &'static str, number: usize| {
        let mut row = child_row_of(&id("a"), number, 1).1;
        (row.account, row.id) = (None, child(&format!("r{number}")));
        (table, row)
    };
    let known: Vec<_> = (0..MAX_REPORTED + 50).map(|number| unowned("tickets", number)).collect();
    let rows = |new: Vec<(&'static str, ChildRow)>| Rows {
        accounts: vec![company("a")],
        children: known.iter().cloned().chain(new).collect(),
    };
    let (book, report) = rows(vec![]).load(7, holding());
    assert_eq!(
        (report.faults.len(), report.count(FaultKind::ChildWithoutAccount)),
        (MAX_REPORTED, MAX_REPORTED + 50)
    );
    let (change, report) = Change::from_source(&book, &table(&rows(vec![]))).unwrap();
    assert!(change.is_empty());
    assert_eq!(report.faults.len(), MAX_REPORTED);

    let error = Change::from_source(&book, &table(&rows(vec![unowned("tickets", 99_999)]))).unwrap_err();
    let report = error.report().unwrap();
    let refused: Vec<String> = report
        .faults
        .iter()
        .filter(|fault| fault.remedy == Remedy::Reject)
        .map(ToString::to_string)
        .collect();
    assert_eq!((report.faults.len(), refused.len()), (MAX_REPORTED, 1));
    assert!(refused[0].contains("r99999") && error.to_string().contains("r99999"), "{error}");

    // A policy that refuses describes as few.
    let strict = rows(vec![]);
    let (clean, _) = Rows { accounts: strict.accounts.clone(), children: vec![] }.load(7, Policy::strict());
    let error = Change::from_source(&clean, &table(&strict)).unwrap_err();
    assert_eq!(error.report().unwrap().faults.len(), MAX_REPORTED);
}

#[test]
fn rows_of_two_tables_with_one_id_are_two_rows() {
    let row = |table: &'static str| {
        let mut row = ChildRow::new(child("same"), id("a"));
        if table == "tickets" {
            row = row.with("hours", perennial::Decimal::new(10, 1));
        }
        row.account = None;
        (table, row)
    };
    let rows = |tables: &[&'static str]| Rows {
        accounts: vec![company("a")],
        children: tables.iter().map(|table| row(table)).collect(),
    };
    let (book, _) = rows(&["tickets"]).load(7, holding());
    let error = Change::from_source(&book, &table(&rows(&["tickets", "contracts"]))).unwrap_err();
    let refused: Vec<&str> = error
        .report()
        .unwrap()
        .faults
        .iter()
        .filter(|fault| fault.remedy == Remedy::Reject)
        .map(|fault| &*fault.location.as_ref().unwrap().table)
        .collect();
    assert_eq!(refused, ["contracts"]);
}

#[test]
fn what_is_mended_below_a_held_account_is_held_for_that_alone() {
    let rows = |accounts| Rows { accounts, children: Vec::new() };
    let soap = || company("soap").product("Soap");
    let below = |book: &Book| {
        book.held_accounts().filter(|held| held.reason == HeldReason::Below(id("soap"))).count()
    };
    let (book, _) =
        rows(vec![soap(), company("unfit").with("seats", "many").under(id("soap"))]).load(3, holding());
    assert_eq!(below(&book), 0);
    let fit = || company("unfit").with("seats", 7_i64).under(id("soap"));
    let half = rows(vec![soap(), fit()]);
    let next = synced(&book, &table(&half));
    assert_eq!(everything(&next), everything(&half.load(7, holding()).0));
    assert_eq!(below(&next), 1);
    let whole = rows(vec![company("soap"), fit()]);
    let next = synced(&next, &table(&whole));
    assert_eq!(everything(&next), everything(&whole.load(7, holding()).0));
    assert_eq!(next.held_accounts().count(), 0);

    // A product is a matter of its place, which a change does not choose below a held account (S19): it is
    // spoken of, and refused by name, until what it hangs on is mended as well.
    let (book, _) = rows(vec![soap(), company("bar").product("Soap").under(id("soap"))]).load(3, holding());
    let bar = || company("bar").under(id("soap"));
    let (change, _) = Change::from_source(&book, &table(&rows(vec![soap(), bar()]))).unwrap();
    let refused = book.apply(&change).unwrap_err().to_string();
    assert!(refused.contains("`bar` would stand under `soap`, which is held out of the book"), "{refused}");
    let next = synced(&book, &table(&rows(vec![company("soap"), bar()])));
    assert_eq!(next.held_accounts().count(), 0);
}

#[test]
fn what_is_mended_is_released() {
    let (book, report) = dirty().load(3, holding());
    assert_eq!((report.tables["accounts"].quarantined, report.tables["tickets"].quarantined), (6, 6));
    assert!(Change::from_source(&book, &dirty().source()).unwrap().0.is_empty());

    let mut mended = dirty();
    mended.accounts[1] = company("lost").under(id("a"));
    mended.accounts[3] = company("unfit").with("seats", 7_i64).with("name", "Fit");
    mended.accounts[4] = company("planet");
    mended.accounts[5] = company("soap").product("CRM");
    mended.accounts[6] = AccountRow::new(id("planless"), "Team").with("plan", "basic");
    mended.children[0].1.account = Some(id("a"));
    mended.children.remove(2);
    mended.children[2].1 = child_row_of(&id("a"), 3, 1).1;
    mended.children[3].1.account = Some(id("below"));
    let next = synced(&book, &table(&mended));
    let (fresh, report) = mended.load(7, holding());
    assert_eq!(report.counts.len(), 0, "{report}");
    assert_eq!(everything(&next), everything(&fresh));
    assert_eq!(next.held_accounts().count() + next.held_children().count(), 0);

    // Unsaid, what is held stays held, with what is known of it.
    let silent = Emits(
        vec![
            Batch::new(TableName::Accounts)
                .column("id", ids(&["a", "lost", "below", "unfit", "planet", "soap", "planless"])),
        ],
        vec![],
    );
    let (change, _) = Change::from_source(&book, &silent).unwrap();
    let spoken: BTreeSet<String> = change.items().iter().map(|item| format!("{item:?}")).collect();
    assert_eq!(spoken.len(), 0, "{spoken:?}");
}

#[test]
fn what_no_change_can_say_is_refused_by_name() {
    let clean = rows(vec![company("a").with("seats", 1_i64), company("b").under(id("a"))]);
    let (book, _) = clean.load(4, holding());
    let with = |row: AccountRow| rows(vec![company("a").with("seats", 1_i64), row]);
    let cases: [(Rows, &[&str]); 5] = [
        (
            with(company("b").under(id("nowhere"))),
            &["accounts row 2: parent `nowhere` of `b` does not exist"],
        ),
        (
            with(company("b").under(id("a")).with("seats", "many")),
            &["accounts row 2: `b`: seats: expected whole number, found text"],
        ),
        (with(AccountRow::new(id("b"), "Planet")), &["accounts row 2: `b` is of unknown type `Planet`"]),
        (with(AccountRow::new(id("c"), "Team")), &["accounts row 2: `c`: plan: required value is missing"]),
        (
            Rows {
                accounts: clean.accounts.clone(),
                children: vec![
                    ("tickets", child_row_of(&id("nobody"), 1, 1).1),
                    ("tickets", child_row_of(&id("a"), 2, 1).1),
                    ("tickets", child_row_of(&id("b"), 2, 1).1),
                ],
            },
            &[
                "tickets row 1: row `5ec1` belongs to `nobody`, which is not in the book",
                "tickets row 2: id `b7c2` stands in 2 rows: tickets row 2 (account a), tickets row 3 (account b)",
            ],
        ),
    ];
    for (rows, expected) in cases {
        assert_eq!(refused(&book, &rows.source()), expected);
    }
    // What the policy clears is cleared, and said.
    let lenient = clean.load(4, Policy::lenient()).0;
    let cleared = with(company("b").under(id("a")).with("seats", "many"));
    let (change, report) = Change::from_source(&lenient, &cleared.source()).unwrap();
    assert!(change.is_empty());
    assert_eq!(report.count(FaultKind::InvalidValue), 1);
    // A repeated id is put aside by a load, and by no change.
    let mut twice = clean.clone();
    twice.accounts.push(company("b").under(id("a")).with("seats", 2_i64));
    assert_eq!(
        refused(&lenient, &twice.source()),
        [
            "accounts row 2: id `b` stands in 2 different rows: accounts row 2 (no seats) counts, not accounts row 3 (seats 2)"
        ]
    );
    let (holds, _) = twice.load(4, Policy::lenient());
    assert!(Change::from_source(&holds, &twice.source()).unwrap().0.is_empty());
    // An account below one that is held: its place is judged where places are.
    let mut below = dirty();
    let (book, _) = below.load(4, holding());
    below.accounts.push(company("new").under(id("lost")));
    let (change, _) = Change::from_source(&book, &below.source()).unwrap();
    assert_eq!(
        book.apply(&change).unwrap_err().to_string(),
        "`new` would stand under `lost`, which is held out of the book"
    );
}

#[test]
fn a_source_that_fails_gives_no_change() {
    let book = sample_book();
    let failing = FaultySource::fails_after_batches(sample().source(), 0);
    let error = Change::from_source(&book, &failing).unwrap_err();
    assert!(matches!(error, LoadError::Source(_)), "{error}");
    let ragged = Batch::new(TableName::Accounts).column("id", ids(&["a"])).column("name", ids(&["x", "y"]));
    let error = Change::from_source(&book, &Emits(vec![ragged.clone()], vec![])).unwrap_err();
    assert!(matches!(error, LoadError::Batch(_)), "{error}");
    let mut builder = ChangeBuilder::against(&book);
    assert!(builder.push(&ragged).is_err());
    assert!(builder.finish().unwrap().0.is_empty(), "a batch that is no table covers nothing");
}

#[test]
fn a_held_row_is_replaced_in_one_change_and_no_other_row_is() {
    let mut hourless = child_row_of(&id("a"), 3, 1).1;
    hourless.values.clear();
    let rows = Rows { accounts: vec![company("a")], children: vec![("tickets", hourless.clone())] };
    let (book, _) = rows.load(4, holding());
    let whole = child_row_of(&id("a"), 3, 1).1;
    let replace = Change::new().remove_child("tickets", &whole.id).add_child("tickets", whole.clone());
    let (next, report) = book.apply(&replace).unwrap();
    next.verify().unwrap();
    assert_eq!((next.held_children().count(), report.children_added.len()), (0, 1));
    assert_eq!(
        next.apply(&replace).unwrap_err().to_string(),
        format!(
            "account `tickets {0}` is changed in two ways: removed and changed\n\
             row `{0}` is in table `tickets` already",
            whole.id
        )
    );
    let _: ChildRow = ChildRow::new(child("x"), id("a"));
}

#[test]
fn a_large_book_against_its_own_rows_is_no_difference() {
    let reference = ReferenceBook::new(100_000, 3);
    let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict()).unwrap();
    let (change, report) = Change::from_source(&book, &reference.source()).unwrap();
    assert!(change.is_empty());
    assert_eq!(report.tables["accounts"].offered, 100_000);
    let one = view(&book).accounts().nth(50_000).unwrap().id();
    let (edited, _) = book.apply(&Change::new().clear(&one, "name")).unwrap();
    let (change, _) = Change::from_source(&edited, &reference.source()).unwrap();
    let [ChangeItem::Set { account, attribute, .. }] = change.items() else { panic!("{change:?}") };
    assert_eq!((account, &**attribute), (&one, "name"));
    let _: AccountId = one;
}
