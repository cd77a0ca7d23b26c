//! Does `CsvSource` read what a mapping says, and name what is wrong with a file?

use std::error::Error;
use std::io::{self, Read};
use std::ops::ControlFlow;

use perennial::adapter::csv::limits::{MAX_FIELD_BYTES, MAX_RECORD_BYTES};
use perennial::adapter::csv::{
    Column, CsvError, CsvErrorKind, CsvInput, CsvSource, CsvSourceBuilder, CsvTable, EmptyCell, LookupTable,
    SerialDates, UnmatchedKey,
};
use perennial::source::{Batch, Cell, Cells, ScanRequest, Source, SourceError, SourceExt, TableName};
use perennial::{
    Attribute, AttributeType, Book, ChildTable, Currency, EnumValues, FixedZone, Money, Nesting, Policy,
    Schema, SystemAttribute, TableKind, Value, ValueKind,
};

const PRODUCTS: &str = "product,series,sales_price\nGTX Basic,GTX,550\nGTX Pro,GTX,4821\n";

fn schema() -> Schema {
    let money = || AttributeType::Money(Currency::USD);
    let mixed = AttributeType::MixedMoney { currency_column: "currency".into() };
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .product("GTX Pro")
        .system(SystemAttribute::Name)
        .attribute(Attribute::new("sector", AttributeType::Enum(EnumValues::new(["retail", "medical"]))))
        .attribute(Attribute::new("revenue", money()))
        .attribute(Attribute::new("employees", AttributeType::Int))
        .attribute(Attribute::new("score", AttributeType::Double))
        .attribute(Attribute::new("share", AttributeType::Decimal { scale: 2 }))
        .attribute(Attribute::new("active", AttributeType::Bool))
        .attribute(Attribute::new("tags", AttributeType::List))
        .attribute(Attribute::new("seen", AttributeType::Timestamp))
        .attribute(Attribute::new("took", AttributeType::Duration))
        .table(
            ChildTable::new("opportunities", TableKind::Opportunities)
                .column(Attribute::new("amount", money()))
                .column(Attribute::new("product_name", AttributeType::Text))
                .column(Attribute::new("engaged", AttributeType::Date)),
        )
        .table(
            ChildTable::new("invoices", TableKind::Custom)
                .column(Attribute::new("currency", AttributeType::Text))
                .column(Attribute::new("total", mixed)),
        )
        .build()
        .unwrap()
}

fn accounts(text: impl Into<Vec<u8>>) -> CsvTable {
    let bytes: Vec<u8> = text.into();
    CsvTable::accounts(CsvInput::bytes("accounts.csv", bytes))
        .column("account_type", Column::constant("Company"))
}

fn source(table: CsvTable) -> CsvSource {
    CsvSource::builder(&schema()).table(table).build().unwrap_or_else(|errors| panic!("{errors}"))
}

fn faults(tables: impl IntoIterator<Item = CsvTable>) -> String {
    let schema = schema();
    let builder = tables.into_iter().fold(CsvSource::builder(&schema), CsvSourceBuilder::table);
    builder.build().map(|_| ()).unwrap_err().to_string()
}

fn rows(source: &CsvSource, table: TableName) -> Batch {
    let mut batches = source.collect(&schema(), table).unwrap();
    assert_eq!(batches.len(), 1);
    let batch = batches.remove(0);
    batch.check().unwrap();
    batch
}

fn cells(batch: &Batch, column: &str) -> Vec<Cell> {
    let cells = batch.cells(column).unwrap_or_else(|| panic!("no column {column}"));
    (0..cells.len()).map(|row| cells.cell(row)).collect()
}

fn shown(batch: &Batch, column: &str) -> Vec<String> {
    let show = |cell| match cell {
        Cell::Absent => "absent".to_owned(),
        Cell::Null => "null".to_owned(),
        Cell::Value(value) => value.to_string(),
        Cell::Unreadable { text, expected, reason } => {
            let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            format!("!{text} is no {}{why}", expected.word())
        }
        _ => "new kind of cell".to_owned(),
    };
    cells(batch, column).into_iter().map(show).collect()
}

