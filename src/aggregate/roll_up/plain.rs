//! Which roll-ups read plain columns, so that they need no expression?
//!
//! A count, sum, mean, ratio, minimum, maximum, first, last or distribution of columns, over accounts or child rows that are
//! filtered by values of enumerations, is folded over the columns, chunk by chunk ([`crate::fold`]). Its states and answers equal
//! those that the expressions would give.

use std::sync::Arc;

use indexmap::IndexSet;

use super::checked::CheckedRollUp;
use super::definition::{Nulls, Operator, Over};
use super::linear::{Linear, LinearOf};
use super::own_columns::OwnColumns;
use super::spec::Spec;
use crate::book::View;
use crate::column::Raw;
use crate::expr::{Ast, BinaryOp, Bits, Cell, Checked, Literal, Node, NodeId, Type};
use crate::fold::{Fold, FoldOperator, FoldPlan, Folded, Passes, Reach, Totals, from_order_key};
use crate::model::{AccountIdx, Attribute, AttributeType, Schema};

/// Roll-ups over plain columns.
#[derive(Debug)]
pub(super) struct Plain {
    plan: FoldPlan,
}

/// The numbers of a roll-up in the plan of all that is folded.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainOf {
    main: usize,
    /// How many rows have a value, where the answer does not say it.
    valued: Option<usize>,
    rest: RestOf,
}

/// How many rows have no value, by the number of what was folded.
#[derive(Debug, Clone, Copy)]
enum RestOf {
    /// All have one.
    Nothing,
    /// All but those that have one.
    Within(usize),
    Without(usize),
}

impl Plain {
    /// Those of some roll-ups that read plain columns, and the numbers of each of all in the plan; `None` of no such roll-up.
    pub(super) fn of<'c>(
        schema: &Arc<Schema>,
        roll_ups: impl Iterator<Item = &'c CheckedRollUp>,
    ) -> Option<(Self, Vec<Option<PlainOf>>)> {
        // What several need is folded once.
        let mut all: IndexSet<Fold> = IndexSet::new();
        let places: Vec<Option<PlainOf>> = roll_ups
            .map(|roll_up| {
                let wanted = Wanted::of(roll_up, schema)?;
                let mut place = |fold: Fold| all.insert_full(fold).0;
                let (main, valued) = (place(wanted.main), wanted.valued.map(&mut place));
                let rest = match wanted.rest {
                    Rest::Nothing => RestOf::Nothing,
                    Rest::Within(all) => RestOf::Within(place(all)),
                    Rest::Without(without) => RestOf::Without(place(without)),
                };
                Some(PlainOf { main, valued, rest })
            })
            .collect();
        let all: Vec<Fold> = all.into_iter().collect();
        let plan = FoldPlan::new(schema, &all).filter(|plan| plan.len() > 0)?;
        Some((Self { plan }, places))
    }

    /// For all accounts; what is the same as before is taken over.
    pub(super) fn all(&self, view: &View, before: Option<&Totals>) -> Arc<Totals> {
        Arc::new(match before {
            Some(before) => self.plan.refresh(view, before),
            None => self.plan.all(view),
        })
    }
}

/// What must be folded for a roll-up.
struct Wanted {
    main: Fold,
    /// The rows with a value, where that does not say how many there are.
    valued: Option<Fold>,
    rest: Rest,
}

/// What says how many rows have no value.
enum Rest {
    Nothing,
    /// All rows, less those that have one: these are counted for many roll-ups at once.
    Within(Fold),
    /// Where an account prefers its own, the rows of which the answer is made.
    Without(Fold),
}

