//! Links every public function of `redial` (formatting apart) without std, allocator or panic.
//!
//! The panic handler calls a function that does not exist, so that a panic which the optimizer cannot
//! rule out is a link error. All inputs are opaque to the optimizer. What the machine decides is
//! printed, so that targets can be compared.
#![no_std]
#![no_main]

mod exercise;
mod inputs;
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
    exercise::run();
    #[cfg(feature = "planted")]
    platform::write(&[[1, 2, 3][opaque(3) as usize]]);
}
