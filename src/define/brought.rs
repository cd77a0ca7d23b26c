//! What may a definition bring with it?

use serde_json::{Value as Json, json};

use crate::aggregate::{Ranking, RollUp};
use crate::define::{CalculatedAttribute, Define, Kind, PastValue};

/// A definition that another one brings with it: it is defined as long as that one is, and is part of it wherever definitions are
/// listed, stored, edited or at fault. Its name is below the name of that one: `health` may bring `health.below`.
///
/// Metrics, segments, parameters and definitions of a host's kind cannot be brought.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Brought {
    /// A named expression.
    Attribute(CalculatedAttribute),
    /// The value that a column had some days ago.
    Past(PastValue),
    /// A roll-up.
    RollUp(RollUp),
    /// A place among peers.
    Ranking(Ranking),
}

impl Brought {
    fn as_define(&self) -> &dyn Define {
        match self {
            Self::Attribute(of) => of,
            Self::Past(of) => of,
            Self::RollUp(of) => of,
            Self::Ranking(of) => of,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.as_define().name()
    }

    /// What it is and says, as it would be stored.
    pub(crate) fn to_json(&self) -> Json {
        let code = match self {
            Self::Attribute(_) => CalculatedAttribute::CODE,
            Self::Past(_) => PastValue::CODE,
            Self::RollUp(_) => RollUp::CODE,
            Self::Ranking(_) => Ranking::CODE,
        };
        json!({ code: self.as_define().to_json() })
    }
}

macro_rules! brought {
    ($($kind:ident => $variant:ident;)*) => {
        $(impl From<$kind> for Brought {
            fn from(of: $kind) -> Self {
                Self::$variant(of)
            }
        })*
    };
}

brought! {
    CalculatedAttribute => Attribute;
    PastValue => Past;
    RollUp => RollUp;
    Ranking => Ranking;
}
