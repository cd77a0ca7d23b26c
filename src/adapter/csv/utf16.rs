//! How is UTF-16 converted to UTF-8?
//!
//! As a stream. An unpaired surrogate becomes a byte that is not valid in UTF-8, so that the lexer reports its record
//! and column.

use std::io::{self, Read};

/// The byte for text that cannot be decoded: invalid in UTF-8.
const INVALID: u8 = 0xff;

/// A reader of UTF-16 that gives UTF-8.
pub(super) struct Utf16 {
    inner: Box<dyn Read>,
    big_endian: bool,
    // The first byte of a unit whose second was not yet read.
    odd: Option<u8>,
    // The first half of a surrogate pair.
    high: Option<u16>,
    decoded: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl Utf16 {
    /// Reads the bytes after the byte order mark.
    pub(super) const fn new(inner: Box<dyn Read>, big_endian: bool) -> Self {
        Self { inner, big_endian, odd: None, high: None, decoded: Vec::new(), taken: 0, ended: false }
    }

    fn decode(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let Some(first) = self.odd.take() else {
                self.odd = Some(*byte);
                continue;
            };
            let pair = [first, *byte];
            self.unit(if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) });
        }
    }

    fn unit(&mut self, unit: u16) {
        let is_low = (0xdc00..0xe000).contains(&unit);
        match self.high.take() {
            Some(high) if is_low => self.chars(&[high, unit]),
            Some(_) => {
                self.decoded.push(INVALID);
                self.unpaired(unit);
            }
            None => self.unpaired(unit),
        }
    }

    fn unpaired(&mut self, unit: u16) {
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            self.chars(&[unit]);
        }
    }

    fn chars(&mut self, units: &[u16]) {
        for decoded in char::decode_utf16(units.iter().copied()) {
            match decoded {
                Ok(c) => self.decoded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) => self.decoded.push(INVALID),
            }
        }
    }

    fn end(&mut self) {
        self.ended = true;
        if self.odd.take().is_some() || self.high.take().is_some() {
            self.decoded.push(INVALID);
        }
    }
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.decoded.len() && !self.ended && !buffer.is_empty() {
            self.decoded.clear();
            self.taken = 0;
            let mut bytes = [0; 4_096];
            match self.inner.read(&mut bytes)? {
                0 => self.end(),
                some => self.decode(bytes.get(..some).unwrap_or_default()),
            }
        }
        let count = self.decoded.get(self.taken..).unwrap_or_default().read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A reader that gives one byte at a time.
    struct Slow(Vec<u8>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(1).min(buffer.len());
            let taken = self.0.drain(..count).collect::<Vec<u8>>();
            taken.as_slice().read(buffer)
        }
    }

    fn read(units: &[u16], tail: &[u8], big_endian: bool) -> Vec<u8> {
        let bytes = |unit: &u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let mut bytes: Vec<u8> = units.iter().flat_map(bytes).collect();
        bytes.extend_from_slice(tail);
        let mut decoded = Vec::new();
        Utf16::new(Box::new(Slow(bytes)), big_endian).read_to_end(&mut decoded).unwrap();
        decoded
    }

    #[test]
    fn texts_survive_and_unpaired_surrogates_are_invalid() {
        for big_endian in [false, true] {
            let text = "id,naïve\r\n日本,😀\n";
            let units: Vec<u16> = text.encode_utf16().collect();
            assert_eq!(read(&units, &[], big_endian), text.as_bytes());
            let high = 0xd83d;
            assert_eq!(read(&[high], &[], big_endian), [INVALID]);
            assert_eq!(read(&[high, 0x61], &[], big_endian), [INVALID, b'a']);
            assert_eq!(read(&[high, high, 0xde00], &[], big_endian), [&[INVALID], "😀".as_bytes()].concat());
            assert_eq!(read(&[0xde00, 0x61], &[], big_endian), [INVALID, b'a']);
            assert_eq!(read(&[0x61], b"x", big_endian), [b'a', INVALID]);
        }
    }
}
