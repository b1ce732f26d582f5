//! A small world, and random commands in it: plausible ones, often about the keys that exist at the moment.

use server_model::{Server, Verb};

use super::op::Op;
use super::random::Random;

pub(crate) type Bytes = Vec<u8>;

const CLIENTS: [&str; 3] = [
    "11112222333344445555666677778888",
    "9999aaaabbbbccccddddeeeeffff0000",
    "0123456789abcdef0123456789abcdef",
];
const EXECUTE: [&str; 2] =
    ["execute:3f2a9c1e-77d0-8abc-9def-0123456789ab", "execute:aa00bb11-cc22-8d33-8e44-ff5566778899"];
const OFFICIAL: &str = "execute:0d9b1c2a-4e5f-4a6b-8c7d-9e8f7a6b5c4d";
const NAMED: [&str; 2] = ["me", "*"];
const ATTEMPTS: [&str; 3] = [
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    // Another id of the same provider.
    "aaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb",
    "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1",
];
const REQUESTS: [&str; 2] = ["d00d", "feed"];
const LEASES: [&str; 4] = ["20000", "60000", "4500", "90000"];

/// A counter that TIME does not reach for a long time.
pub(crate) const FAR: u64 = 4_000_000_000_000_000;

struct Lock {
    name: &'static str,
    tag: &'static str,
}

/// In the order in which several are taken. The first two share a slot.
const LOCKS: [Lock; 3] = [
    Lock { name: "medusa_lock:{one}a", tag: "7f" },
    Lock { name: "medusa_lock:{one}b", tag: "7f" },
    Lock { name: "medusa_lock:c", tag: "2x" },
];

impl Lock {
    /// `l` is the lock key itself; `f`, `h`, `w` and `p` its side keys.
    fn key(&self, kind: char) -> Bytes {
        match kind {
            'l' => self.name.into(),
            'f' => format!("mlr!{{{}}}f", self.tag).into(),
            _ => format!("mlr!{{{}}}{kind}:{}", self.tag, self.name).into(),
        }
    }
}

pub(crate) struct World {
    pub(crate) random: Random,
}

pub(crate) enum Event {
    Command(Op),
    /// The key reaches its end.
    Expire(Bytes),
    /// The client's connection comes or goes.
    Toggle(Bytes),
}

impl World {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { random: Random(seed) }
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = Bytes> {
        CLIENTS.into_iter().map(Into::into)
    }

    /// Gives every counter a value far above TIME, so that both sides count alike.
    pub(crate) fn far_counters(&self) -> impl Iterator<Item = Op> {
        LOCKS.iter().map(|lock| set(lock.key('f'), FAR.to_string(), None))
    }

    /// A counter is lost, is behind, or is ahead.
    pub(crate) fn change_counter(&mut self, now_us: u64) -> Op {
        let key = LOCKS[self.random.below(3)].key('f');
        let value =
            self.random.pick(&[0, 41, 999_999_999_999_990, 999_999_999_999_999, now_us - 60_000_000, FAR]);
        if value == 0 { Op::Delete { key } } else { set(key, value.to_string(), None) }
    }

    pub(crate) fn event(&mut self, model: &Server, now_us: u64) -> Event {
        let chance = self.random.below(1000);
        let lock = &LOCKS[self.random.below(3)];
        let side = self.random.pick(&['h', 'w', 'p', 'h', 'w']);
        let holder = || model.get(now_us, lock.name.as_bytes()).map(<[u8]>::to_vec);
        let op = match chance {
            0..20 => {
                let text = self.random.pick(&[OFFICIAL, "me", "*"]).to_owned();
                let ms = self.random.pick(&[Some(30_000), None]);
                Op::Set { key: lock.key('l'), text: text.into(), ms, only_new: true }
            }
            20..40 => {
                let guess = self.owner(None).into();
                Op::DeleteIf { key: lock.key('l'), text: holder().unwrap_or(guess) }
            }
            40..60 => Op::Delete { key: lock.key('l') },
            60..75 => Op::Delete { key: lock.key(side) },
            75..95 => {
                let kind = self.random.pick(&['l', 'h', 'w', 'p']);
                let ms = 10_000 + 1000 * self.random.below(40) as i64;
                Op::Expire { key: lock.key(kind), ms }
            }
            95..98 => Op::FlushAll,
            98..108 => self.wrong_kind(lock),
            108..122 => self.odd_record(model, now_us, lock),
            122..130 => return Event::Toggle(self.client().into()),
            130..147 => {
                let kind = self.random.pick(&['l', 'l', 'l', 'h', 'w', 'p']);
                return Event::Expire(lock.key(kind));
            }
            _ => {
                let (verb, keys, args) = self.verb(model, now_us);
                Op::Verb { verb, keys, args: args.into_iter().map(Bytes::from).collect() }
            }
        };
        Event::Command(op)
    }

