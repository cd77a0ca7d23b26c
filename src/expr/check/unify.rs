//! Which type do two values share?
//!
//! Constants take the type of their peer, as in Go; whole numbers widen to decimals, and both to doubles; nothing
//! narrows. Ruling S61 of `docs/semantics`.

use super::mention::Mentioned;
use super::{Check, Term};
use crate::expr::ast::NodeId;
use crate::expr::diagnostic::Code;
use crate::expr::literal::Literal;
use crate::expr::term::{Bits, Cell, Conversion, Op, TermId, Values};
use crate::expr::types::Type;
use crate::model::nearest;

/// What is wrong with amounts of a column of several currencies.
pub(super) const SEVERAL_CURRENCIES: &str = "these amounts are of several currencies; take those of one, as in \
    x.ifCurrency(\"EUR\"), or convert each, as in x.convertTo(\"EUR\")";

impl Check<'_> {
    /// The type that both can be compared or added in; `None` where there is none.
    pub(super) fn common(left: &Term, right: &Term) -> Option<Type> {
        match (&left.loose, &right.loose) {
            (Some(Literal::Int(_)), Some(Literal::Int(_))) => Some(Type::Int),
            (Some(_), Some(_)) => Some(Type::Double),
            (Some(literal), None) => loose(literal, &right.kind),
            (None, Some(literal)) => loose(literal, &left.kind),
            (None, None) => widened(&left.kind, &right.kind),
        }
    }

    /// The term as a value of a type that it widens to.
    pub(super) fn cast(&mut self, term: &Term, to: &Type) -> TermId {
        if term.kind == *to {
            return term.id;
        }
        if let Some(cell) = term.loose.as_ref().and_then(|literal| constant(literal, to)) {
            return self.terms.add(Op::Const(cell));
        }
        let conversion = match (&term.kind, to) {
            (Type::Int, Type::Double) => Conversion::IntToDouble,
            (Type::Int, Type::Decimal { scale } | Type::Money { scale, .. }) => Conversion::IntToWide(*scale),
            (Type::Decimal { scale: from }, Type::Decimal { scale })
            | (Type::Money { scale: from, .. }, Type::Money { scale, .. })
                if scale > from =>
            {
                Conversion::Rescale(scale - from)
            }
            (Type::Decimal { scale } | Type::Money { scale, .. }, Type::Double) => {
                Conversion::WideToDouble(*scale)
            }
            (Type::Enum(values) | Type::Band(values), Type::Text) => {
                Conversion::CodeToText(Values(values.clone()))
            }
            _ => return term.id,
        };
        self.terms.fold(Op::Convert(conversion, term.id))
    }

    /// The constant text of a term.
    pub(super) fn constant_text(&self, term: &Term) -> Option<std::sync::Arc<str>> {
        match self.terms.constant(term.id) {
            Some(Cell::Text(text)) if term.kind == Type::Text => Some(text.clone()),
            _ => None,
        }
    }

    /// A constant text as a member of a closed set.
    pub(super) fn member_of(&mut self, text: &Term, kind: &Type, name: NodeId) -> Option<Term> {
        let values = kind.values()?;
        let said = self.constant_text(text)?;
        if let Some(code) = values.code(&said) {
            self.mention(text.node, Mentioned::Value(values.clone(), said), (1, 0));
            let id = self.terms.add(Op::Const(Cell::Int(i64::from(code))));
            return Some(Term { id, kind: kind.clone(), loose: None, node: text.node });
        }
        let listed: Vec<&str> = values.iter().take(8).map(|value| &**value).collect();
        let more = if values.len() > listed.len() { ", .." } else { "" };
        let nearest = nearest(&said, values.iter().map(|value| &**value));
        let hint = nearest.map(|nearest| format!("; did you mean \"{nearest}\"?")).unwrap_or_default();
        let of: String = self.span(name).text(&self.faults.source).chars().take(60).collect();
        let message = format!("not a value of `{of}` ({}{more}){hint}", listed.join(", "));
        let edit = nearest.map(|nearest| {
            let mut quoted = String::new();
            // Writing to a text cannot fail.
            let _ = crate::expr::literal::write_text(&mut quoted, nearest);
            (self.span(text.node), quoted)
        });
        self.edit_at(Code::E102, text.node, message, edit)
    }

    /// Both as values of one type; says so where there is none.
    pub(super) fn unify(&mut self, left: &Term, right: &Term, verb: &str) -> Option<(TermId, TermId, Type)> {
        // A constant text beside a closed set is one of its values, or an error.
        for (text, other, flipped) in [(right, left, false), (left, right, true)] {
            if other.kind.values().is_some() && self.constant_text(text).is_some() {
                let member = self.member_of(text, &other.kind, other.node)?;
                let pair = if flipped { (member.id, other.id) } else { (other.id, member.id) };
                return Some((pair.0, pair.1, other.kind.clone()));
            }
        }
        match Self::common(left, right) {
            Some(kind) => Some((self.cast(left, &kind), self.cast(right, &kind), kind)),
            None => self.mismatch(left, right, verb),
        }
    }

    /// Two types that do not meet.
    pub(super) fn mismatch<T>(&mut self, left: &Term, right: &Term, verb: &str) -> Option<T> {
        let whole = self.span(left.node).to(self.span(right.node));
        if let (Type::Money { currency: a, .. }, Type::Money { currency: b, .. }) = (&left.kind, &right.kind)
            && a != b
        {
            self.fault(
                Code::E104,
                whole,
                format!("money({a}) against money({b}); convert one of them, as in x.convertTo(\"{a}\")"),
            );
            return None;
        }
        for side in [left, right] {
            if side.kind == Type::MixedMoney {
                return self.fault_at(Code::E104, side.node, SEVERAL_CURRENCIES);
            }
        }
        // The constant side is where the user looks; otherwise the right.
        let (odd, other) =
            if self.terms.constant(left.id).is_some() && self.terms.constant(right.id).is_none() {
                (left, right)
            } else {
                (right, left)
            };
        let mut message = format!("{} {verb} {}", odd.kind, Self::a(&other.kind));
        let mut edit = None;
        if let (Some(text), Type::Date | Type::Timestamp | Type::Duration) =
            (self.constant_text(odd), &other.kind)
        {
            let function = other.kind.to_string();
            if crate::expr::parser::constant(&function, &text).is_some() {
                let mut call = format!("{function}(");
                // Writing to a text cannot fail.
                let _ = crate::expr::literal::write_text(&mut call, &text);
                call.push(')');
                message = format!("{message}; write {call}");
                edit = Some((self.span(odd.node), call));
            }
        } else if matches!((&odd.kind, &other.kind), (Type::List(_), _) | (_, Type::List(_))) {
            message.push_str("; ask `in`, `containsAll` or `containsAny`");
        } else if matches!(
            (&odd.kind, &other.kind),
            (Type::Date, Type::Timestamp) | (Type::Timestamp, Type::Date)
        ) {
            message.push_str("; write date(..) of the timestamp");
        } else if let (Some(text), true) =
            (self.constant_text(odd), other.kind.is_number() || other.kind.is_money())
            && text.parse::<crate::model::Decimal>().is_ok()
        {
            message = format!("{message}; write {text}");
            edit = Some((self.span(odd.node), text.to_string()));
        }
        self.edit_at(Code::E103, odd.node, message, edit)
    }
}

