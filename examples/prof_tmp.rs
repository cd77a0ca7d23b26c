//! temporary
use perennial::testkit::{PlainBook, ReferenceBook};
use perennial::*;
use std::time::Instant;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: usize = a[2].parse().unwrap();
    let rounds: usize = a[3].parse().unwrap();
    let r = ReferenceBook::new(n, 7);
    let s = r.schema();
    let src = r.source();
    let mut b = Schema::builder();
    for k in s.account_types() { b = b.account_type(k.name(), Nesting::Ordered); }
    for p in s.products() { b = b.product(p.name()); }
    let bare = std::sync::Arc::new(b.build().unwrap());
    let mut t = vec![];
    let mut time = |f: &mut dyn FnMut() -> Box<dyn std::any::Any>| { let s = Instant::now(); let x = f(); t.push(s.elapsed().as_secs_f64()*1e3); drop(x); };
    let load = |s: &std::sync::Arc<Schema>| Book::load(s.clone(), &src, &Policy::strict()).unwrap().0;
    match &*a[1] {
        "load" => for _ in 0..rounds { time(&mut || Box::new(load(&s))); },
        "bare" => for _ in 0..rounds { time(&mut || Box::new(load(&bare))); },
        "scan" => for _ in 0..rounds { time(&mut || { use perennial::source::*; src.scan(&ScanRequest::for_schema(&s, TableName::Accounts), &mut |b| { std::hint::black_box(b); std::ops::ControlFlow::Continue(()) }).unwrap(); Box::new(()) }); },
        "fold" => {
            let book = load(&s);
            let v = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026,1,31).unwrap())).unwrap();
            let p = FoldPlan::new(book.schema(), (1..=8).map(|m| RollUp::sum(&format!("m{m}"))).chain([RollUp::count(), RollUp::min("contract_value"), RollUp::max("contract_value")]).map(RollUp::including_cancelled)).unwrap();
            for _ in 0..rounds { time(&mut || Box::new(p.all(&v))); }
            let cols: Vec<Vec<i64>> = (0..8).map(|_| vec![1i64; n]).collect();
            let mut c = vec![]; for _ in 0..rounds { let s = Instant::now(); let x = std::hint::black_box(cols.clone()); c.push(s.elapsed().as_secs_f64()*1e3); drop(x); }
            c.sort_by(|a,b| a.total_cmp(b)); println!("copy min {:.3} med {:.3}", c[0], c[c.len()/2]);
        }
        "move" => { let book = load(&s); let mut rnd = testkit::Random::new(3);
            for _ in 0..rounds { let id = AccountId::new(r.id(rnd.below(n as u64) as usize)).unwrap(); time(&mut || Box::new(book.apply(&Change::new().move_to_root(&id)).unwrap())); } }
        "add" => { let book = load(&s); let mut rnd = testkit::Random::new(3);
            for i in 0..rounds { let at = r.id(rnd.below(n as u64) as usize); let mut at = at.as_str().trim_start_matches('a').parse::<usize>().unwrap(); while let Some(p) = r.parent(at) { at = p; }
              let id = AccountId::new(format!("x{i}")).unwrap(); let root = AccountId::new(r.id(at)).unwrap(); time(&mut || Box::new(book.apply(&Change::new().add(AccountRow::new(id.clone(), "Level 2").under(root.clone()))).unwrap())); } }
        "tree" => { let p = PlainBook::one_tree(n, 7); let ps = p.schema(); for _ in 0..rounds { time(&mut || Box::new(Book::load(ps.clone(), &p, &Policy::strict()).unwrap())); } }
        _ => panic!(),
    }
    t.sort_by(|a, b| a.total_cmp(b));
    println!("{} {n}: min {:.3} med {:.3} ms", a[1], t[0], t[t.len()/2]);
}
