//! The libuv functions that we use, looked up in the running process. So the addon loads in a runtime without libuv, too, and
//! reports an error there.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

/// `uv_handle_type` of `uv.h`; the numbers are part of libuv's ABI.
#[derive(Clone, Copy)]
#[repr(i32)]
pub(super) enum Kind {
    Async = 1,
    Poll = 8,
    Prepare = 9,
    Timer = 13,
}

pub(super) const READABLE: c_int = 1;
pub(super) const WRITABLE: c_int = 2;

pub(super) type Raw = *mut c_void;
pub(super) type OnHandle = unsafe extern "C" fn(Raw);
pub(super) type OnPoll = unsafe extern "C" fn(Raw, c_int, c_int);

/// libuv's `uv_os_sock_t`.
#[cfg(unix)]
pub(super) type OsSocket = c_int;
#[cfg(windows)]
pub(super) type OsSocket = usize;

macro_rules! uv_functions {
    ($($name:ident: fn($($arg:ty),*) $(-> $ret:ty)?;)*) => {
        /// The functions, as found.
        pub(super) struct UvApi { $(pub(super) $name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)* }

        impl UvApi {
            fn load() -> Result<Self, String> {
                let library = this_process()?;
                Ok(Self { $($name: {
                    // SAFETY: the type is that of the function of this name in uv.h.
                    let symbol = unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) };
                    *symbol.map_err(|error| format!("{} is not to be had: {error}", stringify!($name)))?
                },)* })
            }
        }
    };
}

uv_functions! {
    uv_handle_size: fn(c_int) -> usize;
    uv_handle_set_data: fn(Raw, *mut c_void);
    uv_handle_get_data: fn(Raw) -> *mut c_void;
    uv_ref: fn(Raw);
    uv_unref: fn(Raw);
    uv_close: fn(Raw, Option<OnHandle>);
    uv_poll_init_socket: fn(Raw, Raw, OsSocket) -> c_int;
    uv_poll_start: fn(Raw, c_int, OnPoll) -> c_int;
    uv_prepare_init: fn(Raw, Raw) -> c_int;
    uv_prepare_start: fn(Raw, OnHandle) -> c_int;
    uv_prepare_stop: fn(Raw) -> c_int;
    uv_timer_init: fn(Raw, Raw) -> c_int;
    uv_timer_start: fn(Raw, OnHandle, u64, u64) -> c_int;
    uv_update_time: fn(Raw);
    uv_async_init: fn(Raw, Raw, OnHandle) -> c_int;
    uv_async_send: fn(Raw) -> c_int;
}

#[cfg(unix)]
fn this_process() -> Result<libloading::os::unix::Library, String> {
    Ok(libloading::os::unix::Library::this())
}

#[cfg(windows)]
fn this_process() -> Result<libloading::os::windows::Library, String> {
    libloading::os::windows::Library::this().map_err(|error| error.to_string())
}

/// The functions of this process' libuv.
///
/// # Errors
/// The name of the function that is missing.
pub(super) fn uv() -> Result<&'static UvApi, String> {
    static API: OnceLock<Result<UvApi, String>> = OnceLock::new();
    API.get_or_init(UvApi::load).as_ref().map_err(Clone::clone)
}
