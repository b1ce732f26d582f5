//! Asks Redis' Sentinels where the master is: before every connection, as ioredis does.

use super::conversation::Conversation;
use super::endpoint::{Endpoint, Family, SocketRules};
use super::open::{Way, open};
use super::tls::Tls;
use lock_core::resp::{Said, Value};
use lock_core::{Credentials, Secrets};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most Sentinels that are kept. Usually there are three or five. Each silent Sentinel costs a wait.
const MOST_KNOWN: usize = 32;
/// The most other Sentinels that are read from one answer.
const MOST_NAMED: usize = 256;

/// One Sentinel.
#[derive(Clone, Debug)]
pub(crate) struct Sentinel {
    /// Its address.
    pub(crate) endpoint: Endpoint,
    /// Which addresses of its name are used, if not the same as for Redis.
    pub(crate) family: Option<Family>,
}

/// The known Sentinels, in the order in which they are asked.
#[derive(Debug)]
pub(crate) struct Known {
    /// Sentinels that answered the last question to them, and those that were never asked.
    answering: VecDeque<Sentinel>,
    /// Sentinels that did not answer.
    silent: VecDeque<Sentinel>,
    /// The master that the last answer named.
    master: Option<Endpoint>,
}

/// How a change of the master is noticed at once (`failoverDetector`).
#[derive(Clone, Debug)]
pub(crate) struct Detection {
    /// The most Sentinels to listen to.
    pub(crate) most: usize,
    /// Pauses before the reconnects to one of them, by attempt.
    pub(crate) pauses: Vec<Duration>,
    /// After the last of these pauses the client gives the Sentinel up. Otherwise it repeats the last pause.
    pub(crate) stops: bool,
}

/// The Sentinels of one provider.
#[derive(Debug)]
pub(crate) struct Sentinels {
    /// The Sentinels' name for the master.
    pub(crate) name: String,
    /// The Sentinels themselves.
    pub(crate) known: Mutex<Known>,
    /// The login for the Sentinels.
    pub(crate) credentials: Option<Credentials>,
    /// TLS; `None`: plain text.
    pub(crate) tls: Option<Tls>,
    /// Texts that must not be shown if a Sentinel repeats them.
    pub(crate) secrets: Secrets,
    /// Other addresses for the addresses that the Sentinels name, by "host:port".
    pub(crate) addresses: HashMap<String, Endpoint>,
    /// The client asks the Sentinels for other Sentinels.
    pub(crate) learns: bool,
    /// Longest wait for an answer.
    pub(crate) limit: Duration,
    /// How the client listens to the Sentinels; `None`: it does not.
    pub(crate) detection: Option<Detection>,
}

impl Detection {
    /// The pause after so many failures in a row; `None`: the client gives the Sentinel up.
    pub(crate) fn pause(&self, failures: u32) -> Option<Duration> {
        let at = usize::try_from(failures).unwrap_or(usize::MAX);
        let last = if self.stops { None } else { self.pauses.last() };
        self.pauses.get(at).or(last).copied()
    }
}

impl Known {
    /// The list begins with these Sentinels, in this order.
    pub(crate) fn new(sentinels: Vec<Sentinel>) -> Self {
        Self { answering: sentinels.into(), silent: VecDeque::new(), master: None }
    }

    fn all(&self) -> Vec<Sentinel> {
        self.answering.iter().chain(&self.silent).cloned().collect()
    }

    /// Takes the Sentinel out of its list.
    fn take(&mut self, endpoint: &Endpoint) -> Option<Sentinel> {
        let lists = [&mut self.answering, &mut self.silent];
        lists.into_iter().find_map(|list| {
            let at = list.iter().position(|sentinel| sentinel.endpoint == *endpoint)?;
            list.remove(at)
        })
    }

    /// Puts the Sentinel behind all others for the next question.
    fn failed(&mut self, endpoint: &Endpoint) {
        let taken = self.take(endpoint);
        self.silent.extend(taken);
    }

    /// Puts the Sentinel first for the next question. If it names the same master as the last answer, it goes behind all that
    /// answer: the client asks again because it found no master at that address.
    fn answered(&mut self, endpoint: &Endpoint, master: &Endpoint) {
        let Some(sentinel) = self.take(endpoint) else { return };
        if self.master.as_ref() == Some(master) {
            self.answering.push_back(sentinel);
        } else {
            self.answering.push_front(sentinel);
            self.master = Some(master.clone());
        }
    }

    fn add(&mut self, endpoint: Endpoint) {
        let known = self.answering.len() + self.silent.len();
        if known < MOST_KNOWN && self.all().iter().all(|sentinel| sentinel.endpoint != endpoint) {
            self.answering.push_back(Sentinel { endpoint, family: None });
        }
    }
}

