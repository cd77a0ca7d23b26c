//! What was read for a part, and from where?

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::build::Asked;
use super::{Gathered, MAX_WITNESSES, Origin, Reading, UsageDays};
use crate::expr::ast::{Ast, Node, NodeId};
use crate::expr::batch::{self, Points, UsageAsked};
use crate::expr::rate_missing::is_rate_missing_column;
use crate::expr::scalar;
use crate::expr::term::{Asker, Gather, Op, Over, TermId};
use crate::expr::types::Type;
use crate::expr::value::{ExprValue, Val};
use crate::model::{AccountIdx, ChildId, Date, TableId};
use crate::tree::AccountTree;

/// What a part depends on: attributes by name, whosever they are, and the shape of the tree.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<Arc<str>>);

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

/// A reading; of a derived value, the column and the account that has it.
pub(super) type Read = (Reading, Option<(Arc<str>, AccountIdx)>);

/// What a node reads at an account, in the order of the text, and what it depends on.
pub(super) fn of(asked: &Asked<'_>, at: AccountIdx, node: NodeId, width: usize) -> (Vec<Read>, Names) {
    let ast = asked.checked.ast();
    let mut readings: Vec<Read> = Vec::new();
    let mut known: HashSet<Arc<str>> = HashSet::new();
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        match origin(asked, at, node, width) {
            Some((from, derived)) => {
                let text: Arc<str> = Arc::from(ast.text_of(node));
                if known.insert(text.clone()) {
                    let value = asked.value(at, node);
                    readings.push((Reading { text, value, from, derived: None }, derived));
                }
            }
            None => match ast.node(node) {
                // What is asked of each item of a list is no value by itself.
                Node::Macro { over, .. } => left.push(over),
                _ => {
                    let below: Vec<NodeId> = ast.below(node).collect();
                    left.extend(below.into_iter().rev());
                }
            },
        }
    }
    let mut names = Names::default();
    if let Some(term) = asked.term(node) {
        depends(&asked.points, term, &mut names);
    }
    (readings, names)
}

fn depends(points: &Points<'_>, term: TermId, names: &mut Names) {
    let terms = &points.terms;
    let mut left = vec![term];
    while let Some(id) = left.pop() {
        let op = terms.op(id);
        match op {
            Op::Slot(slot) => {
                let slot = terms.slots.get(*slot as usize).filter(|slot| !is_rate_missing_column(&slot.name));
                names.0.extend(slot.map(|slot| slot.name.clone()));
            }
            Op::Level | Op::Under { .. } => {
                names.0.insert(Arc::from("the hierarchy"));
            }
            Op::AccountId => {
                names.0.insert(Arc::from("id"));
            }
            Op::Owns(_) => {
                names.0.insert(Arc::from("product"));
            }
            Op::Usage(_, usage, _) => {
                names.0.insert(usage.name.clone());
            }
            Op::InSegment(id) => {
                names.0.insert(id.clone());
            }
            Op::Gather { over, .. } => {
                names.0.insert(match over {
                    Over::Walk(_) => Arc::from("the hierarchy"),
                    Over::Table(table) => table.clone(),
                });
            }
            _ => {}
        }
        left.extend(op.parts());
    }
}

/// Where a value is from, and which derived value it is.
type Found = (Origin, Option<(Arc<str>, AccountIdx)>);

/// Where the value of a node is from, where it is one that is read rather than computed.
fn origin(asked: &Asked<'_>, at: AccountIdx, node: NodeId, width: usize) -> Option<Found> {
    let points = &asked.points;
    let mut term = asked.term(node)?;
    let mut account = Some(at);
    loop {
        if let Op::At(place, inner) = points.terms.op(term) {
            account = account.and_then(|account| points.reached(account, place));
            term = *inner;
            continue;
        }
        let unguarded = points.terms.unguarded(term);
        if unguarded == term {
            break;
        }
        term = unguarded;
    }
    let Some(account) = account else { return Some((Origin::Nowhere, None)) };
    let id = |account: AccountIdx| points.view.inner().account_id(account);
    let whose = || if account == at { Origin::Own } else { Origin::Account(id(account)) };
    let from = match points.terms.op(term) {
        Op::Slot(slot) => {
            let name = points.terms.slots.get(*slot as usize).map(|slot| &slot.name);
            let derived = name.filter(|_| points.is_derived(*slot)).map(|name| (name.clone(), account));
            return Some((whose(), derived));
        }
        Op::Usage(..) => usage(asked, account, node, term, width),
        Op::Level | Op::AccountId | Op::Under { .. } => Some(whose()),
        Op::Owns(product) => {
            let mut found =
                Gathered { asked: 0, cancelled: 0, missing: 0, decisive: 0, witnesses: Vec::new() };
            for place in points.view.subtree(account) {
                found.asked += 1;
                if points.holds(place, *product) {
                    found.add(|| id(place), None);
                }
            }
            Some(Origin::Accounts(found))
        }
        Op::Gather { asker, what, over, filters, body } => {
            if points.asker(account, asker).is_none() {
                return Some((Origin::Nowhere, None));
            }
            let answer = points.value(account, term);
            let kind = match asked.checked.ast().node(node) {
                Node::Macro { body, .. } => asked.checked.kind_of(body),
                _ => None,
            };
            let mut ask = |seen: &mut dyn FnMut(batch::Asked, &Val<'_>)| {
                points.each_asked(account, asker, over, filters, *body, &mut |asked, value| {
                    seen(asked, &value);
                    true
                });
            };
            Some(match over {
                Over::Walk(walk) => {
                    let mut found = gathered(*what, &answer, kind, &mut ask, &|asked| match asked {
                        batch::Asked::Account(place) | batch::Asked::Row(place, ..) => id(place),
                    });
                    if walk.leaves_out_cancelled() && !says_with_cancelled(asked.checked.ast(), node) {
                        found.cancelled = cancelled(points, account, asker, over);
                    }
                    Origin::Accounts(found)
                }
                Over::Table(_) => {
                    Origin::Rows(gathered(*what, &answer, kind, &mut ask, &|asked| row_id(points, asked)))
                }
            })
        }
        _ if asked.is_moment(node) => Some(Origin::Day),
        _ => None,
    };
    Some((from?, None))
}

