//! What do operators take, and what do they give?

use std::sync::Arc;

use super::{Check, Term, constants};
use crate::expr::ast::{BinaryOp, Node, NodeId};
use crate::expr::diagnostic::Code;
use crate::expr::literal::Literal;
use crate::expr::term::{Arithmetic, Cell, Comparison, Op, TermId};
use crate::expr::types::{DERIVED_DIGITS, MAX_SCALE, Type};

/// An error was found, and reported where it stands.
pub(super) struct Reported;

impl Check<'_> {
    /// A list literal. Its items are constants of one type.
    pub(super) fn list(&mut self, items: &[NodeId], node: NodeId) -> Option<Term> {
        let mut terms = Vec::with_capacity(items.len());
        let mut sound = true;
        for item in items {
            let Some(term) = self.term(*item) else {
                sound = false;
                continue;
            };
            match self.terms.constant(term.id) {
                Some(Cell::Missing | Cell::List(_)) | None => {
                    sound = false;
                    let message =
                        "a list holds constants only; write x == a || x == b to compare with others";
                    self.fault_at::<()>(Code::E112, *item, message);
                }
                Some(_) => terms.push(term),
            }
        }
        if !sound {
            return None;
        }
        let Some(kind) = self.common_of(&terms).ok()? else {
            let id = self.terms.add(Op::Const(Cell::List(Arc::from([]))));
            return Some(Term { id, kind: Type::list(Type::Int), loose: None, node });
        };
        let cells = terms.iter().map(|term| {
            let id = self.cast(term, &kind);
            self.terms.constant(id).cloned()
        });
        let cells: Option<Arc<[Cell]>> = cells.collect();
        let id = self.terms.add(Op::Const(Cell::List(cells?)));
        Some(Term { id, kind: Type::list(kind), loose: None, node })
    }

    /// The type that all of some terms widen to, `None` for none at all; an error that was reported.
    pub(super) fn common_of(&mut self, terms: &[Term]) -> Result<Option<Type>, Reported> {
        let Some(first) = terms.first() else { return Ok(None) };
        let mut common = first.clone();
        for term in terms.iter().skip(1) {
            // A constant text that is a value of the closed set beside it is that value.
            if let Some(kind) = self.closed(&common, term).or_else(|| self.closed(term, &common)) {
                common = Term { kind, loose: None, ..common };
                continue;
            }
            let Some(kind) = Self::common(&common, term) else {
                self.mismatch::<()>(&common, term, "beside");
                return Err(Reported);
            };
            // Of constants alone, one with a fraction makes all doubles, and the one with most digits says how fine.
            let loose = common.loose.as_ref().zip(term.loose.as_ref());
            let loose = loose.map(|(one, other)| constants::finer(one, other).clone());
            common = Term { kind, loose, ..common };
        }
        // The type does not depend on where among them constants stand.
        let (constants, typed): (Vec<&Term>, Vec<&Term>) =
            terms.iter().partition(|term| term.loose.is_some());
        if constants.is_empty() || typed.is_empty() || common.kind.values().is_some() {
            return Ok(Some(common.kind));
        }
        let mut all = typed.into_iter().chain(constants);
        let widest = all.next().map(|first| {
            all.try_fold(first.clone(), |common, term| {
                Self::common(&common, term).map(|kind| Term { kind, loose: None, ..common })
            })
        });
        Ok(Some(widest.flatten().map_or(common.kind, |term| term.kind)))
    }

    /// The closed set that a constant text is a value of.
    fn closed(&self, set: &Term, text: &Term) -> Option<Type> {
        let values = set.kind.values()?;
        let text = self.constant_text(text)?;
        values.code(&text).map(|_| set.kind.clone())
    }

    pub(super) fn index(&mut self, of: NodeId, at: NodeId, node: NodeId) -> Option<Term> {
        let (list, place) = (self.term(of), self.term(at));
        let (list, place) = (list?, place?);
        if place.kind != Type::Int {
            let message = format!("a place in a list is a whole number, not {}", Self::a(&place.kind));
            return self.fault_at(Code::E103, at, message);
        }
        match &list.kind {
            Type::List(kind) => Some(self.made(Op::Item(list.id, place.id), (**kind).clone(), node)),
            other => {
                let message = format!("{} has no places; only lists have", Self::a(other));
                self.fault_at(Code::E103, of, message)
            }
        }
    }

    /// A term that must be true or false.
    pub(super) fn truth(&mut self, node: NodeId) -> Option<TermId> {
        let term = self.term(node)?;
        if term.kind == Type::Bool {
            return Some(term.id);
        }
        let message = format!("expected a yes/no question, not {}", Self::a(&term.kind));
        self.fault_at(Code::E103, node, message)
    }

    pub(super) fn not(&mut self, of: NodeId, node: NodeId) -> Option<Term> {
        let of = self.truth(of)?;
        Some(self.made(Op::Not(of), Type::Bool, node))
    }

    pub(super) fn negate(&mut self, of: NodeId, node: NodeId) -> Option<Term> {
        let term = self.term(of)?;
        if term.kind.is_number() || term.kind.is_money() || term.kind == Type::Duration {
            let mut made = self.made(Op::Negate(term.id), term.kind, node);
            // A constant stays one that takes the type of its peer.
            made.loose = term.loose.as_ref().and_then(constants::negated);
            return Some(made);
        }
        let message = format!("{} has no negative", Self::a(&term.kind));
        self.fault_at(Code::E103, of, message)
    }

    pub(super) fn junction(&mut self, and: bool, items: &[NodeId], node: NodeId) -> Option<Term> {
        // All are checked, so that the errors of all are found.
        let terms: Vec<Option<TermId>> = items.iter().map(|item| self.truth(*item)).collect();
        let terms: Box<[TermId]> = terms.into_iter().collect::<Option<_>>()?;
        Some(self.made(if and { Op::And(terms) } else { Op::Or(terms) }, Type::Bool, node))
    }

    pub(super) fn conditional(
        &mut self,
        test: NodeId,
        then: NodeId,
        otherwise: NodeId,
        node: NodeId,
    ) -> Option<Term> {
        let (test, then, otherwise) = (self.truth(test), self.term(then), self.term(otherwise));
        let (test, then, otherwise) = (test?, then?, otherwise?);
        let kind = self.common_of(&[then.clone(), otherwise.clone()]).ok()??;
        let (a, b) = (self.cast_or_member(&then, &kind), self.cast_or_member(&otherwise, &kind));
        Some(self.made(Op::If(test, a, b), kind, node))
    }

    /// Operators of one level, from left to right.
    pub(super) fn chain(
        &mut self,
        operands: &[NodeId],
        operators: &[BinaryOp],
        node: NodeId,
    ) -> Option<Term> {
        let checked: Vec<Option<Term>> = operands.iter().map(|operand| self.term(*operand)).collect();
        let mut operands = checked.into_iter();
        let mut left = operands.next()??;
        for (op, right) in operators.iter().zip(operands) {
            self.pay(node, 1);
            left = self.binary(*op, &left, &right?, node)?;
        }
        Some(left)
    }

    fn binary(&mut self, op: BinaryOp, left: &Term, right: &Term, node: NodeId) -> Option<Term> {
        match op {
            BinaryOp::Equal => self.compare(Comparison::Equal, left, right, node),
            BinaryOp::NotEqual => self.compare(Comparison::NotEqual, left, right, node),
            BinaryOp::Less => self.compare(Comparison::Less, left, right, node),
            BinaryOp::LessEqual => self.compare(Comparison::LessEqual, left, right, node),
            BinaryOp::Greater => self.compare(Comparison::Greater, left, right, node),
            BinaryOp::GreaterEqual => self.compare(Comparison::GreaterEqual, left, right, node),
            BinaryOp::In => self.one_of(left, right, node),
            BinaryOp::Add => self.sum(Arithmetic::Add, left, right, node),
            BinaryOp::Subtract => self.sum(Arithmetic::Subtract, left, right, node),
            BinaryOp::Multiply => self.product(left, right, node),
            BinaryOp::Divide => self.quotient(left, right, node),
            BinaryOp::Modulo => self.remainder(left, right, node),
        }
    }

    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        left: &Term,
        right: &Term,
        node: NodeId,
    ) -> Option<Term> {
        if let Some(term) = self.compare_days(comparison, left, right, node) {
            return Some(term);
        }
        let (a, b, kind) = self.unify(left, right, "compared with")?;
        if !kind.is_scalar() {
            let message = match kind {
                Type::MixedMoney => return self.mismatch(left, right, "compared with"),
                Type::List(_) => "lists are not compared; ask `containsAll` or `containsAny`",
                Type::Counts(_) => "counts by value are not compared; compare one of them",
                _ => "records are not compared; compare their fields",
            };
            return self.fault_at(Code::E103, node, message);
        }
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if ordered && !kind.is_ordered() {
            let message = "these values have no order; a band has";
            return self.fault_at(Code::E103, node, message);
        }
        // The constant stands right, where evaluators look for it.
        let flip = self.terms.constant(a).is_some() && self.terms.constant(b).is_none();
        let op = if flip { Op::Compare(flipped(comparison), b, a) } else { Op::Compare(comparison, a, b) };
        Some(self.made(op, Type::Bool, node))
    }

    /// `x in list`.
    fn one_of(&mut self, left: &Term, right: &Term, node: NodeId) -> Option<Term> {
        let Type::List(of) = &right.kind else {
            let message = format!("`in` asks a list, not {}", Self::a(&right.kind));
            return self.fault_at(Code::E103, right.node, message);
        };
        let of = (**of).clone();
        let Some(Cell::List(cells)) = self.terms.constant(right.id).cloned() else {
            return self.in_list(left, right, &of, node);
        };
        if cells.is_empty() {
            // Of a missing value even this has no answer.
            return Some(self.made(Op::OneOf(left.id, cells), Type::Bool, node));
        }
        // Each item is compared as if it stood beside the value.
        let items: Vec<NodeId> = match self.ast.node(right.node) {
            Node::List(items) => items.to_vec(),
            _ => return self.in_list(left, right, &of, node),
        };
        let mut terms = Vec::with_capacity(items.len());
        for item in items {
            // Checked before, without a fault.
            let term = self.constant_item(item)?;
            match (left.kind.values().is_some(), self.constant_text(&term)) {
                (true, Some(_)) => terms.push(self.member_of(&term, &left.kind, left.node)),
                _ => terms.push(Some(term)),
            }
        }
        let terms: Vec<Term> = terms.into_iter().collect::<Option<_>>()?;
        let mut common = left.clone();
        for term in &terms {
            match Self::common(&common, term) {
                Some(kind) => {
                    let loose = common.loose.clone().filter(|_| term.loose.is_some() && kind == common.kind);
                    common = Term { kind, loose, ..common };
                }
                None => return self.mismatch(left, term, "compared with"),
            }
        }
        let mut constants = Vec::with_capacity(terms.len());
        for term in &terms {
            let id = self.cast(term, &common.kind);
            constants.extend(self.terms.constant(id).cloned());
        }
        constants.sort_by(order);
        constants.dedup();
        let value = self.cast(left, &common.kind);
        Some(self.made(Op::OneOf(value, constants.into()), Type::Bool, node))
    }

    /// An item of a list literal, which was checked with its list.
    fn constant_item(&mut self, item: NodeId) -> Option<Term> {
        self.term(item)
    }

    fn in_list(&mut self, left: &Term, right: &Term, of: &Type, node: NodeId) -> Option<Term> {
        let element = Term { id: right.id, kind: of.clone(), loose: None, node: right.node };
        let kind = match Self::common(left, &element) {
            Some(kind) if kind == *of => kind,
            // A list of whole numbers is not widened item by item.
            _ => return self.mismatch(left, &element, "compared with"),
        };
        let value = self.cast(left, &kind);
        Some(self.made(Op::InList(value, right.id), Type::Bool, node))
    }

    fn sum(&mut self, op: Arithmetic, left: &Term, right: &Term, node: NodeId) -> Option<Term> {
        let add = op == Arithmetic::Add;
        let text = |kind: &Type| matches!(kind, Type::Text | Type::Enum(_) | Type::Band(_));
        let made = |op: Op, kind: Type| Some((op, kind));
        let (a, b) = (left.id, right.id);
        let timely = match (&left.kind, &right.kind) {
            (Type::Timestamp, Type::Duration) => made(Op::InstantMath(op, a, b), Type::Timestamp),
            (Type::Duration, Type::Timestamp) if add => made(Op::InstantMath(op, b, a), Type::Timestamp),
            (Type::Timestamp, Type::Timestamp) if !add => made(Op::TimeBetween(a, b), Type::Duration),
            (Type::Duration, Type::Duration) => made(Op::DurationMath(op, a, b), Type::Duration),
            (Type::Date, Type::Date) if !add => made(Op::DaysBetween(a, b), Type::Int),
            (Type::Date, Type::Int) => made(Op::DayMath(op, a, b), Type::Date),
            (Type::Int, Type::Date) if add => made(Op::DayMath(op, b, a), Type::Date),
            (a, b) if add && text(a) && text(b) => {
                let (a, b) = (self.cast(left, &Type::Text), self.cast(right, &Type::Text));
                made(Op::Join(a, b), Type::Text)
            }
            _ => None,
        };
        if let Some((op, kind)) = timely {
            return Some(self.made(op, kind, node));
        }
        let verb = if add { "added to" } else { "reckoned with" };
        let numbers = |term: &Term| term.kind.is_number() || term.kind.is_money();
        let kind = Self::common(left, right).filter(|_| numbers(left) && numbers(right));
        let Some(kind) = kind else { return self.mismatch(left, right, verb) };
        let (a, b) = (self.cast(left, &kind), self.cast(right, &kind));
        Some(self.reckoned(op, a, b, kind, left, right, node))
    }

    /// A number of two of one type; of constants alone, a constant again.
    #[expect(clippy::too_many_arguments, reason = "an operation with all that it is made of")]
    fn reckoned(
        &mut self,
        op: Arithmetic,
        a: TermId,
        b: TermId,
        kind: Type,
        left: &Term,
        right: &Term,
        node: NodeId,
    ) -> Term {
        let operation = match &kind {
            Type::Int => Op::IntMath(op, a, b),
            Type::Double => Op::DoubleMath(op, a, b),
            _ => Op::WideMath(op, a, b),
        };
        let mut term = self.made(operation, kind, node);
        if let (Some(one), Some(other)) = (&left.loose, &right.loose) {
            term.loose = match self.terms.constant(term.id) {
                Some(Cell::Int(int)) => Some(Literal::Int(*int)),
                Some(Cell::Double(_)) => constants::computed(op, one, other),
                _ => None,
            };
        }
        term
    }

    fn product(&mut self, left: &Term, right: &Term, node: NodeId) -> Option<Term> {
        // An amount stands left.
        let (left, right) =
            if right.kind.is_money() && !left.kind.is_money() { (right, left) } else { (left, right) };
        match (&left.kind, &right.kind) {
            (Type::Money { .. }, Type::Money { .. }) => {
                self.fault_at(Code::E104, node, "an amount times an amount means nothing")
            }
            (Type::Money { currency, scale }, kind) if kind.is_number() => {
                let currency = *currency;
                if *kind == Type::Double && !matches!(right.loose, Some(Literal::Decimal(_))) {
                    let target = (currency.exponent() + DERIVED_DIGITS).max(*scale);
                    let by = self.cast(right, &Type::Double);
                    let op = Op::WideByDouble(left.id, by, target - scale);
                    return Some(self.made(op, Type::Money { currency, scale: target }, node));
                }
                let scale = *scale;
                self.exact_product(left, right, scale, node, |scale| Type::Money { currency, scale })
            }
            (Type::Decimal { scale }, Type::Int | Type::Decimal { .. }) => {
                self.exact_product(left, right, *scale, node, |scale| Type::Decimal { scale })
            }
            (Type::Int, Type::Decimal { scale }) => {
                self.exact_product(right, left, *scale, node, |scale| Type::Decimal { scale })
            }
            (Type::Decimal { scale }, _) if matches!(right.loose, Some(Literal::Decimal(_))) => {
                self.exact_product(left, right, *scale, node, |scale| Type::Decimal { scale })
            }
            (_, Type::Decimal { scale }) if matches!(left.loose, Some(Literal::Decimal(_))) => {
                self.exact_product(right, left, *scale, node, |scale| Type::Decimal { scale })
            }
            (a, b) if a.is_number() && b.is_number() => {
                let (a, b, kind) = self.unify(left, right, "times")?;
                Some(self.reckoned(Arithmetic::Multiply, a, b, kind, left, right, node))
            }
            _ => self.mismatch(left, right, "times"),
        }
    }

    /// An exact number times a whole number, a decimal or a constant: the digits after the point add up.
    fn exact_product(
        &mut self,
        left: &Term,
        right: &Term,
        scale: u8,
        node: NodeId,
        kind: impl FnOnce(u8) -> Type,
    ) -> Option<Term> {
        let by = match (&right.loose, &right.kind) {
            (Some(Literal::Decimal(decimal)), _) => decimal.scale(),
            (_, Type::Decimal { scale }) => *scale,
            _ => 0,
        };
        if scale + by > MAX_SCALE {
            let message = format!(
                "this has {} digits after the point, more than {MAX_SCALE}; write double(..) of one side",
                scale + by
            );
            return self.fault_at(Code::E103, node, message);
        }
        let right = self.cast(right, &Type::Decimal { scale: by });
        Some(self.made(Op::WideMath(Arithmetic::Multiply, left.id, right), kind(scale + by), node))
    }

    fn quotient(&mut self, left: &Term, right: &Term, node: NodeId) -> Option<Term> {
        match (&left.kind, &right.kind) {
            (Type::Int, Type::Int) => {
                Some(self.reckoned(Arithmetic::Divide, left.id, right.id, Type::Int, left, right, node))
            }
            (Type::Money { .. }, Type::Money { .. }) => {
                let (a, b, kind) = self.unify(left, right, "divided by")?;
                let Type::Money { scale, .. } = kind else { return None };
                let mut double = |id: TermId| {
                    self.terms.fold(Op::Convert(crate::expr::term::Conversion::WideToDouble(scale), id))
                };
                let (a, b) = (double(a), double(b));
                Some(self.made(Op::DoubleMath(Arithmetic::Divide, a, b), Type::Double, node))
            }
            (a, b) if (a.is_number() || a.is_money()) && b.is_number() => {
                let (a, b) = (self.cast(left, &Type::Double), self.cast(right, &Type::Double));
                Some(self.reckoned(Arithmetic::Divide, a, b, Type::Double, left, right, node))
            }
            _ => self.mismatch(left, right, "divided by"),
        }
    }

    /// `ratio(a, b)`: a quotient that keeps its fraction.
    pub(super) fn ratio(&mut self, left: &Term, right: &Term, node: NodeId) -> Option<Term> {
        if (&left.kind, &right.kind) == (&Type::Int, &Type::Int) {
            let (a, b) = (self.cast(left, &Type::Double), self.cast(right, &Type::Double));
            return Some(self.made(Op::DoubleMath(Arithmetic::Divide, a, b), Type::Double, node));
        }
        let mut term = self.quotient(left, right, node)?;
        term.loose = None;
        Some(term)
    }

    fn remainder(&mut self, left: &Term, right: &Term, node: NodeId) -> Option<Term> {
        if (&left.kind, &right.kind) == (&Type::Int, &Type::Int) {
            return Some(self.reckoned(Arithmetic::Modulo, left.id, right.id, Type::Int, left, right, node));
        }
        let odd = if left.kind == Type::Int { right } else { left };
        let message = format!("`%` takes whole numbers, not {}", Self::a(&odd.kind));
        self.fault_at(Code::E103, odd.node, message)
    }
}

/// The comparison with its sides exchanged.
pub(super) const fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
        same => same,
    }
}

fn order(a: &Cell, b: &Cell) -> std::cmp::Ordering {
    use crate::expr::value::Val;
    crate::expr::scalar::order(&Val::of_cell(a), &Val::of_cell(b)).unwrap_or(std::cmp::Ordering::Equal)
}
