//! What does a diagram of a tree show, and is it still a diagram whatever the labels say?

use std::collections::{BTreeMap, HashSet};

use crate::common::{as_of, id, schema, view};
use perennial::aggregate::{Operator, RollUp, UsageSchema};
use perennial::catalog::Catalog;
use perennial::expr::Columns;
use perennial::hierarchy::{AccountTree, DiagramLimits, TreeDiagram};
use perennial::segment::{ColourBy, Segment};
use perennial::source::MemorySource;
use perennial::testkit::PlainBook;
use perennial::{AccountIdx, AccountRow, Book, FaultKind, Policy, Remedy, Scope, Value, View};
use proptest::prelude::*;

/// A forest by parents: node `n` stands under `self.0[n]`.
struct Forest(Vec<Option<usize>>);

impl AccountTree for Forest {
    type Node = usize;

    fn parent(&self, node: usize) -> Option<usize> {
        self.0[node]
    }

    fn children_into(&self, node: usize, out: &mut Vec<usize>) {
        out.extend((0..self.0.len()).filter(|child| self.0[*child] == Some(node)));
    }

    fn roots_into(&self, out: &mut Vec<usize>) {
        out.extend((0..self.0.len()).filter(|node| self.0[*node].is_none()));
    }
}

fn one(label: &str) -> TreeDiagram<usize> {
    TreeDiagram::new(&Forest(vec![None]), &[0], &DiagramLimits::default(), |_| label.to_owned())
}

fn names(node: usize) -> String {
    format!("a{node}")
}

#[test]
fn a_small_tree_in_both_languages() {
    // 0 over 1 to 4, 1 over 5, 5 over 6 and 7.
    let forest = Forest(vec![None, Some(0), Some(0), Some(0), Some(0), Some(1), Some(5), Some(5)]);
    let limits = DiagramLimits::default().with_max_children(2).with_max_levels(3);
    let diagram = TreeDiagram::new(&forest, &[0], &limits, names)
        .coloured_by("plan", |node| [Some("silver"), None, Some("gold"), None].get(node).copied().flatten())
        .linked_to(|node| match node {
            5 => vec![2, 7, 1],
            _ => Vec::new(),
        });
    assert_eq!(diagram.accounts(), [0, 1, 2, 5]);
    assert_eq!(diagram.left_out(), 4);
    assert_eq!(
        diagram.to_mermaid(),
        r#"flowchart TD
    n0["a0"]:::c1
    n1["a1"]:::missing
    n2["a2"]:::c0
    n3["a5"]:::missing
    m0["… 2 more"]:::more
    m1["… 2 below"]:::more
    n0 --> n1
    n0 --> n2
    n1 --> n3
    n0 --- m0
    n3 --- m1
    n2 -.-> n3
    subgraph legend["plan"]
        k0["gold (1)"]:::c0
        k1["silver (1)"]:::c1
        k2["missing (2)"]:::missing
        k3["dashed line#58; further parent (1#59; 1 not drawn)"]
    end
    classDef c0 fill:#E69F00,stroke:#333333,color:#000000
    classDef c1 fill:#56B4E9,stroke:#333333,color:#000000
    classDef missing fill:#FFFFFF,stroke:#333333,color:#000000,stroke-dasharray:4 4
    classDef more fill:#FFFFFF,stroke:#FFFFFF,color:#333333
"#
    );
    assert_eq!(
        diagram.left_to_right().to_dot(),
        r##"digraph {
    rankdir="LR"
    node [ shape=box ]
    0 [ label = "a0" style=filled fillcolor="#56B4E9" fontcolor="#000000" ]
    1 [ label = "a1" style="filled,dashed" fillcolor="#FFFFFF" fontcolor="#000000" ]
    2 [ label = "a2" style=filled fillcolor="#E69F00" fontcolor="#000000" ]
    3 [ label = "a5" style="filled,dashed" fillcolor="#FFFFFF" fontcolor="#000000" ]
    4 [ label = "… 2 more" shape=plaintext fontcolor="#333333" ]
    5 [ label = "… 2 below" shape=plaintext fontcolor="#333333" ]
    6 [ label = "gold (1)" style=filled fillcolor="#E69F00" fontcolor="#000000" ]
    7 [ label = "silver (1)" style=filled fillcolor="#56B4E9" fontcolor="#000000" ]
    8 [ label = "missing (2)" style="filled,dashed" fillcolor="#FFFFFF" fontcolor="#000000" ]
    9 [ label = "dashed line: further parent (1; 1 not drawn)" ]
    0 -> 1 [ ]
    0 -> 2 [ ]
    1 -> 3 [ ]
    0 -> 4 [ dir=none ]
    3 -> 5 [ dir=none ]
    2 -> 3 [ style=dashed ]
    subgraph cluster_legend { label="plan" 6 7 8 9 }
}
"##
    );
}

