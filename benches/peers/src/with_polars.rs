//! How does one answer with Polars?
//!
//! Frames in memory, the lazy API and its in-memory engine, on as many threads as `POLARS_MAX_THREADS` says.
//! Polars knows no trees, so the hierarchy is a closure: a row for each account and each of its ancestors,
//! itself among them. It is stored sorted by ancestor and flagged as sorted, which group-bys make use of.

use polars::prelude::*;

use crate::Outcome;
use crate::answer::Total;
use crate::contest::Contestant;
use crate::data::{Data, METRICS, levels, number_of, to_u32};
use crate::forty::{self, Forty};
use crate::usage::{Uses, WINDOW};

const TOOL: &str = "Polars";

/// How many threads Polars uses: read the way it does, since it does not tell.
pub fn threads() -> usize {
    let set = std::env::var("POLARS_MAX_THREADS").ok().and_then(|threads| threads.parse().ok());
    set.unwrap_or_else(|| std::thread::available_parallelism().map_or(4, usize::from))
}

pub fn roll_up(data: &Data) -> Outcome<Vec<Contestant<'_, Total>>> {
    let accounts = accounts(data)?;
    let closure = closure(&accounts)?;
    let len = data.len();
    let threads = threads();
    let by_join = {
        let (accounts, closure) = (accounts.clone(), closure.clone());
        Contestant {
            tool: TOOL,
            way: "stored closure, join, group by",
            threads,
            run: Box::new(move || {
                let pairs = closure.clone().lazy();
                let joined = pairs.inner_join(accounts.clone().lazy(), col("descendant"), col("number"));
                let totals = joined.group_by([col("ancestor")]).agg(aggregates()).collect()?;
                Ok(Box::new(move || read(len, &totals, "ancestor")))
            }),
        }
    };
    let by_gather = {
        let (accounts, closure) = (accounts.clone(), closure.clone());
        Contestant {
            tool: TOOL,
            way: "stored closure, gather, sorted group by",
            threads,
            run: Box::new(move || {
                // Numbers count from 0 without gaps, so that a number is a place.
                let mut rows = accounts.take(closure.column("descendant")?.u32()?)?;
                rows.with_column(closure.column("ancestor")?.clone())?;
                let totals = rows.lazy().group_by([col("ancestor")]).agg(aggregates()).collect()?;
                Ok(Box::new(move || read(len, &totals, "ancestor")))
            }),
        }
    };
    let by_level = {
        let layers = layers(&accounts, data)?;
        Contestant {
            tool: TOOL,
            way: "level by level, group by parent",
            threads,
            run: Box::new(move || {
                let totals = climb(&layers)?;
                Ok(Box::new(move || read(len, &totals, "number")))
            }),
        }
    };
    Ok(vec![by_join, by_gather, by_level])
}

/// A lazy filter over plain columns.
pub fn segment(data: &Data) -> Outcome<Vec<Contestant<'_, bool>>> {
    let numbers: Vec<u32> = (0..data.len()).map(to_u32).collect::<Outcome<_>>()?;
    let rows = df!(
        "number" => numbers,
        "contract_value" => &data.contract_values,
        "nps" => &data.nps,
        "region" => data.regions.iter().map(Option::as_deref).collect::<Vec<_>>(),
        "industry" => data.industries.iter().map(Option::as_deref).collect::<Vec<_>>(),
    )?;
    let len = data.len();
    let filter = Contestant {
        tool: TOOL,
        way: "lazy filter, to the numbers of the accounts",
        threads: threads(),
        run: Box::new(move || {
            let one_of = |name: &str, a: &str, b: &str| col(name).eq(lit(a)).or(col(name).eq(lit(b)));
            let matching = col("contract_value")
                .gt(lit(5_000_000_i64))
                .and(one_of("industry", "Software", "Banking"))
                .and(col("nps").lt(lit(60_i64)))
                .and(one_of("region", "EMEA", "APAC"));
            let found = rows.clone().lazy().filter(matching).select([col("number")]).collect()?;
            Ok(Box::new(move || {
                let mut matching = vec![false; len];
                for number in found.column("number")?.u32()?.iter().flatten() {
                    matching[number as usize] = true;
                }
                Ok(matching)
            }))
        }),
    };
    Ok(vec![filter])
}

