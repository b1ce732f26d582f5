//! Waiting callers of the official package. They ask now and then, and leave no trace that a script could see. A key may be handed on all
//! the time, or one caller of this package may take it again as soon as it has given it back. Then they would never find it free. So while
//! keys are handed on, the client asks the server once a second whether that package was ever used there (the server knows its published
//! script). If so, it asks whether some connection behaves like such a caller (one script a second). If there may be one, the client marks
//! the key as polled for a moment, and all clients of this package leave the key alone for a while (`scripts/parts/turn.lua`). If such a
//! caller takes the key, the scripts see it and prolong the mark. If no such caller comes, the client marks keys less and less often,
//! however often others (job queues, for example) run their scripts.

use crate::key::LockKey;
use crate::resp::{Value, append_command};
use crate::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// SHA-1 of the script by which `@medusajs/locking-redis` takes locks. It is the same in all versions from 2.0.0 to 2.21.2.
pub const OFFICIAL_ACQUIRE_SHA: &str = "0eafb65e6aa537bcc966e2af2a66dc7f3f66e121";
/// How often the client asks the server while keys are handed on.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The client asks for a connection list of up to this many bytes every second, and for a longer one less often.
const LIST_BYTES: u64 = 1 << 20;
/// How long the mark stands if no such caller comes: one turn of this package's clients, and one pause of such a caller (1 s at most).
const MARK_MS: (&[u8], i64) = (b"2000", 2_000);
/// Time between two marks for which no caller came: at first, and at most. With the longest pause, keys are marked for less than a
/// hundredth of the time.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(128));
/// Shortest time between two marks if a connection begins to run scripts that did not do so before.
const NEWCOMER: Duration = Duration::from_secs(8);
/// A connection that has run no script for this long counts as a new one.
const KNOWN_FOR: Duration = Duration::from_secs(30);
/// A key that was handed on for this long may be so busy that other callers never find it free.
const BUSY_AFTER: Duration = Duration::from_millis(500);
/// How long a key counts as handed on.
const RECENT: Duration = Duration::from_secs(10);
/// A client that takes a key this soon after giving it back has handed it on to itself. Other callers hardly find it free in between.
const AT_ONCE: Duration = Duration::from_millis(20);
/// With this many keys, the client forgets the old ones. The next time is at twice the number that was left.
const MANY: usize = 1_000;
/// The client asks for no more lists after this many connections in a row broke while a list was on its way. The list may be longer than a
/// reply may be.
const MOST_LISTS_LOST: u32 = 2;
/// How many keys that were given back are known, each in the place of its slot.
const PLACES: usize = 64;

/// If a key is taken again at once, the client looks at its mark this often, because `take` does not.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A key that was given back here.
#[derive(Clone, Debug)]
struct GivenBack {
    keys: Arc<[LockKey]>,
    at: Instant,
    /// When the client last looked at its mark. Before the first look: since when the key has been taken again and again.
    looked_at: Instant,
}

/// The client's knowledge about such callers.
#[derive(Debug)]
pub(crate) struct OfficialCallers {
    /// Since when each key has been handed on, and when this client last got it.
    keys: BTreeMap<LockKey, (Instant, Instant)>,
    /// With this many keys, the client forgets the old ones.
    sweep_at: usize,
    given_back: Vec<Option<GivenBack>>,
    asking: bool,
    /// The earliest time of the next question.
    ask_at: Instant,
    /// The package was used on this server.
    known: bool,
    /// The connections that ran scripts, and when each was last seen doing so.
    active: BTreeMap<u64, Instant>,
    marked_at: Option<Instant>,
    mark_at: Instant,
    pause: Duration,
    /// Connections in a row that broke while a list was on its way.
    lists_lost: u32,
}

impl Default for OfficialCallers {
    fn default() -> Self {
        Self {
            keys: BTreeMap::new(),
            sweep_at: MANY,
            given_back: vec![None; PLACES],
            asking: false,
            ask_at: Instant::from_nanos(0),
            known: false,
            active: BTreeMap::new(),
            marked_at: None,
            mark_at: Instant::from_nanos(0),
            pause: PAUSE.0,
            lists_lost: 0,
        }
    }
}

/// Stands for a connection that is not known.
const SOMEBODY: &[u64] = &[0];

/// A question about these callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether the package was used.
    Use,
    /// The list of connections.
    Connections,
}

impl Question {
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Use => append_command(out, &[b"SCRIPT", b"EXISTS", OFFICIAL_ACQUIRE_SHA.as_bytes()]),
            Self::Connections => append_command(out, &[b"CLIENT", b"LIST", b"TYPE", b"NORMAL"]),
        }
    }
}

/// Asks how long a key is still marked.
pub(crate) fn encode_time_marked(polled: &[u8], out: &mut Vec<u8>) {
    append_command(out, &[b"PTTL", polled]);
}

