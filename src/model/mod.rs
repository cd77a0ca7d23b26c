//! What is an account, a value, an amount, a day?
//!
//! The vocabulary of the crate: ids, typed values, money, civil dates, the moment a question is asked
//! at, the schema a host declares, and the records it hands in. Nothing here knows how values are
//! stored, who is under whom, or what is asked.

mod as_of;
mod attribute;
mod business_calendar;
mod currency;
mod date;
mod decimal;
mod document_version;
mod event_kind;
mod faults;
mod fiscal;
mod grouped;
mod id;
mod invisible;
mod json;
pub mod limits;
mod money;
mod nearest;
mod observer;
mod rates;
mod record;
mod retyped;
mod rfc3339;
mod salesforce;
mod schema;
mod schema_builder;
mod schema_change;
mod schema_check;
mod schema_fault;
mod schema_json;
mod status;
mod succession;
mod system;
mod table;
mod time;
mod value;
mod value_json;
mod week_calendar;
mod wide;
#[cfg(feature = "chrono")]
mod with_chrono;
#[cfg(feature = "jiff_1")]
mod with_jiff;
mod withdrawn_currency;
mod zones;

pub use as_of::{AsOf, FixedZone, Weekday, Zone};
pub use attribute::{Attribute, AttributeType, CaseRule, EnumValues};
pub use business_calendar::{BusinessCalendar, BusinessDayError};
pub use currency::{Currency, UnknownCurrency};
pub use date::{Date, DateError};
pub(crate) use date::{civil_from_days, day_of_year0};
pub(crate) use decimal::nearest_double;
pub use decimal::{Decimal, DecimalError};
pub(crate) use document_version::{DOCUMENT_VERSION, DocumentVersion, is_default};
pub(crate) use event_kind::BUILT_IN;
pub use event_kind::{
    ANY_EVENT, EventKind, MAX_EVENT_FIELDS, MAX_EVENT_KINDS, UsageSchema, UsageSchemaErrors, UsageSchemaFault,
};
pub use faults::Faults;
pub use fiscal::{FiscalCalendar, FiscalFault, FiscalPeriod, FiscalYearName, WeekPattern, YearEnd};
pub(crate) use grouped::{grouped, write_number};
pub use id::{AccountId, AccountIdx, ChildId, IdError};
pub(crate) use invisible::Visible;
pub use invisible::strip_invisible;
pub(crate) use json::{At, Fields, JsonDocument, Place, VALUE, found, pairs, read, wrong_type};
pub use json::{JsonFault, JsonFaultKind, Plain, read_json};
pub use money::{Money, MoneyError};
pub(crate) use nearest::{hint, nearest, plain_name, shown};
pub use observer::{Observer, Progress};
pub use rates::Rates;
pub use record::{AccountRow, ChildRow, ParentLink};
pub(crate) use retyped::retyped;
pub(crate) use salesforce::other_form;
pub use schema::{
    AccountType, AttributeId, ColumnId, Nesting, Product, ProductId, RepeatedProducts, Schema, TableId,
    TypeId,
};
pub use schema_builder::SchemaBuilder;
pub(crate) use schema_builder::{is_reserved, reserved, unfit_field};
pub(crate) use schema_change::{
    ClosedSet, EventMove, EventsMigration, FieldMove, Migration, Recoded, Redeclared, SchemaRenames, Texts,
};
pub use schema_change::{
    SchemaChange, SchemaChangeErrors, SchemaChangeFault, SchemaChangeFaultKind, SchemaPart,
};
pub(crate) use schema_check::not_allowed;
pub use schema_check::{ValueFault, ValueFaultKind};
pub use schema_fault::{SchemaErrors, SchemaFault, SchemaFaultKind};
pub(crate) use schema_json::TableColumn;
pub use status::StatusGroup;
pub use succession::Succession;
pub use system::SystemAttribute;
pub use table::{ChildTable, TableKind};
pub use time::{Duration, Timestamp};
pub use value::{Value, ValueKind};
pub(crate) use value_json::only_one;
pub use week_calendar::WeekCalendar;
pub(crate) use wide::{quotient, times_double};
pub use withdrawn_currency::Withdrawal;
pub use zones::{FixedZones, Zones};
