//! What lies in a ring (`perf_event_open(2)`, "MMAP layout"): records with a header each. Bytes
//! in, values out.

use std::time::Duration;

/// `PERF_RECORD_LOST`
const LOST: u32 = 2;
/// `PERF_RECORD_SAMPLE`
const SAMPLE: u32 = 9;
/// type, misc, size
const HEADER: usize = 8;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A tracepoint was passed.
    Sample(Sample<'a>),
    /// So many records found no room.
    Lost(u64),
    /// A kind that nobody asked for.
    Other(u32),
    /// What follows makes no sense: the rest is not read.
    Malformed,
}

/// A tracepoint was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<'a> {
    /// The process that had the CPU, as the recorder's pid namespace counts; 0 of one outside.
    pub pid: i32,
    /// Its thread.
    pub thread: i32,
    /// When, by the clock that was asked for.
    pub at: Duration,
    /// On which CPU.
    pub cpu: u32,
    /// The tracepoint's fields.
    pub raw: &'a [u8],
}

/// The records in what was read from a ring.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((record, behind)) = split(rest) else {
            rest = &[];
            return Some(Record::Malformed);
        };
        rest = behind;
        Some(record)
    })
}

fn split(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let kind = u32_at(bytes, 0)?;
    let size = usize::from(u16::from_ne_bytes(bytes.get(6..8)?.try_into().ok()?));
    if size < HEADER {
        return None;
    }
    let body = bytes.get(HEADER..size)?;
    let record = match kind {
        SAMPLE => Record::Sample(sample(body)?),
        // struct { u64 id; u64 lost; }
        LOST => Record::Lost(u64_at(body, 8)?),
        other => Record::Other(other),
    };
    Some((record, &bytes[size..]))
}

/// `struct { u32 pid, tid; u64 time; u32 cpu, res; u32 size; char data[size]; }`
fn sample(body: &[u8]) -> Option<Sample<'_>> {
    let size = usize::try_from(u32_at(body, 24)?).ok()?;
    Some(Sample {
        pid: u32_at(body, 0)?.cast_signed(),
        thread: u32_at(body, 4)?.cast_signed(),
        at: Duration::from_nanos(u64_at(body, 8)?),
        cpu: u32_at(body, 16)?,
        raw: body.get(28..28usize.checked_add(size)?)?,
    })
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..offset + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset + 8)?;
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}