fn scan(source: &CsvSource, table: TableName) -> Result<usize, SourceError> {
    let mut rows = 0;
    source.scan(&ScanRequest::for_schema(&schema(), table), &mut |batch: Batch| {
        batch.check().unwrap();
        rows += batch.rows();
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

// The error of scanning accounts, as a whole text with its cause.
fn scan_error(text: impl Into<Vec<u8>>) -> String {
    let error = scan(&source(accounts(text)), TableName::Accounts).unwrap_err();
    assert!(error.source().unwrap().downcast_ref::<CsvError>().is_some());
    format!("{error}: {}", error.source().unwrap())
}

#[test]
fn accounts_of_a_sales_book() {
    let text = "account,sector,year_established,revenue,employees,subsidiary_of\n\
                Acme,retail,1996,1100.04,2822,\n\
                \"Bluth, Inc\",medical,1993,\"251.41\",495,Acme\n";
    let table = accounts(text)
        .column("id", "account")
        .column("name", "account")
        .column("parent", "subsidiary_of")
        .column("revenue", Column::from("revenue").multiply_by_power_of_ten(6));
    let source = source(table);
    assert!(source.provides(&TableName::Accounts));
    assert!(!source.provides(&TableName::Links));
    assert_eq!(source.unmapped().len(), 1);
    assert_eq!(source.unmapped()[0].to_string(), "accounts.csv: `year_established` is not read");

    let batch = rows(&source, TableName::Accounts);
    assert_eq!(batch.origin().map(|name| &**name), Some("accounts.csv"));
    assert_eq!((batch.line(0), batch.line(1), batch.line(2)), (Some(2), Some(3), None));
    assert_eq!(shown(&batch, "id"), ["Acme", "Bluth, Inc"]);
    assert_eq!(shown(&batch, "parent"), ["null", "Acme"]);
    assert_eq!(shown(&batch, "account_type"), ["Company", "Company"]);
    assert_eq!(shown(&batch, "revenue"), ["1100040000.00 USD", "251410000.00 USD"]);
    assert!(matches!(batch.cells("revenue"), Some(Cells::Money { .. })));
    assert!(matches!(batch.cells("employees"), Some(Cells::Int(_))));
    assert!(matches!(batch.cells("sector"), Some(Cells::Text(_))));
}

#[test]
fn deals_take_their_list_price_until_they_are_closed() {
    let pipeline = "opportunity_id,product,account,engage_date,close_value\n\
                    1,GTXPro,Acme,20-10-16,4514\n\
                    2,GTXPro,,21-10-16,\n\
                    3,GTX Basic,Acme,,\n\
                    4,Unknown,Acme,31-02-17,\n";
    let prices = LookupTable::new(CsvInput::text("products.csv", PRODUCTS), "product", "sales_price");
    let product = || Column::from("product").map([("GTXPro", "GTX Pro")]);
    let table = |prices| {
        CsvTable::child("opportunities", CsvInput::text("pipeline.csv", pipeline))
            .column("id", "opportunity_id")
            .column("product_name", product())
            .column("engaged", Column::from("engage_date").date_format("%d-%m-%y"))
            .column("amount", Column::from("close_value").or(product().lookup(prices)))
    };
    let deals = TableName::child("opportunities");
    let batch = rows(&source(table(prices.clone())), deals.clone());
    assert_eq!(shown(&batch, "product_name"), ["GTX Pro", "GTX Pro", "GTX Basic", "Unknown"]);
    assert_eq!(shown(&batch, "account"), ["Acme", "null", "Acme", "Acme"]);
    assert_eq!(
        shown(&batch, "engaged"),
        ["2016-10-20", "2016-10-21", "null", "!31-02-17 is no date: there is no such day"]
    );
    let unknown = "!Unknown is no money: the look-up file has no such key";
    assert_eq!(shown(&batch, "amount"), ["4514.00 USD", "4821.00 USD", "550.00 USD", unknown]);

    let batch = rows(&source(table(prices.unmatched(UnmatchedKey::Missing))), deals);
    assert_eq!(shown(&batch, "amount")[3], "null");
}

#[test]
fn every_type_has_its_text() {
    let text = "id,score,share,active,tags,seen,took,employees\n\
                a,1e3,1.5,YES,x; y;;z,2024-03-01T00:30:00+01:00,1h30m,12.0\n\
                b,inf,1.555,maybe,,2024-03-01,1 hour,12.5\n\
                c, -0.5 ,,0,,,,\n";
    let batch = rows(&source(accounts(text)), TableName::Accounts);
    assert_eq!(shown(&batch, "score"), ["1000", "!inf is no number", "-0.5"]);
    // Finer than declared is a number all the same; the load says by how much.
    assert_eq!(shown(&batch, "share"), ["1.50", "1.555", "null"]);
    assert_eq!(shown(&batch, "active"), ["true", "!maybe is no true or false", "false"]);
    assert_eq!(cells(&batch, "tags")[0], Cell::Value(Value::list(["x", "y", "z"])));
    assert_eq!(shown(&batch, "seen"), ["2024-02-29T23:30:00Z", "!2024-03-01 is no timestamp", "null"]);
    assert_eq!(shown(&batch, "took"), ["5400s", "!1 hour is no duration", "null"]);
    assert_eq!(shown(&batch, "employees"), ["12", "!12.5 is no whole number", "null"]);
}

#[test]
fn money_of_the_currency_beside_it() {
    let text = "id,account,currency,total\n1,a,EUR,\"1.200,50\"\n2,a,JPY,\"1.200,50\"\n3,a,,5\n4,a,XXX,5\n5,a,JPY,\n";
    let table = CsvTable::child("invoices", CsvInput::text("invoices.csv", text))
        .decimal_comma()
        .thousands_separator('.');
    let batch = rows(&source(table), TableName::child("invoices"));
    assert_eq!(
        shown(&batch, "total"),
        [
            "1200.50 EUR",
            "!1.200,50 is no money: JPY has no decimals, and it has 2",
            "!5 is no money: its row has no currency",
            "!5 is no money: its row has an unknown currency",
            "null"
        ]
    );
    let cents = "id,account,currency,total\n1,a,EUR,120050\n";
    let table = CsvTable::child("invoices", CsvInput::text("invoices.csv", cents))
        .column("total", Column::from("total").minor_units());
    let batch = rows(&source(table), TableName::child("invoices"));
    assert_eq!(
        cells(&batch, "total"),
        [Cell::Value(Value::Money(Money::from_minor(120_050, Currency::EUR)))]
    );
}

#[test]
fn empty_cells_mean_what_the_mapping_says() {
    let text = "id,name,employees,score\na,,,\nb,  ,7, \n";
    let name = |column: Column| {
        shown(&rows(&source(accounts(text).column("name", column)), TableName::Accounts), "name")
    };
    assert_eq!(name(Column::from("name")), ["null", "  "]);
    assert_eq!(name(Column::from("name").trim()), ["null", "null"]);
    assert_eq!(name(Column::from("name").empty(EmptyCell::Text)), ["", "  "]);
    assert_eq!(name(Column::from("name").empty(EmptyCell::Absent)), ["absent", "  "]);
    assert_eq!(name(Column::from("name").default_value("nobody")), ["nobody", "  "]);
    assert_eq!(name(Column::first_of(["name", "id"]).trim()), ["a", "b"]);
    assert_eq!(name(Column::from("name").map([("  ", "")])), ["null", "null"]);
    let batch = rows(&source(accounts(text).empty(EmptyCell::Text)), TableName::Accounts);
    assert_eq!(shown(&batch, "score"), ["null", "null"]);
    assert_eq!(shown(&batch, "name")[0], "");
}

#[test]
fn rows_without_a_key_get_one() {
    let text = "account,product,line\nAcme,A,1\nAcme,,2\n";
    let table = || CsvTable::child("opportunities", CsvInput::text("lines.csv", text));
    let batch = rows(
        &source(table().id_from(["account", "product", "line"], "/")),
        TableName::child("opportunities"),
    );
    assert_eq!(shown(&batch, "id"), ["Acme/A/1", "null"]);
    let batch = rows(&source(table().id_from_row_number("line-")), TableName::child("opportunities"));
    assert_eq!(shown(&batch, "id"), ["line-1", "line-2"]);
}

#[test]
fn links_have_ranks_and_several_files_fill_one_table() {
    let links = |name: &str, text: &str| {
        CsvTable::links(CsvInput::text(name, text)).column("id", "child").column("parent", "owner")
    };
    let schema = schema();
    let source = CsvSource::builder(&schema)
        .table(links("a.csv", "child,owner,rank\nx,y,2\n"))
        .table(links("b.tsv", "child\towner\nx\tz\n").delimiter('\t').column("rank", Column::constant("1")))
        .build()
        .unwrap();
    let batches = source.collect(&schema, TableName::Links).unwrap();
    let found: Vec<_> = batches
        .iter()
        .map(|b| (b.origin().unwrap().to_string(), shown(b, "parent"), shown(b, "rank")))
        .collect();
    let expect = |file: &str, parent: &str, rank: &str| {
        (file.to_owned(), vec![parent.to_owned()], vec![rank.to_owned()])
    };
    assert_eq!(found, [expect("a.csv", "y", "2"), expect("b.tsv", "z", "1")]);
}

#[test]
fn batches_break_off_and_lines_are_physical() {
    let records = (0..5_000).map(|row| format!("{row},\"two\r\nlines\"\r\n"));
    let text = format!("\u{feff}id,name\r\n\r\n{}", records.collect::<Vec<_>>().concat());
    let source = source(accounts(text));
    let batches = source.collect(&schema(), TableName::Accounts).unwrap();
    assert_eq!(batches.iter().map(Batch::rows).collect::<Vec<_>>(), [4_096, 904]);
    assert_eq!((batches[0].line(0), batches[0].line(1)), (Some(3), Some(5)));
    assert_eq!(batches[1].line(903), Some(3 + 2 * 4_999));
    let mut seen = 0;
    let request = ScanRequest::for_schema(&schema(), TableName::Accounts);
    source
        .scan(&request, &mut |_| {
            seen += 1;
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn line_ends_are_lf_cr_or_both() {
    for end in ["\n", "\r", "\r\n"] {
        for tail in ["", end, &end.repeat(3)] {
            let text = ["id,name", "a,1", "", "b,\"2\n3\"", "c,4"].join(end) + tail;
            let batch = rows(&source(accounts(text)), TableName::Accounts);
            assert_eq!(shown(&batch, "id"), ["a", "b", "c"], "{end:?} {tail:?}");
            assert_eq!((0..3).filter_map(|row| batch.line(row)).collect::<Vec<_>>(), [2, 4, 6]);
        }
    }
}

#[test]
fn every_fault_of_a_mapping_is_reported_at_once() {
    let text = "account,sector,subsidiary_of,seen\n";
    let prices = "product,price\nA,1\nB,2\nA,3\n";
    let lookup = LookupTable::new(CsvInput::text("prices.csv", prices), "product", "price");
    let wrong = LookupTable::new(CsvInput::text("prices.csv", prices), "product", "prices");
    let table = CsvTable::accounts(CsvInput::text("accounts.csv", text))
        .column("id", "acount")
        .column("parent", "subsidiary_of")
        .column("parent", "account")
        .column("account_type", Column::constant("Compny"))
        .column("sector", Column::from("sector").map([("r", "retial")]))
        .column("revenu", "sector")
        .column("revenue", Column::from("account").lookup(lookup).or(Column::from("account").lookup(wrong)))
        .column("employees", Column::constant("many").date_format("%Y"))
        .column("score", Column::from("sector").empty(EmptyCell::Text))
        .column("seen", Column::from("seen").date_format("%Y-%Q"))
        .column("tags", Column::from("sector").list_separator(""));
    let invoices = CsvTable::child("invoices", CsvInput::text("invoices.csv", "id,account,total\n"));
    let nothing = CsvTable::child("opportunities", CsvInput::text("deals.csv", "id,id\n")).delimiter(';');
    let tables = [table, invoices, nothing, CsvTable::child("invoice", CsvInput::text("x.csv", "id\n"))];
    assert_eq!(
        faults(tables),
        "accounts from accounts.csv, column `id`: the file has no column `acount`; did you mean `account`?
accounts from accounts.csv, column `parent`: mapped twice
accounts from accounts.csv, column `account_type`: constant `Compny` does not fit: unknown account type; did you mean `Company`?
accounts from accounts.csv, column `sector`: mapped text `retial` does not fit: `retial` is not an allowed value; allowed: retail, medical
accounts from accounts.csv, column `revenu`: no such column of the table; did you mean `revenue`?
accounts from accounts.csv, column `revenue`: look-up file `prices.csv` has key `A` on line 2 and again on line 4
accounts from accounts.csv, column `revenue`: look-up file `prices.csv` has no column `prices`; did you mean `price`?
accounts from accounts.csv, column `employees`: date format means nothing for whole number
accounts from accounts.csv, column `employees`: constant `many` does not fit: it is no whole number
accounts from accounts.csv, column `score`: empty text means nothing for number
accounts from accounts.csv, column `seen`: date format `%Y-%Q` is none of chrono's
accounts from accounts.csv, column `tags`: separator of the list is empty
invoices from invoices.csv, column `total`: currency column `currency` is not mapped
opportunities from deals.csv, column `id`: nothing is mapped to it, and every row needs one
opportunities from deals.csv, column `account`: nothing is mapped to it, and every row needs one
opportunities from deals.csv: the header, line 1, has the headings `id,id`; it looks as if `,` delimited fields, and the mapping says `;`
invoice from x.csv: unknown table; did you mean `invoices`?"
    );
}

#[test]
fn faults_of_the_file_are_known_before_a_row_is_read() {
    let fault = |text: &[u8]| faults([accounts(text)]);
    let expect = |what: &str| format!("accounts from accounts.csv: accounts.csv{what}");
    assert_eq!(fault(b""), expect(": file is empty; expected a header"));
    assert_eq!(fault(b"\xef\xbb\xbf\n\n"), expect(": file is empty; expected a header"));
    assert_eq!(
        fault(b"\nid,name,id\n"),
        "accounts from accounts.csv, column `id`: accounts.csv, line 2, column `id`: duplicate column name in the header"
    );
    assert_eq!(fault(b"id,na\xffme\n"), expect(", line 1: text is not UTF-8 after 2 bytes of the field"));
    assert_eq!(fault(b"id,\"name\n"), expect(", line 1: a quote in this record is never closed"));
    let wide = "x,".repeat(20_000);
    assert!(fault(wide.as_bytes()).contains("header has 20001 columns; the limit is 16384"));
    let comma = faults([accounts("id\n").delimiter('\u{2028}')]);
    assert!(comma.contains("cannot delimit fields"), "{comma}");
    let gone = faults([CsvTable::accounts(CsvInput::path("/nowhere/at/all.csv"))]);
    assert!(gone.contains("accounts from all.csv: all.csv: cannot be opened"), "{gone}");
}

#[test]
fn a_file_that_is_no_table_ends_the_scan_with_its_line() {
    let read = "source failed in `read accounts.csv` of table `accounts`: accounts.csv, ";
    let cases: [(&[u8], &str); 6] = [
        (b"id,name\na,1\n\nb\n", "line 4: record has 1 fields; the header has 2"),
        (b"id,name\na,1,2\n", "line 2: record has 3 fields; the header has 2"),
        (b"id,name\na,1\nb,\xff\n", "line 3, column `name`: text is not UTF-8 after 0 bytes of the field"),
        (b"id,name\na,\"1\nb,2\n", "line 2: a quote in this record is never closed"),
        (b"id,name\ra,1\r\"b,2", "line 3: a quote in this record is never closed"),
        (b"id,name\na,\"1\n2\"\nb,\"", "line 4: a quote in this record is never closed"),
    ];
    for (text, expected) in cases {
        assert_eq!(scan_error(text), format!("{read}{expected}"));
    }
    let large = format!("id,name\na,{}\n", "x".repeat(MAX_FIELD_BYTES + 1));
    assert_eq!(
        scan_error(large),
        format!("{read}line 2, column `name`: field has 1048577 bytes; the limit is 1048576")
    );
    let exact = format!("id,name\na,{}\n", "x".repeat(MAX_FIELD_BYTES));
    assert_eq!(scan(&source(accounts(exact)), TableName::Accounts).unwrap(), 1);
}

#[test]
fn an_open_quote_before_a_large_rest_is_refused_without_reading_it() {
    struct Endless(Vec<u8>, u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(self.1 < 4 * MAX_RECORD_BYTES, "read on and on");
            let taken =
                if self.0.is_empty() { io::repeat(b'\n').read(buffer)? } else { (&*self.0).read(buffer)? };
            self.0.drain(..taken.min(self.0.len()));
            self.1 += taken as u64;
            Ok(taken)
        }
    }
    let input = CsvInput::opener("accounts.csv", || Ok(Endless(b"id,name\na,1\nb,\"".to_vec(), 0)));
    let table = CsvTable::accounts(input).column("account_type", Column::constant("Company"));
    let error = scan(&source(table), TableName::Accounts).unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<CsvError>().unwrap();
    assert!(matches!(cause.kind(), CsvErrorKind::RecordTooLarge), "{cause}");
    assert_eq!((cause.line(), cause.byte()), (Some(3), Some(12)));
    let blank = CsvInput::opener("blank.csv", || Ok(Endless(Vec::new(), 0)));
    let fault = faults([CsvTable::accounts(blank).column("account_type", Column::constant("Company"))]);
    assert!(fault.contains("blank.csv: record is larger than 8388608 bytes"), "{fault}");
}

#[test]
fn a_reader_that_fails_keeps_its_cause() {
    struct Torn(bool);
    impl Read for Torn {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 {
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "cable out"));
            }
            self.0 = true;
            (&b"id,name\na,1\nb,"[..]).read(buffer)
        }
    }
    let input = CsvInput::opener("accounts.csv", || Ok(io::BufReader::with_capacity(64, Torn(false))));
    let table = CsvTable::accounts(input).column("account_type", Column::constant("Company"));
    let error = scan(&source(table), TableName::Accounts).unwrap_err();
    let cause = error.source().unwrap();
    assert_eq!(cause.to_string(), "accounts.csv, line 3: cannot be read further");
    assert_eq!(cause.source().unwrap().to_string(), "cable out");
}

#[test]
fn a_header_that_changed_since_build_is_noticed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let opened = AtomicUsize::new(0);
    let input = CsvInput::opener("accounts.csv", move || {
        let first = opened.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(io::Cursor::new(if first { "id,name\n" } else { "name,id\na,b\n" }))
    });
    let table = CsvTable::accounts(input).column("account_type", Column::constant("Company"));
    let error = scan(&source(table), TableName::Accounts).unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<CsvError>().unwrap();
    assert!(matches!(cause.kind(), CsvErrorKind::HeaderChanged));
}

// Whole, cut off anywhere, or with any byte replaced: rows or a typed error, never a panic.
#[test]
fn broken_files_never_panic() {
    let whole = "\u{feff}id,name,revenue,employees,tags,seen\r\n\
                 a,\"É \"\"q\"\"\",1.5,12,x;y,2024-01-01T00:00:00Z\r\n\
                 b,\"two\nlines\",-3,0,,\r\n"
        .as_bytes();
    let try_table = |table: CsvTable| {
        let schema = schema();
        let built = CsvSource::builder(&schema).table(table).build();
        let Ok(source) = built else { return };
        if let Err(error) = scan(&source, TableName::Accounts) {
            let cause = error.source().unwrap().downcast_ref::<CsvError>().unwrap();
            assert!(cause.line().is_some(), "{cause}");
        }
    };
    let signs =
        |table: CsvTable| table.currency_sign("$", Currency::USD).accounting_negatives().strip_invisible();
    let try_all = |bytes: &[u8]| {
        try_table(accounts(bytes));
        try_table(signs(accounts(bytes).skip_lines(1).footer_rows(1)).zone(FixedZone::utc()));
        try_table(accounts(bytes).header_with(["id"]).ends_before("b"));
    };
    let text = std::str::from_utf8(&whole[3..]).unwrap();
    for whole in [whole.to_vec(), utf16(text, true), utf16(text, false)] {
        for end in 0..=whole.len() {
            try_all(&whole[..end]);
        }
        for at in 0..whole.len() {
            for byte in [0, b'"', b',', b'\r', b'\n', 0xff, b'9', b'(', b'-', b'$', 0xd8] {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                try_all(&bytes);
            }
        }
    }
}

#[test]
fn nul_bytes_a_lone_header_and_many_columns_are_read() {
    let batch = rows(&source(accounts("id,name\na,\0\n")), TableName::Accounts);
    assert_eq!(shown(&batch, "name"), ["\0"]);
    assert_eq!(scan(&source(accounts("id,name\n")), TableName::Accounts).unwrap(), 0);
    assert_eq!(scan(&source(accounts("id,name")), TableName::Accounts).unwrap(), 0);
    let names: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
    let text = format!("id,{}\na{}\n", names.join(","), ",".repeat(10_000));
    let wide = source(accounts(text));
    assert_eq!(wide.unmapped()[0].columns.len(), 10_000);
    assert_eq!(scan(&wide, TableName::Accounts).unwrap(), 1);
}

#[test]
fn unreadable_text_is_shortened() {
    let text = format!("id,employees\na,{}\n", "é".repeat(1_000));
    let batch = rows(&source(accounts(text)), TableName::Accounts);
    let expected = Cell::Unreadable { text: "é".repeat(60), expected: ValueKind::Int, reason: None };
    assert_eq!(cells(&batch, "employees"), [expected]);
}

#[test]
fn same_names_may_be_switched_off_and_files_read_from_paths() {
    let path = std::env::temp_dir().join(format!("perennial-csv-{}.csv", std::process::id()));
    std::fs::write(&path, "id,name\na,Acme\n").unwrap();
    let table = CsvTable::accounts(CsvInput::path(&path).named("export"))
        .map_same_names(false)
        .column("id", "id")
        .column("account_type", Column::constant("Company"));
    let source = source(table);
    let batch = rows(&source, TableName::Accounts);
    assert_eq!((batch.columns().len(), batch.origin().map(|name| &**name)), (2, Some("export")));
    assert_eq!(source.count(&TableName::Accounts).unwrap(), 1);
    std::fs::remove_file(&path).unwrap();
    assert!(scan(&source, TableName::Accounts).is_err());
}

#[test]
fn a_source_may_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<CsvSource>();
    shared::<CsvTable>();
}

