//! Four kinds of definitions as a host would bring them: thrown away with the tests.

use std::sync::Arc;

use perennial::aggregate::{Operator, RollUp};
use perennial::catalog::{
    Brought, CalculatedAttribute, Custom, CustomInput, CustomInputs, CustomKind, CustomKinds, CustomOutput,
    CustomPart, InputType, InputValue,
};
use perennial::expr::{ExprValue, Type};
use perennial::{AsOf, Decimal, Reach};

/// High from 60 on, and no longer below 20: what it was is its own record.
#[derive(Debug)]
pub struct Hysteresis;

impl CustomKind for Hysteresis {
    fn word(&self) -> &'static str {
        "hysteresis"
    }

    fn version(&self) -> u64 {
        1
    }

    fn outputs(&self) -> Vec<CustomOutput> {
        vec![
            CustomOutput::new("band", Type::Text),
            CustomOutput::new("previous", Type::Text),
            CustomOutput::new("days", Type::Int),
        ]
    }

    fn check(&self, inputs: &[InputType]) -> Result<(), String> {
        match inputs {
            [InputType::Value(kind), InputType::Records(Type::Text), ..] if kind.is_number() => Ok(()),
            _ => Err("it takes a number, and the last record of its own band".to_owned()),
        }
    }

    fn reads_moment(&self) -> bool {
        true
    }

    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let last = inputs.records(1).last();
        let previous = last.and_then(|(_, value)| value.clone());
        let was_high = previous == Some(ExprValue::Text("high".into()));
        let band = inputs
            .value(0)
            .and_then(number)
            .map(|value| if was_high { value >= 20.0 } else { value >= 60.0 });
        let band = band.map(|high| ExprValue::Text(if high { "high" } else { "low" }.into()));
        let today = inputs.as_of().map(AsOf::date);
        let days =
            last.zip(today).map(|((day, _), today)| ExprValue::Int(i64::from(today.days() - day.days())));
        vec![band, previous, days]
    }
}

/// What the tickets of an account come to that stand beside its contracts, one by one.
#[derive(Debug)]
pub struct Lines;

impl CustomKind for Lines {
    fn word(&self) -> &'static str {
        "lines"
    }

    fn version(&self) -> u64 {
        3
    }

    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::own(Type::Decimal { scale: 1 })]
    }

    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let hours =
            inputs.rows(0).iter().zip(inputs.rows(1)).filter_map(|(_, ticket)| match ticket.first() {
                Some(Some(ExprValue::Decimal(hours))) => Some(*hours),
                _ => None,
            });
        let units = hours.map(|hours| hours.units()).reduce(|a, b| a + b);
        vec![units.map(|units| ExprValue::Decimal(Decimal::new(units, 1)))]
    }
}

/// All that it is given, added up; a text by its length.
#[derive(Debug)]
pub struct Points;

impl CustomKind for Points {
    fn word(&self) -> &'static str {
        "points"
    }

    fn version(&self) -> u64 {
        1
    }

    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::own(Type::Double)]
    }

    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let of = |given: &InputValue| match given {
            InputValue::Value(Some(ExprValue::Text(text))) => text.len() as f64,
            InputValue::Value(Some(value)) => number(value).unwrap_or(0.0),
            // Row by row, so that the order of rows tells.
            InputValue::Rows(rows) => rows.iter().zip(1..).map(|(row, at)| f64::from(at) * points(row)).sum(),
            InputValue::Records(days) => days.len() as f64,
            _ => 0.0,
        };
        vec![Some(ExprValue::Double(inputs.all().iter().map(of).sum()))]
    }
}

fn points(row: &[Option<ExprValue>]) -> f64 {
    let of = |value: &ExprValue| match value {
        ExprValue::Text(text) => text.bytes().map(f64::from).sum(),
        ExprValue::Date(day) => f64::from(day.days() % 7),
        value => number(value).unwrap_or(1.0),
    };
    1.0 + row.iter().flatten().map(of).sum::<f64>()
}

