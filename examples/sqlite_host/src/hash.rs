//! Has something been damaged?
//!
//! FNV-1a of 64 bits: finds what disks and copies damage. It protects from nobody who forges on purpose.

const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of some parts; where one ends and the next begins counts.
pub(crate) fn hash<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> u64 {
    let mut state = START;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            state = (state ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for part in parts {
        eat(&part.len().to_le_bytes());
        eat(part);
    }
    state
}
