"""What runs on a router: a gNMI target that brings the kernel to what the controller says, and reports what it sees.

Read `config` (what the operator says), `journal` (what the controller said), `target` (the doors), `counters` and
`state` (what is told back), `igp` (BIRD), `probe` (ping and trace), `main` (the process).
"""
