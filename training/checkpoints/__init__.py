"""What training leaves behind, before it is merged: published pickles and this project's own safetensors file.

`read` reads any of them into the one form of `checkpoint`; `fit` checks that form against a base; `merge` makes the
generator. Formats: `published_unpaired` and `published_paired` (GaParmar/img2img-turbo), `safetensors_file` (own).
"""
