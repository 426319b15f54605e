"""The `relearn` command, for stages on AWS and on the laptop cloud alike.

``commands`` has one file for each command, ``stage`` finds and reads the deployed stage, ``checks`` are those
of ``relearn doctor``, ``experiments`` starts ad-hoc jobs, ``terminal`` prints. Of `training` it imports only
what needs no ML library: the catalog and the scaffold.
"""
