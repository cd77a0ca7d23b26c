//! How does differential dataflow keep sums current?
//!
//! Two inputs, the parents of the accounts and their metrics. From the parents an iteration makes the closure (descendant,
//! ancestor) and keeps it as they change; the metrics are carried as differences of records, the idiomatic way to sum, join
//! the closure, and are counted by ancestor. An answer is current when the probe has passed the moment of the change; by
//! then the output has been written into a vector of sums.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use differential_dataflow::input::{Input, InputSession};
use differential_dataflow::operators::{CountTotal, Iterate};
use timely::WorkerConfig;
use timely::communication::Allocator;
use timely::communication::allocator::thread::Thread;
use timely::dataflow::ProbeHandle;
use timely::worker::Worker;

use crate::Outcome;
use crate::contest::Contestant;
use crate::data::{Data, METRICS};
use crate::live::{Edit, Script, Sums, WARM};

/// Eight sums as a difference: tuples of four have what a difference needs.
type Difference = ((i64, i64, i64, i64), (i64, i64, i64, i64));

struct Flow {
    worker: Worker,
    /// Child and parent.
    parents: InputSession<u64, (u32, u32), i64>,
    metrics: InputSession<u64, u32, Difference>,
    probe: ProbeHandle<u64>,
    /// What the output has come to.
    sums: Rc<RefCell<Vec<Sums>>>,
    /// What the inputs say now, since a change has to take back what was.
    held: (Vec<Option<u32>>, [Vec<Option<i64>>; METRICS]),
    moment: u64,
}

pub fn live<'d>(data: &'d Data, script: &'d Script) -> Outcome<Vec<Contestant<'d, Sums>>> {
    let mut flow = Flow::new(data);
    for edits in &script.steps[..WARM] {
        flow.apply(edits);
    }
    let mut steps = script.steps[WARM..].iter();
    let run = move || {
        flow.apply(steps.next().ok_or("the script has ended")?);
        let sums = flow.sums.clone();
        Ok(Box::new(move || Ok(sums.borrow().clone())) as crate::contest::Reader<'d, Sums>)
    };
    let way = "closure iterated, metrics as differences";
    Ok(vec![Contestant { tool: "differential", way, threads: 1, run: Box::new(run) }])
}

impl Flow {
    fn new(data: &Data) -> Self {
        let allocator = Allocator::Thread(Thread::default());
        let mut worker = Worker::new(WorkerConfig::default(), allocator, Some(Instant::now()));
        let sums = Rc::new(RefCell::new(vec![[0; METRICS]; data.len()]));
        let out = sums.clone();
        let probe = ProbeHandle::new();
        let (mut parents, mut metrics) = worker.dataflow(|scope| {
            let (parents_in, parents) = scope.new_collection::<(u32, u32), i64>();
            let (metrics_in, metrics) = scope.new_collection::<u32, Difference>();
            // Pairs (ancestor, descendant) of different accounts; a tree has one way to each, so that nothing is distinct-ed.
            let pairs = parents.clone().map(|(child, parent)| (child, parent));
            let strict = pairs.clone().iterate(|scope, reached| {
                let (pairs, steps) = (pairs.enter(scope), parents.enter(scope));
                // (up, down) joined with (up, its parent) is (its parent, down).
                reached
                    .map(|(down, up)| (up, down))
                    .join_map(steps, |_, down, above| (*down, *above))
                    .concat(pairs)
            });
            let own = metrics.clone().map(|account| (account, ()));
            own.join_map(strict, |_, (), ancestor| *ancestor)
                .concat(metrics)
                .count_total_core::<i64>()
                .inspect(move |((account, sums), _, difference)| {
                    let ((m1, m2, m3, m4), (m5, m6, m7, m8)) = *sums;
                    // What was is taken back, what is comes in, in whichever order: both are added up.
                    let own = &mut out.borrow_mut()[*account as usize];
                    for (sum, of) in own.iter_mut().zip([m1, m2, m3, m4, m5, m6, m7, m8]) {
                        *sum += of * difference;
                    }
                })
                .probe_with(&probe);
            (parents_in, metrics_in)
        });
        for (number, parent) in (0_u32..).zip(&data.parents) {
            if let Some(parent) = parent {
                parents.update((number, *parent), 1);
            }
            metrics.update(number, difference(|metric| data.metrics[metric][number as usize].unwrap_or(0)));
        }
        let held = (data.parents.clone(), data.metrics.clone());
        let mut flow = Self { worker, parents, metrics, probe, sums, held, moment: 0 };
        flow.settle();
        flow
    }

    fn apply(&mut self, edits: &[Edit]) {
        let (parents, metrics) = &mut self.held;
        for edit in edits {
            match *edit {
                Edit::Metric { account, metric, value } => {
                    let old = metrics[metric][account as usize].replace(value).unwrap_or(0);
                    self.metrics
                        .update(account, difference(|other| if other == metric { value - old } else { 0 }));
                }
                Edit::Move { account, parent } => {
                    if let Some(old) = parents[account as usize].replace(parent) {
                        self.parents.update((account, old), -1);
                    }
                    self.parents.update((account, parent), 1);
                }
            }
        }
        self.settle();
    }

    /// Lets everything run until the answers of this moment are complete.
    fn settle(&mut self) {
        self.moment += 1;
        self.parents.advance_to(self.moment);
        self.metrics.advance_to(self.moment);
        self.parents.flush();
        self.metrics.flush();
        let (probe, moment) = (&self.probe, self.moment);
        self.worker.step_while(|| probe.less_than(&moment));
    }
}

fn difference(of: impl Fn(usize) -> i64) -> Difference {
    ((of(0), of(1), of(2), of(3)), (of(4), of(5), of(6), of(7)))
}
