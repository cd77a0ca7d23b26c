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
    assert!(why.contains("it would be yes if:\n  `employees > 1000000` were yes"), "{why}");

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
