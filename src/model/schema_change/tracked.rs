//! What became of names, step by step?

use std::collections::HashMap;
use std::sync::Arc;

/// The names of a list, each with what it became for data and for those who write it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tracked {
    names: Vec<Became>,
}

#[derive(Debug, Clone)]
struct Became {
    was: Arc<str>,
    /// What has it has this now; `None` where it was removed.
    data: Option<Arc<str>>,
    /// Who writes it writes this now; `None` where it was removed or replaced.
    said: Option<Arc<str>>,
}

impl Tracked {
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> Self {
        let became = |name: &Arc<str>| Became {
            was: name.clone(),
            data: Some(name.clone()),
            said: Some(name.clone()),
        };
        Self { names: names.map(became).collect() }
    }

    /// As [`Tracked::rename`], of values that data may have as texts that were no values before.
    pub(super) fn rename_text(&mut self, from: &str, to: &Arc<str>) {
        self.rename(from, to);
        self.add(from, Some(to));
        // Whoever said so until now said nothing that was allowed.
        self.add(to, None);
    }

    /// As [`Tracked::remove`], of such values.
    pub(super) fn remove_text(&mut self, name: &str, by: Option<&Arc<str>>) {
        self.remove(name, by);
        self.add(name, by);
    }

    fn add(&mut self, text: &str, now: Option<&Arc<str>>) {
        if self.names.iter().all(|known| *known.was != *text) {
            self.names.push(Became { was: Arc::from(text), data: now.cloned(), said: None });
        }
    }

    pub(super) fn rename(&mut self, from: &str, to: &Arc<str>) {
        for name in &mut self.names {
            for now in [&mut name.data, &mut name.said] {
                if now.as_deref() == Some(from) {
                    *now = Some(to.clone());
                }
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str, by: Option<&Arc<str>>) {
        for known in &mut self.names {
            if known.data.as_deref() == Some(name) {
                known.data = by.cloned();
            }
            if known.said.as_deref() == Some(name) {
                known.said = None;
            }
        }
    }

    /// Those that are not among some names are removed.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        for known in &mut self.names {
            for now in [&mut known.data, &mut known.said] {
                *now = now.take().filter(|now| is_there(now));
            }
        }
    }

    /// What data of each name has now, in the order of the names before; `None` for one that was removed.
    pub(super) fn data(&self) -> impl Iterator<Item = Option<&Arc<str>>> {
        self.names.iter().map(|name| name.data.as_ref())
    }

    /// What data of the names has now that are not what they were.
    pub(super) fn moved(&self) -> HashMap<Arc<str>, Option<Arc<str>>> {
        let moved = self.names.iter().filter(|name| name.data.as_ref() != Some(&name.was));
        moved.map(|name| (name.was.clone(), name.data.clone())).collect()
    }

    /// The names that are no longer: whoever writes one means what is not there.
    pub(super) fn gone(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter().filter(|name| name.said.is_none()).map(|name| &name.was)
    }

    /// The renamed ones.
    pub(super) fn renamed(&self) -> HashMap<Arc<str>, Arc<str>> {
        let said = self.names.iter().filter_map(|name| Some((name.was.clone(), name.said.clone()?)));
        said.filter(|(was, now)| was != now).collect()
    }
}
