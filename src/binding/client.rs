//! The class `NativeClient`: the client of one provider.

use super::deliver::{Dispatcher, ResultDetail, deliverer};
use super::options::NativeOptions;
use super::values::{millis, number};
use crate::lane::Lane;
use crate::sys::SharedNumbers;
use lock_core::{
    AcquireRequest, Error, HoldId, Keep, LeaseState, Owner, ReleaseAllRequest, Verdict, WaitPolicy, Wanted,
};
use napi::Env;
use napi::bindgen_prelude::{Either, Float64Array, FnArgs, Function, Result, Status};
use napi_derive::napi;
use std::time::Duration;

/// How far a hold can be trusted, as a number.
#[napi]
pub enum HoldState {
    /// Renewed in time.
    Held,
    /// The last renewal failed; the lease has not lapsed.
    Suspect,
    /// Redis said that the lock is gone: somebody took it away.
    Lost,
    /// The lease is over, or so close to its end that nobody may rely on it.
    Lapsed,
    /// The lock was released, or the hold never existed.
    Gone,
}

/// The answer to a call that was not accepted.
#[napi(object)]
pub struct Refusal {
    /// Why the call was not accepted.
    pub refused: ResultDetail,
}

/// The facts of a hold.
#[napi(object)]
pub struct HoldFacts {
    /// The owner, as the lock key in Redis contains it.
    pub owner: String,
    /// The keys, in the order of the tokens.
    pub keys: Vec<String>,
    /// The fencing tokens; empty where the server gives none.
    pub tokens: Vec<f64>,
}

/// How keys are taken for a named owner.
#[napi(object, object_to_js = false)]
pub struct Terms {
    /// The owner; `*` stands for no particular owner.
    pub owner: String,
    /// Length of the lease; 0: the lock has no lease.
    pub lease_ms: f64,
    /// The longest wait.
    pub wait_ms: f64,
    /// The time limit begins when the client finds the key held. At its end the call is refused; it does not time out. With a
    /// wait of 0 the call is refused at once.
    pub refuse: bool,
    /// 0: the caller does not ask about the lease later. 1: a hold stands for the lease until the release. 2: the lease is
    /// renewed, too.
    pub keep: u32,
}

/// A connection to Redis and the calls that go over it. Calls are numbered by the caller; their results come
/// through the dispatcher, which gets a number of triples in `numbers` and a list of details.
#[napi]
pub struct NativeClient {
    pub(super) lane: Lane,
}

/// The hold with this number.
pub(super) fn hold_id(number_of_hold: f64) -> HoldId {
    HoldId::from_number(number(number_of_hold))
}

fn taken<T>(outcome: std::result::Result<T, Error>) -> Either<T, Refusal> {
    match outcome {
        Ok(taken) => Either::A(taken),
        Err(error) => Either::B(Refusal { refused: error.into() }),
    }
}

fn named(keys: Either<String, Vec<String>>) -> Vec<String> {
    match keys {
        Either::A(key) => vec![key],
        Either::B(keys) => keys,
    }
}

#[napi]
impl NativeClient {
    /// Makes a client, which connects at once. Throws when an option cannot be used or the lane cannot be opened.
    #[napi(constructor, catch_unwind)]
    #[allow(clippy::needless_pass_by_value, reason = "arguments come by value from JavaScript")]
    pub fn new(
        env: &Env,
        options: NativeOptions,
        numbers: Float64Array,
        dispatcher: Function<'_, FnArgs<(u32, Vec<ResultDetail>)>, ()>,
    ) -> Result<Self> {
        let on_thread = options.on_thread;
        let settings =
            options.into_settings().map_err(|trouble| napi::Error::new(Status::InvalidArg, trouble))?;
        let dispatcher: Dispatcher = dispatcher.create_ref()?;
        let deliver = deliverer(dispatcher, SharedNumbers::new(numbers));
        let lane = Lane::open(env, settings, on_thread, deliver)
            .map_err(|reason| napi::Error::new(Status::GenericFailure, reason))?;
        let this = Self { lane };
        this.lane
            .with(env, |engine, _| engine.router().connect())
            .map_err(|error| napi::Error::new(Status::GenericFailure, error.message))?;
        Ok(this)
    }

