//! What does the host's tracing see? Feature `tracing`.

use std::sync::Arc;

use crate::catalog::Step;

/// A span that ends when it is dropped.
pub(super) struct Entered {
    #[cfg(feature = "tracing")]
    _span: tracing::span::EnteredSpan,
}

/// Work of the engine: a load, an update, events.
pub(super) fn enter(work: &'static str, version: u64) -> Entered {
    #[cfg(not(feature = "tracing"))]
    let _ = (work, version);
    Entered {
        #[cfg(feature = "tracing")]
        _span: tracing::debug_span!("perennial", work, from_version = version).entered(),
    }
}

/// Definitions that are computed for whole trees, or for everyone: one by its name, several together by their number.
pub(super) fn round(steps: &[Arc<Step>]) -> Entered {
    #[cfg(not(feature = "tracing"))]
    let _ = steps;
    Entered {
        #[cfg(feature = "tracing")]
        _span: match steps {
            [step] => tracing::trace_span!("perennial_definition", definition = %step.id).entered(),
            _ => tracing::trace_span!("perennial_definitions", together = steps.len()).entered(),
        },
    }
}
