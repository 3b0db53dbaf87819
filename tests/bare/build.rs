//! Link arguments: nothing but what this package brings itself.

use std::env::var;

fn main() {
    let arguments: &[&str] = match var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("x86_64") => &["-nostartfiles", "-nostdlib", "-static", "-no-pie"],
        Ok("arm") => &["-Tmicrobit.ld"],
        _ => &[],
    };
    for argument in arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-search={folder}");
    println!("cargo::rerun-if-changed=microbit.ld");
}