/// Marks a key as polled, unless it is marked already.
pub(crate) fn encode_mark(polled: &[u8], out: &mut Vec<u8>) {
    append_command(out, &[b"SET", polled, b"1", b"NX", b"PX", MARK_MS.0]);
}

impl OfficialCallers {
    /// The connection broke. `unanswered`: a list was on its way.
    pub(crate) fn begin_anew(&mut self, unanswered: bool) {
        *self = Self { lists_lost: self.lists_lost + u32::from(unanswered), ..Self::default() };
    }

    /// This client was handed the key. Returns the question to ask, if it is time.
    pub(crate) fn handed_on(&mut self, now: Instant, key: &LockKey) -> Option<Question> {
        let since = match self.keys.get_mut(key) {
            Some((since, at)) if now < *at + RECENT => {
                *at = now;
                *since
            }
            _ => {
                if self.keys.len() >= self.sweep_at {
                    self.forget_old(now);
                }
                self.keys.insert(key.clone(), (now, now));
                now
            }
        };
        if self.asking || now < self.ask_at || now < since + BUSY_AFTER {
            return None;
        }
        self.forget_old(now);
        self.asking = true;
        let lists = self.known && self.lists_lost < MOST_LISTS_LOST;
        Some(if lists { Question::Connections } else { Question::Use })
    }

    fn forget_old(&mut self, now: Instant) {
        self.keys.retain(|_, (_, at)| now < *at + RECENT);
        self.sweep_at = MANY.max(2 * self.keys.len());
    }

    /// The client gives one key back.
    pub(crate) fn gave_back(&mut self, now: Instant, keys: &Arc<[LockKey]>) {
        if let [key] = &**keys
            && let Some(place) = self.given_back.get_mut(usize::from(key.slot()) % PLACES)
        {
            let known = place.as_ref().filter(|known| known.keys == *keys && now < known.at + RECENT);
            let looked_at = known.map_or(now, |known| known.looked_at);
            *place = Some(GivenBack { keys: Arc::clone(keys), at: now, looked_at });
        }
    }

    /// Whether these keys are one key that this client gave back a moment ago.
    pub(crate) fn takes_again(&self, now: Instant, keys: &[LockKey]) -> bool {
        let [key] = keys else { return false };
        let place = self.given_back.get(usize::from(key.slot()) % PLACES);
        let known = place.and_then(Option::as_ref).filter(|known| *known.keys == *keys);
        known.is_some_and(|known| now < known.at + AT_ONCE)
    }

    /// Whether it is time to ask for a key by a command that looks at its mark.
    pub(crate) fn looks(&mut self, now: Instant, key: &LockKey) -> bool {
        let place = self.given_back.get_mut(usize::from(key.slot()) % PLACES);
        let Some(known) = place.and_then(Option::as_mut) else { return false };
        let due = known.keys.first() == Some(key)
            && now < known.at + AT_ONCE
            && now >= known.looked_at + LOOK_EVERY;
        if due {
            known.looked_at = now;
        }
        due
    }

    /// How long a key was still marked.
    pub(crate) fn time_marked(&mut self, now: Instant, reply: &Value) {
        if matches!(reply, Value::Int(left) if *left > MARK_MS.1) {
            // A polling caller was seen, so the marks were useful.
            self.pause = PAUSE.0;
            self.mark_at = now + PAUSE.0;
        }
    }

    /// The answer to a question. Returns the keys to mark.
    pub(crate) fn answered(&mut self, now: Instant, question: Question, reply: &Value) -> Vec<LockKey> {
        self.asking = false;
        self.ask_at = now + ASK_EVERY;
        match (question, reply) {
            (Question::Use, Value::Array(items)) => {
                self.known = items.first() == Some(&Value::Int(1));
                if self.known && self.lists_lost >= MOST_LISTS_LOST {
                    return self.seen(now, SOMEBODY);
                }
                if self.known {
                    self.ask_at = now;
                }
                Vec::new()
            }
            (Question::Connections, Value::Text(list)) => {
                self.lists_lost = 0;
                let seconds = (list.len() as u64).div_ceil(LIST_BYTES).max(1);
                self.ask_at = now + ASK_EVERY * u32::try_from(seconds).unwrap_or(u32::MAX);
                self.seen(now, &strangers_in(list))
            }
            // A client that may not ask assumes that there is such a caller.
            _ => self.seen(now, SOMEBODY),
        }
    }

    fn seen(&mut self, now: Instant, connections: &[u64]) -> Vec<LockKey> {
        self.active.retain(|_, at| now < *at + KNOWN_FOR);
        let mut new = false;
        for connection in connections {
            new |= self.active.insert(*connection, now).is_none();
        }
        if new {
            self.pause = self.pause.min(NEWCOMER);
            let soonest = self.marked_at.map_or(now, |at| at + NEWCOMER);
            self.mark_at = self.mark_at.min(soonest);
        }
        if connections.is_empty() || now < self.mark_at {
            return Vec::new();
        }
        self.marked_at = Some(now);
        self.mark_at = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE.1);
        let recent = |(key, (since, at)): (&LockKey, &(Instant, Instant))| {
            (now < *at + RECENT && now >= *since + BUSY_AFTER).then(|| key.clone())
        };
        self.keys.iter().filter_map(recent).collect()
    }
}

