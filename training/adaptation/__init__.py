"""Which weights of a base are trained, and how they become a checkpoint: LoRA by peft, skips, the UNet's first layer.

`targets` names the layers, `adapted` builds the networks, `to_checkpoint` writes them in the form of contract 1.
"""
