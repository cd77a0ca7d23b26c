//! How is text stored?
//!
//! As codes into a dictionary of the chunk while distinct values are at most half the rows, else as one
//! buffer with offsets. Which of the two is unobservable.

use std::collections::HashMap;

use super::{Bitmap, Fixed};

/// Texts in one buffer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Strings {
    ends: Ends,
    bytes: Box<str>,
}

/// Where each text ends: in 32 bits, unless the texts of one block are more than 4 GiB.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ends {
    Narrow(Box<[u32]>),
    Wide(Box<[usize]>),
}

impl Default for Ends {
    fn default() -> Self {
        Self::Narrow(Box::default())
    }
}

impl Strings {
    pub(crate) fn build<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut ends: Vec<u32> = Vec::with_capacity(texts.size_hint().0);
        let mut wide: Vec<usize> = Vec::new();
        let mut bytes = String::new();
        for text in texts {
            bytes.push_str(text);
            match u32::try_from(bytes.len()) {
                Ok(end) => ends.push(end),
                Err(_) => wide.push(bytes.len()),
            }
        }
        let ends = if wide.is_empty() {
            Ends::Narrow(ends.into())
        } else {
            Ends::Wide(ends.into_iter().map(|end| end as usize).chain(wide).collect())
        };
        Self { ends, bytes: bytes.into() }
    }

    /// All texts, one after the other.
    #[cfg(feature = "snapshot")]
    pub(crate) fn joined(&self) -> &str {
        &self.bytes
    }

    /// Where each text ends in [`Self::joined`].
    #[cfg(feature = "snapshot")]
    pub(crate) fn ends(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        (0..self.len()).map(|place| self.end(place).unwrap_or_default())
    }

    /// Texts as [`Self::joined`] and [`Self::ends`] gave them, or `None` when an end lies before the one
    /// before it or inside a character, or the last one is not that of the text.
    #[cfg(feature = "snapshot")]
    pub(crate) fn from_parts(joined: String, ends: Vec<usize>) -> Option<Self> {
        let mut last = 0;
        for end in &ends {
            if *end < last || !joined.is_char_boundary(*end) {
                return None;
            }
            last = *end;
        }
        if last != joined.len() {
            return None;
        }
        let ends = match u32::try_from(last) {
            // No end is past the last one.
            Ok(_) => Ends::Narrow(ends.into_iter().filter_map(|end| u32::try_from(end).ok()).collect()),
            Err(_) => Ends::Wide(ends.into()),
        };
        Some(Self { ends, bytes: joined.into() })
    }

    fn end(&self, place: usize) -> Option<usize> {
        match &self.ends {
            Ends::Narrow(ends) => ends.get(place).map(|end| *end as usize),
            Ends::Wide(ends) => ends.get(place).copied(),
        }
    }

    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        let end = self.end(place)?;
        let start = if place == 0 { 0 } else { self.end(place - 1)? };
        self.bytes.get(start..end)
    }

    pub(crate) fn len(&self) -> usize {
        match &self.ends {
            Ends::Narrow(ends) => ends.len(),
            Ends::Wide(ends) => ends.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let ends = match &self.ends {
            Ends::Narrow(ends) => std::mem::size_of_val(&**ends),
            Ends::Wide(ends) => std::mem::size_of_val(&**ends),
        };
        self.bytes.len() + ends
    }
}

/// A column of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextBlock {
    /// A code for each row, into texts that are all different.
    Dictionary { codes: Fixed<u16>, texts: Strings },
    /// A text for each row; missing rows hold an empty one.
    Plain { texts: Strings, valid: Option<Bitmap> },
}

impl TextBlock {
    /// The answers of `cell` for rows 0 to `len`, or `None` when every one is missing.
    pub(crate) fn build<'t>(len: usize, cell: impl Fn(usize) -> Option<&'t str>) -> Option<Self> {
        let mut codes_of: HashMap<&str, u16> = HashMap::new();
        let mut distinct: Vec<&str> = Vec::new();
        let mut codes = Vec::with_capacity(len);
        let limit = (len / 2).max(1);
        for row in 0..len {
            let code = match cell(row) {
                None => None,
                Some(text) => {
                    let next = u16::try_from(distinct.len()).unwrap_or(u16::MAX);
                    let code = *codes_of.entry(text).or_insert_with(|| {
                        distinct.push(text);
                        next
                    });
                    Some(code)
                }
            };
            if distinct.len() > limit || distinct.len() > usize::from(u16::MAX) {
                return Some(Self::plain(len, cell));
            }
            codes.push(code);
        }
        let codes = Fixed::build(len, |row| codes.get(row).copied().flatten())?;
        Some(Self::Dictionary { codes, texts: Strings::build(distinct.into_iter()) })
    }

    fn plain<'t>(len: usize, cell: impl Fn(usize) -> Option<&'t str>) -> Self {
        let valid = Bitmap::from_fn(len, |row| cell(row).is_some());
        let texts = Strings::build((0..len).map(|row| cell(row).unwrap_or_default()));
        let valid = if valid.is_full() { None } else { Some(valid) };
        Self::Plain { texts, valid }
    }

    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Dictionary { codes, texts } => texts.get(usize::from(codes.get(row)?)),
            Self::Plain { texts, valid } => match valid {
                Some(valid) if !valid.get(row) => None,
                _ => texts.get(row),
            },
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Dictionary { codes, .. } => codes.values().len(),
            Self::Plain { texts, .. } => texts.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Dictionary { codes, texts } => codes.bytes() + texts.bytes(),
            Self::Plain { texts, valid } => {
                texts.bytes() + valid.as_ref().map_or(0, |v| std::mem::size_of_val(v.words()))
            }
        }
    }
}
