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
    pub(super) is_account_set: bool,
}

impl Segment {
    /// A segment of an expression, named by its id, at version 1.
    #[must_use]
    pub fn new(id: &str, expression: Ast) -> Self {
        let id: Arc<str> = Arc::from(id);
        Self {
            name: id.clone(),
            id,
            description: None,
            owner: None,
            version: 1,
            expression,
            is_account_set: false,
        }
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

    /// Makes it an account set, which says who may see what: it is evaluated over the whole book for every viewer, and makes scopes only
    /// (ruling S26 of [`docs::semantics`](crate::docs::semantics)). Only other account sets read it, no list names it, and in a scope it
    /// is not visible. [`Published::scope_of`](crate::engine::Published::scope_of) and
    /// [`Derived::scope_of`](crate::catalog::Derived::scope_of) give its scope, that of the viewer where it reads a parameter.
    ///
    /// ```
    /// use perennial::catalog::{Parameter, ParameterType};
    /// use perennial::engine::{Engine, EngineSettings};
    /// use perennial::segment::Segment;
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Date, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("manager", AttributeType::Text))
    ///     .build()?;
    /// let as_of = AsOf::date_utc(Date::new(2026, 1, 31)?);
    /// let engine = Engine::new(schema, as_of.clone(), EngineSettings::new())?;
    /// let row = |id: &str, manager: &str| {
    ///     AccountId::new(id).map(|id| AccountRow::new(id, "Company").with("manager", manager))
    /// };
    /// engine.load(&MemorySource::new().account(row("acme", "kim")?).account(row("globex", "lee")?))?;
    /// let mine = Segment::parse("mine", "manager == viewer")?.account_set();
    /// engine.define([Parameter::new("viewer", ParameterType::Text).into(), mine.into()])?;
    ///
    /// let state = engine.published();
    /// let scope = state.scope_of("mine", &as_of.with_parameter("viewer", "kim")).ok_or("no such set")?;
    /// let view = state.view(&scope)?;
    /// assert!(view.account("acme").is_some() && view.account("globex").is_none());
    /// assert_eq!(view.segment("mine"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn account_set(mut self) -> Self {
        self.is_account_set = true;
        self
    }

    /// Is it an account set?
    #[must_use]
    pub const fn is_account_set(&self) -> bool {
        self.is_account_set
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
