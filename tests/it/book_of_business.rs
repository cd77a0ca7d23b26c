//! Does the example load what the data set is known to hold, and say so?
//!
//! The code of the example itself is run here; the facts are those of the data set's own README.

use crate::crm::figures::{Figures, Results};
use crate::crm::load::{Loaded, load};
use perennial::{FaultKind, Money, View};
use serde_json::Value;

fn loaded() -> Loaded {
    load(&crate::crm::data()).unwrap_or_else(|error| panic!("{error}"))
}

fn view(loaded: &Loaded) -> View {
    crate::crm::view(loaded).unwrap()
}

fn major(money: Option<Money>) -> String {
    money.unwrap().major().to_string()
}

#[test]
fn load_agrees_with_the_published_facts() {
    let Loaded { book, report, unread } = loaded();
    assert_eq!(book.len(), 85);
    assert_eq!((report.subsidiaries, report.parents, report.levels), (15, 7, 2));
    let accounts = report.tables["accounts"];
    assert_eq!((accounts.offered, accounts.loaded, accounts.quarantined), (85, 85, 0));
    let deals = report.tables["opportunities"];
    assert_eq!((deals.offered, deals.loaded, deals.quarantined), (8_800, 7_375, 1_425));
    // Nothing else is wrong, and every column is read.
    assert_eq!(report.counts.into_iter().collect::<Vec<_>>(), [(FaultKind::ChildWithoutAccount, 1_425)]);
    assert_eq!(unread, []);

    let held = |stage: &str| {
        let is = |value: &perennial::Value| value.as_text() == Some(stage);
        book.held_children().filter(|held| held.row.values.iter().any(|(_, value)| is(value))).count()
    };
    assert_eq!((held("Engaging"), held("Prospecting"), held("Won")), (1_088, 337, 0));
}

#[test]
fn roots_sum_to_the_published_totals() {
    let loaded = loaded();
    let view = view(&loaded);
    let results = Results::new(&loaded, &view).unwrap();
    let sums = |all: &[Figures]| {
        let count = |of: fn(&Figures) -> i64| all.iter().map(of).sum::<i64>();
        let minor: i128 = all.iter().filter_map(|figures| figures.won_value).map(|money| money.minor()).sum();
        (minor, count(|f| f.won), count(|f| f.lost), count(|f| f.open))
    };
    // Open deals: 1,589 + 500, of which 1,425 have no account.
    let want = (1_000_553_400, 4_238, 2_473, 1_589 + 500 - 1_425);
    let roots: Vec<_> = view.root_accounts().into_iter().map(|root| results.rolled_up(root)).collect();
    assert_eq!(roots.len(), 70);
    assert_eq!(sums(&roots), want);
    let own: Vec<_> = view.accounts().map(|account| results.own(account)).collect();
    assert_eq!(own.len(), 85);
    assert_eq!(sums(&own), want);
}

#[test]
fn a_parent_has_its_own_and_its_subsidiaries() {
    let loaded = loaded();
    let view = view(&loaded);
    let results = Results::new(&loaded, &view).unwrap();
    // From the files by hand: 101,744 + 56,903 + 140,183 + 147,976 + 72,543.
    let acme = view.account("Acme Corporation").unwrap();
    assert_eq!(major(results.own(acme).won_value), "101744.00");
    assert_eq!(major(results.rolled_up(acme).won_value), "519349.00");
    let revenue = acme.value("revenue").unwrap().as_money();
    assert_eq!(major(revenue), "1100040000.00");
    assert_eq!(acme.value("sector").unwrap().as_text(), Some("technology"));
}

