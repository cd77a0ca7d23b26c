//! Do ids, parents, types, products and ranks come back as they were written?

use super::judge;
use crate::source::TableName;
use crate::testkit::conformance::harness::{Capability, SourceHarness};
use crate::testkit::conformance::outcome::Outcome;
use crate::testkit::conformance::sample;
use crate::testkit::conformance::seed::{Column, Role, Row, named};

/// Ids come back byte by byte wherever they stand, as ids, parents and accounts of rows: in their case, in
/// their form of Unicode, with their zeros.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn ids_come_back_byte_for_byte(harness: &dyn SourceHarness) -> Outcome {
    judge("ids_come_back_byte_for_byte", harness, &[Capability::Seeding], |trial| {
        let mut seed = trial.seed();
        for (number, id) in sample::ids(&trial.capabilities).iter().enumerate() {
            seed.account(id, None, Row::new());
            seed.account(&format!("below {number}"), Some(id), Row::new());
            seed.link(&format!("below {number}"), id, 1);
            for table in trial.schema.tables() {
                seed.child(&TableName::child(table.name()), id, Some(id), Row::new());
            }
        }
        let ids = |column: &Column| matches!(&*column.name, "parent" | "account");
        trial.comes_back(&seed.finish(), |lens| lens.only(ids))
    })
}

/// An account comes back with its parent, its type and its product, and a root without a parent.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn accounts_keep_their_place(harness: &dyn SourceHarness) -> Outcome {
    judge("accounts_keep_their_place", harness, &[Capability::Seeding], |trial| {
        let mut seed = trial.seed();
        seed.account("top", None, Row::new());
        let account = |id: &str, kind: &str| {
            vec![named("id", Some(id)), named("parent", Some("top")), named("account_type", Some(kind))]
        };
        for (number, kind) in trial.schema.account_types().enumerate() {
            seed.row(&TableName::Accounts, account(&format!("type {number}"), kind.name()));
        }
        for (number, product) in trial.schema.products().enumerate() {
            let id = format!("product {number}");
            seed.account(&id, Some("top"), vec![named("product", Some(product.name()))]);
        }
        trial.comes_back(&seed.finish(), |lens| lens.only(|column| matches!(column.role, Role::Name)))
    })
}

/// Links come back with their parents and ranks.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn links_keep_their_ranks(harness: &dyn SourceHarness) -> Outcome {
    judge("links_keep_their_ranks", harness, &[Capability::Seeding, Capability::Links], |trial| {
        let mut seed = trial.seed();
        for id in ["a", "b", "c", "child", "other"] {
            seed.account(id, None, Row::new());
        }
        let large = if trial.capabilities.holds(Capability::Extremes) { u32::MAX } else { 1_000 };
        let links = [
            ("child", "a", 1),
            ("child", "b", 7),
            ("child", "c", large),
            ("other", "b", 1),
            ("other", "a", 2),
        ];
        for (id, parent, rank) in links {
            seed.link(id, parent, rank);
        }
        if trial.capabilities.holds(Capability::Null) {
            // No rank is the first one.
            seed.row(&TableName::Links, vec![named("id", Some("other")), named("parent", Some("c"))]);
        }
        trial.comes_back(&seed.finish(), |lens| lens.only(|column| &*column.name != "account_type"))
    })
}

/// Successions come back with their days, ranks and parts.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn successions_keep_their_days(harness: &dyn SourceHarness) -> Outcome {
    let needs = [Capability::Seeding, Capability::Successions];
    judge("successions_keep_their_days", harness, &needs, |trial| {
        let mut seed = trial.seed();
        for number in 0..8 {
            seed.history(number);
        }
        trial.comes_back(&seed.finish(), |lens| lens)
    })
}

/// The rows of child tables come back with their own accounts.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn child_rows_keep_their_accounts(harness: &dyn SourceHarness) -> Outcome {
    judge(
        "child_rows_keep_their_accounts",
        harness,
        &[Capability::Seeding, Capability::ChildTables],
        |trial| {
            let mut seed = trial.seed();
            for id in ["a", "b", "c"] {
                seed.account(id, None, Row::new());
            }
            for table in trial.schema.tables() {
                // Several rows of one account, none of another, and rows in no order.
                for (id, account) in [("4", "c"), ("1", "a"), ("3", "c"), ("2", "c"), ("5", "a")] {
                    seed.child(&TableName::child(table.name()), id, Some(account), Row::new());
                }
            }
            trial.comes_back(&seed.finish(), |lens| lens.only(|column| &*column.name == "account"))
        },
    )
}
