//! How large may an expression be?
//!
//! Expressions come from users, so every measure of one has a limit, and each limit has its own error.

use serde::{Deserialize, Serialize};

/// The limits of an expression, with the defaults of the platform; a host sets others with `with_*`.
///
/// ```
/// use perennial::expr::{Ast, Code, ExprLimits};
///
/// let limits = ExprLimits::default().with_depth(4);
/// assert!(Ast::parse_within("!(a || b)", &limits).is_ok());
/// let errors = Ast::parse_within("!!!!a", &limits).unwrap_err();
/// assert_eq!(errors.all()[0].code(), Code::E302);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExprLimits {
    pub(super) source_bytes: usize,
    pub(super) tokens: usize,
    pub(super) nodes: usize,
    pub(super) depth: usize,
    pub(super) text_bytes: usize,
    pub(super) list_items: usize,
    pub(super) lambdas: usize,
    pub(super) walks: usize,
    pub(super) segment_chain: usize,
    pub(super) list_length: u64,
    pub(super) rows_per_account: u64,
    pub(super) account_cost: u64,
    pub(super) accounts: u64,
    pub(super) run_cost: u64,
    pub(super) diagnostics: usize,
}

/// The deepest nesting that a host may allow: the stack that it needs is small on every platform.
pub const MAX_DEPTH: usize = 128;

impl Default for ExprLimits {
    fn default() -> Self {
        Self {
            source_bytes: 16 << 10,
            tokens: 4_096,
            nodes: 2_000,
            depth: 64,
            text_bytes: 1 << 10,
            list_items: 1_000,
            lambdas: 2,
            walks: 2,
            segment_chain: 8,
            list_length: 100,
            rows_per_account: 100,
            account_cost: 100_000,
            accounts: 100_000,
            run_cost: 10_000_000_000,
            diagnostics: 20,
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $setter:ident: $field:ident, $kind:ty;)*) => {
        impl ExprLimits {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $setter(mut self, limit: $kind) -> Self {
                    self.$field = limit;
                    self
                }
            )*
        }
    };
}

setters! {
    /// Bytes of source text, 16 KiB unless set; `E301`.
    with_source_bytes: source_bytes, usize;
    /// Tokens of a source text, 4,096 unless set; `E301`.
    with_tokens: tokens, usize;
    /// Nodes of the tree, 2,000 unless set; `E301`.
    with_nodes: nodes, usize;
    /// Bytes of a text literal, 1 KiB unless set; `E303`.
    with_text_bytes: text_bytes, usize;
    /// Items of a list literal, 1,000 unless set; `E303`.
    with_list_items: list_items, usize;
    /// Lambdas within lambdas, 2 unless set; `E109`.
    with_lambdas: lambdas, usize;
    /// Walks over the hierarchy within walks, 2 unless set; `E109`.
    with_walks: walks, usize;
    /// Segments asked one after the other, by `inSegment`, 8 unless set; `E304`.
    with_segment_chain: segment_chain, usize;
    /// The length that the cost of an expression takes a list attribute to have, 100 unless set.
    with_list_length: list_length, u64;
    /// The rows of a child table that the cost takes an account to have, 100 unless set.
    with_rows_per_account: rows_per_account, u64;
    /// Cost for one account, in steps, 100,000 unless set; `E109`.
    with_account_cost: account_cost, u64;
    /// The accounts that the cost of a run takes a book to have, 100,000 unless set.
    with_accounts: accounts, u64;
    /// Cost of a run, in steps for all accounts, 10^10 unless set; `E305`.
    with_run_cost: run_cost, u64;
    /// Errors and lints reported at once, 20 unless set; what is beyond is counted.
    with_diagnostics: diagnostics, usize;
}

impl ExprLimits {
    /// Levels of nesting, 64 unless set, at most [`MAX_DEPTH`]; `E302`. Chains of one level (`a && b && c`,
    /// `a + b - c`) count once, and so do the names of a path (`a.b.c`).
    #[must_use]
    pub fn with_depth(mut self, limit: usize) -> Self {
        self.depth = limit.min(MAX_DEPTH);
        self
    }
}
