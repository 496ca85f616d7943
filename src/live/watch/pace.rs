//! [`Pace`]: how much of a core may be spent on something.

use std::time::{Duration, Instant};

/// A share of a core's time. What is not spent is saved up to some point.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    share: f64,
    most: Duration,
    credit: Duration,
    at: Instant,
}

impl Pace {
    /// This share of a core; at most `most` is saved, and that much is there at the start.
    pub fn new(share: f64, most: Duration) -> Pace {
        Pace {
            share,
            most,
            credit: most,
            at: Instant::now(),
        }
    }

    /// Whether something may be begun.
    pub fn allows(&mut self) -> bool {
        let now = Instant::now();
        let more = now.duration_since(self.at).mul_f64(self.share);
        self.at = now;
        self.credit = (self.credit + more).min(self.most);
        !self.credit.is_zero()
    }

    /// Does something and pays for it. What costs more than was saved delays the next time.
    pub fn spend<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        let cost = begun.elapsed();
        match self.credit.checked_sub(cost) {
            Some(left) => self.credit = left,
            None => {
                let owed = cost - self.credit;
                self.credit = Duration::ZERO;
                self.at = Instant::now() + owed.div_f64(self.share);
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_too_much_has_to_wait() {
        let mut pace = Pace::new(0.01, Duration::from_millis(1));
        assert!(pace.allows());
        pace.spend(|| std::thread::sleep(Duration::from_millis(3)));
        // 2 ms are owed: 200 ms at a hundredth of a core.
        assert!(!pace.allows());
    }
}
