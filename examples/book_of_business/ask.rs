//! Which accounts, why, and what is known of one? The questions that a screen asks, over any of the data sets.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use perennial::catalog::{Catalog, Definition, DefinitionKind};
use perennial::engine::{Engine, EngineSettings, LiveView};
use perennial::expr::{Checked, Checker, Columns, ExplainLimits, ExprPlan, ExprValue, Names, Of};
use perennial::segment::{
    GroupBy, ImportFault, Importer, MeasureKind, NeededName, Page, ProfileQuery, Query, RowFilter, Rows,
};
use perennial::{AsOf, Scope};
use serde_json::Value as Json;

use crate::numbers::{count, short};

/// Accounts that are listed.
const LISTED: usize = 20;

/// A data set, ready to be asked.
pub struct Book {
    pub view: LiveView,
    /// What an account is worth: a name for it, and the expression.
    pub worth: Option<(&'static str, &'static str)>,
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    pub segment: Option<String>,
    pub why: Option<String>,
    pub profile: Option<String>,
    pub query: Option<PathBuf>,
}

impl Book {
    /// A loaded book, with the definitions of a catalog document; everything is visible.
    pub fn new(
        book: perennial::Book,
        as_of: AsOf,
        definitions: &str,
        worth: Option<(&'static str, &'static str)>,
    ) -> Outcome<Self> {
        let engine = Engine::new(book.schema().clone(), as_of, EngineSettings::new())?;
        engine.replace(book)?;
        engine.define(Catalog::read([definitions])?)?;
        Ok(Self { view: engine.published().view(&Scope::all())?, worth })
    }

    /// The definitions, by kind.
    fn defined(&self, is: impl Fn(DefinitionKind) -> bool) -> impl Iterator<Item = &str> {
        let definitions = self.view.catalog().definitions().iter();
        definitions.filter(move |of| is(of.kind())).map(Definition::name)
    }
}

