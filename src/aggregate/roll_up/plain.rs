//! Which roll-ups read plain columns, so that they need no expression?
//!
//! A count, a sum, a mean, a ratio, a least or a greatest of columns, over accounts or child rows that are filtered by values of
//! enumerations, is folded chunk by chunk ([`crate::fold`]) where the columns lie. The states are those of every other roll-up, and
//! so are the answers that are made of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::checked::CheckedRollUp;
use super::definition::{Nulls, Operator, Over};
use super::linear::{Linear, LinearOf};
use super::own_columns::OwnColumns;
use crate::book::View;
use crate::expr::{Ast, BinaryOp, Bits, Cell, Checked, Literal, Node, NodeId, Type};
use crate::fold::{FoldPlan, Folded, Reach, RollUp, Totals, from_order_key};
use crate::model::{AccountIdx, Attribute, AttributeType, Schema, Value};

/// Roll-ups over plain columns.
#[derive(Debug)]
pub(super) struct Plain {
    plan: FoldPlan,
}

/// The numbers of a roll-up in the plan of all that is folded.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainOf {
    main: usize,
    /// How many rows pass the filter, where the answer does not say it.
    rows: Option<usize>,
    /// How many of them have a value, where the answer does not say it.
    valued: Option<usize>,
}

impl Plain {
    /// Those of some roll-ups that read plain columns, and the numbers of each of all in the plan; `None` of no such roll-up.
    pub(super) fn of<'c>(
        schema: &Arc<Schema>,
        roll_ups: impl Iterator<Item = &'c CheckedRollUp>,
    ) -> Option<(Self, Vec<Option<PlainOf>>)> {
        let mut all: Vec<RollUp> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let places: Vec<Option<PlainOf>> = roll_ups
            .map(|roll_up| {
                let wanted = Wanted::of(roll_up, schema)?;
                // What several need is folded once.
                let mut place = |roll_up: RollUp| {
                    let roll_up = roll_up.named("");
                    *known.entry(format!("{roll_up:?}")).or_insert_with(|| {
                        let name = all.len().to_string();
                        all.push(roll_up.named(&name));
                        all.len() - 1
                    })
                };
                Some(PlainOf {
                    main: place(wanted.main),
                    rows: wanted.rows.map(&mut place),
                    valued: wanted.valued.map(&mut place),
                })
            })
            .collect();
        let plan = FoldPlan::new(schema, all).ok().filter(|plan| plan.names().len() > 0)?;
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
    main: RollUp,
    rows: Option<RollUp>,
    valued: Option<RollUp>,
}

impl Wanted {
    fn of(roll_up: &CheckedRollUp, schema: &Arc<Schema>) -> Option<Self> {
        let definition = &roll_up.definition;
        // What an account prefers is decided by what is known of all its rows.
        let is_plain = definition.reached() != Reach::PreferSelf && roll_up.conversion.is_none();
        let columns = OwnColumns::of(&definition.over, schema).filter(|_| is_plain)?;
        let first = roll_up.first.as_ref().map(|first| columns.plain(first.ast(), first.ast().root()));
        let (main, valued) = match (&definition.operator, first) {
            (Operator::Count, _) => (RollUp::count(), None),
            (Operator::Sum(_), Some(of)) => (RollUp::sum(of?.name()), None),
            (Operator::Average(_), Some(of)) => (RollUp::average(of?.name()), None),
            (Operator::Ratio { .. }, Some(of)) => {
                let below = roll_up.second.as_ref()?;
                let below = columns.plain(below.ast(), below.ast().root())?;
                (RollUp::ratio(of?.name(), below.name()), None)
            }
            (Operator::Min(_) | Operator::Max(_), Some(of)) => {
                let of = of?;
                let is_key = !matches!(of.kind(), AttributeType::Bool | AttributeType::Text);
                let least = matches!(definition.operator, Operator::Min(_));
                let main = if least { RollUp::min(of.name()) } else { RollUp::max(of.name()) };
                (Some(main).filter(|_| is_key)?, Some(RollUp::count_of(of.name())))
            }
            _ => return None,
        };
        let filters = columns.filters(roll_up.filter.as_ref())?;
        let whole = |mut of: RollUp| {
            of = of.reach(definition.reached());
            if let Over::Table(table) = &definition.over {
                of = of.of_table(table);
            }
            if definition.with_cancelled {
                of = of.with_cancelled();
            }
            filters.iter().fold(of, |of, (column, values)| of.filter(column, values.iter().cloned()))
        };
        let counts = matches!(definition.operator, Operator::Count);
        let wanted = Self {
            main: whole(main),
            rows: (!counts).then(|| whole(RollUp::count())),
            valued: valued.map(whole),
        };
        // Whatever cannot be folded is evaluated. What is counted beside it is of the same rows and column.
        FoldPlan::new(schema, [wanted.main.clone()]).is_ok().then_some(wanted)
    }
}

