//! Where in a document is a value?

use std::fmt;

/// Bytes of a name in a place, at most: no field that is read has more.
const MAX_STEP: usize = 256;

/// The place of a value: a step below the place of what holds it. Nothing is allocated before a fault is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'p> {
    above: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    /// From the document to here, as a JSON pointer.
    Pointer(&'p str),
    Field(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    /// The document as a whole.
    pub(crate) const ROOT: Self = Self::at("");

    /// Where a JSON pointer leads.
    pub(crate) const fn at(pointer: &'p str) -> Self {
        Self { above: None, step: Step::Pointer(pointer) }
    }

    /// The field of an object here.
    pub(crate) const fn field(&'p self, name: &'p str) -> Self {
        Self { above: Some(self), step: Step::Field(name) }
    }

    /// The item of a list here, counted from 0.
    pub(crate) const fn item(&'p self, number: usize) -> Self {
        Self { above: Some(self), step: Step::Item(number) }
    }
}

/// As a JSON pointer (RFC 6901): `/attributes/3/values`; empty for the document as a whole. It ends before a name that is longer than
/// [`MAX_STEP`], so that it leads to a value, and a hostile document does not fill memory with its places.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::new();
        let mut next = Some(self);
        while let Some(place) = next {
            steps.push(place.step);
            next = place.above;
        }
        let is_short = |step: &&Step<'_>| !matches!(step, Step::Field(name) if name.len() > MAX_STEP);
        steps.iter().rev().take_while(is_short).try_for_each(|step| match step {
            Step::Pointer(pointer) => f.write_str(pointer),
            Step::Field(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Item(number) => write!(f, "/{number}"),
        })
    }
}

/// A place in front of a message: nothing for the document as a whole.
pub(crate) struct At<'p>(pub(crate) &'p str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "at `{}`: ", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_a_json_pointer() {
        let (list, odd) = (Place::ROOT.field("args"), Place::at("/expr"));
        assert_eq!(Place::ROOT.to_string(), "");
        assert_eq!(list.item(3).field("a/b~c").to_string(), "/args/3/a~1b~0c");
        assert_eq!(odd.field("").to_string(), "/expr/");
        // It leads to what holds the field.
        let long = "x".repeat(1_000);
        assert_eq!(list.field(&long).item(2).to_string(), "/args");
    }
}