impl Question {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Answers it, for a terminal.
pub fn answer(out: &mut dyn Write, book: &Book, question: &Question) -> Outcome<()> {
    if question.why.is_some() && question.segment.is_none() && question.query.is_none() {
        return Err("`--why` asks about a segment: name one with `--segment`".into());
    }
    if let Some(file) = &question.query {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        query(out, book, &text, question.why.as_deref())?;
    }
    if let Some(text) = &question.segment {
        // A segment of the catalog, or an expression.
        let known = book.defined(|kind| kind == DefinitionKind::Segment).any(|id| id == text);
        if let (Some(id), true) = (&question.why, known) {
            let account = book.view.account(id).ok_or_else(|| format!("there is no account `{id}`"))?;
            let why = Columns::from(&book.view).explain(text, account, &ExplainLimits::default());
            write!(out, "{:#}", why.ok_or("it is not defined")??)?;
            return Ok(());
        }
        let text = if known { format!("inSegment({text:?})") } else { text.clone() };
        let checked = Checker::new(book.view.catalog().names()).check_predicate(&text)?;
        match &question.why {
            Some(id) => why(out, book, &checked, id)?,
            None => segment(out, book, &checked)?,
        }
    }
    if let Some(id) = &question.profile {
        profile(out, book, id)?;
    }
    Ok(())
}

/// Who is in a segment, how many, and what they are worth.
pub fn segment(out: &mut dyn Write, book: &Book, checked: &Checked) -> Outcome<()> {
    let view = &book.view;
    writeln!(out, "segment   {checked}")?;
    for lint in checked.lints_in(view) {
        writeln!(out, "          {lint}")?;
    }
    let checker = Checker::new(view.catalog().names());
    let mut query = Query::new().filter_by(checked.ast().clone()).limit(LISTED);
    let mut sum = None;
    if let Some((label, worth)) = book.worth {
        query = query.sort(worth, true)?.column(label, worth)?;
        let members = ExprPlan::new([checked]).run(view)?.matching(0);
        let by = GroupBy::new("true")?.measure(label, MeasureKind::Sum, worth)?;
        let groups = by.run(&checker, view, &members)?;
        sum = groups.whole.values.into_iter().next().flatten().map(|sum| (label, sum));
    }
    let page = query.column("name", "name")?.check(&checker)?.run(view, None)?;
    writeln!(out, "members   {} of {}", count(page.total + page.cancelled), count(view.accounts().len()))?;
    if let Some((label, sum)) = sum {
        writeln!(out, "value     {} ({label})", shown(Some(&sum)))?;
    }
    writeln!(out)?;
    list(out, &page)
}

fn list(out: &mut dyn Write, page: &Page) -> Outcome<()> {
    let heads: Vec<String> = page.labels.iter().map(|label| format!("{:>23}", short(label, 23))).collect();
    writeln!(out, "{:<23} {}", "account", heads.join(" "))?;
    for row in &page.rows {
        let values = row.values.iter().map(|value| format!("{:>23}", short(&shown(value.as_ref()), 23)));
        writeln!(out, "{:<23} {}", short(row.id.as_str(), 23), values.collect::<Vec<_>>().join(" "))?;
    }
    let more = (page.total + page.cancelled).saturating_sub(page.rows.len());
    if more > 0 {
        writeln!(out, "and {} more", count(more))?;
    }
    Ok(())
}

fn shown(value: Option<&ExprValue>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:#}"))
}

/// Why an account is in a segment, or not.
fn why(out: &mut dyn Write, book: &Book, checked: &Checked, id: &str) -> Outcome<()> {
    let account = book.view.account(id).ok_or_else(|| format!("there is no account `{id}`"))?;
    write!(out, "{:#}", checked.explain(&book.view, account)?)?;
    Ok(())
}

/// What is known of one account.
pub fn profile(out: &mut dyn Write, book: &Book, id: &str) -> Outcome<()> {
    let account = book.view.account(id).ok_or_else(|| format!("there is no account `{id}`"))?;
    let columns = book.defined(|kind| !matches!(kind, DefinitionKind::Segment | DefinitionKind::Metric));
    let query = columns.fold(ProfileQuery::new(), ProfileQuery::column);
    let query = book.defined(|kind| kind == DefinitionKind::Segment).fold(query, ProfileQuery::segment);
    let profile = query.run(&book.view, account)?;
    writeln!(out, "{} ({}), level {}", profile.account.name, profile.account.account_type, profile.level)?;
    let above: Vec<&str> = profile.path.iter().map(|above| &*above.name).collect();
    if !above.is_empty() {
        writeln!(out, "under     {}", above.join(" › "))?;
    }
    for (name, value) in &profile.values {
        writeln!(out, "  {name:<21} {}", short(&format!("{value:#}"), 60))?;
    }
    writeln!(out, "derived")?;
    for (name, value) in &profile.columns {
        writeln!(out, "  {name:<21} {}", short(&shown(value.as_ref()), 90))?;
    }
    if !profile.segments.is_empty() {
        writeln!(out, "segments  {}", profile.segments.join(", "))?;
    }
    writeln!(out, "children  {}", count(profile.children.len() + profile.more_children))?;
    for child in profile.children.iter().take(LISTED) {
        let more = if child.has_children { " …" } else { "" };
        writeln!(
            out,
            "  {:<21} {} ({}){more}",
            short(child.id.as_str(), 21),
            child.name,
            child.account_type
        )?;
    }
    if !profile.products.is_empty() {
        let products: Vec<&str> = profile.products.iter().map(|owned| &*owned.product).collect();
        writeln!(out, "products  {}", products.join(", "))?;
    }
    rows(out, "opportunities", &profile.opportunities)?;
    rows(out, "users", &profile.users)?;
    for (role, who) in &profile.roles {
        writeln!(out, "{role:<23} {who}")?;
    }
    Ok(())
}

fn rows(out: &mut dyn Write, what: &str, rows: &Rows) -> Outcome<()> {
    let all = rows.rows.len() + rows.more;
    if all == 0 {
        return Ok(());
    }
    writeln!(out, "{what:<13} {}", count(all))?;
    for row in rows.rows.iter().take(5) {
        let values: Vec<String> =
            row.values.iter().map(|(name, value)| format!("{name} {value:#}")).collect();
        writeln!(out, "  {:<21} {}", short(row.id.as_str(), 21), short(&values.join(", "), 100))?;
    }
    Ok(())
}

/// A query of Totango or react-querybuilder: what it is read as, and whom it finds.
fn query(out: &mut dyn Write, book: &Book, text: &str, explain: Option<&str>) -> Outcome<()> {
    let json = Importer::parse(text)?;
    let view = &book.view;
    let importer = Importer::new().with_names(view.catalog().names());
    let is_totango = json.get("terms").is_some();
    let (query, expression, rows, names, notes) = if is_totango {
        // A file may say which path the query is posted to.
        let path = json.get("endpoint").and_then(Json::as_str).unwrap_or("search/accounts");
        let read = importer.totango(path, &json)?;
        (read.to_query().limit(LISTED), read.expression, read.rows, read.names, read.notes)
    } else {
        let read = importer.react_querybuilder(&json)?;
        let query = Query::new().filter_by(read.expression.clone()).limit(LISTED);
        (query, read.expression, None, read.names, read.notes)
    };
    writeln!(out, "read as   {expression}")?;
    for ImportFault { path, message, .. } in &notes {
        writeln!(out, "note      at `{path}`: {message}")?;
    }
    unknown(book, &names)?;
    let checker = Checker::new(view.catalog().names());
    if let Some(id) = explain {
        return why(out, book, &checker.check_ast_predicate(expression)?, id);
    }
    let query = if query.columns().is_empty() { query.column("name", "name")? } else { query };
    let query = query.check(&checker)?;
    let page = query.run(view, None)?;
    writeln!(out, "members   {} of {}", count(page.total + page.cancelled), count(view.accounts().len()))?;
    if let Some(rows) = rows {
        let found = RowFilter::of(&checker, rows)?.rows(view, &query.accounts(view)?)?;
        writeln!(out, "rows      {}", count(found.len()))?;
    }
    writeln!(out)?;
    list(out, &page)
}

/// Names that a query needs and this book does not have.
fn unknown(book: &Book, needed: &[NeededName]) -> Outcome<()> {
    let names = book.view.catalog().names();
    let built_in = ["id", "level", "product", "account_type"];
    let lacks = |needed: &&NeededName| match &needed.table {
        None => names.name(Of::Account, &needed.name).is_none() && !built_in.contains(&&*needed.name),
        Some(table) => names.name(Of::Table(table), &needed.name).is_none(),
    };
    let lacking: Vec<String> =
        needed.iter().filter(lacks).map(|name| format!("`{}` at {}", name.name, name.path)).collect();
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(format!("this book has no {}", lacking.join(", no ")).into())
    }
}