    /// Takes the keys for one call of `execute`: waits for them for up to `timeout_ms`, and renews the lease. `label` tells
    /// operators the purpose of the lock. Returns the task, for `cancel`.
    #[napi(catch_unwind)]
    pub fn lock(
        &self,
        env: &Env,
        caller: f64,
        keys: Either<String, Vec<String>>,
        lease_ms: f64,
        timeout_ms: f64,
        label: Option<String>,
    ) -> Either<u32, Refusal> {
        let wait =
            Waiting { wait: limited(timeout_ms), lease: Some(millis(lease_ms)), keep: Keep::Renewed, label };
        self.acquire_keys(env, caller, keys, Wanted::Execute, wait)
    }

    /// Takes the keys for a named owner. Returns the task, for `cancel`.
    #[napi(catch_unwind)]
    pub fn acquire(
        &self,
        env: &Env,
        caller: f64,
        keys: Either<String, Vec<String>>,
        terms: Terms,
        label: Option<String>,
    ) -> Either<u32, Refusal> {
        let wait = match terms.refuse {
            true if terms.wait_ms <= 0.0 => WaitPolicy::None,
            true => WaitPolicy::TryFor(millis(terms.wait_ms)),
            false => limited(terms.wait_ms),
        };
        let keep = match terms.keep {
            0 => Keep::No,
            1 => Keep::Known,
            _ => Keep::Renewed,
        };
        let lease = Some(millis(terms.lease_ms)).filter(|lease| !lease.is_zero());
        let wanted = Wanted::Named(terms.owner.into_bytes().into());
        self.acquire_keys(env, caller, keys, wanted, Waiting { wait, lease, keep, label })
    }

    /// Withdraws a call.
    #[napi(catch_unwind)]
    pub fn cancel(&self, env: &Env, task: u32, caller: f64) {
        // A closed client has no call to withdraw.
        let _ = self.lane.with(env, |engine, now| engine.router().cancel(now, task, number(caller)));
    }

    /// Ends a hold: the client no longer renews it, and releases its keys. Returns how far the hold could be trusted until now.
    #[napi(catch_unwind)]
    pub fn unlock(&self, env: &Env, caller: f64, hold: f64) -> HoldState {
        let hold = hold_id(hold);
        let state = self.lane.with(env, |engine, now| engine.release_hold(now, number(caller), hold));
        state_of(state.unwrap_or(LeaseState::Gone))
    }

    /// Releases those of the keys that `owner` holds.
    #[napi(catch_unwind)]
    pub fn release(
        &self,
        env: &Env,
        caller: f64,
        keys: Either<String, Vec<String>>,
        owner: String,
    ) -> Either<u32, Refusal> {
        let outcome = self.lane.with(env, |engine, now| {
            let keys = engine.router().parse_keys(&named(keys))?;
            engine.release(now, number(caller), keys, Owner::Named(owner.into_bytes().into()));
            Ok(0)
        });
        taken(outcome.flatten())
    }

    /// Deletes the locks of the namespace: those of `owner`, or all of them.
    #[napi(catch_unwind)]
    pub fn release_all(&self, env: &Env, caller: f64, owner: Option<String>) -> Either<u32, Refusal> {
        let owner = owner.map(|owner| owner.into_bytes().into());
        let request = ReleaseAllRequest { caller: number(caller), owner };
        taken(self.lane.with(env, |engine, now| engine.release_all(now, request)).flatten())
    }

    /// Answers `ResultKind.AskPause`: the client connects again after so many milliseconds, or never (`None`).
    #[napi(catch_unwind)]
    pub fn reconnect_in(&self, env: &Env, pause_ms: Option<f64>) {
        // A closed client does not connect.
        let _ = self.lane.with(env, |engine, now| engine.router().reconnect_in(now, pause_ms.map(millis)));
    }

    /// Answers `ResultKind.AskError`: 0 leaves the error to its call, 1 does so and connects anew, 2 connects anew and
    /// sends the command again.
    #[napi(catch_unwind)]
    pub fn judge(&self, env: &Env, question: f64, verdict: u32) {
        let verdict = match verdict {
            0 => Verdict::Accept,
            1 => Verdict::Reconnect,
            _ => Verdict::Resend,
        };
        let _ = self.lane.with(env, |engine, now| engine.router().judge(now, number(question), verdict));
    }

