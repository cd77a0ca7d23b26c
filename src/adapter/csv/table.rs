//! Which file fills which table, and how?
//!
//! A [`CsvTable`] is a file and its mapping. It checks nothing by itself; `CsvSourceBuilder::build` does,
//! for all tables at once.

use std::sync::Arc;

use super::column::{Column, EmptyCell};
use super::input::CsvInput;
use super::records::Layout;
use super::text_format::TextFormat;
use crate::source::TableName;
use crate::{Currency, Zone};

/// A file and how its columns fill a table of the book.
///
/// Columns of the file that are called like a column of the table fill it by themselves, unless
/// [`map_same_names`](Self::map_same_names) says otherwise; what is mapped by hand goes first.
///
/// How texts are written can be said once for the file here, and per column in a [`Column`]. What is said
/// for the file concerns its own texts, not constants and not what comes from a look-up file.
///
/// ```
/// use perennial::adapter::csv::{Column, CsvInput, CsvTable};
///
/// let accounts = CsvTable::accounts(CsvInput::text("accounts.csv", "account;subsidiary_of\nAcme;\n"))
///     .delimiter(';')
///     .column("id", "account")
///     .column("name", "account")
///     .column("parent", "subsidiary_of")
///     .column("account_type", Column::constant("Company"));
/// # let _ = accounts;
/// ```
#[derive(Debug, Clone)]
pub struct CsvTable {
    pub(super) table: TableName,
    pub(super) input: CsvInput,
    pub(super) columns: Vec<(Arc<str>, Column)>,
    // Targets that are texts of the file and no columns of the schema.
    pub(super) texts: Vec<Arc<str>>,
    pub(super) delimiter: Delimiter,
    pub(super) skip_lines: u64,
    pub(super) header_with: Vec<Arc<str>>,
    pub(super) footer_rows: usize,
    pub(super) ends_before: Option<Arc<str>>,
    pub(super) same_names: bool,
    pub(super) empty: EmptyCell,
    pub(super) format: TextFormat,
}

impl CsvTable {
    /// Accounts: `id` and `account_type` must be mapped, `parent`, `product` and attributes may be.
    #[must_use]
    pub fn accounts(input: CsvInput) -> Self {
        Self::new(TableName::Accounts, input)
    }

    /// Further declared parents: `id` and `parent` must be mapped, `rank` may be.
    #[must_use]
    pub fn links(input: CsvInput) -> Self {
        Self::new(TableName::Links, input)
    }

    /// Merged and split accounts: `id` (the account that was), `successor` and `on` (the day) must be mapped,
    /// `rank` and `part` may be.
    #[must_use]
    pub fn successions(input: CsvInput) -> Self {
        Self::new(TableName::Successions, input)
    }

    /// A child table of the schema: `id` and `account` must be mapped, its columns may be.
    #[must_use]
    pub fn child(table: &str, input: CsvInput) -> Self {
        Self::new(TableName::child(table), input)
    }

    fn new(table: TableName, input: CsvInput) -> Self {
        Self {
            table,
            input,
            columns: Vec::new(),
            texts: Vec::new(),
            delimiter: Delimiter::default(),
            skip_lines: 0,
            header_with: Vec::new(),
            footer_rows: 0,
            ends_before: None,
            same_names: true,
            empty: EmptyCell::default(),
            format: TextFormat::default(),
        }
    }

    /// With a column of the table from somewhere: the name of a column of the file, or a [`Column`].
    #[must_use]
    pub fn column(mut self, target: &str, from: impl Into<Column>) -> Self {
        self.columns.push((Arc::from(target), from.into()));
        self
    }

    /// With a column of texts that the schema does not have, for whoever reads the source before a load does: the
    /// levels of [`LevelColumns`](crate::source::LevelColumns). It is given to those who ask for it by name.
    #[must_use]
    pub fn text(mut self, target: &str, from: impl Into<Column>) -> Self {
        self.texts.push(Arc::from(target));
        self.column(target, from)
    }

