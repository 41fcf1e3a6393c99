"""EnCodec's LSTM and upsampling convolutions in C++, compiled by the machine's own compiler.

Weights and activations are in bfloat16, sums in float32. It is an addition, for processors that multiply
bfloat16: the codec works without it. The way in is `NativeCodecBackend` of `body`.
"""
