//! [`KernelEvents`]: tracepoints recorded on every CPU, read in the order of time.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

use super::decode::{Decoder, Nonsense};
use super::record::{Record, records};
use super::tracefs::Tracefs;
use super::unavailable::Unavailable;
use super::{KernelEvent, Point};
use crate::driver::recorder::monotonic;
use crate::sys::perf::{Counts, Ring, Tracepoint};

/// What to record, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tracepoints.
    pub points: Vec<Point>,
    /// The ring of each CPU, in bytes; made smaller where less memory may be locked.
    pub ring: usize,
    /// How many unread bytes in a ring wake whoever polls; a wake-up for each event would cost
    /// more than the event.
    pub wake_after: u32,
    /// Only what this filter lets through, in the language of tracefs: `sport==80 || dport==80`.
    /// All of a tracepoint that has not got the fields; state changes have ports and family.
    pub filter: Option<String>,
}

/// The ring of each CPU, in bytes: 80,000 short connections a second fill it in a second.
pub const RING: usize = 2 * 1024 * 1024;
/// The smallest ring that is tried where memory is short.
const LEAST_RING: usize = 64 * 1024;

impl Default for Config {
    fn default() -> Config {
        Config {
            points: [Point::SOCKETS, Point::PROCESSES].concat(),
            ring: RING,
            wake_after: (RING / 8) as u32,
            filter: None,
        }
    }
}

/// Tracepoints that are being recorded, of the whole machine.
///
/// A CPU that is switched on later is not recorded.
#[derive(Debug)]
pub struct KernelEvents {
    decoders: Vec<Decoder>,
    cpus: Vec<Cpu>,
    bytes: Vec<u8>,
    /// Read already, but not given away: younger than the last look at all rings.
    early: Vec<KernelEvent>,
    nonsense: u64,
}

/// What is recorded on one CPU. The ring goes before the descriptors that feed it.
#[derive(Debug)]
struct Cpu {
    ring: Ring,
    points: Vec<Tracepoint>,
    /// How many records of each were read.
    read: Vec<u64>,
}

