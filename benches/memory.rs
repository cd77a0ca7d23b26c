//! How many bytes does an account take?
//!
//! Measured with a counting allocator: bytes held after a load and at its peak, beside the raw size of
//! the columns (8 bytes a number or instant, 4 a date or code, one bit for presence, text and 4).
//! `cargo bench --bench memory`; `-- --test` measures the smallest book only.

use std::error::Error;
use std::io::Write;

use peak_alloc::PeakAlloc;
use perennial::testkit::ReferenceBook;
use perennial::{AsOf, AttributeType, Book, Date, Policy, Scope, Value};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() -> Result<(), Box<dyn Error>> {
    let test = std::env::args().any(|argument| argument == "--test");
    let sizes: &[usize] = if test { &[1_000] } else { &[1_000, 10_000, 100_000, 1_000_000] };
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:>10} {:>12} {:>12} {:>12} {:>10} {:>10}",
        "accounts", "raw", "held", "peak", "held/raw", "peak/raw"
    )?;
    for size in sizes {
        let reference = ReferenceBook::new(*size, 7);
        let source = reference.source();
        let schema = reference.schema();
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let (book, report) = Book::load(schema, &source, &Policy::strict())?;
        drop(report);
        let held = ALLOCATOR.current_usage() - before;
        let peak = ALLOCATOR.peak_usage() - before;
        let raw = raw_bytes(&book)?;
        let per = |bytes: usize| to_f64(bytes) / to_f64(*size);
        writeln!(
            out,
            "{size:>10} {:>12.1} {:>12.1} {:>12.1} {:>10.2} {:>10.2}",
            per(raw),
            per(held),
            per(peak),
            to_f64(held) / to_f64(raw),
            to_f64(peak) / to_f64(raw),
        )?;
    }
    Ok(())
}

fn to_f64(bytes: usize) -> f64 {
    u32::try_from(bytes / 1_000).map_or(f64::MAX, f64::from) * 1_000.0
        + u32::try_from(bytes % 1_000).map_or(0.0, f64::from)
}

/// Raw size by definition: every attribute, and id, parent, type and product as columns like any other.
fn raw_bytes(book: &Book) -> Result<usize, Box<dyn Error>> {
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    let mut bits = 0;
    let mut bytes = 0;
    for account in view.accounts() {
        bytes += account.id_str().len() + 4;
        bytes += account.parent().map_or(4, |parent| parent.id_str().len() + 4);
        bytes += 4 + 4;
        bits += 4;
        for attribute in book.schema().attributes() {
            bits += 1;
            bytes += match attribute.kind() {
                AttributeType::Date | AttributeType::Enum(_) | AttributeType::Band(_) => 4,
                AttributeType::Bool => 0,
                AttributeType::Text => match account.value(attribute.name()) {
                    Some(Value::Text(text)) => text.len() + 4,
                    _ => 4,
                },
                _ => 8,
            };
        }
    }
    Ok(bytes + bits / 8)
}
