"""The parts of `bench_decode`: our decoder, the others, and the memory they read from."""