impl Wanted {
    fn of(roll_up: &CheckedRollUp, schema: &Arc<Schema>) -> Option<Self> {
        let definition = &roll_up.definition;
        if definition.nulls == Nulls::Respect {
            return None;
        }
        let columns = OwnColumns::of(&definition.over, schema).filter(|_| roll_up.conversion.is_none())?;
        let read = |of: Option<&Checked>| -> Option<Arc<str>> {
            let of = of?;
            Some(columns.plain(of.ast(), of.ast().root())?.name().into())
        };
        let first = || read(roll_up.first.as_ref());
        let second = || read(roll_up.second.as_ref());
        let main = match &definition.operator {
            Operator::Count => FoldOperator::Count(Vec::new()),
            Operator::Sum(_) | Operator::Average(_) => FoldOperator::Sum(first()?),
            Operator::Ratio { .. } => FoldOperator::Ratio(first()?, second()?),
            Operator::Min(_) => FoldOperator::Least(first()?),
            Operator::Max(_) => FoldOperator::Greatest(first()?),
            Operator::First { .. } => FoldOperator::Dated { of: first()?, by: second()?, last: false },
            Operator::Last { .. } => FoldOperator::Dated { of: first()?, by: second()?, last: true },
            Operator::Distribution(_) => FoldOperator::Distribution(first()?),
            _ => return None,
        };
        // The columns in which a row has a value.
        let (columns_read, says_how_many) = match &main {
            FoldOperator::Count(columns) | FoldOperator::Without(columns) => (columns.clone(), true),
            FoldOperator::Sum(of) => (vec![of.clone()], true),
            FoldOperator::Ratio(above, below) => (vec![above.clone(), below.clone()], true),
            FoldOperator::Dated { of, by, .. } => (vec![of.clone(), by.clone()], false),
            FoldOperator::Least(of) | FoldOperator::Greatest(of) | FoldOperator::Distribution(of) => {
                (vec![of.clone()], false)
            }
        };
        let filters = columns.filters(roll_up.filter.as_ref())?;
        let whole = |operator: FoldOperator| Fold {
            operator,
            table: match &definition.over {
                Over::Table(table) => Some(table.clone()),
                Over::Accounts | Over::Events { .. } => None,
            },
            filters: filters.clone(),
            reach: definition.reached(),
            with_cancelled: definition.with_cancelled,
        };
        let rest = if columns_read.is_empty() {
            Rest::Nothing
        } else if definition.reached() == Reach::PreferSelf {
            Rest::Without(whole(FoldOperator::Without(columns_read.clone())))
        } else {
            Rest::Within(whole(FoldOperator::Count(Vec::new())))
        };
        let valued = (!says_how_many).then(|| whole(FoldOperator::Count(columns_read)));
        let wanted = Self { main: whole(main), valued, rest };
        // Whatever cannot be folded is evaluated. What is counted beside it is of the same rows and column.
        FoldPlan::new(schema, std::slice::from_ref(&wanted.main)).is_some().then_some(wanted)
    }
}

/// A column and the values that pass.
type Filter = (Arc<str>, Passes);