/// The connections of CLIENT LIST that belong to other software and ran a script in the last second.
fn strangers_in(list: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(list);
    text.lines().filter_map(stranger).collect()
}

/// The id of a line's connection, if it is such a connection. A connection that runs scripts and is subscribed belongs to this package, on
/// a server that keeps no library names.
fn stranger(line: &str) -> Option<u64> {
    let field = |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name));
    let runs_scripts = field("cmd=").is_some_and(|command| command.starts_with("eval"));
    let idle = field("idle=").and_then(|idle| idle.parse::<u64>().ok());
    let is_one = runs_scripts
        && idle.is_some_and(|idle| idle <= 1)
        && field("sub=").is_none_or(|channels| channels == "0")
        && field("lib-name=") != Some("medusa-locking-redis");
    if is_one { field("id=")?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{OfficialCallers, Question, strangers_in};
    use crate::key::LockKey;
    use crate::resp::Value;
    use crate::time::Instant;
    use std::time::Duration;

    const OTHER: &str =
        "id=7 addr=127.0.0.1:1 name= age=9 idle=1 flags=N sub=0 cmd=evalsha user=default lib-name= lib-ver=";

    #[test]
    fn a_foreign_connection_that_runs_a_script_a_second_may_be_a_caller_of_the_official_package() {
        assert_eq!(strangers_in(OTHER.as_bytes()), [7]);
        let ours = OTHER.replace("lib-name= ", "lib-name=medusa-locking-redis ");
        let idle = OTHER.replace("idle=1 ", "idle=12 ");
        let elsewise = OTHER.replace("cmd=evalsha", "cmd=ping");
        let nameless = OTHER.replace("sub=0", "sub=2");
        let list = [ours.as_str(), &nameless, &idle, &elsewise, "", OTHER].join("\n");
        assert_eq!(strangers_in(list.as_bytes()), [7]);
    }

    const NOW: Instant = Instant::from_nanos(1 << 40);

    /// Hands a key on all the time for this many seconds, to a client that meets such a caller or not. Returns the seconds at which the key
    /// is marked.
    fn marks(seconds: u64, is_there: bool) -> Vec<u64> {
        let (mut callers, key) = (OfficialCallers::default(), LockKey::new(b"k".to_vec()));
        let mut marks = Vec::new();
        for ms in (0..seconds * 1_000).step_by(100) {
            let now = NOW + Duration::from_millis(ms);
            let reply = match callers.handed_on(now, &key) {
                Some(Question::Use) => Value::Array(vec![Value::Int(i64::from(is_there))]),
                Some(Question::Connections) => Value::Text(OTHER.as_bytes().to_vec()),
                None => continue,
            };
            let question =
                if matches!(reply, Value::Array(_)) { Question::Use } else { Question::Connections };
            if !callers.answered(now, question, &reply).is_empty() {
                marks.push(ms / 1_000);
            }
        }
        marks
    }

    #[test]
    fn keys_that_were_handed_on_once_are_forgotten() {
        let mut callers = OfficialCallers::default();
        for at in 0..50_000_u32 {
            let now = NOW + Duration::from_millis(20) * at;
            callers.handed_on(now, &LockKey::new(at.to_be_bytes().to_vec()));
        }
        assert!(callers.keys.len() <= super::MANY, "{}", callers.keys.len());
    }

    #[test]
    fn a_list_that_breaks_every_connection_is_asked_for_twice_and_then_somebody_is_taken_to_be_there() {
        let (mut callers, key) = (OfficialCallers::default(), LockKey::new(b"k".to_vec()));
        let (mut lists, mut marks) = (0, 0);
        for step in 0..600 {
            let now = NOW + Duration::from_millis(100) * step;
            match callers.handed_on(now, &key) {
                Some(Question::Use) => {
                    let known = Value::Array(vec![Value::Int(1)]);
                    marks += callers.answered(now, Question::Use, &known).len();
                }
                Some(Question::Connections) => {
                    lists += 1;
                    callers.begin_anew(true);
                }
                None => {}
            }
        }
        assert_eq!(lists, 2);
        assert!((2..=8).contains(&marks), "{marks}");
    }

    #[test]
    fn where_the_package_was_never_used_no_key_is_marked() {
        assert!(marks(60, false).is_empty());
    }

    #[test]
    fn where_nobody_comes_marks_fall_off() {
        let marks = marks(600, true);
        let gaps: Vec<u64> = marks.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.windows(2).all(|pair| pair[0] <= pair[1]), "{gaps:?}");
        assert!(gaps.last().is_some_and(|gap| *gap >= 128), "{gaps:?}");
    }
}
