//! The fallback lane: lock-core behind a mutex, driven by the background thread. It is for runtimes whose event loop the
//! addon cannot use, and is not tuned.

mod core;
mod driver;

use super::deliver::{Deliver, closed};
use super::settings::Settings;
use super::shared::{Inbound, Shared, Waker};
use super::{background, census, renewal};
use crate::sys::{EnvEnd, ThreadWaker, now};
use core::Core;
use driver::drive;
use lock_core::{Engine, Error, IdSource, Instant};
use napi::Env;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

/// So many results are delivered at once. They lead to work in JavaScript, and the rest of its loop waits for that work.
const MOST_TOLD: usize = 1_000;

/// See the module.
pub(crate) struct ThreadLane {
    core: Arc<Core>,
    waker: RefCell<Option<ThreadWaker>>,
    deliver: RefCell<Option<Deliver>>,
    /// A worker may be terminated in the middle of a job.
    env_end: RefCell<Option<EnvEnd>>,
    /// The step at exit was taken. It is taken only once.
    exited: Cell<bool>,
}

impl ThreadLane {
    /// Starts the lane's task and the renewal. The lane connects when the client asks for it.
    pub(super) fn open(
        env: &Env,
        settings: Settings,
        seed: [u8; 24],
        deliver: Deliver,
    ) -> Result<Rc<Self>, String> {
        let shared = Arc::new(Shared::new());
        let engine = Engine::new(settings.client.clone(), seed, shared.share_leases());
        let core = Arc::new(Core::new(engine, Arc::clone(&shared)));
        let this = Rc::new(Self {
            core: Arc::clone(&core),
            waker: RefCell::new(None),
            deliver: RefCell::new(Some(deliver)),
            env_end: RefCell::new(None),
            exited: Cell::new(false),
        });
        let me = Rc::downgrade(&this);
        let env_end = EnvEnd::of(env, move || {
            if let Some(lane) = me.upgrade() {
                lane.exit_step();
                lane.close();
            }
        })?;
        *this.env_end.borrow_mut() = Some(env_end);
        let me = Rc::downgrade(&this);
        let waker = ThreadWaker::new(env, move |env| {
            if let Some(lane) = me.upgrade() {
                lane.tell(env);
            }
        })?;
        shared.set_waker(Waker::Thread(waker.clone()));
        *this.waker.borrow_mut() = Some(waker);
        background::spawn(drive(core, settings.clone()))?;
        census::start(&shared, &settings, IdSource::new(seed).mark())?;
        renewal::start(shared, settings)?;
        Ok(this)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.core.shared
    }

    /// Lets `body` work on the engine; the background thread does the rest.
    pub(super) fn with<R>(
        &self,
        env: &Env,
        body: impl FnOnce(&mut Engine, Instant) -> R,
    ) -> Result<R, Error> {
        let waker = self.waker.borrow();
        let Some(waker) = waker.as_ref() else {
            return Err(closed());
        };
        let result = body(&mut self.core.engine(), now());
        waker.set_referenced(env, self.core.is_awaited());
        self.core.work.notify_one();
        Ok(result)
    }

    fn tell(&self, env: &Env) {
        for message in self.core.shared.receive() {
            match message {
                // The notice goes behind the notices that are there already: a loss is delivered after the lock itself.
                Inbound::Notice(notice) => self.core.engine().push(notice),
                Inbound::LookedUp { outcome } => {
                    self.core.engine().router().handle_map(now(), outcome);
                    self.core.work.notify_one();
                }
                Inbound::Moved { reason } => {
                    self.core.engine().router().handle_moved(now(), &reason);
                    self.core.work.notify_one();
                }
                Inbound::WhoWaits { keys, answer } => {
                    // The task that asked may have ended.
                    let _ = answer.send(self.core.engine().waiting(keys.as_ref()));
                }
                // This lane connects by itself.
                Inbound::Connected { .. } => {}
            }
        }
        let mut engine = self.core.engine();
        let notices = engine.take_notices(MOST_TOLD);
        let has_more = engine.has_notices();
        drop(engine);
        let deliver = self.deliver.borrow().clone();
        if let (Some(deliver), false) = (deliver, notices.is_empty()) {
            deliver(env, notices);
        }
        if has_more {
            self.core.pause_telling();
        }
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.set_referenced(env, self.core.is_awaited());
        }
    }

    /// See [`super::Lane::exit_step`]. Blocks for at most its limit.
    pub(super) fn exit_step(&self) {
        if self.exited.replace(true) {
            return;
        }
        let end = self.core.shared.begin_exit();
        let mut engine = self.core.engine();
        if !engine.begin_exit(now()) {
            return;
        }
        self.core.work.notify_one();
        while engine.router().expects_replies() {
            let left = end.since(now());
            if left.is_zero() {
                return;
            }
            let woken = self.core.progress.wait_timeout(engine, left);
            engine = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes everything at once, without a notice.
    pub(super) fn close(&self) {
        self.core.shared.close();
        self.core.work.notify_one();
        self.deliver.borrow_mut().take();
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.close();
        }
        // The hook itself is running here, and Node removes it.
        if let Ok(mut env_end) = self.env_end.try_borrow_mut() {
            env_end.take();
        }
    }
}

impl Drop for ThreadLane {
    fn drop(&mut self) {
        self.close();
    }
}