/// The days of a question about usage.
fn usage(asked: &Asked<'_>, at: AccountIdx, node: NodeId, term: TermId, width: usize) -> Option<Origin> {
    let points = &asked.points;
    let today = points.view.as_of().date();
    let rates = points.view.dated_rates();
    let question = UsageAsked::of(&points.terms, term, today.days())?.at_rates(rates);
    let (first, last) = question.window()?;
    let (kind, mut days) = points.supply?.usage_days(at, &question);
    // What is read of a week stands before what is read of the weeks.
    let of_week = question.weeks().and_then(|_| asked.checked.ast().below(node).next());
    let kind = kind.as_ref().or_else(|| asked.checked.kind_of(of_week.unwrap_or(node)))?;
    let more = days.len().saturating_sub(width);
    days.reverse();
    days.truncate(width);
    let days = days
        .iter()
        .filter_map(|(day, cell)| Some((Date::from_days(*day)?, Val::of_cell(cell).to_value(kind))));
    Some(Origin::Usage(UsageDays {
        first: first.and_then(Date::from_days),
        last: Date::from_days(last)?,
        days: days.collect(),
        more,
        by_week: question.weeks().is_some(),
    }))
}

/// Does what a macro or a count is asked of say `withCancelled()`?
fn says_with_cancelled(ast: &Ast, node: NodeId) -> bool {
    let mut at = Some(node);
    while let Some(node) = at {
        at = match ast.node(node) {
            Node::Call { function, .. } if &**function == "withCancelled" => return true,
            Node::Call { arguments, .. } => arguments.first().copied(),
            Node::Macro { over, .. } => Some(over),
            _ => None,
        };
    }
    false
}

/// How many of the accounts of a walk are cancelled.
fn cancelled(points: &Points<'_>, from: AccountIdx, asker: &Asker, over: &Over) -> u64 {
    let mut cancelled = 0;
    points.each_asked(from, asker, over, &[], None, &mut |asked, _| {
        if let batch::Asked::Account(place) = asked {
            cancelled += u64::from(points.view.at(place).is_some_and(|account| account.is_cancelled()));
        }
        true
    });
    cancelled
}

fn row_id(points: &Points<'_>, asked: batch::Asked) -> ChildId {
    let id = match asked {
        batch::Asked::Row(place, table, row) => {
            let chunk = points.view.inner().chunk(place.slot);
            let block = chunk.and_then(|chunk| chunk.table(TableId::new(table).index()));
            block.and_then(|block| block.id(row))
        }
        batch::Asked::Account(_) => None,
    };
    ChildId::trusted(id.unwrap_or_default())
}

impl<Id> Gathered<Id> {
    fn add(&mut self, id: impl FnOnce() -> Id, value: Option<ExprValue>) {
        self.decisive += 1;
        if self.witnesses.len() < MAX_WITNESSES {
            self.witnesses.push((id(), value));
        }
    }
}

type Ask<'a> = dyn FnMut(&mut dyn FnMut(batch::Asked, &Val<'_>)) + 'a;

fn gathered<Id>(
    what: Gather,
    answer: &Val<'_>,
    kind: Option<&Type>,
    ask: &mut Ask<'_>,
    id: &dyn Fn(batch::Asked) -> Id,
) -> Gathered<Id> {
    let mut found = Gathered { asked: 0, cancelled: 0, missing: 0, decisive: 0, witnesses: Vec::new() };
    ask(&mut |asked, value| {
        found.asked += 1;
        if value.is_missing() {
            found.missing += 1;
        }
        let decisive = match what {
            Gather::All => value.truth() != Some(true),
            Gather::Exists | Gather::ExistsOne | Gather::Count => value.truth() == Some(true),
            Gather::Min | Gather::Max => scalar::order(value, answer).is_some_and(std::cmp::Ordering::is_eq),
            _ => !value.is_missing(),
        };
        if decisive {
            found.add(|| id(asked), kind.and_then(|kind| value.to_value(kind)));
        }
    });
    found
}
