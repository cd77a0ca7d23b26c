//! Which accounts, who came and went, and what do screens show of them?
//!
//! A segment is a named yes/no question over accounts, in the language of [`expr`](crate::expr). Rulings S70 to S76 of
//! [`docs::semantics`](crate::docs::semantics).
//!
//! | question | type |
//! |---|---|
//! | What is a segment, and how is it stored? | [`Segment`], JSON both ways |
//! | Do my segments make sense, also those that ask others? | [`Catalog`](crate::catalog::Catalog) |
//! | Who is in each? How many, and what are they worth? | [`Members`] |
//! | Which of their users, contracts, deals? | [`RowFilter`] |
//! | Why is this account in, or not? | [`Columns::explain`](crate::expr::Columns::explain) |
//! | Who entered, who left? | [`Members::since`], [`SegmentChange`] |
//! | What does a list on a screen show: filter, search, order, pages, columns? | [`Query`], [`CheckedQuery`], [`Page`] |
//! | What is there to know of one account? | [`ProfileQuery`], [`Profile`] |
//! | How do accounts divide, and what does each part add up to? | [`GroupBy`], [`Histogram`] |
//! | My users have queries of Totango, react-querybuilder, JSONLogic, Salesforce: how do they come over? | [`Importer`], [`export_react_querybuilder`] |
//! | Which segments say the same, or nothing? | [`Analysis`] |

mod analysis;
mod cancelled;
mod change;
mod define;
mod definition;
mod definition_json;
mod diagram;
mod fault;
mod import;
mod members;
mod profile;
mod query;
mod rows;

pub use analysis::Analysis;
pub use change::{SegmentChange, Unapplicable};
pub use definition::Segment;
pub use definition_json::SEGMENTS_VERSION;
pub use diagram::{ColourBy, UnknownColour};
pub use fault::{SegmentErrors, SegmentFault, SegmentFaultKind};
pub use import::{
    ImportErrors, ImportFault, Imported, Importer, MAX_IMPORT_FAULTS, NeededKind, NeededName, TotangoColumn,
    TotangoQuery, TotangoTarget, export_react_querybuilder,
};
pub use members::Members;
pub use profile::{MAX_PROFILE_ROWS, OwnedProduct, Profile, ProfileQuery, ProfileRow, Relative, Rows};
pub use query::{
    AskError, Bin, CheckedQuery, Column, Cursor, Group, GroupBy, GroupError, Groups, Histogram, MAX_BINS,
    MAX_COLUMNS, MAX_GROUPS, MAX_PAGE, Measure, MeasureKind, PAGE, Page, PageRow, QUERY_VERSION, Query,
    QueryErrors, QueryFault, QueryFaultKind, SortKey,
};
pub use rows::{RowFilter, RowFilterError};
