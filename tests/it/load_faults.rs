//! Every kind of fault with every remedy: all reported, nothing lost, whatever the order of rows.

use std::collections::BTreeSet;

use crate::common::{CHUNK_ROWS, PRODUCTS, TYPES, answers, child, id, id_of, schema, view};
use perennial::source::{
    Batch, Cell, Cells, Emit, MemorySource, ScanRequest, Source, SourceError, TableName,
};
use perennial::testkit::Random;
use perennial::{
    AccountId, AccountRow, Attribute, AttributeType, Book, Change, ChildRow, ChildTable, FaultKind,
    LoadError, LoadReport, Nesting, ParentLink, Policy, Remedy, Schema, TableKind, Value,
};
use proptest::prelude::*;

/// Rows as text, valid or not: (id, parent, type, product, seats, plan).
#[derive(Debug, Clone, Default)]
struct Raw {
    accounts: Vec<[&'static str; 6]>,
    links: Vec<[&'static str; 2]>,
    successions: Vec<[&'static str; 3]>,
    tickets: Vec<[&'static str; 3]>,
}

fn texts<const N: usize>(rows: &[[&'static str; N]], column: usize) -> Cells {
    Cells::text(rows.iter().map(|row| Some(row[column]).filter(|text| *text != "-")))
}

fn ints<const N: usize>(rows: &[[&'static str; N]], column: usize) -> Cells {
    Cells::any(rows.iter().map(|row| match (row[column], row[column].parse::<i64>()) {
        ("-", _) => Cell::Null,
        (_, Ok(number)) => Cell::Value(Value::Int(number)),
        (text, Err(_)) => Cell::Value(Value::text(text)),
    }))
}

impl Source for Raw {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        match request.table() {
            TableName::Accounts => {
                for rows in self.accounts.chunks(5) {
                    let batch = Batch::new(TableName::Accounts)
                        .column("id", texts(rows, 0))
                        .column("parent", texts(rows, 1))
                        .column("account_type", texts(rows, 2))
                        .column("product", texts(rows, 3))
                        .column("seats", ints(rows, 4))
                        .column("plan", texts(rows, 5));
                    if emit(batch).is_break() {
                        break;
                    }
                }
            }
            TableName::Links => {
                let batch = Batch::new(TableName::Links)
                    .column("id", texts(&self.links, 0))
                    .column("parent", texts(&self.links, 1))
                    .column("rank", Cells::Int(vec![Some(1); self.links.len()]));
                let _ = emit(batch);
            }
            TableName::Successions => {
                let days = self.successions.iter().map(|row| row[2].parse().ok());
                let batch = Batch::new(TableName::Successions)
                    .column("id", texts(&self.successions, 0))
                    .column("successor", texts(&self.successions, 1))
                    .column("on", Cells::Date(days.collect()));
                let _ = emit(batch);
            }
            table if *table == TableName::child("tickets") => {
                let batch = Batch::new(table.clone())
                    .column("id", texts(&self.tickets, 0))
                    .column("account", texts(&self.tickets, 1))
                    .column("hours", ints(&self.tickets, 2));
                let _ = emit(batch);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Raw {
    fn shuffled(&self, seed: u64) -> Self {
        let (mut raw, mut random) = (self.clone(), Random::new(seed));
        random.shuffle(&mut raw.accounts);
        random.shuffle(&mut raw.links);
        random.shuffle(&mut raw.successions);
        random.shuffle(&mut raw.tickets);
        raw
    }

    fn load(&self, chunk_rows: u32, policy: &Policy) -> Result<(Book, LoadReport), LoadError> {
        Book::builder(schema()).policy(policy.clone()).chunk_rows(chunk_rows).load(self)
    }
}

/// One of each kind of fault beside accounts in order.
fn one_of_each() -> Raw {
    Raw {
        accounts: vec![
            ["acme", "-", "Company", "-", "10", "-"],
            ["acme-eu", "acme", "Company", "-", "5", "-"],
            ["crm", "acme", "Company", "CRM", "1", "-"],
            [" padded", "acme", "Company", "-", "1", "-"],
            ["martian", "acme", "Planet", "-", "1", "-"],
            ["below-martian", "martian", "Company", "-", "1", "-"],
            ["soap", "acme", "Company", "Soap", "1", "-"],
            ["twice", "acme", "Company", "-", "1", "-"],
            ["twice", "acme-eu", "Company", "-", "2", "-"],
            ["selfish", "selfish", "Company", "-", "1", "-"],
            ["orphan", "nowhere", "Company", "-", "1", "-"],
            ["below-orphan", "orphan", "Company", "-", "1", "-"],
            ["several", "acme", "Company", "-", "1", "-"],
            ["ring-a", "ring-b", "Company", "-", "1", "-"],
            ["ring-b", "ring-c", "Company", "-", "1", "-"],
            ["ring-c", "ring-a", "Company", "-", "1", "-"],
            ["link-a", "acme", "Company", "-", "1", "-"],
            ["link-b", "link-a", "Company", "-", "1", "-"],
            ["group", "acme", "Group", "-", "1", "-"],
            ["under-crm", "crm", "Company", "-", "1", "-"],
            ["crm-2", "acme", "Company", "CRM", "1", "-"],
            ["many", "acme", "Company", "-", "many", "-"],
            ["planless", "acme", "Team", "-", "1", "-"],
        ],
        links: vec![["several", "acme-eu"], ["link-a", "link-b"], ["stranger", "acme"]],
        successions: vec![
            ["old", "acme", "2020-01-01"],
            ["older", "acme", "-"],
            ["this", "that", "2020-01-01"],
            ["that", "this", "2020-01-01"],
        ],
        tickets: vec![
            ["t1", "acme", "1"],
            ["t2", "-", "1"],
            ["t3", "nobody", "1"],
            ["t4", "acme", "1"],
            ["t4", "acme-eu", "2"],
            ["t5", "acme", "-"],
        ],
    }
}

fn same_text(found: &str, expected: &str) {
    assert!(found == expected, "found:\n{found}\n\nexpected:\n{expected}");
}

#[test]
fn every_fault_of_a_load_is_reported_at_once() {
    let error = one_of_each().load(3, &Policy::strict()).unwrap_err();
    let report = error.report().unwrap();
    assert_eq!(report.counts.len(), FaultKind::ALL.len(), "{:?}", report.counts);
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    same_text(&faults.join("\n"), EVERY_FAULT);
    // A check says the same, and a load that accepts everything meets the same faults.
    assert_eq!(&Book::check(schema(), &one_of_each()).unwrap(), report);
    let (_, lenient) = one_of_each().load(3, &Policy::lenient()).unwrap();
    let problems = |report: &LoadReport| -> Vec<String> {
        report.faults.iter().map(|fault| fault.problem.to_string()).collect()
    };
    assert_eq!(problems(&lenient), problems(report));
    same_text(&lenient.to_string(), LENIENT);
}

const EVERY_FAULT: &str = "accounts row 4: id \" padded\" begins or ends with white space
accounts row 5: `martian` is of unknown type `Planet`
accounts row 7: `soap` names unknown product `Soap`
accounts row 8: id `twice` stands in 2 different rows: accounts row 8 (parent acme, seats 1), accounts row 9 (parent acme-eu, seats 2)
accounts row 10: `selfish` names itself as parent
accounts row 11: parent `nowhere` of `orphan` does not exist
accounts row 13: `several` has 2 parents: `acme`, `acme-eu`
accounts row 17: `link-a` has 2 parents: `acme`, `link-b`
accounts row 14: 3 accounts stand under each other: `ring-a`, `ring-b`, `ring-c`
links row 3: link to `acme` belongs to `stranger`, which is not in the source
successions row 2: succession of `older` by `acme`: it names no day
2 accounts end in each other on 2020-01-01: `that`, `this`
links of 2 accounts form a ring: `link-a`, `link-b`
accounts row 19: `group` of type `Group` may not stand under `acme` of type `Company`
accounts row 20: `under-crm` stands under the product account `crm`
accounts row 21: `acme` holds product `CRM` twice: `crm` and `crm-2`
accounts row 22: `many`: seats: expected whole number, found text
accounts row 23: `planless`: plan: required value is missing
tickets row 6: `t5`: hours: required value is missing
tickets row 2: row `t2` names no account
tickets row 3: row `t3` belongs to `nobody`, which is not in the book
tickets row 4: id `t4` stands in 2 rows: tickets row 4 (account acme, hours 1.0), tickets row 5 (account acme-eu, hours 2.0)";
const LENIENT: &str = "accounts: 23 offered, 15 loaded, 8 held
links: 3 offered, 2 loaded, 1 held
successions: 4 offered, 1 loaded, 3 held
tickets: 6 offered, 2 loaded, 4 held
contracts: 0 offered, 0 loaded, 0 held
invalid id: 1 (quarantine), such as: accounts row 4: id \" padded\" begins or ends with white space
unknown account type: 1 (quarantine), such as: accounts row 5: `martian` is of unknown type `Planet`
unknown product: 1 (quarantine), such as: accounts row 7: `soap` names unknown product `Soap`
repeated id: 1 (prefer), such as: accounts row 8: id `twice` stands in 2 different rows: accounts row 8 (parent acme, seats 1) counts, not accounts row 9 (parent acme-eu, seats 2)
account is its own parent: 1 (adopt), such as: accounts row 10: `selfish` names itself as parent
parent does not exist: 1 (adopt), such as: accounts row 11: parent `nowhere` of `orphan` does not exist
several parents: 2 (prefer), such as: accounts row 13: `several` has 2 parents: `acme`, `acme-eu`
cycle: 1 (adopt), such as: accounts row 14: 3 accounts stand under each other: `ring-a`, `ring-b`, `ring-c`
stray link: 1 (quarantine), such as: links row 3: link to `acme` belongs to `stranger`, which is not in the source
invalid succession: 1 (quarantine), such as: successions row 2: succession of `older` by `acme`: it names no day
ring of successions: 1 (quarantine), such as: 2 accounts end in each other on 2020-01-01: `that`, `this`
cycle of links: 1 (prefer), such as: links of 2 accounts form a ring: `link-a`, `link-b`
type order: 1 (quarantine), such as: accounts row 19: `group` of type `Group` may not stand under `acme` of type `Company`
account under a product account: 1 (quarantine), such as: accounts row 20: `under-crm` stands under the product account `crm`
product held twice: 1 (quarantine), such as: accounts row 21: `acme` holds product `CRM` twice: `crm` and `crm-2`
value does not fit: 1 (clear), such as: accounts row 22: `many`: seats: expected whole number, found text
required value missing: 2 (clear), such as: accounts row 23: `planless`: plan: required value is missing
child row without account: 1 (quarantine), such as: tickets row 2: row `t2` names no account
child row of an unknown account: 1 (quarantine), such as: tickets row 3: row `t3` belongs to `nobody`, which is not in the book
repeated child id: 1 (quarantine), such as: tickets row 4: id `t4` stands in 2 rows: tickets row 4 (account acme, hours 1.0), tickets row 5 (account acme-eu, hours 2.0)
";

// What is held, and the report without lines, in an order of their own.
fn outcome(loaded: &Result<(Book, LoadReport), LoadError>) -> (Vec<String>, Vec<String>) {
    let (mut book_lines, report) = match loaded {
        Ok((book, report)) => {
            book.verify().unwrap();
            let mut lines: Vec<String> = book.held_accounts().map(|held| format!("{held:?}")).collect();
            lines.extend(book.held_children().map(|held| format!("{held:?}")));
            lines.extend(book.superseded().iter().map(|row| format!("{row:?}")));
            lines.sort();
            lines.extend(answers(&view(book)));
            (lines, report)
        }
        Err(error) => (vec!["refused".to_owned()], error.report().unwrap()),
    };
    let mut faults: Vec<String> =
        report.faults.iter().map(|f| format!("{:?} {} {:?}", f.kind, f.problem, f.remedy)).collect();
    faults.sort();
    book_lines.push(format!("{:?} {:?}", report.tables, report.counts));
    (book_lines, faults)
}

fn complete(loaded: &Result<(Book, LoadReport), LoadError>) {
    let report = match loaded {
        Ok((book, report)) => {
            let rows = report.tables["accounts"];
            assert_eq!(rows.loaded, book.len());
            let of = |table: &str| book.superseded().iter().filter(|row| &*row.table == table).count();
            let superseded = of("accounts");
            assert_eq!(rows.quarantined, book.held_accounts().count() + superseded);
            let children = book.held_children().count() + of("tickets");
            assert_eq!(report.tables["tickets"].quarantined, children);
            let shown: usize =
                view(book).accounts().map(|account| account.child_rows("tickets").count()).sum();
            assert_eq!(report.tables["tickets"].loaded, shown);
            report
        }
        Err(error) => error.report().unwrap(),
    };
    for (table, rows) in &report.tables {
        assert_eq!(rows.loaded + rows.quarantined, rows.offered, "{table}: {rows:?}");
    }
}

#[test]
fn every_fault_with_every_remedy() {
    let raw = one_of_each();
    for kind in FaultKind::ALL {
        for remedy in kind.remedies() {
            let policy = Policy::lenient().with(kind, *remedy).unwrap();
            let loaded = raw.load(3, &policy);
            assert_eq!(loaded.is_err(), *remedy == Remedy::Reject, "{kind:?} {remedy:?}");
            complete(&loaded);
            for (seed, chunk_rows) in (0..).zip(CHUNK_ROWS) {
                assert_eq!(
                    outcome(&raw.shuffled(seed).load(chunk_rows, &policy)),
                    outcome(&loaded),
                    "{kind:?} {remedy:?}"
                );
            }
            let Ok((book, _)) = loaded else { continue };
            let shown = view(&book);
            let account = |id: &str| shown.account(id).is_some();
            let adopted = |id: &str| shown.account(id).and_then(|account| account.adopted());
            let (one, place) = match kind {
                FaultKind::UnknownType => ("martian", None),
                FaultKind::UnknownProduct => ("soap", Some("acme")),
                FaultKind::RepeatedId => ("twice", Some("acme")),
                FaultKind::SelfParent => ("selfish", None),
                FaultKind::MissingParent => ("orphan", None),
                FaultKind::SeveralParents => ("several", Some("acme")),
                FaultKind::Cycle => ("ring-a", None),
                FaultKind::TypeOrder => ("group", None),
                FaultKind::UnderProduct => ("under-crm", None),
                FaultKind::RepeatedProduct => ("crm-2", Some("acme")),
                FaultKind::InvalidValue => ("many", Some("acme")),
                FaultKind::MissingValue => ("planless", Some("acme")),
                _ => continue,
            };
            match remedy {
                Remedy::Quarantine => assert!(!account(one), "{kind:?}"),
                Remedy::Adopt => {
                    assert_eq!(adopted(one), Some(kind));
                    assert!(shown.account(one).unwrap().parent().is_none());
                }
                _ => {
                    let above = shown.account(one).unwrap().parent();
                    assert_eq!(above.map(|above| above.id_str()), place, "{kind:?} {remedy:?}");
                    assert_eq!(adopted(one), None);
                }
            }
            assert!(account("acme") && account("acme-eu") && account("crm"));
            assert!(!account(" padded") && !account("below-martian"));
            assert_eq!(account("below-orphan"), account("orphan"));
        }
    }
}

const POOL: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "missing", " bad"];

fn policy_of(seed: u64) -> Policy {
    let mut random = Random::new(seed);
    FaultKind::ALL.into_iter().fold(Policy::lenient(), |policy, kind| {
        // Remedies other than the refusal, which is tested above.
        let others = &kind.remedies()[1..];
        policy.with(kind, others[random.below(others.len() as u64) as usize]).unwrap()
    })
}

proptest! {
    #![proptest_config(crate::common::config(400))]

    #[test]
    fn no_order_of_faulty_rows_matters(
        seeds in prop::collection::vec(any::<[u8; 6]>(), 0..12),
        links in prop::collection::vec(any::<[u8; 2]>(), 0..5),
        tickets in prop::collection::vec(any::<[u8; 3]>(), 0..6),
        policy in any::<u64>(),
        order in any::<u64>(),
    ) {
        let text = |n: u8| POOL[usize::from(n) % POOL.len()];
        let one = |words: &[&'static str], n: u8| words[usize::from(n) % words.len()];
        let raw = Raw {
            accounts: seeds.iter().map(|[a, b, c, d, e, f]| [
                if a % 16 == 0 { " bad" } else { POOL[usize::from(*a) % 7] },
                if b % 4 == 0 { "-" } else { text(*b) },
                one(&["Group", "Company", "Company", "Team", "Planet"], *c),
                one(&["-", "-", "-", "CRM", "Billing", "Soap"], *d),
                one(&["-", "1", "2", "many"], *e),
                one(&["-", "basic"], *f),
            ]).collect(),
            links: links.iter().map(|[a, b]| [POOL[usize::from(*a) % 8], text(*b)]).collect(),
            successions: links.iter().map(|[a, b]| [text(*a), text(*b), one(&["2020-01-01", "2021-01-01", "-"], a ^ b)]).collect(),
            tickets: tickets.iter().map(|[a, b, c]| [
                one(&["t1", "t2", "t3", " t"], *a),
                one(&["-", "a", "b", "c", "d", "missing"], *b),
                one(&["-", "1", "many"], *c),
            ]).collect(),
        };
        let policy = policy_of(policy);
        let first = raw.load(4_096, &policy);
        prop_assert!(first.is_ok());
        complete(&first);
        let expected = outcome(&first);
        for chunk_rows in CHUNK_ROWS {
            let again = raw.shuffled(order.wrapping_add(chunk_rows.into())).load(chunk_rows, &policy);
            prop_assert_eq!(outcome(&again), expected.clone());
        }
    }

    /// Declarations with faults, changed step by step, are the same book as the final declarations.
    #[test]
    fn incremental_is_rebuild_whatever_is_held(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..10),
        script in prop::collection::vec(any::<[u8; 4]>(), 1..10),
        policy in any::<u64>(),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let policy = policy_of(policy);
        let row_of = |number: usize, [above, second, kind, product, plan]: [u8; 5]| {
            let mut row = AccountRow::new(id_of(number), TYPES[usize::from(kind) % 4 % 3]);
            row.parents = links_of(above, second);
            if product % 4 == 0 {
                row = row.product(PRODUCTS[usize::from(product / 4) % 2]);
            }
            if plan % 4 != 0 { row.with("plan", "basic") } else { row }
        };
        let mut rows = crate::common::Rows::default();
        for (number, seed) in seeds.iter().enumerate() {
            rows.accounts.push(row_of(number, *seed));
        }
        let (mut book, _) = rows.load(CHUNK_ROWS[size], policy.clone());
        for [what, which, b, c] in script {
            let place = usize::from(which) % 12;
            let target = id_of(place);
            let known = rows.accounts.iter().position(|row| row.id == target);
            let mut next = rows.clone();
            let change = match (known, what % 5) {
                (None, _) => {
                    let row = row_of(place, [b, c, what, b ^ c, 1]);
                    next.accounts.push(row.clone());
                    Change::new().add(row)
                }
                (Some(at), 0 | 1) => {
                    next.accounts[at].parents = links_of(b, c);
                    Change::new().declare_parents(&target, links_of(b, c))
                }
                (Some(at), 2) => {
                    next.accounts.remove(at);
                    Change::new().remove(&target)
                }
                (Some(at), 3) => {
                    next.accounts[at].values = vec![("plan".into(), "pro".into())];
                    Change::new().set(&target, "plan", "pro")
                }
                (Some(at), _) => {
                    let kind = TYPES[usize::from(b) % 3];
                    next.accounts[at].account_type = kind.into();
                    Change::new().retype(&target, kind)
                }
            };
            let Ok((changed, _)) = book.apply(&change) else { continue };
            changed.verify().map_err(TestCaseError::fail)?;
            let fresh = next.shuffled(3).load(4_096, policy.clone());
            prop_assert_eq!(held_and_shown(&changed), held_and_shown(&fresh.0), "after {:?}", change);
            (book, rows) = (changed, next);
        }
    }
}

fn held_and_shown(book: &Book) -> (Vec<String>, Vec<String>) {
    (book.held_accounts().map(|held| format!("{held:?}")).collect(), answers(&view(book)))
}

fn links_of(first: u8, second: u8) -> Vec<ParentLink> {
    let link = |rank, n: u8| ParentLink { rank, parent: id_of(usize::from(n) % 12) };
    match (first % 4, second % 4) {
        (0, _) => vec![],
        (_, 0) => vec![link(0, first / 4), link(1, second / 4)],
        _ => vec![link(0, first / 4)],
    }
}

#[test]
fn a_held_account_is_released_by_what_it_lacks() {
    let raw = one_of_each();
    let policy = FaultKind::ALL.into_iter().fold(Policy::strict(), |policy, kind| match kind {
        FaultKind::LinkCycle => policy.with(kind, Remedy::Prefer).unwrap(),
        _ => policy.with(kind, Remedy::Quarantine).unwrap(),
    });
    let (book, _) = raw.load(3, &policy).unwrap();
    let release = |change: Change, ids: &[&str]| {
        let (next, report) = book.apply(&change).unwrap_or_else(|error| panic!("{error}\n{change:?}"));
        next.verify().unwrap();
        let released: BTreeSet<AccountId> = report.released.into_iter().collect();
        assert_eq!(released, ids.iter().map(|text| id(text)).collect(), "{change:?}");
    };
    release(Change::new().set(&id("planless"), "plan", "pro"), &["planless"]);
    release(Change::new().set(&id("planless"), "seats", 3_i64), &[]);
    release(Change::new().set(&id("many"), "seats", 3_i64), &["many"]);
    // Which value did not fit is remembered: another one mends nothing.
    release(Change::new().set(&id("many"), "plan", "pro"), &[]);
    release(Change::new().clear(&id("many"), "seats"), &["many"]);
    release(Change::new().set_product(&id("soap"), None), &["soap"]);
    release(Change::new().retype(&id("martian"), "Company"), &["martian", "below-martian"]);
    release(Change::new().move_to_root(&id("martian")), &[]);
    release(Change::new().move_to_root(&id("ring-b")), &["ring-a", "ring-b", "ring-c"]);
    release(Change::new().add(AccountRow::new(id("nowhere"), "Company")), &["orphan", "below-orphan"]);
    release(Change::new().remove(&id("crm")), &["crm-2"]);
    release(Change::new().move_to_root(&id("under-crm")), &["under-crm"]);
    release(Change::new().set_product(&id("crm"), None), &["crm-2", "under-crm"]);
    release(Change::new().retype(&id("group"), "Company"), &["group"]);
    release(Change::new().move_under(&id("several"), &id("acme")), &["several"]);
    // What is held below a held account goes with it or keeps it from going.
    assert!(book.apply(&Change::new().remove(&id("orphan"))).is_err());
    let (next, report) = book.apply(&Change::new().remove_subtree(&id("orphan"))).unwrap();
    assert_eq!(report.accounts.removed, [id("below-orphan"), id("orphan")]);
    assert!(!next.held_accounts().any(|held| held.row.id == id("below-orphan")));
}

#[test]
fn a_child_row_that_waits_keeps_its_id() {
    let mut raw = one_of_each();
    raw.links.clear();
    let (book, _) = raw.load(3, &Policy::lenient()).unwrap();
    // `t3` waits for `nobody`.
    let again =
        perennial::ChildRow::new(perennial::ChildId::new("t3").unwrap(), id("acme")).with("hours", 1_i64);
    assert!(book.apply(&Change::new().add_child("tickets", again.clone())).is_err());
    let arrives = Change::new().add(AccountRow::new(id("nobody"), "Company"));
    assert!(book.apply(&arrives.clone().add_child("tickets", again.clone())).is_err());
    let (next, report) = book.apply(&arrives).unwrap();
    assert_eq!(report.children_added.len(), 1);
    assert_eq!(view(&next).account("nobody").unwrap().child_rows("tickets").count(), 1);
    // It can be taken away, and its id is free then.
    let gone = Change::new().remove_child("tickets", &perennial::ChildId::new("t3").unwrap());
    let (next, _) = book.apply(&gone).unwrap();
    let (next, _) = next.apply(&Change::new().add_child("tickets", again)).unwrap();
    next.verify().unwrap();
    assert_eq!(next.held_children().filter(|held| held.row.id.as_str() == "t3").count(), 0);
}

#[test]
fn whole_numbers_that_arrive_as_doubles_name_accounts() {
    let batch = Batch::new(TableName::Accounts)
        .column("id", Cells::Int(vec![Some(17), Some(18), Some(19)]))
        .column("account_type", Cells::text(["Company"; 3].map(Some)))
        .column("seats", Cells::Int(vec![Some(1); 3]))
        .column("parent", Cells::Double(vec![None, Some(17.0), Some(1.5)]));
    let mut builder = Book::builder(schema()).policy(Policy::lenient());
    builder.push(&batch).unwrap();
    let (book, report) = builder.finish().unwrap();
    assert_eq!(view(&book).account("18").unwrap().parent().unwrap().id_str(), "17");
    assert_eq!(report.count(FaultKind::MissingParent), 1, "{report}");
}

#[test]
fn of_two_rows_at_fault_one_with_a_value_that_does_not_fit_no_order_decides() {
    let rows = [["twice", "-", "Planet", "-", "-", "-"], ["twice", "-", "Planet", "-", "many", "-"]];
    let policy = Policy::lenient().with(FaultKind::InvalidValue, Remedy::Quarantine).unwrap();
    let load = |order: [usize; 2]| {
        let raw = Raw { accounts: order.map(|row| rows[row]).to_vec(), ..Raw::default() };
        outcome(&raw.load(4, &policy))
    };
    assert_eq!(load([0, 1]), load([1, 0]));
}

#[test]
fn an_only_parent_that_stands_in_the_links_is_not_forgotten() {
    // Held: `below` names its only parent in `links`, and that is a product account.
    let raw = Raw {
        accounts: vec![
            ["top", "-", TYPES[0], "-", "-", "-"],
            ["product", "top", TYPES[1], PRODUCTS[0], "-", "-"],
            ["below", "-", TYPES[1], "-", "-", "-"],
        ],
        links: vec![["below", "product"]],
        ..Raw::default()
    };
    let (book, _) = Book::load(schema(), &raw, &Policy::lenient()).unwrap();
    let held = book.held_accounts().find(|held| held.row.id == id("below")).unwrap();
    assert_eq!(held.row.parents, [ParentLink { rank: 1, parent: id("product") }]);
    let (book, report) = book.apply(&Change::new().set_product(&id("product"), None)).unwrap();
    assert_eq!(report.released, [id("below")]);
    assert_eq!(view(&book).account("below").unwrap().parent().unwrap().id(), id("product"));

    // Adopted: a ring that is closed by a link, broken at its smallest id.
    let raw = Raw {
        accounts: vec![["a", "-", TYPES[1], "-", "-", "-"], ["b", "a", TYPES[1], "-", "-", "-"]],
        links: vec![["a", "b"]],
        ..Raw::default()
    };
    let (book, _) = Book::load(schema(), &raw, &Policy::lenient()).unwrap();
    assert!(view(&book).account("a").unwrap().is_root());
    let declared = |book: &Book, of: &str| {
        let parents = view(book).account(of).unwrap().declared_parents();
        parents.into_iter().map(|link| link.parent).collect::<Vec<_>>()
    };
    assert_eq!((declared(&book, "a"), declared(&book, "b")), (vec![id("b")], vec![id("a")]));
    let (book, _) = book.apply(&Change::new().move_to_root(&id("b"))).unwrap();
    assert_eq!(view(&book).account("a").unwrap().parent().unwrap().id(), id("b"));
    assert_eq!((declared(&book, "a"), declared(&book, "b")), (vec![id("b")], vec![]));
}

// A repeated id refuses a load once, whatever stands below it; and its rows can be told apart by what is said of them.
#[test]
fn a_repeated_id_is_one_fault_and_its_rows_are_told() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("note", AttributeType::Text))
        .table(ChildTable::new("tickets", TableKind::Tickets))
        .build()
        .unwrap();
    let row = |name: &str, seats: i64| AccountRow::new(id(name), "Company").with("seats", seats);
    let below = |n: u32| row(&format!("below-{n}"), 1).under(id("acme"));
    let source = MemorySource::new()
        .account(row("acme", 1).with("note", "x".repeat(200)))
        .accounts((0..100).map(below))
        .account(row("acme", 2))
        .accounts((0..5).map(|_| row("acme", 1).with("note", "y\u{200b}")))
        .children("tickets", (0..50).map(|n| ChildRow::new(child(&format!("t{n}")), id("acme"))));
    let load = |policy: Policy| Book::load(schema.clone(), &source, &policy);
    let error = load(Policy::strict()).unwrap_err();
    let report = error.report().unwrap();
    assert_eq!(report.counts, std::collections::BTreeMap::from([(FaultKind::RepeatedId, 1)]));
    let long = format!("{}...", "x".repeat(60));
    let expected = |first: &str, others: &str| {
        format!("accounts row 1: id `acme` stands in 7 different rows: {first}{others} and 3 more")
    };
    let (one, two) =
        (format!("accounts row 1 (seats 1, note {long})"), "accounts row 102 (seats 2, no note)");
    let (three, four) =
        ("accounts row 103 (seats 1, note y\\u{200b})", "accounts row 104 (seats 1, note y\\u{200b})");
    same_text(&report.faults[0].to_string(), &expected(&one, &format!(", {two}, {three}, {four}")));
    // Where the policy prefers a row, that row is named.
    let (_, report) = load(Policy::lenient()).unwrap();
    let fault = report.faults_of(FaultKind::RepeatedId).next().unwrap();
    let kept: Vec<bool> = fault.rows.iter().map(|row| row.counts).collect();
    assert_eq!(kept, [true, false, false, false]);
    assert!(fault.to_string().contains(" counts, not "), "{fault}");
    // What is held below an id that is put aside is a fault of its own: nothing else refuses it.
    let policy = Policy::lenient().with(FaultKind::RepeatedId, Remedy::Quarantine).unwrap();
    let (_, report) = load(policy).unwrap();
    assert_eq!(report.count(FaultKind::MissingParent), 100);
    assert_eq!(report.count(FaultKind::ChildOfUnknownAccount), 50);
}
