//! How is everything told that is wrong, at once?

use std::{error, fmt, slice, vec};

/// Most faults of one list: a hostile document must not fill memory with its faults.
const MAX_FAULTS: usize = 1_000;

/// Everything that is wrong with something, in its order; further faults are counted.
///
/// This is the error of whatever is checked as a whole: schemas, changes, mappings, definitions, documents. Its `Display` is
/// that of the faults, one below the other, with a last line for those that were only counted.
///
/// ```
/// use perennial::report::SchemaFault;
/// use perennial::{Attribute, AttributeType, Faults, Nesting, Schema};
///
/// let score = || Attribute::new("score", AttributeType::Decimal { scale: 12 });
/// let schema = Schema::builder().account_type("Company", Nesting::Free).attribute(score()).attribute(score());
/// let errors: Faults<SchemaFault> = schema.build().unwrap_err();
/// assert_eq!((errors.faults().len(), errors.more()), (3, 0));
/// assert_eq!(errors.to_string().lines().last(), Some("at `/attributes/1`: `score` is declared twice"));
/// ```
#[derive(Debug, Clone)]
pub struct Faults<F> {
    // INVARIANT: there is one at least, described or counted, once it is given away as an error.
    list: Vec<F>,
    more: usize,
    limit: usize,
}

impl<F> Faults<F> {
    /// The faults, in the order of what is at fault.
    #[must_use]
    pub fn faults(&self) -> &[F] {
        &self.list
    }

    /// How many there are beyond those that are described.
    #[must_use]
    pub const fn more(&self) -> usize {
        self.more
    }

    /// The faults one by one.
    pub fn iter(&self) -> slice::Iter<'_, F> {
        self.list.iter()
    }

    pub(crate) const fn new(faults: Vec<F>) -> Self {
        Self { list: faults, more: 0, limit: MAX_FAULTS }
    }

    pub(crate) fn one(fault: F) -> Self {
        Self::new(vec![fault])
    }

    /// Nothing is wrong so far.
    pub(crate) const fn none() -> Self {
        Self::within(MAX_FAULTS)
    }

    /// As [`Faults::none`], of which at most `limit` are described.
    pub(crate) const fn within(limit: usize) -> Self {
        Self { list: Vec::new(), more: 0, limit }
    }

    /// How many there are, described or not.
    pub(crate) const fn count(&self) -> usize {
        self.list.len() + self.more
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.list.len() >= self.limit
    }

    /// The faults that were found after so many.
    pub(crate) fn since(&mut self, known: usize) -> slice::IterMut<'_, F> {
        self.list.get_mut(known..).unwrap_or_default().iter_mut()
    }

    /// Adds a fault, which is not made where there are too many already.
    pub(crate) fn add(&mut self, fault: impl FnOnce() -> F) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.list.push(fault());
        }
    }

    /// Adds all faults of another list, as what they are here.
    pub(crate) fn append<G>(&mut self, others: Faults<G>, mut of: impl FnMut(G) -> F) {
        self.more += others.more;
        others.into_iter().for_each(|other| self.add(|| of(other)));
    }

    /// Puts them in order by `key`; faults of the same key stay in the order in which they were found.
    pub(crate) fn sorted_by<K: Ord>(mut self, key: impl Fn(&F) -> K) -> Self {
        self.list.sort_by_cached_key(key);
        self
    }

    /// What was made, unless something is wrong.
    pub(crate) fn or<T>(self, made: Option<T>) -> Result<T, Self> {
        match made {
            Some(made) if self.is_empty() => Ok(made),
            _ => Err(self),
        }
    }
}

/// The same faults, however many there might have been.
impl<F: PartialEq> PartialEq for Faults<F> {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list && self.more == other.more
    }
}

impl<F: Eq> Eq for Faults<F> {}

impl<F> IntoIterator for Faults<F> {
    type Item = F;
    type IntoIter = vec::IntoIter<F>;

    fn into_iter(self) -> vec::IntoIter<F> {
        self.list.into_iter()
    }
}

impl<'f, F> IntoIterator for &'f Faults<F> {
    type Item = &'f F;
    type IntoIter = slice::Iter<'f, F>;

    fn into_iter(self) -> slice::Iter<'f, F> {
        self.iter()
    }
}

impl<F: fmt::Display> fmt::Display for Faults<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.list.iter().enumerate() {
            write!(f, "{}{fault}", if place > 0 { "\n" } else { "" })?;
        }
        if self.more > 0 { write!(f, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl<F: fmt::Debug + fmt::Display> error::Error for Faults<F> {}

#[cfg(test)]
mod tests {
    use super::Faults;

    #[test]
    fn what_is_past_the_limit_is_counted_wherever_it_came_from() {
        let list = |faults: u8, limit| {
            let mut list = Faults::within(limit);
            (0..faults).for_each(|fault| list.add(|| fault));
            list
        };
        let mut all = list(3, 4);
        // Five faults, of which two are told.
        all.append(list(5, 2), |fault| fault + 10);
        assert_eq!(all.faults(), [0, 1, 2, 10]);
        assert_eq!((all.more(), all.count()), (4, 8));
        // The same faults, whatever the limit was.
        assert_eq!(list(2, 9), list(2, 5));
        assert_ne!(list(3, 2), list(2, 2));
    }
}
