//! "Did you mean": the nearest of the words that would have been right.

/// The candidate nearest to `word`, when it is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    ranked(word, candidates).into_iter().next()
}

/// All candidates near enough to `word`, the nearest first.
pub(crate) fn ranked<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    // A misspelt word is a short one; the distance of long ones costs quadratic time.
    if word.chars().count() > 64 {
        return Vec::new();
    }
    let folded = fold(word);
    let allowed = (folded.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&folded, &fold(candidate));
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The help line for `word`, where a candidate is near.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|found| format!("did you mean `{found}`?"))
}

/// The help line for `word`: the nearest candidate, otherwise all of them.
pub(crate) fn did_you_mean_or_list(word: &str, candidates: &[&str]) -> String {
    did_you_mean(word, candidates.iter().copied())
        .unwrap_or_else(|| format!("one of {}", candidates.join(", ")))
}

fn fold(word: &str) -> String {
    word.chars()
        .map(|c| match c {
            '-' => '_',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_offered() {
        let states = ["FIN_WAIT1", "FIN_WAIT2", "LISTEN"];
        assert_eq!(nearest("FIN_WAIT3", states), Some("FIN_WAIT1"));
        assert_eq!(nearest("listne", states), Some("LISTEN"));
        assert_eq!(nearest("banana", states), None);
        assert_eq!(nearest(&"x".repeat(100_000), states), None);
    }
}
