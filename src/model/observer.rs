//! How does the host see long work, and stop it?

/// A piece of long work and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Definitions that are done; of a plan, none.
    pub done: usize,
    /// Definitions to be done.
    pub of: usize,
}

/// Watches long work, and may stop it: plans of expressions and segments, catalogs, and what an engine computes after a load, a
/// change, a new definition or a new moment.
///
/// ```
/// use perennial::{Observer, Progress};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// /// Stops when the service does.
/// struct Shutdown(AtomicBool);
///
/// impl Observer for Shutdown {
///     fn progress(&self, progress: Progress) {
///         println!("{} of {}", progress.done, progress.of);
///     }
///     fn is_cancelled(&self) -> bool {
///         self.0.load(Ordering::Relaxed)
///     }
/// }
/// ```
///
/// # What implementors must guarantee
///
/// Both methods return quickly, and may be called from several threads (feature `rayon`).
pub trait Observer: Sync {
    /// Told after each definition.
    fn progress(&self, progress: Progress) {
        let _ = progress;
    }

    /// Asked before each piece of work, which takes milliseconds: is it to be stopped? What was published stays as it is.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody watches.
impl Observer for () {}
