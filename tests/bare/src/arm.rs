//! A Cortex-M0 under qemu: semihosting.

use core::arch::asm;

#[unsafe(link_section = ".vectors")]
#[used]
static RESET: extern "C" fn() -> ! = reset;

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    super::run();
    // ADP_Stopped_ApplicationExit
    call(0x18, 0x2_0026);
    loop {}
}

fn call(operation: usize, argument: usize) {
    // SAFETY: a semihosting call reads what its argument points to, and changes r0 only.
    unsafe { asm!("bkpt 0xab", inlateout("r0") operation => _, in("r1") argument) }
}

/// Writes all of `bytes` to the debugger's console.
pub fn write(bytes: &[u8]) {
    for byte in bytes {
        // SYS_WRITEC
        call(0x03, core::ptr::from_ref(byte) as usize);
    }
}