    /// Milliseconds until the hold's lease can lapse; 0 once the hold is lost or given back; Infinity if it has no lease.
    #[napi(catch_unwind)]
    pub fn remaining_ms(&self, hold: f64) -> f64 {
        let left = self.lane.remaining(hold_id(hold));
        left.map_or(f64::INFINITY, |left| left.as_secs_f64() * 1_000.0)
    }

    /// Forgets a hold of `acquire`: the client no longer renews it and no longer compares it with Redis. Its keys stay as they
    /// are.
    #[napi(catch_unwind)]
    pub fn forget(&self, env: &Env, hold: f64) {
        let hold = hold_id(hold);
        let _ = self.lane.with(env, |engine, now| engine.forget_hold(now, hold));
    }

    /// Gives back the keys that a hold of `acquire` took, and repeats the command until Redis has executed it. Other holds of the
    /// same owner stay. Returns false if the hold was lost or given back; then no result follows.
    #[napi(catch_unwind)]
    pub fn roll_back(&self, env: &Env, caller: f64, hold: f64) -> bool {
        let hold = hold_id(hold);
        self.lane.with(env, |engine, now| engine.roll_back_hold(now, number(caller), hold)).unwrap_or(false)
    }

    /// How far the hold can be trusted at this moment.
    #[napi(catch_unwind)]
    pub fn hold_state(&self, hold: f64) -> HoldState {
        state_of(self.lane.lease_state(hold_id(hold)))
    }

    /// The facts of a hold; `null` once it was given back.
    #[napi(catch_unwind)]
    pub fn hold_facts(&self, env: &Env, hold: f64) -> Option<HoldFacts> {
        let held = self.lane.inspect(hold_id(hold), Clone::clone)?;
        let keys = self.lane.with(env, |engine, _| engine.router().caller_names(&held.keys)).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "tokens stay below 2^53")]
        let tokens = held.tokens.iter().map(|token| *token as f64).collect();
        Some(HoldFacts { owner: String::from_utf8_lossy(held.owner.as_bytes()).into_owned(), keys, tokens })
    }

    /// Accepts no more calls and fails the calls that wait for a lock. Releases go on.
    #[napi(catch_unwind)]
    pub fn drain(&self, env: &Env) {
        let _ = self.lane.with(env, |engine, now| engine.router().close(now));
    }

    /// Whether a call or a release is under way. Held locks do not count.
    #[napi(catch_unwind)]
    pub fn is_busy(&self, env: &Env) -> bool {
        self.lane.with(env, |engine, _| !engine.router().is_idle()).unwrap_or(false)
    }

    /// The step at exit, which takes at most 200 ms: it leaves 2 s to each lock that is still renewed.
    #[napi(catch_unwind)]
    pub fn exit_step(&self) {
        self.lane.exit_step();
    }

    /// Closes the connection and everything else, at once. Idempotent.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.lane.close();
    }

    fn acquire_keys(
        &self,
        env: &Env,
        caller: f64,
        keys: Either<String, Vec<String>>,
        wanted: Wanted,
        Waiting { wait, lease, keep, label }: Waiting,
    ) -> Either<u32, Refusal> {
        let outcome = self.lane.with(env, |engine, now| {
            let named = named(keys);
            let keys = engine.router().parse_keys(&named)?;
            // A single parsed key yields its caller's name, so only the names of several keys are kept. An error then names them
            // in the caller's order.
            let named = if named.len() > 1 { named } else { Vec::new() };
            engine.acquire(
                now,
                AcquireRequest {
                    caller: number(caller),
                    keys,
                    named,
                    wanted,
                    lease,
                    wait,
                    keep,
                    label: label.map(Into::into),
                },
            )
        });
        taken(outcome.flatten())
    }
}

/// How long a call waits for keys, for how long it takes them, and its label.
struct Waiting {
    wait: WaitPolicy,
    lease: Option<Duration>,
    keep: Keep,
    label: Option<String>,
}

/// `Infinity` is a wait without a limit.
fn limited(wait_ms: f64) -> WaitPolicy {
    if wait_ms.is_finite() { WaitPolicy::Limit(millis(wait_ms)) } else { WaitPolicy::Endless }
}

fn state_of(state: LeaseState) -> HoldState {
    match state {
        LeaseState::Held => HoldState::Held,
        LeaseState::Suspect => HoldState::Suspect,
        LeaseState::Lost => HoldState::Lost,
        LeaseState::Lapsed => HoldState::Lapsed,
        LeaseState::Gone => HoldState::Gone,
    }
}
