//! Time and randomness of a simulated thread. Functions of the C library are replaced, so that the
//! standard library, Tokio, the AWS SDK and the product all follow the simulation without a change:
//! the clocks show simulated time, waiting for a timer moves them, and random bytes follow the seed.
//!
//! A thread that does not simulate gets what the operating system says.

#![expect(
    unsafe_code,
    reason = "these are functions of the C library; nothing else is unsafe"
)]

use std::cell::Cell;

use libc::{c_int, c_long, c_uint, c_void, clockid_t, epoll_event, size_t, ssize_t, timespec};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

thread_local! {
    /// Simulated time in nanoseconds since the Unix epoch. 0 in threads that do not simulate.
    static NOW: Cell<i64> = const { Cell::new(0) };
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// Makes this thread a simulated one for the rest of its life.
pub(crate) fn simulate(seed: u64, start: jiff::Timestamp) {
    NOW.set(start.as_millisecond() * NANOS_PER_MILLI);
    RANDOM.set(seed);
    // The SDK takes the jitter of its pauses from here. Other generators ask for random bytes.
    fastrand::seed(seed);
}

/// SplitMix64.
fn next_random() -> u64 {
    let state = RANDOM.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    RANDOM.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// # Safety
/// As `clock_gettime(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    let now = NOW.get();
    if now == 0 {
        // SAFETY: the same call, of the kernel.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as c_int;
    }
    let simulated = timespec {
        tv_sec: now / NANOS_PER_SECOND,
        tv_nsec: now % NANOS_PER_SECOND as c_long,
    };
    // SAFETY: the caller passes a valid pointer.
    unsafe { time.write(simulated) };
    0
}

/// # Safety
/// As `getrandom(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
    if NOW.get() == 0 {
        // SAFETY: the same call, of the kernel.
        return unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) } as ssize_t;
    }
    for place in 0..length {
        // SAFETY: the caller passes a buffer of this length.
        unsafe { buffer.cast::<u8>().add(place).write(next_random() as u8) };
    }
    length.cast_signed()
}

/// Waits for the events of a runtime. A simulated thread has none but timers, so time passes at once.
///
/// # Safety
/// As `epoll_wait(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    most: c_int,
    millis: c_int,
) -> c_int {
    if NOW.get() == 0 || millis < 0 {
        let none = std::ptr::null::<c_void>();
        let call = libc::SYS_epoll_pwait;
        // SAFETY: the same call, of the kernel.
        return unsafe { libc::syscall(call, epoll, events, most, millis, none, 8_usize) } as c_int;
    }
    NOW.set(NOW.get() + i64::from(millis) * NANOS_PER_MILLI);
    0
}
