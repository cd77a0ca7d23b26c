//! Does a [`CustomKind`] keep its promises?
//!
//! It is asked for inputs that the host gives ([`CustomKindCase`]), for the same with values left out, in whatever order and on
//! another thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::outcome::{Broken, Outcome, Verdict};
use crate::AsOf;
use crate::catalog::{Brought, Custom, CustomInput, CustomInputs, CustomKind, InputValue};
use crate::expr::{ExprValue, Type};

/// A kind, and inputs as its definitions would give them.
///
/// ```
/// use perennial::catalog::{CustomInputs, CustomKind, CustomOutput, InputValue};
/// use perennial::expr::{ExprValue, Type};
/// use perennial::testkit::conformance::{CustomKindCase, custom_kind};
/// use perennial::{AsOf, Date};
///
/// #[derive(Debug)]
/// struct First;
///
/// impl CustomKind for First {
///     fn word(&self) -> &str {
///         "first"
///     }
///     fn version(&self) -> u64 {
///         1
///     }
///     fn outputs(&self) -> Vec<CustomOutput> {
///         vec![CustomOutput::own(Type::Int)]
///     }
///     fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
///         vec![inputs.value(0).cloned()]
///     }
/// }
///
/// let case = CustomKindCase::new(First, AsOf::date_utc(Date::new(2026, 1, 31)?))
///     .given([InputValue::Value(Some(ExprValue::Int(3)))]);
/// assert!(custom_kind::all(&case).iter().all(|(_, outcome)| outcome.is_ok()));
/// // A text is not what it says that it gives.
/// let case = case.given([InputValue::Value(Some(ExprValue::Text("three".into())))]);
/// assert!(custom_kind::outputs_are_of_their_types(&case).is_err());
/// # Ok::<(), perennial::DateError>(())
/// ```
#[derive(Debug)]
pub struct CustomKindCase {
    kind: Arc<dyn CustomKind>,
    as_of: AsOf,
    given: Vec<Vec<InputValue>>,
    definitions: Vec<Vec<CustomInput>>,
}

impl CustomKindCase {
    /// A kind, to be asked at a moment.
    pub fn new(kind: impl CustomKind + 'static, as_of: AsOf) -> Self {
        Self { kind: Arc::new(kind), as_of, given: Vec::new(), definitions: Vec::new() }
    }

    /// With the inputs of one more account.
    #[must_use]
    pub fn given(mut self, inputs: impl IntoIterator<Item = InputValue>) -> Self {
        self.given.push(inputs.into_iter().collect());
        self
    }

    /// With one more definition by its inputs, of a kind that brings others with it.
    #[must_use]
    pub fn defined(mut self, reads: impl IntoIterator<Item = CustomInput>) -> Self {
        self.definitions.push(reads.into_iter().collect());
        self
    }

    /// The inputs as they are, with each of them left out, and with all.
    fn cases(&self) -> Vec<Vec<InputValue>> {
        let mut cases = self.given.clone();
        for given in &self.given {
            for left_out in 0..given.len() {
                let mut case = given.clone();
                case.iter_mut().skip(left_out).take(1).for_each(empty);
                cases.push(case);
            }
            let mut case = given.clone();
            case.iter_mut().for_each(empty);
            cases.push(case);
        }
        cases
    }

    fn compute(&self, given: &[InputValue]) -> Vec<Option<ExprValue>> {
        let inputs = CustomInputs::new(given.to_vec());
        let inputs = if self.kind.reads_moment() { inputs.at(&self.as_of) } else { inputs };
        self.kind.compute(&inputs)
    }
}

fn empty(input: &mut InputValue) {
    match input {
        InputValue::Value(value) => *value = None,
        InputValue::Rows(rows) => rows.clear(),
        InputValue::Records(days) => days.clear(),
    }
}

/// Every promise of a kind with what became of it, in the order of the trait's documentation.
#[must_use]
pub fn all(case: &CustomKindCase) -> Vec<(&'static str, Outcome)> {
    super::__custom_kind_promises!(__outcomes[case])
}

fn broken(promise: &'static str, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Outcome {
    Err(Broken::new(promise, expected, found))
}

/// The same inputs give the same outputs, whatever was asked in between.
///
/// # Errors
///
/// [`Broken`] with the first inputs and both answers.
pub fn the_same_inputs_give_the_same_outputs(case: &CustomKindCase) -> Outcome {
    let cases = case.cases();
    let first: Vec<_> = cases.iter().map(|given| case.compute(given)).collect();
    for (given, first) in cases.iter().zip(first).rev() {
        let again = case.compute(given);
        if again != first {
            let expected = format!("{first:?} again for {given:?}");
            return broken("the_same_inputs_give_the_same_outputs", expected, format!("{again:?}"));
        }
    }
    Ok(Verdict::Kept)
}

