//! How does a host restart without reading its database?
//!
//! A book is written as it lies in memory: chunk by chunk, column by column ([`encode`]), in sections with
//! checksums ([`format`]). Reading ([`decode`]) believes nothing: every count is bounded by the bytes that
//! are left, every invariant that the engine relies on is checked ([`structure`]), and indexes are built
//! anew. Rulings S53 and S54 of `docs/semantics`.

mod blocks;
mod decode;
mod decode_held;
mod encode;
mod encode_held;
mod error;
mod format;
mod history;
mod policies;
mod reader;
mod schemas;
mod sections;
mod structure;
mod writer;

use std::sync::Arc;

pub use error::SnapshotError;
pub(crate) use format::{Format, Part, Section};
pub(crate) use reader::{Read, Reader};
pub(crate) use writer::Writer;

use super::Book;
use crate::model::Schema;

impl Book {
    /// The book as bytes, from which [`Self::from_snapshot`] restores it quickly. Feature `snapshot`.
    ///
    /// A snapshot holds all that a book holds: the accounts as they are packed, their values and child
    /// rows, what is held, superseded or adopted, the policy and the version. It is versioned, its parts
    /// stand under checksums, and it carries its schema, so that it is never read under another one.
    ///
    /// **What it is for.** A host restarts from it without reading its database: it restores the book, asks
    /// for [`Self::version`], and applies the changes that its storage has seen since. It is a copy that can
    /// be thrown away at any time, and no more than that:
    ///
    /// * *No backup.* It holds what a book holds, not what is in the database: rows that a load refused, and
    ///   columns that the schema does not name, are not in it.
    /// * *No exchange format.* Only this library reads it. A release reads the format that it writes and
    ///   refuses newer ones; keep the way to load the book from your storage.
    /// * *No secret.* It is neither encrypted nor signed. A checksum finds damage, not a forger; whoever can
    ///   write where you keep it can make up accounts.
    ///
    /// The same book gives the same bytes, and a restored book gives the bytes it was restored from. Two
    /// books with equal answers may be packed differently, and then their bytes differ: a snapshot says
    /// nothing about whether books are equal.
    ///
    /// # Complexity
    ///
    /// O(bytes of the book), a few times the cost of copying them. The bytes are about as many as
    /// [`Self::heap_bytes`], indexes left out.
    ///
    /// # Example
    ///
    /// ```
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, Book, Change, Nesting, Policy, Schema};
    /// use std::sync::Arc;
    ///
    /// let schema = Arc::new(Schema::builder().account_type("Company", Nesting::Free).build()?);
    /// let acme = AccountId::new("acme")?;
    /// let source = MemorySource::new().account(AccountRow::new(acme.clone(), "Company"));
    /// let (book, _) = Book::load(schema.clone(), &source, &Policy::strict())?;
    ///
    /// // Before the service stops, or every hour: your storage keeps the bytes.
    /// let bytes = book.to_snapshot();
    ///
    /// // When it starts again: what changed since the snapshot is applied on top.
    /// let restored = Book::from_snapshot(schema, &bytes)?;
    /// assert_eq!(restored.version(), book.version());
    /// let eu = AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme);
    /// let (now, _) = restored.apply(&Change::new().add(eu))?;
    /// assert_eq!((now.len(), now.version()), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        encode::encode(&self.0)
    }

    /// Restores the book that [`Self::to_snapshot`] wrote: the same answers, the same packing and version,
    /// and the same behaviour under every later change.
    ///
    /// The bytes may be anything. They are refused as a whole, never repaired: when they are cut off or
    /// damaged, and, were the checksums right, when anything that a book relies on does not hold. What the
    /// policy of the load decided is taken as decided.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] when the bytes are no snapshot, in a newer format, cut off, damaged or malformed,
    /// or when their schema is not `schema`, labels and descriptions included. Load the book from your
    /// storage then.
    ///
    /// # Complexity
    ///
    /// O(bytes), plus hashing and sorting ids to build the indexes; several times faster than a load.
    /// Nothing is allocated that the bytes do not account for.
    pub fn from_snapshot(schema: impl Into<Arc<Schema>>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let inner = decode::decode(Some(schema.into()), bytes)?;
        Ok(Self(Arc::new(inner)))
    }

    /// The same under the schema that the snapshot carries, whatever it is: where a host knows only how its schema was changed since, it
    /// restores the book so and takes it over with [`Book::evolve`].
    ///
    /// # Errors
    ///
    /// As [`Book::from_snapshot`].
    pub fn from_own_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Ok(Self(Arc::new(decode::decode(None, bytes)?)))
    }
}
