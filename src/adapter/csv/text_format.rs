//! How are the cells of a column written?
//!
//! The settings of one column, and whether they mean anything for what the schema declares there.

use std::sync::Arc;

use chrono::format::{Item, StrftimeItems};

use super::mapping_error::CsvMappingFaultKind as Fault;
use crate::{AttributeType, Currency, ValueKind, Zone};

const MAX_POWER: i8 = 18;

/// How texts are written that are no plain ISO.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent settings of a column, in any combination")]
pub(super) struct TextFormat {
    pub(super) trim: bool,
    pub(super) decimal_comma: bool,
    pub(super) thousands: Option<char>,
    pub(super) power: i8,
    pub(super) minor_units: bool,
    pub(super) date_format: Option<Arc<str>>,
    pub(super) list_separator: Option<Arc<str>>,
    pub(super) strip_invisible: bool,
    /// Negatives in parentheses or with a trailing minus.
    pub(super) accounting: bool,
    /// Signs beside amounts, longest first.
    pub(super) signs: Vec<(Arc<str>, Currency)>,
    pub(super) serial_dates: Option<SerialDates>,
    /// The zone of times without an offset.
    pub(super) zone: Option<Arc<dyn Zone>>,
}

/// Which day is the first serial date of a spreadsheet; see [`Column::serial_dates`](super::Column::serial_dates).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SerialDates {
    /// 1 is 1 January 1900: Excel and most others. 60 is 29 February 1900, which did not exist, and is unreadable.
    From1900,
    /// 0 is 1 January 1904: workbooks of Excel for old Macintoshes.
    From1904,
}

/// Whether a type is text of the host, which nobody may trim unasked.
pub(super) const fn is_text(kind: &AttributeType) -> bool {
    matches!(kind, AttributeType::Text | AttributeType::Enum(_) | AttributeType::Band(_))
}

const fn is_number(kind: &AttributeType) -> bool {
    matches!(
        kind,
        AttributeType::Int
            | AttributeType::Double
            | AttributeType::Decimal { .. }
            | AttributeType::Money(_)
            | AttributeType::MixedMoney { .. }
    )
}

impl TextFormat {
    /// What of these settings means nothing for a type, or nothing at all.
    pub(super) fn check(&self, kind: &AttributeType, faults: &mut Vec<Fault>) {
        let word = kind.kind();
        let mut misfit = |set: bool, setting: &'static str| {
            if set {
                faults.push(Fault::Setting { setting, kind: word });
            }
        };
        misfit(self.decimal_comma && !is_number(kind), "decimal comma");
        misfit(self.thousands.is_some() && !is_number(kind), "thousands separator");
        misfit(self.power != 0 && !is_number(kind), "power of ten");
        misfit(self.minor_units && word != ValueKind::Money, "minor units");
        misfit(self.list_separator.is_some() && word != ValueKind::List, "list separator");
        let dated = matches!(word, ValueKind::Date | ValueKind::Timestamp);
        misfit(self.date_format.is_some() && !dated, "date format");
        misfit(self.serial_dates.is_some() && !dated, "serial date");
        misfit(self.zone.is_some() && word != ValueKind::Timestamp, "zone");
        misfit(self.accounting && !is_number(kind), "accounting negative");
        misfit(!self.signs.is_empty() && !is_number(kind), "currency sign");
        self.check_self(faults);
    }

    fn check_self(&self, faults: &mut Vec<Fault>) {
        if let Some(format) = self.date_format.as_deref() {
            let wrong = StrftimeItems::new(format).any(|item| matches!(item, Item::Error));
            if wrong || format.is_empty() {
                faults.push(Fault::DateFormat { format: format.chars().take(60).collect() });
            }
        }
        if let Some(separator) = self.thousands {
            let point = if self.decimal_comma { ',' } else { '.' };
            if separator == point || separator.is_ascii_digit() || matches!(separator, '-' | '+') {
                faults.push(Fault::ThousandsSeparator { separator });
            }
        }
        if !(-MAX_POWER..=MAX_POWER).contains(&self.power) {
            faults.push(Fault::Power { power: self.power });
        }
        for (sign, _) in &self.signs {
            let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '(' | ')');
            if sign.trim().len() < sign.len() || sign.is_empty() || sign.contains(is_digit) {
                faults.push(Fault::CurrencySign { sign: sign.chars().take(60).collect() });
            }
        }
        if self.list_separator.as_deref() == Some("") {
            faults.push(Fault::ListSeparator);
        }
    }

    /// With one more sign beside amounts.
    pub(super) fn add_sign(&mut self, sign: &Arc<str>, currency: Currency) {
        self.signs.push((Arc::clone(sign), currency));
        // `US$` is looked for before `$`.
        self.signs.sort_by_key(|(sign, _)| std::cmp::Reverse(sign.len()));
    }

    /// These settings, with those of the table where they mean something and the column states none.
    pub(super) fn or_table(mut self, table: &Self, kind: &AttributeType) -> Self {
        self.trim |= table.trim;
        self.strip_invisible |= table.strip_invisible;
        if is_number(kind) {
            self.decimal_comma |= table.decimal_comma;
            self.thousands = self.thousands.or(table.thousands);
            self.accounting |= table.accounting;
            if self.signs.is_empty() {
                self.signs.clone_from(&table.signs);
            }
        }
        if kind.kind() == ValueKind::Timestamp {
            self.zone = self.zone.or_else(|| table.zone.clone());
        }
        if kind.kind() == ValueKind::Date {
            self.date_format = self.date_format.or_else(|| table.date_format.clone());
        }
        self
    }
}
