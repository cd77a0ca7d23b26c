//! Which of these rows?
//!
//! A fixed number of bits in 64-bit words. Bits past the end are always zero, so that words can be
//! counted and combined without a special case.

/// Bits for the rows of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    // INVARIANT: `words.len() == len.div_ceil(64)` and bits at and past `len` are zero.
    words: Box<[u64]>,
    len: u32,
}

/// Where bits come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bits<'b> {
    Of(&'b Bitmap),
    /// As many as are wanted, all alike.
    All(bool),
}

impl Bitmap {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)].into(), len: u32::try_from(len).unwrap_or(u32::MAX) }
    }

    /// `len` ones.
    pub(crate) fn ones(len: usize) -> Self {
        let mut all = Self {
            words: vec![u64::MAX; len.div_ceil(64)].into(),
            len: u32::try_from(len).unwrap_or(u32::MAX),
        };
        all.trim();
        all
    }

    /// The answers of `bit` for rows 0 to `len`.
    pub(crate) fn from_fn(len: usize, mut bit: impl FnMut(usize) -> bool) -> Self {
        let words = (0..len.div_ceil(64)).map(|word| {
            let start = word * 64;
            (start..len.min(start + 64))
                .fold(0_u64, |bits, row| bits | (u64::from(bit(row)) << (row - start)))
        });
        Self { words: words.collect(), len: u32::try_from(len).unwrap_or(u32::MAX) }
    }

    /// Words as [`Self::words`] gave them, or `None` when they are none of so many bits.
    pub(crate) fn from_words(words: Vec<u64>, len: usize) -> Option<Self> {
        let all = Self { words: words.into(), len: u32::try_from(len).ok()? };
        let mut trimmed = all.clone();
        trimmed.trim();
        (all.words.len() == len.div_ceil(64) && trimmed == all).then_some(all)
    }

    fn trim(&mut self) {
        let used = self.len % 64;
        if let Some(last) = self.words.last_mut().filter(|_| used != 0) {
            *last &= (1 << used) - 1;
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The bit of a row; false past the end.
    pub(crate) fn get(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Sets the bit of a row; rows past the end are left alone.
    pub(crate) fn set(&mut self, row: usize, bit: bool) {
        if row >= self.len() {
            return;
        }
        if let Some(word) = self.words.get_mut(row / 64) {
            let mask = 1 << (row % 64);
            *word = if bit { *word | mask } else { *word & !mask };
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count() == self.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Word by word with another of the same length; rows past either end are zero.
    pub(crate) fn combine(&self, other: &Self, op: impl Fn(u64, u64) -> u64) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| op(*a, *b)).collect();
        let mut result = Self { words, len: self.len.min(other.len) };
        result.trim();
        result
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a & b)
    }

    pub(crate) fn or(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a | b)
    }

    pub(crate) fn not(&self) -> Self {
        let mut result = Self { words: self.words.iter().map(|word| !word).collect(), len: self.len };
        result.trim();
        result
    }

    /// How many of the rows from `start` to before `end` are set.
    pub(crate) fn count_range(&self, start: usize, end: usize) -> usize {
        let end = end.min(self.len());
        if start >= end {
            return 0;
        }
        let (first, last) = (start / 64, (end - 1) / 64);
        let words = self.words.iter().enumerate().skip(first).take(last - first + 1);
        words
            .map(|(place, word)| {
                let low = if place == first { start % 64 } else { 0 };
                let high = if place == last { (end - 1) % 64 } else { 63 };
                (word >> low << low & (u64::MAX >> (63 - high))).count_ones() as usize
            })
            .sum()
    }

    /// Bits side by side: of each piece so many from a row on.
    pub(crate) fn joined<'b>(pieces: impl IntoIterator<Item = (Bits<'b>, usize, usize)>) -> Self {
        let (mut words, mut len): (Vec<u64>, usize) = (Vec::new(), 0);
        for (bits, from, rows) in pieces {
            let mut done = 0;
            while done < rows {
                let take = (64 - len % 64).min(rows - done);
                let own = match bits {
                    Bits::Of(bits) => bits.word_at(from + done, take),
                    Bits::All(true) => u64::MAX >> (64 - take),
                    Bits::All(false) => 0,
                };
                if len.is_multiple_of(64) {
                    words.push(own);
                } else if let Some(last) = words.last_mut() {
                    *last |= own << (len % 64);
                }
                len += take;
                done += take;
            }
        }
        Self { words: words.into(), len: u32::try_from(len).unwrap_or(u32::MAX) }
    }

    /// Up to 64 bits from a row on; at least one.
    pub(super) fn word_at(&self, row: usize, count: usize) -> u64 {
        let word = |at: usize| self.words.get(at).copied().unwrap_or(0);
        let (at, shift) = (row / 64, row % 64);
        let both = if shift == 0 { word(at) } else { word(at) >> shift | word(at + 1) << (64 - shift) };
        if count < 64 { both & ((1 << count) - 1) } else { both }
    }

    /// The rows that are set, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0_u32..).flat_map(|(word, place)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                Some(place * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_like_single_bits() {
        let bits = Bitmap::from_fn(200, |row| row % 3 == 0 || row > 150);
        for start in 0..200 {
            for end in start..=200 {
                let slow = (start..end).filter(|row| bits.get(*row)).count();
                assert_eq!(bits.count_range(start, end), slow, "{start}..{end}");
            }
        }
        assert_eq!(bits.rows().count(), bits.count());
        assert_eq!(bits.not().count() + bits.count(), 200);
        assert!(Bitmap::ones(70).is_full() && Bitmap::zeros(70).is_empty());
    }
}
