"""The CDK app: settings, staged code, and one stack per module.

Stacks only wire: they take typed constructs by keyword and pass them on. `infra.stacks.stage` joins them;
nothing here calls AWS.
"""
