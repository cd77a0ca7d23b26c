//! Which other text names the same record of Salesforce?
//!
//! An id there has 15 characters, whose case matters. Exports and interfaces also write it with 18: the last three say
//! which of the others are capitals, so that it survives a system that ignores case. A file that mixes both forms
//! names accounts that are not found. Faults name the other form; the two are never treated as one id.

const SHORT: usize = 15;
const LONG: usize = 18;
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The 18 characters of an id of 15, or the 15 of one of 18; `None` for any other text.
pub(crate) fn other_form(id: &str) -> Option<String> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        SHORT => Some([id, &capitals(id)].concat()),
        LONG => {
            let (short, said) = id.split_at_checked(SHORT)?;
            (capitals(short) == said).then(|| short.to_owned())
        }
        _ => None,
    }
}

// One character for each five: the places of the capitals, as a number of five bits.
fn capitals(short: &str) -> String {
    let digit = |five: &[u8]| {
        let bits = five.iter().rev().fold(0, |bits, byte| bits << 1 | usize::from(byte.is_ascii_uppercase()));
        char::from(DIGITS.get(bits).copied().unwrap_or(b'A'))
    };
    short.as_bytes().chunks(5).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_lengths_name_each_other() {
        // Ids that others have published in both forms.
        for (short, long) in [
            ("0019000000B98de", "0019000000B98deAAB"),
            ("0010i0000046cD3", "0010i0000046cD3AAI"),
            ("906F00000005Fgk", "906F00000005FgkIAE"),
            ("000000000000000", "000000000000000AAA"),
        ] {
            assert_eq!(other_form(short).as_deref(), Some(long));
            assert_eq!(other_form(long).as_deref(), Some(short));
        }
    }

    #[test]
    fn other_texts_have_no_other_form() {
        for text in
            ["", "acme", "0019000000B98deAAA", "0019000000B9-de", "0019000000B98dé", "0019000000B98deA"]
        {
            assert_eq!(other_form(text), None, "{text}");
        }
    }
}