/// The same definition brings the same, with names below its own.
///
/// # Errors
///
/// [`Broken`] with both lists, or with the name that is not below that of the definition.
pub fn what_is_brought_is_the_same_and_stands_below(case: &CustomKindCase) -> Outcome {
    const PROMISE: &str = "what_is_brought_is_the_same_and_stands_below";
    // Without inputs, too: of definitions that nobody has checked.
    let none = [Vec::new(), vec![CustomInput::value("1")]];
    for reads in none.iter().chain(&case.definitions) {
        let definition = Custom::new("definition", &case.kind);
        let definition = reads.iter().cloned().fold(definition, Custom::reading);
        let (first, again) = (case.kind.brings(&definition), case.kind.brings(&definition));
        if first != again {
            return broken(PROMISE, format!("{first:?} again"), format!("{again:?}"));
        }
        let is_astray = |brought: &&Brought| !brought.name().starts_with("definition.");
        if let Some(astray) = first.iter().find(is_astray) {
            let expected = "a name that begins with `definition.`";
            return broken(PROMISE, expected, format!("`{}`", astray.name()));
        }
    }
    Ok(Verdict::Kept)
}

/// Another thread has the same answers.
///
/// # Errors
///
/// [`Broken`] with the first inputs and both answers.
pub fn every_thread_has_the_same_answers(case: &CustomKindCase) -> Outcome {
    let cases = case.cases();
    let here: Vec<_> = cases.iter().map(|given| case.compute(given)).collect();
    let there = std::thread::scope(|scope| {
        scope.spawn(|| cases.iter().map(|given| case.compute(given)).collect::<Vec<_>>()).join()
    });
    let Ok(there) = there else {
        return broken("every_thread_has_the_same_answers", "an answer on another thread", "a panic");
    };
    for ((given, here), there) in cases.iter().zip(here).zip(there) {
        if here != there {
            let expected = format!("{here:?} for {given:?}");
            return broken("every_thread_has_the_same_answers", expected, format!("{there:?}"));
        }
    }
    Ok(Verdict::Kept)
}

/// What is declared is the same whenever it is asked: word, version and outputs.
///
/// # Errors
///
/// [`Broken`] with both declarations.
pub fn what_is_declared_stays(case: &CustomKindCase) -> Outcome {
    let declared =
        || (case.kind.word().to_owned(), case.kind.version(), case.kind.outputs(), case.kind.reads_moment());
    let first = declared();
    case.cases().iter().for_each(|given| drop(case.compute(given)));
    let again = declared();
    if first == again {
        Ok(Verdict::Kept)
    } else {
        broken("what_is_declared_stays", format!("{first:?}"), format!("{again:?}"))
    }
}

/// Each output is of the type that is declared, and there are no more of them.
///
/// # Errors
///
/// [`Broken`] with the first output that is not.
pub fn outputs_are_of_their_types(case: &CustomKindCase) -> Outcome {
    let promise = "outputs_are_of_their_types";
    let declared = case.kind.outputs();
    for given in case.cases() {
        let found = case.compute(&given);
        if found.len() > declared.len() {
            return broken(promise, format!("{} outputs", declared.len()), found.len());
        }
        for (value, output) in found.iter().zip(&declared) {
            if let Some(value) = value.as_ref().filter(|value| !is_of(value, output.kind())) {
                let name = output.name().unwrap_or("the output");
                return broken(promise, format!("{name}: {}", output.kind()), format!("{value:?}"));
            }
        }
    }
    Ok(Verdict::Kept)
}

/// Missing values are an answer of some kind as well.
///
/// # Errors
///
/// [`Broken`] with the first inputs for which it panics.
pub fn it_does_not_panic(case: &CustomKindCase) -> Outcome {
    for given in case.cases() {
        if catch_unwind(AssertUnwindSafe(|| case.compute(&given))).is_err() {
            return broken("it_does_not_panic", format!("an answer for {given:?}"), "a panic");
        }
    }
    Ok(Verdict::Kept)
}

fn is_of(value: &ExprValue, kind: &Type) -> bool {
    match (value, kind) {
        (ExprValue::Bool(_), Type::Bool)
        | (ExprValue::Int(_), Type::Int | Type::Decimal { .. } | Type::Double)
        | (ExprValue::Text(_), Type::Text)
        | (ExprValue::Date(_), Type::Date)
        | (ExprValue::Timestamp(_), Type::Timestamp)
        | (ExprValue::Duration(_), Type::Duration)
        | (ExprValue::Decimal(_), Type::Double) => true,
        (ExprValue::Double(value), Type::Double) => value.is_finite(),
        (ExprValue::Decimal(value), Type::Decimal { scale }) => value.rescaled(*scale).is_some(),
        (ExprValue::Money(value, given), Type::Money { currency, scale }) => {
            given == currency && value.rescaled(*scale).is_some()
        }
        (ExprValue::Text(text), Type::Enum(values) | Type::Band(values)) => values.code(text).is_some(),
        (ExprValue::Record(counts), Type::Counts(values)) => {
            let is_count = |(text, count): &(_, ExprValue)| {
                let text: &std::sync::Arc<str> = text;
                values.code(text).is_some() && matches!(count, ExprValue::Int(_))
            };
            !counts.is_empty() && counts.iter().all(is_count)
        }
        (ExprValue::List(items), Type::List(of)) => items.iter().all(|item| is_of(item, of)),
        _ => false,
    }
}
