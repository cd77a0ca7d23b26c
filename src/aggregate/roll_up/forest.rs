//! Who stands below whom, and where two meet?

/// No row.
const NONE: u32 = u32::MAX;

/// Rows numbered so that parents come first.
#[derive(Debug)]
pub(super) struct Forest {
    parent: Vec<u32>,
}

/// Rows in pre-order: those below a row follow it.
#[derive(Debug)]
pub(super) struct PreOrder {
    /// The place of each row.
    pub(super) start: Vec<u32>,
    /// The place behind the last row below it.
    pub(super) end: Vec<u32>,
}

/// For each row the top of the path of largest children that it lies on, and its depth.
#[derive(Debug)]
pub(super) struct Paths<'f> {
    forest: &'f Forest,
    head: Vec<u32>,
    depth: Vec<u32>,
}

impl Forest {
    pub(super) fn new(parent: Vec<u32>) -> Self {
        Self { parent }
    }

    /// The forest without what stands below some rows: these become leaves, and what was below them trees of their own.
    pub(super) fn cut(&self, below: impl Fn(usize) -> bool) -> Self {
        let parent = self.parent.iter().map(|parent| if below(*parent as usize) { NONE } else { *parent });
        Self { parent: parent.collect() }
    }

    pub(super) fn rows(&self) -> usize {
        self.parent.len()
    }

    pub(super) fn parent(&self, row: usize) -> Option<usize> {
        self.parent.get(row).copied().filter(|parent| *parent != NONE).map(|parent| parent as usize)
    }

    /// How many rows stand below each, itself included.
    fn sizes(&self) -> Vec<u32> {
        let mut sizes = vec![1_u32; self.rows()];
        for row in (0..self.rows()).rev() {
            let own = sizes.get(row).copied().unwrap_or(0);
            if let Some(size) = self.parent(row).and_then(|parent| sizes.get_mut(parent)) {
                *size += own;
            }
        }
        sizes
    }

    pub(super) fn pre_order(&self) -> PreOrder {
        let sizes = self.sizes();
        let mut start: Vec<u32> = Vec::with_capacity(self.rows());
        // Where the next child of each row begins.
        let mut next: Vec<u32> = Vec::with_capacity(self.rows());
        let mut roots = 0_u32;
        for (row, size) in sizes.iter().enumerate() {
            let place = match self.parent(row).and_then(|parent| next.get_mut(parent)) {
                Some(next) => next,
                None => &mut roots,
            };
            let own = *place;
            *place += size;
            start.push(own);
            next.push(own + 1);
        }
        let end = start.iter().zip(&sizes).map(|(start, size)| start + size).collect();
        PreOrder { start, end }
    }

    pub(super) fn paths(&self) -> Paths<'_> {
        let sizes = self.sizes();
        let mut largest: Vec<u32> = vec![NONE; self.rows()];
        for row in (0..self.rows()).rev() {
            let Some(parent) = self.parent(row) else { continue };
            let size = |row: u32| sizes.get(row as usize).copied().unwrap_or(0);
            let Ok(row) = u32::try_from(row) else { continue };
            if let Some(best) = largest.get_mut(parent)
                && (*best == NONE || size(row) >= size(*best))
            {
                *best = row;
            }
        }
        let mut head: Vec<u32> = Vec::with_capacity(self.rows());
        let mut depth: Vec<u32> = Vec::with_capacity(self.rows());
        for (row, number) in (0..self.rows()).zip(0_u32..) {
            match self.parent(row) {
                Some(parent) => {
                    let follows = largest.get(parent) == Some(&number);
                    let above = head.get(parent).copied().unwrap_or(number);
                    head.push(if follows { above } else { number });
                    depth.push(depth.get(parent).copied().unwrap_or(0) + 1);
                }
                None => {
                    head.push(number);
                    depth.push(0);
                }
            }
        }
        Paths { forest: self, head, depth }
    }

    /// What each row and all below it come to: `seen` is told, and it goes up.
    pub(super) fn gather<S: Default>(
        &self,
        mut own: Vec<S>,
        absorb: impl Fn(&mut S, S),
        mut seen: impl FnMut(usize, &S),
    ) {
        for row in (0..own.len()).rev() {
            // All below it stand behind it, and have been added.
            let Some(state) = own.get_mut(row).map(std::mem::take) else { continue };
            seen(row, &state);
            if let Some(parent) = self.parent(row).and_then(|parent| own.get_mut(parent)) {
                absorb(parent, state);
            }
        }
    }

    /// What each row is given by all below it: `emit` is told what stands strictly below a row and what stands at it, and
    /// says what goes up. Rows below come before those above.
    pub(super) fn climb<S: Default>(
        &self,
        own: Vec<S>,
        absorb: impl Fn(&mut S, S),
        mut emit: impl FnMut(usize, S, S) -> S,
    ) {
        let mut below: Vec<S> = Vec::new();
        below.resize_with(self.rows(), S::default);
        for (row, own) in own.into_iter().enumerate().rev() {
            let gathered = below.get_mut(row).map(std::mem::take).unwrap_or_default();
            let up = emit(row, gathered, own);
            if let Some(parent) = self.parent(row).and_then(|parent| below.get_mut(parent)) {
                absorb(parent, up);
            }
        }
    }
}

impl Paths<'_> {
    /// The lowest row that both stand at or below; `None` in different trees. O(log rows).
    pub(super) fn meeting(&self, a: u32, b: u32) -> Option<u32> {
        let (mut a, mut b) = (a, b);
        loop {
            let head = |row: u32| self.head.get(row as usize).copied();
            let depth = |row: u32| self.depth.get(row as usize).copied();
            let (head_a, head_b) = (head(a)?, head(b)?);
            if head_a == head_b {
                return Some(if depth(a)? <= depth(b)? { a } else { b });
            }
            // The lower path is left upwards.
            let (lower, other) = if depth(head_a)? >= depth(head_b)? { (head_a, b) } else { (head_b, a) };
            a = u32::try_from(self.forest.parent(lower as usize)?).ok()?;
            b = other;
        }
    }
}
