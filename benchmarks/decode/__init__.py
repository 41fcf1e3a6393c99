"""What `bench_decode` measures, one by one: ours, the others, and the memory they read from."""
