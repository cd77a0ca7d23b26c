//! What does a lambda give that reads the accounts and rows of several others around it?
//!
//! Its collection is gone through once for each account or row that it stands at, since each may have another answer:
//! `contracts.exists(x, contracts.exists(y, y.plan == x.plan))`. What its body asks that does not depend on the pair is
//! answered for all accounts, or for all rows around, in one pass before. The checker refuses what would take time by the
//! square of the accounts.

use super::derive::{Asked, Deriver, Stopped};
use super::flat::Flat;
use super::point::{Here, OfAccounts, Points};
use super::program::is_deep;
use crate::book::TableBlock;
use crate::expr::term::{Cell, Op, TermId};
use crate::model::AccountIdx;

/// So many rows are answered before it is asked whether to stop.
const BATCH: usize = 1_024;

/// The answers to an operation that says who is asked, for all rows of a frame.
pub(super) fn answers(deriver: &mut Deriver<'_>, frame: usize, id: TermId) -> Result<Flat, Stopped> {
    let Op::Gather { filters, body, .. } = deriver.program.terms.op(id) else {
        return Ok(Flat::Cells(Vec::new()));
    };
    for part in filters.iter().chain(body) {
        prepare(deriver, frame, *part)?;
    }
    // The frame and those around it, from the outside in.
    let mut chain: Vec<usize> = vec![frame];
    while let Some(around) = chain.last().and_then(|frame| deriver.frames.get(*frame)?.around) {
        chain.push(around);
    }
    chain.reverse();
    let rows: Vec<Vec<Row>> = chain.iter().map(|frame| rows(deriver, *frame)).collect();
    let Some(whole) = deriver.frames.first() else { return Ok(Flat::Cells(Vec::new())) };
    let known = OfAccounts { tree: &deriver.tree, answers: &whole.known };
    let points = Points::of(deriver.view, deriver.supply, &deriver.program.terms, &deriver.program.bound);
    let points = points.knowing(known);
    let own = rows.last().map(Vec::as_slice).unwrap_or_default();
    let mut cells: Vec<Cell> = Vec::with_capacity(own.len());
    for row in 0..own.len() {
        if row % BATCH == 0 && (deriver.stop)() {
            return Err(Stopped);
        }
        cells.push(one(deriver, &points, (&chain, &rows), row, id).unwrap_or(Cell::Missing));
    }
    Ok(Flat::of_cells(cells))
}

/// An account, or the row of a child table of one; `None` where it is not visible.
type Row = Option<(AccountIdx, Option<(usize, usize)>)>;

/// What stands at each row of a frame.
fn rows(deriver: &Deriver<'_>, frame: usize) -> Vec<Row> {
    let tree = &deriver.tree;
    let seen = tree.accounts().enumerate().map(|(row, place)| tree.sees(row).then_some(place));
    match deriver.frames.get(frame).map(|frame| frame.asked) {
        Some(Asked::Accounts) => seen.map(|place| Some((place?, None))).collect(),
        Some(Asked::Table(table)) => {
            let mut rows = Vec::new();
            for place in tree.accounts() {
                let chunk = deriver.view.inner().chunk(place.slot);
                let Some(block) = chunk.and_then(|chunk| chunk.table(table)) else { continue };
                let visible = tree.row_of(place).is_some_and(|row| tree.sees(row));
                let own = TableBlock::rows_of(block, place.row);
                rows.extend(own.map(|row| visible.then_some((place, Some((table, row))))));
            }
            rows
        }
        None => Vec::new(),
    }
}

/// The answer at one row of the innermost frame.
fn one(
    deriver: &Deriver<'_>,
    points: &Points<'_>,
    (chain, rows): (&[usize], &[Vec<Row>]),
    row: usize,
    id: TermId,
) -> Option<Cell> {
    // At which row of each frame it stands, from the inside out.
    let mut at: Vec<usize> = vec![row];
    for frame in chain.iter().skip(1).rev() {
        let owner = deriver.frames.get(*frame)?.owner.get(*at.last()?)?;
        at.push(*owner as usize);
    }
    at.reverse();
    stand(deriver, points, (chain, rows, &at), None, id)
}

/// Stands at the rows of frames, one within the other, and asks there. Frames are as many as lambdas nest, which is
/// bounded by the check.
fn stand<'p>(
    deriver: &'p Deriver<'_>,
    points: &'p Points<'p>,
    (chain, rows, at): (&[usize], &[Vec<Row>], &[usize]),
    around: Option<&Here<'p, '_>>,
    id: TermId,
) -> Option<Cell> {
    let (Some((frame, chain)), Some((own, rows)), Some((row, at))) =
        (chain.split_first(), rows.split_first(), at.split_first())
    else {
        return around?.value(id).to_cell();
    };
    let known = (&deriver.frames.get(*frame)?.known, *row);
    let here = Here::one_of(points, (*own.get(*row)?)?, known, around);
    stand(deriver, points, (chain, rows, at), Some(&here), id)
}

/// Answers, for all rows at once, what a body asks that does not depend on the row of its own collection.
fn prepare(deriver: &mut Deriver<'_>, frame: usize, body: TermId) -> Result<(), Stopped> {
    // How many lambdas inside the frame a term stands: those of the body stand one inside.
    let mut left: Vec<(TermId, usize)> = vec![(body, 1)];
    while let Some((id, depth)) = left.pop() {
        if deriver.program.deep.get(id.index()) != Some(&true) {
            continue;
        }
        let op = deriver.program.terms.op(id);
        match op {
            Op::Outer(inner) if depth == 1 => deriver.prepare(frame, *inner)?,
            Op::Outer(inner) => left.push((*inner, depth - 1)),
            op if is_deep(op) && deriver.program.outer.get(id.index()) != Some(&true) => {
                deriver.prepare(0, id)?;
            }
            Op::Gather { .. } => left.extend(op.parts().into_iter().map(|part| (part, depth + 1))),
            op => left.extend(op.parts().into_iter().map(|part| (part, depth))),
        }
    }
    Ok(())
}
