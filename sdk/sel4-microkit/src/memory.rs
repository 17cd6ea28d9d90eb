//! The memory routines that compiled code calls: `memcpy`, `memmove` and `memset`.
//!
//! Those of `compiler_builtins` go byte by byte where source and destination are not equally aligned,
//! and a payload behind a packet's header never is. These use unaligned accesses, which AArch64 allows
//! on normal memory and seL4 leaves allowed; device memory is no business of theirs. Up to
//! 256 bytes they use general-purpose registers only: a switch between PDs saves the others only for
//! who used them.

// Up to 64 bytes: everything is loaded before anything is stored, in two overlapping halves. More: in
// steps of 64, and then the last 64 once more as a whole.
core::arch::global_asm!(
    r#"
    .section .text.memcpy, "ax"
    .global memcpy
    .type memcpy, %function
memcpy:
    add x4, x1, x2
    add x5, x0, x2
    cmp x2, #16
    b.hi 3f
    tbz x2, #3, 1f
    ldr x6, [x1]
    ldr x7, [x4, #-8]
    str x6, [x0]
    str x7, [x5, #-8]
    ret
1:  tbz x2, #4, 2f
    ldp x6, x7, [x1]
    stp x6, x7, [x0]
    ret
2:  tbz x2, #2, 5f
    ldr w6, [x1]
    ldr w7, [x4, #-4]
    str w6, [x0]
    str w7, [x5, #-4]
    ret
3:  cmp x2, #32
    b.hi 4f
    ldp x6, x7, [x1]
    ldp x8, x9, [x4, #-16]
    stp x6, x7, [x0]
    stp x8, x9, [x5, #-16]
    ret
4:  cmp x2, #64
    b.hi 7f
    ldp x6, x7, [x1]
    ldp x8, x9, [x1, #16]
    ldp x10, x11, [x4, #-32]
    ldp x12, x13, [x4, #-16]
    stp x6, x7, [x0]
    stp x8, x9, [x0, #16]
    stp x10, x11, [x5, #-32]
    stp x12, x13, [x5, #-16]
    ret
5:  cbz x2, 6f
    lsr x3, x2, #1
    ldrb w6, [x1]
    ldrb w7, [x1, x3]
    ldrb w8, [x4, #-1]
    strb w6, [x0]
    strb w7, [x0, x3]
    strb w8, [x5, #-1]
6:  ret
7:  mov x3, x0
    cmp x2, #256
    sub x2, x2, #64
    b.hi 9f
8:  ldp x6, x7, [x1]
    ldp x8, x9, [x1, #16]
    ldp x10, x11, [x1, #32]
    ldp x12, x13, [x1, #48]
    add x1, x1, #64
    stp x6, x7, [x3]
    stp x8, x9, [x3, #16]
    stp x10, x11, [x3, #32]
    stp x12, x13, [x3, #48]
    add x3, x3, #64
    subs x2, x2, #64
    b.hi 8b
    ldp x6, x7, [x4, #-64]
    ldp x8, x9, [x4, #-48]
    ldp x10, x11, [x4, #-32]
    ldp x12, x13, [x4, #-16]
    stp x6, x7, [x5, #-64]
    stp x8, x9, [x5, #-48]
    stp x10, x11, [x5, #-32]
    stp x12, x13, [x5, #-16]
    ret
9:  ldp q16, q17, [x1], #32
    ldp q18, q19, [x1], #32
    subs x2, x2, #64
    stp q16, q17, [x3], #32
    stp q18, q19, [x3], #32
    b.hi 9b
    ldp q16, q17, [x4, #-64]
    ldp q18, q19, [x4, #-32]
    stp q16, q17, [x5, #-64]
    stp q18, q19, [x5, #-32]
    ret
    .size memcpy, . - memcpy

    // Memory that overlaps: forwards when the destination comes first, else backwards.
    .section .text.memmove, "ax"
    .global memmove
    .type memmove, %function
memmove:
    cmp x2, #64
    b.ls memcpy
    sub x3, x0, x1
    cmp x3, x2
    b.lo 4f
    neg x3, x3
    cmp x3, x2
    b.hs memcpy
    mov x3, x0
1:  subs x2, x2, #16
    b.lo 2f
    ldp x6, x7, [x1], #16
    stp x6, x7, [x3], #16
    b 1b
2:  adds x2, x2, #16
    b.eq 3f
    ldrb w6, [x1], #1
    strb w6, [x3], #1
    sub x2, x2, #17
    b 2b
3:  ret
4:  add x4, x1, x2
    add x5, x0, x2
5:  subs x2, x2, #16
    b.lo 6f
    ldp x6, x7, [x4, #-16]!
    stp x6, x7, [x5, #-16]!
    b 5b
6:  adds x2, x2, #16
    b.eq 7f
    ldrb w6, [x4, #-1]!
    strb w6, [x5, #-1]!
    sub x2, x2, #17
    b 6b
7:  ret
    .size memmove, . - memmove

    .section .text.memset, "ax"
    .global memset
    .type memset, %function
memset:
    and x1, x1, #0xff
    orr x1, x1, x1, lsl #8
    orr x1, x1, x1, lsl #16
    orr x1, x1, x1, lsl #32
    add x5, x0, x2
    cmp x2, #16
    b.hs 2f
    tbz x2, #3, 1f
    str x1, [x0]
    str x1, [x5, #-8]
    ret
1:  cbz x2, 4f
    mov x3, x0
0:  strb w1, [x3], #1
    cmp x3, x5
    b.ne 0b
    ret
2:  mov x3, x0
    subs x2, x2, #64
    b.lo 5f
3:  stp x1, x1, [x3]
    stp x1, x1, [x3, #16]
    stp x1, x1, [x3, #32]
    stp x1, x1, [x3, #48]
    add x3, x3, #64
    subs x2, x2, #64
    b.hs 3b
    // Up to 63 are left, and there are at least 64 before the end.
    stp x1, x1, [x5, #-64]
    stp x1, x1, [x5, #-48]
    stp x1, x1, [x5, #-32]
    stp x1, x1, [x5, #-16]
4:  ret
    // 16 to 63.
5:  stp x1, x1, [x0]
    tbz x2, #5, 6f
    stp x1, x1, [x0, #16]
    stp x1, x1, [x5, #-32]
6:  stp x1, x1, [x5, #-16]
    ret
    .size memset, . - memset
    "#
);