#[test]
fn json_has_the_promised_shape() {
    let mut text = Vec::new();
    crate::crm::write_json(&mut text).unwrap();
    let document: Value = serde_json::from_slice(&text).unwrap();
    let accounts = document["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 85);
    let acme = &accounts[0];
    assert_eq!(
        (&acme["id"], &acme["parent"], &acme["level"]),
        (&"Acme Corporation".into(), &Value::Null, &1.into())
    );
    let bluth = &accounts[1];
    let place = (&bluth["id"], &bluth["parent"], &bluth["level"]);
    assert_eq!(place, (&"Bluth Company".into(), &"Acme Corporation".into(), &2.into()));
    assert_eq!(bluth["own"], bluth["rolled_up"]);
    assert_eq!(acme["rolled_up"]["won_value"].as_f64(), Some(519_349.0));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let want = ["lost", "open", "open_value", "products", "won", "won_value"];
    assert!(accounts.iter().all(|account| keys(&account["own"]) == want));
    assert!(accounts.iter().all(|account| keys(&account["rolled_up"]) == want));
    assert_eq!(document["report"]["tables"]["opportunities"]["quarantined"], 1_425);
    assert_eq!(document["report"]["faults"]["child_without_account"]["count"], 1_425);
    assert_eq!(document["report"]["unread_columns"], serde_json::json!({}));
}

#[test]
fn text_shows_families_and_the_total() {
    let mut text = Vec::new();
    crate::crm::write_text(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "too wide for a terminal: {line}");
    }
    let lines = |from: &str, count: usize| {
        let start = text.find(from).unwrap_or_else(|| panic!("no `{from}` in\n{text}"));
        text[start..].lines().take(count).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(lines("LOAD", 4), LOAD);
    assert_eq!(lines("Left out", 7), LEFT_OUT);
    assert_eq!(lines("Sonron", 4), SONRON);
    assert_eq!(lines("… ", 4), TOTAL);
}

const LOAD: &str = "\
LOAD
  accounts          85 offered      85 loaded       0 held out
  opportunities  8,800 offered   7,375 loaded   1,425 held out
  15 of the accounts stand under 7 parents; the tree has 2 levels.";

const LEFT_OUT: &str = "\
Left out
    child row without account: 1,425
      such as sales_pipeline.csv:11: row `HAXMC4IX` names no account
      by stage: 1,088 Engaging, 337 Prospecting; held out, so in no figure below
    products.csv        not read: series of products
    sales_teams.csv     not read: managers and regions of agents
    data_dictionary.csv not read: documentation";

const SONRON: &str = "\
Sonron                               103,673     479,028     122,529   64%  all but GTK 500
├── Faxquote                         113,557     113,557      36,535   63%  all but GTK 500
├── Gogozoom                          85,047      85,047      18,074   70%  all but GTK 500
└── Treequote                        176,751     176,751      47,204   61%  all but GTK 500";

const TOTAL: &str = "\
… 51 more                                      5,210,162     932,027

total of the 70 roots                         10,005,534   1,635,448
The won deals, added one by one without any roll-up: 10,005,534 USD, the same.";

fn asked(question: &crate::ask::Question) -> Result<String, String> {
    let book = crate::crm::ask().unwrap_or_else(|error| panic!("{error}"));
    let mut out = Vec::new();
    crate::ask::answer(&mut out, &book, question).map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

#[test]
fn questions_are_answered() {
    let text = |segment: &str| crate::ask::Question {
        segment: Some(segment.to_owned()),
        ..crate::ask::Question::default()
    };
    let members = asked(&text("sector == \"technology\" && employees > 1000")).unwrap();
    // Counted by hand from the files.
    let loaded = loaded();
    let view = crate::crm::view(&loaded).unwrap();
    let wanted = view
        .accounts()
        .filter(|account| account.value("sector").is_some_and(|v| v.as_text() == Some("technology")))
        .filter(|account| matches!(account.value("employees"), Some(perennial::Value::Int(n)) if n > 1000))
        .count();
    assert!(members.contains(&format!("members   {wanted} of 85")), "{members}");
    assert!(members.contains("value     ") && members.contains("(won)"), "{members}");

    let mut question = text("employees > 1000000");
    question.why = Some("Acme Corporation".to_owned());
    let why = asked(&question).unwrap();
    assert!(
        why.contains(
            "it would be yes if:\n  `employees > 1000000` were true (it is false: employees is 2822)"
        ),
        "{why}"
    );

    let profile = crate::ask::Question {
        profile: Some("Acme Corporation".to_owned()),
        ..crate::ask::Question::default()
    };
    let profile = asked(&profile).unwrap();
    assert!(profile.contains("level") && profile.contains("opportunities"), "{profile}");

    let errors = asked(&text("employes > 1")).unwrap_err();
    assert!(errors.contains("did you mean `employees`"), "{errors}");
    question.why = Some("nobody".to_owned());
    assert!(asked(&question).unwrap_err().contains("no account `nobody`"));
    question.segment = None;
    assert!(asked(&question).is_err());
}

#[test]
fn queries_of_other_tools_are_answered() {
    let folder = std::env::temp_dir().join(format!("perennial-queries-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ask = |name: &str, query: &str| {
        let file = folder.join(name);
        std::fs::write(&file, query).unwrap();
        asked(&crate::ask::Question { query: Some(file), ..crate::ask::Question::default() })
    };
    let totango = ask(
        "totango.json",
        r#"{"terms":[{"type":"string_attribute","attribute":"sector","in_list":["medical"]}],
            "fields":[{"type":"number_attribute","attribute":"employees","field_display_name":"Staff"}],"count":10,"offset":0}"#,
    )
    .unwrap();
    assert!(totango.contains("read as   sector in [\"medical\"]") && totango.contains("Staff"), "{totango}");
    let rules = ask(
        "rules.json",
        r#"{"combinator":"and","rules":[{"field":"employees","operator":">","value":"10000"}]}"#,
    )
    .unwrap();
    assert!(rules.contains("read as   employees > 10000"), "{rules}");
    let lacking = ask("lacking.json", r#"{"terms":[{"type":"number","term":"score","eq":0}]}"#).unwrap_err();
    assert!(lacking.contains("this book has no `engagement_score` at /terms/0"), "{lacking}");
    let broken = ask("broken.json", "{'terms':[]}").unwrap_err();
    assert!(broken.contains("JSON quotes"), "{broken}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn why_is_written_in_sentences() {
    let why = |segment: &str, account: &str| {
        let question = crate::ask::Question {
            segment: Some(segment.to_owned()),
            why: Some(account.to_owned()),
            ..crate::ask::Question::default()
        };
        asked(&question).unwrap()
    };
    assert_eq!(why("employees > 10000", "Isdom"), WHY_NOT);
    assert_eq!(why("revenue > 1e8 && sector in [\"medical\", \"retail\"]", "Isdom"), WHY);
    assert_eq!(why("losing", "Acme Corporation"), WHY_NOT_LOSING);
}

const WHY_NOT: &str = "\
Isdom on 2017-12-31: no
no   employees > 10000
       employees = 4540
it would be yes if:
  `employees > 10000` were true (it is false: employees is 4540)
";

const WHY: &str = "\
Isdom on 2017-12-31: yes
yes  all of
  yes  revenue > 1e8
         revenue = 3,178,240,000.00 USD
  yes  sector in [\"medical\", \"retail\"]
         sector = medical
it would not be yes if:
  `revenue > 1e8` were false (it is true: revenue is 3,178,240,000.00 USD)
";

const WHY_NOT_LOSING: &str = "\
Acme Corporation on 2017-12-31: no
no   all of
  no   win_rate_in_sector < 25.0
         win_rate_in_sector = 54.54545454545455, the place of
          0.6331360946745562 win_rate
                 win_rate = 0.6331360946745562, computed from
                  0.6331360946745562 ratio(won, won + lost)
                         won = 214, the count of 214 rows
                           Codehow: 72 rows
                           Donquadtech: 55 rows
                           Acme Corporation: 34 rows
                           Bluth Company: 28 rows
                           Iselectrics: 25 rows
                         lost = 124, the count of 124 rows
                           Codehow: 45 rows
                           Acme Corporation: 24 rows
                           Donquadtech: 22 rows
                           Bluth Company: 20 rows
                           Iselectrics: 13 rows
  yes  won + lost > 50
         won = 214 (explained above)
         lost = 124 (explained above)
it would be yes if:
  `win_rate_in_sector < 25.0` were true (it is false: win_rate_in_sector is 54.54545454545455)
";

#[test]
fn a_profile_groups_amounts_and_parts_its_columns() {
    let profile =
        crate::ask::Question { profile: Some("Isdom".to_owned()), ..crate::ask::Question::default() };
    let profile = asked(&profile).unwrap();
    let lines: Vec<&str> = profile.lines().take(19).collect();
    assert_eq!(lines.join("\n"), PROFILE);
}

const PROFILE: &str = "\
Isdom (Company), level 1
  name                  Isdom
  sector                medical
  year_established      2002
  revenue               3,178,240,000.00 USD
  employees             4540
  office_location       United States
derived
  win_rate              0.5803571428571429
  won_per_employee      36.27378854625551
  won_value             164,683.00 USD
  open_value            17,426.00 USD
  won                   65
  lost                  47
  products_won          MG Advanced, MG Special, GTX Basic
  win_rate_in_sector    9.090909090909092
segments  losing
children  0
opportunities 119";

/// A field of a width directly beside another field: where a text is longer than its column, the two touch.
fn touching(line: &str) -> bool {
    let has_width = |field: &str| {
        let spec = field.split_once(':').map_or("", |(_, spec)| spec);
        let width = spec.trim_start_matches(['<', '>', '^']);
        // Digits filled up with zeros are one number.
        width.starts_with(|first: char| matches!(first, '1'..='9' | 'A'..='Z'))
    };
    line.match_indices("}{").any(|(at, _)| {
        let before = line[..at].rsplit('{').next().unwrap_or_default();
        let after = line[at + 2..].split('}').next().unwrap_or_default();
        has_width(before) || (has_width(after) && after.contains(":>"))
    })
}

#[test]
fn no_columns_of_an_example_touch() {
    assert!(touching("{name:<14}{}") && touching("{}{value:>6}") && touching("{:NAME$}{:>9}"));
    assert!(!touching("{name:<13} {value:>6}") && !touching("{id}{more}") && !touching("{:.2}{unit}"));
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                for (number, line) in text.lines().enumerate() {
                    assert!(!touching(line), "{}:{}: {line}", path.display(), number + 1);
                }
            }
        }
    }
    assert!(files > 40, "{files} files");
}
