//! Looks at a server, its locks and the processes that use them, for operators. It uses its own connections on the background
//! thread.

use super::settings::Settings;
use super::shared::Shared;
use super::{lookup, side};
use crate::net::{Failure, Talk};
use crate::sys::now;
use lock_core::census::{
    CHANNEL, Census, Collector, Freed, KeyFacts, Question, freed_message, question_message, read, reading,
    reply_channel, revoking,
};
use lock_core::resp::Value;
use lock_core::{IdSource, Instant, LockKey, Namespace, NodeAddress, Routes, SIDE_KEY_MARK, ScriptCall};
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::sync::mpsc::Receiver;

/// Longest wait for the reply to one command.
const REPLY_LIMIT: Duration = Duration::from_secs(5);
/// For how long a table of slots is used. Masters change, and an operator has time for another look-up.
const ROUTES_FOR: Duration = Duration::from_secs(1);
/// How often a command is tried whose slot has moved to another node, and the pause between two tries.
const MOST_TRIES: u32 = 10;
const TRY_PAUSE: Duration = Duration::from_millis(100);
/// The number of keys that one SCAN looks at.
const SCAN_COUNT: &str = "1000";
/// The number of lock keys that are read at once.
const READ_AT_ONCE: usize = 200;

/// See the module. It connects when it is first asked.
pub(crate) struct Inspector {
    settings: Settings,
    namespace: Namespace,
    /// The state that the look-up of a cluster needs.
    shared: Shared,
    /// The table of slots, and when it was looked up.
    routes: Mutex<Option<(Instant, Routes)>>,
    talks: Mutex<HashMap<Option<NodeAddress>, Talk>>,
    ids: std::sync::Mutex<IdSource>,
}

