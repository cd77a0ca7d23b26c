//! What does an expression leave out, in this book?

use super::ast::{Node, NodeId};
use super::batch::{ExprPlan, MissingRateLog, MissingRates, RowPlan, Supply};
use super::check::{Checker, window_of};
use super::checked::Checked;
use super::columns::{Columns, OneName};
use super::diagnostic::{Code, Diagnostic, Span};
use super::explain::MissingRate;
use super::functions::{self, Function as F};
use super::literal::Literal;
use super::print::written_name;
use super::resolve::date_of;
use super::term::Cell;
use crate::fold::RateKind;
use crate::model::{AccountIdx, AsOf, Date};
use crate::tree::AccountTree;

impl Checked {
    /// The lints of [`Checked::lints`] with what they mean for the accounts of some columns: how many of its accounts have no value. Beside
    /// them, accounts that the expression names and the view does not show, and rates that are missing for amounts that it converts
    /// ([`View::with_rates`](crate::View::with_rates)): by currency and day, with how many rows and the first accounts.
    ///
    /// ```
    /// use perennial::expr::Checker;
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
    /// };
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("industry", AttributeType::Text))
    ///     .build()?;
    /// let source = MemorySource::new()
    ///     .account(AccountRow::new(AccountId::new("a")?, "Company").with("industry", "Retail"))
    ///     .account(AccountRow::new(AccountId::new("b")?, "Company"));
    /// let (book, _) = Book::load(schema, &source, &Policy::strict())?;
    /// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    ///
    /// let text = "industry != \"Retail\" && !under(\"c\")";
    /// let checked = Checker::new(&**book.schema()).check_predicate(text)?;
    /// let said: Vec<String> = checked.lints_in(&view).iter().map(ToString::to_string).collect();
    /// assert_eq!(
    ///     said,
    ///     [
    ///         "W201: leaves out 1 account with no `industry`; isNot(industry, \"Retail\") keeps them",
    ///         "W207: there is no account `c` here",
    ///     ]
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    ///
    /// One pass over a column for each attribute that a lint speaks of. An expression that converts is evaluated once for each visible
    /// account, and what it asks of other accounts and rows once for each of these.
    #[must_use]
    pub fn lints_in<'c>(&self, columns: impl Into<Columns<'c>>) -> Vec<Diagnostic> {
        let columns = columns.into();
        let mut lints = self.lints_of_accounts(columns);
        lints.extend(self.missing_rates(columns).iter().map(|missing| self.lint_of_rate(missing)));
        lints.sort_by_key(Diagnostic::span);
        lints
    }

    /// The rates that it lacks for what it asks of each visible account; none where something that it reads is not there.
    fn missing_rates(&self, columns: Columns<'_>) -> Vec<MissingRate> {
        let view = columns.view();
        if !self.converts() || columns.require(&[self]).is_err() {
            return Vec::new();
        }
        let recorder = MissingRateLog::default();
        let all: Vec<AccountIdx> = AccountTree::walk(view).collect();
        let plan = RowPlan::of_one(self);
        let told =
            plan.tell_unrated((view, view.schema()), columns.supply(), &recorder, &all, &mut |_, value| {
                drop(value(0));
            });
        // Nobody stops it.
        told.unwrap_or_default();
        let mut missing = MissingRates::default();
        missing.add_told(recorder, view);
        missing.into_list()
    }

    /// What a missing rate is as a lint, where it converts to that currency.
    fn lint_of_rate(&self, missing: &MissingRate) -> Diagnostic {
        let ast = self.ast();
        let span = self.conversion_at(missing).map(|node| ast.span(node)).unwrap_or_default();
        Diagnostic::new(Code::W208, ast.source_text(), span, missing.to_string())
    }

    /// The first conversion to the currency of a missing rate, at a rate of its kind, in the order of the text.
    fn conversion_at(&self, missing: &MissingRate) -> Option<NodeId> {
        let is_plan = missing.kind == RateKind::Plan;
        let ast = self.ast();
        let mut found: Vec<NodeId> = Vec::new();
        let mut left: Vec<NodeId> = vec![ast.root()];
        while let Some(node) = left.pop() {
            left.extend(ast.below(node));
            if let Node::Call { function, arguments: [_, to, ..], .. } = ast.node(node)
                && matches!(
                    (&**function, is_plan),
                    ("convertTo" | "convertAt", false) | ("convertAtPlan", true)
                )
                && matches!(ast.node(*to), Node::Literal(Literal::Text(text)) if **text == *missing.to.code())
            {
                found.push(node);
            }
        }
        found.into_iter().min_by_key(|node| ast.span(*node))
    }

    /// Some missing rates as lints, each of the first of some expressions that converts to its currency; of none where none does.
    pub(crate) fn lints_of_rates(expressions: &[&Self], missing: &[MissingRate]) -> Vec<Diagnostic> {
        let lint = |missing: &MissingRate| {
            let converts = |checked: &&&Self| checked.conversion_at(missing).is_some();
            match expressions.iter().find(converts) {
                Some(checked) => checked.lint_of_rate(missing),
                None => Diagnostic::new(Code::W208, "", Span::default(), missing.to_string()),
            }
        };
        missing.iter().map(lint).collect()
    }

    /// Windows of usage that begin before the days that are kept, on the day of a question.
    fn lints_of_windows(&self, kept: u32, as_of: &AsOf) -> Vec<Diagnostic> {
        let ast = self.ast();
        let mut lints = Vec::new();
        let mut left: Vec<NodeId> = vec![ast.root()];
        while let Some(node) = left.pop() {
            left.extend(ast.below(node));
            let Some(first) = self.first_of_window(node, as_of) else { continue };
            let days = i64::from(as_of.date().days()) - i64::from(first.days()) + 1;
            if let Some(days) = u32::try_from(days).ok().filter(|days| *days > kept) {
                lints.push(Diagnostic::new(
                    Code::W209,
                    ast.source_text(),
                    ast.span(node),
                    beyond_kept(days, kept),
                ));
            }
        }
        lints
    }

    /// The first day of the window of usage that a call is; `None` where it is none.
    fn first_of_window(&self, node: NodeId, as_of: &AsOf) -> Option<Date> {
        let Node::Call { function, arguments, .. } = self.ast().node(node) else { return None };
        let entry = functions::function(function)?;
        match (entry.function, arguments) {
            (function @ (F::LastDays | F::PrevDays | F::LastWeeks | F::PrevWeeks), [_, many, ago @ ..]) => {
                let number = |node: NodeId| i32::try_from(self.whole(node)?).ok();
                let ago = ago.first().map_or(Some(0), |ago| number(*ago))?;
                let (first, _) = window_of(function, number(*many)?, ago);
                date_of(first, as_of)
            }
            (F::Between, [_, first, _]) => {
                let every = self.every();
                let term = |node: NodeId| every.of.get(node.index()).copied().flatten();
                // Of a value, it is a comparison, and has a term of its own.
                let first = term(*first).filter(|_| term(node).is_none())?;
                let (terms, roots) = every.terms.as_of(as_of, &[first]);
                match terms.constant(*roots.first()?)? {
                    Cell::Int(days) => Date::from_days(i32::try_from(*days).ok()?),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The lints without those of rates.
    pub(crate) fn lints_of_accounts(&self, columns: Columns<'_>) -> Vec<Diagnostic> {
        let view = columns.view();
        let mut lints = Vec::with_capacity(self.lints().len());
        for lint in self.lints() {
            let counted = lint.about().and_then(|name| without(columns, name));
            lints.extend(match (counted, lint.about()) {
                (Some(0), _) => None,
                (Some(count), Some(name)) => {
                    let accounts = if count == 1 { "account" } else { "accounts" };
                    let plain = format!("accounts with no `{name}`");
                    let counted = format!("{count} {accounts} with no `{name}`");
                    Some(lint.clone().saying(lint.message().replacen(&plain, &counted, 1)))
                }
                _ => Some(lint.clone()),
            });
        }
        let ast = self.ast();
        let mut left: Vec<NodeId> = vec![ast.root()];
        while let Some(node) = left.pop() {
            left.extend(ast.below(node));
            let Node::Call { function, arguments, .. } = ast.node(node) else { continue };
            let Some(which) = arguments.last().filter(|_| matches!(&**function, "under" | "strictlyUnder"))
            else {
                continue;
            };
            if let Node::Literal(Literal::Text(id)) = ast.node(*which)
                && view.account(id).is_none()
            {
                let shown: String = id.chars().take(60).collect();
                let message = format!("there is no account `{shown}` here");
                lints.push(Diagnostic::new(Code::W207, ast.source_text(), ast.span(*which), message));
            }
        }
        let kept = columns.supply().and_then(Supply::kept_days);
        lints.extend(kept.into_iter().flat_map(|kept| self.lints_of_windows(kept, view.as_of())));
        lints.sort_by_key(Diagnostic::span);
        lints
    }
}

/// The message of a window that begins so many days back, today counted, before the days that are kept.
pub(crate) fn beyond_kept(days: u32, kept: u32) -> String {
    format!("asks for events of {days} days back, and those of {kept} are kept")
}

/// How many visible accounts have no value of a column; `None` where it is not known.
fn without(columns: Columns<'_>, name: &str) -> Option<usize> {
    let names = OneName { name, kind: columns.kind(name)? };
    let asked = Checker::new(&names).check_predicate(&format!("!has({})", written_name(name))).ok()?;
    Some(ExprPlan::new([&asked]).run(columns).ok()?.matching(0).len())
}
