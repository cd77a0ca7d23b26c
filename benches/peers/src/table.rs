//! How is the table printed?

use std::fmt::Write as _;
use std::time::Duration;

use crate::contest::Timed;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Aligned,
    Markdown,
}

const HEADS: [&str; 5] = ["tool", "way", "threads", "median", "ratio"];

/// A table for each question and size; the ratio is to the first row.
pub fn render(timed: &[Timed], style: Style) -> String {
    let mut text = String::new();
    for group in timed.chunk_by(|a, b| (a.question, a.accounts) == (b.question, b.accounts)) {
        let Some(first) = group.first() else { continue };
        let title = format!("{}, {} accounts", first.question, grouped(first.accounts));
        let _ = match style {
            Style::Aligned => writeln!(text, "{title}"),
            Style::Markdown => writeln!(text, "**{title}**\n"),
        };
        let rows: Vec<[String; 5]> = group.iter().map(cells).collect();
        let widths: [usize; 5] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].len()).chain([HEADS[column].len()]).max().unwrap_or(0)
        });
        line(&mut text, &HEADS.map(str::to_owned), &widths, style);
        if style == Style::Markdown {
            text.push_str("|---|---|---:|---:|---:|\n");
        }
        for row in &rows {
            line(&mut text, row, &widths, style);
        }
        text.push('\n');
    }
    text
}

fn cells(timed: &Timed) -> [String; 5] {
    let ratio = match timed.ratio {
        ratio if ratio >= 10.0 => format!("{ratio:.0}"),
        ratio => format!("{ratio:.2}"),
    };
    [timed.tool.to_owned(), timed.way.to_owned(), timed.threads.to_string(), short(timed.median), ratio]
}

fn line(text: &mut String, cells: &[String; 5], widths: &[usize; 5], style: Style) {
    let [tool, way, threads, median, ratio] = cells;
    let [w_tool, w_way, w_threads, w_median, w_ratio] = widths;
    let (start, between, end) = match style {
        Style::Aligned => ("  ", "  ", ""),
        Style::Markdown => ("| ", " | ", " |"),
    };
    let _ = writeln!(
        text,
        "{start}{tool:<w_tool$}{between}{way:<w_way$}{between}{threads:>w_threads$}{between}{median:>w_median$}\
         {between}{ratio:>w_ratio$}{end}"
    );
}

fn short(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds if seconds >= 0.01 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds >= 0.001 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{:.0} us", seconds * 1e6),
    }
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_or_markdown() {
        let timed = |tool, median, ratio| Timed {
            question: "levels",
            tool,
            way: "walk",
            threads: 1,
            accounts: 1_000,
            median: Duration::from_micros(median),
            ratio,
        };
        let rows = [timed("perennial", 250, 1.0), timed("SQLite", 25_000, 100.0)];
        let aligned = "levels, 1,000 accounts\n\
            \x20 tool       way   threads  median  ratio\n\
            \x20 perennial  walk        1  250 us   1.00\n\
            \x20 SQLite     walk        1   25 ms    100\n\n";
        assert_eq!(render(&rows, Style::Aligned), aligned);
        let markdown = "**levels, 1,000 accounts**\n\n\
            | tool      | way  | threads | median | ratio |\n\
            |---|---|---:|---:|---:|\n\
            | perennial | walk |       1 | 250 us |  1.00 |\n\
            | SQLite    | walk |       1 |  25 ms |   100 |\n\n";
        assert_eq!(render(&rows, Style::Markdown), markdown);
    }
}
