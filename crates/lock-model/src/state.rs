//! The parts of a state.

use crate::config::{Config, Faults};
use crate::table::Table;

/// Most clients, keys, calls and connections of a run, and commands or messages under way on one connection.
const CLIENTS: usize = 3;
const KEYS: usize = 2;
const CALLS: usize = 5;
const CONNS: usize = 9;
const WIRE: usize = 7;

/// No call.
pub(crate) const NOBODY: u8 = u8::MAX;

/// A grant: the connection that has it, and its token (0: no grant).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The client id.
    pub conn: u8,
    /// The token.
    pub token: u8,
}

/// The value of a lock key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lock {
    /// Nothing.
    #[default]
    Free,
    /// An owner. `call` stands for both the owner and the attempt in the hold record.
    Held {
        /// The call of the attempt.
        call: u8,
        /// Its fencing token.
        token: u8,
        /// Other attempts of the same owner that hold it too, one bit each. Only if the record names them.
        also: u8,
    },
    /// A grant that is not claimed yet.
    Granted(Grant),
    /// A holder of the official package.
    Foreign,
}

/// One key in Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// The lock.
    pub lock: Lock,
    /// Ticket and client id, the lowest ticket first.
    pub queue: Table<(u8, u8), 6>,
    /// A holder was seen that does not hand over.
    pub polled: bool,
}

/// The data of Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Data {
    /// The keys, all in one slot.
    pub keys: Table<Key, KEYS>,
    /// The slot's counter; 0: lost.
    pub counter: u8,
    /// Remembered releases, by call.
    pub released: Table<bool, CALLS>,
}

/// A command on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cmd {
    /// Takes keys and waits. `at`: the place at which it is parked, counted from 1 (0: nowhere).
    Park { call: u8, at: u8, ticket: u8, oldest: bool, next: u8 },
    /// Takes over a grant.
    Claim { call: u8, grant: Grant, next: u8 },
    /// Release of `execute`. `to`: the waiter that gets the lock if its client is next, with its own ticket and that of the waiter after
    /// it.
    HandOver { call: u8, grant: Grant, to: u8, ticket: u8, after: u8 },
    /// Release by name.
    Release { call: u8, resent: bool },
    /// Gives back the locks that the attempt took.
    RollBack { call: u8 },
    /// Leaves the queue, passes on a grant.
    Leave { key: u8, queue: bool, pass: bool },
}

/// The server's answer to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Every key is held; with the tokens.
    Held([u8; 2]),
    /// Another owner holds the key, and the waiter polls.
    Refused,
    /// Parked at this place (from 0) with this ticket.
    Parked { place: u8, ticket: u8 },
    /// Done.
    Yes,
    /// Not yours.
    No,
    /// Released, and the named waiter holds the lock.
    Passed { token: u8 },
    /// Released, and granted to this client. `late`: as in a push.
    Granted { token: u8, late: bool },
    /// Not executed (NOSCRIPT).
    NotRun,
}

/// Something on its way to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// An answer.
    Answer(Cmd, Reply),
    /// A grant. `late`: it has lapsed since then, so the deadline that the client computes for it has passed.
    Push { key: u8, token: u8, late: bool },
}

/// One connection, for the server and the wire. Its number is the client id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Conn {
    /// The server counts it as a subscriber.
    pub open: bool,
    /// The client has given it up, so nothing arrives any more.
    pub cut: bool,
    /// A verb that raises the counter was executed on it.
    pub raised: bool,
    /// Commands on their way.
    pub wire: Table<Cmd, WIRE>,
    /// Answers and pushes on their way.
    pub inbox: Table<Message, WIRE>,
}

/// One client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// Its connection.
    pub conn: u8,
    /// It has none at the moment.
    pub down: bool,
    /// It is dead.
    pub crashed: bool,
    /// It stands still.
    pub stopped: bool,
    /// Commands that wait for the next connection.
    pub backlog: Table<Cmd, WIRE>,
    /// By key: a grant without a waiter came while a claim was not answered.
    pub deferred: Table<bool, KEYS>,
    /// By key: token of the last push.
    pub pushed: Table<u8, KEYS>,
    /// By key: grants to its connection that lapsed while it stood still.
    pub lapsed: Table<u8, KEYS>,
    /// Further lapses with a known cause: see `ONE_CLAIM_PERIOD`.
    pub excused: u8,
}

