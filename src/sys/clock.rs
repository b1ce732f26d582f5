//! A clock that runs on while the machine is suspended, as a lease in Redis does.

use lock_core::Instant;

/// The present instant.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn now() -> Instant {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of this frame.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    if status != 0 {
        return Instant::from_nanos(0);
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Instant::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// The present instant.
#[cfg(target_os = "macos")]
pub(crate) fn now() -> Instant {
    use std::sync::OnceLock;

    #[repr(C)]
    struct Timebase {
        numer: u32,
        denom: u32,
    }
    // SAFETY: the declarations are those of <mach/mach_time.h>.
    unsafe extern "C" {
        fn mach_continuous_time() -> u64;
        fn mach_timebase_info(info: *mut Timebase) -> libc::c_int;
    }
    static RATIO: OnceLock<(u128, u128)> = OnceLock::new();
    let (numer, denom) = *RATIO.get_or_init(|| {
        let mut base = Timebase { numer: 1, denom: 1 };
        // SAFETY: the pointer is to a value of this frame.
        unsafe { mach_timebase_info(&raw mut base) };
        (u128::from(base.numer), u128::from(base.denom.max(1)))
    });
    // SAFETY: takes no arguments and has no preconditions.
    let ticks = unsafe { mach_continuous_time() };
    Instant::from_nanos(u64::try_from(u128::from(ticks) * numer / denom).unwrap_or(u64::MAX))
}

/// The present instant; its resolution is 10 to 16 ms.
#[cfg(windows)]
pub(crate) fn now() -> Instant {
    // SAFETY: the declaration is that of <sysinfoapi.h>.
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetTickCount64() -> u64;
    }
    // SAFETY: takes no arguments and has no preconditions.
    let ticks = unsafe { GetTickCount64() };
    Instant::from_nanos(ticks.saturating_mul(1_000_000))
}