#[test]
fn a_heading_that_misses_the_mapping_by_case_only_makes_no_book_of_roots() {
    let schema = || schema();
    let load = |text: &str, map: fn(CsvTable) -> CsvTable| {
        let source = source(map(accounts(text)));
        Book::load(schema(), &source, &Policy::strict())
    };
    let rows = "id,Parent,colour\nacme,,red\nacme-eu,acme,blue\n";
    let error = load(rows, |table| table).unwrap_err();
    assert_eq!(error.to_string(), "accounts.csv: column `Parent` is not read; did you mean `parent`?");
    // It is mapped, or said that there are no parents.
    let (_, report) = load(rows, |table| table.column("parent", "Parent")).unwrap();
    assert_eq!(report.subsidiaries, 1);
    assert_eq!(
        report.unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["accounts.csv: column `colour` is not read"]
    );
    let (_, report) = load(rows, |table| table.column("parent", Column::constant(""))).unwrap();
    assert_eq!((report.subsidiaries, report.unread.len()), (0, 2));
    // Another column than one of the hierarchy is told, with the nearest name.
    let (_, report) = load("id,Employees\nacme,5\n", |table| table).unwrap();
    assert!(
        report
            .to_string()
            .contains("accounts.csv: column `Employees` is not read; did you mean `employees`?"),
        "{report}"
    );
}