    /// A sorted set in place of a string, or the other way round, under a key that does not exist. The next deletion ends it.
    fn wrong_kind(&mut self, lock: &Lock) -> Op {
        if self.random.percent(60) {
            let kind = self.random.pick(&['l', 'l', 'h', 'p']);
            Op::Add { key: lock.key(kind), member: b"stray".to_vec(), score: 1.0 }
        } else {
            Op::Set { key: lock.key('w'), text: b"stray".to_vec(), ms: Some(450), only_new: true }
        }
    }

    /// A hold record with another content, mostly with the time left that makes it trusted.
    fn odd_record(&mut self, model: &Server, now_us: u64, lock: &Lock) -> Op {
        let mut attempts = vec![self.attempt()];
        if self.random.percent(20) {
            // As many attempts as a record can name.
            let ends = ["", "@0", "@1732000000000"];
            attempts.extend((1..100).map(|at| format!("ee{at}{}", self.random.pick(&ends))));
        }
        let rest = self.random.pick(&[":77:1", ":5:0", ":6:1x", ":7:2", "::1", ":x:1", ":8:1:1", ":9", ""]);
        let ms = match model.pttl(now_us, lock.name.as_bytes()) {
            left if left > 0 && self.random.percent(80) => Some(left.unsigned_abs()),
            -1 => None,
            _ => self.random.pick(&[Some(20_000), None]),
        };
        set(lock.key('h'), attempts.join(",") + rest, ms)
    }

