//! [`side_by_side`]: the same work on several things at once.

use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

/// What `work` makes of each thing, in their order. There is a thread for each, this one among
/// them; where no more can be made, those that are there do it all.
///
/// # Panics
/// When `work` does.
pub(crate) fn side_by_side<I: Send, T: Send>(
    things: Vec<I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let others = things.len().saturating_sub(1);
    let left = Mutex::new(things.into_iter().enumerate());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let works = || -> Vec<(usize, T)> {
        let mut made = Vec::new();
        while let Some((index, thing)) = next() {
            made.push((index, work(thing)));
        }
        made
    };
    let mut made = std::thread::scope(|scope| {
        let others: Vec<_> = (0..others)
            .map_while(|_| Builder::new().spawn_scoped(scope, works).ok())
            .collect();
        let mut made = works();
        for other in others {
            match other.join() {
                Ok(more) => made.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_unstable_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_made_in_order() {
        let made = side_by_side((0..20).collect(), |number| number * 2);
        assert_eq!(made, (0..20).map(|number| number * 2).collect::<Vec<_>>());
        assert!(side_by_side(Vec::new(), |nothing: u8| nothing).is_empty());
    }

    #[test]
    #[should_panic(expected = "of its own")]
    fn a_panic_goes_on() {
        side_by_side(vec![0, 1, 2], |number| {
            assert_ne!(number, 2, "of its own");
        });
    }
}