impl Sentinels {
    /// Asks one Sentinel after the other until one knows the master. The error is a line for people; it holds no secret.
    pub(super) async fn find_master(&self, rules: &SocketRules) -> Result<Endpoint, String> {
        let mut last = "none is known".to_owned();
        for sentinel in self.all() {
            match self.ask(&sentinel, rules).await {
                Ok(master) => {
                    self.known().answered(&sentinel.endpoint, &master);
                    return Ok(master);
                }
                Err(reason) => {
                    self.known().failed(&sentinel.endpoint);
                    last = format!("Sentinel {}: {reason}", sentinel.endpoint);
                }
            }
        }
        Err(format!("All sentinels are unreachable. Last error: {last}"))
    }

    /// The known Sentinels, in the order in which they are asked.
    pub(crate) fn all(&self) -> Vec<Sentinel> {
        self.known().all()
    }

    /// Listens to one Sentinel until it announces another master. The error says why the client can no longer listen to the
    /// Sentinel. `began` is called when the subscription stands.
    pub(crate) async fn hear_of_switch(
        &self,
        sentinel: &Sentinel,
        rules: &SocketRules,
        began: impl FnOnce() + Send,
    ) -> Result<(), String> {
        let mut talk = self.begin(sentinel, rules).await?;
        if let Value::Error(text) = talk.ask(&[b"SUBSCRIBE", b"+switch-master"]).await? {
            return Err(text.shown().to_owned());
        }
        began();
        loop {
            let Value::Array(parts) = talk.hear().await? else { continue };
            if let [_, _, Value::Text(text)] = parts.as_slice()
                && self.is_news(&String::from_utf8_lossy(text))
            {
                return Ok(());
            }
        }
    }

    /// Whether a message announces a master that no Sentinel has named yet. Every Sentinel announces it; the first one counts.
    fn is_news(&self, message: &str) -> bool {
        let Some(("", addresses)) = message.strip_prefix(&self.name).and_then(|rest| rest.split_once(' '))
        else {
            return false;
        };
        let mut words = addresses.split(' ').skip(2);
        let (Some(host), Some(port)) = (words.next(), words.next()) else { return false };
        let master = self.endpoint(host.as_bytes(), port.as_bytes());
        master.is_some() && self.known().master != master
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, sentinel: &Sentinel, rules: &SocketRules) -> Result<Endpoint, String> {
        let mut talk = self.begin(sentinel, rules).await?;
        let name = self.name.as_bytes();
        let answer = talk.ask(&[b"SENTINEL", b"get-master-addr-by-name", name]).await?;
        let master = match &answer {
            Value::Error(text) => return Err(explain(text)),
            Value::Array(parts) => match parts.as_slice() {
                [Value::Text(host), Value::Text(port)] => self.endpoint(host, port),
                _ => None,
            },
            _ => {
                return Err(format!(
                    "it knows of no master named \"{}\"; check redisOptions.name",
                    self.name
                ));
            }
        };
        let master = master.ok_or("it named no address that can be used; it may be no Sentinel")?;
        if self.learns {
            // A failure does no harm: the Sentinels of the options are known already.
            let others = talk.ask(&[b"SENTINEL", b"SENTINELS", name]).await.unwrap_or(Value::Nil);
            self.learn(&others);
        }
        Ok(master)
    }

    /// Connects and logs in.
    async fn begin(&self, sentinel: &Sentinel, rules: &SocketRules) -> Result<Conversation, String> {
        let rules = match sentinel.family {
            Some(family) => &SocketRules { family, ..rules.clone() },
            None => rules,
        };
        let opened = open(&sentinel.endpoint, Way { rules, tls: self.tls.as_ref() }).await;
        // The advice in these texts names the option for Redis, so the name is replaced.
        let opened = opened.map_err(|reason| reason.replace(" tls.", " sentinelTLS."))?;
        let mut talk = Conversation::new(opened.into_stream(), self.limit, self.secrets.clone());
        let Some(Credentials { username, password }) = &self.credentials else { return Ok(talk) };
        let answer = match username {
            Some(username) => talk.ask(&[b"AUTH", username.as_bytes(), password.as_bytes()]).await?,
            None => talk.ask(&[b"AUTH", password.as_bytes()]).await?,
        };
        match answer {
            Value::Error(text) if !lock_core::is_unwanted_password(&text.text()) => Err(explain(&text)),
            _ => Ok(talk),
        }
    }

    fn learn(&self, others: &Value) {
        let Value::Array(others) = others else { return };
        for other in others.iter().take(MOST_NAMED) {
            let Value::Array(fields) = other else { continue };
            let field = |wanted: &[u8]| {
                fields.chunks_exact(2).find_map(|pair| match pair {
                    [Value::Text(name), Value::Text(value)] if name == wanted => Some(value.as_slice()),
                    _ => None,
                })
            };
            let flags = String::from_utf8_lossy(field(b"flags").unwrap_or_default());
            let gone = flags.split(',').any(|flag| flag == "disconnected");
            if let (false, Some(host), Some(port)) = (gone, field(b"ip"), field(b"port"))
                && let Some(endpoint) = self.endpoint(host, port)
            {
                self.known().add(endpoint);
            }
        }
    }