// --- Files as spreadsheets, accounts and warehouses write them ------------------------------------------------------

fn loaded(table: CsvTable) -> (Book, perennial::LoadReport) {
    Book::load(schema(), &source(table), &Policy::lenient()).unwrap()
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn utf16_with_a_mark_is_read() {
    let text = "id,name\r\na,Société\r\nb,\"日本\n😀\"\r\n";
    for big_endian in [false, true] {
        let batch = rows(&source(accounts(utf16(text, big_endian))), TableName::Accounts);
        assert_eq!(shown(&batch, "name"), ["Société", "日本\n😀"]);
        assert_eq!((batch.line(0), batch.line(1)), (Some(2), Some(3)));
        // An unpaired surrogate is reported with its line and column.
        let mut broken = utf16("id,name\na,1\nb,", big_endian);
        broken.extend(if big_endian { [0xd8, 0x3d] } else { [0x3d, 0xd8] });
        assert_eq!(
            scan_error(broken.clone()),
            "source failed in `read accounts.csv` of table `accounts`: accounts.csv, line 3, column `name`: text is \
             not UTF-16: unpaired surrogate"
        );
        broken.pop();
        assert!(scan_error(broken).ends_with("column `name`: text is not UTF-16: unpaired surrogate"));
        assert_eq!(
            faults([accounts(utf16("", big_endian))]),
            "accounts from accounts.csv: accounts.csv: file is empty; expected a header"
        );
    }
    // Without a byte order mark it is not decoded; the message suggests it.
    let bare: Vec<u8> = "id,name\na,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        faults([accounts(bare)]),
        "accounts from accounts.csv, column `id`: nothing is mapped to it, and every row needs one; did you mean `i\u{0}d\u{0}`?"
    );
}

