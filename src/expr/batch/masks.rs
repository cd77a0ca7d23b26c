//! For which rows is it true, and for which false?
//!
//! Two words of bits for 64 rows: what is in neither has no answer. Bits past the last row are zero in both.

use crate::column::Bitmap;

/// The answers to a yes/no question for rows side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) yes: Vec<u64>,
    pub(super) no: Vec<u64>,
    rows: usize,
}

/// The bits of the last word that stand for rows.
const fn tail(rows: usize) -> u64 {
    match rows % 64 {
        0 => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

impl Masks {
    pub(super) fn missing(rows: usize) -> Self {
        let words = rows.div_ceil(64);
        Self { yes: vec![0; words], no: vec![0; words], rows }
    }

    pub(super) fn all(rows: usize, truth: Option<bool>) -> Self {
        let mut masks = Self::missing(rows);
        match truth {
            Some(true) => masks.yes.fill(u64::MAX),
            Some(false) => masks.no.fill(u64::MAX),
            None => {}
        }
        masks.trim();
        masks
    }

    /// From the true ones and those that have an answer; all have one when `valid` is `None`.
    pub(super) fn of(yes: Vec<u64>, valid: Option<&[u64]>, rows: usize) -> Self {
        let mut masks = match valid {
            None => {
                let no = yes.iter().map(|word| !word).collect();
                Self { yes, no, rows }
            }
            Some(valid) => {
                let no = yes.iter().zip(valid).map(|(yes, valid)| !yes & valid).collect();
                let yes = yes.iter().zip(valid).map(|(yes, valid)| yes & valid).collect();
                Self { yes, no, rows }
            }
        };
        masks.trim();
        masks
    }

    /// The answers row by row; rows that are not among the wanted are passed over, without an answer.
    pub(super) fn by_row(
        rows: usize,
        wanted: Option<&[u64]>,
        mut truth: impl FnMut(usize) -> Option<bool>,
    ) -> Self {
        let mut masks = Self::missing(rows);
        let words = masks.yes.iter_mut().zip(&mut masks.no);
        for (at, (yes, no)) in words.enumerate() {
            let wanted = wanted.map_or(u64::MAX, |wanted| wanted.get(at).copied().unwrap_or(0));
            let mut left = if (at + 1) * 64 > rows { wanted & tail(rows) } else { wanted };
            while left != 0 {
                let bit = left & left.wrapping_neg();
                match truth(at * 64 + left.trailing_zeros() as usize) {
                    Some(true) => *yes |= bit,
                    Some(false) => *no |= bit,
                    None => {}
                }
                left ^= bit;
            }
        }
        masks
    }

    fn trim(&mut self) {
        let tail = tail(self.rows);
        for words in [&mut self.yes, &mut self.no] {
            if let Some(last) = words.last_mut() {
                *last &= tail;
            }
        }
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn get(&self, row: usize) -> Option<bool> {
        let bit = |words: &[u64]| words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1);
        match (bit(&self.yes), bit(&self.no)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    pub(super) fn not(mut self) -> Self {
        std::mem::swap(&mut self.yes, &mut self.no);
        self
    }

    /// `&&` in three states of truth.
    pub(super) fn and(&mut self, other: &Self) {
        for (yes, other) in self.yes.iter_mut().zip(&other.yes) {
            *yes &= other;
        }
        for (no, other) in self.no.iter_mut().zip(&other.no) {
            *no |= other;
        }
    }

    /// `||` in three states of truth.
    pub(super) fn or(&mut self, other: &Self) {
        for (yes, other) in self.yes.iter_mut().zip(&other.yes) {
            *yes |= other;
        }
        for (no, other) in self.no.iter_mut().zip(&other.no) {
            *no &= other;
        }
    }

    /// The answer of one or of another, as a test says; none where the test has none.
    pub(super) fn chosen(test: &Self, then: &Self, otherwise: &Self) -> Self {
        let choose = |then: &[u64], otherwise: &[u64]| {
            let pairs = then.iter().zip(otherwise).zip(test.yes.iter().zip(&test.no));
            pairs.map(|((then, otherwise), (yes, no))| then & yes | otherwise & no).collect()
        };
        Self { yes: choose(&then.yes, &otherwise.yes), no: choose(&then.no, &otherwise.no), rows: test.rows }
    }

    /// What has no answer is true, or false.
    pub(super) fn settled(mut self, missing: bool) -> Self {
        let (from, to) = if missing { (&self.no, &mut self.yes) } else { (&self.yes, &mut self.no) };
        for (to, from) in to.iter_mut().zip(from) {
            *to = !from;
        }
        self.trim();
        self
    }

    /// Is there an answer?
    pub(super) fn known(&self) -> Self {
        let yes = self.yes.iter().zip(&self.no).map(|(yes, no)| yes | no).collect();
        Self::of(yes, None, self.rows)
    }

    /// The rows for which it is true, among those that are visible.
    pub(super) fn matching(&self, visible: Option<&Bitmap>) -> Option<Bitmap> {
        let words = match visible {
            None => self.yes.clone(),
            Some(visible) => {
                self.yes.iter().zip(visible.words()).map(|(yes, visible)| yes & visible).collect()
            }
        };
        Bitmap::from_words(words, self.rows)
    }
}

/// One bit for each value.
#[inline]
pub(super) fn bits<T: Copy>(values: &[T], mut of: impl FnMut(T) -> bool) -> Vec<u64> {
    let mut words = Vec::with_capacity(values.len().div_ceil(64));
    let (whole, rest) = values.as_chunks::<64>();
    for chunk in whole {
        // A byte for each value first: that loop has no step that waits for another.
        let mut answers = [0_u8; 64];
        for (answer, value) in answers.iter_mut().zip(chunk) {
            *answer = u8::from(of(*value));
        }
        words.push(packed(&answers));
    }
    if !rest.is_empty() {
        let mut answers = [0_u8; 64];
        for (answer, value) in answers.iter_mut().zip(rest) {
            *answer = u8::from(of(*value));
        }
        words.push(packed(&answers));
    }
    words
}

/// One bit for each pair of values.
#[inline]
pub(super) fn bits_of_two<T: Copy>(a: &[T], b: &[T], of: impl Fn(T, T) -> bool) -> Vec<u64> {
    let mut words = Vec::with_capacity(a.len().div_ceil(64));
    for (a, b) in a.chunks(64).zip(b.chunks(64)) {
        let mut answers = [0_u8; 64];
        for (answer, (a, b)) in answers.iter_mut().zip(a.iter().zip(b)) {
            *answer = u8::from(of(*a, *b));
        }
        words.push(packed(&answers));
    }
    words
}

/// 64 bytes of 0 or 1 as bits.
#[inline]
fn packed(answers: &[u8; 64]) -> u64 {
    let (groups, _) = answers.as_chunks::<8>();
    let mut word = 0;
    for (at, group) in groups.iter().enumerate() {
        // The product gathers the lowest bit of each byte in the highest byte.
        let byte = u64::from_le_bytes(*group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= byte << (at * 8);
    }
    word
}