    /// The address at which this process reaches a server that a Sentinel named.
    fn endpoint(&self, host: &[u8], port: &[u8]) -> Option<Endpoint> {
        let (host, port) = (std::str::from_utf8(host).ok()?, std::str::from_utf8(port).ok()?);
        if let Some(mapped) = self.addresses.get(&format!("{host}:{port}")) {
            return Some(mapped.clone());
        }
        let port = port.parse().ok()?;
        (!host.is_empty()).then(|| Endpoint::Tcp { host: host.to_owned(), port })
    }
}

/// An error reply, and what to do about it.
fn explain(said: &Said) -> String {
    let text = said.text();
    let hint = if text.starts_with("NOAUTH") {
        "; it asks for a password, give redisOptions.sentinelPassword"
    } else if text.starts_with("WRONGPASS") || text.contains("invalid password") {
        "; check redisOptions.sentinelUsername and sentinelPassword"
    } else if text.starts_with("NOPERM") {
        "; its user must be allowed the command SENTINEL"
    } else {
        ""
    };
    format!("{said}{hint}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Detection, Endpoint, Known, Sentinel, Sentinels};
    use lock_core::Secrets;
    use lock_core::resp::Value;
    use std::collections::HashMap;
    use std::sync::Mutex;
    use std::time::Duration;

    fn at(host: &str) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port: 1 }
    }

    fn sentinels(hosts: &[&str]) -> Sentinels {
        let known = hosts.iter().map(|host| Sentinel { endpoint: at(host), family: None }).collect();
        Sentinels {
            name: "shop".to_owned(),
            known: Mutex::new(Known::new(known)),
            credentials: None,
            tls: None,
            secrets: Secrets::default(),
            addresses: HashMap::from([("inside:1".to_owned(), at("outside"))]),
            learns: true,
            limit: Duration::from_secs(1),
            detection: None,
        }
    }

    fn order(sentinels: &Sentinels) -> String {
        let hosts = sentinels.all().into_iter().map(|sentinel| sentinel.endpoint.host().to_owned());
        hosts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_sentinel_that_answered_is_asked_first_and_one_that_did_not_last() {
        let sentinels = sentinels(&["a", "b", "c"]);
        sentinels.known().failed(&at("a"));
        assert_eq!(order(&sentinels), "b c a");
        sentinels.known().answered(&at("c"), &at("m"));
        assert_eq!(order(&sentinels), "c b a");
    }

    #[test]
    fn a_sentinel_that_says_the_same_twice_leaves_the_next_word_to_another_that_answers() {
        let sentinels = sentinels(&["a", "b", "c"]);
        sentinels.known().failed(&at("a"));
        sentinels.known().answered(&at("b"), &at("m"));
        sentinels.known().answered(&at("b"), &at("m"));
        assert_eq!(order(&sentinels), "c b a");
    }

    #[test]
    fn those_who_are_named_are_known_from_then_on_under_their_mapped_address_and_once() {
        let sentinels = sentinels(&["a"]);
        let named = |host: &str, flags: &str| {
            let fields = ["name", "x", "ip", host, "port", "1", "flags", flags];
            Value::Array(fields.iter().map(|field| Value::Text(field.as_bytes().to_vec())).collect())
        };
        let others =
            [("a", "sentinel"), ("inside", "sentinel"), ("b", "s_down,sentinel,disconnected"), ("c", "")];
        sentinels.learn(&Value::Array(others.iter().map(|(host, flags)| named(host, flags)).collect()));
        assert_eq!(order(&sentinels), "a outside c");
    }

    #[test]
    fn only_a_master_of_that_name_that_was_not_named_yet_is_news() {
        let sentinels = sentinels(&["a"]);
        sentinels.known().answered(&at("a"), &at("old"));
        assert!(sentinels.is_news("shop old 1 new 1"));
        for other in ["shop new 1 old 1", "shops old 1 new 1", "shop", "shop old 1", ""] {
            assert!(!sentinels.is_news(other), "{other}");
        }
        sentinels.known().answered(&at("a"), &at("outside"));
        assert!(!sentinels.is_news("shop old 1 inside 1"));
    }

    #[test]
    fn the_last_pause_counts_for_all_that_follow_unless_it_is_the_end() {
        let pauses: Vec<Duration> = [1, 2].map(Duration::from_secs).into();
        let keeps = Detection { most: 1, pauses: pauses.clone(), stops: false };
        let stops = Detection { most: 1, pauses, stops: true };
        assert_eq!(
            [0, 1, 9].map(|at| keeps.pause(at).map(|pause| pause.as_secs())),
            [Some(1), Some(2), Some(2)]
        );
        assert_eq!(
            [0, 1, 2].map(|at| stops.pause(at).map(|pause| pause.as_secs())),
            [Some(1), Some(2), None]
        );
    }
}