    /// With ids made of several columns; see [`Column::joined`].
    #[must_use]
    pub fn id_from<'c>(self, columns: impl IntoIterator<Item = &'c str>, separator: &str) -> Self {
        self.column("id", Column::joined(columns, separator))
    }

    /// With ids made of a prefix and the number of the record; see [`Column::row_number`].
    #[must_use]
    pub fn id_from_row_number(self, prefix: &str) -> Self {
        self.column("id", Column::row_number(prefix))
    }

    /// Whether columns of equal name are mapped by themselves; they are unless this says no.
    #[must_use]
    pub const fn map_same_names(mut self, yes: bool) -> Self {
        self.same_names = yes;
        self
    }

    /// With another delimiter than the comma: a semicolon, a tab.
    #[must_use]
    pub const fn delimiter(mut self, delimiter: char) -> Self {
        self.delimiter = Delimiter::new(delimiter);
        self
    }

    /// Skips this many lines before the header, whatever they contain: a title, the date of the export. Every line
    /// counts, even an empty one, and quotes mean nothing in them. More than
    /// [`MAX_RECORD_BYTES`](super::limits::MAX_RECORD_BYTES) of skipped text is an error.
    ///
    /// ```
    /// use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
    /// use perennial::source::{SourceExt, TableName};
    /// use perennial::{Nesting, Schema};
    ///
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// let report = "Accounts of EMEA, \"all\nas of 2026-01-31\n\nid,name\nacme,Acme\nglobex,Globex\nTotal,2\n";
    /// let table = CsvTable::accounts(CsvInput::text("report.csv", report))
    ///     .skip_lines(3)
    ///     .ends_before("Total")
    ///     .column("account_type", Column::constant("Company"));
    /// let source = CsvSource::builder(&schema).table(table).build()?;
    /// assert_eq!(source.count(&TableName::Accounts)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn skip_lines(mut self, lines: u64) -> Self {
        self.skip_lines = lines;
        self
    }

    /// The header is the first record with all of these headings, among the first
    /// [`MAX_RECORDS_BEFORE_HEADER`](super::limits::MAX_RECORDS_BEFORE_HEADER); a file without one is an error. Records
    /// before the header are not read. For files whose title varies in length; a title with an unpaired quote needs
    /// [`skip_lines`](Self::skip_lines).
    ///
    /// ```
    /// use perennial::adapter::csv::{CsvInput, CsvTable};
    ///
    /// let table = CsvTable::accounts(CsvInput::path("report.csv")).header_with(["Account ID", "Account Name"]);
    /// # let _ = table;
    /// ```
    #[must_use]
    pub fn header_with<'h>(mut self, headings: impl IntoIterator<Item = &'h str>) -> Self {
        self.header_with = headings.into_iter().map(Arc::from).collect();
        self
    }

    /// Leaves out the last rows of the file, at most [`MAX_FOOTER_ROWS`](super::limits::MAX_FOOTER_ROWS): totals, the
    /// author of the report. Blank rows do not count. That many rows are kept in memory during a scan.
    #[must_use]
    pub const fn footer_rows(mut self, rows: usize) -> Self {
        self.footer_rows = rows;
        self
    }

    /// The table ends before the first row whose first field with text is this one, such as `Total`. That row and all
    /// rows after it are not read; a file without such a row is read to its end.
    #[must_use]
    pub fn ends_before(mut self, text: &str) -> Self {
        self.ends_before = Some(Arc::from(text.trim()));
        self
    }

    /// With another meaning of empty cells, for columns that state none. `EmptyCell::Text` concerns only
    /// columns of text, enumerations and bands here.
    #[must_use]
    pub const fn empty(mut self, meaning: EmptyCell) -> Self {
        self.empty = meaning;
        self
    }

    /// Without Unicode white space at the ends of any text or id; see [`Column::trim`].
    #[must_use]
    pub const fn trim(mut self) -> Self {
        self.format.trim = true;
        self
    }

    /// Without invisible characters in any text or id; see [`Column::strip_invisible`].
    #[must_use]
    pub const fn strip_invisible(mut self) -> Self {
        self.format.strip_invisible = true;
        self
    }

    /// The zone of timestamps without an offset, for columns without a zone; see [`Column::zone`].
    #[must_use]
    pub fn zone(mut self, zone: impl Zone + 'static) -> Self {
        self.format.zone = Some(Arc::new(zone));
        self
    }

    /// With this currency sign, for columns without one; see [`Column::currency_sign`].
    #[must_use]
    pub fn currency_sign(mut self, sign: &str, currency: Currency) -> Self {
        self.format.add_sign(&Arc::from(sign), currency);
        self
    }

    /// With accounting notation of negative numbers; see [`Column::accounting_negatives`].
    #[must_use]
    pub const fn accounting_negatives(mut self) -> Self {
        self.format.accounting = true;
        self
    }

    /// With dates in this format of chrono, for date columns that state none. Timestamps stay RFC 3339
    /// unless their column says otherwise.
    #[must_use]
    pub fn date_format(mut self, format: &str) -> Self {
        self.format.date_format = Some(Arc::from(format));
        self
    }

    /// With a comma before the decimals of every number.
    #[must_use]
    pub const fn decimal_comma(mut self) -> Self {
        self.format.decimal_comma = true;
        self
    }

    /// With a separator between the thousands of every number, for columns that state none.
    #[must_use]
    pub const fn thousands_separator(mut self, separator: char) -> Self {
        self.format.thousands = Some(separator);
        self
    }
}

impl CsvTable {
    /// Where the table is in its file, with this delimiter.
    pub(super) fn layout(&self, delimiter: u8) -> Layout {
        Layout {
            delimiter,
            skip_lines: self.skip_lines,
            header_with: self.header_with.clone(),
            footer_rows: self.footer_rows,
            ends_before: self.ends_before.clone(),
        }
    }
}

/// The character between two fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delimiter(char);

impl Default for Delimiter {
    fn default() -> Self {
        Self(',')
    }
}

impl Delimiter {
    pub(super) const fn new(delimiter: char) -> Self {
        Self(delimiter)
    }

    /// The byte, or the character when it cannot delimit anything.
    pub(super) fn byte(self) -> Result<u8, char> {
        match u8::try_from(self.0) {
            Ok(byte @ b'\t') => Ok(byte),
            Ok(byte) if byte.is_ascii_punctuation() && byte != b'"' => Ok(byte),
            _ => Err(self.0),
        }
    }
}