impl KernelEvents {
    /// Begins to record.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn open(config: &Config) -> Result<KernelEvents, Unavailable> {
        let tracefs = Tracefs::open()?;
        let decoders: Vec<Decoder> = config
            .points
            .iter()
            .map(|point| Decoder::new(*point, &tracefs.format(*point)?))
            .collect::<Result<_, _>>()?;
        let online = online_cpus();
        let mut cpus = Vec::with_capacity(online.len());
        let descriptors = online.len() * decoders.len();
        for cpu in online {
            match Cpu::open(cpu, &decoders, config, descriptors) {
                Ok(cpu) => cpus.push(cpu),
                // Switched off in between.
                Err(Unavailable::Other(Errno::ENODEV)) => {}
                Err(other) => return Err(other),
            }
        }
        for point in cpus.iter().flat_map(|cpu| &cpu.points) {
            point.enable().map_err(Unavailable::Other)?;
        }
        Ok(KernelEvents {
            decoders,
            cpus,
            bytes: Vec::new(),
            early: Vec::new(),
            nonsense: 0,
        })
    }

    /// The descriptors to poll for input, one a CPU: readable when enough is unread there.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.cpus
            .iter()
            .filter_map(|cpu| Some(cpu.points.first()?.as_fd()))
    }

    /// Everything that has happened before this call and was not taken yet, in the order of time.
    pub fn drain(&mut self) -> Vec<KernelEvent> {
        let mut events = Vec::new();
        self.drain_into(&mut |event| events.push(event));
        events
    }

    /// As [`KernelEvents::drain`], into whatever takes them.
    pub fn drain_into(&mut self, take: &mut dyn FnMut(KernelEvent)) {
        // What happens from here on may be in one ring and still be missing in another that was
        // read before: it waits for the next time.
        let until = monotonic();
        let mut events = std::mem::take(&mut self.early);
        self.read_rings(&mut events);
        // Stable: what one CPU wrote stays in its order.
        events.sort_by_key(|event| event.at);
        let first_early = events.partition_point(|event| event.at <= until);
        self.early = events.split_off(first_early);
        events.into_iter().for_each(take);
    }

    fn read_rings(&mut self, events: &mut Vec<KernelEvent>) {
        for cpu in &mut self.cpus {
            self.bytes.clear();
            cpu.ring.read(&mut self.bytes);
            for record in records(&self.bytes) {
                match record {
                    Record::Sample(sample) => {
                        let point = self.decoders.iter().position(|d| d.is_for(&sample));
                        let decoded = point.map(|point| {
                            cpu.read[point] += 1;
                            self.decoders[point].decode(&sample)
                        });
                        match decoded {
                            Some(Ok(event)) => events.extend(event),
                            Some(Err(Nonsense)) | None => self.nonsense += 1,
                        }
                    }
                    Record::Malformed => self.nonsense += 1,
                    // Counted by the descriptors; a kind that was not asked for does not come.
                    Record::Lost(_) | Record::Other(_) => {}
                }
            }
        }
    }

    /// How many events are missing since it was opened, before this call: they found no room in a
    /// ring, they were counted and never written, or they made no sense.
    ///
    /// Linux 6.18 counts what an interrupt's work does on top of the idle task and now and then
    /// writes no record of it, without calling it lost. So what was counted is held against what
    /// was read. Whatever is there is read on the way: [`KernelEvents::drain`] has it later.
    ///
    /// # Errors
    /// As `read(2)`: then nobody knows.
    pub fn lost(&mut self) -> nix::Result<u64> {
        let counted: Vec<Counts> = self
            .cpus
            .iter()
            .flat_map(|cpu| &cpu.points)
            .map(Tracepoint::counts)
            .collect::<Result<_, _>>()?;
        let mut events = Vec::new();
        self.read_rings(&mut events);
        self.early.extend(events);
        let read = self.cpus.iter().flat_map(|cpu| &cpu.read);
        let missing = counted.iter().zip(read).map(|(counts, read)| {
            let unwritten = counts.passed.saturating_sub(*read);
            unwritten.max(counts.no_room)
        });
        Ok(self.nonsense + missing.sum::<u64>())
    }

    /// The rings' size in bytes, of each CPU.
    pub fn ring(&self) -> usize {
        self.cpus
            .iter()
            .map(|cpu| cpu.ring.capacity())
            .min()
            .unwrap_or(0)
    }
}

impl Cpu {
    fn open(
        cpu: u32,
        decoders: &[Decoder],
        config: &Config,
        descriptors: usize,
    ) -> Result<Cpu, Unavailable> {
        let refused = |errno| match errno {
            Errno::EACCES | Errno::EPERM => Unavailable::NotPermitted(errno),
            Errno::EINVAL => Unavailable::NoLossCount,
            Errno::ENOSYS | Errno::ENOENT => Unavailable::NoPerf(errno),
            Errno::EMFILE | Errno::ENFILE => Unavailable::TooManyDescriptors(descriptors),
            Errno::ENOMEM => Unavailable::NoMemory(errno),
            other => Unavailable::Other(other),
        };
        let mut points: Vec<Tracepoint> = Vec::with_capacity(decoders.len());
        for decoder in decoders {
            let point = Tracepoint::open(decoder.id(), cpu, config.wake_after).map_err(refused)?;
            if let Some(filter) = &config.filter {
                let bad = || Unavailable::BadFilter(decoder.point(), filter.clone());
                let text = CString::new(filter.as_str()).map_err(|_| bad())?;
                match point.filter(&text) {
                    Ok(()) => {}
                    Err(_) if decoder.point() == Point::SetState => return Err(bad()),
                    // It lacks the fields: all of it is recorded.
                    Err(_) => {}
                }
            }
            points.push(point);
        }
        let Some((first, others)) = points.split_first() else {
            return Err(Unavailable::Other(Errno::EINVAL));
        };
        let ring = map(first, config.ring)?;
        for other in others {
            other
                .write_into_ring_of(first)
                .map_err(Unavailable::Other)?;
        }
        Ok(Cpu {
            ring,
            read: vec![0; points.len()],
            points,
        })
    }
}

