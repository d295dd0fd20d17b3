"""Other people's files <-> the model: text in, model and findings out.

`detect.read` picks the format by what the text looks like; `native` is our own YAML, `jsonform` the same as plain
JSON, `gnpy` a GNPy topology. Both of ours are read by the one walker in `plain`. `shipped` opens what comes with
the package.
"""