#[test]
fn a_header_that_is_none_is_described() {
    let told = |text: &str| faults([accounts(text)]);
    let not_mapped =
        "accounts from accounts.csv, column `id`: nothing is mapped to it, and every row needs one";
    let cases = [
        (
            "id;name;seats\na;Acme;5\n",
            "the header, line 1, has the headings `id;name;seats`; it looks as if `;` delimited fields, and the mapping says `,`",
        ),
        (
            "id\tname\na\tAcme, Inc\n",
            "the header, line 1, has the headings `id\\u{9}name`; it looks as if a tab delimited fields, and the mapping says `,`",
        ),
        (
            "sep=;\nid;name\na;Acme\n",
            "the header, line 1, has the headings `sep=;`; the line says that `;` delimits fields, and the mapping says `,`",
        ),
        (
            "Accounts of 2026\n\nid,name\na,Acme\n",
            "the header, line 1, has the headings `Accounts of 2026`; line 3 has 2 fields: is line 1 a title? say where \
             the header is with `skip_lines` or `header_with`",
        ),
        (
            "\nAccounts,,\n,,\nid,name,seats\na,Acme,5\n",
            "the header, line 2, has the headings `Accounts`; line 4 has 3 fields: is line 2 a title? say where the \
             header is with `skip_lines` or `header_with`",
        ),
        ("key,title\na,Acme\n", "the header, line 1, has the headings `key`, `title`"),
        ("key\u{200b}x,title\n", "the header, line 1, has the headings `keyx`, `title`"),
    ];
    for (text, header) in cases {
        assert_eq!(told(text), format!("{not_mapped}\naccounts from accounts.csv: {header}"), "{text:?}");
    }
    assert_eq!(told(" ID , Seats \na,5\n"), format!("{not_mapped}; did you mean `ID`?"));
    let many: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    assert!(told(&many.join(",")).ends_with("`c10`, `c11` and 8 more"));
    // A column that is mapped and not there.
    let mapped = faults([accounts("id;naam\na;Acme\n")
        .delimiter('\t')
        .column("id", "key")
        .column("name", "Account Name")]);
    assert_eq!(
        mapped,
        "accounts from accounts.csv, column `id`: the file has no column `key`
accounts from accounts.csv, column `name`: the file has no column `Account Name`
accounts from accounts.csv: the header, line 1, has the headings `id;naam`; it looks as if `;` delimited fields, and \
the mapping says a tab"
    );
}

