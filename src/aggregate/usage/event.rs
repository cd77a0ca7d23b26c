//! How does an event, or the sum of a day, come in?

use serde::{Deserialize, Serialize};

use crate::model::{Date, Timestamp, Value};

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    At(Timestamp),
    On(Date),
}

/// A row of usage: one event, several alike, or what a day came to. Borrows from the host.
///
/// ```
/// use perennial::aggregate::Event;
/// use perennial::Date;
///
/// // One event, from a stream.
/// let one = Event::at("export", "acme", "2026-01-31T09:30:00Z".parse()?).user("ann@acme.example").value("rows", 120_i64);
/// // A day as another system added it up.
/// let day = Event::on("export", "acme", Date::new(2026, 1, 30)?).user("ann@acme.example").count(7).value("rows", 900_i64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Event<'a> {
    pub(super) kind: &'a str,
    pub(super) account: &'a str,
    pub(super) when: When,
    pub(super) id: Option<&'a str>,
    pub(super) user: Option<&'a str>,
    pub(super) module: Option<&'a str>,
    pub(super) action: Option<&'a str>,
    pub(super) count: u32,
    pub(super) values: Vec<(&'a str, Value)>,
}

impl<'a> Event<'a> {
    const fn new(kind: &'a str, account: &'a str, when: When) -> Self {
        Self {
            kind,
            account,
            when,
            id: None,
            user: None,
            module: None,
            action: None,
            count: 1,
            values: Vec::new(),
        }
    }

    /// An event of a kind, at an instant, of an account at any level of the hierarchy. The account need not be in the
    /// book yet: its usage waits for it.
    pub const fn at(kind: &'a str, account: &'a str, instant: Timestamp) -> Self {
        Self::new(kind, account, When::At(instant))
    }

    /// What happened on a civil day in the zone of the usage, where the instant is not known.
    pub const fn on(kind: &'a str, account: &'a str, day: Date) -> Self {
        Self::new(kind, account, When::On(day))
    }

    /// With the id that its sender gave it: an event of the same id is counted once.
    pub const fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// Who did it. The same text is the same person, in every account and product.
    pub const fn user(mut self, user: &'a str) -> Self {
        self.user = Some(user);
        self
    }

    /// The module it happened in, the noun.
    pub const fn module(mut self, module: &'a str) -> Self {
        self.module = Some(module);
        self
    }

    /// What was done, the verb.
    pub const fn action(mut self, action: &'a str) -> Self {
        self.action = Some(action);
        self
    }

    /// How many events the row stands for: 1 unless it says so. A row of none is a fault.
    pub const fn count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// The value of a property, the same for each of the events; or of a measure, the total of the events.
    pub fn value(mut self, name: &'a str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }
}

/// A row of usage that borrows nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnedEvent {
    kind: String,
    account: String,
    when: When,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    count: u32,
    #[serde(with = "crate::model::pairs::named", default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<(String, Value)>,
}

impl OwnedEvent {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self {
            kind: event.kind.to_owned(),
            account: event.account.to_owned(),
            when: event.when,
            id: own(event.id),
            user: own(event.user),
            module: own(event.module),
            action: own(event.action),
            count: event.count,
            values: event.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    pub(crate) fn event(&self) -> Event<'_> {
        Event {
            kind: &self.kind,
            account: &self.account,
            when: self.when,
            id: self.id.as_deref(),
            user: self.user.as_deref(),
            module: self.module.as_deref(),
            action: self.action.as_deref(),
            count: self.count,
            values: self.values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect(),
        }
    }
}
