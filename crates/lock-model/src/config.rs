//! The configuration of one run of the checker: the calls, the faults, and the rules that are left out.

/// How the calls of a run name themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Jobs of `execute`: every call has a name of its own, so the owner is the attempt.
    Execute,
    /// Names given by callers: two calls may share one, and then extend each other's hold.
    Named,
    /// Everybody is `*`: one name for all callers, which nobody holds twice.
    Star,
}

/// One call: a client that takes one key, or two keys in order.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The client that makes the call.
    pub client: u8,
    /// The first key.
    pub first: u8,
    /// The second key, if any.
    pub second: Option<u8>,
    /// Its owner, if calls have names. Equal numbers are equal names.
    pub owner: u8,
}

impl Call {
    /// A call for one key.
    #[must_use]
    pub const fn one(client: u8, key: u8) -> Self {
        Self { client, first: key, second: None, owner: client }
    }

    /// A call for two keys, in the order in which they are taken.
    #[must_use]
    pub const fn two(client: u8, first: u8, second: u8) -> Self {
        Self { client, first, second: Some(second), owner: client }
    }

    /// The same call with a name.
    #[must_use]
    pub const fn named(self, owner: u8) -> Self {
        Self { owner, ..self }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = u8> + use<> {
        std::iter::once(self.first).chain(self.second)
    }

    /// The key at a place.
    #[must_use]
    pub fn key(&self, place: u8) -> u8 {
        if place == 0 { self.first } else { self.second.unwrap_or(self.first) }
    }

    /// How many keys.
    #[must_use]
    pub fn count(&self) -> u8 {
        1 + u8::from(self.second.is_some())
    }
}

/// How often each fault may happen in one run. `total` bounds their sum, without polls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// All faults together, without polls.
    pub total: u8,
    /// A connection is cut. The server may still execute the commands under way. Answers and pushes are lost.
    pub cuts: u8,
    /// A process dies.
    pub crashes: u8,
    /// A process stands still for longer than every lease, and may go on later.
    pub stops: u8,
    /// The caller of a waiter gives up.
    pub cancels: u8,
    /// A lease or grant lapses although its client is well (slow, or its renewals failed).
    pub lapses: u8,
    /// The official package takes a free key. It deletes it later, without handing over.
    pub foreigners: u8,
    /// FLUSHALL.
    pub flushes: u8,
    /// A failover that loses the last one or two writes.
    pub failovers: u8,
    /// The server does not know a script. It does not execute the command, but executes the commands behind it.
    pub noscripts: u8,
    /// A push arrives twice.
    pub duplicates: u8,
    /// Polls at any time. (A poll that ends a standstill is always possible.)
    pub polls: u8,
}

impl Faults {
    /// No faults.
    pub const NONE: Self = Self {
        total: 0,
        cuts: 0,
        crashes: 0,
        stops: 0,
        cancels: 0,
        lapses: 0,
        foreigners: 0,
        flushes: 0,
        failovers: 0,
        noscripts: 0,
        duplicates: 0,
        polls: 0,
    };

    /// At most `total` faults, of every kind under which safety is promised.
    #[must_use]
    pub const fn any(total: u8) -> Self {
        Self {
            total,
            cuts: total,
            crashes: total,
            stops: total,
            cancels: total,
            lapses: total,
            foreigners: total,
            noscripts: total,
            polls: total,
            ..Self::NONE
        }
    }
}

/// Rules that the text of the protocol left open and that the model found to be needed. All are kept by default, and a test shows the
/// effect of leaving out each of them.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A job begins early only if no leave that may pass on a grant of its key is under way.
    pub early_start_waits_for_leave: bool,
    /// A park under way that may take a grant over decides about it, even if its caller has gone.
    pub cancelled_park_decides: bool,
    /// A release looks for its remembered answer the first time, too, and not only when it is sent again.
    pub release_always_looks: bool,
    /// The first command of a connection raises the counter, whichever it is and whether or not it needs a token.
    pub first_command_raises: bool,
    /// A park that was granted its key and cannot use it (it goes back to an earlier key, or is told to poll) passes the grant on.
    pub unused_grant_is_passed_on: bool,
    /// The record of a named hold names every attempt that was told that it holds, and a roll-back removes only its own.
    pub record_names_all: bool,
    /// A push whose token is not above that of the last push for the key is ignored.
    pub pushes_rise: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            early_start_waits_for_leave: true,
            cancelled_park_decides: true,
            release_always_looks: true,
            first_command_raises: true,
            unused_grant_is_passed_on: true,
            record_names_all: true,
            pushes_rise: true,
        }
    }
}

/// Deliberate mistakes, one at a time. A checker that does not find them proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutants {
    /// A release frees the key of any holder.
    pub release_without_owner_check: bool,
    /// A grant counts as delivered, without a check whether anybody receives it.
    pub publish_without_liveness: bool,
    /// A cancelled park whose answer was lost is forgotten instead of rolled back.
    pub cancelled_without_roll_back: bool,
    /// A roll-back compares the owner instead of the attempt.
    pub roll_back_by_owner: bool,
    /// A park may take a grant over while a claim of the key is not answered.
    pub oldest_flag_during_claim: bool,
    /// A leave does not pass on the grant.
    pub leave_keeps_grant: bool,
    /// A free key is taken although other clients stand in the queue.
    pub barging: bool,
    /// Nobody polls.
    pub no_poll: bool,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Number of clients.
    pub clients: u8,
    /// Number of keys.
    pub keys: u8,
    /// The calls.
    pub calls: Vec<Call>,
    /// How calls are named.
    pub owners: Owners,
    /// Whether locks have a lease (`acquire` without `expire` has none; `execute` always has one).
    pub leases: bool,
    /// Whether the server may still execute commands of a broken connection after the next connection was made.
    pub late_commands: bool,
    /// Whether calls begin in the order of the list. Where clients are alike, any other order differs only in their names.
    pub ordered: bool,
    /// The faults.
    pub faults: Faults,
    /// The rules.
    pub rules: Rules,
    /// The mistakes.
    pub mutants: Mutants,
}

impl Config {
    /// Jobs of `execute`, without faults.
    #[must_use]
    pub fn execute(clients: u8, keys: u8, calls: Vec<Call>) -> Self {
        Self {
            clients,
            keys,
            calls,
            owners: Owners::Execute,
            leases: true,
            late_commands: true,
            ordered: false,
            faults: Faults::NONE,
            rules: Rules::default(),
            mutants: Mutants::default(),
        }
    }

    /// Whether two calls have the same owner.
    #[must_use]
    pub fn same_owner(&self, one: u8, other: u8) -> bool {
        match self.owners {
            Owners::Execute => one == other,
            Owners::Star => true,
            Owners::Named => self.call(one).owner == self.call(other).owner,
        }
    }

    /// A call of the plan.
    #[must_use]
    pub fn call(&self, call: u8) -> Call {
        self.calls.get(usize::from(call)).copied().unwrap_or(Call::one(0, 0))
    }

    /// The numbers of all calls.
    pub fn all_calls(&self) -> impl Iterator<Item = u8> + use<> {
        (0_u8..).take(self.calls.len())
    }

    /// The numbers of a client's calls.
    pub fn calls_of(&self, client: u8) -> impl Iterator<Item = u8> + '_ {
        self.all_calls().filter(move |call| self.call(*call).client == client)
    }
}