/// The type of a constant number beside a peer.
fn loose(literal: &Literal, peer: &Type) -> Option<Type> {
    match (literal, peer) {
        (Literal::Int(_), Type::Int | Type::Double | Type::Decimal { .. } | Type::Money { .. }) => {
            Some(peer.clone())
        }
        (Literal::Decimal(decimal), Type::Decimal { scale }) => {
            Some(Type::Decimal { scale: decimal.scale().max(*scale) })
        }
        (Literal::Decimal(decimal), Type::Money { currency, scale }) => {
            Some(Type::Money { currency: *currency, scale: decimal.scale().max(*scale) })
        }
        (_, Type::Int | Type::Double | Type::Decimal { .. }) => Some(Type::Double),
        _ => None,
    }
}

/// A constant number as a value of a type.
fn constant(literal: &Literal, to: &Type) -> Option<Cell> {
    match (literal, to) {
        (Literal::Int(int), Type::Int) => Some(Cell::Int(*int)),
        (_, Type::Double) => literal.to_f64().map(|double| Cell::Double(Bits::new(double))),
        (Literal::Decimal(decimal), Type::Decimal { scale } | Type::Money { scale, .. }) => {
            decimal.rescaled(*scale).map(|decimal| Cell::Wide(decimal.units()))
        }
        (Literal::Int(int), Type::Decimal { scale } | Type::Money { scale, .. }) => {
            let one = crate::expr::value::power(*scale);
            i128::from(*int).checked_mul(one).map(Cell::Wide)
        }
        _ => None,
    }
}

/// The type that two types widen to.
pub(super) fn widened(left: &Type, right: &Type) -> Option<Type> {
    match (left, right) {
        (Type::Decimal { scale: a }, Type::Decimal { scale: b }) => Some(Type::Decimal { scale: *a.max(b) }),
        (Type::Decimal { scale }, Type::Int) | (Type::Int, Type::Decimal { scale }) => {
            Some(Type::Decimal { scale: *scale })
        }
        (Type::Double, Type::Int | Type::Decimal { .. })
        | (Type::Int | Type::Decimal { .. }, Type::Double) => Some(Type::Double),
        (Type::Money { currency: a, scale: x }, Type::Money { currency: b, scale: y }) if a == b => {
            Some(Type::Money { currency: *a, scale: *x.max(y) })
        }
        (Type::Enum(a), Type::Enum(b)) if a != b => Some(Type::Text),
        (Type::Text, Type::Enum(_) | Type::Band(_)) | (Type::Enum(_) | Type::Band(_), Type::Text) => {
            Some(Type::Text)
        }
        (Type::MixedMoney, _) | (_, Type::MixedMoney) => None,
        (a, b) if a == b => Some(a.clone()),
        _ => None,
    }
}
