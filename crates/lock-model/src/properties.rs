//! The properties of every state.

use crate::action::Protocol;
use crate::state::{Lock, Phase, State};
use crate::view::View;
use stateright::Property;

/// The names of the properties.
pub mod name {
    /// At most one job runs under a lock whose end, on its own clock, has not passed.
    pub const ONE_HOLDER: &str = "one holder";
    /// Tokens rise from hold to hold.
    pub const TOKENS_RISE: &str = "tokens rise";
    /// If no step happens by itself any more, nobody waits.
    pub const NOBODY_WAITS_FOR_EVER: &str = "nobody waits for ever";
    /// If no step happens by itself any more, nothing is locked.
    pub const NOTHING_STAYS_LOCKED: &str = "nothing stays locked";
    /// No verb of one attempt takes away the lock of another.
    pub const NO_WRONG_FREE: &str = "nobody frees another's lock";
    /// A stopped client costs at most one claim period per key. One more is possible if it was queued again behind its own grant (a second
    /// waiter of it had come), and one for each command that still arrives from it. (A client is one connection. A connection that was cut
    /// before, and that the server still counts as open, has its own cost.)
    pub const ONE_CLAIM_PERIOD: &str = "a stopped process costs one claim period";
    /// A process that the server knows to be gone costs no claim period.
    pub const GONE_COST_NOTHING: &str = "a gone process costs nothing";
    /// A client that is well and has nothing under way does not let a grant lapse that none of its waiters wants.
    pub const NO_IDLE_GRANT: &str = "no grant lies idle";
    /// No later caller takes a key before a client that is queued.
    pub const NOBODY_OVERTAKES: &str = "nobody overtakes";
}

pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(name::ONE_HOLDER, one_holder),
        Property::always(name::TOKENS_RISE, |_, state: &State| !state.ghost.token_fell),
        Property::always(name::NOBODY_WAITS_FOR_EVER, nobody_waits_for_ever),
        Property::always(name::NOTHING_STAYS_LOCKED, nothing_stays_locked),
        Property::always(name::NO_WRONG_FREE, |_, state: &State| !state.ghost.wrong_free),
        Property::always(name::ONE_CLAIM_PERIOD, |_, state: &State| {
            state
                .clients
                .iter()
                .all(|client| client.lapsed.iter().all(|lapsed| *lapsed <= 1 + client.excused))
        }),
        Property::always(name::GONE_COST_NOTHING, |_, state: &State| !state.ghost.granted_to_gone),
        Property::always(name::NO_IDLE_GRANT, no_idle_grant),
        Property::always(name::NOBODY_OVERTAKES, |_, state: &State| !state.ghost.overtook),
    ]
}

fn one_holder(model: &Protocol, state: &State) -> bool {
    let config = &model.0;
    for one in config.all_calls().filter(|call| state.believes(*call)) {
        for other in config.all_calls().filter(|other| *other > one && state.believes(*other)) {
            let shared = config.owners == crate::config::Owners::Named && config.same_owner(one, other);
            if !shared && config.call(one).keys().any(|key| config.call(other).keys().any(|its| its == key)) {
                return false;
            }
        }
    }
    true
}

/// Whether no step is left that needs no fault, no new call, and no return of a stopped process.
///
/// stateright's `eventually` looks only at the ends of paths, and counts a fault that may still happen as a step. This looks at every
/// state, and counts only the steps that happen by themselves.
fn is_still(model: &Protocol, state: &State) -> bool {
    // The common case first: most states have something on the wire.
    if state.conns.iter().any(|conn| conn.open && !conn.wire.is_empty()) {
        return false;
    }
    let mut actions = Vec::new();
    model.progress(state, &mut actions);
    actions.is_empty()
}

impl Protocol {
    /// Whether no call of a live process waits.
    #[must_use]
    pub fn nobody_waits(&self, state: &State) -> bool {
        self.0.all_calls().all(|call| {
            let stopped = state.clients[self.0.call(call).client].stopped;
            stopped || matches!(state.calls[call].phase, Phase::Idle | Phase::Done)
        })
    }
}

fn nobody_waits_for_ever(model: &Protocol, state: &State) -> bool {
    model.nobody_waits(state) || !is_still(model, state)
}

fn nothing_stays_locked(model: &Protocol, state: &State) -> bool {
    state.data.keys.iter().all(|key| key.lock == Lock::Free) || !is_still(model, state)
}

fn no_idle_grant(model: &Protocol, state: &State) -> bool {
    (0..model.0.keys).all(|key| {
        let Lock::Granted(grant) = state.data.keys[key].lock else { return true };
        let number = grant.conn % model.0.clients;
        let client = &state.clients[number];
        let conn = &state.conns[grant.conn];
        let well = !client.crashed && !client.stopped && !client.down && client.conn == grant.conn;
        let view = View { config: &model.0, state, client: number };
        let wanted = model.0.calls_of(number).any(|call| {
            let claims = matches!(state.calls[call].phase, Phase::Claiming | Phase::Early);
            view.is_parked_at(call, key) || claims && model.0.call(call).first == key
        });
        !well || wanted || !conn.wire.is_empty() || !conn.inbox.is_empty()
    })
}
