//! Where the binary's memory comes from: what is small from mimalloc, which is quick and keeps what
//! is given back; what is large from the system's allocator, which gives it back at once, so that a
//! large file leaves the process as small as it was.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

use mimalloc::MiMalloc;

/// From so many bytes on, glibc maps memory for each piece and unmaps it when it is freed.
const LARGE: usize = 128 << 10;

/// Chooses by size.
pub struct BySize;

#[expect(
    unsafe_code,
    reason = "whoever frees names the size that was asked for, so both sides choose the same"
)]
unsafe impl GlobalAlloc for BySize {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            unsafe { MiMalloc.alloc(layout) }
        } else {
            unsafe { System.alloc(layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            unsafe { MiMalloc.alloc_zeroed(layout) }
        } else {
            unsafe { System.alloc_zeroed(layout) }
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if layout.size() < LARGE {
            unsafe { MiMalloc.dealloc(at, layout) }
        } else {
            unsafe { System.dealloc(at, layout) }
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match (layout.size() < LARGE, size < LARGE) {
            (true, true) => unsafe { MiMalloc.realloc(at, layout, size) },
            (false, false) => unsafe { System.realloc(at, layout, size) },
            // From one to the other: there is a new piece.
            _ => {
                let (align, kept) = (layout.align(), layout.size().min(size));
                unsafe {
                    let new = self.alloc(Layout::from_size_align_unchecked(size, align));
                    if !new.is_null() {
                        ptr::copy_nonoverlapping(at, new, kept);
                        self.dealloc(at, layout);
                    }
                    new
                }
            }
        }
    }
}
