"""AWS Glue for the laptop: MiniStack keeps the jobs, and their runs are real here.

A run is the job's script under PySpark, in a process with what the job's role may read: `runs` has a run's life,
`runtime` what a script finds around it, `buckets` its folder of buckets, and `tasks` what Step Functions asks for.
"""
