//! "Did you mean": the known word that is nearest to a misspelt one.

/// The candidate with the fewest single-character edits from `word`; the first of equals. `None` without candidates.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .min_by_key(|candidate| distance(word, candidate))
}

/// Levenshtein distance, one row of the table at a time.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, char_one) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, char_other) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(char_one != *char_other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(
            nearest("mtu_lenght", ["term_length", "mtu_length", "mode"]),
            Some("mtu_length")
        );
        assert_eq!(nearest("x", []), None);
    }
}