/// Forty conditional sums over the stored closure.
pub fn forty(data: &Data) -> Outcome<Vec<Contestant<'_, Forty>>> {
    let mut accounts = accounts(data)?;
    let closure = closure(&accounts)?;
    let regions: Vec<Option<&str>> = data.regions.iter().map(Option::as_deref).collect();
    accounts.with_column(Column::new("region".into(), regions))?;
    accounts.with_column(Column::new("nps".into(), data.nps.as_slice()))?;
    let kinds = [
        lit(true),
        col("region").eq(lit("EMEA")),
        col("region").eq(lit("APAC")),
        col("nps").lt(lit(0_i64)),
        col("nps").gt(lit(50_i64)),
    ];
    let mut columns = vec![col("number")];
    let mut sums = Vec::with_capacity(forty::ALL);
    for (kind, counts) in kinds.iter().enumerate() {
        for metric in 1..=METRICS {
            let name = format!("r{}", kind * METRICS + metric - 1);
            let own = when(counts.clone()).then(col(format!("m{metric}"))).otherwise(lit(NULL));
            columns.push(own.cast(DataType::Int64).alias(&name));
            sums.push(col(&name).sum());
        }
    }
    let len = data.len();
    let run = move || {
        let rows = accounts.clone().lazy().select(columns.clone());
        let joined = closure.clone().lazy().inner_join(rows, col("descendant"), col("number"));
        let totals = joined.group_by([col("ancestor")]).agg(sums.clone()).collect()?;
        let read = move || {
            let mut all = vec![[0; forty::ALL]; len];
            let numbers: Vec<Option<u32>> = totals.column("ancestor")?.u32()?.iter().collect();
            let columns = (0..forty::ALL)
                .map(|place| Ok(totals.column(&format!("r{place}"))?.i64()?.iter().collect()))
                .collect::<Outcome<Vec<Vec<Option<i64>>>>>()?;
            for (row, number) in numbers.iter().enumerate() {
                let own = &mut all[number.ok_or("a row without an account")? as usize];
                for (sum, column) in own.iter_mut().zip(&columns) {
                    *sum = column[row].unwrap_or(0);
                }
            }
            Ok(all)
        };
        Ok(Box::new(read) as crate::contest::Reader<'_, Forty>)
    };
    let way = "stored closure, join, group by, sums of masked columns";
    Ok(vec![Contestant { tool: TOOL, way, threads: threads(), run: Box::new(run) }])
}

/// Different people in every subtree: the stored closure joined with the uses of the window.
pub fn people<'d>(data: &'d Data, uses: &Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let (closure, rows, len) = (closure(&accounts(data)?)?, frame(uses)?, data.len());
    let run = move || {
        let asked = rows.clone().lazy().filter(col("days_ago").lt(lit(WINDOW)));
        let joined = closure.clone().lazy().inner_join(asked, col("descendant"), col("account"));
        let people = col("person").n_unique().cast(DataType::Int64).alias("found");
        let counts = joined.group_by([col("ancestor")]).agg([people]).collect()?;
        Ok(Box::new(move || by_number(len, &counts, "ancestor")) as crate::contest::Reader<'d, i64>)
    };
    let way = "stored closure, join, group by n_unique";
    Ok(vec![Contestant { tool: TOOL, way, threads: threads(), run: Box::new(run) }])
}

/// A window over the uses.
pub fn window<'d>(data: &'d Data, uses: &Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let (rows, len) = (frame(uses)?, data.len());
    let run = move || {
        let asked = rows.clone().lazy().filter(col("days_ago").lt(lit(WINDOW)));
        let counts = asked.group_by([col("account")]).agg([col("count").sum().alias("found")]).collect()?;
        Ok(Box::new(move || by_number(len, &counts, "account")) as crate::contest::Reader<'d, i64>)
    };
    let way = "filter, group by account";
    Ok(vec![Contestant { tool: TOOL, way, threads: threads(), run: Box::new(run) }])
}

fn frame(uses: &Uses) -> Outcome<DataFrame> {
    Ok(df!(
        "account" => &uses.accounts,
        "days_ago" => &uses.days_ago,
        "person" => &uses.people,
        "count" => &uses.counts,
    )?)
}

fn by_number(len: usize, counts: &DataFrame, key: &str) -> Outcome<Vec<i64>> {
    let mut read = vec![0; len];
    let found = counts.column("found")?.i64()?;
    for (number, count) in counts.column(key)?.u32()?.iter().zip(found.iter()) {
        read[number.ok_or("a row without an account")? as usize] = count.ok_or("no count")?;
    }
    Ok(read)
}

