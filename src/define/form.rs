//! Which forms of computation are there?
//!
//! This is a closed list, and all that a catalog and an engine know. What a form reads is said by its expressions and inputs.

use std::sync::Arc;

use indexmap::IndexSet;

use super::function::{RowFunction, WholeFunction};
use crate::aggregate::{CheckedMetric, CheckedRollUp, Over};
use crate::expr::{Checked, Source, Type};

/// A valid definition, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    /// Its columns and sets; none of a name without a column.
    pub(crate) outputs: Vec<Output>,
    pub(crate) form: Form,
}

/// One column or set that a definition gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    /// The part of its name after that of the definition and a dot; `None` for the column of the definition's own name.
    pub(crate) suffix: Option<Arc<str>>,
    /// The type of the column; `None` for a set of members.
    pub(crate) kind: Option<Type>,
    pub(crate) total: TotalBy,
}

/// Over which accounts the total of a column is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TotalBy {
    /// Over the accounts that are visible and not cancelled.
    Accounts,
    /// Over the accounts without a visible parent, which hold all below them already.
    Roots,
}

/// How the answers are computed.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// A function of what is read of one account.
    Row(RowForm),
    /// A merge of rows up the tree.
    Tree(Box<CheckedRollUp>),
    /// A function of the whole book, which is computed when it is asked.
    Whole(WholeForm),
    /// A name without a column: a daily series.
    Named(Arc<CheckedMetric>),
    /// Columns whose days are recorded.
    Recorded(Vec<Arc<str>>),
}

/// A function of what is read of one account. It may have several parts: the first whose guard is true gives the outputs, and
/// only that one is computed.
#[derive(Debug, Clone)]
pub(crate) struct RowForm {
    pub(crate) parts: Vec<RowPart>,
    /// Does a function read the moment of the question itself?
    pub(crate) reads_moment: bool,
    /// Does a function ask the rates of days?
    pub(crate) reads_rates: bool,
}

/// One part of a function.
#[derive(Debug, Clone)]
pub(crate) struct RowPart {
    /// Its name; `None` of the one part that a definition without parts has.
    pub(crate) name: Option<Arc<str>>,
    /// For which accounts it is; `None` where it is for all that no part before it is for.
    pub(crate) guard: Option<Checked>,
    pub(crate) inputs: Vec<Input>,
    /// `None` where the first input is the answer.
    pub(crate) function: Option<Arc<dyn RowFunction>>,
}

impl RowForm {
    /// An input by itself.
    pub(crate) fn input(input: Input) -> Self {
        let part = RowPart { name: None, guard: None, inputs: vec![input], function: None };
        Self { parts: vec![part], reads_moment: false, reads_rates: false }
    }

    /// The one part that there is, where it is for all accounts.
    pub(crate) fn only(&self) -> Option<&RowPart> {
        match &*self.parts {
            [part] if part.guard.is_none() => Some(part),
            _ => None,
        }
    }
}

/// A function of the whole book.
#[derive(Debug, Clone)]
pub(crate) struct WholeForm {
    pub(crate) inputs: Vec<Checked>,
    pub(crate) function: Arc<dyn WholeFunction>,
}

/// What a function reads of an account.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// One value.
    Value(Box<Checked>),
    /// The rows of a child table in the order of their ids: of each the values of these expressions.
    Rows(Arc<str>, Vec<Checked>),
    /// The rows of an event in the last days, in the order of their days and values: of each the values of these expressions.
    Events { event: Arc<str>, last_days: Option<u32>, columns: Vec<Checked> },
    /// A value that comes with the question.
    Parameter { name: Arc<str>, kind: Type },
    /// What was recorded of a column on earlier days.
    Record { column: Arc<str>, kind: Type, wanted: RecordWanted },
}

/// Which of the recorded days are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordWanted {
    /// The last at or before the day so many days ago (S93): its value.
    Ago(u32),
    /// That of the day so many days ago, and of no other: its value.
    On(u32),
    /// The last before today, of the last days where they are counted: its day and value.
    Last(Option<u32>),
    /// All of the last days before today: their days and values.
    Each(u32),
}

impl Output {
    /// The one column of a definition, by its own name.
    pub(crate) const fn column(kind: Type) -> Self {
        Self { suffix: None, kind: Some(kind), total: TotalBy::Accounts }
    }
}

impl Compiled {
    /// One column by the name of the definition, for which one expression is asked.
    pub(crate) fn value(checked: Checked) -> Self {
        let output = Output::column(checked.kind().clone());
        let form = RowForm::input(Input::Value(Box::new(checked)));
        Self { outputs: vec![output], form: Form::Row(form) }
    }

    /// A set by the name of the definition: the accounts for which an expression is true.
    pub(crate) fn members(checked: Checked) -> Self {
        let output = Output { suffix: None, kind: None, total: TotalBy::Accounts };
        let form = RowForm::input(Input::Value(Box::new(checked)));
        Self { outputs: vec![output], form: Form::Row(form) }
    }

    /// Does it convert amounts, so that rates are needed?
    pub(crate) fn converts(&self) -> bool {
        match &self.form {
            Form::Tree(checked) => checked.converts(),
            Form::Row(of) => of.reads_rates || of.expressions().any(Checked::converts),
            Form::Whole(of) => of.inputs.iter().any(Checked::converts),
            Form::Named(metric) => metric.checked().converts(),
            Form::Recorded(_) => false,
        }
    }

