//! Where does a column of the book come from?
//!
//! A [`Column`] says, for one target, which column of the file is read (or what stands in for it), what
//! happens to the text on its way (value maps, look-ups), and how the text is written (dates, decimal
//! commas, amounts in millions). Whether all that makes sense for the target is decided at `build`.

use std::collections::HashMap;
use std::sync::Arc;

use super::lookup::LookupTable;
use super::text_format::{SerialDates, TextFormat};
use crate::{Currency, Zone};

/// Where the cells of one target column come from.
///
/// Text passes through these stations, in this order: the column of the file; white space (see
/// [`trim`](Self::trim)); maps and look-ups in the order given; the test for emptiness; the reading as
/// what the schema declares. When the text is empty, the next alternative is tried
/// ([`or`](Self::or)), then the [default value](Self::default_value), then [`EmptyCell`] decides.
///
/// A setting or step applies to every alternative given so far, so its place in the chain matters.
///
/// ```
/// use perennial::adapter::csv::{Column, CsvInput, LookupTable};
///
/// let prices = LookupTable::new(CsvInput::text("products.csv", "product,price\nGTX Pro,4821\n"), "product", "price");
/// // The value of a closed deal; the list price of an open one, which has no value yet.
/// let amount = Column::from("close_value")
///     .or(Column::from("product").map([("GTXPro", "GTX Pro")]).lookup(prices));
/// # let _ = amount;
/// ```
#[derive(Debug, Clone)]
pub struct Column {
    // INVARIANT: at least one.
    pub(super) alternatives: Vec<Alternative>,
    pub(super) default: Option<Arc<str>>,
    pub(super) empty: Option<EmptyCell>,
}

/// What an empty cell means, once every alternative and default is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EmptyCell {
    /// There is no value: null. A change clears what was there.
    #[default]
    Missing,
    /// Nothing is said. A load takes it as missing, a change leaves the old value.
    Absent,
    /// The empty text is a value. For text, enumerations and bands only.
    Text,
}

#[derive(Debug, Clone)]
pub(super) struct Alternative {
    pub(super) origin: Origin,
    pub(super) steps: Vec<Step>,
    pub(super) format: TextFormat,
}

#[derive(Debug, Clone)]
pub(super) enum Origin {
    Header(Arc<str>),
    Constant(Arc<str>),
    Joined { columns: Vec<Arc<str>>, separator: Arc<str> },
    RowNumber { prefix: Arc<str> },
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Map(Arc<HashMap<Arc<str>, Arc<str>>>),
    Lookup(LookupTable),
}

impl Column {
    /// From a column of the file.
    #[must_use]
    pub fn from(column: &str) -> Self {
        Self::of(Origin::Header(Arc::from(column)))
    }

