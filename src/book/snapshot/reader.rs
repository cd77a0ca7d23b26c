//! How are numbers, bits and texts read, from bytes that are not to be trusted?
//!
//! Nothing is allocated for more than the bytes that are left can hold, and every fault says where it is.

use super::SnapshotError;
use super::format::Part;
use crate::column::{Bitmap, Strings};

pub(crate) type Read<T> = Result<T, SnapshotError>;

/// What is left of a section.
pub(crate) struct Reader<'b> {
    section: &'static str,
    end: usize,
    rest: &'b [u8],
}

macro_rules! numbers {
    ($($many:ident $type:ty),*) => {
        $(
            pub(crate) fn $many(&mut self, count: usize) -> Read<Vec<$type>> {
                let bytes = self.array(count, size_of::<$type>())?;
                let (places, _) = bytes.as_chunks();
                Ok(places.iter().map(|place| <$type>::from_le_bytes(*place)).collect())
            }
        )*
    };
}

impl<'b> Reader<'b> {
    pub(crate) const fn new((section, start, bytes): Part<'b>) -> Self {
        Self { section, end: start + bytes.len(), rest: bytes }
    }

    /// Where it stands, from the start of the snapshot.
    pub(crate) const fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    /// A fault of what was read last.
    pub(crate) fn fault(&self, reason: impl Into<String>) -> SnapshotError {
        self.fault_at(self.at(), reason)
    }

    /// A fault of what was read at a place.
    pub(crate) fn fault_at(&self, at: usize, reason: impl Into<String>) -> SnapshotError {
        SnapshotError::Malformed { section: self.section, offset: at as u64, reason: reason.into() }
    }

    /// That everything was read.
    pub(crate) fn finish(&self) -> Read<()> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.fault(format!("{left} bytes are left over"))),
        }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Read<&'b [u8]> {
        let Some((own, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.fault(format!("{count} bytes are expected, {} are left", self.rest.len())));
        };
        self.rest = rest;
        Ok(own)
    }

    fn array(&mut self, count: usize, width: usize) -> Read<&'b [u8]> {
        self.bytes(count.saturating_mul(width))
    }

    numbers!(u16s u16, u32s u32, u64s u64, i32s i32, i64s i64, f64s f64);

    fn one<const N: usize>(&mut self) -> Read<[u8; N]> {
        // As long as it was asked for.
        Ok(self.bytes(N)?.first_chunk().copied().unwrap_or([0; N]))
    }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        self.one().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Read<u16> {
        self.one().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Read<u32> {
        self.one().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Read<u64> {
        self.one().map(u64::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Read<i32> {
        self.one().map(i32::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Read<i64> {
        self.one().map(i64::from_le_bytes)
    }

    pub(crate) fn i128(&mut self) -> Read<i128> {
        self.one().map(i128::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Read<f64> {
        self.one().map(f64::from_le_bytes)
    }

    /// A number of things that take at least `width` bytes each.
    pub(crate) fn count(&mut self, width: usize) -> Read<usize> {
        let (count, left) = (self.u64()?, self.rest.len());
        let fits = usize::try_from(count).ok().filter(|count| count.saturating_mul(width) <= left);
        fits.ok_or_else(|| self.fault(format!("{count} entries are said to follow, in {left} bytes")))
    }

    /// Bits for so many rows.
    pub(crate) fn bitmap(&mut self, rows: usize) -> Read<Bitmap> {
        let at = self.at();
        let words = self.u64s(rows.div_ceil(64))?;
        Bitmap::from_words(words, rows).ok_or_else(|| self.fault_at(at, "bits past the last row are set"))
    }

    /// One text with its length.
    pub(crate) fn text(&mut self) -> Read<&'b str> {
        let at = self.at();
        let length = self.count(1)?;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.fault_at(at, "a text is no UTF-8"))
    }

    /// So many texts.
    pub(crate) fn strings(&mut self, count: usize) -> Read<Strings> {
        let at = self.at();
        let total = self.u64()?;
        let ends: Vec<usize> = if u32::try_from(total).is_ok() {
            let (ends, _) = self.array(count, 4)?.as_chunks();
            ends.iter().map(|end| u32::from_le_bytes(*end) as usize).collect()
        } else {
            let (ends, _) = self.array(count, 8)?.as_chunks();
            // An end past the address space is past the text.
            ends.iter().map(|end| usize::try_from(u64::from_le_bytes(*end)).unwrap_or(usize::MAX)).collect()
        };
        let bytes = self.bytes(usize::try_from(total).unwrap_or(usize::MAX))?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.fault_at(at, "texts are no UTF-8"))?;
        Strings::from_parts(text.to_owned(), ends)
            .ok_or_else(|| self.fault_at(at, "texts do not end one after the other"))
    }
}