    fn verb(&mut self, model: &Server, now_us: u64) -> (Verb, Vec<Bytes>, Vec<String>) {
        let first = self.random.below(3);
        let lock = &LOCKS[first];
        let holder =
            model.get(now_us, lock.name.as_bytes()).map(|text| String::from_utf8_lossy(text).into_owned());
        let kinds = |locks: &[usize], kinds: &str| -> Vec<Bytes> {
            locks.iter().flat_map(|&at| kinds.chars().map(move |kind| LOCKS[at].key(kind))).collect()
        };
        let by_kind = |locks: &[usize], kinds: &str| -> Vec<Bytes> {
            kinds.chars().flat_map(|kind| locks.iter().map(move |&at| LOCKS[at].key(kind))).collect()
        };
        match self.random.below(100) {
            0..7 => {
                let locks = self.several(first, 30);
                let mut args: Vec<String> =
                    locks.iter().map(|_| self.random.pick(&EXECUTE).to_owned()).collect();
                args.extend(locks.iter().map(|_| self.lease(true)));
                if self.random.below(2) == 0 {
                    args.push("1".into());
                }
                (Verb::Take, by_kind(&locks, "lwf"), args)
            }
            7..10 => {
                let locks = self.several(first, 30);
                let holder_of = |at: usize| model.get(now_us, LOCKS[at].name.as_bytes());
                let holders = locks
                    .iter()
                    .map(|at| holder_of(*at).map(|text| String::from_utf8_lossy(text).into_owned()));
                let args =
                    holders.collect::<Vec<_>>().into_iter().map(|holder| self.owner(holder.as_deref()));
                let args = args.collect();
                (Verb::GiveBack, by_kind(&locks, "lwf"), args)
            }
            10..36 => {
                let locks = self.several(first, 40);
                let args = self.park(model, now_us, &locks);
                (Verb::Park, kinds(&locks, "lfhwp"), args)
            }
            36..48 => {
                let (client, grant) = self.grant(holder.as_deref());
                let ticket = self.ticket_or_none(model, now_us, lock, &client);
                let owner = self.random.pick(&EXECUTE).to_owned();
                (Verb::Claim, kinds(&[first], "lw"), vec![grant, owner, self.lease(true), client, ticket])
            }
            48..62 => {
                let several = self.several(first, 15);
                let owner = self.owner(holder.as_deref());
                let mut args = vec![owner, self.flag(30)];
                if several.len() == 1 && self.random.percent(60) {
                    let (client, grant) = self.grant(holder.as_deref());
                    let mut maybe =
                        |text: String, chance| if self.random.percent(chance) { text } else { String::new() };
                    args.extend([maybe(grant, 60), client.clone()]);
                    args.push(self.ticket_or_none(model, now_us, lock, &client));
                    let next = self.random.pick(&[EXECUTE[0], EXECUTE[1], ""]).to_owned();
                    args.extend([next, self.lease(true), self.ticket_or_none(model, now_us, lock, &client)]);
                    args.push(self.random.pick(&["0", "0", "3"]).to_owned());
                    args.push(self.ticket_or_none(model, now_us, lock, &client));
                }
                (Verb::HandOver, kinds(&several, "lwf"), args)
            }
            62..69 => {
                let client = self.grant(holder.as_deref()).0;
                (
                    Verb::Leave,
                    kinds(&[first], "lwf"),
                    vec![client, self.flag(60), self.flag(60), self.flag(30)],
                )
            }
            69..77 => {
                let locks = self.several(first, 25);
                let owner = self.owner(holder.as_deref());
                if self.random.percent(20) {
                    return (Verb::Release, kinds(&locks, "l"), vec![owner, "1".into()]);
                }
                let mut keys = kinds(&locks, "lhwf");
                // Mostly a new request, because a remembered one does nothing.
                let fresh = format!("{:x}", now_us);
                let request = if self.random.percent(70) { &fresh } else { self.random.pick(&REQUESTS) };
                keys.push(format!("mlr!{{{}}}r:{request}", lock.tag).into());
                (Verb::Release, keys, vec![owner, "4".into(), self.flag(30)])
            }
            77..84 => {
                let locks = self.several(first, 25);
                (
                    Verb::RollBack,
                    kinds(&locks, "lhwf"),
                    vec![self.owner(holder.as_deref()), self.attempt(), self.flag(30)],
                )
            }
            84..91 => {
                let stride = self.random.pick(&[1, 5, 5, 5]);
                let locks = self.several(first, 30);
                let owner = self.owner(holder.as_deref());
                let lease = self.lease(owner.starts_with("execute:"));
                let mut args = vec![owner, lease, stride.to_string()];
                if stride == 5 {
                    args.extend([self.flag(20), self.attempt(), self.flag(30), self.flag(60)]);
                }
                (Verb::Acquire, kinds(&locks, &"lfhpw"[..stride]), args)
            }
            91..95 => {
                let stride = self.random.pick(&[1, 2]);
                let locks = self.several(first, 40);
                let mut args = vec![stride.to_string()];
                for &at in &locks {
                    let holder = model.get(now_us, LOCKS[at].name.as_bytes());
                    let holder = holder.map(|text| String::from_utf8_lossy(text).into_owned());
                    let settles = format!("={}", self.attempt());
                    let times = ["25000", "+25000", "+70000", "+0", "+0", "0", "-5", &settles, &settles];
                    args.extend([self.owner(holder.as_deref()), self.random.pick(&times).into()]);
                    args.extend((stride == 2).then(|| self.token(model, now_us, &LOCKS[at])));
                }
                (Verb::Renew, kinds(&locks, &"lh"[..stride]), args)
            }
            95..99 => {
                let locks = self.several(first, 50);
                let stride = self.random.pick(&["4", "4", "1"]);
                let mut args = vec![stride.to_owned(), self.flag(40)];
                args.push(if args[1] == "1" { String::new() } else { self.owner(holder.as_deref()) });
                args.push(self.flag(50));
                if self.random.percent(40) {
                    args.push(self.token(model, now_us, &LOCKS[first]));
                }
                (Verb::Revoke, kinds(&locks, if stride == "4" { "lhwf" } else { "l" }), args)
            }
            _ => {
                let keys = vec![lock.key('f'), format!("mlr!{{{}}}w:", lock.tag).into()];
                (Verb::Probe, keys, Vec::new())
            }
        }
    }

