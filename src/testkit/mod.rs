//! What do tests and benchmarks of hosts need?