impl OwnColumns<'_> {
    /// The values that pass each of the columns that a filter asks; `None` of a filter that asks anything else.
    fn filters(&self, filter: Option<&Checked>) -> Option<Vec<Filter>> {
        let Some(ast) = filter.map(Checked::ast) else { return Some(Vec::new()) };
        match ast.node(ast.root()) {
            Node::And(parts) => parts.iter().map(|part| self.filter(ast, *part)).collect(),
            _ => Some(vec![self.filter(ast, ast.root())?]),
        }
    }

    /// `stage == "Won"`, `stage in ["Won", "Lost"]`, or a column of yes and no by itself.
    fn filter(&self, ast: &Ast, node: NodeId) -> Option<Filter> {
        let name = |of: NodeId| self.name(ast, of).map(Arc::from);
        let text = |of: NodeId| match ast.node(of) {
            Node::Literal(Literal::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let Node::Chain { operands: [of, with], operators: [operator] } = ast.node(node) else {
            let is_truth = matches!(self.plain(ast, node)?.kind(), AttributeType::Bool);
            return Some((name(node).filter(|_| is_truth)?, Passes::Truth(true)));
        };
        if let (BinaryOp::Equal, Node::Literal(Literal::Bool(truth))) = (operator, ast.node(*with)) {
            return Some((name(*of)?, Passes::Truth(*truth)));
        }
        let texts: Vec<Arc<str>> = match (operator, ast.node(*with)) {
            (BinaryOp::Equal, _) => vec![text(*with)?],
            (BinaryOp::In, Node::List(items)) => {
                items.iter().map(|item| text(*item)).collect::<Option<_>>()?
            }
            _ => return None,
        };
        let column: Arc<str> = name(*of)?;
        // A text may be folded where it is compared as a value, and is not where an expression compares it.
        let by_code = match self.column(&column).map(Attribute::kind) {
            Some(AttributeType::Enum(_) | AttributeType::Band(_)) => true,
            Some(_) => false,
            None => self.are_of_accounts() && matches!(&*column, "account_type" | "product"),
        };
        Some((column, Passes::Texts(texts))).filter(|_| by_code)
    }
}

/// The answers of one roll-up that was folded.
#[derive(Debug, Clone)]
pub(super) struct PlainAnswers {
    pub(super) kind: Type,
    pub(super) totals: Arc<Totals>,
    of: PlainOf,
    nulls: Nulls,
    spec: Arc<Spec>,
    linear: Option<LinearOf>,
    /// The account types that receive it; `None` where all do.
    levels: Option<Vec<u16>>,
}

impl PlainAnswers {
    pub(super) fn new(roll_up: &CheckedRollUp, of: PlainOf, totals: &Arc<Totals>) -> Self {
        let nulls = roll_up.definition.nulls;
        let levels = roll_up
            .levels
            .as_ref()
            .map(|levels| levels.iter().filter_map(|level| u16::try_from(level.index()).ok()).collect());
        let linear = LinearOf::new(&roll_up.spec, nulls);
        Self {
            kind: roll_up.kind.clone(),
            totals: totals.clone(),
            of,
            nulls,
            spec: roll_up.spec.clone(),
            linear,
            levels,
        }
    }

    /// The answer at an account, how many rows with a value are in it, and how many have none.
    pub(super) fn at(&self, place: AccountIdx) -> (Cell, u64, u64) {
        let nothing = (Cell::Missing, 0, 0);
        if let Some(levels) = &self.levels {
            let kind = self.totals.view().inner().chunk(place.slot).map(|chunk| chunk.shape.kind(place.row));
            if !kind.is_some_and(|kind| levels.contains(&kind)) {
                return nothing;
            }
        }
        let count = |number: usize| match self.totals.folded(number, place) {
            Some(Folded::Count(count)) => count,
            _ => 0,
        };
        let (mut state, mut cell) = (Linear::default(), None);
        match self.totals.folded(self.of.main, place) {
            Some(Folded::Count(count)) => state.counted = count,
            Some(Folded::Sum(sum)) => (state.above, state.counted) = (sum, sum.rows),
            Some(Folded::Pair(above, below)) => {
                (state.above, state.below, state.counted) = (above, below, above.rows);
            }
            Some(Folded::Key(found)) => cell = found.map(|key| self.cell(key)),
            Some(Folded::Cell(raw)) => cell = raw.map(|raw| self.raw(raw)),
            Some(Folded::Codes(counts)) => cell = self.listed(counts),
            None => return nothing,
        }
        if let Some(valued) = self.of.valued {
            state.counted = count(valued);
        }
        state.skipped = match self.of.rest {
            RestOf::Nothing => 0,
            RestOf::Within(all) => count(all).saturating_sub(state.counted),
            RestOf::Without(without) => count(without),
        };
        let cell = match &self.linear {
            Some(linear) => linear.value(&state),
            None if self.nulls == Nulls::Refuse && state.skipped > 0 => Cell::Missing,
            None => cell.unwrap_or(Cell::Missing),
        };
        (cell, state.counted, state.skipped)
    }

    /// Counts by code; those of nothing are shared.
    fn listed(&self, counts: &[u64]) -> Option<Cell> {
        if let Spec::Counts { zeros } = &*self.spec
            && counts.iter().all(|count| *count == 0)
        {
            return Some(Cell::List(zeros.clone()));
        }
        let counts = counts.iter().map(|count| i64::try_from(*count).ok().map(Cell::Int));
        Some(Cell::List(counts.collect::<Option<_>>()?))
    }

    fn raw(&self, raw: Raw<'_>) -> Cell {
        match (raw, &self.kind) {
            (Raw::Bool(v), _) => Cell::Bool(v),
            (Raw::I64(v), Type::Decimal { .. } | Type::Money { .. }) => Cell::Wide(v.into()),
            (Raw::I64(v), _) => Cell::Int(v),
            (Raw::F64(v), _) => Cell::Double(Bits::new(v)),
            (Raw::I32(v), _) => Cell::Int(v.into()),
            (Raw::Code(v), _) => Cell::Int(v.into()),
            (Raw::Text(text), _) => Cell::Text(Arc::from(&*text)),
            (Raw::List(items), _) => {
                Cell::List(items.iter().map(|item| Cell::Text(item.as_str().into())).collect())
            }
        }
    }

    /// A value by its key in the order of values.
    fn cell(&self, key: i64) -> Cell {
        match self.kind {
            Type::Double => Cell::Double(Bits::new(from_order_key(key))),
            Type::Decimal { .. } | Type::Money { .. } => Cell::Wide(key.into()),
            _ => Cell::Int(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RollUpPlan;
    use super::super::definition::RollUp;
    use super::*;
    use crate::book::{Book, Change};
    use crate::model::{
        AccountId, AccountRow, AsOf, ChildTable, Currency, Date, EnumValues, Nesting, SystemAttribute,
        TableKind,
    };
    use crate::set::Scope;
    use crate::source::MemorySource;
    use crate::tree::Policy;

    fn schema() -> Arc<Schema> {
        let stages = AttributeType::Enum(EnumValues::new(["Won", "Lost"]));
        let deals = ChildTable::new("deals", TableKind::Opportunities)
            .column(Attribute::new("amount", AttributeType::Money(Currency::EUR)))
            .column(Attribute::new("stage", stages.clone()));
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .system(SystemAttribute::Name)
            .attribute(Attribute::new("seats", AttributeType::Int))
            .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
            .attribute(Attribute::new("stage", stages))
            .attribute(Attribute::new("vip", AttributeType::Bool))
            .table(deals);
        Arc::new(schema.build().unwrap())
    }

    /// Which of some roll-ups are folded.
    fn folded(roll_ups: impl IntoIterator<Item = RollUp>) -> Vec<String> {
        let schema = schema();
        let plan = RollUpPlan::new(&schema, &*schema, roll_ups).unwrap();
        let names: Vec<String> = plan.names().map(str::to_owned).collect();
        let Some(split) = &plan.split else { return Vec::new() };
        names.into_iter().zip(&split.places).filter(|(_, of)| of.is_some()).map(|(name, _)| name).collect()
    }

    #[test]
    fn what_reads_plain_columns_is_folded_and_nothing_else() {
        let seats = |name: &str| RollUp::new(name, Operator::Sum("seats".into()));
        let deals = |name: &str| {
            RollUp::new(name, Operator::Max("row.amount".into())).over(Over::Table("deals".into()))
        };
        let ratio = Operator::Ratio { numerator: "seats".into(), denominator: "seats".into() };
        let plain = [
            seats("sum"),
            seats("below")
                .reach(Reach::Descendants)
                .with_cancelled()
                .nulls(Nulls::Refuse)
                .levels(["Company"]),
            RollUp::new("count", Operator::Count).filter("vip"),
            RollUp::new("mean", Operator::Average("arr".into())).filter("vip == true && stage == \"Won\""),
            RollUp::new("per_seat", ratio).filter("account_type in [\"Company\"]"),
            seats("preferred").reach(Reach::PreferSelf),
            RollUp::new("stages", Operator::Distribution("stage".into())),
            RollUp::new("latest", Operator::Last { of: "vip".into(), by: "seats".into() }),
            deals("most"),
            deals("won").filter("row.stage in [\"Won\", \"Lost\"]"),
        ];
        let evaluated = [
            seats("by_text").filter("name == \"Acme\""),
            seats("either").filter("vip || stage == \"Won\""),
            seats("not").filter("!vip"),
            seats("other").filter("parent.vip"),
            seats("large").filter("seats > 3"),
            RollUp::new("twice", Operator::Sum("seats * 2".into())),
            RollUp::new("above", Operator::Sum("parent.seats".into())),
            RollUp::new("yen", Operator::Sum("arr".into())).convert_to(Currency::JPY),
            RollUp::new("names", Operator::Max("name".into())),
            RollUp::new("different", Operator::Distinct("seats".into())),
            deals("of_vips").filter("vip"),
        ];
        let names: Vec<String> = plain.iter().map(|of| of.name().to_owned()).collect();
        assert_eq!(folded(plain.into_iter().chain(evaluated)), names);
    }

    #[test]
    fn rows_of_one_filter_are_counted_once() {
        let schema = schema();
        let all = (0..9).map(|n| RollUp::new(&format!("s{n}"), Operator::Sum("seats".into())));
        let plan = RollUpPlan::new(&schema, &*schema, all).unwrap();
        assert_eq!(plan.split.unwrap().plain.plan.len(), 2);
    }

    #[test]
    fn a_refresh_takes_over_and_a_scope_folds_what_it_shows() {
        let ids: Vec<AccountId> = (0..100).map(|n| AccountId::new(format!("a{n:02}")).unwrap()).collect();
        let rows = ids.iter().map(|id| AccountRow::new(id.clone(), "Company").with("seats", 1_i64));
        let source = rows.fold(MemorySource::new(), MemorySource::account);
        let builder = Book::builder(schema()).policy(Policy::strict()).chunk_rows(1);
        let (book, _) = builder.load(&source).unwrap();
        let plan = RollUpPlan::new(
            book.schema(),
            &**book.schema(),
            [RollUp::new("sum", Operator::Sum("seats".into()))],
        )
        .unwrap();
        let on = |book: &Book, scope: &Scope| {
            book.view(scope, AsOf::date_utc(Date::new(2026, 1, 31).unwrap())).unwrap()
        };
        let before = plan.run(&on(&book, &Scope::all()));
        let (book, _) = book.apply(&Change::new().set(&ids[7], "seats", 5_i64)).unwrap();
        let after = plan.refresh(&on(&book, &Scope::all()), &before);
        let (kept, all) = after.folded().unwrap().shared_chunks(before.folded().unwrap());
        assert_eq!((kept, all), (99, 100));
        let again = plan.refresh(&on(&book, &Scope::all()), &after);
        assert_eq!(again.folded().unwrap().shared_chunks(after.folded().unwrap()), (100, 100));
        // In a tree, what changed and what it hangs on.
        let moved = ids[1..50].iter().fold(Change::new(), |change, id| change.move_under(id, &ids[0]));
        let (tree, _) = book.apply(&moved).unwrap();
        let before = plan.run(&on(&tree, &Scope::all()));
        let (tree, _) = tree.apply(&Change::new().set(&ids[8], "seats", 9_i64)).unwrap();
        let after = plan.refresh(&on(&tree, &Scope::all()), &before);
        let (kept, all) = after.folded().unwrap().shared_chunks(before.folded().unwrap());
        assert!(all > 60 && kept == all - 2, "{kept} of {all}");
        let scope = Scope::of(book.accounts(["a03", "a04"]));
        let seen = plan.run(&on(&book, &scope));
        assert_eq!(seen.folded().unwrap().shared_chunks(seen.folded().unwrap()).1, 2);
    }
}
