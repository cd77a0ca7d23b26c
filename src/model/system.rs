//! Which attributes does every platform of this kind know?
//!
//! Their names, types and documentation, so that a host declares them with one call and later layers
//! (health, revenue, teams) find them without being told. `id`, `parent`, `account_type` and `product`
//! are the account's structure and need no declaration.

use super::{Attribute, AttributeType, Currency, EnumValues};

/// The usual attributes of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SystemAttribute {
    /// The display name (text).
    Name,
    /// The contract status (enumeration; each value in a [`StatusGroup`](super::StatusGroup)).
    Status,
    /// The day the account was created.
    CreateDate,
    /// The first day of the current contract.
    ContractStartDate,
    /// The day the current contract renews.
    ContractRenewalDate,
    /// The day the account cancelled.
    CancellationDate,
    /// The last day of a trial.
    TrialExpirationDate,
    /// The value of the current contract (money). It has no period; declare ARR or MRR as attributes of
    /// your own.
    ContractValue,
    /// Licences bought (whole number).
    Licenses,
    /// The stage of the customer journey (enumeration).
    JourneyStage,
    /// The customer success manager (text: the host's user id).
    SuccessManager,
    /// The sales manager (text: the host's user id).
    SalesManager,
}

impl SystemAttribute {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Name,
        Self::Status,
        Self::CreateDate,
        Self::ContractStartDate,
        Self::ContractRenewalDate,
        Self::CancellationDate,
        Self::TrialExpirationDate,
        Self::ContractValue,
        Self::Licenses,
        Self::JourneyStage,
        Self::SuccessManager,
        Self::SalesManager,
    ];

    /// The attribute's name in schemas, sources and expressions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Status => "status",
            Self::CreateDate => "create_date",
            Self::ContractStartDate => "contract_start_date",
            Self::ContractRenewalDate => "contract_renewal_date",
            Self::CancellationDate => "cancellation_date",
            Self::TrialExpirationDate => "trial_expiration_date",
            Self::ContractValue => "contract_value",
            Self::Licenses => "licenses",
            Self::JourneyStage => "journey_stage",
            Self::SuccessManager => "success_manager",
            Self::SalesManager => "sales_manager",
        }
    }

    /// The system attribute with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// Its declaration, where it needs nothing from the host. `None` for the three that do: status
    /// (values and groups), contract value (a currency), journey stage (the stages).
    #[must_use]
    pub fn attribute(self) -> Option<Attribute> {
        let kind = match self {
            Self::Name | Self::SuccessManager | Self::SalesManager => AttributeType::Text,
            Self::CreateDate
            | Self::ContractStartDate
            | Self::ContractRenewalDate
            | Self::CancellationDate
            | Self::TrialExpirationDate => AttributeType::Date,
            Self::Licenses => AttributeType::Int,
            Self::Status | Self::ContractValue | Self::JourneyStage => return None,
        };
        let attribute = Attribute::new(self.name(), kind);
        Some(if self == Self::Licenses { attribute.unit("licences") } else { attribute })
    }

    pub(super) fn contract_value(currency: Currency) -> Attribute {
        Attribute::new(Self::ContractValue.name(), AttributeType::Money(currency))
    }

    pub(super) fn journey_stage(stages: EnumValues) -> Attribute {
        Attribute::new(Self::JourneyStage.name(), AttributeType::Enum(stages))
    }

    pub(super) fn status(values: EnumValues) -> Attribute {
        Attribute::new(Self::Status.name(), AttributeType::Enum(values))
    }

    // Whether a host's own declaration of that name has the type that later layers expect.
    pub(super) fn fits(self, kind: &AttributeType) -> bool {
        match self {
            Self::Status | Self::JourneyStage => matches!(kind, AttributeType::Enum(_)),
            Self::ContractValue => matches!(kind, AttributeType::Money(_)),
            other => other.attribute().is_some_and(|own| own.kind == *kind),
        }
    }
}
