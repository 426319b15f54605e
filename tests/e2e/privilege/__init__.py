"""The least-privilege mutation test: deletes every grant of a deployed stage in turn and sees the flow fail.

- ``grants`` ``policies``  what is granted: to roles, and by resources to services; how to delete and restore it
- ``uncatchable``          the grants whose absence this machine cannot show, each with its reason
- ``trial``                deletes a part's grants one by one while its scenes are played
- ``bench``                the stage, taken apart: functions called by hand, the state machine standing still
- ``ledger`` ``hosting`` ``machine`` ``heard``  the ledger, SageMaker, single steps of a run, notifications
- ``run``                  one run, played step by step with everything granted; what each step began with
- ``parts``                which scenes use which role's grants

A scene sets its own stage as the account's administrator, then acts as the deployed parts do, and raises
`Broken` when these do not do their work. Whatever else it raises is a mistake of the test, and counts as
no catch.
"""