fn number(value: &ExprValue) -> Option<f64> {
    match value {
        ExprValue::Int(value) => Some(*value as f64),
        ExprValue::Decimal(value) => Some(value.to_f64()),
        ExprValue::Double(value) => Some(*value),
        _ => None,
    }
}

/// What an account has, beside what those below it have: it brings the roll-up, and a share of it where there is a second input.
#[derive(Debug)]
pub struct Family;

impl CustomKind for Family {
    fn word(&self) -> &'static str {
        "family"
    }

    fn version(&self) -> u64 {
        1
    }

    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::new("own", Type::Double), CustomOutput::new("all", Type::Double)]
    }

    fn brings(&self, of: &Custom) -> Vec<Brought> {
        let name = |suffix: &str| format!("{}.{suffix}", of.name());
        let Some(CustomInput::Value(text)) = of.reads().first() else { return Vec::new() };
        let below = RollUp::new(&name("below"), Operator::Sum(text.clone())).reach(Reach::Descendants);
        let share = || CalculatedAttribute::new(&name("share"), &format!("ratio({text}, `{}`)", name("all")));
        let share = (of.reads().len() > 2).then(|| share().into());
        std::iter::once(below.into()).chain(share).collect()
    }

    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let value = |input: usize| inputs.value(input).and_then(number);
        let all = value(0).unwrap_or(0.0) + value(1).unwrap_or(0.0);
        vec![value(0).map(ExprValue::Double), Some(ExprValue::Double(all))]
    }
}

/// All four, for documents and journals.
pub fn kinds() -> CustomKinds {
    let all: [Arc<dyn CustomKind>; 4] =
        [Arc::new(Hysteresis), Arc::new(Lines), Arc::new(Points), Arc::new(Family)];
    all.into_iter().fold(CustomKinds::new(), |kinds, kind| kinds.with(kind).unwrap())
}

fn of(name: &str, kind: &str) -> Custom {
    Custom::new(name, kinds().get(kind).unwrap())
}

/// Definitions of them; `other` says something else with the same names.
pub fn customs(other: bool) -> [Custom; 4] {
    let pick = |one: &'static str, two: &'static str| if other { two } else { one };
    let pick_days = if other { 1 } else { 6 };
    let steady = of("steady", "hysteresis")
        .reading(CustomInput::value(pick("seats", "children.sum(c, c.seats)")))
        .reading(CustomInput::last("steady.band"));
    let lines = of("lines", "lines").reading(CustomInput::rows("contracts", &["row.currency"])).reading(
        CustomInput::rows("tickets", &[pick("row.hours", "row.open ? row.hours : row.hours + row.hours")]),
    );
    let points = of("points", "points")
        .part(
            CustomPart::new("crm")
                .when(pick("product == \"CRM\"", "seats > 10"))
                .reading(CustomInput::value("seats"))
                .reading(CustomInput::value("viewer"))
                .reading(CustomInput::events("login", pick_days, &["row.user", "row.count + 1"])),
        )
        .part(
            CustomPart::new("below")
                .when("has(parent.seats)")
                .reading(CustomInput::value("parent.seats + level"))
                .reading(CustomInput::rows("tickets", &["row.title", "row.hours"]))
                .reading(CustomInput::each("seats", 12)),
        )
        .part(
            CustomPart::new("rest")
                .reading(CustomInput::value(pick("seats_sum", "descendants.count()")))
                .reading(CustomInput::ago("seats", 4))
                .reading(CustomInput::Events {
                    event: "login".into(),
                    last_days: None,
                    columns: vec!["row.count".into(), "row.day".into()],
                })
                .reading(CustomInput::Last { column: "seats".into(), within: Some(pick_days) })
                .reading(CustomInput::value("coalesce(limit, 7)")),
        );
    let family = of("family", "family")
        .reading(CustomInput::value(pick("seats", "seats * 2")))
        .reading(CustomInput::value("family.below"));
    let family = if other { family } else { family.reading(CustomInput::value("level")) };
    [steady, lines, points, family]
}
