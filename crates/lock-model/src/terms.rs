//! Several acquires of one owner on one key, each with its own terms: which end counts, and what each lock object says. This is a model of
//! its own, in which time has numbers and there are no queues.
//!
//! A call acquires for the owner with a lease or without, and with an object (which renews, or only looks) or without one. The caller may
//! withdraw it on its way, and then it is rolled back later. Or its answer is lost, and it acquires again by the same attempt. An object
//! believes in the lock until the end that it was told last. Another owner takes the lock as soon as it is free. The checker checks that no
//! object of the first owner believes in its lock then, and that the lock is free after all calls were rolled back.

use crate::run::Found;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::time::Instant;

/// Times at which something may happen.
const TIMES: u8 = 7;
/// Calls of the owner.
const CALLS: usize = 3;
/// Stands for no end.
const NEVER: u8 = u8::MAX;

/// Rules of the scripts, each kept by default.
#[derive(Clone, Copy, Debug)]
pub struct TermRules {
    /// An acquire does not bring forward an end that was promised to an object.
    pub promised: bool,
    /// A renewal does not bring the end forward.
    pub renewal_only_extends: bool,
    /// The answer to a renewal or look tells no end that a roll-back may take back, and a renewal moves the ends that roll-backs restore.
    pub answer_is_sure: bool,
    /// An attempt that asks again moves the ends that roll-backs of other attempts restore.
    pub asking_again_is_sure: bool,
    /// Every attempt that may be rolled back is named. Else two at most.
    pub names_all: bool,
}

impl Default for TermRules {
    fn default() -> Self {
        Self {
            promised: true,
            renewal_only_extends: true,
            answer_is_sure: true,
            asking_again_is_sure: true,
            names_all: true,
        }
    }
}

/// The lock object of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Object {
    /// Nothing.
    No,
    /// An object that looks.
    Looks,
    /// An object that renews.
    Renews,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// The call was withdrawn, and its roll-back is on its way.
    Withdrawn,
    /// The call holds with this lease, and believes so until then.
    Holds {
        lease: u8,
        object: Object,
        until: u8,
    },
    Over,
}

