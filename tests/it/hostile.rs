//! Does a broken file or document end in a typed error with its place, with nothing lost and no panic?
//!
//! What a CSV source itself refuses is the affair of `csv_source.rs`; here whole books are loaded.

use std::error::Error;

use perennial::adapter::csv::{Column, CsvError, CsvErrorKind, CsvInput, CsvSource, CsvTable};
use perennial::report::{JsonFaultKind, SchemaFaultKind};
use perennial::{Book, FaultKind, LoadError, LoadReport, Policy, Schema};

const SCHEMA: &str = r#"{
    "perennial_schema": 1,
    "account_types": [{ "name": "Company", "nesting": "free" }],
    "attributes": [
        { "name": "seats", "type": "int" },
        { "name": "score", "type": "double" },
        { "name": "arr", "type": "money", "currency": "EUR" },
        { "name": "since", "type": "date" },
        { "name": "seen", "type": "timestamp" },
        { "name": "plan", "type": "enum", "values": ["basic", "pro"] },
        { "name": "note", "type": "text", "max_bytes": 100 }
    ],
    "tables": [{ "name": "deals", "kind": "opportunities", "columns": [{ "name": "qty", "type": "int" }] }]
}"#;

fn source(accounts: impl Into<Vec<u8>>, deals: impl Into<Vec<u8>>) -> Option<CsvSource> {
    let schema = Schema::from_json(SCHEMA).unwrap();
    let (accounts, deals): (Vec<u8>, Vec<u8>) = (accounts.into(), deals.into());
    let accounts = CsvTable::accounts(CsvInput::bytes("accounts.csv", accounts))
        .column("account_type", Column::constant("Company"));
    let mut builder = CsvSource::builder(&schema).table(accounts);
    if !deals.is_empty() {
        builder = builder.table(CsvTable::child("deals", CsvInput::bytes("deals.csv", deals)));
    }
    builder.build().ok()
}

fn load(accounts: impl Into<Vec<u8>>, deals: &str, policy: &Policy) -> Result<(Book, LoadReport), LoadError> {
    let source = source(accounts, deals).unwrap_or_else(|| panic!("the mapping is good"));
    Book::load(Schema::from_json(SCHEMA).unwrap(), &source, policy)
}

// Nothing is lost, whatever is wrong.
fn balanced(report: &LoadReport) {
    for (table, rows) in &report.tables {
        assert_eq!(rows.loaded + rows.quarantined, rows.offered, "{table}: {report}");
    }
}

fn lenient(accounts: &str, deals: &str) -> (Book, LoadReport) {
    let (book, report) = load(accounts, deals, &Policy::lenient()).unwrap_or_else(|error| panic!("{error}"));
    balanced(&report);
    assert_eq!(report.tables["accounts"].loaded, book.len());
    (book, report)
}