#[test]
fn lines_before_the_header_and_rows_after_the_table_are_not_read() {
    let report = "Accounts of \"EMEA\r\nas of 2026-01-31\r\n\r\nid,name\r\na,Acme\r\nb,Bluth\r\n,,\r\n\r\nTotal,2\r\nCopyright\r\n";
    let table = || accounts(report).skip_lines(3);
    for table in
        [table().footer_rows(2), table().ends_before("Total"), table().ends_before(" Total ").footer_rows(0)]
    {
        let batch = rows(&source(table), TableName::Accounts);
        assert_eq!(shown(&batch, "id"), ["a", "b"]);
        assert_eq!((batch.line(0), batch.line(1)), (Some(5), Some(6)));
    }
    let names = |table: CsvTable| shown(&rows(&source(table), TableName::Accounts), "id");
    // A footer row too many leaves out a row of the table.
    assert_eq!(names(table().footer_rows(3)), ["a"]);
    assert_eq!(scan(&source(table().footer_rows(4)), TableName::Accounts).unwrap(), 0);
    assert_eq!(scan(&source(table().footer_rows(9)), TableName::Accounts).unwrap(), 0);
    // Without the setting, the rows after the table are an error.
    assert!(scan(&source(table()), TableName::Accounts).is_err());
    // Whatever ends the lines, and with marks.
    for end in ["\n", "\r", "\r\n"] {
        let text = report.replace("\r\n", end);
        assert_eq!(names(accounts(text.clone()).skip_lines(3).footer_rows(2)), ["a", "b"], "{end:?}");
        assert_eq!(names(accounts(format!("\u{feff}{text}")).skip_lines(3).footer_rows(2)), ["a", "b"]);
        assert_eq!(names(accounts(utf16(&text, true)).skip_lines(3).footer_rows(2)), ["a", "b"]);
    }
    let error =
        scan(&source(accounts("x\nid,name\na,1,2\n").skip_lines(1)), TableName::Accounts).unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<CsvError>().unwrap();
    assert_eq!((cause.line(), cause.byte()), (Some(3), Some(10)));
    let empty = "accounts from accounts.csv: accounts.csv: file is empty; expected a header";
    for text in ["", "a", "a\nb", "a\nb\n"] {
        assert_eq!(faults([accounts(text).skip_lines(2)]), empty);
    }
    assert_eq!(
        faults([accounts("id\n").footer_rows(2_000)]),
        "accounts from accounts.csv: 2000 rows after the table; the limit is 1000"
    );
}

