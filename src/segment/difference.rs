//! Who entered a segment, who left it, who stayed?

use serde::{Deserialize, Serialize};

use super::Memberships;
use crate::book::View;
use crate::model::AccountId;
use crate::model::DocumentVersion;
use crate::set::AccountSet;

/// How the members of a segment differ, between two books, two dates or two definitions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Difference {
    v: DocumentVersion,
    /// Who is in now and was not before, by id.
    pub entered: Vec<AccountId>,
    /// Who was in before and is not now, by id.
    pub left: Vec<AccountId>,
    /// How many were in before and are now.
    pub stayed: usize,
}

/// A difference does not fit the members that it is applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this difference is not one from these members: {} entered who are in, {} left who are not", entered.len(), left.len())]
#[non_exhaustive]
pub struct Unapplicable {
    /// Who entered and was in already.
    pub entered: Vec<AccountId>,
    /// Who left and was not in.
    pub left: Vec<AccountId>,
}

impl Difference {
    /// Between two lists of members in order of id, each once.
    fn between(before: &[AccountId], now: &[AccountId]) -> Self {
        let mut found = Self::default();
        let (mut old, mut new) = (before.iter().peekable(), now.iter().peekable());
        loop {
            match (old.peek(), new.peek()) {
                (Some(a), Some(b)) if a == b => {
                    found.stayed += 1;
                    old.next();
                    new.next();
                }
                (Some(a), Some(b)) if a < b => found.left.extend(old.next().cloned()),
                (_, Some(_)) => found.entered.extend(new.next().cloned()),
                (Some(_), None) => found.left.extend(old.next().cloned()),
                (None, None) => return found,
            }
        }
    }

    /// Does nothing differ?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entered.is_empty() && self.left.is_empty()
    }

    /// The members after it, of those before it; both by id.
    ///
    /// # Errors
    ///
    /// [`Unapplicable`] when somebody entered who was in, or left who was not.
    pub fn apply(&self, before: &[AccountId]) -> Result<Vec<AccountId>, Unapplicable> {
        let contains = |id: &&AccountId| before.binary_search(id).is_ok();
        let entered: Vec<AccountId> = self.entered.iter().filter(contains).cloned().collect();
        let left: Vec<AccountId> = self.left.iter().filter(|id| !contains(id)).cloned().collect();
        if !entered.is_empty() || !left.is_empty() {
            return Err(Unapplicable { entered, left });
        }
        let stayed = before.iter().filter(|id| self.left.binary_search(id).is_err());
        let mut now: Vec<AccountId> = stayed.chain(&self.entered).cloned().collect();
        now.sort_unstable();
        Ok(now)
    }
}

/// The ids of a set, in order.
fn ids(view: &View, set: &AccountSet) -> Vec<AccountId> {
    let mut ids: Vec<AccountId> = set.iter().filter_map(|place| view.id(place)).collect();
    ids.sort_unstable();
    ids
}

impl Memberships {
    /// The ids of the accounts in a segment, in order; `None` for an unknown segment.
    #[must_use]
    pub fn ids(&self, id: &str) -> Option<Vec<AccountId>> {
        self.members(id).map(|members| ids(self.view(), &members))
    }

    /// Who entered a segment, left it and stayed, since other memberships: of another book, another date, other
    /// definitions. An account that is not visible in one of them is not in its segments. `None` where one of them does
    /// not know the segment.
    ///
    /// ```
    /// use perennial::segment::{Segment, Segments};
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
    /// };
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("renewal", AttributeType::Date))
    ///     .build()?;
    /// let row = AccountRow::new(AccountId::new("acme")?, "Company").with("renewal", Date::new(2026, 5, 1)?);
    /// let (book, _report) = Book::load(schema, &MemorySource::new().account(row), &Policy::strict())?;
    /// let due = Segments::new(&**book.schema(), [Segment::parse("due", "renewal.inNext(30, 'days')")?])?;
    /// let plan = due.plan();
    ///
    /// let on = |day| Ok::<_, Box<dyn std::error::Error>>(book.view(&Scope::all(), AsOf::date_utc(day))?);
    /// let (january, april) = (on(Date::new(2026, 1, 31)?)?, on(Date::new(2026, 4, 15)?)?);
    /// let difference = plan.run(&april)?.difference(&plan.run(&january)?, "due").ok_or("no such segment")?;
    /// assert_eq!(difference.entered, [AccountId::new("acme")?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    ///
    /// A word operation for 64 accounts where both are of one layout of a book, and as many ids as differ; else
    /// O(members × log).
    #[must_use]
    pub fn difference(&self, before: &Self, id: &str) -> Option<Difference> {
        let (now, then) = (self.members(id)?, before.members(id)?);
        let both = (now.difference(&then), then.difference(&now), now.intersection(&then));
        Some(match both {
            (Ok(entered), Ok(left), Ok(stayed)) => Difference {
                v: DocumentVersion,
                entered: ids(self.view(), &entered),
                left: ids(before.view(), &left),
                stayed: stayed.len(),
            },
            _ => Difference::between(&ids(before.view(), &then), &ids(self.view(), &now)),
        })
    }
}
