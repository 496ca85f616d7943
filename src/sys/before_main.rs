//! A look at the process before its `main` runs, wherever this library is linked.

/// The C library calls every function of this section, in the order of the sections' names, while
/// the process has a single thread and before it calls `main` (gABI chapter 5, `.init_array`).
/// 101 is the first number that is not the C library's or the standard library's own.
#[used]
// SAFETY: the section holds addresses of C functions and this is one. That it is called with
// arguments (glibc) or without (musl) makes no difference to a C function that takes none.
#[unsafe(link_section = ".init_array.00101")]
static BEFORE_MAIN: extern "C" fn() = before_main;

/// Most processes leave it at once. What the standard library may be used for here is said in its
/// chapter "Use before and after main()".
extern "C" fn before_main() {
    crate::lab::reexec::before_main();
}

/// Whether the process has more rights than whoever started it (`AT_SECURE`, `getauxval(3)`): then
/// nothing of its environment and arguments may be believed.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: getauxval takes a number and gives one.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}
