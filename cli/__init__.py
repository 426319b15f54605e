"""The `relearn` command: what a person does with a stage, on AWS or on the laptop cloud alike.

One file a command; `target` finds the stage, `ledger` reads its state, `api` speaks HTTP, `follow` waits,
`output` prints. It imports the domain, boto3 and its own UI libraries; of `training` only what needs no ML
library: the catalog and the scaffold.
"""
