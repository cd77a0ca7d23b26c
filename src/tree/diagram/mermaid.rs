//! How is a diagram written for Mermaid?
//!
//! Nodes are `n0`, `n1`, .. for accounts, `m0`, .. for what is left out, `k0`, .. in the legend. Labels stand
//! in quotes, and whatever Mermaid, Markdown or HTML reads as more than a letter is written as a character
//! code (`#35;`), which Mermaid turns into an HTML entity once it has read the text.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::Hash;

use super::TreeDiagram;
use super::legend::Class;

pub(super) fn print<N: Copy + Eq + Hash>(diagram: &TreeDiagram<N>) -> String {
    let mut text = String::from(if diagram.to_the_right { "flowchart LR\n" } else { "flowchart TD\n" });
    let mut used: BTreeSet<Class> = BTreeSet::new();
    let mut node =
        |text: &mut String, indent: &str, letter: char, number: usize, label: &str, class: Option<Class>| {
            let look = class.map_or_else(String::new, |class| format!(":::{}", class.name()));
            used.extend(class);
            line(text, &format!("{indent}{letter}{number}[\"{}\"]{look}", escaped(label)));
        };
    for (place, label) in diagram.labels.iter().enumerate() {
        node(&mut text, "    ", 'n', place, label, diagram.class(place));
    }
    for (place, (_, label)) in diagram.counts.iter().enumerate() {
        node(&mut text, "    ", 'm', place, label, Some(Class::More));
    }
    for (above, below) in &diagram.edges {
        line(&mut text, &format!("    n{above} --> n{below}"));
    }
    for (place, (above, _)) in diagram.counts.iter().enumerate() {
        if let Some(above) = above {
            line(&mut text, &format!("    n{above} --- m{place}"));
        }
    }
    for (above, below) in &diagram.links {
        line(&mut text, &format!("    n{above} -.-> n{below}"));
    }
    let rows = diagram.legend_rows();
    if !rows.is_empty() {
        line(&mut text, &format!("    subgraph legend[\"{}\"]", escaped(diagram.legend_title())));
        for (place, (label, class)) in rows.iter().enumerate() {
            node(&mut text, "        ", 'k', place, label, *class);
        }
        line(&mut text, "    end");
    }
    for class in used {
        let dashes = if class == Class::Missing { ",stroke-dasharray:4 4" } else { "" };
        let (name, fill, stroke, colour) = (class.name(), class.fill(), class.stroke(), class.text());
        line(&mut text, &format!("    classDef {name} fill:{fill},stroke:{stroke},color:{colour}{dashes}"));
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.extend([line, "\n"]);
}

/// What Mermaid makes something else of after the codes are read: a line break, an icon, a formula, a code.
const REREAD: [&str; 5] = ["\\n", ":fa-", "$$", "ﬂ°", "¶ß"];
/// The word joiner, which has no width and parts them.
const JOINER: char = '\u{2060}';

fn escaped(label: &str) -> String {
    // Mermaid cannot read an empty label.
    if label.trim().is_empty() {
        return "#160;".to_owned();
    }
    let mut text = String::with_capacity(label.len());
    // At the start of a line, `-`, `1.` and the like begin a list to Markdown.
    let mut starts = true;
    for (at, letter) in label.char_indices() {
        if letter == '\n' {
            text.push_str("<br/>");
            starts = true;
            continue;
        }
        let plain = match letter {
            '-' | '.' | ')' => !starts,
            ' ' | ',' | '/' | '(' => true,
            other => other.is_ascii_alphanumeric() || !other.is_ascii(),
        };
        starts = starts && (letter == ' ' || letter.is_ascii_digit());
        if plain {
            text.push(letter);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "#{};", u32::from(letter));
        }
        if label.get(at..).is_some_and(|rest| REREAD.iter().any(|word| rest.starts_with(word))) {
            text.push(JOINER);
        }
    }
    text
}
