//! How does a promise become a test of the host?
//!
//! The names of the promises of a trait stand in one list below; from it come the tests of a host and the
//! functions `all`. A promise that is added is added to its list.

/// Makes a test of every promise of a [`Source`](crate::source::Source), in a module of its own.
///
/// `source_conformance!(name, harness)`: `harness` is a function or closure without arguments that makes a
/// [`SourceHarness`](crate::testkit::conformance::SourceHarness). Put it into a file of tests, or a module
/// under `#[cfg(test)]`; a failure then names the promise, such as `name::a_break_ends_the_scan`. What the
/// harness says it lacks is skipped; `source::all` lists that.
///
/// ```
/// use perennial::testkit::conformance::MemoryHarness;
///
/// perennial::testkit::source_conformance!(memory, || MemoryHarness::new(50));
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_source_conformance {
    ($name:ident, $harness:expr $(,)?) => {
        $crate::testkit::conformance::__source_promises! { __tests [$name, source, $harness] }
    };
}

/// Makes a test of every promise of an [`AccountTree`](crate::hierarchy::AccountTree), in a module of its own.
///
/// `account_tree_conformance!(name, case)`: `case` is a function or closure without arguments that makes a
/// [`TreeCase`](crate::testkit::conformance::TreeCase), the tree with all of its nodes.
///
/// ```
/// use perennial::hierarchy::AccountTree;
/// use perennial::testkit::conformance::TreeCase;
///
/// struct Pair;
///
/// impl AccountTree for Pair {
///     type Node = u8;
///     fn parent(&self, node: u8) -> Option<u8> {
///         (node == 1).then_some(0)
///     }
///     fn children_into(&self, node: u8, out: &mut Vec<u8>) {
///         out.extend((node == 0).then_some(1));
///     }
///     fn roots_into(&self, out: &mut Vec<u8>) {
///         out.push(0);
///     }
/// }
///
/// perennial::testkit::account_tree_conformance!(pair, || TreeCase::new(Pair, [0, 1]));
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_account_tree_conformance {
    ($name:ident, $case:expr $(,)?) => {
        $crate::testkit::conformance::__tree_promises! { __tests [$name, tree, $case] }
    };
}

/// Makes a test of every promise of a [`Zone`](crate::Zone), in a module of its own.
///
/// `zone_conformance!(name, zone)`: `zone` is a function or closure without arguments that makes the zone.
///
/// ```
/// use perennial::FixedZone;
///
/// perennial::testkit::zone_conformance!(utc, FixedZone::utc);
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_zone_conformance {
    ($name:ident, $zone:expr $(,)?) => {
        $crate::testkit::conformance::__zone_promises! { __tests [$name, zone, $zone] }
    };
}

/// Makes a test of every promise of [`Rates`](crate::Rates), in a module of its own.
///
/// `rates_conformance!(name, case)`: `case` is a function or closure without arguments that makes a
/// [`RatesCase`](crate::testkit::conformance::RatesCase), the rates with some that are known.
///
/// ```
/// use perennial::{Currency, Date, Decimal, Rates, testkit::conformance::RatesCase};
///
/// #[derive(Debug)]
/// struct Par;
///
/// impl Rates for Par {
///     fn rate(&self, _from: Currency, _to: Currency, _on: Date) -> Option<Decimal> {
///         Some(Decimal::new(1, 0))
///     }
/// }
///
/// perennial::testkit::rates_conformance!(par, || {
///     RatesCase::new(Par).known(Currency::EUR, Currency::USD, Date::MIN, Decimal::new(1, 0)).knows_everything()
/// });
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_rates_conformance {
    ($name:ident, $case:expr $(,)?) => {
        $crate::testkit::conformance::__rates_promises! { __tests [$name, rates, $case] }
    };
}

/// Makes a test of every promise of a [`BusinessCalendar`](crate::BusinessCalendar), in a module of its own.
///
/// `business_calendar_conformance!(name, case)`: `case` is a function or closure without arguments that makes a
/// [`BusinessCalendarCase`](crate::testkit::conformance::BusinessCalendarCase), the calendar with some days that are known.
///
/// ```
/// use perennial::{Date, WeekCalendar, testkit::conformance::BusinessCalendarCase};
///
/// perennial::testkit::business_calendar_conformance!(every_weekday, || {
///     let day = |day| Date::new(2026, 1, day).unwrap();
///     BusinessCalendarCase::new(WeekCalendar::monday_to_friday()).business_day(day(2)).closed(day(3))
/// });
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_business_calendar_conformance {
    ($name:ident, $case:expr $(,)?) => {
        $crate::testkit::conformance::__business_calendar_promises! { __tests [$name, business_calendar, $case] }
    };
}

