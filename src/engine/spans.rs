//! What does the host's tracing see? Feature `tracing`.

use crate::catalog::DefinitionRef;

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

/// A definition that is worked out for whole trees, or for everyone.
pub(super) fn definition(id: &DefinitionRef) -> Entered {
    #[cfg(not(feature = "tracing"))]
    let _ = id;
    Entered {
        #[cfg(feature = "tracing")]
        _span: tracing::trace_span!("perennial_definition", definition = %id).entered(),
    }
}
