//! Public suites of other projects: every case that fits our profile passes.

fn all_pass(file: &str, cases: usize) {
    let path = format!("{}/tests/conformance/{file}", crate::common::ROOT);
    let text = std::fs::read_to_string(path).unwrap();
    let outcome = crate::suite::run(&text).unwrap();
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n\n"));
    assert_eq!(outcome.passed, cases);
}

#[test]
fn cel() {
    all_pass("cel.json", 331);
}

#[test]
fn jsonlogic() {
    all_pass("jsonlogic.json", 68);
}

#[test]
fn react_querybuilder() {
    all_pass("rqb.json", 18);
}

#[test]
fn a_wrong_answer_fails_its_case() {
    let case = |expect: &str| {
        format!(
            r#"[{{"suite":"s","name":"n","expr":"1 + x","env":{{"x":"int"}},"bindings":{{"x":{{"int":1}}}},"expect":{expect}}}]"#
        )
    };
    let passed = |expect: &str| crate::suite::run(&case(expect)).unwrap().passed;
    assert_eq!(passed(r#"{"value":{"int":2}}"#), 1);
    for wrong in [
        r#"{"value":{"int":3}}"#,
        r#"{"value":{"double":2.0}}"#,
        r#"{"error":"missing"}"#,
        r#"{"error":"type"}"#,
        r#"{"error":"syntax"}"#,
        r#"{"value":{"int":2},"type":"double"}"#,
    ] {
        assert_eq!(passed(wrong), 0, "{wrong}");
    }
    assert!(crate::suite::run("[{}]").is_err());
    assert!(crate::suite::run("{").is_err());
}