    /// The columns of whose records it reads, and of how many days.
    pub(crate) fn recorded_days(&self) -> impl Iterator<Item = (&Arc<str>, u32)> {
        let parts = match &self.form {
            Form::Row(of) => &*of.parts,
            _ => &[],
        };
        parts.iter().flat_map(|part| &part.inputs).filter_map(|input| match input {
            Input::Record { column, wanted, .. } => match wanted {
                RecordWanted::Ago(days) | RecordWanted::On(days) | RecordWanted::Each(days) => {
                    Some((column, *days))
                }
                RecordWanted::Last(within) => Some((column, (*within)?)),
            },
            _ => None,
        })
    }

    /// The windows of events that it reads by itself, in days; those of its expressions are their own.
    pub(crate) fn event_windows(&self) -> Vec<u32> {
        let of_rows = |over: &Over| match over {
            Over::Events { last_days, .. } => *last_days,
            Over::Accounts | Over::Table(_) => None,
        };
        match &self.form {
            Form::Tree(of) => of_rows(of.rows()).into_iter().collect(),
            Form::Row(of) => {
                let inputs = of.parts.iter().flat_map(|part| &part.inputs);
                let days = inputs.filter_map(|input| match input {
                    Input::Events { last_days, .. } => *last_days,
                    _ => None,
                });
                days.collect()
            }
            Form::Whole(_) | Form::Named(_) | Form::Recorded(_) => Vec::new(),
        }
    }

    /// Its expressions, apart from those of metrics.
    pub(crate) fn expressions(&self) -> Vec<&Checked> {
        match &self.form {
            Form::Row(of) => of.expressions().collect(),
            Form::Tree(checked) => checked.expressions().collect(),
            Form::Whole(of) => of.inputs.iter().collect(),
            Form::Named(_) | Form::Recorded(_) => Vec::new(),
        }
    }

    /// Its expressions, that of a metric among them.
    pub(crate) fn all_expressions(&self) -> Vec<&Checked> {
        let of_metric = self.metric().map(|metric| metric.checked());
        self.expressions().into_iter().chain(of_metric).collect()
    }

    /// Its expressions of accounts that are asked of all of them: the guards where it has any, else all inputs.
    pub(crate) fn values(&self) -> Vec<&Checked> {
        match &self.form {
            Form::Row(of) => match of.only() {
                Some(part) => part.values().collect(),
                None => of.parts.iter().filter_map(|part| part.guard.as_ref()).collect(),
            },
            Form::Whole(of) => of.inputs.iter().collect(),
            Form::Tree(_) | Form::Named(_) | Form::Recorded(_) => Vec::new(),
        }
    }

    /// The expression that a set, or a column, is; `None` where it is computed from it.
    pub(crate) fn answer(&self) -> Option<&Checked> {
        let Form::Row(of) = &self.form else { return None };
        match of.only().map(|part| (&part.function, part.inputs.first())) {
            Some((None, Some(Input::Value(checked)))) => Some(checked),
            _ => None,
        }
    }

    pub(crate) const fn metric(&self) -> Option<&Arc<CheckedMetric>> {
        match &self.form {
            Form::Named(metric) => Some(metric),
            _ => None,
        }
    }

    /// What is read, by name, each once: by its form, then by its expressions.
    pub(crate) fn sources(&self) -> Vec<Source> {
        // Each once, in order.
        let mut reads: IndexSet<Source> = IndexSet::new();
        match &self.form {
            Form::Row(of) => {
                reads.extend(of.parts.iter().flat_map(|part| &part.inputs).filter_map(Input::source));
            }
            Form::Tree(checked) => match checked.rows() {
                Over::Accounts => {}
                Over::Table(table) => {
                    reads.insert(Source::Table(table.clone()));
                }
                Over::Events { event, .. } => {
                    reads.insert(Source::Event(event.clone()));
                }
            },
            Form::Recorded(columns) => {
                reads.extend(columns.iter().map(|column| Source::Attribute(column.clone())));
            }
            Form::Whole(_) | Form::Named(_) => {}
        }
        reads.extend(self.all_expressions().into_iter().flat_map(Checked::sources));
        reads.into_iter().collect()
    }
}

impl RowForm {
    fn expressions(&self) -> impl Iterator<Item = &Checked> {
        self.parts
            .iter()
            .flat_map(|part| part.guard.iter().chain(part.inputs.iter().flat_map(Input::expressions)))
    }
}

impl RowPart {
    /// The inputs that are values of the account.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Checked> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Value(checked) => Some(&**checked),
            Input::Rows(..) | Input::Events { .. } | Input::Parameter { .. } | Input::Record { .. } => None,
        })
    }
}

impl Input {
    fn expressions(&self) -> &[Checked] {
        match self {
            Self::Value(checked) => std::slice::from_ref(&**checked),
            Self::Rows(_, columns) | Self::Events { columns, .. } => columns,
            Self::Parameter { .. } | Self::Record { .. } => &[],
        }
    }

    /// What it reads without an expression.
    fn source(&self) -> Option<Source> {
        match self {
            Self::Value(_) | Self::Parameter { .. } => None,
            Self::Rows(table, _) => Some(Source::Table(table.clone())),
            Self::Events { event, .. } => Some(Source::Event(event.clone())),
            Self::Record { column, .. } => Some(Source::Attribute(column.clone())),
        }
    }
}
