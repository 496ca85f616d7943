//! A seccomp filter that stops a traced process at chosen system calls and nowhere else
//! (`seccomp(2)`, SECCOMP_RET_TRACE).

use std::io;

use nix::errno::Errno;

/// What the filter says of a call of another ABI than this build's.
pub(crate) const FOREIGN: u32 = 1;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e; // AUDIT_ARCH_X86_64
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7; // AUDIT_ARCH_AARCH64
#[cfg(target_arch = "riscv64")]
const NATIVE: u32 = 0xc000_00f3; // AUDIT_ARCH_RISCV64
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
const NATIVE: u32 = 0; // none: every call counts as another ABI's

/// The first number of the x32 ABI, which shares x86_64's architecture code.
const X32: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// A filter that was compiled, to be installed by [`Filter::install`].
#[derive(Clone, Debug)]
pub(crate) struct Filter(Vec<libc::sock_filter>);

impl Filter {
    /// Picks these calls, and all of another ABI.
    pub(crate) fn picking(numbers: impl IntoIterator<Item = i64>) -> Filter {
        let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        let at_least = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
        let answer = (libc::BPF_RET | libc::BPF_K) as u16;
        let line = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let foreign = line(answer, 0, 0, libc::SECCOMP_RET_TRACE | FOREIGN);
        let mut program = vec![
            line(load, 0, 0, ARCHITECTURE),
            line(equal, 1, 0, NATIVE),
            foreign,
            line(load, 0, 0, NUMBER),
            line(at_least, 0, 1, X32),
            foreign,
        ];
        let mut numbers: Vec<u32> = numbers
            .into_iter()
            .filter_map(|number| u32::try_from(number).ok())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut rest = numbers.as_slice();
        while let Some(&first) = rest.first() {
            let run = rest
                .iter()
                .zip(first..)
                .take_while(|(number, expected)| **number == *expected)
                .count();
            // Below this run: none of the later ones either, since they ascend.
            program.push(line(at_least, 1, 0, first));
            program.push(line(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
            program.push(line(at_least, 1, 0, first + run as u32));
            program.push(line(answer, 0, 0, libc::SECCOMP_RET_TRACE));
            rest = &rest[run..];
        }
        program.push(line(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
        Filter(program)
    }

    /// Installs it in the calling thread and what it forks, for good. Async-signal-safe.
    ///
    /// Without CAP_SYS_ADMIN in its user namespace the kernel allows it only to a process that
    /// has given up gaining rights by exec (`PR_SET_NO_NEW_PRIVS`): then this does so.
    ///
    /// # Errors
    /// Those of `seccomp(2)`: `ENOSYS`, `EINVAL` on a kernel without filters.
    pub(crate) fn install(&self) -> io::Result<()> {
        match self.load() {
            Err(Errno::EACCES) => {
                nix::sys::prctl::set_no_new_privs()?;
                Ok(self.load()?)
            }
            other => Ok(other?),
        }
    }

    fn load(&self) -> nix::Result<()> {
        let program = libc::sock_fprog {
            len: self.0.len() as libc::c_ushort,
            filter: self.0.as_ptr().cast_mut(),
        };
        // SAFETY: the kernel copies the program, whose length is that of the vector, and keeps
        // no pointer to it.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                0,
                &raw const program,
            )
        };
        Errno::result(result).map(drop)
    }
}

/// Whether the kernel takes filters that stop a traced process: it is asked, nothing is changed.
///
/// # Errors
/// `EPERM` where another filter refuses (a container's), `EOPNOTSUPP`, `ENOSYS`, `EINVAL` on a
/// kernel without.
pub(crate) fn can_stop() -> nix::Result<()> {
    let action: u32 = libc::SECCOMP_RET_TRACE;
    // SAFETY: the kernel reads four bytes at the address of a local variable.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0,
            &raw const action,
        )
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers, by the kernel's rules for these few instructions.
    fn answer(filter: &Filter, architecture: u32, number: u32) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let line = filter.0[at];
            at += 1;
            let jump = |taken: bool| usize::from(if taken { line.jt } else { line.jf });
            match u32::from(line.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    value = if line.k == NUMBER {
                        number
                    } else {
                        architecture
                    };
                }
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                    at += jump(value == line.k);
                }
                code if code == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => {
                    at += jump(value >= line.k);
                }
                _ => return line.k,
            }
        }
    }

    #[test]
    fn the_chosen_calls_are_picked_and_no_others() {
        let chosen = [0, 1, 3, 41, 42, 43, 44, 288];
        let filter = Filter::picking(chosen);
        for number in 0..500 {
            let expected = match chosen.contains(&i64::from(number)) {
                true => libc::SECCOMP_RET_TRACE,
                false => libc::SECCOMP_RET_ALLOW,
            };
            assert_eq!(answer(&filter, NATIVE, number), expected, "call {number}");
        }
    }

    #[test]
    fn calls_of_another_abi_are_told_apart() {
        let filter = Filter::picking([3]);
        let foreign = libc::SECCOMP_RET_TRACE | FOREIGN;
        assert_eq!(answer(&filter, 0x4000_0003, 4), foreign, "i386");
        assert_eq!(answer(&filter, NATIVE, X32 + 3), foreign, "x32");
    }
}
