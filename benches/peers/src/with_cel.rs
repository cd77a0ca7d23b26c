//! How does one answer with `cel`, the Common Expression Language?
//!
//! One program, compiled once; one context, whose resolver points at the account that is asked, so that no map of
//! variables is filled for each. A variable without a value is not there: what fails for it matches nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use cel::common::types::{CelInt, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Program, Value};

use crate::Outcome;
use crate::contest::Contestant;
use crate::data::Data;
use crate::segment;

const TOOL: &str = "cel";

struct Account<'d> {
    data: &'d Data,
    number: AtomicUsize,
}

impl VariableResolver for Account<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let number = self.number.load(Ordering::Relaxed);
        let int = |value: Option<i64>| value.map(|value| CowVal::owned(CelInt::from(value)));
        let text =
            |value: &'b Option<String>| value.as_deref().map(|text| CowVal::owned(CelString::from(text)));
        match variable {
            "contract_value" => int(self.data.contract_values[number]),
            "nps" => int(self.data.nps[number]),
            "region" => text(&self.data.regions[number]),
            "industry" => text(&self.data.industries[number]),
            _ => None,
        }
    }
}

pub fn segment(data: &Data) -> Outcome<Vec<Contestant<'_, bool>>> {
    let program = Program::compile(segment::CEL).map_err(|error| error.to_string())?;
    let one = Contestant {
        tool: TOOL,
        way: "one program, a resolver of variables",
        threads: 1,
        run: Box::new(move || {
            let account = Account { data, number: AtomicUsize::new(0) };
            let mut context = Context::default();
            context.set_variable_resolver(&account);
            let mut matching = Vec::with_capacity(data.len());
            for number in 0..data.len() {
                account.number.store(number, Ordering::Relaxed);
                matching.push(matches!(program.execute(&context), Ok(Value::Bool(true))));
            }
            Ok(Box::new(move || Ok(matching)))
        }),
    };
    Ok(vec![one])
}

pub fn parse<'d>() -> Contestant<'d, bool> {
    Contestant {
        tool: TOOL,
        way: "Program::compile, nothing checked",
        threads: 1,
        run: Box::new(|| {
            let read = (0..segment::TIMES).all(|_| Program::compile(segment::LONG).is_ok());
            Ok(Box::new(move || Ok(vec![read])))
        }),
    }
}
