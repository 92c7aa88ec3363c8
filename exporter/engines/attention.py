"""Attention: which form the graph has, what the builder makes of it, and the count that proves it.

The decision: opset 21, attention as MatMul-Softmax-MatMul. Measured with TensorRT-RTX 1.7.1.116 on a machine without a
GPU, single attentions in float16, one frame; "fused" means that the plan's program calls `_gemm_mha_v2`:

| heads x tokens x keys x width       | opset 21    | opset 23 `Attention` |
| ---                                 | ---         | ---                  |
| 5 x 4096 x 4096 x 64 (UNet, self)   | fused       | fused                |
| 5 x 4096 x 77 x 64 (UNet, cross)    | fused       | fused                |
| 20 x 64 x 64 x 64 (UNet, innermost) | fused       | fused                |
| 3 x 96 x 96 x 16 (tiny, self)       | fused       | fused                |
| 2 x 4096 x 4096 x 256               | fused       | fused                |
| 1 x 4096 x 4096 x 512 (VAE)         | three steps | the build fails      |
| 1 x 96 x 96 x 64 (tiny, VAE)        | three steps | the build fails      |
| 2 x 96 x 77 x 8                     | three steps | the build fails      |

Opset 21 is fused exactly where opset 23 builds, and builds where opset 23 does not, so `Attention` would buy nothing
but failures that `decomposable` has to mend one by one.

One thing breaks the fusion: keys that were folded into a constant `[1, heads, width, 77]`, already transposed. The same
constant as `[1, heads, 77, width]` with a Transpose behind it is fused; a Transpose and a scale behind it is not.
`adapted_graph` therefore shows the builder the keys untransposed: on the tiny base in float16 this makes 14 of 14 UNet
attentions fused instead of 7 of 14. In float32 none is.

A plan of TensorRT-RTX holds its program as text, so the calls can be counted without a GPU; that text is not
documented, and a later release may hide it. A plan of `tensorrt` is asked through its inspector, which needs a GPU.
"""

import re

_RTX_CALL = re.compile(rb"function=\{ name=(\S+)")
_FUSED_ATTENTION = b"mha"


def fused_attention_count(plan: bytes, *, profile_count: int) -> int | None:
    """Count the calls of fused attention kernels in a TensorRT-RTX plan.

    Args:
        plan: The serialised engine.
        profile_count: Number of its optimisation profiles; each has a program of its own.

    Returns:
        Calls per profile; None where the plan shows no program.
    """
    calls = [match[1] for match in _RTX_CALL.finditer(plan)]
    if not calls:
        return None
    return sum(_FUSED_ATTENTION in call for call in calls) // profile_count
