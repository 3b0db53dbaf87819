//! Linux on `x86_64`: two system calls.

use core::arch::{asm, global_asm};

global_asm!(".globl _start", "_start:", "and rsp, -16", "call {main}", main = sym main);

extern "C" fn main() -> ! {
    super::run();
    exit(0)
}

fn exit(code: usize) -> ! {
    // SAFETY: exit_group takes one integer and does not return.
    unsafe { asm!("syscall", in("rax") 231, in("rdi") code, options(noreturn)) }
}

/// Writes all of `bytes` to standard output.
pub fn write(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut result: isize = 1;
        // SAFETY: write reads `bytes.len()` bytes from a slice that is borrowed meanwhile.
        unsafe {
            asm!("syscall", inlateout("rax") result, in("rdi") 1, in("rsi") bytes.as_ptr(),
                in("rdx") bytes.len(), out("rcx") _, out("r11") _, options(nostack));
        }
        let Some(rest) = usize::try_from(result).ok().and_then(|n| bytes.get(n.max(1)..)) else {
            exit(1)
        };
        bytes = rest;
    }
}

// The compiler may call these; where there is no libc, they are ours to give.
global_asm!(
    ".globl memcpy, memset, memcmp, bcmp",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    "bcmp:",
    "memcmp:",
    "xor eax, eax",
    "mov rcx, rdx",
    "test rcx, rcx",
    "repe cmpsb",
    "je 2f",
    "movzx eax, byte ptr [rdi - 1]",
    "movzx ecx, byte ptr [rsi - 1]",
    "xchg eax, ecx",
    "sub eax, ecx",
    "2:",
    "ret",
);
