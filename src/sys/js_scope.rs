//! Enters JavaScript from the loop, with a handle scope and a callback scope (so that microtasks run), and clears a pending
//! exception.

use napi::{Env, sys};
use std::ptr;

/// The context of our callbacks into JavaScript, for async_hooks.
pub(crate) struct JsScope {
    env: sys::napi_env,
    context: sys::napi_async_context,
    resource: sys::napi_ref,
}

impl JsScope {
    /// Makes a context of this name.
    pub(crate) fn new(env: &Env, name: &str) -> Result<Self, String> {
        let raw = env.raw();
        let failed = |what: &str| Err(format!("Node-API refused {what}"));
        let (mut object, mut label) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: called on the environment's thread with an out pointer of this frame.
        if unsafe { sys::napi_create_object(raw, &raw mut object) } != sys::Status::napi_ok {
            return failed("an object");
        }
        let length = isize::try_from(name.len()).unwrap_or(0);
        // SAFETY: the pointer and length are those of `name`.
        let status =
            unsafe { sys::napi_create_string_utf8(raw, name.as_ptr().cast(), length, &raw mut label) };
        if status != sys::Status::napi_ok {
            return failed("a string");
        }
        let mut resource = ptr::null_mut();
        // SAFETY: `object` was just created in the current handle scope.
        if unsafe { sys::napi_create_reference(raw, object, 1, &raw mut resource) } != sys::Status::napi_ok {
            return failed("a reference");
        }
        let mut context = ptr::null_mut();
        // SAFETY: `object` and `label` were just created in the current handle scope.
        if unsafe { sys::napi_async_init(raw, object, label, &raw mut context) } != sys::Status::napi_ok {
            return failed("an async context");
        }
        Ok(Self { env: raw, context, resource })
    }

    /// Runs `body` inside a callback scope. Microtasks have run when it returns.
    pub(crate) fn enter(&self, body: impl FnOnce(&Env)) {
        let mut handles = ptr::null_mut();
        // SAFETY: called on the environment's thread, outside any other native frame of ours.
        if unsafe { sys::napi_open_handle_scope(self.env, &raw mut handles) } != sys::Status::napi_ok {
            return;
        }
        let mut resource = ptr::null_mut();
        // SAFETY: the reference is strong and lives as long as this value.
        unsafe { sys::napi_get_reference_value(self.env, self.resource, &raw mut resource) };
        let mut scope = ptr::null_mut();
        // SAFETY: the context is alive and the handle scope is open.
        let opened =
            unsafe { sys::napi_open_callback_scope(self.env, resource, self.context, &raw mut scope) };
        if opened == sys::Status::napi_ok {
            body(&Env::from_raw(self.env));
            self.drop_exception();
            // SAFETY: closes the scope opened above, before the handle scope around it.
            unsafe { sys::napi_close_callback_scope(self.env, scope) };
        }
        // SAFETY: closes the scope opened above.
        unsafe { sys::napi_close_handle_scope(self.env, handles) };
    }

    /// Our dispatcher does not throw. If it does after all, the loop goes on.
    fn drop_exception(&self) {
        let mut pending = false;
        // SAFETY: the out pointer is of this frame.
        unsafe { sys::napi_is_exception_pending(self.env, &raw mut pending) };
        if pending {
            let mut exception = ptr::null_mut();
            // SAFETY: an exception is pending.
            unsafe { sys::napi_get_and_clear_last_exception(self.env, &raw mut exception) };
        }
    }
}

impl Drop for JsScope {
    fn drop(&mut self) {
        // SAFETY: dropped on the environment's thread while it lives; the context is not used any more.
        unsafe { sys::napi_async_destroy(self.env, self.context) };
        // SAFETY: as above, for the reference.
        unsafe { sys::napi_delete_reference(self.env, self.resource) };
    }
}
