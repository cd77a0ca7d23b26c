//! How is a part of a view drawn, coloured by what is known of each account?

use std::cmp::Ordering;
use std::fmt;

use super::{Account, View};
use crate::model::{AccountIdx, Attribute, AttributeId, Value, nearest};
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
    /// The values of an attribute, by name: numbers, dates and bands in their order, allowed values in the
    /// order of the schema, anything else by its text.
    Attribute(String),
}

impl ColourBy {
    /// By the attribute of this name.
    #[must_use]
    pub fn attribute(name: &str) -> Self {
        Self::Attribute(name.to_owned())
    }
}

/// A name that no attribute of the schema has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown attribute `{name}`{}", hint.as_ref().map_or_else(String::new, |hint| format!("; did you mean `{hint}`?")))]
pub struct UnknownAttribute {
    name: String,
    hint: Option<String>,
}

impl UnknownAttribute {
    /// The name that was asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the schema that was probably meant.
    #[must_use]
    pub fn nearest(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl View {
    /// Draws visible accounts and what stands below them, with what `label` says of each.
    ///
    /// Further declared parents ([`Account::extra_parents`]) are dashed lines. Places that the view does not
    /// show are left out, and nothing outside the scope is drawn, coloured or counted.
    ///
    /// # Errors
    ///
    /// [`UnknownAttribute`] when colours are asked for an attribute that the schema does not declare.
    ///
    /// # Complexity
    ///
    /// O(accounts below the tops) for the counts of what is left out, and a look-up or two for each account
    /// drawn.
    ///
    /// ```
    /// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope, source::MemorySource};
    /// use perennial::{Attribute, AttributeType, ColourBy, DiagramLimits};
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
    /// let (limits, plan) = (DiagramLimits::default(), ColourBy::attribute("plan"));
    /// let diagram = view.diagram(tops, &limits, &plan, |account| account.name())?;
    /// assert!(diagram.to_mermaid().starts_with("flowchart TD\n    n0[\"acme\"]:::c0\n"));
    /// assert!(diagram.to_dot().starts_with("digraph {\n"));
    ///
    /// let wrong = view.diagram([], &limits, &ColourBy::attribute("plam"), |account| account.name());
    /// assert_eq!(wrong.unwrap_err().to_string(), "unknown attribute `plam`; did you mean `plan`?");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diagram(
        &self,
        tops: impl IntoIterator<Item = AccountIdx>,
        limits: &DiagramLimits,
        colour: &ColourBy,
        label: impl Fn(Account<'_>) -> String,
    ) -> Result<TreeDiagram<AccountIdx>, UnknownAttribute> {
        let attribute = match colour {
            ColourBy::Attribute(name) => Some((name, self.attribute_named(name)?)),
            _ => None,
        };
        let tops: Vec<AccountIdx> = tops.into_iter().filter(|top| self.at(*top).is_some()).collect();
        // Every drawn place was seen to exist.
        let at = |place| Account::new(self, place);
        let diagram = TreeDiagram::new(self, &tops, limits, |place| label(at(place)));
        let diagram = diagram.linked_to(|place| self.extra_parents_of(place).collect());
        Ok(match (colour, attribute) {
            (_, Some((name, id))) => {
                diagram.coloured_by(name, |place| Some(self.shade(id, &at(place).value_at(id)?)))
            }
            (ColourBy::AccountType, _) => diagram.coloured_by("account type", |place| {
                let account = at(place);
                Some(Shade::nth(account.type_id().index(), account.account_type()))
            }),
            (ColourBy::Product, _) => diagram.coloured_by("product", |place| {
                let product = at(place).product()?;
                Some(Shade::nth(self.schema().product(product)?.index(), product))
            }),
            _ => diagram,
        })
    }

    fn attribute_named(&self, name: &str) -> Result<AttributeId, UnknownAttribute> {
        self.schema().attribute(name).ok_or_else(|| {
            let known = self.schema().attributes().map(Attribute::name);
            UnknownAttribute { name: name.to_owned(), hint: nearest(name, known).map(str::to_owned) }
        })
    }

    fn shade(&self, attribute: AttributeId, value: &Value) -> Shade {
        let place = match value {
            Value::Band { rank, .. } => f64::from(*rank),
            Value::Enum(text) => {
                let values = self.schema().attribute_at(attribute).and_then(|known| known.kind().values());
                values.and_then(|values| values.code(text)).map_or(f64::INFINITY, f64::from)
            }
            // The texts of dates and instants sort as they do.
            other => other.to_f64().unwrap_or_default(),
        };
        Shade { place, text: value.to_string() }
    }
}

/// A value as it is sorted and shown in a legend: by place, then by text.
struct Shade {
    place: f64,
    text: String,
}

impl Shade {
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
