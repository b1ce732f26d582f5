//! A server's text for people: without the secrets that it repeats, on one line, and short.
//!
//! A server that does not know a command answers with the beginning of its arguments, and a proxy may answer anything. So every text of a
//! server passes through here before it becomes part of a log line, an error or a question to the user's code. Decisions use the original
//! text, because a secret may be a word that has a meaning.

use std::fmt;
use std::sync::Arc;

/// Most characters of a server's text that are shown.
const LONGEST_SHOWN: usize = 300;
/// The mask in place of a secret.
const MASK: &str = "***";
/// A shorter secret is hidden only where it stands alone. Elsewhere it would hide parts of other words.
const SHORTEST_ANYWHERE: usize = 4;
/// The beginning of a secret is hidden if it is at least this long, wherever it stands.
const LONG_BEGINNING: usize = 12;

/// The secrets, in every form in which a server could repeat them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<[String]>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("forms", &self.0.len()).finish_non_exhaustive()
    }
}

impl Secrets {
    /// Hides these secrets. Empty strings are no secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let encoded = percent_encoded(secret);
            let escaped = secret.replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'");
            forms.extend([secret.replace(char::is_control, " "), encoded.to_lowercase(), encoded, escaped]);
            forms.push(secret.to_owned());
        }
        forms.sort_unstable();
        forms.dedup();
        Self(forms.into())
    }

    /// Hides these secrets and the others.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self(self.0.iter().chain(others.0.iter()).cloned().collect())
    }

    /// A server's text for people.
    #[must_use]
    pub fn shown(&self, said: &[u8]) -> String {
        self.clean(&String::from_utf8_lossy(said))
    }

    /// Does the same for a string.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.clean_up_to(text, LONGEST_SHOWN)
    }

    /// Does the same with this many characters, for a text of this package that contains a server's.
    #[must_use]
    pub fn clean_up_to(&self, text: &str, most: usize) -> String {
        let mut shown = String::new();
        let (mut count, mut before, mut rest) = (0, None, text);
        while let Some(next) = rest.chars().next() {
            if count >= most {
                shown.pop();
                shown.push('…');
                break;
            }
            let hidden = self.0.iter().map(|form| hidden_at(form, before, rest)).max().unwrap_or(0);
            if hidden > 0 && count + MASK.len() <= most {
                shown.push_str(MASK);
                count += MASK.len();
                before = None;
                rest = rest.get(hidden..).unwrap_or_default();
                continue;
            }
            if hidden > 0 {
                shown.push('…');
                break;
            }
            shown.push(if next.is_control() { ' ' } else { next });
            count += 1;
            before = Some(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
        shown
    }
}

/// How much of `rest` repeats the secret: all of it, or a beginning after which the server cut it off.
fn hidden_at(form: &str, before: Option<char>, rest: &str) -> usize {
    let alike = form.bytes().zip(rest.bytes()).take_while(|(one, other)| one == other).count();
    let alike = (0..=alike).rev().find(|at| form.is_char_boundary(*at)).unwrap_or(0);
    if alike == 0 {
        return 0;
    }
    let after = rest.get(alike..).and_then(|rest| rest.chars().next());
    let hides = if alike == form.len() {
        let apart = |next: Option<char>| next.is_none_or(|next| !next.is_alphanumeric());
        alike >= SHORTEST_ANYWHERE || (apart(before) && apart(after))
    } else {
        // Redis repeats the first 128 bytes of the arguments, each in quotes.
        let quote = |next: Option<char>| next.is_some_and(|next| matches!(next, '\'' | '`' | '"'));
        alike >= LONG_BEGINNING
            || (alike >= SHORTEST_ANYWHERE && (after.is_none() || (quote(before) && quote(after))))
    };
    if hides { alike } else { 0 }
}

/// The form of JavaScript's `encodeURIComponent`.
fn percent_encoded(secret: &str) -> String {
    let mut encoded = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
