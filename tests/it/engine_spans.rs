//! What a host's subscriber sees of an engine's work, with feature `tracing`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use perennial::aggregate::{Operator, RollUp};
use perennial::engine::{Engine, EngineSettings};
use perennial::segment::Segment;
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes down each span as it is entered and left.
#[derive(Clone, Default)]
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<String>>>,
    open: Arc<AtomicU64>,
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::TRACE && metadata.target().starts_with("perennial")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(format!("{} {}", span.metadata().level(), span.metadata().name()));
        span.record(&mut fields);
        let mut spans = self.spans.lock().unwrap();
        spans.push(fields.0);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, span: &Id) {
        let name = self.spans.lock().unwrap()[usize::try_from(span.into_u64()).unwrap() - 1].clone();
        let depth = self.open.fetch_add(1, Ordering::SeqCst);
        self.lines.lock().unwrap().push(format!("{depth} {name}"));
    }

    fn exit(&self, _: &Id) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Notes {
    fn take(&self) -> Vec<String> {
        assert_eq!(self.open.load(Ordering::SeqCst), 0, "a span is left when its work is done");
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

#[test]
fn loads_updates_and_definitions_have_spans() {
    let notes = Notes::default();
    // While there is one subscriber alone, `tracing` asks the thread that comes to a span first whether anybody listens, and
    // keeps the answer: of another test's thread it would be no. Of two it asks both.
    let _second = tracing::Dispatch::new(Notes::default());
    tracing::subscriber::with_default(notes.clone(), || {
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("seats", AttributeType::Int))
            .build()
            .unwrap();
        let today = AsOf::date_utc(Date::new(2026, 1, 31).unwrap());
        let engine = Engine::new(schema, today, EngineSettings::new()).unwrap();
        assert_eq!(notes.take(), Vec::<String>::new());
        let acme = AccountId::new("acme").unwrap();
        let row = AccountRow::new(acme.clone(), "Company").with("seats", 30_i64);
        engine.load(&MemorySource::new().account(row)).unwrap();
        assert_eq!(notes.take(), ["0 DEBUG perennial work=\"load\" from_version=0"]);
        let sum = RollUp::new("all", Operator::Sum("seats".into()));
        engine.define([sum.into(), Segment::parse("large", "all > 9").unwrap().into()]).unwrap();
        assert_eq!(
            notes.take(),
            [
                "0 DEBUG perennial work=\"apply\" from_version=1",
                "1 TRACE perennial_definition definition=roll-up `all`",
                "1 TRACE perennial_definition definition=segment `large`",
            ]
        );
        // What is worked out for single accounts is told by the update alone.
        engine.apply(Change::new().set(&acme, "seats", 5_i64)).unwrap();
        assert_eq!(notes.take(), ["0 DEBUG perennial work=\"apply\" from_version=2"]);
        let view = engine.published().view(&Scope::all()).unwrap();
        assert!(!view.is_member("large", view.account("acme").unwrap()));
        assert_eq!(notes.take(), Vec::<String>::new(), "what is kept current is read");
    });
}