/// Parents found by a join on ids, then levels by climbing all at once; and the closure on top.
pub fn build(data: &Data) -> Outcome<Vec<Contestant<'_, u32>>> {
    let ids: Vec<&str> = data.arrivals.iter().map(|(id, _)| id.as_str()).collect();
    let parents: Vec<Option<&str>> = data.arrivals.iter().map(|(_, parent)| parent.as_deref()).collect();
    let rows = df!("id" => ids, "parent" => parents)?;
    let other = rows.clone();
    let threads = threads();
    let by_climbing = Contestant {
        tool: TOOL,
        way: "join on ids, levels by gathers",
        threads,
        run: Box::new(move || {
            let levels = levels_of(&linked(&rows)?)?;
            Ok(Box::new(move || by_arrival(data, &levels)))
        }),
    };
    let with_closure = Contestant {
        tool: TOOL,
        way: "the same, and the closure by joins",
        threads,
        run: Box::new(move || {
            let linked = linked(&other)?;
            let levels = levels_of(&linked)?;
            let closure = closure(&linked)?;
            Ok(Box::new(move || {
                let pairs = levels.sum().map(usize::try_from).transpose()?;
                if pairs != Some(closure.height()) {
                    return Err(format!("{} pairs in the closure, not {pairs:?}", closure.height()).into());
                }
                by_arrival(data, &levels)
            }))
        }),
    };
    Ok(vec![by_climbing, with_closure])
}

fn accounts(data: &Data) -> Outcome<DataFrame> {
    let numbers: Vec<u32> = (0..data.len()).map(to_u32).collect::<Outcome<_>>()?;
    let mut columns =
        vec![Column::new("number".into(), numbers), Column::new("parent".into(), data.parents.as_slice())];
    for (metric, values) in data.metrics.iter().enumerate() {
        columns.push(Column::new(format!("m{}", metric + 1).into(), values.as_slice()));
    }
    columns.push(Column::new("contract_value".into(), data.contract_values.as_slice()));
    Ok(DataFrame::new(data.len(), columns)?)
}

fn metric_names() -> impl Iterator<Item = String> {
    (1..=METRICS).map(|metric| format!("m{metric}"))
}

fn aggregates() -> Vec<Expr> {
    let mut aggregates: Vec<Expr> = metric_names().map(|name| col(name).sum()).collect();
    aggregates.extend([
        len().cast(DataType::Int64).alias("count"),
        col("contract_value").min().alias("least"),
        col("contract_value").max().alias("most"),
    ]);
    aggregates
}

/// Each account with each of its ancestors, from `number` and `parent`: one join for each level.
fn closure(accounts: &DataFrame) -> Outcome<DataFrame> {
    let parents = accounts.clone().lazy().select([col("number"), col("parent")]).collect()?;
    let mut step = parents
        .clone()
        .lazy()
        .select([col("number").alias("ancestor"), col("number").alias("descendant")])
        .collect()?;
    let mut steps = Vec::new();
    while step.height() > 0 {
        let up = step.clone().lazy().inner_join(parents.clone().lazy(), col("ancestor"), col("number"));
        let up = up.filter(col("parent").is_not_null());
        let next = up.select([col("parent").alias("ancestor"), col("descendant")]).collect()?;
        steps.push(std::mem::replace(&mut step, next).lazy());
    }
    let pairs = concat(steps, UnionArgs::default())?;
    let sorted = pairs.sort(["ancestor", "descendant"], SortMultipleOptions::default()).collect()?;
    // A sort by two columns flags none of them.
    let mut ancestors = sorted.column("ancestor")?.clone();
    ancestors.set_sorted_flag(polars::series::IsSorted::Ascending);
    let mut sorted = sorted;
    sorted.with_column(ancestors)?;
    Ok(sorted)
}

/// The accounts of each level, the deepest first, with the columns that totals have.
fn layers(accounts: &DataFrame, data: &Data) -> Outcome<Vec<DataFrame>> {
    let levels = levels(&data.parents);
    let deepest = levels.iter().max().copied().unwrap_or(0);
    let mut all = accounts.clone();
    all.with_column(Column::new("level".into(), levels))?;
    (1..=deepest)
        .rev()
        .map(|level| {
            let mut columns = vec![col("number"), col("parent")];
            columns.extend(metric_names().map(col));
            columns.push(lit(1_i64).cast(DataType::Int64).alias("count"));
            columns.push(col("contract_value").alias("least"));
            columns.push(col("contract_value").alias("most"));
            Ok(all.clone().lazy().filter(col("level").eq(lit(level))).select(columns).collect()?)
        })
        .collect()
}

