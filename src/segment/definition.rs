//! What is a segment?

use std::sync::Arc;

use crate::expr::{Ast, ExprErrors};

/// A named yes/no question over accounts, as a user wrote it.
///
/// ```
/// use perennial::segment::Segment;
///
/// let large = Segment::parse("large", "arr > 50000 && region == 'EMEA'")?
///     .named("Large in EMEA")
///     .described("Who gets a quarterly business review")
///     .owned_by("kim")
///     .at_version(3);
/// assert_eq!(large.expression().to_string(), "arr > 50000 && region == \"EMEA\"");
/// # Ok::<(), perennial::expr::ExprErrors>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    pub(super) id: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) description: Option<Arc<str>>,
    pub(super) owner: Option<Arc<str>>,
    pub(super) version: u64,
    pub(super) expression: Ast,
}

impl Segment {
    /// A segment of an expression, named by its id, at version 1.
    #[must_use]
    pub fn new(id: &str, expression: Ast) -> Self {
        let id: Arc<str> = Arc::from(id);
        Self { name: id.clone(), id, description: None, owner: None, version: 1, expression }
    }

    /// A segment of a text.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn parse(id: &str, text: &str) -> Result<Self, ExprErrors> {
        Ast::parse(text).map(|expression| Self::new(id, expression))
    }

    /// The name that people read.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    /// What it is for.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        self.description = Some(Arc::from(description));
        self
    }

    /// Whose it is: the host's user id.
    #[must_use]
    pub fn owned_by(mut self, owner: &str) -> Self {
        self.owner = Some(Arc::from(owner));
        self
    }

    /// The version of the definition, which the host counts.
    #[must_use]
    pub const fn at_version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// Its id: what `inSegment("id")` names.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that people read; its id where it was given none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The version of the definition.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Its question.
    #[must_use]
    pub const fn expression(&self) -> &Ast {
        &self.expression
    }
}
