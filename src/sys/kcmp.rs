//! Whether two threads use the same table of descriptors (`kcmp(2)`).

use nix::errno::Errno;

/// `KCMP_FILES` of `linux/kcmp.h`.
const KCMP_FILES: libc::c_int = 2;

/// Whether the descriptors of the two threads are one table, as `pthread_create(3)` leaves them
/// and `unshare(2)` with `CLONE_FILES` parts them. Both ids are of the caller's pid namespace.
///
/// # Errors
/// `EPERM` unless one may look into both, `ESRCH`, `ENOSYS` without `CONFIG_KCMP`.
pub fn share_descriptors(one: i32, other: i32) -> Result<bool, Errno> {
    let unused: libc::c_ulong = 0;
    // SAFETY: for KCMP_FILES the call takes integers only and touches no memory of ours.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, unused, unused) };
    Ok(Errno::result(order)? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sched::{CloneFlags, unshare};

    #[test]
    fn threads_share_a_table_until_one_has_its_own() {
        let leader = nix::unistd::getpid().as_raw();
        std::thread::spawn(move || {
            let own = nix::unistd::gettid().as_raw();
            match share_descriptors(leader, own) {
                Err(errno @ (Errno::EPERM | Errno::ENOSYS)) => {
                    eprintln!("not tested here: no kcmp(2): {errno}");
                    return;
                }
                shared => assert_eq!(shared, Ok(true)),
            }
            unshare(CloneFlags::CLONE_FILES).expect("unshare");
            assert_eq!(share_descriptors(leader, own), Ok(false));
        })
        .join()
        .expect("no panic");
        assert_eq!(share_descriptors(leader, i32::MAX), Err(Errno::ESRCH));
    }
}