/// A column and the values that pass.
type Filter = (Arc<str>, Vec<Value>);

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
            Node::Literal(Literal::Text(text)) => Some(Value::Text(text.clone())),
            _ => None,
        };
        let Node::Chain { operands: [of, with], operators: [operator] } = ast.node(node) else {
            let is_truth = matches!(self.plain(ast, node)?.kind(), AttributeType::Bool);
            return Some((name(node).filter(|_| is_truth)?, vec![Value::Bool(true)]));
        };
        if let (BinaryOp::Equal, Node::Literal(Literal::Bool(truth))) = (operator, ast.node(*with)) {
            return Some((name(*of)?, vec![Value::Bool(*truth)]));
        }
        let values: Vec<Value> = match (operator, ast.node(*with)) {
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
        Some((column, values)).filter(|_| by_code)
    }
}

/// The answers of one roll-up that was folded.
#[derive(Debug, Clone)]
pub(super) struct PlainAnswers {
    pub(super) kind: Type,
    pub(super) totals: Arc<Totals>,
    of: PlainOf,
    nulls: Nulls,
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
        Self { kind: roll_up.kind.clone(), totals: totals.clone(), of, nulls, linear, levels }
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
        let (mut state, mut key) = (Linear::default(), None);
        match self.totals.folded(self.of.main, place) {
            Some(Folded::Count(count)) => state.counted = count,
            Some(Folded::Sum(sum)) => (state.above, state.counted) = (sum, sum.rows),
            Some(Folded::Pair(above, below)) => {
                (state.above, state.below, state.counted) = (above, below, above.rows);
            }
            Some(Folded::Key(found)) => key = found,
            None => return nothing,
        }
        if let Some(valued) = self.of.valued {
            state.counted = count(valued);
        }
        if let Some(rows) = self.of.rows {
            state.skipped = count(rows).saturating_sub(state.counted);
        }
        let cell = match &self.linear {
            Some(linear) => linear.value(&state),
            None if self.nulls == Nulls::Refuse && state.skipped > 0 => Cell::Missing,
            None => key.map_or(Cell::Missing, |key| self.cell(key)),
        };
        (cell, state.counted, state.skipped)
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
    use super::super::definition::RollUpDefinition;
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
    fn folded(roll_ups: impl IntoIterator<Item = RollUpDefinition>) -> Vec<String> {
        let schema = schema();
        let plan = RollUpPlan::new(&schema, &*schema, roll_ups).unwrap();
        let names: Vec<String> = plan.names().map(str::to_owned).collect();
        let Some(split) = &plan.split else { return Vec::new() };
        names.into_iter().zip(&split.places).filter(|(_, of)| of.is_some()).map(|(name, _)| name).collect()
    }

    #[test]
    fn what_reads_plain_columns_is_folded_and_nothing_else() {
        let seats = |name: &str| RollUpDefinition::new(name, Operator::Sum("seats".into()));
        let deals = |name: &str| {
            RollUpDefinition::new(name, Operator::Max("row.amount".into())).over(Over::Table("deals".into()))
        };
        let ratio = Operator::Ratio { numerator: "seats".into(), denominator: "seats".into() };
        let plain = [
            seats("sum"),
            seats("below")
                .reach(Reach::Descendants)
                .with_cancelled()
                .nulls(Nulls::Refuse)
                .levels(["Company"]),
            RollUpDefinition::new("count", Operator::Count).filter("vip"),
            RollUpDefinition::new("mean", Operator::Average("arr".into()))
                .filter("vip == true && stage == \"Won\""),
            RollUpDefinition::new("per_seat", ratio).filter("account_type in [\"Company\"]"),
            deals("most"),
            deals("won").filter("row.stage in [\"Won\", \"Lost\"]"),
        ];
        let evaluated = [
            seats("preferred").reach(Reach::PreferSelf),
            seats("by_text").filter("name == \"Acme\""),
            seats("either").filter("vip || stage == \"Won\""),
            seats("not").filter("!vip"),
            seats("other").filter("parent.vip"),
            seats("large").filter("seats > 3"),
            RollUpDefinition::new("twice", Operator::Sum("seats * 2".into())),
            RollUpDefinition::new("above", Operator::Sum("parent.seats".into())),
            RollUpDefinition::new("yen", Operator::Sum("arr".into())).convert_to(Currency::JPY),
            RollUpDefinition::new("names", Operator::Max("name".into())),
            RollUpDefinition::new("different", Operator::Distinct("seats".into())),
            deals("of_vips").filter("vip"),
        ];
        let names: Vec<String> = plain.iter().map(|of| of.name().to_owned()).collect();
        assert_eq!(folded(plain.into_iter().chain(evaluated)), names);
    }

    #[test]
    fn rows_of_one_filter_are_counted_once() {
        let schema = schema();
        let all = (0..9).map(|n| RollUpDefinition::new(&format!("s{n}"), Operator::Sum("seats".into())));
        let plan = RollUpPlan::new(&schema, &*schema, all).unwrap();
        assert_eq!(plan.split.unwrap().plain.plan.names().len(), 2);
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
            [RollUpDefinition::new("sum", Operator::Sum("seats".into()))],
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
        let scope = Scope::of(book.accounts(["a03", "a04"]));
        let seen = plan.run(&on(&book, &scope));
        assert_eq!(seen.folded().unwrap().shared_chunks(seen.folded().unwrap()).1, 2);
    }
}
