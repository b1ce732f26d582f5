//! Delivers results to JavaScript: each is three numbers in a shared array, and an object only where numbers are not enough.

use crate::lane::Deliver;
use crate::sys::SharedNumbers;
use lock_core::{Error, Held, LogLevel, Loss, Notice};
use napi::Env;
use napi::bindgen_prelude::{FnArgs, FunctionRef};
use napi_derive::napi;
use std::cell::RefCell;
use std::rc::Rc;

/// The kinds of results. A triple in the shared array means `[caller or hold, kind, value]`.
#[napi]
pub enum ResultKind {
    /// Keys are held; the value is the hold's id, or 0 if the client keeps no record of the hold.
    Held,
    /// The owner held every key, and all of them are free now; the value is 1.
    Released,
    /// The owner did not hold some keys; the value is the index of the detail, which names them.
    NotHeld,
    /// The client continues the release in the background; the value is the detail's index.
    ReleasePending,
    /// Locks were deleted; the value is their number.
    Freed,
    /// The call failed; the value is the detail's index.
    Failed,
    /// A lock is lost: the first number is the hold, the value the detail's index. The detail's code says what happened
    /// ("lapsed", "stuck", "ended" or "taken-away"). Its message names the call that took the lock ("execute" or "acquire"). Its
    /// cause says who took the lock away, where that was told, or why the lock was not renewed.
    Lost,
    /// The connection stands; the value is the detail's index. The detail's code is the mode ("plain", "polling" or
    /// "hand-off"); its message says why the mode is not the best one.
    Ready,
    /// There is no connection; the value is the detail's index.
    Down,
    /// There is a connection after a time without one. The value is 1 if the client had a connection before, else 0.
    Recovered,
    /// A line for the log; the value is the detail's index.
    Log,
    /// A question: how long is the pause before the next attempt to connect? The value is the number of the attempt, from 1. The
    /// first number is 1 if no Sentinel knew the master, else 0. `reconnectIn` answers.
    AskPause,
    /// A question: what shall the client do about this error reply? The first number identifies the question; the value is the
    /// index of the detail with the server's text. `judge` answers.
    AskError,
}

/// The details of a result for which a number is not enough.
#[napi(object)]
pub struct ResultDetail {
    /// The stable error code, or the level of a log line.
    pub code: String,
    /// The message, the reason, or the line.
    pub message: String,
    /// The keys concerned, by the names that the caller used.
    pub keys: Vec<String>,
    /// The reason behind an error.
    pub cause: Option<String>,
}

/// The JavaScript function that reads the array: number of triples, details.
pub(super) type Dispatcher = FunctionRef<FnArgs<(u32, Vec<ResultDetail>)>, ()>;

pub(super) fn deliverer(dispatcher: Dispatcher, numbers: SharedNumbers) -> Deliver {
    let numbers = RefCell::new(numbers);
    Rc::new(move |env: &Env, notices: Vec<Notice>| {
        let capacity = numbers.borrow().len() / 3;
        let mut notices = notices.into_iter().peekable();
        while notices.peek().is_some() {
            let (mut values, mut details) = (Vec::with_capacity(64), Vec::new());
            let mut count = 0;
            for notice in notices.by_ref().take(capacity.max(1)) {
                values.extend_from_slice(&triple(notice, &mut details));
                count += 1;
            }
            numbers.borrow_mut().write(&values);
            // The dispatcher does not throw. If it does after all, the scope around this clears the exception.
            let _ = dispatcher.borrow_back(env).and_then(|function| function.call((count, details).into()));
        }
    })
}

#[expect(clippy::cast_precision_loss, reason = "callers, holds and counts stay below 2^53")]
fn triple(notice: Notice, details: &mut Vec<ResultDetail>) -> [f64; 3] {
    let mut detail = |detail: ResultDetail| {
        details.push(detail);
        (details.len() - 1) as f64
    };
    let (first, kind, value) = match notice {
        Notice::Held { caller, held: Held::Watched(hold) } => {
            (caller, ResultKind::Held, hold.to_number() as f64)
        }
        Notice::Held { caller, held: Held::Unwatched(_) } => (caller, ResultKind::Held, 0.0),
        Notice::Released { caller } => (caller, ResultKind::Released, 1.0),
        Notice::NotHeld { caller, keys } => {
            (caller, ResultKind::NotHeld, detail(ResultDetail { keys, ..text("", String::new()) }))
        }
        Notice::ReleasePending { caller, why } => (caller, ResultKind::ReleasePending, detail(text("", why))),
        Notice::Freed { caller, count } => (caller, ResultKind::Freed, count as f64),
        Notice::Failed { caller, error } => (caller, ResultKind::Failed, detail(error.into())),
        Notice::Lost { hold, keys, why, by, because, named } => {
            let why = match why {
                Loss::Lapsed => "lapsed",
                Loss::Stuck => "stuck",
                Loss::Ended => "ended",
                Loss::TakenAway => "taken-away",
            };
            let of = if named { "acquire" } else { "execute" };
            (
                hold.to_number(),
                ResultKind::Lost,
                detail(ResultDetail {
                    keys,
                    cause: by.or(because).map(|said| said.to_string()),
                    ..text(why, of.to_owned())
                }),
            )
        }
        Notice::Ready { mode, why } => {
            (0, ResultKind::Ready, detail(text(mode.name(), why.unwrap_or_default())))
        }
        Notice::Down { reason } => (0, ResultKind::Down, detail(text("", reason))),
        Notice::Recovered { again } => (0, ResultKind::Recovered, f64::from(u8::from(again))),
        Notice::Log { level, message } => {
            let level = match level {
                LogLevel::Info => "info",
                LogLevel::Warn => "warn",
                LogLevel::Error => "error",
            };
            (0, ResultKind::Log, detail(text(level, message)))
        }
        Notice::AskPause { attempt, lookup } => (u64::from(lookup), ResultKind::AskPause, f64::from(attempt)),
        Notice::AskError { question, message } => (question, ResultKind::AskError, detail(text("", message))),
    };
    [first as f64, f64::from(kind as i32), value]
}

fn text(code: &str, message: String) -> ResultDetail {
    ResultDetail { code: code.to_owned(), message, keys: Vec::new(), cause: None }
}

impl From<Error> for ResultDetail {
    fn from(error: Error) -> Self {
        Self {
            code: error.code.name().to_owned(),
            message: error.message,
            keys: error.keys,
            cause: error.cause,
        }
    }
}
