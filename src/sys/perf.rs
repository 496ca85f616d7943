//! Tracepoints recorded into rings of memory that the kernel writes and this process reads
//! (`perf_event_open(2)`).

use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

/// `struct perf_event_attr` up to `PERF_ATTR_SIZE_VER5`, which every kernel since 4.1 knows.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_watermark: u32,
    bp_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clockid: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const TYPE_TRACEPOINT: u32 = 2;
/// `PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW`.
const SAMPLE: u64 = 1 << 1 | 1 << 2 | 1 << 7 | 1 << 10;
/// `PERF_FORMAT_LOST`, since Linux 6.0.
const FORMAT_LOST: u64 = 1 << 4;
/// Bits of the flag word.
const DISABLED: u64 = 1;
const WATERMARK: u64 = 1 << 14;
const USE_CLOCKID: u64 = 1 << 25;
/// `PERF_FLAG_FD_CLOEXEC`.
const CLOSE_ON_EXEC: c_ulong = 8;

mod request {
    use std::ffi::c_char;

    nix::ioctl_none!(enable, b'$', 0);
    nix::ioctl_none!(disable, b'$', 1);
    nix::ioctl_write_int_bad!(set_output, nix::request_code_none!(b'$', 5));
    nix::ioctl_write_ptr_bad!(
        set_filter,
        nix::request_code_write!(b'$', 6, size_of::<*const c_char>()),
        c_char
    );
}

/// One tracepoint on one CPU, whoever runs there. Records nothing before [`Tracepoint::enable`].
#[derive(Debug)]
pub struct Tracepoint(OwnedFd);

impl Tracepoint {
    /// Opens the tracepoint with this number (`events/GROUP/NAME/id` of tracefs) on one CPU. Each
    /// record has the thread, the time by `CLOCK_MONOTONIC`, the CPU and the raw fields.
    ///
    /// `wake_after`: how many unread bytes in the ring make its descriptor readable.
    ///
    /// # Errors
    /// As `perf_event_open(2)`: EACCES or EPERM without CAP_PERFMON, EINVAL before Linux 6.0,
    /// which could not count what it loses, ENODEV for a CPU that is off, EMFILE.
    pub fn open(id: u32, cpu: u32, wake_after: u32) -> nix::Result<Tracepoint> {
        let flags = DISABLED | WATERMARK | USE_CLOCKID;
        let attributes = Attributes {
            kind: TYPE_TRACEPOINT,
            size: size_of::<Attributes>() as u32,
            config: u64::from(id),
            sample_period: 1,
            sample_type: SAMPLE,
            read_format: FORMAT_LOST,
            // A word of bit-fields, which begin at the other end on big-endian machines.
            flags: match cfg!(target_endian = "big") {
                true => flags.reverse_bits(),
                false => flags,
            },
            wakeup_watermark: wake_after.max(1),
            clockid: libc::CLOCK_MONOTONIC,
            ..Attributes::default()
        };
        let everybody: libc::pid_t = -1;
        let cpu = c_int::try_from(cpu).map_err(|_| Errno::EINVAL)?;
        let no_group: c_int = -1;
        // SAFETY: the kernel reads `size` bytes of attributes, which outlive the call; the rest
        // are plain numbers.
        let fd: c_long = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                everybody,
                cpu,
                no_group,
                CLOSE_ON_EXEC,
            )
        };
        let fd = c_int::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
        // SAFETY: the call returned a new descriptor that nobody else owns.
        Ok(Tracepoint(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Records only what the filter lets through, in the language of tracefs' `filter` files:
    /// `sport==80 || dport==80`.
    ///
    /// # Errors
    /// EINVAL when the filter makes no sense for this tracepoint.
    pub fn filter(&self, filter: &CStr) -> nix::Result<()> {
        let text: *const c_char = filter.as_ptr();
        // SAFETY: the kernel reads a string up to its NUL; it outlives the call.
        unsafe { request::set_filter(self.0.as_raw_fd(), text) }.map(drop)
    }

    /// Writes into another one's ring; that one is of the same CPU and has one mapped.
    ///
    /// # Errors
    /// EINVAL for one of another CPU.
    pub fn write_into_ring_of(&self, other: &Tracepoint) -> nix::Result<()> {
        // SAFETY: the call takes two descriptors, both open.
        unsafe { request::set_output(self.0.as_raw_fd(), other.0.as_raw_fd()) }.map(drop)
    }

    /// Begins to record.
    ///
    /// # Errors
    /// As `ioctl(2)`.
    pub fn enable(&self) -> nix::Result<()> {
        // SAFETY: the call takes nothing but the descriptor.
        unsafe { request::enable(self.0.as_raw_fd()) }.map(drop)
    }

    /// Stops recording.
    ///
    /// # Errors
    /// As `ioctl(2)`.
    pub fn disable(&self) -> nix::Result<()> {
        // SAFETY: the call takes nothing but the descriptor.
        unsafe { request::disable(self.0.as_raw_fd()) }.map(drop)
    }

    /// How often the tracepoint was passed since recording began, and how many of those records
    /// found no room in the ring.
    ///
    /// # Errors
    /// As `read(2)`.
    pub fn counts(&self) -> nix::Result<Counts> {
        // struct read_format: the count, then PERF_FORMAT_LOST's.
        let mut answer = [0u8; 16];
        let length = nix::unistd::read(&self.0, &mut answer)?;
        let (passed, no_room) = answer.split_at(8);
        match (length, passed.try_into(), no_room.try_into()) {
            (16, Ok(passed), Ok(no_room)) => Ok(Counts {
                passed: u64::from_ne_bytes(passed),
                no_room: u64::from_ne_bytes(no_room),
            }),
            _ => Err(Errno::EIO),
        }
    }
}

/// What the kernel counts of one tracepoint on one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often it was passed.
    pub passed: u64,
    /// How many records found no room.
    pub no_room: u64,
}