// The faults, one a line.
fn faults(report: &LoadReport) -> String {
    let lines: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

#[test]
fn cells_of_the_wrong_type_are_reported_with_file_line_and_column() {
    let csv = "id,seats,score,arr,since,seen,plan\n\
               a,many,,,,,\n\
               b,1e999,1e999,,,,\n\
               c,,NaN,,,,\n\
               d,,inf,12.345,,,\n\
               e,,,,2023-02-30,,\n\
               f,,,,,2023-01-01T00:00:00,\n\
               g,,,,,,gold\n\
               h,9007199254740993,,1e3,30.02.2023,yesterday,PRO\n";
    let (book, report) = lenient(csv, "");
    assert_eq!(book.len(), 8);
    assert_eq!(faults(&report), CELLS);
    let strict = load(csv, "", &Policy::strict()).unwrap_err();
    let refused = strict.report().unwrap();
    balanced(refused);
    assert_eq!(faults(refused), CELLS);
}

const CELLS: &str = "\
accounts.csv:2: `a`: seats: `many` is no whole number
accounts.csv:3: `b`: seats: `1e999` is no whole number
accounts.csv:3: `b`: score: `1e999` is no number
accounts.csv:4: `c`: score: `NaN` is no number
accounts.csv:5: `d`: score: `inf` is no number
accounts.csv:5: `d`: arr: `12.345` is no money: EUR has 2 decimals, and it has 3
accounts.csv:6: `e`: since: `2023-02-30` is no date: there is no such day
accounts.csv:7: `f`: seen: `2023-01-01T00:00:00` is no timestamp: it has no offset, and the column no zone
accounts.csv:8: `g`: plan: `gold` is not an allowed value; allowed: basic, pro
accounts.csv:9: `h`: seats: `9007199254740993` is out of range
accounts.csv:9: `h`: arr: `1e3` is no money
accounts.csv:9: `h`: since: `30.02.2023` is no date
accounts.csv:9: `h`: seen: `yesterday` is no timestamp
accounts.csv:9: `h`: plan: `PRO` is not an allowed value; allowed: basic, pro
";

#[test]
fn ids_that_are_none_are_quarantined_and_counted() {
    let long = "x".repeat(481);
    let huge = "y".repeat(1_000_000);
    let csv = format!(
        "id,parent\n\"a\u{1}b\",\n\" pad\",\n{long},\n{huge},\n\"two\nlines\",\n\"\u{85}\",ok\nok,\nunder,\"a\u{1}b\"\n,ok\n"
    );
    let (book, report) = lenient(&csv, "");
    let rows = report.tables["accounts"];
    // An account under an id that nobody can have is held as well, not made a root in silence.
    assert_eq!((rows.offered, rows.loaded, book.len()), (9, 1, 1), "{report}");
    assert_eq!(report.count(FaultKind::InvalidId) + report.count(FaultKind::MissingParent), 8, "{report}");
    // A report of hostile ids is no larger than it must be.
    assert!(report.to_string().len() < 10_000, "{} bytes", report.to_string().len());
}

#[test]
fn repeated_keys_and_children_of_nobody_are_all_accounted_for() {
    let csv = "id,parent,seats\na,,1\na,,1\na,,2\nb,a,3\nb,b,4\nc,c,5\nd,e,6\ne,d,7\nf,nowhere,8\n";
    let deals =
        "id,account,qty\n1,a,1\n1,a,2\n1,b,3\n2,nobody,4\n3,,5\n4,f,x\n5,e,99999999999999999999\n,a,6\n";
    let (book, report) = lenient(csv, deals);
    assert_eq!(report.tables["accounts"].offered, 9);
    assert_eq!(report.tables["deals"].offered, 8);
    assert!(book.len() >= 5);
    for kind in [FaultKind::RepeatedId, FaultKind::RepeatedChild, FaultKind::ChildOfUnknownAccount] {
        assert!(report.count(kind) > 0, "{kind}: {report}");
    }
    balanced(load(csv, deals, &Policy::strict()).unwrap_err().report().unwrap());
}

fn csv_error(error: &LoadError) -> &CsvError {
    let LoadError::Source(error) = error else { panic!("{error}") };
    error.source().unwrap().downcast_ref().unwrap()
}

#[test]
fn a_file_that_is_no_table_ends_the_load_with_its_place_and_its_cause() {
    let wrong = |csv: &[u8]| load(csv, "", &Policy::lenient()).unwrap_err();
    let error = wrong(b"id,note\na,fine\nb,\xff\xfe\n");
    let cause = csv_error(&error);
    assert_eq!((cause.file(), cause.line(), cause.column()), ("accounts.csv", Some(3), Some("note")));
    assert!(matches!(cause.kind(), CsvErrorKind::Utf8 { .. }));
    let error = wrong(b"id,note\na,\"never closed\nb,c\n");
    assert!(matches!(csv_error(&error).kind(), CsvErrorKind::UnclosedQuote), "{error}");
    let error = wrong(b"id,note\na,b\nc\n");
    assert!(matches!(csv_error(&error).kind(), CsvErrorKind::Ragged { expected: 2, found: 1 }), "{error}");
    let mut huge = b"id,note\na,".to_vec();
    huge.extend(std::iter::repeat_n(b'x', (1 << 20) + 1));
    let error = wrong(&huge);
    assert!(matches!(csv_error(&error).kind(), CsvErrorKind::FieldTooLarge { .. }), "{error}");
    // A field within the limit of files and beyond that of the attribute is a fault of one cell.
    let (book, report) = lenient(&format!("id,note\na,{}\nb,short\n", "x".repeat(100_000)), "");
    assert_eq!((book.len(), report.count(FaultKind::InvalidValue)), (2, 1));
    assert!(report.to_string().len() < 1_000, "{report}");
}

#[test]
fn a_file_cut_anywhere_is_a_shorter_book_or_a_typed_error() {
    let csv = "id,parent,seats,score,arr,since,seen,plan,note\n\
               top,,1,0.5,12.50,2024-02-29,2024-02-29T12:00:00Z,pro,\"a \"\"quoted\"\", note\"\n\
               sub,top,2,1e-3,-1.00,2024-03-01,2024-03-01T00:00:00+01:00,basic,Grüße\n";
    for cut in 0..=csv.len() {
        let bytes = &csv.as_bytes()[..cut];
        let Some(source) = source(bytes, "") else { continue };
        match Book::load(Schema::from_json(SCHEMA).unwrap(), &source, &Policy::lenient()) {
            Ok((_, report)) => balanced(&report),
            Err(error) => assert!(csv_error(&error).line().is_some(), "{cut}: {error}"),
        }
    }
}

#[test]
fn any_byte_at_any_place_of_a_file_gives_a_book_or_a_typed_error() {
    let csv = b"id,parent,seats,since,note\ntop,,1,2024-02-29,\"a\"\nsub,top,2,2024-03-01,b\n";
    for at in 0..csv.len() {
        for byte in [0, b'"', b',', b'\n', b'\r', b' ', b'-', b'9', 0x7f, 0x80, 0xc3, 0xff] {
            let mut bytes = csv.to_vec();
            bytes[at] = byte;
            let Some(source) = source(bytes, "") else { continue };
            match Book::load(Schema::from_json(SCHEMA).unwrap(), &source, &Policy::lenient()) {
                Ok((_, report)) => balanced(&report),
                Err(error) => assert!(!csv_error(&error).to_string().is_empty()),
            }
        }
    }
}

#[test]
fn a_schema_cut_anywhere_is_refused_in_words() {
    for cut in 0..SCHEMA.len() {
        let errors = Schema::from_json(&SCHEMA[..cut]).unwrap_err();
        assert!(
            matches!(errors.faults()[0].kind(), SchemaFaultKind::Json(JsonFaultKind::Syntax { .. })),
            "{cut}: {errors}"
        );
    }
}

#[test]
fn any_byte_at_any_place_of_a_schema_is_a_schema_or_a_fault() {
    for at in 0..SCHEMA.len() {
        for byte in ["\u{0}", "\"", "{", "}", "[", "]", ",", ":", "9", "-", "\\", "\u{7f}", "é"] {
            let text = format!("{}{byte}{}", &SCHEMA[..at], &SCHEMA[at + 1..]);
            if let Err(errors) = Schema::from_json(&text) {
                assert!(!errors.faults().is_empty() && !errors.to_string().is_empty());
            }
        }
    }
}

#[test]
fn schemas_that_are_deep_long_or_of_the_wrong_types_are_refused() {
    let document = |attributes: &str| {
        format!(
            r#"{{"perennial_schema":1,"account_types":[{{"name":"C","nesting":"free"}}],"attributes":{attributes}}}"#
        )
    };
    let deep = document(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    let deeper = document(&format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)));
    for text in [deep, deeper] {
        let errors = Schema::from_json(&text).unwrap_err();
        assert!(errors.to_string().len() < 2_000, "{errors}");
    }
    let name = "n".repeat(1_000_000);
    let cases = [
        document(&format!(r#"[{{"name":"{name}","type":"int"}}]"#)),
        document(r#"[{"name":"a","type":"decimal","scale":1e999}]"#),
        document(r#"[{"name":"a","type":"decimal","scale":-1}]"#),
        document(r#"[{"name":"a","type":"decimal","scale":1.5}]"#),
        document(r#"[{"name":"a","type":"decimal","scale":99999999999999999999}]"#),
        document(r#"[{"name":"a","name":"b","type":"int"}]"#),
        document(r#"[{"name":"a","type":"int"},{"name":"a","type":"int"}]"#),
        document(r#"[{"name":"\ud800","type":"int"}]"#),
        document(r#"[{"name":"a\u0000b","type":"int"}]"#),
        document(r#"[{"name":null,"type":[]}]"#),
        document(r#"{"name":"a"}"#),
        document("NaN"),
        r#"{"perennial_schema":1e999}"#.to_owned(),
        r#"{"perennial_schema":"1"}"#.to_owned(),
        r#"{"perennial_schema":1,"perennial_schema":1}"#.to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        String::new(),
    ];
    for text in cases {
        let errors = Schema::from_json(&text).unwrap_err();
        assert!(!errors.faults().is_empty());
        assert!(errors.to_string().len() < 3_000, "{errors}");
    }
    // A thousand faults are enough, and the text says that there are more.
    let many: Vec<String> = (0..4_000).map(|_| r#"{"name":"","type":"x"}"#.to_owned()).collect();
    let errors = Schema::from_json(&document(&format!("[{}]", many.join(",")))).unwrap_err();
    assert!(errors.faults().len() <= 1_001);
}
