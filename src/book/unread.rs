//! Which columns of a source were not read, and is one of them meant for a column of the hierarchy?
//!
//! A heading that misses `parent` by its case would make a root of everybody, without a fault. Columns that are not
//! read are told with the nearest name; one that is nearly called as a column that says where accounts stand ends
//! the load, where nothing else was read for that. It is looked for file by file, since each is mapped by itself.
//! Ruling S112 of `docs/semantics`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{nearest, plain_name};
use crate::source::{Batch, ScanRequest, TableName, UnreadColumn};

/// Columns of each table and file that were offered.
#[derive(Debug, Default)]
pub(super) struct OfferedColumns {
    files: BTreeMap<(TableName, Option<Arc<str>>), Columns>,
}

#[derive(Debug, Default)]
struct Columns {
    read: BTreeSet<Arc<str>>,
    unread: BTreeSet<Arc<str>>,
    /// What might have been read: the columns that the schema has for the table.
    wanted: Vec<Arc<str>>,
    has_rows: bool,
}

impl OfferedColumns {
    /// Notes the columns of a batch; of a table that the schema does not know, none is meant for another.
    pub(super) fn note(&mut self, batch: &Batch, request: &ScanRequest, known: bool) {
        let columns = self.of(batch.table(), batch.origin(), known.then_some(request));
        columns.has_rows |= batch.rows() > 0;
        for (name, _) in batch.columns() {
            let known = if request.wants(name) { &mut columns.read } else { &mut columns.unread };
            if !known.contains(name) {
                known.insert(Arc::clone(name));
            }
        }
    }

    /// Notes a column that a source has and does not offer.
    pub(super) fn note_unread(&mut self, unread: &UnreadColumn, request: &ScanRequest) {
        let columns = self.of(&unread.table, unread.origin.as_ref(), Some(request));
        columns.unread.insert(Arc::clone(&unread.column));
    }

    fn of(
        &mut self,
        table: &TableName,
        origin: Option<&Arc<str>>,
        request: Option<&ScanRequest>,
    ) -> &mut Columns {
        let columns = self.files.entry((table.clone(), origin.cloned())).or_default();
        if let Some(request) = request.filter(|_| columns.wanted.is_empty()) {
            columns.wanted = request.columns().to_vec();
        }
        columns
    }

    /// The columns that were not read, in order of table, file and name; and those of them that were meant for a
    /// column of the hierarchy.
    pub(super) fn finish(self) -> (Vec<UnreadColumn>, Vec<UnreadColumn>) {
        let (mut all, mut misnamed) = (Vec::new(), Vec::new());
        for ((table, origin), columns) in self.files {
            let free: Vec<&str> = columns
                .wanted
                .iter()
                .filter(|name| !columns.read.contains(*name))
                .map(|name| &**name)
                .collect();
            for column in columns.unread {
                let meant = structural(&table).iter().filter(|name| free.contains(*name));
                let meant = meant.copied().find(|name| columns.has_rows && is_nearly(&column, name));
                let nearest = meant.or_else(|| nearest_to(&column, &free)).map(Arc::from);
                let unread = UnreadColumn { nearest, ..UnreadColumn::new(table.clone(), &column) };
                let unread = UnreadColumn { origin: origin.clone(), ..unread };
                if meant.is_some() {
                    misnamed.push(unread.clone());
                }
                all.push(unread);
            }
        }
        (all, misnamed)
    }
}

// The columns of a table that say where accounts stand, and which they are.
const fn structural(table: &TableName) -> &'static [&'static str] {
    match table {
        TableName::Accounts => &["parent", "account_type", "product"],
        TableName::Links => &["parent", "rank"],
        TableName::Successions => &["successor", "on", "rank", "part"],
        TableName::Child(_) => &["account"],
    }
}

// Whether a heading is a name but for case and separators; or but for a letter, where that cannot be another word.
fn is_nearly(column: &str, name: &str) -> bool {
    let (column, wanted) = (plain_name(column), plain_name(name));
    column == wanted
        || (wanted == "parent"
            && ["parents", "parentid", "parentaccount", "parnet"].contains(&column.as_str()))
}

fn nearest_to<'n>(column: &str, free: &[&'n str]) -> Option<&'n str> {
    let plain = plain_name(column);
    if let Some(same) = free.iter().find(|name| plain_name(name) == plain) {
        return Some(same);
    }
    let folded: Vec<(String, &'n str)> = free.iter().map(|name| (name.to_lowercase(), *name)).collect();
    let near = nearest(&column.to_lowercase(), folded.iter().map(|(folded, _)| folded.as_str()))?.to_owned();
    folded.iter().find(|(folded, _)| *folded == near).map(|(_, name)| *name)
}
