//! Wakes the JavaScript thread where libuv is missing: through a threadsafe function that has no JavaScript function.

use napi::{Env, sys};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Callback = Rc<dyn Fn(&Env)>;

struct Raw(sys::napi_threadsafe_function);

// SAFETY: Node-API allows calls of a threadsafe function from any thread until it is released, and the mutex
// around it makes sure that it is not.
unsafe impl Send for Raw {}

struct Inner {
    function: Mutex<Option<Raw>>,
    pending: AtomicBool,
}

/// Runs a callback on the JavaScript thread when any thread asks for it. By itself it does not keep the process alive.
#[derive(Clone)]
pub(crate) struct ThreadWaker(Arc<Inner>);

struct Context {
    callback: Callback,
    inner: Arc<Inner>,
}

impl ThreadWaker {
    /// A waker whose `callback` runs on this thread, inside a callback scope.
    pub(crate) fn new(env: &Env, callback: impl Fn(&Env) + 'static) -> Result<Self, String> {
        let inner = Arc::new(Inner { function: Mutex::new(None), pending: AtomicBool::new(false) });
        let context =
            Box::into_raw(Box::new(Context { callback: Rc::new(callback), inner: Arc::clone(&inner) }));
        let name = "medusa-locking-redis";
        let mut label = ptr::null_mut();
        // SAFETY: the pointer and length are those of `name`.
        unsafe { sys::napi_create_string_utf8(env.raw(), name.as_ptr().cast(), 20, &raw mut label) };
        let mut function = ptr::null_mut();
        // SAFETY: `context` lives until the finalizer, which frees it.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                ptr::null_mut(),
                ptr::null_mut(),
                label,
                0,
                1,
                context.cast(),
                Some(on_finalize),
                context.cast(),
                Some(on_wake),
                &raw mut function,
            )
        };
        if status != sys::Status::napi_ok {
            // SAFETY: the function was not made, so nobody else knows the box.
            drop(unsafe { Box::from_raw(context) });
            return Err(format!("Node-API refused a threadsafe function (status {status})"));
        }
        // SAFETY: the function was just made, on this thread.
        unsafe { sys::napi_unref_threadsafe_function(env.raw(), function) };
        *inner.function.lock().unwrap_or_else(PoisonError::into_inner) = Some(Raw(function));
        Ok(Self(inner))
    }

    /// Runs the callback soon. Several wakes may lead to one run.
    pub(crate) fn wake(&self) {
        if self.0.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        let function = self.0.function.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Raw(function)) = function.as_ref() {
            // SAFETY: the function is not released while the lock is held.
            unsafe {
                sys::napi_call_threadsafe_function(
                    *function,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                )
            };
        }
    }

    /// Sets whether this waker keeps the process alive. JavaScript thread only.
    pub(crate) fn set_referenced(&self, env: &Env, referenced: bool) {
        let function = self.0.function.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Raw(function)) = function.as_ref() {
            if referenced {
                // SAFETY: called on the environment's thread; the function is not released.
                unsafe { sys::napi_ref_threadsafe_function(env.raw(), *function) };
            } else {
                // SAFETY: as above.
                unsafe { sys::napi_unref_threadsafe_function(env.raw(), *function) };
            }
        }
    }

    /// Ends this waker. Later wakes do nothing.
    pub(crate) fn close(&self) {
        let function = self.0.function.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Raw(function)) = function {
            // SAFETY: the function was taken out above, so it is released once and not used afterwards.
            unsafe {
                sys::napi_release_threadsafe_function(function, sys::ThreadsafeFunctionReleaseMode::abort)
            };
        }
    }
}

unsafe extern "C" fn on_wake(
    env: sys::napi_env,
    _function: sys::napi_value,
    context: *mut c_void,
    _data: *mut c_void,
) {
    // The environment is null while the function is being torn down.
    if env.is_null() {
        return;
    }
    // SAFETY: the context lives until the finalizer, which runs after the last call.
    let context = unsafe { &*context.cast::<Context>() };
    context.inner.pending.store(false, Ordering::Release);
    let callback = Rc::clone(&context.callback);
    let _ = catch_unwind(AssertUnwindSafe(|| callback(&Env::from_raw(env))));
}

unsafe extern "C" fn on_finalize(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `data` is the box made in `new`; the finalizer runs once.
    let context = unsafe { Box::from_raw(data.cast::<Context>()) };
    context.inner.function.lock().unwrap_or_else(PoisonError::into_inner).take();
    let _ = catch_unwind(AssertUnwindSafe(|| drop(context)));
}
