//! A column of lists of text.

use super::{Bitmap, TextBlock};

/// A list of text for each row: the elements of all rows side by side, and where each row ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListBlock {
    ends: Box<[u32]>,
    // `None`: no row has an element.
    items: Option<TextBlock>,
    valid: Bitmap,
}

impl ListBlock {
    /// The answers of `cell` for rows 0 to `len`, or `None` when every one is missing.
    pub(crate) fn build(len: usize, cell: impl Fn(usize) -> Option<Vec<String>>) -> Option<Self> {
        let mut items: Vec<String> = Vec::new();
        let mut ends = Vec::with_capacity(len);
        let valid = Bitmap::from_fn(len, |row| {
            let list = cell(row);
            let present = list.is_some();
            items.extend(list.into_iter().flatten());
            ends.push(u32::try_from(items.len()).unwrap_or(u32::MAX));
            present
        });
        if valid.is_empty() {
            return None;
        }
        let items = TextBlock::build(items.len(), |place| items.get(place).map(String::as_str));
        Some(Self { ends: ends.into(), items, valid })
    }

    /// Where each row ends among the elements, the elements, and which rows have a list.
    #[cfg(feature = "snapshot")]
    pub(crate) fn parts(&self) -> (&[u32], Option<&TextBlock>, &Bitmap) {
        (&self.ends, self.items.as_ref(), &self.valid)
    }

    /// A block from its [`Self::parts`], or `None` when [`Self::build`] makes no such block.
    #[cfg(feature = "snapshot")]
    pub(crate) fn from_parts(ends: Vec<u32>, items: Option<TextBlock>, valid: Bitmap) -> Option<Self> {
        let mut last = 0;
        for (row, end) in ends.iter().enumerate() {
            if *end < last || (*end > last && !valid.get(row)) {
                return None;
            }
            last = *end;
        }
        let elements = items.as_ref().map_or(0, TextBlock::len);
        let all_there =
            items.as_ref().is_none_or(|items| (0..elements).all(|place| items.get(place).is_some()));
        let fits = ends.len() == valid.len() && elements == last as usize && items.is_some() == (last > 0);
        (fits && all_there && !valid.is_empty()).then(|| Self { ends: ends.into(), items, valid })
    }

    /// The places of a row's elements, or `None` when the list is missing.
    pub(crate) fn places(&self, row: usize) -> Option<std::ops::Range<usize>> {
        if !self.valid.get(row) {
            return None;
        }
        let end = *self.ends.get(row)? as usize;
        let start = if row == 0 { 0 } else { *self.ends.get(row - 1)? as usize };
        Some(start..end)
    }

    /// The element at a place.
    pub(crate) fn item(&self, place: usize) -> Option<&str> {
        self.items.as_ref()?.get(place)
    }

    /// The elements of a row, or `None` when the list is missing.
    pub(crate) fn get(&self, row: usize) -> Option<Vec<String>> {
        Some(self.places(row)?.filter_map(|place| self.item(place).map(str::to_owned)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.ends)
            + self.items.as_ref().map_or(0, TextBlock::bytes)
            + std::mem::size_of_val(self.valid.words())
    }
}