#[test]
fn hostile_labels_stay_labels() {
    let cases = [
        (r#"say "hi" & <b>`go`</b>"#, r#"n0["say #34;hi#34; #38; #60;b#62;#96;go#96;#60;#47;b#62;"]"#),
        ("#35; end [x] {y} | (z)", r##"n0["#35;35#59; end #91;x#93; #123;y#125; #124; (z)"]"##),
        ("end", r#"n0["end"]"#),
        ("two\nlines\r\nthree", r#"n0["two<br/>lines<br/>three"]"#),
        ("", r##"n0["#160;"]"##),
        (" \n", r##"n0["#160;"]"##),
        ("- item\n1. first\n2) second", r##"n0["#45; item<br/>1#46; first<br/>2#41; second"]"##),
        ("style x:#35;", r#"n0["style x#58;#35;35#59;"]"#),
        (r"C:\new %%{init}%%", r#"n0["C#58;#92;~new #37;#37;#123;init#125;#37;#37;"]"#),
        ("ﬂ°lt¶ß ß ¶", r#"n0["ﬂ~°lt¶~ß ß ¶"]"#),
        ("$$x$$", r##"n0["#36;~#36;x#36;~#36;"]"##),
        ("fa:fa-ban a:b", r#"n0["fa#58;~fa-ban a#58;b"]"#),
        ("👩‍🚀 שלום مرحبا", r#"n0["👩‍🚀 שלום مرحبا"]"#),
        ("tab\tbell\u{7}nul\0", "n0[\"tab bell\u{fffd}nul\u{fffd}\"]"),
    ];
    for (label, expected) in cases {
        let text = one(label).to_mermaid();
        assert_eq!(
            text,
            format!("flowchart TD\n    {}\n", expected.replace("#47;", "/").replace('~', "\u{2060}")),
            "{label}"
        );
    }
    let cases = [
        (r#"say "hi" & <b>"#, r#"say \"hi\" &amp; <b>"#),
        (r"C:\new", r"C:\\new"),
        ("two\nlines", r"two\llines"),
        ("\"]; evil [", r#"\"]; evil ["#),
    ];
    for (label, expected) in cases {
        assert!(one(label).to_dot().contains(&format!("    0 [ label = \"{expected}\" ]\n")), "{label}");
    }
    let titled = one("x").coloured_by("a\"b\\c\n&", |_| Some("v"));
    assert!(
        titled.to_dot().contains(r#"cluster_legend { label="a\"b\\c\n&amp;" 1 }"#),
        "{}",
        titled.to_dot()
    );
    assert!(titled.to_mermaid().contains(r#"subgraph legend["a#34;b#92;c<br/>#38;"]"#));
}

#[test]
fn long_labels_are_cut_and_say_so() {
    let limits = DiagramLimits::default().with_max_label(3);
    let diagram = |label: &'static str| {
        TreeDiagram::new(&Forest(vec![None]), &[0], &limits, move |_| label.to_owned()).to_mermaid()
    };
    assert_eq!(diagram("éèê"), "flowchart TD\n    n0[\"éèê\"]\n");
    assert_eq!(diagram("éèêë"), "flowchart TD\n    n0[\"éèê…\"]\n");
}

#[test]
fn values_beyond_the_palette_share_one_look_and_are_counted() {
    let star = Forest(std::iter::once(None).chain((1..10).map(|_| Some(0))).collect());
    let by = |values: usize| {
        let diagram = TreeDiagram::new(&star, &[0], &DiagramLimits::default(), names);
        diagram.coloured_by("key", move |node| (node > 0).then_some(node % values)).to_mermaid()
    };
    let seven = by(7);
    assert!(seven.contains(r#"k6["6 (1)"]:::c6"#) && !seven.contains("other"), "{seven}");
    let eight = by(8);
    assert!(eight.contains(r#"k7["1 other value (1)"]:::others"#), "{eight}");
    let nine = by(9);
    assert!(nine.contains(r#"k7["2 other values (2)"]:::others"#), "{nine}");
    assert!(nine.contains(r#"k8["missing (1)"]:::missing"#), "{nine}");
    // Numbers are sorted as numbers, and the value itself decides: 7 and 8 are the others.
    assert!(nine.contains(r#"n7["a7"]:::others"#) && nine.contains(r#"n8["a8"]:::others"#), "{nine}");
    assert_eq!(nine.matches("classDef").count(), 9);
}

#[test]
fn accounts_are_drawn_level_by_level() {
    // Two tops with two children each, who have one each.
    let forest = Forest(vec![None, None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(4)]);
    let drawn = |accounts| {
        let limits = DiagramLimits::default().with_max_accounts(accounts);
        let diagram = TreeDiagram::new(&forest, &forest.roots(), &limits, names);
        (diagram.accounts().to_vec(), diagram.left_out(), diagram.to_mermaid())
    };
    let (accounts, left_out, text) = drawn(5);
    assert_eq!((accounts, left_out), (vec![0, 1, 2, 3, 4], 3));
    assert!(text.contains(r#"m0["… 1 more"]"#) && text.contains("n1 --- m0"), "{text}");
    assert!(text.contains(r#"m1["… 1 below"]"#) && text.contains("n2 --- m1"), "{text}");
    let (accounts, left_out, text) = drawn(1);
    assert_eq!((accounts, left_out), (vec![0], 7));
    assert_eq!(
        text,
        "flowchart TD\n    n0[\"a0\"]\n    m0[\"… 3 below\"]:::more\n    m1[\"… 1 more, 3 below them\"]:::more\n    \
         n0 --- m0\n    classDef more fill:#FFFFFF,stroke:#FFFFFF,color:#333333\n"
    );
    let (accounts, left_out, text) = drawn(0);
    assert_eq!((accounts, left_out), (vec![], 8));
    assert!(text.contains("… 2 more, 6 below them"), "{text}");
}

#[test]
fn nested_and_repeated_tops_are_drawn_and_counted_once() {
    let forest = Forest(vec![None, Some(0), Some(1), Some(2)]);
    let all = TreeDiagram::new(&forest, &[2, 0, 2], &DiagramLimits::default(), names);
    assert_eq!(all.accounts(), [2, 0, 3, 1]);
    assert!(all.to_mermaid().contains("n3 --> n0"), "the edge to the inner top");
    let few = TreeDiagram::new(&forest, &[0, 2, 1], &DiagramLimits::default().with_max_accounts(1), names);
    assert_eq!((few.accounts().to_vec(), few.left_out()), (vec![0], 3));
    assert!(few.to_mermaid().contains("… 2 more, 1 below them"), "{}", few.to_mermaid());
}

proptest! {
    #![proptest_config(crate::common::config(128))]

    #[test]
    fn every_account_is_drawn_or_counted_once(
        parents in prop::collection::vec(any::<u8>(), 1..60),
        tops in prop::collection::vec(any::<u8>(), 0..6),
        children in 0_usize..5, levels in 0_usize..5, accounts in 0_usize..40,
    ) {
        let forest = Forest(parents.iter().enumerate().map(|(n, p)| (n > 0 && *p % 5 > 0).then(|| *p as usize % n)).collect());
        let tops: Vec<usize> = tops.iter().map(|top| *top as usize % parents.len()).collect();
        let limits = DiagramLimits::default().with_max_children(children).with_max_levels(levels).with_max_accounts(accounts);
        let diagram = TreeDiagram::new(&forest, &tops, &limits, names);
        let below: HashSet<usize> = tops.iter().flat_map(|top| forest.subtree(*top)).collect();
        let drawn: HashSet<usize> = diagram.accounts().iter().copied().collect();
        prop_assert_eq!(drawn.len(), diagram.accounts().len());
        prop_assert!(drawn.is_subset(&below) && drawn.len() <= accounts);
        prop_assert_eq!(drawn.len() + diagram.left_out(), below.len());
        // What the nodes of the text count is what is left out.
        let text = diagram.to_mermaid();
        let counted: usize = text.lines().filter(|line| line.trim_start().starts_with('m')).map(|line| {
            line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<usize>().ok()).skip(1).sum::<usize>()
        }).sum();
        prop_assert_eq!(counted, diagram.left_out());
        for node in &drawn {
            let shown = forest.children(*node).into_iter().filter(|c| drawn.contains(c) && !tops.contains(c)).count();
            prop_assert!(shown <= children);
        }
    }

    #[test]
    fn any_label_is_one_line_of_the_grammar(label in any::<String>()) {
        let text = one(&label).to_mermaid();
        let lines: Vec<&str> = text.lines().collect();
        prop_assert_eq!(lines.len(), 2);
        let inner = lines[1].strip_prefix("    n0[\"").and_then(|rest| rest.strip_suffix("\"]")).unwrap();
        prop_assert!(!inner.is_empty());
        let plain = inner.replace("<br/>", "");
        let grammar = r#""<>&`[]{}\:%*_|"#;
        prop_assert!(!plain.contains(|letter| grammar.contains(letter)), "{}", plain);
        let dot = one(&label).to_dot();
        let label = dot.lines().find(|line| line.starts_with("    0 [")).unwrap();
        let inner = label.strip_prefix("    0 [ label = \"").and_then(|rest| rest.strip_suffix("\" ]")).unwrap();
        prop_assert!(!inner.replace("\\\\", "").replace("\\\"", "").contains('"'));
    }
}

#[test]
fn a_star_and_a_chain_of_a_hundred_thousand_are_small_diagrams() {
    for book in [PlainBook::chain(100_000), PlainBook::star(100_000)] {
        let loaded = Book::load(book.schema(), &book, &Policy::strict()).unwrap().0;
        let view = view(&loaded);
        let diagram = Columns::from(&view)
            .diagram(view.roots(), &DiagramLimits::default(), &ColourBy::AccountType, |account| {
                account.name()
            })
            .unwrap();
        let (mermaid, dot) = (diagram.to_mermaid(), diagram.to_dot());
        assert_eq!(diagram.accounts().len() + diagram.left_out(), loaded.len());
        assert!(diagram.accounts().len() <= 13 && mermaid.len() + dot.len() < 5_000);
    }
}

fn load(rows: Vec<AccountRow>) -> Book {
    let source = rows.into_iter().fold(MemorySource::new(), MemorySource::account);
    let policy = Policy::strict().with(FaultKind::SeveralParents, Remedy::Prefer).unwrap();
    Book::load(schema(), &source, &policy).unwrap().0
}

fn family() -> Vec<AccountRow> {
    let band = |text: &str| Value::Band { rank: u16::from(text == "good"), text: text.into() };
    vec![
        AccountRow::new(id("acme"), "Group").with("seats", 10_i64),
        AccountRow::new(id("acme-eu"), "Company")
            .under(id("acme"))
            .with("mood", band("poor"))
            .with("seats", 9_i64),
        AccountRow::new(id("acme-us"), "Company").under(id("acme")).with("mood", band("good")).product("CRM"),
        AccountRow::new(id("joint"), "Company")
            .under(id("acme-eu"))
            .under(id("acme-us"))
            .with("seats", 10_i64),
    ]
}

fn drawn(view: &View, colour: &ColourBy) -> String {
    let limits = DiagramLimits::default();
    Columns::from(view).diagram(view.roots(), &limits, colour, |account| account.name()).unwrap().to_mermaid()
}

#[test]
fn a_view_is_coloured_by_what_it_knows() {
    let book = load(family());
    let view = view(&book);
    let legend = |colour: &ColourBy| -> Vec<String> {
        let text = drawn(&view, colour);
        let rows = text.lines().map(str::trim).filter(|line| line.starts_with('k'));
        rows.filter(|row| !row.contains("dashed")).map(ToOwned::to_owned).collect()
    };
    assert_eq!(legend(&ColourBy::Nothing), [""; 0]);
    assert_eq!(legend(&ColourBy::AccountType), [r#"k0["Group (1)"]:::c0"#, r#"k1["Company (3)"]:::c1"#]);
    assert_eq!(legend(&ColourBy::Product), [r#"k0["CRM (1)"]:::c0"#, r#"k1["missing (3)"]:::missing"#]);
    let mood = legend(&ColourBy::column("mood"));
    assert_eq!(mood, [r#"k0["poor (1)"]:::c0"#, r#"k1["good (1)"]:::c1"#, r#"k2["missing (2)"]:::missing"#]);
    let seats = legend(&ColourBy::column("seats"));
    assert_eq!(seats, [r#"k0["9 (1)"]:::c0"#, r#"k1["10 (2)"]:::c1"#, r#"k2["missing (1)"]:::missing"#]);
    assert!(drawn(&view, &ColourBy::Nothing).contains("    n2 -.-> n3\n"));
    assert!(drawn(&view, &ColourBy::Nothing).contains(r#"k0["dashed line#58; further parent (1)"]"#));
}

#[test]
fn a_tree_is_coloured_by_what_is_derived() {
    let book = load(family());
    let view = view(&book);
    let definitions = [
        RollUp::new("all_seats", Operator::Sum("seats".into())).into(),
        Segment::parse("large", "all_seats > 20").unwrap().into(),
    ];
    let catalog = Catalog::new(book.schema(), &UsageSchema::new([]).unwrap(), definitions).unwrap();
    let derived = catalog.run(&view, None, None);
    let limits = DiagramLimits::default();
    let drawn = |colour: &ColourBy| {
        let drawn = Columns::from(&derived).diagram(view.roots(), &limits, colour, |account| account.name());
        drawn.map(|diagram| diagram.to_mermaid())
    };
    let sums: Vec<String> = {
        let text = drawn(&ColourBy::column("all_seats")).unwrap();
        text.lines().filter(|line| line.trim().starts_with('k')).map(|line| line.trim().to_owned()).collect()
    };
    // The joint account has 10; one branch 19, with those of the joint account.
    assert_eq!(sums[..2], [r#"k0["10 (1)"]:::c0"#, r#"k1["19 (1)"]:::c1"#], "{sums:?}");
    let large = drawn(&ColourBy::segment("large")).unwrap();
    assert!(large.contains(r#"k0["in (1)"#) && large.contains(r#"k1["not in (3)"#), "{large}");
    assert_eq!(drawn(&ColourBy::segment("small")).unwrap_err().to_string(), "unknown segment `small`");
}

#[test]
fn an_unknown_attribute_is_an_error_with_the_nearest_name() {
    let book = load(family());
    let view = view(&book);
    let error = |name: &str| {
        let limits = DiagramLimits::default();
        Columns::from(&view)
            .diagram([], &limits, &ColourBy::column(name), |account| account.name())
            .unwrap_err()
    };
    assert_eq!(error("moood").to_string(), "unknown column `moood`; did you mean `mood`?");
    assert_eq!(error("zzzzzz").to_string(), "unknown column `zzzzzz`");
    assert_eq!((error("moood").name(), error("moood").nearest()), ("moood", Some("mood")));
}

#[test]
fn nothing_outside_the_scope_reaches_a_diagram() {
    let hidden = |seats: i64| {
        let mut rows = family();
        rows.push(AccountRow::new(id("secret"), "Group").with("seats", seats).with("name", "Secret"));
        rows.push(AccountRow::new(id("secret-1"), "Company").under(id("acme")).under(id("secret")));
        rows.push(AccountRow::new(id("below"), "Company").under(id("secret-1")));
        rows
    };
    let colours = [ColourBy::Nothing, ColourBy::AccountType, ColourBy::column("seats")];
    let mut texts: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    for rows in [family(), hidden(1), hidden(77)] {
        let book = load(rows);
        let shown = book.accounts(["acme", "acme-eu", "acme-us", "joint"]);
        let part = book.view(&Scope::of(shown), as_of()).unwrap();
        // Hidden places are asked for as well, and are not drawn.
        let everywhere: Vec<AccountIdx> = view(&book).walk().collect();
        for colour in &colours {
            for limits in [DiagramLimits::default(), DiagramLimits::default().with_max_children(1)] {
                let label = |account: perennial::Account<'_>| account.name();
                let columns = Columns::from(&part);
                let roots = columns.diagram(part.roots(), &limits, colour, label).unwrap();
                let all = columns
                    .diagram(everywhere.iter().copied(), &DiagramLimits::default(), colour, label)
                    .unwrap();
                assert_eq!(all.accounts().len(), 4);
                let texts = texts.entry(format!("{colour:?} {limits:?}")).or_default();
                texts.insert(roots.to_mermaid() + &roots.to_dot() + &all.to_mermaid());
            }
        }
        // Without the hidden parent in between, the account below hangs on nothing visible.
        let text = drawn(&part, &ColourBy::Nothing);
        assert!(!text.contains("ecret") && !text.contains("below"), "{text}");
    }
    for (what, texts) in texts {
        assert_eq!(texts.len(), 1, "{what}");
    }
}
