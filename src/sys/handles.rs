//! Owned libuv handles. Dropping one closes it; its memory is not freed before libuv's close callback.

use super::event_loop::EventLoop;
use super::uv_api::{Kind, OsSocket, READABLE, Raw, UvApi, WRITABLE};
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The state of a polled socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// There are bytes to read, or the connection ended.
    pub(crate) readable: bool,
    /// There is room to write.
    pub(crate) writable: bool,
    /// libuv reported an error on the descriptor.
    pub(crate) failed: bool,
}

type Callback = Rc<dyn Fn(Readiness)>;

/// The data of a handle, behind its data pointer. Freed in the close callback.
struct Attached {
    event_loop: Rc<EventLoop>,
    callback: Callback,
    memory: Vec<u64>,
}

struct Handle {
    raw: Raw,
    api: &'static UvApi,
}

impl Handle {
    /// Allocates and initialises a handle; `init` gets loop and handle and returns libuv's status.
    fn open(
        event_loop: &Rc<EventLoop>,
        kind: Kind,
        callback: Callback,
        init: impl FnOnce(Raw, Raw) -> c_int,
    ) -> Result<Self, String> {
        let api = event_loop.api;
        // SAFETY: takes a handle type and returns its size.
        let size = unsafe { (api.uv_handle_size)(kind as c_int) };
        let mut memory = vec![0_u64; size / 8 + 1];
        let raw = memory.as_mut_ptr().cast::<c_void>();
        let status = init(event_loop.raw, raw);
        if status != 0 {
            return Err(format!("libuv refused a handle (error {status})"));
        }
        event_loop.opened();
        let attached = Box::new(Attached { event_loop: Rc::clone(event_loop), callback, memory });
        // SAFETY: the handle was initialised; the box lives until the close callback takes it back.
        unsafe { (api.uv_handle_set_data)(raw, Box::into_raw(attached).cast()) };
        // SAFETY: the handle was initialised. Only `Async::set_referenced` makes a handle count.
        unsafe { (api.uv_unref)(raw) };
        Ok(Self { raw, api })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, since only this drop closes it.
        unsafe { (self.api.uv_close)(self.raw, Some(on_closed)) };
    }
}

fn api_of_attached(raw: Raw) -> Option<*mut Attached> {
    let api = super::uv_api::uv().ok()?;
    // SAFETY: libuv calls back with handles that `Handle::open` initialised.
    let data = unsafe { (api.uv_handle_get_data)(raw) };
    (!data.is_null()).then(|| data.cast::<Attached>())
}

unsafe extern "C" fn on_closed(raw: Raw) {
    let Some(attached) = api_of_attached(raw) else { return };
    // SAFETY: the close callback is the last use of the handle, and the box was made by `Handle::open`.
    let attached = unsafe { Box::from_raw(attached) };
    let Attached { event_loop, callback, memory } = *attached;
    drop(memory);
    // Dropping the callback may run much code; a panic in it must not unwind into libuv.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(callback)));
    event_loop.closed();
}

fn call_back(raw: Raw, readiness: Readiness) {
    let Some(attached) = api_of_attached(raw) else { return };
    // SAFETY: the box lives until the close callback, which libuv calls from the loop, never from in here.
    let callback = unsafe { Rc::clone(&(*attached).callback) };
    // The lanes catch panics where they can still fail their calls. This is the last barrier.
    let _ = catch_unwind(AssertUnwindSafe(|| callback(readiness)));
}

unsafe extern "C" fn on_handle(raw: Raw) {
    call_back(raw, Readiness { readable: false, writable: false, failed: false });
}

unsafe extern "C" fn on_poll(raw: Raw, status: c_int, events: c_int) {
    let readiness =
        Readiness { readable: events & READABLE != 0, writable: events & WRITABLE != 0, failed: status < 0 };
    call_back(raw, readiness);
}

/// Watches a socket. The socket must outlive this.
pub(crate) struct Poll(Handle);

impl Poll {
    /// Starts to watch for something to read.
    #[cfg(unix)]
    pub(crate) fn open(
        event_loop: &Rc<EventLoop>,
        socket: &impl std::os::fd::AsRawFd,
        callback: impl Fn(Readiness) + 'static,
    ) -> Result<Self, String> {
        Self::open_raw(event_loop, socket.as_raw_fd(), callback)
    }

    /// Starts to watch for something to read.
    #[cfg(windows)]
    pub(crate) fn open(
        event_loop: &Rc<EventLoop>,
        socket: &impl std::os::windows::io::AsRawSocket,
        callback: impl Fn(Readiness) + 'static,
    ) -> Result<Self, String> {
        let socket = usize::try_from(socket.as_raw_socket()).map_err(|error| error.to_string())?;
        Self::open_raw(event_loop, socket, callback)
    }

