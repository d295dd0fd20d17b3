"""The twin: a fluid model of the backbone, so that a laptop, a test and a what-if run the code of production.

In reading order: `fluid` shares links between flows, `headend` says which path a policy uses, `traffic` says
what services offer when nobody tells them, `plant` puts these together and integrates them over time,
`probe` says what a ping would find, `journal` is the plant's memory on disk, and `twin` is all of it behind the
protocols `Fabric`, `Lab` and `Prober`.
"""
