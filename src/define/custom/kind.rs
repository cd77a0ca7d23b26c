//! What does a host implement?

use std::fmt;
use std::sync::Arc;

use super::{Custom, CustomInputs};
use crate::define::Brought;
use crate::expr::{ExprValue, Type};

/// A kind of definition that the host brings: a pure function of what is read of one account.
///
/// Definitions of it ([`Custom`](super::Custom)) say which expressions, child rows, recorded days and parameters it is given, and stand beside all
/// others in a catalog: they are read by their names, maintained by an engine, explained, and stored with its journal.
///
/// ```
/// use perennial::aggregate::UsageSchema;
/// use perennial::catalog::{Catalog, Custom, CustomInput, CustomInputs, CustomKind, CustomOutput, Definition};
/// use perennial::expr::{ExprValue, Type};
/// use perennial::segment::Segment;
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope};
/// use std::sync::Arc;
///
/// /// Seats by the licences for them, with a word for it.
/// #[derive(Debug)]
/// struct Adoption;
///
/// impl CustomKind for Adoption {
///     fn word(&self) -> &str {
///         "adoption"
///     }
///     fn version(&self) -> u64 {
///         1
///     }
///     fn outputs(&self) -> Vec<CustomOutput> {
///         vec![CustomOutput::new("share", Type::Double), CustomOutput::new("level", Type::Text)]
///     }
///     fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
///         let number = |at: usize| match inputs.value(at) {
///             Some(ExprValue::Int(value)) => Some(*value as f64),
///             _ => None,
///         };
///         let share = number(0).zip(number(1)).map(|(seats, licences)| seats / licences);
///         let level = share.map(|share| if share < 0.5 { "low" } else { "high" });
///         vec![share.map(ExprValue::Double), level.map(|level| ExprValue::Text(level.into()))]
///     }
/// }
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .attribute(Attribute::new("licences", AttributeType::Int))
///     .build()?;
/// let row = AccountRow::new(AccountId::new("acme")?, "Company").with("seats", 3_i64).with("licences", 10_i64);
/// let (book, _) = Book::load(schema, &MemorySource::new().account(row), &Policy::strict())?;
///
/// let kind: Arc<dyn CustomKind> = Arc::new(Adoption);
/// let use_of = Custom::new("use", &kind).reading(CustomInput::value("seats")).reading(CustomInput::value("licences"));
/// let definitions: [Definition; 2] = [use_of.into(), Segment::parse("low", "use.level == 'low'")?.into()];
/// let catalog = Catalog::new(book.schema(), &UsageSchema::default(), definitions)?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let derived = catalog.run(&view, None, None);
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(derived.value("use.share", acme), Some(ExprValue::Double(0.3)));
/// assert!(derived.is_member("low", acme));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What implementors must guarantee
///
/// * The same inputs give the same outputs, whenever and on whatever thread they are asked; nothing else is read, no clock either.
/// * The same definition brings the same ([`CustomKind::brings`]).
/// * What an output may be is what [`CustomKind::outputs`] says, as long as the version is the same. A value of another type is
///   missing.
/// * It does not panic.
///
/// `testkit::custom_kind_conformance!` makes a test of each of these (feature `testkit`).
pub trait CustomKind: fmt::Debug + Send + Sync {
    /// The kind in documents and messages, such as `adoption`; it must not be the word of a kind of this library.
    fn word(&self) -> &str;

    /// The version of what is computed. A journal of another version is refused: count it when the same inputs would give other
    /// outputs.
    fn version(&self) -> u64;

    /// The outputs, in order: one without a name ([`CustomOutput::own`]), or at most
    /// [`MAX_CUSTOM_OUTPUTS`](super::MAX_CUSTOM_OUTPUTS) with names.
    fn outputs(&self) -> Vec<CustomOutput>;

    /// Why it cannot be given these inputs; nothing where it can.
    ///
    /// # Errors
    ///
    /// A sentence for whoever wrote the definition.
    fn check(&self, inputs: &[InputType]) -> Result<(), String> {
        let _ = inputs;
        Ok(())
    }

    /// Does it read the moment of the question ([`CustomInputs::as_of`])? Then it is recomputed whenever the moment changes.
    fn reads_moment(&self) -> bool {
        false
    }

    /// Does it ask the rates of days ([`CustomInputs::rate`])? Those of the state of an engine, or those that are given to
    /// [`Catalog::run_observed`](crate::catalog::Catalog::run_observed); it is recomputed when they change.
    fn reads_rates(&self) -> bool {
        false
    }

    /// The definitions that a definition of this kind brings with it, such as roll-ups for parents, which it can read as inputs. Their names
    /// are below the name of the definition (`use.below` of `use`), and there are at most [`MAX_BROUGHT`](super::MAX_BROUGHT) of them. They
    /// must be the same for the same definition, as long as the version is the same.
    ///
    /// It is asked of definitions that nobody has checked, as of those of a document, with any inputs or none: one that makes no
    /// sense brings nothing, or what is refused with it. Attributes are named by texts of the definition, so that they are renamed with it.
    /// A text that names a column below the definition has that name in backticks, which fit whatever the definition is called.
    fn brings(&self, of: &Custom) -> Vec<Brought> {
        let _ = of;
        Vec::new()
    }

    /// The outputs for one account, in their order; what is left out at the end is missing.
    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>>;
}

/// A column that definitions of a [`CustomKind`] give.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomOutput {
    pub(super) name: Option<Arc<str>>,
    pub(super) kind: Type,
}

impl CustomOutput {
    /// The column `definition.name`.
    #[must_use]
    pub fn new(name: &str, kind: Type) -> Self {
        Self { name: Some(Arc::from(name)), kind }
    }

    /// The one column of a definition, by its own name.
    #[must_use]
    pub const fn own(kind: Type) -> Self {
        Self { name: None, kind }
    }

    /// Its name; `None` where it has that of the definition.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> &Type {
        &self.kind
    }
}

/// What a [`CustomKind`] is given in place of an input.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InputType {
    /// A value.
    Value(Type),
    /// Rows of values.
    Rows(Vec<Type>),
    /// Days with values.
    Records(Type),
}