    fn open_raw(
        event_loop: &Rc<EventLoop>,
        socket: OsSocket,
        callback: impl Fn(Readiness) + 'static,
    ) -> Result<Self, String> {
        let init = event_loop.api.uv_poll_init_socket;
        let handle = Handle::open(event_loop, Kind::Poll, Rc::new(callback), |uv_loop, raw| {
            // SAFETY: the loop is the environment's, the memory has the handle's size, the socket is open.
            unsafe { init(uv_loop, raw, socket) }
        })?;
        let this = Self(handle);
        this.watch(false);
        Ok(this)
    }

    /// Watches for something to read and, if `writable`, for room to write.
    pub(crate) fn watch(&self, writable: bool) {
        let events = if writable { READABLE | WRITABLE } else { READABLE };
        // SAFETY: the handle is open.
        unsafe { (self.0.api.uv_poll_start)(self.0.raw, events, on_poll) };
    }
}

/// Runs a callback once per turn of the loop, before the loop waits.
pub(crate) struct Prepare(Handle);

impl Prepare {
    /// A handle that is not started.
    pub(crate) fn open(event_loop: &Rc<EventLoop>, callback: impl Fn() + 'static) -> Result<Self, String> {
        let init = event_loop.api.uv_prepare_init;
        Handle::open(event_loop, Kind::Prepare, Rc::new(move |_| callback()), |uv_loop, raw| {
            // SAFETY: the loop is the environment's, the memory has the handle's size.
            unsafe { init(uv_loop, raw) }
        })
        .map(Self)
    }

    /// Runs the callback before the loop's next wait.
    pub(crate) fn start(&self) {
        // SAFETY: the handle is open.
        unsafe { (self.0.api.uv_prepare_start)(self.0.raw, on_handle) };
    }

    /// Stops the callback.
    pub(crate) fn stop(&self) {
        // SAFETY: the handle is open.
        unsafe { (self.0.api.uv_prepare_stop)(self.0.raw) };
    }
}

/// The lane's one OS timer.
pub(crate) struct Timer {
    handle: Handle,
    uv_loop: Raw,
}

impl Timer {
    /// A timer that is not started.
    pub(crate) fn open(event_loop: &Rc<EventLoop>, callback: impl Fn() + 'static) -> Result<Self, String> {
        let init = event_loop.api.uv_timer_init;
        let handle = Handle::open(event_loop, Kind::Timer, Rc::new(move |_| callback()), |uv_loop, raw| {
            // SAFETY: the loop is the environment's, the memory has the handle's size.
            unsafe { init(uv_loop, raw) }
        })?;
        Ok(Self { handle, uv_loop: event_loop.raw })
    }

    /// Fires once after `delay` (rounded up to milliseconds). An earlier setting is replaced.
    pub(crate) fn start(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        // SAFETY: the loop is this thread's; libuv counts from its cached time, which may be old by now.
        unsafe { (self.handle.api.uv_update_time)(self.uv_loop) };
        // SAFETY: the handle is open.
        unsafe { (self.handle.api.uv_timer_start)(self.handle.raw, on_handle, millis, 0) };
    }
}

struct Target(Raw, &'static UvApi);

// SAFETY: `uv_async_send` may be called from any thread while the handle is open, and the mutex around the
// target makes sure that it is.
unsafe impl Send for Target {}

/// Wakes the loop from any thread; does nothing once the handle is closed.
#[derive(Clone)]
pub(crate) struct AsyncWaker(Arc<Mutex<Option<Target>>>);

impl AsyncWaker {
    /// Makes the loop run the handle's callback soon. Several wakes may lead to one run.
    pub(crate) fn wake(&self) {
        let target = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Target(raw, api)) = target.as_ref() {
            // SAFETY: the handle is open while the target is set, and the lock is held.
            unsafe { (api.uv_async_send)(*raw) };
        }
    }
}

/// A handle that other threads can wake. It also keeps the process alive while calls are under way: no other handle does so.
pub(crate) struct Async {
    waker: AsyncWaker,
    handle: Handle,
}

impl Async {
    /// A handle that does not keep the process alive until [`Self::set_referenced`] says so.
    pub(crate) fn open(event_loop: &Rc<EventLoop>, callback: impl Fn() + 'static) -> Result<Self, String> {
        let init = event_loop.api.uv_async_init;
        let handle = Handle::open(event_loop, Kind::Async, Rc::new(move |_| callback()), |uv_loop, raw| {
            // SAFETY: the loop is the environment's, the memory has the handle's size.
            unsafe { init(uv_loop, raw, on_handle) }
        })?;
        let waker = AsyncWaker(Arc::new(Mutex::new(Some(Target(handle.raw, handle.api)))));
        Ok(Self { waker, handle })
    }

    /// The waker for other threads.
    pub(crate) fn waker(&self) -> AsyncWaker {
        self.waker.clone()
    }

    /// Sets whether this handle keeps the loop going.
    pub(crate) fn set_referenced(&self, referenced: bool) {
        let change = if referenced { self.handle.api.uv_ref } else { self.handle.api.uv_unref };
        // SAFETY: the handle is open.
        unsafe { change(self.handle.raw) };
    }
}

impl Drop for Async {
    fn drop(&mut self) {
        self.waker.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
