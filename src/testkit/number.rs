//! What double is a number with digits after the point?
//!
//! The one that Rust reads from its text, which is the nearest: no arithmetic, so that oracles do not
//! round as the code that they are held against.

/// The double nearest to `units` × 10^-`scale`.
pub(super) fn double_of(units: i128, scale: u8) -> f64 {
    format!("{units}e-{scale}").parse().unwrap_or(f64::NAN)
}
