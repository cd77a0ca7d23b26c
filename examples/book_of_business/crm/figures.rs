//! What does each account amount to?
//!
//! The totals of the plans, taken once into the shape that both outputs show.

use std::error::Error;

use perennial::aggregate::RollUpAnswers;
use perennial::expr::ExprValue;
use perennial::{Account, Money, Reach, View};
use serde::Serialize;
use serde::Serializer;

use super::load::{Loaded, figures};

/// Figures of one account: of itself, or of itself and everything below.
///
/// A sum of nothing is missing (`null` in JSON), as everywhere in the library; a count of nothing is 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Sum of the values of won deals.
    #[serde(serialize_with = "major_units")]
    pub won_value: Option<Money>,
    /// Sum of the list prices of open deals.
    #[serde(serialize_with = "major_units")]
    pub open_value: Option<Money>,
    pub won: i64,
    pub lost: i64,
    pub open: i64,
    /// Products of won deals, in the order of the schema.
    pub products: Vec<String>,
}

/// Both totals of every account.
#[derive(Debug)]
pub struct Results {
    own: RollUpAnswers,
    rolled_up: RollUpAnswers,
}

impl Results {
    pub fn new(loaded: &Loaded, view: &View) -> Result<Self, Box<dyn Error>> {
        let own = figures(&loaded.book, Reach::SelfOnly)?.run(view);
        let rolled_up = figures(&loaded.book, Reach::SelfAndDescendants)?.run(view);
        Ok(Self { own, rolled_up })
    }

    /// The account alone.
    pub fn own(&self, account: Account<'_>) -> Figures {
        Figures::read(&self.own, account)
    }

    /// The account and everything below it.
    pub fn rolled_up(&self, account: Account<'_>) -> Figures {
        Figures::read(&self.rolled_up, account)
    }
}

impl Figures {
    fn read(totals: &RollUpAnswers, account: Account<'_>) -> Self {
        let value = |name| totals.value(name, account);
        let money = |name| value(name).and_then(|value| value.as_money());
        let count = |name| value(name).and_then(|value| value.as_int()).unwrap_or(0);
        let products = value("owned");
        let products = products.as_ref().and_then(ExprValue::as_record).unwrap_or_default();
        let products = products.iter().filter(|(_, count)| count.as_int() > Some(0));
        let products = products.map(|(product, _)| product.to_string()).collect();
        Self {
            won_value: money("won_value"),
            open_value: money("open_value"),
            won: count("won"),
            lost: count("lost"),
            open: count("open"),
            products,
        }
    }

    /// Won deals among those that are decided.
    #[expect(clippy::cast_precision_loss, reason = "a share for showing")]
    pub fn win_rate(&self) -> Option<f64> {
        let decided = self.won + self.lost;
        (decided > 0).then(|| self.won as f64 / decided as f64)
    }
}

// JSON has one kind of number. The nearest double is exact to the cent far beyond these amounts.
#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn major_units<S: Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    money.map(|money| money.major().to_f64()).serialize(serializer)
}
