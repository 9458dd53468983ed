//! The system's memory: freed parts are kept, and when it refuses more in the middle of a run, the program says so and
//! ends with a code of its own. Without this it would abort.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;

use mimalloc::MiMalloc;

use crate::OUT_OF_MEMORY;
use crate::console::screen;

/// Parts up to this many bytes are small.
const MOST_SMALL: usize = 1 << 15;

/// Takes small parts from mimalloc, which threads free for each other without waiting, as those that drive a graphics card
/// do for each launch, and large ones from the system. Ends the program where there is nothing left to give.
struct Ending;

#[global_allocator]
static ALLOCATOR: Ending = Ending;

/// Where parts of this size come from.
fn source(size: usize) -> &'static dyn GlobalAlloc {
    match size <= MOST_SMALL {
        true => &MiMalloc,
        false => &System,
    }
}

// SAFETY: every call is handed to the allocator that the size of the part decides on, which is the same for its whole life,
// and its answer handed back unless it is null.
unsafe impl GlobalAlloc for Ending {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is the source's too.
        given(
            unsafe { source(layout.size()).alloc(layout) },
            layout.size(),
        )
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let pointer = unsafe { source(layout.size()).alloc_zeroed(layout) };
        given(pointer, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if (layout.size() <= MOST_SMALL) == (size <= MOST_SMALL) {
            // SAFETY: as in `alloc`; `pointer` came from the source of the old size, which is that of the new one.
            return given(unsafe { source(size).realloc(pointer, layout, size) }, size);
        }
        // SAFETY: the caller vouches for the new size with the old alignment; the new part is no part of the old one, and
        // what is copied lies in both.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            pointer.copy_to_nonoverlapping(new, layout.size().min(size));
            self.dealloc(pointer, layout);
            new
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `realloc`.
        unsafe { source(layout.size()).dealloc(pointer, layout) }
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
