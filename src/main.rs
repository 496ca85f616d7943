//! The `sockscope` command: parses its arguments, calls the library, returns the exit code.

use std::ffi::OsString;

fn main() {
    let mut args = std::env::args_os().skip(1);
    if args.next().as_deref() == Some("program".as_ref())
        && let Some(name) = args.next()
    {
        let rest: Vec<OsString> = args.collect();
        std::process::exit(sockscope::programs::run(&name.to_string_lossy(), &rest));
    }
}