impl Inspector {
    /// It does not connect yet.
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        let mut seed = [0; 24];
        getrandom::fill(&mut seed).map_err(|error| format!("the system gives no random numbers: {error}"))?;
        Ok(Self {
            namespace: Namespace::new(&settings.client.prefix),
            settings,
            shared: Shared::new(),
            routes: Mutex::default(),
            talks: Mutex::default(),
            ids: std::sync::Mutex::new(IdSource::new(seed)),
        })
    }

    /// Sends one command: to this node of a cluster, to the only server, or to any node.
    pub(crate) async fn command(&self, node: Option<String>, parts: Vec<String>) -> Result<Value, Failure> {
        let place = match node {
            Some(node) => Some(self.settings.address(&node)),
            None => self.nodes().await?.into_iter().next(),
        };
        let answers = self.ask_all(place, &[parts]).await?;
        answers.into_iter().next().unwrap_or_else(|| Err(Failure::odd("a command")))
    }

    /// The masters of the cluster; none on a single server.
    pub(crate) async fn nodes(&self) -> Result<Vec<NodeAddress>, Failure> {
        Ok(self.routes().await?.map(|routes| routes.nodes().to_vec()).unwrap_or_default())
    }

    /// Lock keys of the namespace, at most `most`; true if there are more.
    pub(crate) async fn scan(&self, most: usize) -> Result<(Vec<String>, bool), Failure> {
        let nodes = self.nodes().await?;
        let places = if nodes.is_empty() { vec![None] } else { nodes.into_iter().map(Some).collect() };
        let mut found = BTreeSet::new();
        for place in places {
            let mut cursor = b"0".to_vec();
            loop {
                let scan = [
                    b"SCAN".to_vec(),
                    cursor,
                    b"MATCH".to_vec(),
                    self.namespace.pattern(),
                    b"COUNT".to_vec(),
                    SCAN_COUNT.into(),
                ];
                let reply = self.ask_all(place.clone(), &[scan.to_vec()]).await?.into_iter().next();
                let Some(Value::Array(parts)) = reply.transpose()? else { return Err(Failure::odd("SCAN")) };
                let [Value::Text(next), Value::Array(names)] = parts.as_slice() else {
                    return Err(Failure::odd("SCAN"));
                };
                let locks = names.iter().filter_map(|name| match name {
                    Value::Text(name) if !name.starts_with(SIDE_KEY_MARK) => {
                        Some(String::from_utf8_lossy(name))
                    }
                    _ => None,
                });
                found.extend(locks.map(std::borrow::Cow::into_owned));
                cursor = next.clone();
                if found.len() > most {
                    return Ok((found.into_iter().take(most).collect(), true));
                }
                if cursor == b"0" {
                    break;
                }
            }
        }
        Ok((found.into_iter().collect(), false))
    }

    /// Reads these lock keys from Redis.
    pub(crate) async fn read(&self, keys: Vec<String>) -> Result<Vec<KeyFacts>, Failure> {
        let keys: Vec<_> = keys.into_iter().map(|key| LockKey::new(key.into_bytes())).collect();
        let mut tries = 0;
        loop {
            let outcome = self.read_once(&keys).await;
            if !self.is_to_be_tried_again(&outcome, &mut tries).await {
                return outcome;
            }
        }
    }

    async fn read_once(&self, keys: &[LockKey]) -> Result<Vec<KeyFacts>, Failure> {
        let routes = self.routes().await?;
        let mut by_place: HashMap<Option<NodeAddress>, Vec<LockKey>> = HashMap::new();
        for key in keys.iter().cloned() {
            let place = routes.as_ref().and_then(|routes| routes.of(key.slot()).cloned());
            by_place.entry(place).or_default().push(key);
        }
        let mut facts = Vec::new();
        for (place, keys) in by_place {
            for some in keys.chunks(READ_AT_ONCE) {
                let commands: Vec<_> = some.iter().map(reading).collect();
                let replies = self.ask_all(place.clone(), &commands.concat()).await?;
                let mut replies = replies.into_iter();
                for (key, commands) in some.iter().zip(&commands) {
                    let own: Vec<_> = replies.by_ref().take(commands.len()).collect();
                    // Without the lock key itself nothing is known. A key of another type is no lock.
                    if let Some(Err(refused @ Failure::Said(said))) = own.first()
                        && !said.starts_with(b"WRONGTYPE")
                    {
                        return Err(refused.clone());
                    }
                    facts.push(read(key, &own.into_iter().map(Result::ok).collect::<Vec<_>>()));
                }
            }
        }
        Ok(facts)
    }

    /// Asks all processes which locks they hold and wait for.
    pub(crate) async fn ask(&self, keys: Option<Vec<String>>, limit: Duration) -> Result<Census, Failure> {
        let nodes = self.nodes().await?;
        let in_cluster = !nodes.is_empty();
        let channel = reply_channel(&self.ids.lock().unwrap_or_else(PoisonError::into_inner).attempt());
        let (talk, mut pushes) = self.listen(nodes, &channel).await?;
        // The subscription to the reply channel must stand before anybody answers.
        in_time(async { pushes.recv().await.ok_or_else(|| Failure::odd("SUBSCRIBE")) }).await?;
        let question = question_message(Question { reply: channel, keys });
        let mut collector = Collector::new(now(), limit);
        let reached = in_time(talk.ask(&[b"PUBLISH", CHANNEL.as_bytes(), &question])).await?;
        // In a cluster this is the number of one node only.
        if let (Value::Int(reached), false) = (reached, in_cluster) {
            collector.reached(u64::try_from(reached).unwrap_or(0));
        }
        while !collector.is_done(now()) {
            let left = collector.until().since(now());
            match tokio::time::timeout(left, pushes.recv()).await {
                Ok(Some(push)) => {
                    if let [_, _, Value::Text(message)] = push.as_slice() {
                        collector.take_in(message);
                    }
                }
                Ok(None) => return Err(Failure::Broken("the connection was closed".to_owned())),
                Err(_) => {}
            }
        }
        Ok(collector.finish())
    }

    /// Takes a lock away from `owner`, or from any holder; with a `token`, only from the hold that has it. Tells the holder who
    /// took the lock. Returns how many locks were taken away.
    pub(crate) async fn free(
        &self,
        key: String,
        owner: Option<String>,
        token: Option<u64>,
        by: String,
    ) -> Result<i64, Failure> {
        let lock = LockKey::new(key.clone().into_bytes());
        let freed = freed_message(Freed { keys: vec![key], owner: owner.clone(), by });
        let tell = vec![b"PUBLISH".to_vec(), CHANNEL.into(), freed];
        // Each node tells the processes that listen there, before the lock is gone. Between nodes the message may take longer
        // than the loss itself.
        let nodes = self.nodes().await?;
        let places = if nodes.is_empty() { vec![None] } else { nodes.into_iter().map(Some).collect() };
        for place in places {
            // If the user may not publish, or if the node is lost, the holder only learns of the loss.
            let _ = self.ask_all(place, std::slice::from_ref(&tell)).await;
        }
        let mut tries = 0;
        let answer = loop {
            let outcome = self.revoke_once(&lock, owner.as_deref(), token).await;
            if !self.is_to_be_tried_again(&outcome, &mut tries).await {
                break outcome;
            }
        };
        match answer? {
            Value::Array(parts) => match parts.as_slice() {
                [Value::Int(1), Value::Int(count)] => Ok(*count),
                _ => Err(Failure::odd("a script")),
            },
            _ => Err(Failure::odd("a script")),
        }
    }

    async fn revoke_once(
        &self,
        lock: &LockKey,
        owner: Option<&str>,
        token: Option<u64>,
    ) -> Result<Value, Failure> {
        let place = self.routes().await?.and_then(|routes| routes.of(lock.slot()).cloned());
        // This uses a new connection, on which the command is sent only once. A command that may have been executed must not be
        // repeated, because by then the next holder may have the lock.
        let talk =
            in_time(side::open(&self.settings, &self.settings.target_of(place.as_ref()), false)).await?;
        match revoke(&talk, &revoking(lock, owner, token, false)).await {
            Err(Failure::Said(said)) if said.text().contains("NOPERM") => {
                revoke(&talk, &revoking(lock, owner, token, true)).await
            }
            answer => answer,
        }
    }

    /// A node that has handed a slot over has not executed the command. Other nodes may learn of the slot's new node a little
    /// later.
    async fn is_to_be_tried_again<T>(&self, outcome: &Result<T, Failure>, tries: &mut u32) -> bool {
        let moved = matches!(outcome, Err(Failure::Said(said)) if said.starts_with(b"MOVED"));
        *tries += 1;
        if !moved || *tries >= MOST_TRIES || self.settings.discovery.is_none() {
            return false;
        }
        self.routes.lock().await.take();
        tokio::time::sleep(TRY_PAUSE).await;
        true
    }

    /// Subscribes at the first node that can be reached, or at the only server.
    async fn listen(
        &self,
        nodes: Vec<NodeAddress>,
        channel: &str,
    ) -> Result<(Talk, Receiver<Vec<Value>>), Failure> {
        let places = if nodes.is_empty() { vec![None] } else { nodes.into_iter().map(Some).collect() };
        let mut last = Failure::odd("SUBSCRIBE");
        for place in places {
            let target = self.settings.target_of(place.as_ref());
            match in_time(side::listen(&self.settings, &target, false, channel)).await {
                Err(broken @ Failure::Broken(_)) => last = broken,
                outcome => return outcome,
            }
        }
        Err(last)
    }

    /// Sends commands over the connection to a place. An existing connection may have broken meanwhile, so a new connection is
    /// tried once.
    async fn ask_all<P: AsRef<[u8]>>(
        &self,
        place: Option<NodeAddress>,
        commands: &[Vec<P>],
    ) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let known = self.talks.lock().await.get(&place).cloned();
        if let Some(talk) = known {
            if let Ok(answers) = in_time(talk.ask_all(commands)).await {
                return Ok(answers);
            }
            // The next call must not wait for this connection, too.
            self.talks.lock().await.remove(&place);
        }
        let target = self.settings.target_of(place.as_ref());
        let talk = in_time(side::open(&self.settings, &target, false)).await?;
        let answers = in_time(talk.ask_all(commands)).await?;
        self.talks.lock().await.insert(place, talk);
        Ok(answers)
    }

    /// The table of slots; `None` on a single server.
    async fn routes(&self) -> Result<Option<Routes>, Failure> {
        if self.settings.discovery.is_none() {
            return Ok(None);
        }
        let mut known = self.routes.lock().await;
        if let Some((at, routes)) = known.as_ref()
            && now() < *at + ROUTES_FOR
        {
            return Ok(Some(routes.clone()));
        }
        let nodes = known.take().map(|(_, routes)| routes.nodes().to_vec()).unwrap_or_default();
        let ranges = lookup::look_up(&self.shared, &self.settings, nodes).await.map_err(Failure::Broken)?;
        let routes = Routes::new(&ranges);
        *known = Some((now(), routes.clone()));
        Ok(Some(routes))
    }
}

async fn revoke(talk: &Talk, call: &ScriptCall) -> Result<Value, Failure> {
    let ScriptCall { script, keys, args } = call;
    let mut command = vec![b"EVAL".to_vec(), script.body().into(), keys.len().to_string().into()];
    command.extend(keys.iter().chain(args).cloned());
    in_time(talk.ask(&command)).await
}

async fn in_time<T>(asked: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Failure::Broken(format!("no answer within {} s", REPLY_LIMIT.as_secs()));
    tokio::time::timeout(REPLY_LIMIT, asked).await.map_err(late)?
}
