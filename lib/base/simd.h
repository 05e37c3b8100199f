/* One binary that runs well on any x86-64: SIMD_CLONES compiles a function for several instruction sets and picks at load
 * time. Off under the sanitizers (they do not survive ifunc resolvers) and where the compiler lacks it. */
#ifndef SIDMILL_BASE_SIMD_H
#define SIDMILL_BASE_SIMD_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(SIDMILL_SANITIZE)
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES
#endif

#endif
