//! How are numbers, bits and texts written?

use crate::column::{Bitmap, Strings};

/// Appends little-endian numbers, and arrays of them side by side.
pub(crate) struct Writer<'b>(pub(crate) &'b mut Vec<u8>);

macro_rules! numbers {
    ($($one:ident $many:ident $type:ty),*) => {
        $(
            pub(crate) fn $one(&mut self, number: $type) {
                self.0.extend(number.to_le_bytes());
            }

            // As long as `numbers` says it is: rows without a number are never left out.
            pub(crate) fn $many(&mut self, numbers: impl ExactSizeIterator<Item = $type>) {
                let start = self.0.len();
                self.0.resize(start + numbers.len() * size_of::<$type>(), 0);
                let (places, _) = self.0.get_mut(start..).unwrap_or_default().as_chunks_mut();
                for (place, number) in places.iter_mut().zip(numbers) {
                    *place = number.to_le_bytes();
                }
            }
        )*
    };
}

impl Writer<'_> {
    numbers!(u16 u16s u16, u32 u32s u32, u64 u64s u64, i32 i32s i32, i64 i64s i64, f64 f64s f64);

    pub(crate) fn i128(&mut self, number: i128) {
        self.0.extend(number.to_le_bytes());
    }

    pub(crate) fn u8(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A number of things.
    pub(crate) fn count(&mut self, count: usize) {
        self.u64(count as u64);
    }

    pub(crate) fn bitmap(&mut self, bits: &Bitmap) {
        self.u64s(bits.words().iter().copied());
    }

    /// One text with its length.
    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    /// Texts whose number is known: their length in all, where each ends (in 32 bits where that fits), and
    /// their bytes.
    pub(crate) fn strings(&mut self, texts: &Strings) {
        let joined = texts.joined();
        self.u64(joined.len() as u64);
        if u32::try_from(joined.len()).is_ok() {
            self.u32s(texts.ends().map(|end| u32::try_from(end).unwrap_or(u32::MAX)));
        } else {
            self.u64s(texts.ends().map(|end| end as u64));
        }
        self.0.extend(joined.as_bytes());
    }
}