/// A ring of so many bytes, or of as many as may be locked.
fn map(point: &Tracepoint, bytes: usize) -> Result<Ring, Unavailable> {
    let mut size = bytes;
    loop {
        match Ring::map(point, size) {
            Ok(ring) => return Ok(ring),
            Err(Errno::EPERM | Errno::ENOMEM) if size / 2 >= LEAST_RING => size /= 2,
            Err(errno) => return Err(Unavailable::NoMemory(errno)),
        }
    }
}

/// The CPUs that are switched on.
fn online_cpus() -> Vec<u32> {
    let listed = std::fs::read_to_string("/sys/devices/system/cpu/online")
        .ok()
        .and_then(|text| cpu_list(text.trim()));
    listed.unwrap_or_else(|| {
        let count = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
        (0..count).collect()
    })
}

/// `0-3,8` (`cpuset(7)`, "List format").
fn cpu_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// Whether the pids in records are those of this process's `/proc`: the kernel counts them in its
/// first pid namespace.
pub fn pids_are_ours() -> bool {
    /// `PROC_PID_INIT_INO` (`include/linux/proc_ns.h`).
    const FIRST: &str = "pid:[4026531836]";
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tracepoints::What;
    use std::time::{Duration, Instant};

    /// What may lie between an event's stamp and its place in the ring.
    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn cpu_lists() {
        assert_eq!(cpu_list("0"), Some(vec![0]));
        assert_eq!(cpu_list("0-2,5,7-8"), Some(vec![0, 1, 2, 5, 7, 8]));
        assert_eq!(cpu_list(""), None);
        assert_eq!(cpu_list("a-b"), None);
        assert!(!online_cpus().is_empty());
    }

    #[test]
    fn a_fork_is_recorded_in_the_order_of_time() {
        let config = Config {
            points: Point::PROCESSES.to_vec(),
            ring: 64 * 1024,
            ..Config::default()
        };
        let mut recorder = match KernelEvents::open(&config) {
            Ok(recorder) => recorder,
            Err(why) => {
                eprintln!("not tested here: {why}");
                return;
            }
        };
        let before = monotonic();
        let mut child = std::process::Command::new("true").spawn().expect("true");
        let pid = child.id() as i32;
        child.wait().expect("ended");
        let begun = Instant::now();
        let mut events = Vec::new();
        let ended =
            |event: &KernelEvent| matches!(event.what, What::Ended { thread, .. } if thread == pid);
        while !events.iter().any(ended) && begun.elapsed() < PATIENCE {
            events.extend(recorder.drain());
        }
        assert!(events.is_sorted_by_key(|event| event.at));
        assert!(events.iter().all(|event| event.at >= before - PATIENCE));
        let of_child: Vec<&What> = events
            .iter()
            .map(|event| &event.what)
            .filter(|what| match what {
                What::Task { id, .. } => *id == pid,
                What::Forked { child, .. } => *child == pid,
                What::Executed { pid: of, .. } => *of == pid,
                What::Ended { thread, .. } => *thread == pid,
                _ => false,
            })
            .collect();
        assert!(
            matches!(
                of_child.as_slice(),
                [
                    What::Task { is_thread: false, .. },
                    What::Forked { .. },
                    What::Executed { file, .. },
                    What::Ended { last: Some(true) | None, .. },
                ] if file.ends_with("/true")
            ),
            "{of_child:?}"
        );
        assert_eq!(recorder.lost(), Ok(0));
    }
}