#[test]
fn a_header_is_found_by_its_headings() {
    let text = "Report,of\nid,of what\n\nid,name,seats\na,Acme,5\n";
    let found = |headings: &[&'static str]| accounts(text).header_with(headings.iter().copied());
    let batch = rows(&source(found(&["name", "id"])), TableName::Accounts);
    assert_eq!((shown(&batch, "id"), batch.line(0)), (vec!["a".to_owned()], Some(5)));
    assert_eq!(
        faults([found(&["id", "nom"])]),
        "accounts from accounts.csv: accounts.csv: no record among the first 100 has the headings `id`, `nom`"
    );
    let late = format!("{}id,name\na,Acme\n", "title\n".repeat(100));
    assert!(faults([accounts(late).header_with(["id"])]).contains("no record among the first 100"));
}

#[test]
fn rows_of_delimiters_only_are_blank() {
    let text = ",,\nid,name,employees\n,,\na,Acme,5\n , ,\t\n,,,,,,\n,\n\"\",,\nb,,\n,,\n";
    let source = source(accounts(text));
    let batch = rows(&source, TableName::Accounts);
    assert_eq!(shown(&batch, "id"), ["a", "b"]);
    assert_eq!((batch.line(0), batch.line(1)), (Some(4), Some(9)));
    // They have no number either.
    let lines = CsvTable::child("opportunities", CsvInput::text("d.csv", "account,amount\na,1\n,\nb,2\n"));
    let built = CsvSource::builder(&schema()).table(lines.id_from_row_number("d")).build().unwrap();
    assert_eq!(shown(&rows(&built, TableName::child("opportunities")), "id"), ["d1", "d2"]);
}

#[test]
fn a_heading_that_nobody_maps_may_stand_twice() {
    let text = "id,note,name,note\na,x,Acme,y\n";
    let built = source(accounts(text));
    assert_eq!(shown(&rows(&built, TableName::Accounts), "name"), ["Acme"]);
    assert_eq!(built.unmapped()[0].to_string(), "accounts.csv: `note` is not read");
    assert_eq!(
        faults([accounts(text).column("sector", "note")]),
        "accounts from accounts.csv, column `sector`: accounts.csv, line 1, column `note`: duplicate column name in the header"
    );
    let lookup = LookupTable::new(CsvInput::text("p.csv", "k,v,v\nA,1,2\n"), "k", "v");
    assert_eq!(
        faults([accounts(text).column("employees", Column::from("name").lookup(lookup))]),
        "accounts from accounts.csv, column `employees`: p.csv, line 1, column `v`: duplicate column name in the header"
    );
}

#[test]
fn the_line_of_excel_that_says_the_delimiter_is_no_header() {
    for (delimiter, said) in [(';', "sep=;"), ('\t', "SEP=\t"), (',', "sep=,")] {
        let text = format!("{said}\r\nid,name\r\na,Acme\r\n")
            .replace("id,", &format!("id{delimiter}"))
            .replace("a,A", &format!("a{delimiter}A"));
        let batch = rows(&source(accounts(text).delimiter(delimiter)), TableName::Accounts);
        assert_eq!((shown(&batch, "name"), batch.line(0)), (vec!["Acme".to_owned()], Some(3)));
    }
}

#[test]
fn amounts_of_books_of_account() {
    let text = "id,revenue,employees,score,share\n\
                a,\"$1,234.50\",1,($5),12.50-\n\
                b,($33.52),(12),$ -1.5,(0.25)\n\
                c,€ 12,5-,5.,(-1)\n\
                d,12.345,1.5,1 2,1.5\n";
    let table = || accounts(text).thousands_separator(',').accounting_negatives();
    let signs = table().currency_sign("$", Currency::USD).currency_sign("€", Currency::EUR);
    let batch = rows(&source(signs), TableName::Accounts);
    assert_eq!(
        shown(&batch, "revenue"),
        [
            "1234.50 USD",
            "-33.52 USD",
            "!€ 12 is no money: its sign is EUR; expected an amount in USD",
            "!12.345 is no money: USD has 2 decimals, and it has 3"
        ]
    );
    assert_eq!(shown(&batch, "employees"), ["1", "-12", "-5", "!1.5 is no whole number"]);
    assert_eq!(
        shown(&batch, "score"),
        ["-5", "-1.5", "5", "!1 2 is no number: a space is not a thousands separator of this column"]
    );
    assert_eq!(
        shown(&batch, "share"),
        ["-12.50", "-0.25", "!(-1) is no decimal: parentheses and another sign in one number", "1.50"]
    );
    // Without these settings nothing of it is guessed, and each says what it lacks.
    let batch = rows(&source(accounts(text)), TableName::Accounts);
    assert_eq!(
        shown(&batch, "revenue"),
        [
            "!$1,234.50 is no money: `$` is not a currency sign of this column",
            "!($33.52) is no money: `$` is not a currency sign of this column",
            "!€ 12 is no money: `€` is not a currency sign of this column",
            "!12.345 is no money: USD has 2 decimals, and it has 3"
        ]
    );
    assert_eq!(
        shown(&batch, "employees")[1..3],
        [
            "!(12) is no whole number: parentheses not read as a negative in this column",
            "!5- is no whole number: trailing minus not read as a negative in this column"
        ]
    );
    let wrong = faults([accounts("id,revenue\n")
        .column(
            "revenue",
            Column::from("revenue").currency_sign("1$", Currency::USD).currency_sign("", Currency::USD),
        )
        .column("name", Column::from("id").accounting_negatives().currency_sign("$", Currency::USD))]);
    assert_eq!(
        wrong,
        "accounts from accounts.csv, column `revenue`: `1$` cannot be a currency sign; use one such as `$`, `EUR` or `kr`, without digits and spaces
accounts from accounts.csv, column `revenue`: `` cannot be a currency sign; use one such as `$`, `EUR` or `kr`, without digits and spaces
accounts from accounts.csv, column `name`: accounting negative means nothing for text
accounts from accounts.csv, column `name`: currency sign means nothing for text"
    );
}

#[test]
fn local_times_and_serial_days() {
    let text = "id,seen\na,2024-03-01 08:30\nb,2024-03-01T08:30:00Z\nc,45352.5\nd,2024-02-30 08:30\n";
    let seen = |column: Column| {
        shown(&rows(&source(accounts(text).column("seen", column)), TableName::Accounts), "seen")
    };
    let plain = seen(Column::from("seen"));
    assert_eq!(
        plain,
        [
            "!2024-03-01 08:30 is no timestamp: it has no offset, and the column no zone",
            "2024-03-01T08:30:00Z",
            "!45352.5 is no timestamp",
            "!2024-02-30 08:30 is no timestamp: there is no such day"
        ]
    );
    let local = Column::from("seen").zone(FixedZone::east("CET", 60)).serial_dates(SerialDates::From1900);
    let expected = ["2024-03-01T07:30:00Z", "2024-03-01T08:30:00Z", "2024-03-01T11:00:00Z"];
    assert_eq!(seen(local)[..3], expected);
    // Of the table, for every column of timestamps; other columns do not mind.
    let table = accounts(text).zone(FixedZone::east("CET", 60));
    assert_eq!(shown(&rows(&source(table), TableName::Accounts), "seen")[0], expected[0]);
    let deals = CsvTable::child(
        "opportunities",
        CsvInput::text("d.csv", "id,account,engaged\n1,a,45352\n2,a,2024-03-01\n3,a,60\n4,a,45352.25\n"),
    )
    .zone(FixedZone::utc())
    .column("engaged", Column::from("engaged").serial_dates(SerialDates::From1900));
    assert_eq!(
        shown(&rows(&source(deals), TableName::child("opportunities")), "engaged"),
        [
            "2024-03-01",
            "2024-03-01",
            "!60 is no date: serial day 60 is 29 February 1900, which never was",
            "!45352.25 is no date: it has a time of day"
        ]
    );
    assert_eq!(
        faults([accounts("id\n")
            .column("name", Column::from("id").zone(FixedZone::utc()).serial_dates(SerialDates::From1904))]),
        "accounts from accounts.csv, column `name`: serial date means nothing for text
accounts from accounts.csv, column `name`: zone means nothing for text"
    );
}

// --- Ids that look alike -------------------------------------------------------------------------------------------

#[test]
fn ids_with_invisible_characters_are_refused_or_cleaned() {
    let text = "id,parent\nacme,\nacme\u{200b},acme\neu,\u{feff}acme\nde,ac\u{ad}me\n";
    let (book, report) = loaded(accounts(text));
    assert_eq!(book.len(), 1);
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "accounts.csv:3: id \"acme\\u{200b}\" contains the invisible character U+200B (zero width space)",
            "accounts.csv:4: id \"\\u{feff}acme\" contains the invisible character U+FEFF (byte order mark)",
            "accounts.csv:5: id \"ac\\u{ad}me\" contains the invisible character U+00AD (soft hyphen)"
        ]
    );
    let (book, report) = loaded(accounts(text.replace("acme\u{200b}", "fr\u{200b}")).strip_invisible());
    assert!(report.faults.is_empty(), "{report}");
    assert_eq!((book.len(), report.subsidiaries), (4, 3));
    // Texts that are not ids keep them.
    let named = accounts("id,name\na,Ac\u{ad}me\n");
    assert_eq!(shown(&rows(&source(named), TableName::Accounts), "name"), ["Ac\u{ad}me"]);
    // Ids in messages are escaped.
    let deals = CsvTable::child("opportunities", CsvInput::text("d.csv", "id,account\n1,a\u{2060}\n"));
    let built = CsvSource::builder(&schema()).table(accounts("id\na\n")).table(deals).build().unwrap();
    let (_, report) = Book::load(schema(), &built, &Policy::lenient()).unwrap();
    assert_eq!(
        report.faults[0].to_string(),
        "d.csv:2: row `1` belongs to `a\\u{2060}`, which is not in the book"
    );
}

#[test]
fn ids_are_trimmed_by_unicode() {
    let text = "id,parent\n\u{a0}acme\u{3000},\neu,\tacme\u{2009}\n";
    let (book, report) = loaded(accounts(text).trim());
    assert!(report.faults.is_empty(), "{report}");
    assert_eq!((book.len(), report.subsidiaries), (2, 1));
    let (_, report) = loaded(accounts("id\n\u{a0}acme\n"));
    assert_eq!(
        report.faults[0].to_string(),
        "accounts.csv:2: id \"\\u{a0}acme\" begins or ends with white space"
    );
}

