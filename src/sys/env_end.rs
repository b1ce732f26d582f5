//! Notices the end of an environment (the main thread's or a worker's) where the addon cannot use its loop.

use napi::{Env, sys};
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

type Step = RefCell<Option<Box<dyn FnOnce()>>>;

/// A cleanup hook; dropping this value removes the hook. Only the environment's thread may use it.
pub(crate) struct EnvEnd {
    env: sys::napi_env,
    step: Rc<Step>,
}

impl EnvEnd {
    /// `step` runs on the environment's thread when the environment ends, unless this value is dropped before.
    pub(crate) fn of(env: &Env, step: impl FnOnce() + 'static) -> Result<Self, String> {
        let step: Rc<Step> = Rc::new(RefCell::new(Some(Box::new(step))));
        let data = Rc::as_ptr(&step).cast_mut().cast::<c_void>();
        // SAFETY: `data` is valid until `drop`, which takes the hook out; `on_env_end` runs at most once.
        let status = unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(on_env_end), data) };
        if status != sys::Status::napi_ok {
            return Err(format!("Node did not take the cleanup hook (status {status})"));
        }
        Ok(Self { env: env.raw(), step })
    }
}

impl Drop for EnvEnd {
    fn drop(&mut self) {
        let ran = self.step.try_borrow_mut().is_ok_and(|mut step| step.take().is_none());
        if !ran {
            let data = Rc::as_ptr(&self.step).cast_mut().cast::<c_void>();
            // SAFETY: the hook was added with this pointer and has not run; the environment has not ended.
            unsafe { sys::napi_remove_env_cleanup_hook(self.env, Some(on_env_end), data) };
        }
    }
}

unsafe extern "C" fn on_env_end(data: *mut c_void) {
    // SAFETY: the pointer is that of an `Rc` that its `EnvEnd` holds; one count more keeps it while the step runs.
    unsafe { Rc::increment_strong_count(data.cast::<Step>()) };
    // SAFETY: this takes over the count that was added just above.
    let step = unsafe { Rc::from_raw(data.cast::<Step>()) };
    let step = step.take();
    if let Some(step) = step {
        // A panic must not cross into Node.
        let _ = catch_unwind(AssertUnwindSafe(step));
    }
}
