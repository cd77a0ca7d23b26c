//! How are pairs written as JSON?
//!
//! Values of a row, whose order means nothing, are an object, `{"seats": {"int": 3}}`. Other pairs are objects with two fields, which say
//! what each half is, in lists, since tools may order the keys of an object as they like.
//! Releases before wrote pairs as arrays of two, and journals and snapshots may hold those: they are read as well.

/// Named values as one object. A name that is there twice is written and read twice.
pub(crate) mod named {
    use std::fmt;
    use std::marker::PhantomData;

    use serde::de::{MapAccess, SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<N: Serialize, V: Serialize, S: Serializer>(
        pairs: &[(N, V)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
    }

    pub(crate) fn deserialize<'de, N, V, C, D>(deserializer: D) -> Result<C, D::Error>
    where
        N: Deserialize<'de>,
        V: Deserialize<'de>,
        C: FromIterator<(N, V)>,
        D: Deserializer<'de>,
    {
        deserializer.deserialize_any(Pairs(PhantomData)).map(|pairs| pairs.into_iter().collect())
    }

    struct Pairs<N, V>(PhantomData<(N, V)>);

    impl<'de, N: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Pairs<N, V> {
        type Value = Vec<(N, V)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of values by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }

        // The form of earlier releases.
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = list.next_element()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
}

/// The object that a pair is written as, and read from. Derived reading takes an array of two as well, as earlier releases wrote it.
macro_rules! halves {
    ($first:ident, $second:ident) => {
        #[derive(Serialize)]
        struct Written<'p, A, B> {
            $first: &'p A,
            $second: &'p B,
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Read<A, B> {
            $first: A,
            $second: B,
        }
    };
}

/// A module for `#[serde(with = ..)]`: lists of pairs as lists of objects with these two fields.
macro_rules! pairs {
    ($module:ident { $first:ident, $second:ident }) => {
        pub(crate) mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            halves!($first, $second);

            pub(crate) fn serialize<A: Serialize, B: Serialize, S: Serializer>(
                pairs: &[(A, B)],
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(pairs.iter().map(|($first, $second)| Written { $first, $second }))
            }

            pub(crate) fn deserialize<'de, A, B, D>(deserializer: D) -> Result<Vec<(A, B)>, D::Error>
            where
                A: Deserialize<'de>,
                B: Deserialize<'de>,
                D: Deserializer<'de>,
            {
                let read: Vec<Read<A, B>> = Deserialize::deserialize(deserializer)?;
                Ok(read.into_iter().map(|pair| (pair.$first, pair.$second)).collect())
            }
        }
    };
}

pairs!(name_value { name, value });
pairs!(segment_accounts { segment, accounts });
pairs!(account_value { account, value });
pairs!(account_reason { account, reason });
pairs!(account_part { account, part });
pairs!(table_row { table, row });
pairs!(day_value { day, value });
pairs!(witness_value { witness, value });
pairs!(part_holds { part, holds });
pairs!(from_to { from, to });
pairs!(segment_within { segment, within });

/// One pair that may be missing, such as a child row with its table.
macro_rules! pair {
    ($module:ident { $first:ident, $second:ident }) => {
        pub(crate) mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            halves!($first, $second);

            #[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
            pub(crate) fn serialize<A: Serialize, B: Serialize, S: Serializer>(
                pair: &Option<(A, B)>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                let written = pair.as_ref().map(|($first, $second)| Written { $first, $second });
                written.serialize(serializer)
            }

            pub(crate) fn deserialize<'de, A, B, D>(deserializer: D) -> Result<Option<(A, B)>, D::Error>
            where
                A: Deserialize<'de>,
                B: Deserialize<'de>,
                D: Deserializer<'de>,
            {
                let read: Option<Read<A, B>> = Deserialize::deserialize(deserializer)?;
                Ok(read.map(|pair| (pair.$first, pair.$second)))
            }
        }
    };
}

pair!(row_of_table { table, row });
pair!(order_by { by, descending });

/// Days with their values, where there are any.
pub(crate) mod maybe_day_values {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::day_value;

    #[derive(Serialize)]
    #[serde(transparent)]
    struct Written<'p, A: Serialize, B: Serialize>(#[serde(serialize_with = "written")] &'p [(A, B)]);

    fn written<A: Serialize, B: Serialize, S: Serializer>(
        pairs: &&[(A, B)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        day_value::serialize(pairs, serializer)
    }

    #[derive(Deserialize)]
    #[serde(transparent, bound(deserialize = "A: Deserialize<'de>, B: Deserialize<'de>"))]
    struct Read<A, B>(#[serde(deserialize_with = "day_value::deserialize")] Vec<(A, B)>);

    #[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
    pub(crate) fn serialize<A: Serialize, B: Serialize, S: Serializer>(
        days: &Option<Vec<(A, B)>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        days.as_deref().map(Written).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, A, B, D>(deserializer: D) -> Result<Option<Vec<(A, B)>>, D::Error>
    where
        A: Deserialize<'de>,
        B: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let read: Option<Read<A, B>> = Deserialize::deserialize(deserializer)?;
        Ok(read.map(|days| days.0))
    }
}
