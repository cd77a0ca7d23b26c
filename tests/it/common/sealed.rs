//! Snapshots taken apart and put together again, so that what is behind a checksum can be changed.

/// What eight steps of CRC-32 make of each byte.
const REMAINDERS: [u32; 256] = {
    let mut remainders = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut step) = (byte as u32, 0);
        while step < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
            step += 1;
        }
        remainders[byte] = sum;
        byte += 1;
    }
    remainders
};

/// CRC-32, byte by byte.
pub fn checksum(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(u32::MAX, |sum, byte| (sum >> 8) ^ REMAINDERS[((sum ^ u32::from(*byte)) & 255) as usize])
}

pub const HEAD: usize = 32;
pub const ENTRY: usize = 16;
/// Where the first of seven sections begins.
pub const FIRST: usize = HEAD + ENTRY * 7;

/// A section with its name.
pub type Part = ([u8; 4], Vec<u8>);
pub type Parts = Vec<Part>;

/// The sections of a snapshot with their names.
pub fn sections(bytes: &[u8]) -> Parts {
    let count = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let mut at = HEAD + ENTRY * count;
    let entries = bytes[HEAD..at].chunks(ENTRY);
    entries
        .map(|entry| {
            let length = u64::from_le_bytes(entry[8..16].try_into().unwrap()) as usize;
            let own = bytes[at..at + length].to_vec();
            at += length;
            (entry[..4].try_into().unwrap(), own)
        })
        .collect()
}

/// A snapshot with these sections, checksums and lengths right.
pub fn sealed(magic: [u8; 8], sections: &[Part]) -> Vec<u8> {
    let mut table = Vec::new();
    for (name, own) in sections {
        table.extend(name);
        table.extend(checksum(own).to_le_bytes());
        table.extend((own.len() as u64).to_le_bytes());
    }
    let own: Vec<u8> = sections.iter().flat_map(|(_, own)| own.iter().copied()).collect();
    let mut bytes = magic.to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend((sections.len() as u32).to_le_bytes());
    bytes.extend(((HEAD + table.len() + own.len()) as u64).to_le_bytes());
    bytes.extend(checksum(&table).to_le_bytes());
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes.extend(table);
    bytes.extend(own);
    bytes
}
