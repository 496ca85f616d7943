//! The local time of day.

use std::mem::MaybeUninit;
use std::time::Duration;

/// Hours, minutes and seconds on the local clock at this time since the epoch
/// (`localtime_r(3)`); nothing for a year that the machine cannot write.
pub fn time_of_day(since_epoch: Duration) -> Option<(u8, u8, u8)> {
    let seconds = libc::time_t::try_from(since_epoch.as_secs()).ok()?;
    let mut broken = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are to values that outlive the call; the function writes all of the
    // second one unless it returns null.
    let broken = unsafe {
        if libc::localtime_r(&raw const seconds, broken.as_mut_ptr()).is_null() {
            return None;
        }
        broken.assume_init()
    };
    let part = |number: libc::c_int| u8::try_from(number).ok();
    Some((
        part(broken.tm_hour)?,
        part(broken.tm_min)?,
        part(broken.tm_sec)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_a_second_everywhere() {
        let (_, _, before) = time_of_day(Duration::from_secs(1_700_000_000)).expect("a time");
        let (_, _, after) = time_of_day(Duration::from_secs(1_700_000_001)).expect("a time");
        assert_eq!(after, (before + 1) % 60);
        assert_eq!(time_of_day(Duration::from_secs(u64::MAX)), None);
    }
}
