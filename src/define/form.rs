//! In which form does a definition get its answers?
//!
//! This is a closed list, and all that a catalog and an engine know. What a form reads is said by its expressions and inputs.

use std::sync::Arc;

use super::function::{RowFunction, WholeFunction};
use crate::aggregate::{CheckedMetric, CheckedRollUp, Over};
use crate::expr::{Checked, Source, Type};

/// A definition that makes sense.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    /// What it gives; nothing where it is a name without a column.
    pub(crate) outputs: Vec<Output>,
    pub(crate) form: Form,
}

/// One column or set that a definition gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    /// What stands behind the name of the definition and a dot; nothing where it has that name.
    pub(crate) suffix: Option<Arc<str>>,
    /// The type of the column; `None` for a set of members.
    pub(crate) kind: Option<Type>,
    pub(crate) total: TotalBy,
}

/// How what a column comes to in all is added up.
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
}

/// A function of what is read of one account.
#[derive(Debug, Clone)]
pub(crate) struct RowForm {
    pub(crate) inputs: Vec<Input>,
    /// `None` where the first input is the answer.
    pub(crate) function: Option<Arc<dyn RowFunction>>,
    /// Does the function read the moment of the question itself?
    pub(crate) reads_moment: bool,
}

impl RowForm {
    /// An input by itself.
    pub(crate) fn input(input: Input) -> Self {
        Self { inputs: vec![input], function: None, reads_moment: false }
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
    Value(Checked),
    /// The rows of a child table in the order of their ids, or events by day: of each the values of these expressions.
    Rows(RowsOf, Vec<Checked>),
    /// What was recorded of a column on earlier days.
    Record { column: Arc<str>, kind: Type, wanted: RecordWanted },
}

/// Whose rows are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowsOf {
    Table(Arc<str>),
}

/// Which of the recorded days are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordWanted {
    /// The last at or before the day so many days ago (S93): its value.
    Ago(u32),
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
        let form = RowForm::input(Input::Value(checked));
        Self { outputs: vec![output], form: Form::Row(form) }
    }

    /// A set by the name of the definition: the accounts for which an expression is true.
    pub(crate) fn members(checked: Checked) -> Self {
        let output = Output { suffix: None, kind: None, total: TotalBy::Accounts };
        let form = RowForm::input(Input::Value(checked));
        Self { outputs: vec![output], form: Form::Row(form) }
    }

    /// Its expressions, apart from those of metrics.
    pub(crate) fn expressions(&self) -> Vec<&Checked> {
        match &self.form {
            Form::Row(of) => of.expressions().collect(),
            Form::Tree(checked) => checked.expressions().collect(),
            Form::Whole(of) => of.inputs.iter().collect(),
            Form::Named(_) => Vec::new(),
        }
    }

    /// Its expressions of accounts that functions are given the values of.
    pub(crate) fn values(&self) -> Vec<&Checked> {
        match &self.form {
            Form::Row(of) => {
                let values = of.inputs.iter().filter_map(|input| match input {
                    Input::Value(checked) => Some(checked),
                    Input::Rows(..) | Input::Record { .. } => None,
                });
                values.collect()
            }
            Form::Whole(of) => of.inputs.iter().collect(),
            Form::Tree(_) | Form::Named(_) => Vec::new(),
        }
    }

    /// The expression that a set, or a column, is; `None` where it is computed from it.
    pub(crate) fn answer(&self) -> Option<&Checked> {
        match &self.form {
            Form::Row(RowForm { inputs, function: None, .. }) => match inputs.first() {
                Some(Input::Value(checked)) => Some(checked),
                _ => None,
            },
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
        let mut reads: Vec<Source> = Vec::new();
        match &self.form {
            Form::Row(of) => reads.extend(of.inputs.iter().filter_map(Input::source)),
            Form::Tree(checked) => match checked.rows() {
                Over::Accounts => {}
                Over::Table(table) => reads.push(Source::Table(table.clone())),
                Over::Events { event, .. } => reads.push(Source::Event(event.clone())),
            },
            Form::Whole(_) | Form::Named(_) => {}
        }
        let of_metric = self.metric().map(|metric| metric.checked());
        for source in self.expressions().into_iter().chain(of_metric).flat_map(Checked::sources) {
            if !reads.contains(&source) {
                reads.push(source);
            }
        }
        reads
    }
}

impl RowForm {
    fn expressions(&self) -> impl Iterator<Item = &Checked> {
        self.inputs.iter().flat_map(|input| match input {
            Input::Value(checked) => std::slice::from_ref(checked),
            Input::Rows(_, columns) => columns,
            Input::Record { .. } => &[],
        })
    }
}

impl Input {
    /// What it reads without an expression.
    fn source(&self) -> Option<Source> {
        match self {
            Self::Value(_) => None,
            Self::Rows(RowsOf::Table(table), _) => Some(Source::Table(table.clone())),
            Self::Record { column, .. } => Some(Source::Attribute(column.clone())),
        }
    }
}