// An id that was stored before the rule is kept, and a source that still has it changes nothing.
#[test]
fn an_id_that_a_book_has_already_is_taken() {
    let hidden = perennial::AccountId::new("acme\u{200b}").unwrap();
    let row = |id: &perennial::AccountId| perennial::AccountRow::new(id.clone(), "Company");
    let (book, _) = Book::load(schema(), &source(accounts("id\nacme\n")), &Policy::strict()).unwrap();
    let (book, _) = book.apply(&perennial::Change::new().add(row(&hidden))).unwrap();
    let said = accounts("id,employees\nacme,1\nacme\u{200b},2\n");
    let (change, report) = perennial::Change::from_source(&book, &source(said)).unwrap();
    assert!(report.faults.is_empty(), "{report}");
    let (book, _) = book.apply(&change).unwrap();
    assert_eq!(book.len(), 2);
    // A new one is refused, under the policy of the book.
    let error =
        perennial::Change::from_source(&book, &source(accounts("id\nacme\nacme\u{200b}\neu\u{200b}\n")))
            .unwrap_err();
    assert!(error.to_string().contains("id \"eu\\u{200b}\" contains the invisible character"), "{error}");
    // It is kept when the schema changes.
    let change = perennial::SchemaChange::new().remove(perennial::SchemaPart::attribute("tags"));
    let (evolved, _) = book.evolve(&change).unwrap();
    assert_eq!(evolved.len(), 2);
}

#[test]
fn the_other_form_of_a_salesforce_id_is_named() {
    let (short, long) = ("0019000000B98de", "0019000000B98deAAB");
    let told = |accounts_text: String, deals: String| {
        let deals = CsvTable::child("opportunities", CsvInput::text("deals.csv", deals));
        let built =
            CsvSource::builder(&schema()).table(accounts(accounts_text)).table(deals).build().unwrap();
        let (_, report) = Book::load(schema(), &built, &Policy::lenient()).unwrap();
        report.faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for (known, named, form) in [(long, short, "short"), (short, long, "long")] {
        assert_eq!(
            told(format!("id,parent\n{known},\neu,{named}\n"), format!("id,account\n1,{named}\n2,{known}\n")),
            [
                format!(
                    "accounts.csv:3: parent `{named}` of `eu` does not exist; it is the {form} form of account `{known}`"
                ),
                format!(
                    "deals.csv:2: row `1` belongs to `{named}`, which is not in the book; it is the {form} form of \
                     account `{known}`"
                )
            ]
        );
    }
    assert_eq!(
        told(format!("id,parent\n{long},\neu,0019000000B98dE\n"), "id,account\n".to_owned()),
        ["accounts.csv:3: parent `0019000000B98dE` of `eu` does not exist"]
    );
    // So does a change.
    let (book, _) = loaded(accounts(format!("id\n{long}\n")));
    let id = |text: &str| perennial::AccountId::new(text).unwrap();
    let below = perennial::AccountRow::new(id("eu"), "Company").under(id(short));
    let error = book.apply(&perennial::Change::new().add(below)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("parent `{short}` of `eu` does not exist; it is the short form of account `{long}`")
    );
}

#[test]
fn columns_that_are_filled_by_name_are_told() {
    let built = source(
        accounts("id,Name,employees,score\na,Acme,5,1\n").column("name", "Name").column("score", "score"),
    );
    assert_eq!(built.by_name().len(), 1);
    assert_eq!(built.by_name()[0].to_string(), "accounts.csv: `id`, `employees` are read by their names");
    assert!(source(accounts("id\na\n").map_same_names(false).column("id", "id")).by_name().is_empty());
    assert_eq!(
        source(accounts("id\na\n")).by_name()[0].to_string(),
        "accounts.csv: `id` is read by its name"
    );
}

// --- Edges of settings ----------------------------------------------------------------------------------------------

#[test]
fn skipped_text_has_a_limit() {
    let bytes = usize::try_from(MAX_RECORD_BYTES).unwrap() + (1 << 20);
    let text = format!("{}\nid\na\n", "x".repeat(bytes));
    let error = faults([accounts(text).skip_lines(1)]);
    assert!(error.contains(&format!("record is larger than {MAX_RECORD_BYTES} bytes")), "{error}");
}

#[test]
fn a_table_ends_at_the_first_field_with_text() {
    let table = accounts("id,name\na,Acme\n,Total\nb,Bluth\n").ends_before("Total");
    assert_eq!(shown(&rows(&source(table), TableName::Accounts), "id"), ["a"]);
}

#[test]
fn a_column_without_a_name_cannot_be_mapped() {
    let error = faults([accounts("id,,name\na,x,Acme\n").column("name", "")]);
    assert!(error.contains("column `name`: the file has no column ``"), "{error}");
}

#[test]
fn texts_that_are_composed_are_stripped_too() {
    let name = Column::row_number("r\u{200b}").strip_invisible();
    let batch = rows(&source(accounts("id\na\n").column("name", name)), TableName::Accounts);
    assert_eq!(shown(&batch, "name"), ["r1"]);
}

#[test]
fn the_longer_currency_sign_has_precedence_and_so_have_settings_of_a_column() {
    let revenue =
        Column::from("revenue").currency_sign("$", Currency::JPY).currency_sign("US$", Currency::USD);
    let table = accounts("id,revenue\na,US$5\nb,€5\n").currency_sign("€", Currency::EUR);
    let batch = rows(&source(table.column("revenue", revenue)), TableName::Accounts);
    assert_eq!(
        shown(&batch, "revenue"),
        ["5.00 USD", "!€5 is no money: `€` is not a currency sign of this column"]
    );
    let seen = Column::from("seen").zone(FixedZone::east("CET", 60));
    let table = accounts("id,seen\na,2024-03-01 08:30\n").zone(FixedZone::utc()).column("seen", seen);
    assert_eq!(shown(&rows(&source(table), TableName::Accounts), "seen"), ["2024-03-01T07:30:00Z"]);
}

#[test]
fn currencies_of_rows_are_trimmed_and_looked_up() {
    let invoices = |text: &str| CsvTable::child("invoices", CsvInput::text("invoices.csv", text));
    let totals = |table: CsvTable| shown(&rows(&source(table), TableName::child("invoices")), "total");
    assert_eq!(totals(invoices("id,account,currency,total\n1,a, EUR ,5\n").trim()), ["5.00 EUR"]);
    let lookup = LookupTable::new(CsvInput::text("codes.csv", "key,code\n1,EUR\n"), "key", "code");
    let table = invoices("id,account,currency,total\n1,a,1,5\n2,a,2,5\n")
        .column("currency", Column::from("currency").lookup(lookup));
    assert_eq!(totals(table), ["5.00 EUR", "!5 is no money: its row has an unknown currency"]);
    // A constant with the sign of its row's currency, whichever that is.
    let total = Column::constant("€5").currency_sign("€", Currency::EUR);
    let table = invoices("id,account,currency\n1,a,EUR\n2,a,USD\n").column("total", total);
    assert_eq!(totals(table), ["5.00 EUR", "!€5 is no money: its sign is EUR; expected an amount in USD"]);
}
