//! What one run of the checker covers: who calls what, which faults happen, which rules are left out.

/// How the calls of a run name themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Jobs of `execute`: every call has a name of its own, so the owner is the attempt.
    Execute,
    /// Names given by callers: two calls may share one, and then extend each other's hold.
    Named,
    /// Everybody is `*`: one name for all, which nobody holds twice.
    Star,
}

/// One call: a client that takes one key, or two keys in order.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Whose call it is.
    pub client: u8,
    /// The first key.
    pub first: u8,
    /// The second key, if any.
    pub second: Option<u8>,
    /// Its owner, where names are given: equal numbers are equal names.
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

    /// The same call under a given name.
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

/// How often each fault may happen in one run; `total` bounds their sum, polls apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// All faults together, polls apart.
    pub total: u8,
    /// A connection is cut: what was under way may still be executed, its answers and pushes are lost.
    pub cuts: u8,
    /// A process dies.
    pub crashes: u8,
    /// A process stands still for longer than every lease, and may go on later.
    pub stops: u8,
    /// A waiter is not wanted any more.
    pub cancels: u8,
    /// A lease or grant lapses although its client is well (slow, or its renewals failed).
    pub lapses: u8,
    /// The official package takes a free key. It deletes it later, without handing over.
    pub foreigners: u8,
    /// FLUSHALL.
    pub flushes: u8,
    /// A failover that loses the last one or two writes.
    pub failovers: u8,
    /// The server does not know a script: not executed, and what was sent after it is.
    pub noscripts: u8,
    /// A push arrives twice.
    pub duplicates: u8,
    /// Polls at any time. (A poll that leads on from where everything stands still is always possible.)
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

    /// At most `total` faults of every kind that safety is promised under.
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

/// Rules that the text of the protocol left open and the model found to be needed. All are kept by default; a
/// test shows for each what happens without it.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A job begins early only when no leave that may pass on a grant of its key is under way.
    pub early_start_waits_for_leave: bool,
    /// A park under way that may take a grant over decides about it, also when its caller has gone.
    pub cancelled_park_decides: bool,
    /// A release looks for its remembered answer the first time too, not only when it is sent again.
    pub release_always_looks: bool,
    /// The first command of a connection raises the counter, whichever it is and whether it needs a token or not.
    pub first_command_raises: bool,
    /// A park that was granted its key and cannot use it (it goes back to an earlier key, or is told to poll) passes
    /// the grant on.
    pub unused_grant_is_passed_on: bool,
    /// The record of a named hold names every attempt that was told it holds, and an undo takes out its own only.
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

/// Mistakes made on purpose, one at a time: a checker that does not find them proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutants {
    /// A release frees the key whoever holds it.
    pub release_without_owner_check: bool,
    /// A grant counts as delivered without a look at whether anybody receives it.
    pub publish_without_liveness: bool,
    /// A cancelled park whose answer was lost is forgotten instead of undone.
    pub cancelled_without_undo: bool,
    /// An undo compares the owner instead of the attempt.
    pub undo_by_owner: bool,
    /// A park may take a grant over while a claim of the key is not answered.
    pub oldest_flag_during_claim: bool,
    /// A leave does not pass on the grant.
    pub leave_keeps_grant: bool,
    /// A free key is taken although others are queued.
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
    /// Who calls what.
    pub calls: Vec<Call>,
    /// How calls name themselves.
    pub owners: Owners,
    /// Whether locks have a lease (`acquire` without `expire` has none; `execute` always has one).
    pub leases: bool,
    /// Whether commands of a broken connection may still be executed after the next connection stands.
    pub late_commands: bool,
    /// Whether calls begin in the order of the list: for runs in which clients are alike, any other order is the
    /// same but for their names.
    pub ordered: bool,
    /// Which faults.
    pub faults: Faults,
    /// Which rules.
    pub rules: Rules,
    /// Which mistakes.
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

    /// Whether two calls carry the same owner.
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