impl AsFd for Tracepoint {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Where `struct perf_event_mmap_page` has the place up to which the kernel has written, and the
/// place up to which this process has read; both only grow.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// The memory into which the kernel writes the records of one CPU.
#[derive(Debug)]
pub struct Ring {
    /// The control page, then the data.
    start: NonNull<u8>,
    page: usize,
    length: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and only its owner touches it.
unsafe impl Send for Ring {}

impl Ring {
    /// Gives a tracepoint a ring of about so many bytes: the next power of two of pages.
    ///
    /// # Errors
    /// As `mmap(2)`: EPERM when more memory would be locked than `perf_event_mlock_kb` and
    /// RLIMIT_MEMLOCK allow; ENOMEM.
    pub fn map(of: &Tracepoint, bytes: usize) -> nix::Result<Ring> {
        // SAFETY: sysconf takes a plain number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).map_err(|_| Errno::EINVAL)?;
        let pages = bytes.div_ceil(page).max(1).checked_next_power_of_two();
        let length = pages.and_then(|pages| pages.checked_mul(page));
        let length = length.ok_or(Errno::ENOMEM)?;
        let whole = length.checked_add(page).ok_or(Errno::ENOMEM)?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                whole,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                of.0.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or(Errno::ENOMEM)?;
        Ok(Ring {
            start,
            page,
            length,
        })
    }

    /// How many bytes of records fit.
    pub fn capacity(&self) -> usize {
        self.length
    }

    /// Moves everything that is there behind what `into` has: whole records, in the order in
    /// which they were written.
    pub fn read(&mut self, into: &mut Vec<u8>) {
        // The kernel's side of this contract is in `perf_event_open(2)`, "MMAP layout".
        let head = self.position(HEAD).load(Ordering::Acquire);
        let tail = self.position(TAIL).load(Ordering::Relaxed);
        for piece in pieces(tail, head, self.length) {
            let length = piece.len();
            into.reserve(length);
            // SAFETY: `pieces` stays within the data pages, which follow the control page; the
            // kernel does not write between tail and head before the tail moves. `into` has room
            // for `length` more bytes, and they are filled before its length says so.
            unsafe {
                let from = self.start.as_ptr().add(self.page + piece.start);
                ptr::copy_nonoverlapping(from, into.as_mut_ptr().add(into.len()), length);
                into.set_len(into.len() + length);
            }
        }
        self.position(TAIL).store(head, Ordering::Release);
    }

    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the control page is mapped for as long as self lives; the field is an aligned
        // u64 in it that both sides access atomically.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().add(offset).cast::<u64>()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let start: *mut c_void = self.start.as_ptr().cast();
        // SAFETY: this is the mapping of `map`, and nobody has a reference into it any more.
        unsafe { libc::munmap(start, self.length + self.page) };
    }
}

/// Where in a ring of `length` bytes lies what was written and not read: at most two pieces, the
/// second one at the ring's beginning.
fn pieces(tail: u64, head: u64, length: usize) -> [Range<usize>; 2] {
    // The kernel never overwrites: there is never more than a ring full.
    let unread = usize::try_from(head.wrapping_sub(tail)).unwrap_or(length);
    let unread = unread.min(length);
    let begin = usize::try_from(tail % length as u64).unwrap_or(0);
    let first = unread.min(length - begin);
    [begin..begin + first, 0..unread - first]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_have_the_size_of_their_version() {
        assert_eq!(size_of::<Attributes>(), 112);
    }

    #[test]
    fn what_wraps_around_is_read_in_two_pieces() {
        assert_eq!(pieces(0, 0, 16), [0..0, 0..0]);
        assert_eq!(pieces(0, 16, 16), [0..16, 0..0]);
        assert_eq!(pieces(12, 20, 16), [12..16, 0..4]);
        assert_eq!(pieces(16, 20, 16), [0..4, 0..0]);
        assert_eq!(pieces(u64::MAX - 3, 4, 16), [12..16, 0..4]);
        assert_eq!(pieces(5, 1000, 16), [5..16, 0..5], "never more than it has");
    }
}