/// The state of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not begun.
    #[default]
    Idle,
    /// The call wants its keys.
    Waiting,
    /// The claim is under way; the job waits for its answer.
    Claiming,
    /// The claim is under way; the job runs.
    Early,
    /// The job runs.
    Running,
    /// The release is under way.
    Ending,
    /// Over.
    Done,
}

/// One call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallState {
    /// Its state.
    pub phase: Phase,
    /// The place at which it is parked, from 1 (0: nowhere).
    pub at: u8,
    /// Its ticket there.
    pub ticket: u8,
    /// A command about it is under way.
    pub busy: bool,
    /// Nobody waits for it any more.
    pub cancelled: bool,
    /// A command of it was not answered and may have been executed.
    pub in_doubt: bool,
    /// The lease of its command under way has lapsed, so the answer will come after the lease's end.
    pub late: bool,
    /// The end of its lease has passed on its own clock, so it knows that it holds nothing.
    pub passed: bool,
    /// Its tokens.
    pub tokens: [u8; 2],
    /// The grant that it claims.
    pub grant: Grant,
}

impl CallState {
    /// A finished call. Nothing of it matters any more.
    #[must_use]
    pub fn over() -> Self {
        Self { phase: Phase::Done, ..Self::default() }
    }
}

/// Facts that no process knows, recorded for the properties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// The highest number given so far: the server's TIME is above it.
    pub high: u8,
    /// By key: the highest token with which a job began.
    pub begun: Table<u8, KEYS>,
    /// A key was given with a token not above that of a job that had begun.
    pub token_fell: bool,
    /// By call: its release was executed once.
    pub released: Table<bool, CALLS>,
    /// A verb of one attempt took away the lock of another.
    pub wrong_free: bool,
    /// A newcomer took a key before a client that was queued.
    pub overtook: bool,
    /// A grant was made to a client that the server knew to be gone.
    pub granted_to_gone: bool,
}

/// A state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Redis.
    pub data: Data,
    /// Redis before the last writes, oldest first; only while a failover is possible.
    pub history: Table<Data, 2>,
    /// Connections: number `i` of client `c` is `c + clients * i`.
    pub conns: Table<Conn, CONNS>,
    /// Clients.
    pub clients: Table<Client, CLIENTS>,
    /// Calls.
    pub calls: Table<CallState, CALLS>,
    /// Faults that may still happen.
    pub faults: Faults,
    /// For the properties.
    pub ghost: Ghost,
}

impl State {
    /// Nothing has happened; every client is connected.
    #[must_use]
    pub fn first(config: &Config) -> Self {
        let keys = usize::from(config.keys);
        let client = |conn| Client {
            conn,
            deferred: (0..keys).map(|_| false).collect(),
            pushed: (0..keys).map(|_| 0).collect(),
            lapsed: (0..keys).map(|_| 0).collect(),
            ..Client::default()
        };
        Self {
            data: Self::empty(config),
            conns: (0..config.clients).map(|_| Conn { open: true, ..Conn::default() }).collect(),
            clients: (0..config.clients).map(client).collect(),
            calls: config.calls.iter().map(|_| CallState::default()).collect(),
            faults: config.faults,
            ghost: Ghost {
                begun: (0..keys).map(|_| 0).collect(),
                released: config.calls.iter().map(|_| false).collect(),
                ..Ghost::default()
            },
            ..Self::default()
        }
    }

    /// An empty Redis.
    #[must_use]
    pub fn empty(config: &Config) -> Data {
        Data {
            keys: (0..config.keys).map(|_| Key::default()).collect(),
            counter: 0,
            released: config.calls.iter().map(|_| false).collect(),
        }
    }

    /// Whether a job runs that believes in its lock.
    #[must_use]
    pub fn believes(&self, call: u8) -> bool {
        let state = &self.calls[call];
        matches!(state.phase, Phase::Early | Phase::Running) && !state.passed
    }

    /// Commands of a client that are not answered yet, on its connection or waiting for one.
    pub fn unanswered(&self, client: u8) -> impl Iterator<Item = Cmd> + '_ {
        let client = &self.clients[client];
        let conn = (!client.down).then(|| &self.conns[client.conn]);
        let answered =
            conn.into_iter().flat_map(|conn| conn.inbox.iter()).filter_map(|message| match message {
                Message::Answer(cmd, _) => Some(*cmd),
                Message::Push { .. } => None,
            });
        let sent = conn.into_iter().flat_map(|conn| conn.wire.iter()).copied();
        answered.chain(sent).chain(client.backlog.iter().copied())
    }
}
