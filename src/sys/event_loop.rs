//! One environment's event loop, as long as one lane uses it. It counts the lane's handles and closes them when the
//! environment ends.

use super::uv_api::{Raw, UvApi, uv};
use napi::{Env, sys};
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;

/// The loop of one environment (the main thread's or a worker's). Node refuses to end an environment whose loop
/// has open handles, so an *async* cleanup hook closes them, and is removed when the last one has closed.
pub(crate) struct EventLoop {
    pub(super) api: &'static UvApi,
    pub(super) raw: Raw,
    open: Cell<usize>,
    finishing: Cell<bool>,
    hook: Cell<sys::napi_async_cleanup_hook_handle>,
    on_teardown: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl EventLoop {
    /// The loop of `env`. `on_teardown` runs if the environment ends before [`Self::finish`] was called. It must drop every
    /// handle.
    pub(crate) fn of(env: &Env, on_teardown: impl FnOnce() + 'static) -> Result<Rc<Self>, String> {
        let api = uv()?;
        let raw = env.get_uv_event_loop().map_err(|error| error.to_string())?.cast::<c_void>();
        let this = Rc::new(Self {
            api,
            raw,
            open: Cell::new(0),
            finishing: Cell::new(false),
            hook: Cell::new(ptr::null_mut()),
            on_teardown: RefCell::new(Some(Box::new(on_teardown))),
        });
        let data = Rc::into_raw(Rc::clone(&this)).cast_mut().cast::<c_void>();
        let mut hook = ptr::null_mut();
        // SAFETY: `data` owns one count of the Rc, given back by `unhook` exactly once.
        let status =
            unsafe { sys::napi_add_async_cleanup_hook(env.raw(), Some(on_env_end), data, &raw mut hook) };
        if status != sys::Status::napi_ok {
            // SAFETY: the hook was not registered, so nobody else holds the count made above.
            drop(unsafe { Rc::from_raw(data.cast::<Self>()) });
            return Err(format!("Node did not take the cleanup hook (status {status})"));
        }
        this.hook.set(hook);
        Ok(this)
    }

    /// Says that no more handles will be opened. When the last handle has closed, the cleanup hook is removed.
    pub(crate) fn finish(&self) {
        self.finishing.set(true);
        self.on_teardown.borrow_mut().take();
        self.unhook_if_done();
    }

    pub(super) fn opened(&self) {
        self.open.set(self.open.get() + 1);
    }

    pub(super) fn closed(&self) {
        self.open.set(self.open.get().saturating_sub(1));
        self.unhook_if_done();
    }

    fn unhook_if_done(&self) {
        if !self.finishing.get() || self.open.get() > 0 {
            return;
        }
        let hook = self.hook.replace(ptr::null_mut());
        if hook.is_null() {
            return;
        }
        // SAFETY: the hook is registered and removed only here, once, since the handle is taken out above.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
        // SAFETY: this is the count that `of` gave to the hook, which will not use it any more.
        unsafe { Rc::decrement_strong_count(ptr::from_ref(self)) };
    }
}

unsafe extern "C" fn on_env_end(_hook: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: `data` is the pointer given to the hook, whose count lives until `unhook_if_done`.
    unsafe { Rc::increment_strong_count(data.cast::<EventLoop>()) };
    // SAFETY: this takes over the count that was added just above.
    let this = unsafe { Rc::from_raw(data.cast::<EventLoop>()) };
    let teardown = this.on_teardown.borrow_mut().take();
    if let Some(teardown) = teardown {
        // A panic must not cross into Node. Handles that are already closed stay closed.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(teardown));
    }
    this.finish();
}
