//! Links every public function of `redial` (formatting apart) without std, allocator or panic.
//!
//! The panic handler calls a function that does not exist, so that a panic which the optimizer cannot
//! rule out is a link error. All inputs are opaque to the optimizer. What the machine decides is
//! printed, so that targets can be compared.
#![no_std]
#![no_main]

#[cfg(not(feature = "link"))]
mod exercise;
#[cfg_attr(feature = "link", expect(dead_code, reason = "a link needs but a few of them"))]
mod inputs;
#[cfg(feature = "link")]
mod link;
#[cfg_attr(feature = "link", expect(dead_code, reason = "a link prints hardly anything"))]
mod log;
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "arm", path = "arm.rs")]
mod platform;

use core::hint::black_box;
use core::panic::PanicInfo;

unsafe extern "C" {
    safe fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    a_panic_is_reachable()
}

/// What comes back could be anything.
#[inline(never)]
extern "C" fn opaque(value: u64) -> u64 {
    black_box(value)
}

fn run() {
    #[cfg(not(feature = "link"))]
    exercise::run();
    #[cfg(feature = "link")]
    link::run();
    #[cfg(feature = "planted")]
    platform::write(&[[1, 2, 3][opaque(3) as usize]]);
}