    /// From the first of several columns of the file that is not empty.
    pub fn first_of<'c>(columns: impl IntoIterator<Item = &'c str>) -> Self {
        let mut columns = columns.into_iter();
        // Without any column it reads a column without a name, which no header has: a fault at `build`.
        let first = Self::from(columns.next().unwrap_or_default());
        columns.fold(first, |column, next| column.or(Self::from(next)))
    }

    /// The same text in every row.
    #[must_use]
    pub fn constant(text: &str) -> Self {
        Self::of(Origin::Constant(Arc::from(text)))
    }

    /// The texts of several columns with a separator between them: a composite key.
    ///
    /// Empty as soon as one of them is empty, since half a key names no row. Choose a separator that the
    /// parts do not hold; two keys that become the same text are reported by the load as repeated.
    pub fn joined<'c>(columns: impl IntoIterator<Item = &'c str>, separator: &str) -> Self {
        let columns = columns.into_iter().map(Arc::from).collect();
        Self::of(Origin::Joined { columns, separator: Arc::from(separator) })
    }

    /// The number of the record, from 1, after a prefix.
    ///
    /// For rows without a key. Such an id names a place in the file, not a row: it means something else
    /// after the file was sorted or a record removed.
    #[must_use]
    pub fn row_number(prefix: &str) -> Self {
        Self::of(Origin::RowNumber { prefix: Arc::from(prefix) })
    }

    fn of(origin: Origin) -> Self {
        let alternative = Alternative { origin, steps: Vec::new(), format: TextFormat::default() };
        Self { alternatives: vec![alternative], default: None, empty: None }
    }

    /// Where the text is empty, what `other` gives. The steps and settings of `other` stay its own.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.alternatives.extend(other.alternatives);
        self.default = self.default.or(other.default);
        self.empty = self.empty.or(other.empty);
        self
    }

    /// With texts replaced by others; whatever is not named passes as it is. Mapping a text to the empty
    /// text makes it missing.
    #[must_use]
    pub fn map<F: AsRef<str>, T: AsRef<str>>(self, pairs: impl IntoIterator<Item = (F, T)>) -> Self {
        let pairs = pairs.into_iter().map(|(from, to)| (Arc::from(from.as_ref()), Arc::from(to.as_ref())));
        self.step(&Step::Map(Arc::new(pairs.collect())))
    }

    /// With the text replaced by what another file says for it. An empty text is not looked up; a text
    /// that the file does not know is an unreadable cell, or missing
    /// ([`LookupTable::unmatched`]).
    #[must_use]
    pub fn lookup(self, table: LookupTable) -> Self {
        self.step(&Step::Lookup(table))
    }

    fn step(mut self, step: &Step) -> Self {
        for alternative in &mut self.alternatives {
            alternative.steps.push(step.clone());
        }
        self
    }

    /// With this text where every alternative is empty, read as if it stood in the file.
    #[must_use]
    pub fn default_value(mut self, text: &str) -> Self {
        self.default = Some(Arc::from(text));
        self
    }

    /// With another meaning of an empty cell.
    #[must_use]
    pub const fn empty(mut self, meaning: EmptyCell) -> Self {
        self.empty = Some(meaning);
        self
    }

    /// Without Unicode white space at the ends of texts and ids, such as spaces, tabs and no-break spaces. Numbers, dates
    /// and the like are always trimmed.
    #[must_use]
    pub fn trim(self) -> Self {
        self.format(|format| format.trim = true)
    }

    /// Without invisible characters: byte order marks, zero width spaces, soft hyphens, direction marks. See
    /// [`strip_invisible`](crate::source::strip_invisible). Without this setting a load refuses an id that has one.
    ///
    /// ```
    /// use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
    /// use perennial::source::{Cell, SourceExt, TableName};
    /// use perennial::{Nesting, Schema};
    ///
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// let file = CsvInput::text("accounts.csv", "id\nacme\u{200b}\n");
    /// let table = CsvTable::accounts(file)
    ///     .column("id", Column::from("id").strip_invisible())
    ///     .column("account_type", Column::constant("Company"));
    /// let source = CsvSource::builder(&schema).table(table).build()?;
    /// let batches = source.collect(&schema, TableName::Accounts)?;
    /// let id = batches[0].cells("id").map(|ids| ids.cell(0));
    /// assert_eq!(id, Some(Cell::from(Some("acme"))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn strip_invisible(self) -> Self {
        self.format(|format| format.strip_invisible = true)
    }

    /// With dates or timestamps in this format of chrono, such as `%d-%m-%y`, instead of ISO.
    ///
    /// Two-digit years are those of chrono: 70 to 99 in the last century, the rest in this one. For a
    /// timestamp, a format without an offset means the [`zone`](Self::zone) of the column, or UTC where it has none,
    /// and a format without a time means midnight.
    #[must_use]
    pub fn date_format(self, format: &str) -> Self {
        let text: Arc<str> = Arc::from(format);
        self.format(|format| format.date_format = Some(Arc::clone(&text)))
    }

    /// The zone of timestamps without an offset: `2024-03-01 08:30` in Paris. Without a zone, such a timestamp is
    /// unreadable, or UTC where a [`date_format`](Self::date_format) is given. An offset in the text has precedence.
    ///
    /// A local time in the hour that is repeated when clocks are set back, or skipped when they are set forward, is
    /// unreadable, and the load reports the reason.
    ///
    /// ```
    /// use perennial::FixedZone;
    /// use perennial::adapter::csv::Column;
    ///
    /// let last_seen = Column::from("last_seen").date_format("%d.%m.%Y %H:%M").zone(FixedZone::east("CET", 60));
    /// # let _ = last_seen;
    /// ```
    #[must_use]
    pub fn zone(self, zone: impl Zone + 'static) -> Self {
        let zone: Arc<dyn Zone> = Arc::new(zone);
        self.format(|format| format.zone = Some(Arc::clone(&zone)))
    }

    /// With serial dates of spreadsheets: `45352` is 1 March 2024, and `45352.5` is noon of that day in the
    /// [`zone`](Self::zone) of the column, or in UTC. Fractions are rounded to milliseconds. A text that is not a plain
    /// number is read as a date or timestamp, so that a column may have both.
    ///
    /// ```
    /// use perennial::adapter::csv::{Column, SerialDates};
    ///
    /// let renewal = Column::from("renewal").serial_dates(SerialDates::From1900);
    /// # let _ = renewal;
    /// ```
    #[must_use]
    pub fn serial_dates(self, system: SerialDates) -> Self {
        self.format(|format| format.serial_dates = Some(system))
    }

    /// With this currency sign before or after a number: `$1,234.50`, `12 kr`, `EUR 5`. Call it once for each sign. A
    /// number without a sign is still read; money with the sign of another currency is unreadable.
    ///
    /// ```
    /// use perennial::Currency;
    /// use perennial::adapter::csv::Column;
    ///
    /// let arr = Column::from("ARR")
    ///     .currency_sign("$", Currency::USD)
    ///     .thousands_separator(',')
    ///     .accounting_negatives();
    /// # let _ = arr;
    /// ```
    #[must_use]
    pub fn currency_sign(self, sign: &str, currency: Currency) -> Self {
        let sign: Arc<str> = Arc::from(sign);
        self.format(|format| format.add_sign(&sign, currency))
    }

    /// With accounting notation of negative numbers: parentheses, `(33.52)`, and a trailing minus, `12.50-`.
    #[must_use]
    pub fn accounting_negatives(self) -> Self {
        self.format(|format| format.accounting = true)
    }

    /// With a comma before the decimals of a number: `12,50`.
    #[must_use]
    pub fn decimal_comma(self) -> Self {
        self.format(|format| format.decimal_comma = true)
    }

    /// With a separator between the thousands of a number: `1'200`.
    #[must_use]
    pub fn thousands_separator(self, separator: char) -> Self {
        self.format(|format| format.thousands = Some(separator))
    }

    /// With numbers in another unit: 6 for a file in millions, -2 for a file in hundredths. Exact.
    #[must_use]
    pub fn multiply_by_power_of_ten(self, power: i8) -> Self {
        self.format(|format| format.power = power)
    }

    /// With money in minor units (cents) instead of major ones.
    #[must_use]
    pub fn minor_units(self) -> Self {
        self.format(|format| format.minor_units = true)
    }

    /// With this text between the elements of a list, instead of `;`.
    #[must_use]
    pub fn list_separator(self, separator: &str) -> Self {
        let text: Arc<str> = Arc::from(separator);
        self.format(|format| format.list_separator = Some(Arc::clone(&text)))
    }

    fn format(mut self, set: impl Fn(&mut TextFormat)) -> Self {
        for alternative in &mut self.alternatives {
            set(&mut alternative.format);
        }
        self
    }
}

impl From<&str> for Column {
    fn from(column: &str) -> Self {
        Self::from(column)
    }
}