    fn park(&mut self, model: &Server, now_us: u64, locks: &[usize]) -> Vec<String> {
        let owner = self.owner(None);
        let lease = self.lease(owner.starts_with("execute:"));
        let at = if self.random.percent(45) { 0 } else { 1 + self.random.below(locks.len()) };
        let parked = at.checked_sub(1).map(|at| &LOCKS[locks[at]]);
        let holder = parked.and_then(|lock| model.get(now_us, lock.name.as_bytes()));
        let client = self.grant(holder.map(|text| String::from_utf8_lossy(text).into_owned()).as_deref()).0;
        let (mut ticket, mut next) = (String::new(), String::new());
        if let Some(lock) = parked {
            ticket = self.ticket(model, now_us, lock, &client);
            next = self.ticket_or_none(model, now_us, lock, &client);
        }
        let mode = if self.random.percent(80) { "wait" } else { "try" };
        let others = owner.starts_with("execute:") && locks.len() == 1 && at == 0 && mode == "wait";
        let along = if others { self.random.pick(&["0", "1", "5"]) } else { "0" };
        vec![
            owner,
            lease,
            self.flag(15),
            self.attempt(),
            client,
            mode.into(),
            at.to_string(),
            ticket,
            self.flag(70),
            next,
            along.to_owned(),
            self.flag(30),
            self.flag(30),
        ]
    }

    /// The token in the lock's hold record, mostly.
    fn token(&mut self, model: &Server, now_us: u64, lock: &Lock) -> String {
        let record = model.get(now_us, &lock.key('h')).map(|text| String::from_utf8_lossy(text).into_owned());
        match record.as_deref().and_then(|record| record.split(':').nth(1)) {
            Some(token) if self.random.percent(85) => token.to_owned(),
            _ => "77".to_owned(),
        }
    }

    /// `first` alone or, with a chance of `chance` percent, with others, in the order in which they are taken.
    fn several(&mut self, first: usize, chance: usize) -> Vec<usize> {
        let more = self.random.percent(chance);
        (0..LOCKS.len()).filter(|&at| at == first || (more && self.random.percent(60))).collect()
    }

    /// Any owner, mostly the present one.
    fn owner(&mut self, holder: Option<&str>) -> String {
        let owner = holder.filter(|holder| !holder.starts_with("grant:"));
        match owner {
            Some(owner) if self.random.percent(75) => owner.to_owned(),
            _ => self.random.pick(&[EXECUTE[0], EXECUTE[1], OFFICIAL, NAMED[0], NAMED[1]]).to_owned(),
        }
    }

    /// A client and a grant to it, mostly the present ones.
    fn grant(&mut self, holder: Option<&str>) -> (String, String) {
        if let Some(grant) = holder.filter(|holder| holder.starts_with("grant:"))
            && self.random.percent(80)
        {
            return (grant.split(':').nth(1).unwrap_or_default().to_owned(), grant.to_owned());
        }
        let client = self.client().to_owned();
        let grant = format!("grant:{client}:{}", FAR + 5);
        (client, grant)
    }

    fn client(&mut self) -> &'static str {
        self.random.pick(&CLIENTS)
    }

    fn attempt(&mut self) -> String {
        self.random.pick(&ATTEMPTS).to_owned()
    }

    fn flag(&mut self, chance: usize) -> String {
        if self.random.percent(chance) { "1" } else { "0" }.to_owned()
    }

    /// A lease in ms. `0` only if none is allowed.
    fn lease(&mut self, always: bool) -> String {
        if !always && self.random.percent(25) { "0" } else { self.random.pick(&LEASES) }.to_owned()
    }

    /// A ticket about as high as the client's in the lock's queue.
    fn ticket(&mut self, model: &Server, now_us: u64, lock: &Lock, client: &str) -> String {
        let score = model.sorted(now_us, &lock.key('w')).and_then(|queue| queue.score(client.as_bytes()));
        let base = score.map_or(FAR + 10, |score| score as u64);
        let ticket = base + self.random.below(5) as u64;
        ticket.saturating_sub(if self.random.percent(50) { ticket - base } else { 2 }).to_string()
    }

    fn ticket_or_none(&mut self, model: &Server, now_us: u64, lock: &Lock, client: &str) -> String {
        if self.random.percent(50) { String::new() } else { self.ticket(model, now_us, lock, client) }
    }
}

fn set(key: Bytes, text: String, ms: Option<u64>) -> Op {
    Op::Set { key, text: text.into(), ms, only_new: false }
}