/// Totals of each level: the accounts of the level, and the totals of the level below by parent.
fn climb(layers: &[DataFrame]) -> Outcome<DataFrame> {
    let mut merged: Vec<Expr> = metric_names().map(|name| col(name).sum()).collect();
    merged.extend([col("count").sum(), col("least").min(), col("most").max()]);
    let measures: Vec<Expr> =
        metric_names().chain(["count", "least", "most"].map(String::from)).map(col).collect();
    let mut done: Vec<LazyFrame> = Vec::new();
    let mut below: Option<DataFrame> = None;
    for layer in layers {
        let totals = match below.take() {
            None => layer.clone(),
            Some(below) => {
                let mut columns =
                    vec![col("parent").alias("number"), lit(NULL).cast(DataType::UInt32).alias("parent")];
                columns.extend(measures.iter().cloned());
                let handed_up = below.lazy().select(columns);
                // The accounts themselves know their parents; what is handed up does not.
                let mut merged = merged.clone();
                merged.insert(0, col("parent").max());
                concat([layer.clone().lazy(), handed_up], UnionArgs::default())?
                    .group_by([col("number")])
                    .agg(merged)
                    .collect()?
            }
        };
        done.push(totals.clone().lazy());
        below = Some(totals);
    }
    Ok(concat(done, UnionArgs::default())?.collect()?)
}

/// `number` (order of arrival) and the number of each one's parent.
fn linked(rows: &DataFrame) -> Outcome<DataFrame> {
    let numbered = rows.clone().lazy().with_row_index("number", None);
    let ids = numbered.clone().select([col("id"), col("number").alias("above")]);
    let mut args = JoinArgs::new(JoinType::Left);
    args.maintain_order = MaintainOrderJoin::Left;
    let joined = numbered.join(ids, [col("parent")], [col("id")], args);
    let linked = joined
        .select([col("number"), col("parent").alias("name"), col("above").alias("parent")])
        .collect()?;
    let (named, found) = (linked.column("name")?.null_count(), linked.column("parent")?.null_count());
    if linked.height() != rows.height() || named != found {
        return Err("ids that stand twice, or parents that do not exist".into());
    }
    Ok(linked)
}

/// The level of each row, all climbing a step at a time.
fn levels_of(linked: &DataFrame) -> Outcome<UInt32Chunked> {
    let parents = linked.column("parent")?.u32()?;
    let mut levels = UInt32Chunked::full("level".into(), 1, linked.height());
    let mut above = parents.clone();
    let mut steps = 0;
    while above.null_count() < above.len() {
        let climbs = above.is_not_null().into_series().cast(&DataType::UInt32)?;
        levels = &levels + climbs.u32()?;
        above = parents.take(&above)?;
        steps += 1;
        if steps > linked.height() {
            return Err("a cycle".into());
        }
    }
    Ok(levels)
}

fn by_arrival(data: &Data, levels: &UInt32Chunked) -> Outcome<Vec<u32>> {
    let mut read = vec![0; data.len()];
    for ((id, _), level) in data.arrivals.iter().zip(levels.iter()) {
        read[number_of(id)?] = level.ok_or("an account without a level")?;
    }
    Ok(read)
}

fn read(len: usize, totals: &DataFrame, key: &str) -> Outcome<Vec<Total>> {
    let whole =
        |name: &str| -> Outcome<Vec<Option<i64>>> { Ok(totals.column(name)?.i64()?.iter().collect()) };
    let sums: Vec<Vec<Option<i64>>> = metric_names().map(|name| whole(&name)).collect::<Outcome<_>>()?;
    let (counts, least, most) = (whole("count")?, whole("least")?, whole("most")?);
    let mut read = vec![Total::default(); len];
    for (row, number) in totals.column(key)?.u32()?.iter().enumerate() {
        let number = usize::try_from(number.ok_or("a row without an account")?)?;
        read[number] = Total {
            sums: std::array::from_fn(|metric| sums[metric][row].unwrap_or(0)),
            count: counts[row].ok_or("no count")?,
            least: least[row].unwrap_or(i64::MAX),
            most: most[row].unwrap_or(i64::MIN),
        };
    }
    Ok(read)
}
