//! How is a part of a hierarchy drawn, coloured by what is known of each account?

use std::cmp::Ordering;
use std::fmt;

use crate::book::Account;
use crate::expr::{Columns, ExprValue, Names, Of, Type};
use crate::model::{AccountIdx, nearest};
use crate::tree::{DiagramLimits, TreeDiagram};

/// What the colours of a diagram show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColourBy {
    /// Nothing; there is no legend of values.
    Nothing,
    /// The account type, in the order of the schema.
    AccountType,
    /// The product, in the order of the schema; accounts without one have no value.
    Product,
    /// The values of an attribute or a derived column, by name: numbers, dates and bands in their order, allowed values in the
    /// order of the schema, anything else by its text.
    Column(String),
    /// Who is in a segment.
    Segment(String),
}

impl ColourBy {
    /// By the attribute or derived column of this name.
    #[must_use]
    pub fn column(name: &str) -> Self {
        Self::Column(name.to_owned())
    }

    /// By the members of this segment.
    #[must_use]
    pub fn segment(id: &str) -> Self {
        Self::Segment(id.to_owned())
    }
}

/// Colours are asked for a column or a segment that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`{}", hint.as_ref().map_or_else(String::new, |hint| format!("; did you mean `{hint}`?")))]
pub struct UnknownColour {
    what: &'static str,
    name: String,
    hint: Option<String>,
}

impl UnknownColour {
    /// The name that was asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attribute of the schema that was probably meant.
    #[must_use]
    pub fn nearest(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl Columns<'_> {
    /// Draws visible accounts and what stands below them, with what `label` says of each.
    ///
    /// Further declared parents ([`Account::extra_parents`]) are dashed lines. Places that the view does not
    /// show are left out, and nothing outside the scope is drawn, coloured or counted.
    ///
    /// # Errors
    ///
    /// [`UnknownColour`] when colours are asked for a column or a segment that is not known.
    ///
    /// # Complexity
    ///
    /// O(accounts below the tops) for the counts of what is left out, and a look-up or two for each account
    /// drawn.
    ///
    /// ```
    /// use perennial::expr::Columns;
    /// use perennial::segment::ColourBy;
    /// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope, source::MemorySource};
    /// use perennial::hierarchy::DiagramLimits;
    /// use perennial::{Attribute, AttributeType};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("plan", AttributeType::Text))
    ///     .build()?;
    /// let acme = AccountId::new("acme")?;
    /// let source = MemorySource::new()
    ///     .account(AccountRow::new(acme.clone(), "Company").with("plan", "gold"))
    ///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme));
    /// let (book, _) = Book::load(schema, &source, &Policy::strict())?;
    ///
    /// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    /// let tops = view.root_accounts().into_iter().map(|top| top.place());
    /// let (limits, plan) = (DiagramLimits::default(), ColourBy::column("plan"));
    /// let diagram = Columns::from(&view).diagram(tops, &limits, &plan, |account| account.name())?;
    /// assert!(diagram.to_mermaid().starts_with("flowchart TD\n    n0[\"acme\"]:::c0\n"));
    /// assert!(diagram.to_dot().starts_with("digraph {\n"));
    ///
    /// let wrong = Columns::from(&view).diagram([], &limits, &ColourBy::column("plam"), |account| account.name());
    /// assert_eq!(wrong.unwrap_err().to_string(), "unknown column `plam`; did you mean `plan`?");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diagram(
        &self,
        tops: impl IntoIterator<Item = AccountIdx>,
        limits: &DiagramLimits,
        colour: &ColourBy,
        label: impl Fn(Account<'_>) -> String,
    ) -> Result<TreeDiagram<AccountIdx>, UnknownColour> {
        let view = self.view();
        let kind = match colour {
            ColourBy::Column(name) => Some(self.kind(name).ok_or_else(|| self.unknown("column", name))?),
            ColourBy::Segment(id) if !self.has_segment(id) => return Err(self.unknown("segment", id)),
            _ => None,
        };
        let tops: Vec<AccountIdx> = tops.into_iter().filter(|top| view.at(*top).is_some()).collect();
        // Every drawn place was seen to exist.
        let at = |place| Account::new(view, place);
        let diagram = TreeDiagram::new(view, &tops, limits, |place| label(at(place)));
        let diagram = diagram.linked_to(|place| view.extra_parents_of(place).collect());
        Ok(match (colour, kind) {
            (ColourBy::Column(name), Some(kind)) => {
                diagram.coloured_by(name, |place| Some(Shade::of(&self.value(name, at(place))?, &kind)))
            }
            (ColourBy::Segment(id), _) => diagram.coloured_by(id, |place| {
                let is_in = self.is_member(id, at(place));
                Some(Shade::nth(usize::from(!is_in), if is_in { "in" } else { "not in" }))
            }),
            (ColourBy::AccountType, _) => diagram.coloured_by("account type", |place| {
                let account = at(place);
                Some(Shade::nth(account.type_id().index(), account.account_type()))
            }),
            (ColourBy::Product, _) => diagram.coloured_by("product", |place| {
                let product = at(place).product()?;
                Some(Shade::nth(view.schema().product(product)?.index(), product))
            }),
            _ => diagram,
        })
    }

    fn unknown(&self, what: &'static str, name: &str) -> UnknownColour {
        let mut known: Vec<String> = Vec::new();
        if what == "column" {
            Names::each(&**self.view().schema(), Of::Account, &mut |name| known.push(name.to_owned()));
        }
        let hint = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        UnknownColour { what, name: name.to_owned(), hint }
    }
}

/// A value as it is sorted and shown in a legend: by place, then by text.
struct Shade {
    place: f64,
    text: String,
}

impl Shade {
    fn of(value: &ExprValue, kind: &Type) -> Self {
        let place = match (value, kind) {
            (ExprValue::Text(text), Type::Band(values) | Type::Enum(values)) => {
                values.code(text).map_or(f64::INFINITY, f64::from)
            }
            (ExprValue::Double(v), _) => *v,
            (ExprValue::Int(v), _) => v.to_string().parse().unwrap_or_default(),
            (ExprValue::Decimal(v) | ExprValue::Money(v, _), _) => v.to_f64(),
            (ExprValue::Bool(v), _) => f64::from(u8::from(*v)),
            // The texts of dates and instants sort as they do.
            _ => 0.0,
        };
        Self { place, text: value.to_string() }
    }

    // Places in a schema are far below the numbers that a double no longer tells apart.
    fn nth(place: usize, text: &str) -> Self {
        Self { place: f64::from(u32::try_from(place).unwrap_or(u32::MAX)), text: text.to_owned() }
    }
}

impl Ord for Shade {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.total_cmp(&other.place).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Shade {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Shade {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Shade {}

impl fmt::Display for Shade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
