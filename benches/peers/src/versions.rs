//! Which versions were compared? Read from the lock file, so that no table lies about it.

const LOCK: &str = include_str!("../Cargo.lock");
const TOOLS: [&str; 7] =
    ["perennial", "polars", "rusqlite", "petgraph", "cel", "rhai", "differential-dataflow"];

pub fn line() -> String {
    let mut tools: Vec<String> =
        TOOLS.iter().map(|tool| format!("{tool} {}", version(tool).unwrap_or("unknown"))).collect();
    tools.push(format!("SQLite {}", rusqlite::version()));
    tools.join(", ")
}

fn version(name: &str) -> Option<&'static str> {
    let (_, package) = LOCK.split_once(&format!("\nname = \"{name}\"\nversion = \""))?;
    package.split_once('"').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_the_versions_of_the_lock_file() {
        let readme = include_str!("../README.md");
        for tool in TOOLS.iter().skip(1) {
            let version = version(tool).unwrap();
            assert!(readme.contains(&format!("{tool} {version}")), "{tool} {version} is not in the README");
        }
        let sqlite = format!("SQLite {}", rusqlite::version());
        assert!(readme.contains(&sqlite), "{sqlite} is not in the README");
    }
}
