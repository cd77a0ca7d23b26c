//! Which colour means which value?

use std::collections::BTreeMap;

use super::DiagramLimits;

/// How a node looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// A colour of the palette.
    Colour(usize),
    /// A value beyond the palette.
    Others,
    /// No value.
    Missing,
    /// No account: what is left out is counted here.
    More,
}

/// Fill and text of the coloured looks: the palette of M. Okabe and K. Ito, "Color Universal Design" (2002),
/// without its black, and black or white on each, whichever contrasts more.
const PALETTE: [(&str, &str); 7] = [
    ("#E69F00", "#000000"),
    ("#56B4E9", "#000000"),
    ("#009E73", "#000000"),
    ("#F0E442", "#000000"),
    ("#0072B2", "#FFFFFF"),
    ("#D55E00", "#000000"),
    ("#CC79A7", "#000000"),
];

impl Class {
    /// Its name in a text.
    pub(super) fn name(self) -> String {
        match self {
            Self::Colour(number) => format!("c{number}"),
            Self::Others => "others".to_owned(),
            Self::Missing => "missing".to_owned(),
            Self::More => "more".to_owned(),
        }
    }

    pub(super) fn fill(self) -> &'static str {
        match self {
            Self::Colour(number) => PALETTE.get(number).map_or("#FFFFFF", |(fill, _)| fill),
            Self::Others => "#BBBBBB",
            Self::Missing | Self::More => "#FFFFFF",
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Colour(number) => PALETTE.get(number).map_or("#000000", |(_, text)| text),
            Self::Others | Self::Missing => "#000000",
            Self::More => "#333333",
        }
    }

    pub(super) const fn stroke(self) -> &'static str {
        match self {
            Self::More => "#FFFFFF",
            _ => "#333333",
        }
    }
}

/// The looks of the accounts, and what each look means.
#[derive(Debug, Clone)]
pub(super) struct Legend {
    pub(super) title: String,
    /// One for each account.
    pub(super) classes: Vec<Class>,
    pub(super) rows: Vec<(String, Class)>,
}

impl Legend {
    pub(super) fn new<K: Ord + ToString>(limits: &DiagramLimits, title: &str, keys: &[Option<K>]) -> Self {
        let mut values: BTreeMap<&K, usize> = BTreeMap::new();
        for key in keys.iter().flatten() {
            *values.entry(key).or_default() += 1;
        }
        let coloured = values.len().min(PALETTE.len());
        let mut rows: Vec<(String, Class)> = Vec::new();
        let mut class_of: BTreeMap<&K, Class> = BTreeMap::new();
        let mut others = 0;
        for (number, (value, count)) in values.iter().enumerate() {
            let class = if number < coloured { Class::Colour(number) } else { Class::Others };
            class_of.insert(value, class);
            match class {
                Class::Others => others += count,
                _ => rows.push((format!("{} ({count})", limits.cut(&value.to_string())), class)),
            }
        }
        match values.len() - coloured {
            0 => {}
            1 => rows.push((format!("1 other value ({others})"), Class::Others)),
            more => rows.push((format!("{more} other values ({others})"), Class::Others)),
        }
        let missing = keys.iter().filter(|key| key.is_none()).count();
        if missing > 0 {
            rows.push((format!("missing ({missing})"), Class::Missing));
        }
        let class = |key: &Option<K>| key.as_ref().and_then(|key| class_of.get(key)).copied();
        let classes = keys.iter().map(|key| class(key).unwrap_or(Class::Missing)).collect();
        Self { title: limits.cut(title), classes, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Relative luminance and contrast by WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value =
                f64::from(u8::from_str_radix(colour.get(at..at + 2).unwrap_or("00"), 16).unwrap_or(0))
                    / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn every_text_is_readable() {
        let others = [Class::Others, Class::Missing, Class::More];
        for class in (0..PALETTE.len()).map(Class::Colour).chain(others) {
            let (fill, text) = (luminance(class.fill()), luminance(class.text()));
            let contrast = (fill.max(text) + 0.05) / (fill.min(text) + 0.05);
            assert!(contrast >= 4.5, "{class:?}: {contrast}");
        }
    }

    #[test]
    fn no_two_values_look_alike() {
        let fills: std::collections::BTreeSet<&str> = PALETTE.iter().map(|(fill, _)| *fill).collect();
        assert_eq!(fills.len(), PALETTE.len());
        assert!(!fills.contains(Class::Others.fill()) && !fills.contains(Class::Missing.fill()));
    }
}
