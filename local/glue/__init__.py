"""AWS Glue of the laptop cloud: MiniStack stores the jobs, this package runs them.

A run executes the job's script under PySpark in a child process, with the permissions of the job's role.
``runs`` has the life cycle of a run, ``runtime`` the script's environment, ``buckets`` its local copy of
buckets, ``tasks`` the Step Functions integration.
"""
