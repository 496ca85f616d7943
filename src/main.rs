//! The `sockscope` command: parses its arguments, calls the library, returns the exit code.

fn main() {}
