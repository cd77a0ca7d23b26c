//! Does `CsvSource` read what a mapping says, and name what is wrong with a file?

use std::error::Error;
use std::io::{self, Read};
use std::ops::ControlFlow;

use perennial::adapter::csv::limits::{MAX_FIELD_BYTES, MAX_RECORD_BYTES};
use perennial::adapter::csv::{
    Column, CsvError, CsvErrorKind, CsvInput, CsvSource, CsvSourceBuilder, CsvTable, EmptyCell, LookupTable,
    UnmatchedKey,
};
use perennial::source::{Batch, Cell, Cells, ScanRequest, Source, SourceError, SourceExt, TableName};
use perennial::{
    Attribute, AttributeType, Book, ChildTable, Currency, EnumValues, Money, Nesting, Policy, Schema,
    SystemAttribute, TableKind, Value, ValueKind,
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
        Cell::Unreadable { text, expected } => format!("!{text} is no {}", expected.word()),
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
    assert_eq!(shown(&batch, "engaged"), ["2016-10-20", "2016-10-21", "null", "!31-02-17 is no date"]);
    assert_eq!(shown(&batch, "amount"), ["4514.00 USD", "4821.00 USD", "550.00 USD", "!Unknown is no money"]);

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
        ["1200.50 EUR", "!1.200,50 is no money", "!5 is no money", "!5 is no money", "null"]
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
invoice from x.csv: unknown table; did you mean `invoices`?"
    );
}

#[test]
fn faults_of_the_file_are_known_before_a_row_is_read() {
    let fault = |text: &[u8]| faults([accounts(text)]);
    let expect = |what: &str| format!("accounts from accounts.csv: accounts.csv{what}");
    assert_eq!(fault(b""), expect(": file is empty; expected a header"));
    assert_eq!(fault(b"\xef\xbb\xbf\n\n"), expect(": file is empty; expected a header"));
    assert_eq!(fault(b"\nid,name,id\n"), expect(", line 2, column `id`: column stands twice in the header"));
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
    let try_all = |bytes: &[u8]| {
        let schema = schema();
        let built = CsvSource::builder(&schema).table(accounts(bytes)).build();
        let Ok(source) = built else { return };
        if let Err(error) = scan(&source, TableName::Accounts) {
            let cause = error.source().unwrap().downcast_ref::<CsvError>().unwrap();
            assert!(cause.line().is_some(), "{cause}");
        }
    };
    for end in 0..=whole.len() {
        try_all(&whole[..end]);
    }
    for at in 0..whole.len() {
        for byte in [0, b'"', b',', b'\r', b'\n', 0xff, b'9'] {
            let mut bytes = whole.to_vec();
            bytes[at] = byte;
            try_all(&bytes);
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
    let expected = Cell::Unreadable { text: "é".repeat(60), expected: ValueKind::Int };
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
