//! Every limit of the model, by name.
//!
//! A limit exists so that hostile or broken input ends in an error that names it, never in exhausted
//! memory. All are far above what the field uses; the figures of hosted products stand beside ours.

/// Longest account id, in bytes (hosted products allow 480 characters).
pub const MAX_ACCOUNT_ID_BYTES: usize = 480;
/// Longest id of a child row, in bytes.
pub const MAX_CHILD_ID_BYTES: usize = 480;
/// Longest text value, in bytes, unless the attribute states less (hosted products: 512 characters).
pub const MAX_TEXT_BYTES: usize = 65_536;
/// Most elements of one list of text.
pub const MAX_LIST_LENGTH: usize = 4_096;
/// Longest name of an attribute, account type, product, table or column, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// Most attributes of a schema, system attributes included.
pub const MAX_ATTRIBUTES: usize = 4_096;
/// Most account types of a schema.
pub const MAX_ACCOUNT_TYPES: usize = 1_024;
/// Most products of a schema.
pub const MAX_PRODUCTS: usize = 65_000;
/// Most allowed values of one enumeration or band.
pub const MAX_ENUM_VALUES: usize = 65_000;
/// Most child tables of a schema.
pub const MAX_TABLES: usize = 256;
/// Most columns of one child table.
pub const MAX_COLUMNS: usize = 1_024;
/// Most digits after the point of a decimal attribute.
pub const MAX_SCALE: u8 = 9;
/// Largest absolute value of a decimal, money or int attribute at load: 10^15 in its smallest unit
/// for money and decimals; ints are held to ±2^53 so that every engine reads them alike.
pub const MAX_UNITS: i64 = 1_000_000_000_000_000;
/// Largest absolute int attribute: 2^53.
pub const MAX_INT: i64 = 9_007_199_254_740_992;
/// Longest duration attribute, either way: 2^63 nanoseconds, about 292 years.
pub const MAX_DURATION_MICROS: u64 = 9_223_372_036_854_775;
/// Most rows of one child table of a book.
pub const MAX_CHILD_ROWS: usize = 1 << 31;
/// Most accounts of one book.
pub const MAX_ACCOUNTS: usize = 1 << 30;
/// Most steps of one change of a schema.
pub const MAX_SCHEMA_STEPS: usize = 10_000;
/// Largest schema document, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 16 << 20;
/// Most closed days in a row that a search for a business day passes over: more than a year.
pub const MAX_CLOSED_DAYS: u32 = 400;