/// Makes a test of every promise of a [`CustomKind`](crate::catalog::CustomKind), in a module of its own.
///
/// `custom_kind_conformance!(name, case)`: `case` is a function or closure without arguments that makes a
/// [`CustomKindCase`](crate::testkit::conformance::CustomKindCase), the kind with some inputs.
///
/// ```
/// use perennial::catalog::{CustomInputs, CustomKind, CustomOutput, InputValue};
/// use perennial::expr::{ExprValue, Type};
/// use perennial::testkit::conformance::CustomKindCase;
/// use perennial::{AsOf, Date};
///
/// #[derive(Debug)]
/// struct Rows;
///
/// impl CustomKind for Rows {
///     fn word(&self) -> &str {
///         "rows"
///     }
///     fn version(&self) -> u64 {
///         1
///     }
///     fn outputs(&self) -> Vec<CustomOutput> {
///         vec![CustomOutput::own(Type::Int)]
///     }
///     fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
///         vec![i64::try_from(inputs.rows(0).len()).ok().map(ExprValue::Int)]
///     }
/// }
///
/// perennial::testkit::custom_kind_conformance!(rows, || {
///     CustomKindCase::new(Rows, AsOf::date_utc(Date::MIN)).given([InputValue::Rows(vec![vec![None]])])
/// });
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_custom_kind_conformance {
    ($name:ident, $case:expr $(,)?) => {
        $crate::testkit::conformance::__custom_kind_promises! { __tests [$name, custom_kind, $case] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_source_promises {
    ($then:ident $given:tt) => {
        $crate::testkit::conformance::$then! {
            $given
            every_row_comes_once
            rows_at_the_edge_of_a_page_come_once
            rows_at_fault_come_as_they_stand
            a_table_without_rows_is_empty
            batches_are_tables
            batches_are_of_the_table_asked_for
            ids_come_back_byte_for_byte
            accounts_keep_their_place
            links_keep_their_ranks
            successions_keep_their_days
            child_rows_keep_their_accounts
            truth_values_come_back
            whole_numbers_come_back
            decimals_come_back
            money_comes_back
            mixed_money_comes_back
            doubles_come_back
            texts_come_back
            dates_come_back
            timestamps_come_back
            durations_come_back
            enumerations_come_back
            bands_come_back
            lists_come_back
            a_narrow_request_is_enough
            the_ids_alone_are_enough
            a_column_that_is_not_stored_is_left_out
            absent_stays_absent
            null_stays_null
            empty_text_stays_a_text
            a_break_ends_the_scan
            a_break_in_mid_scan_ends_it
            a_scan_after_a_break_is_whole
            a_failure_is_an_error
            an_error_names_its_table_and_call
            an_error_keeps_its_cause
            two_scans_give_the_same_rows
            a_table_with_rows_is_provided
            what_is_provided_can_be_scanned
            a_table_that_is_not_provided_has_no_rows
            a_load_gives_the_book_of_these_rows
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_tree_promises {
    ($then:ident $given:tt) => {
        $crate::testkit::conformance::$then! {
            $given
            children_name_their_parent
            a_node_stands_among_the_children_of_its_parent
            nobody_stands_twice
            roots_have_no_parent
            a_node_without_parent_is_a_root
            there_is_no_cycle
            children_come_in_one_order
            roots_come_in_one_order
            children_are_appended
            roots_are_appended
            the_walk_meets_everybody_once
            provided_answers_agree
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_zone_promises {
    ($then:ident $given:tt) => {
        $crate::testkit::conformance::$then! {
            $given
            offsets_are_less_than_a_day
            an_instant_has_one_offset
            the_date_is_that_of_the_offset
            the_date_is_clamped_at_the_ends_of_the_calendar
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_rates_promises {
    ($then:ident $given:tt) => {
        $crate::testkit::conformance::$then! {
            $given
            a_rate_is_the_worth_of_one_unit
            a_rate_is_more_than_nothing
            there_and_back_is_near_one
            a_question_has_one_answer
            an_unknown_rate_is_none
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_business_calendar_promises {
    ($then:ident $given:tt) => {
        $crate::testkit::conformance::$then! {
            $given
            a_day_has_one_answer
            known_days_are_answered
            provided_answers_agree
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_custom_kind_promises {
    ($then:ident $given:tt) => {
        $crate::testkit::conformance::$then! {
            $given
            the_same_inputs_give_the_same_outputs
            what_is_brought_is_the_same_and_stands_below
            every_thread_has_the_same_answers
            what_is_declared_stays
            outputs_are_of_their_types
            it_does_not_panic
        }
    };
}

// A module with a test of each promise.
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_tests {
    ([$name:ident, $suite:ident, $make:expr] $($promise:ident)*) => {
        mod $name {
            #[allow(unused_imports, reason = "what the expression names may be in scope outside")]
            use super::*;
            $(
                #[test]
                fn $promise() {
                    let made = ($make)();
                    let outcome = $crate::testkit::conformance::$suite::$promise(&made);
                    let broken = outcome.err().map(|broken| broken.to_string());
                    assert!(broken.is_none(), "{}", broken.unwrap_or_default());
                }
            )*
        }
    };
}

// The outcome of each promise, with its name.
#[doc(hidden)]
#[macro_export]
macro_rules! __perennial_outcomes {
    ([$tested:expr] $($promise:ident)*) => {
        vec![$((stringify!($promise), $promise($tested))),*]
    };
}

// A macro that is exported stands at the root of the crate, under a name that no host writes; these are
// the names for hosts, in the module that the macros belong to.
#[doc(inline)]
pub use {
    __perennial_account_tree_conformance as account_tree_conformance,
    __perennial_business_calendar_conformance as business_calendar_conformance,
    __perennial_custom_kind_conformance as custom_kind_conformance,
    __perennial_rates_conformance as rates_conformance, __perennial_source_conformance as source_conformance,
    __perennial_zone_conformance as zone_conformance,
};
#[doc(hidden)]
pub use {
    __perennial_business_calendar_promises as __business_calendar_promises,
    __perennial_custom_kind_promises as __custom_kind_promises, __perennial_outcomes as __outcomes,
    __perennial_rates_promises as __rates_promises, __perennial_source_promises as __source_promises,
    __perennial_tests as __tests, __perennial_tree_promises as __tree_promises,
    __perennial_zone_promises as __zone_promises,
};
