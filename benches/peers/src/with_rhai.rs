//! How does one answer with Rhai, a scripting language?
//!
//! One syntax tree, compiled and optimised once; the values of each account are set in one scope. A value that is not
//! there is `()`, which is less than nothing and equal to nothing.

use rhai::{Dynamic, Engine, OptimizationLevel, Scope};

use crate::Outcome;
use crate::contest::Contestant;
use crate::data::Data;
use crate::segment;

const TOOL: &str = "Rhai";

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::Simple);
    engine
}

pub fn segment(data: &Data) -> Outcome<Vec<Contestant<'_, bool>>> {
    let engine = engine();
    let ast = engine.compile_expression(segment::CEL)?;
    // Texts as Rhai holds them, made once.
    let texts = |texts: &[Option<String>]| -> Vec<Dynamic> {
        texts.iter().map(|text| text.as_ref().map_or(Dynamic::UNIT, |text| text.as_str().into())).collect()
    };
    let (regions, industries) = (texts(&data.regions), texts(&data.industries));
    let one = Contestant {
        tool: TOOL,
        way: "one syntax tree, variables set in a scope",
        threads: 1,
        run: Box::new(move || {
            let mut scope = Scope::new();
            let mut matching = Vec::with_capacity(data.len());
            for number in 0..data.len() {
                scope.clear();
                let int = |value: Option<i64>| value.map_or(Dynamic::UNIT, Dynamic::from);
                scope.push_dynamic("contract_value", int(data.contract_values[number]));
                scope.push_dynamic("nps", int(data.nps[number]));
                scope.push_dynamic("region", regions[number].clone());
                scope.push_dynamic("industry", industries[number].clone());
                matching.push(engine.eval_ast_with_scope::<bool>(&mut scope, &ast).unwrap_or(false));
            }
            Ok(Box::new(move || Ok(matching)))
        }),
    };
    Ok(vec![one])
}

pub fn parse<'d>() -> Contestant<'d, bool> {
    let engine = engine();
    Contestant {
        tool: TOOL,
        way: "compile_expression, nothing checked",
        threads: 1,
        run: Box::new(move || {
            let read = (0..segment::TIMES).all(|_| engine.compile_expression(segment::LONG).is_ok());
            Ok(Box::new(move || Ok(vec![read])))
        }),
    }
}
