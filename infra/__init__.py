"""The CDK app's rooms: settings, staged code, and one stack a file.

Stacks only wire: they take typed constructs by keyword and pass them on. `Relearn` in `app`
joins them; nothing here calls AWS.
"""
