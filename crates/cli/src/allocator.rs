//! The system's memory: freed parts are kept, and when it refuses more in the middle of a run, the program says so and
//! ends with a code of its own. Without this it would abort.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;

use crate::OUT_OF_MEMORY;
use crate::console::screen;

/// The system's allocator, which ends the program where it has nothing left to give.
struct Ending;

#[global_allocator]
static ALLOCATOR: Ending = Ending;

// SAFETY: every call is handed to the system's allocator as it is, and its answer handed back unless it is null.
unsafe impl GlobalAlloc for Ending {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is the system's too.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`; `pointer` came from the system's allocator, since all do.
        given(unsafe { System.realloc(pointer, layout, size) }, size)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Keeps what is freed for the next tensor. By default the C library gives large parts back to the kernel at once, and
/// every step has its pages mapped and cleared anew: a fifth of the time of an encoder. All threads share what is kept, or
/// each would keep as much as a step takes.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no memory is touched; the settings only say where later allocations come from.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

fn given(pointer: *mut u8, size: usize) -> *mut u8 {
    if pointer.is_null() {
        end(size);
    }
    pointer
}

/// Checkpoints are whole or not there at any moment, so ending here loses no more than the steps since the last one.
#[cold]
fn end(size: usize) -> ! {
    screen::restore_now();
    let _ = writeln!(
        std::io::stderr(),
        "error: out of memory: the system refused {size} bytes; lower training.batch_size and raise \
         training.accumulation by as much, which trains the same, then resume or start again"
    );
    std::process::exit(i32::from(OUT_OF_MEMORY))
}
