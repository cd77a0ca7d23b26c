//! What is promised of the types themselves?

use perennial::adapter::csv::CsvSource;
use perennial::aggregate::{RollUpAnswers, RollUpErrors, RollUpPlan};
use perennial::expr::ExprValue;
use perennial::source::MemorySource;
use perennial::{
    Account, AccountIdx, AccountSet, Book, BookBuilder, Change, ChangeError, ChangeReport, LoadError,
    LoadReport, Policy, Schema, SchemaErrors, Scope, SnapshotError, Value, View,
};

fn crosses_threads<T: Send + Sync>() {}

#[test]
fn everything_a_service_holds_crosses_threads() {
    crosses_threads::<Schema>();
    crosses_threads::<Policy>();
    crosses_threads::<Book>();
    crosses_threads::<BookBuilder>();
    crosses_threads::<View>();
    crosses_threads::<Account<'static>>();
    crosses_threads::<AccountSet>();
    crosses_threads::<Scope>();
    crosses_threads::<Change>();
    crosses_threads::<RollUpPlan>();
    crosses_threads::<RollUpAnswers>();
    crosses_threads::<MemorySource>();
    crosses_threads::<CsvSource>();
}

#[test]
fn reports_and_errors_cross_threads() {
    crosses_threads::<LoadReport>();
    crosses_threads::<ChangeReport>();
    crosses_threads::<LoadError>();
    crosses_threads::<ChangeError>();
    crosses_threads::<SnapshotError>();
    crosses_threads::<SchemaErrors>();
    crosses_threads::<RollUpErrors>();
}

// A larger one is a decision, not an accident.
#[test]
fn hot_types_stay_small() {
    assert_eq!(size_of::<AccountIdx>(), 8);
    assert_eq!(size_of::<Account<'static>>(), 16);
    assert_eq!(size_of::<Option<perennial::AccountId>>(), 16);
    assert_eq!(size_of::<Book>(), 8);
    assert!(size_of::<Value>() <= 48, "{}", size_of::<Value>());
    assert!(size_of::<ExprValue>() <= 64, "{}", size_of::<ExprValue>());
}

/// Numbers, texts and instants as a host has them.
#[test]
fn what_a_host_holds_is_a_value() {
    use perennial::{Decimal, Timestamp};
    use std::time::{Duration, UNIX_EPOCH};

    assert_eq!(Value::from(String::from("Acme")), Value::from("Acme"));
    for number in
        [Value::from(7_i8), Value::from(7_u16), Value::from(7), Value::from(7_u32), Value::from(7_usize)]
    {
        assert_eq!(number, Value::Int(7));
    }
    assert_eq!(Value::from(usize::MAX), Value::Decimal(Decimal::new(i128::from(u64::MAX), 0)));
    let micros = |time: std::time::SystemTime| Timestamp::try_from(time).map(|time| time.micros());
    assert_eq!(micros(UNIX_EPOCH + Duration::from_nanos(1_999)).unwrap(), 1);
    assert_eq!(micros(UNIX_EPOCH - Duration::from_nanos(1)).unwrap(), -1);
    assert_eq!(micros(UNIX_EPOCH - Duration::from_micros(5)).unwrap(), -5);
    assert!(micros(UNIX_EPOCH + Duration::from_secs(1 << 40)).is_err());
}
