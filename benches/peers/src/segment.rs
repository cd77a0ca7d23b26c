//! Which segment is asked, and which accounts are in it?

use crate::data::Data;

/// The segment in our language: five clauses.
pub const OURS: &str = r#"contract_value > 50000 && (industry == "Software" || industry == "Banking") && nps < 60
    && region in ["EMEA", "APAC"]"#;

/// The same where money is cents and text is plain: CEL.
pub const CEL: &str = r#"contract_value > 5000000 && (industry == "Software" || industry == "Banking") && nps < 60
    && region in ["EMEA", "APAC"]"#;

/// A longer text, to be read.
pub const LONG: &str = r#"contract_value > 50000 && (industry == "Software" || industry == "Banking") && nps < 60 && region in ["EMEA", "APAC"] && contract_renewal_date.inNext(90, "days") && name.contains("Account") && m1 > 5"#;

/// How often a text is read, so that a clock can tell.
pub const TIMES: usize = 100;

/// The accounts of the segment, found the slow and obvious way. What has no value matches nothing.
pub fn matching(data: &Data) -> Vec<bool> {
    let one_of =
        |text: &Option<String>, known: [&str; 2]| text.as_deref().is_some_and(|text| known.contains(&text));
    (0..data.len())
        .map(|number| {
            data.contract_values[number].is_some_and(|cents| cents > 5_000_000)
                && one_of(&data.industries[number], ["Software", "Banking"])
                && data.nps[number].is_some_and(|nps| nps < 60)
                && one_of(&data.regions[number], ["EMEA", "APAC"])
        })
        .collect()
}