/// The lock, held by the owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    end: u8,
    promised: bool,
    /// Attempts in their order, each with the end that the lock would have without it, if a roll-back restores one.
    attempts: Vec<(u8, Option<u8>)>,
    /// There were attempts that are not named any more.
    others: bool,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TermState {
    now: u8,
    held: Option<Held>,
    others: bool,
    calls: [Phase; CALLS],
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum TermAction {
    /// A call acquires. `wanted`: nobody withdrew it meanwhile.
    Acquire { call: u8, lease: u8, object: Object, wanted: bool },
    /// A call's answer was lost: it acquires once more, by the same attempt.
    AskAgain(u8),
    /// The locks of a withdrawn call, or of a call that gives up its lock, are given back.
    RollBack(u8),
    /// An object renews or looks.
    Renew(u8),
    /// A call that holds says that it will not be rolled back.
    Confirm(u8),
    /// Another owner takes the free lock.
    OtherTakes,
    /// Time passes.
    Tick,
}

/// The model.
#[derive(Clone, Copy, Debug)]
struct Terms(TermRules);

/// No object says that the lock is held while another owner has it.
const ONE_OWNER: &str = "no object believes in a lock that another owner has";
/// A lock that nobody holds, and that no roll-back will free, is free.
const SOMEBODY: &str = "a lock is held by a call that was told, or will be rolled back";
/// It happens that another owner gets the lock.
const OTHERS_COME: &str = "another owner gets the lock";

impl TermState {
    fn set(&mut self, call: u8, phase: Phase) {
        if let Some(of_call) = self.calls.get_mut(usize::from(call)) {
            *of_call = phase;
        }
    }

    /// Whether the lock is held by this attempt, too.
    fn names(&self, call: u8) -> bool {
        self.held.iter().flat_map(|held| &held.attempts).any(|(named, _)| *named == call)
    }

    /// Whether the lock would end at another time if this attempt was rolled back.
    fn joined(&self, call: u8) -> bool {
        let attempts = self.held.iter().flat_map(|held| &held.attempts);
        attempts.into_iter().any(|(named, before)| *named == call && before.is_some())
    }
}

impl Terms {
    fn acquire(self, state: &mut TermState, call: u8, lease: u8, object: Object, wanted: bool) {
        let wished = if lease == NEVER { NEVER } else { state.now + lease };
        let promises = object != Object::No;
        let held =
            state.held.get_or_insert(Held { end: 0, promised: false, attempts: Vec::new(), others: false });
        if held.attempts.is_empty() {
            held.attempts.push((call, None));
            held.end = wished;
        } else {
            held.attempts.push((call, Some(held.end)));
            held.end = if held.promised && self.0.promised { held.end.max(wished) } else { wished };
        }
        if held.attempts.len() > 2 && !self.0.names_all {
            held.attempts.remove(0);
            held.others = true;
        }
        held.promised |= promises;
        let phase = if wanted { Phase::Holds { lease, object, until: wished } } else { Phase::Withdrawn };
        state.set(call, phase);
    }

    fn ask_again(self, state: &mut TermState, call: u8) {
        let Some(Phase::Holds { lease, object, .. }) = state.calls.get(usize::from(call)).copied() else {
            return;
        };
        let wished = if lease == NEVER { NEVER } else { state.now + lease };
        let Some(held) = &mut state.held else { return };
        held.end = if held.promised && self.0.promised { held.end.max(wished) } else { wished };
        if self.0.asking_again_is_sure {
            let others = held.attempts.iter_mut().filter(|(named, _)| *named != call);
            for before in others.filter_map(|(_, before)| before.as_mut()) {
                *before = (*before).max(wished);
            }
        }
        state.set(call, Phase::Holds { lease, object, until: wished });
    }

    fn roll_back(state: &mut TermState, call: u8) {
        state.set(call, Phase::Over);
        let Some(held) = &mut state.held else { return };
        let Some(at) = held.attempts.iter().position(|(named, _)| *named == call) else { return };
        let last = at + 1 == held.attempts.len();
        let (_, before) = held.attempts.remove(at);
        if (held.attempts.is_empty() && !held.others)
            || before.is_some_and(|before| last && before <= state.now)
        {
            state.held = None;
        } else if let Some(before) = before.filter(|_| last) {
            held.end = before;
        }
    }

    fn renew(self, state: &mut TermState, call: u8) {
        let Some(Phase::Holds { lease, object, .. }) = state.calls.get(usize::from(call)).copied() else {
            return;
        };
        let now = state.now;
        let Some(held) = &mut state.held else { return };
        if object == Object::Renews && lease != NEVER {
            let wished = now + lease;
            if wished > held.end || !self.0.renewal_only_extends {
                held.end = wished;
            }
        }
        let mut until = held.end;
        if self.0.answer_is_sure {
            let least = if object == Object::Renews && lease != NEVER { now + lease } else { now };
            for before in held.attempts.iter_mut().filter_map(|(_, before)| before.as_mut()) {
                *before = (*before).max(least);
                until = until.min(*before);
            }
        }
        state.set(call, Phase::Holds { lease, object, until });
    }
}

impl Model for Terms {
    type State = TermState;
    type Action = TermAction;

    fn init_states(&self) -> Vec<TermState> {
        vec![TermState { now: 0, held: None, others: false, calls: [Phase::Idle; CALLS] }]
    }

    fn actions(&self, state: &TermState, actions: &mut Vec<TermAction>) {
        if state.others {
            return;
        }
        for (call, phase) in (0u8..).zip(state.calls) {
            if matches!(phase, Phase::Holds { .. }) && state.names(call) {
                actions.extend([TermAction::AskAgain(call), TermAction::RollBack(call)]);
            }
            match phase {
                Phase::Idle => {
                    // Calls are alike, so the first idle call goes first.
                    let first = state.calls.iter().position(|phase| *phase == Phase::Idle);
                    if first != Some(usize::from(call)) {
                        continue;
                    }
                    for lease in [1, 3, NEVER] {
                        for object in [Object::No, Object::Looks, Object::Renews] {
                            for wanted in [true, false] {
                                actions.push(TermAction::Acquire { call, lease, object, wanted });
                            }
                        }
                    }
                }
                Phase::Withdrawn => actions.push(TermAction::RollBack(call)),
                Phase::Holds { .. } if state.joined(call) => {
                    actions.push(TermAction::Confirm(call));
                    actions.push(TermAction::Renew(call));
                }
                Phase::Holds { object, until, .. } if object != Object::No && until > state.now => {
                    actions.push(TermAction::Renew(call));
                }
                Phase::Holds { .. } | Phase::Over => {}
            }
        }
        if state.held.is_none() {
            actions.push(TermAction::OtherTakes);
        }
        if state.now < TIMES {
            actions.push(TermAction::Tick);
        }
    }

    fn next_state(&self, last: &TermState, action: TermAction) -> Option<TermState> {
        let mut state = last.clone();
        match action {
            TermAction::Acquire { call, lease, object, wanted } => {
                self.acquire(&mut state, call, lease, object, wanted);
            }
            TermAction::AskAgain(call) => self.ask_again(&mut state, call),
            TermAction::RollBack(call) => Self::roll_back(&mut state, call),
            TermAction::Renew(call) => self.renew(&mut state, call),
            TermAction::Confirm(call) => {
                let attempts = state.held.iter_mut().flat_map(|held| &mut held.attempts);
                attempts.filter(|(named, _)| *named == call).for_each(|(_, before)| *before = None);
            }
            TermAction::OtherTakes => state.others = true,
            TermAction::Tick => {
                state.now += 1;
                state.held.take_if(|held| held.end <= state.now);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_OWNER, |_, state: &TermState| {
                let believes = |phase: &Phase| match phase {
                    Phase::Holds { object, until, .. } => *object != Object::No && *until > state.now,
                    _ => false,
                };
                !state.others || !state.calls.iter().any(believes)
            }),
            Property::always(SOMEBODY, |_, state: &TermState| {
                let matters = |phase: &Phase| matches!(phase, Phase::Holds { .. } | Phase::Withdrawn);
                state.held.is_none() || state.calls.iter().any(matters)
            }),
            Property::sometimes(OTHERS_COME, |_, state: &TermState| state.others),
        ]
    }
}

/// Visits every state.
#[must_use]
pub fn check_terms(rules: TermRules) -> Found {
    let begun = Instant::now();
    let checker =
        Terms(rules).checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let broken: Vec<&'static str> =
        [ONE_OWNER, SOMEBODY].into_iter().filter(|name| checker.discovery(name).is_some()).collect();
    for name in &broken {
        let steps = checker.discovery(name).map(stateright::Path::into_actions).unwrap_or_default();
        println!("terms: broken: {name}, by {} steps: {steps:?}", steps.len());
    }
    println!("terms: {} states, {:.1} s", checker.unique_state_count(), begun.elapsed().as_secs_f32());
    Found {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken: broken.into_iter().map(|name| (name, Vec::new())).collect(),
    }
}
